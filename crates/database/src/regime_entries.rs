//! Quotas and listed parties: law that is entered one by one, not imported as a version.

use crate::{
    ChangeError, CorruptRow, Error,
    events::{self, Act},
    idempotency::{self, KeyedRequest},
    row::Reader,
    schema::{listed_parties, quotas},
};
use diesel::{BoolExpressionMethods, ExpressionMethods, HasQuery, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    identifiers::CountryCode,
    ids::GroupId,
    regime::{PartyList, Provenance, QuotaScope},
};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// A batch of a group's quota for a year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub group: GroupId,
    /// For which year.
    pub year: i16,
    /// What it limits.
    pub scope: QuotaScope,
    /// Which batch of the year, from 1.
    pub batch: u16,
    /// How much, as oxide. A nation's quota is more than any one filing can say.
    pub granted_reo_grams: u64,
    /// Where it comes from and how well it was checked.
    pub provenance: Provenance,
}

/// A party on the watch list or the control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedParty {
    /// Its id.
    pub id: Uuid,
    /// On which list.
    pub list: PartyList,
    /// Its name as published.
    pub name: String,
    /// Its registration number, where one was published.
    pub identifier: Option<String>,
    /// Where it is.
    pub country: Option<CountryCode>,
    /// The first day on the list.
    pub valid_from: Date,
    /// The first day no longer on it.
    pub valid_until: Option<Date>,
    /// The announcement that listed it.
    pub announcement: Option<String>,
    /// Where it comes from and how well it was checked.
    pub provenance: Provenance,
}

/// Grants a batch of a quota.
pub async fn grant_quota(
    conn: &mut AsyncPgConnection,
    quota: &Quota,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        idempotency::claim(conn, request, act.at).await?;
        diesel::insert_into(quotas::table)
            .values((
                quotas::id.eq(quota.id),
                quotas::group_id.eq(quota.group.as_uuid()),
                quotas::year.eq(i32::from(quota.year)),
                quotas::scope.eq(quota.scope.as_str()),
                quotas::batch.eq(i32::from(quota.batch)),
                quotas::granted_reo_grams
                    .eq(i64::try_from(quota.granted_reo_grams).unwrap_or(i64::MAX)),
                quotas::source.eq(&quota.provenance.source),
                quotas::verification.eq(quota.provenance.verification.as_str()),
            ))
            .execute(conn)
            .await?;
        let event = Event::QuotaGranted { quota: quota.id, group: quota.group };
        Ok(events::append(conn, &act.origin(), quota.id, &event).await?)
    })
    .await
}

/// Quotas in the order of their ids: of all groups, or of one.
pub async fn quotas(
    conn: &mut AsyncPgConnection,
    group: Option<GroupId>,
    after: Option<Uuid>,
    limit: u16,
) -> Result<Vec<Quota>, Error> {
    let mut found = QuotaRow::query().into_boxed();
    if let Some(group) = group {
        found = found.filter(quotas::group_id.eq(group.as_uuid()));
    }
    let rows: Vec<QuotaRow> = found
        .filter(quotas::id.gt(after.unwrap_or(Uuid::nil())))
        .order(quotas::id)
        .limit(limit.into())
        .load(conn)
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// Puts a party on a list.
pub async fn list_party(
    conn: &mut AsyncPgConnection,
    party: &ListedParty,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        idempotency::claim(conn, request, act.at).await?;
        diesel::insert_into(listed_parties::table)
            .values((
                listed_parties::id.eq(party.id),
                listed_parties::list.eq(party.list.as_str()),
                listed_parties::name.eq(&party.name),
                listed_parties::identifier.eq(party.identifier.as_deref()),
                listed_parties::country.eq(party.country.map(|country| country.to_string())),
                listed_parties::valid_from.eq(party.valid_from.to_diesel()),
                listed_parties::valid_until.eq(party.valid_until.map(ToDiesel::to_diesel)),
                listed_parties::announcement.eq(party.announcement.as_deref()),
                listed_parties::source.eq(&party.provenance.source),
                listed_parties::verification.eq(party.provenance.verification.as_str()),
            ))
            .execute(conn)
            .await?;
        party_listed(conn, party.id, "listed".to_owned(), act).await
    })
    .await
}

