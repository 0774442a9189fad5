//! Other filings of the same organisation that one is compared with.

use super::{
    ask::{Ask, Bind, Statement},
    filings::{Known, distinct},
};
use crate::{CorruptRow, Error, row::Reader};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Date, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    codes::FilingKind,
    ids::{FilingId, LotId, PartyId},
};
use rules::{LineDigest, OtherFiling, RecentShipment};
use std::collections::HashMap;
use uuid::Uuid;

/// Earlier filings with the same invoice, and those of the same kind, site and moment.
struct Others;

impl Statement for Others {
    const TEXT: &'static str = "
        with asked as (
            select f.* from filings f
            where f.organisation = any (?::uuid[]) and f.id = any (?::uuid[])
        ), same as (
            select asked.id as asked, 'invoice' as shared, f.*
            from asked cross join lateral (
                select f.* from filings f
                where f.organisation = asked.organisation and f.invoice = asked.invoice
                    and f.id < asked.id and f.reference <> asked.reference
                order by f.id desc limit 20
            ) f
            union all
            select asked.id, 'moment', f.*
            from asked cross join lateral (
                select f.* from filings f
                where f.organisation = asked.organisation and f.month = asked.month
                    and f.id < asked.id and f.kind = asked.kind and f.site = asked.site
                    and f.happened_at = asked.happened_at and f.reference <> asked.reference
                order by f.id desc limit 20
            ) f
        )
        select same.asked, same.shared, same.organisation, same.id, same.reference, same.kind,
            same.party, same.movement, same.nil, same.month, same.customs_declaration, same.process
        from same
        where not exists (select from filing_references newer where newer.organisation = same.organisation
            and newer.reference = same.reference and newer.version = same.version + 1)";
}

#[derive(QueryableByName)]
struct OtherRow {
    #[diesel(sql_type = SqlUuid)]
    asked: Uuid,
    #[diesel(sql_type = Text)]
    shared: String,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    party: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    movement: Option<Uuid>,
    #[diesel(sql_type = Nullable<Bool>)]
    nil: Option<bool>,
    #[diesel(sql_type = Date)]
    month: jiff_diesel::Date,
    #[diesel(sql_type = Nullable<Text>)]
    customs_declaration: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    process: Option<String>,
}

/// What makes two lines the same.
struct Digests;

impl Statement for Digests {
    const TEXT: &'static str = "
        select l.filing, l.role, l.lot, l.quantity_grams as grams
        from filing_lines l
        where l.organisation = any (?::uuid[]) and l.filing = any (?::uuid[])";
}

#[derive(QueryableByName)]
struct DigestRow {
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    lot: Option<Uuid>,
    #[diesel(sql_type = BigInt)]
    grams: i64,
}

/// What may be the same as a filing.
#[derive(Debug, Default)]
pub(super) struct Similar {
    pub(super) same_invoice: Vec<OtherFiling>,
    pub(super) same_moment: Vec<OtherFiling>,
}

/// What may be the same as each filing.
pub(super) async fn similar(
    conn: &mut AsyncPgConnection,
    known: &[Known],
) -> Result<HashMap<FilingId, Similar>, Error> {
    let organisations = distinct(known.iter().map(|it| it.filing.organisation.as_uuid()));
    let filings = distinct(known.iter().map(|it| it.filing.id.as_uuid()));
    let binds = vec![Bind::Uuids(organisations), Bind::Uuids(filings)];
    let rows: Vec<OtherRow> = Ask::<Others>::with(binds).load(conn).await?;
    let digests = digests(conn, &rows).await?;
    let mut similar: HashMap<FilingId, Similar> = HashMap::new();
    for row in rows {
        let lines = digests.get(&row.id).cloned().unwrap_or_default();
        let of_filing = similar.entry(FilingId::from_uuid(row.asked)).or_default();
        let list = match row.shared.as_str() {
            "invoice" => &mut of_filing.same_invoice,
            _ => &mut of_filing.same_moment,
        };
        list.push(other(row, lines)?);
    }
    Ok(similar)
}

