//! Requests to learn the name behind a pseudonym. Everything here is for officials.
//!
//! Which pseudonym stands for which party only the service knows; here parties have ids. The name
//! of a party comes out of one function of the database, for a request that was approved.

use crate::{
    CorruptRow, Error,
    cases::Moment,
    events,
    row::Reader,
    schema::{cases, finding_dispositions, findings, parties, unmaskings},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, HasQuery, OptionalExtension, QueryDsl,
    QueryableByName,
    dsl::exists,
    select, sql_query,
    sql_types::{Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    case::StateName,
    codes::FindingState,
    event::Event,
    ids::{CaseId, FindingId, OrganisationId, PersonId},
    unmasking::{Grounds, UnmaskingState},
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// A request as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmasking {
    /// Which.
    pub id: Uuid,
    /// Whose party.
    pub organisation: OrganisationId,
    /// The owner's id of the party.
    pub party: Uuid,
    /// Why.
    pub purpose: String,
    /// The case it is asked in, if it is one of whoever asks.
    pub grounds: Option<Grounds>,
    /// Who asks.
    pub asked_by: PersonId,
    /// Since when.
    pub asked_at: Timestamp,
    /// The owner sees the looks at the name from this day on.
    pub owner_sees_from: Date,
    /// Why not at once.
    pub delay_reason: Option<String>,
    /// Where it stands.
    pub state: UnmaskingState,
    /// Who decided, and when.
    pub decided: Option<(PersonId, Timestamp)>,
}

/// A party by its name.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Named {
    /// What it is called.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Its unified social credit code, LEI or registration number.
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    pub identifier: Option<String>,
    /// Its country.
    #[diesel(sql_type = Text)]
    pub country: String,
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It is taken.
    Taken,
    /// There is no such request, or it is decided already.
    NotWaiting,
}

#[derive(HasQuery)]
#[diesel(table_name = unmaskings)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    organisation: Uuid,
    party: Uuid,
    purpose: String,
    finding: Option<Uuid>,
    case_id: Option<Uuid>,
    asked_by: Uuid,
    asked_at: jiff_diesel::Timestamp,
    owner_sees_from: jiff_diesel::Date,
    delay_reason: Option<String>,
    state: String,
    decided_by: Option<Uuid>,
    decided_at: Option<jiff_diesel::Timestamp>,
}

/// Ids of an organisation's parties; their names are not for this role.
pub async fn parties_of(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
) -> Result<Vec<Uuid>, Error> {
    Ok(parties::table
        .filter(parties::organisation.eq(organisation.as_uuid()))
        .select(parties::id)
        .load(conn)
        .await?)
}

/// Whether a case is one of this person's own, and about this organisation: a finding that they
/// took under review, or an application that they examine.
pub async fn is_theirs(
    conn: &mut AsyncPgConnection,
    grounds: Grounds,
    person: PersonId,
    organisation: OrganisationId,
) -> Result<bool, Error> {
    let (person, organisation) = (person.as_uuid(), organisation.as_uuid());
    match grounds {
        Grounds::Finding(finding) => {
            let finding = finding.as_uuid();
            let about = findings::table
                .find(finding)
                .filter(findings::organisation.eq(organisation))
                .filter(findings::state.eq(FindingState::UnderReview.as_str()));
            if !select(exists(about)).get_result(conn).await? {
                return Ok(false);
            }
            let last: Option<Uuid> = finding_dispositions::table
                .filter(finding_dispositions::finding.eq(finding))
                .order((finding_dispositions::decided_at.desc(), finding_dispositions::id.desc()))
                .select(finding_dispositions::person)
                .first(conn)
                .await
                .optional()?;
            Ok(last == Some(person))
        }
        Grounds::Case(case) => {
            let examined = [
                StateName::UnderReview,
                StateName::AgencyAdvice,
                StateName::UnderFinalReview,
                StateName::Countersign,
            ];
            let theirs = cases::table.find(case.as_uuid()).filter(
                cases::organisation
                    .eq(organisation)
                    .and(cases::reviewer.eq(person))
                    .and(cases::state.eq_any(examined.map(StateName::as_str))),
            );
            Ok(select(exists(theirs)).get_result(conn).await?)
        }
    }
}

/// Stores a request, with its event.
pub async fn ask(
    conn: &mut AsyncPgConnection,
    asked: &Unmasking,
    moment: &Moment,
) -> Result<(), Error> {
    conn.transaction(async |conn| {
        insert(conn, asked).await?;
        tell(conn, asked.id, asked.state, asked.asked_by, moment).await
    })
    .await
}

async fn tell(
    conn: &mut AsyncPgConnection,
    unmasking: Uuid,
    state: UnmaskingState,
    person: PersonId,
    moment: &Moment,
) -> Result<(), Error> {
    let event = Event::UnmaskingChanged { unmasking, state: state.to_string(), person };
    events::append(conn, &moment.origin(Some(person)), unmasking, &event).await
}