/// Takes a party off its list from a day on.
pub async fn delist_party(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    until: Date,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        let later = listed_parties::valid_from.lt(until.to_diesel());
        let ended = diesel::update(listed_parties::table.find(id).filter(later))
            .set(listed_parties::valid_until.eq(until.to_diesel()))
            .execute(conn)
            .await?;
        if ended == 0 {
            return Err(ChangeError::Unknown("listed party"));
        }
        party_listed(conn, id, format!("delisted from {until}"), act).await
    })
    .await
}

/// Parties in the order of their ids: all that were ever listed, or those listed on a day.
pub async fn parties(
    conn: &mut AsyncPgConnection,
    day: Option<Date>,
    after: Option<Uuid>,
    limit: u16,
) -> Result<Vec<ListedParty>, Error> {
    let mut found = PartyRow::query().into_boxed();
    if let Some(day) = day {
        let day = day.to_diesel();
        let open = listed_parties::valid_until.is_null().or(listed_parties::valid_until.gt(day));
        found = found.filter(listed_parties::valid_from.le(day)).filter(open);
    }
    let rows: Vec<PartyRow> = found
        .filter(listed_parties::id.gt(after.unwrap_or(Uuid::nil())))
        .order(listed_parties::id)
        .limit(limit.into())
        .load(conn)
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

async fn party_listed(
    conn: &mut AsyncPgConnection,
    entry: Uuid,
    change: String,
    act: &Act,
) -> Result<(), ChangeError> {
    let event = Event::PartyListed { entry, change };
    Ok(events::append(conn, &act.origin(), entry, &event).await?)
}

#[derive(HasQuery)]
#[diesel(table_name = quotas)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct QuotaRow {
    id: Uuid,
    group_id: Uuid,
    year: i32,
    scope: String,
    batch: i32,
    granted_reo_grams: i64,
    source: String,
    verification: String,
}

impl TryFrom<QuotaRow> for Quota {
    type Error = CorruptRow;

    fn try_from(row: QuotaRow) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "quotas", id: row.id };
        Ok(Self {
            id: row.id,
            group: GroupId::from_uuid(row.group_id),
            year: i16::try_from(row.year).map_err(|_| reader.corrupt("year"))?,
            scope: reader.word("scope", &row.scope)?,
            batch: u16::try_from(row.batch).map_err(|_| reader.corrupt("batch"))?,
            granted_reo_grams: u64::try_from(row.granted_reo_grams)
                .map_err(|_| reader.corrupt("granted_reo_grams"))?,
            provenance: Provenance {
                source: row.source,
                verification: reader.word("verification", &row.verification)?,
            },
        })
    }
}

#[derive(HasQuery)]
#[diesel(table_name = listed_parties)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct PartyRow {
    id: Uuid,
    list: String,
    name: String,
    identifier: Option<String>,
    country: Option<String>,
    valid_from: jiff_diesel::Date,
    valid_until: Option<jiff_diesel::Date>,
    announcement: Option<String>,
    source: String,
    verification: String,
}

impl TryFrom<PartyRow> for ListedParty {
    type Error = CorruptRow;

    fn try_from(row: PartyRow) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "listed_parties", id: row.id };
        Ok(Self {
            id: row.id,
            list: reader.word("list", &row.list)?,
            name: row.name,
            identifier: row.identifier,
            country: reader.optional_word("country", row.country.as_deref())?,
            valid_from: row.valid_from.into(),
            valid_until: row.valid_until.map(Into::into),
            announcement: row.announcement,
            provenance: Provenance {
                source: row.source,
                verification: reader.word("verification", &row.verification)?,
            },
        })
    }
}