async fn digests(
    conn: &mut AsyncPgConnection,
    others: &[OtherRow],
) -> Result<HashMap<Uuid, Vec<LineDigest>>, Error> {
    let mut digests: HashMap<Uuid, Vec<LineDigest>> = HashMap::new();
    if others.is_empty() {
        return Ok(digests);
    }
    let organisations = distinct(others.iter().map(|row| row.organisation));
    let filings = distinct(others.iter().map(|row| row.id));
    let binds = vec![Bind::Uuids(organisations), Bind::Uuids(filings)];
    let rows: Vec<DigestRow> = Ask::<Digests>::with(binds).load(conn).await?;
    for row in rows {
        let reader = Reader { table: "filing_lines", id: row.filing };
        digests.entry(row.filing).or_default().push(LineDigest {
            role: reader.word("role", &row.role)?,
            lot: row.lot.map(LotId::from_uuid),
            grams: reader.mass("quantity_grams", row.grams)?.grams(),
        });
    }
    for lines in digests.values_mut() {
        lines.sort();
    }
    Ok(digests)
}

fn other(row: OtherRow, lines: Vec<LineDigest>) -> Result<OtherFiling, CorruptRow> {
    let kind: FilingKind = Reader { table: "filings", id: row.id }.word("kind", &row.kind)?;
    let terms = match kind {
        FilingKind::Receipt => row.movement.map(|movement| movement.to_string()),
        FilingKind::MonthlyReturn => {
            let nil = row.nil.unwrap_or_default();
            Some(rules::terms_of_return(Month::of(row.month.into()), nil))
        }
        FilingKind::Export | FilingKind::Import => row.customs_declaration,
        FilingKind::Transformation => row.process,
        _ => None,
    };
    Ok(OtherFiling {
        filing: FilingId::from_uuid(row.id),
        reference: row.reference,
        party: row.party.map(PartyId::from_uuid),
        terms: terms.unwrap_or_default(),
        lines,
    })
}

/// Shipments to the same client in the weeks before.
struct Recent;

impl Statement for Recent {
    const TEXT: &'static str = "
        with asked as (
            select f.* from filings f
            where f.organisation = any (?::uuid[]) and f.id = any (?::uuid[])
        )
        select asked.id as asked, f.id, f.happened_at, saturated(sum(l.quantity_grams)) as grams
        from asked
        join filings f on f.organisation = asked.organisation and f.party = asked.party
            and f.month >= asked.month - interval '3 months' and f.month <= asked.month
            and f.kind in ('dispatch', 'export') and f.reference <> asked.reference
        join filing_lines l on l.organisation = f.organisation and l.filing = f.id
        where not exists (select from filing_references newer where newer.organisation = f.organisation
            and newer.reference = f.reference and newer.version = f.version + 1)
        group by 1, 2, 3";
}

#[derive(QueryableByName)]
struct RecentRow {
    #[diesel(sql_type = SqlUuid)]
    asked: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    happened_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = BigInt)]
    grams: i64,
}

/// Shipments to the same client, for those of these filings that are just under the limit.
pub(super) async fn recent(
    conn: &mut AsyncPgConnection,
    known: &[Known],
    parameters: &rules::Parameters,
) -> Result<HashMap<FilingId, Vec<RecentShipment>>, Error> {
    let asked: Vec<&Known> =
        known.iter().filter(|it| rules::is_just_under(&it.filing, parameters)).collect();
    let mut recent: HashMap<FilingId, Vec<RecentShipment>> = HashMap::new();
    if asked.is_empty() {
        return Ok(recent);
    }
    let organisations = distinct(asked.iter().map(|it| it.filing.organisation.as_uuid()));
    let filings = distinct(asked.iter().map(|it| it.filing.id.as_uuid()));
    let binds = vec![Bind::Uuids(organisations), Bind::Uuids(filings)];
    let rows: Vec<RecentRow> = Ask::<Recent>::with(binds).load(conn).await?;
    for row in rows {
        recent.entry(FilingId::from_uuid(row.asked)).or_default().push(RecentShipment {
            filing: FilingId::from_uuid(row.id),
            happened_at: row.happened_at.into(),
            grams: row.grams,
        });
    }
    Ok(recent)
}