async fn insert(conn: &mut AsyncPgConnection, asked: &Unmasking) -> Result<(), Error> {
    let (finding, case) = match asked.grounds {
        Some(Grounds::Finding(finding)) => (Some(finding.as_uuid()), None),
        Some(Grounds::Case(case)) => (None, Some(case.as_uuid())),
        None => (None, None),
    };
    diesel::insert_into(unmaskings::table)
        .values((
            unmaskings::id.eq(asked.id),
            unmaskings::organisation.eq(asked.organisation.as_uuid()),
            unmaskings::party.eq(asked.party),
            unmaskings::purpose.eq(&asked.purpose),
            unmaskings::finding.eq(finding),
            unmaskings::case_id.eq(case),
            unmaskings::asked_by.eq(asked.asked_by.as_uuid()),
            unmaskings::asked_at.eq(asked.asked_at.to_diesel()),
            unmaskings::owner_sees_from.eq(asked.owner_sees_from.to_diesel()),
            unmaskings::delay_reason.eq(&asked.delay_reason),
            unmaskings::state.eq(asked.state.as_str()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Finds a request.
pub async fn find(conn: &mut AsyncPgConnection, id: Uuid) -> Result<Option<Unmasking>, Error> {
    let row: Option<Row> =
        Row::query().filter(unmaskings::id.eq(id)).first(conn).await.optional()?;
    Ok(row.map(Unmasking::try_from).transpose()?)
}

/// Requests that wait for a second person, the oldest first, after one of them.
pub async fn waiting(
    conn: &mut AsyncPgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Unmasking>, Error> {
    let rows: Vec<Row> = Row::query()
        .filter(unmaskings::state.eq(UnmaskingState::Asked.as_str()))
        .filter(unmaskings::id.gt(after.unwrap_or(Uuid::nil())))
        .order(unmaskings::id)
        .limit(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Unmasking::try_from).collect::<Result<_, _>>()?)
}

/// Takes a second person's decision, with its event.
pub async fn decide(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    state: UnmaskingState,
    person: PersonId,
    moment: &Moment,
) -> Result<Decided, Error> {
    let waiting = unmaskings::table
        .find(id)
        .filter(unmaskings::state.eq(UnmaskingState::Asked.as_str()))
        .filter(unmaskings::asked_by.ne(person.as_uuid()));
    conn.transaction(async |conn| {
        let taken = diesel::update(waiting)
            .set((
                unmaskings::state.eq(state.as_str()),
                unmaskings::decided_by.eq(person.as_uuid()),
                unmaskings::decided_at.eq(moment.at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        if taken == 0 {
            return Ok(Decided::NotWaiting);
        }
        tell(conn, id, state, person, moment).await?;
        Ok(Decided::Taken)
    })
    .await
}

/// The name behind an approved request, with the look at it written into the log in the same
/// transaction. `None` when it is not approved, or was too long ago.
pub async fn look(
    conn: &mut AsyncPgConnection,
    unmasking: &Unmasking,
    person: PersonId,
    moment: &Moment,
) -> Result<Option<Named>, Error> {
    conn.transaction(async |conn| {
        let named: Option<Named> = sql_query("select * from unmasked($1)")
            .bind::<SqlUuid, _>(unmasking.id)
            .get_result(conn)
            .await
            .optional()?;
        if named.is_some() {
            let event = Event::ConfidentialRead {
                person,
                owner: unmasking.organisation,
                subject: format!("name of party {}", unmasking.party),
                purpose: unmasking.purpose.clone(),
            };
            // By this subject the database knows what its owner is not to see yet.
            events::append(conn, &moment.origin(Some(person)), unmasking.id, &event).await?;
        }
        Ok(named)
    })
    .await
}

impl TryFrom<Row> for Unmasking {
    type Error = CorruptRow;

    fn try_from(row: Row) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "unmaskings", id: row.id };
        let finding = row.finding.map(FindingId::from_uuid).map(Grounds::Finding);
        Ok(Self {
            id: row.id,
            organisation: OrganisationId::from_uuid(row.organisation),
            party: row.party,
            purpose: row.purpose,
            grounds: finding.or(row.case_id.map(CaseId::from_uuid).map(Grounds::Case)),
            asked_by: PersonId::from_uuid(row.asked_by),
            asked_at: row.asked_at.into(),
            owner_sees_from: row.owner_sees_from.into(),
            delay_reason: row.delay_reason,
            state: reader.word("state", &row.state)?,
            decided: row
                .decided_by
                .map(PersonId::from_uuid)
                .zip(row.decided_at.map(Timestamp::from)),
        })
    }
}
