//! What left under licences, by customs declaration, with what its exporter filed and reported of it.

use super::ask::{Ask, Bind, Statement};
use crate::Error;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Date as SqlDate, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::ids::{LicenceId, OrganisationId};
use jiff::civil::Date;
use rules::{Law, UseContext};
use std::sync::Arc;
use uuid::Uuid;

/// Declarations of a licence, or declarations that became due, that are judged at a time.
const MOST: i64 = 1_000;
/// What became due longer ago was judged then. Days.
const DUE_WITHIN: i64 = 31;

/// Everything about these licences and declarations: what customs confirmed and told of afterwards,
/// what the holder filed under the declaration, and what it reported to have arrived. Of goods that left
/// before the register was asked, what the licence covers stands among what is confirmed.
struct Uses;

impl Statement for Uses {
    const TEXT: &'static str = "
        with asked as (
            select l.id, l.number, l.organisation, l.destination, pair.declaration
            from unnest(?::uuid[], ?::text[]) pair (licence, declaration)
            join licences l on l.id = pair.licence)
        select asked.id, asked.number, asked.organisation, asked.destination, asked.declaration,
            left_over.grams as confirmed_grams, left_over.left_on,
            (select saturated(sum(line.quantity_grams))
                from filings f
                join filing_lines line on line.organisation = f.organisation and line.filing = f.id
                where f.customs_declaration = asked.declaration and f.organisation = asked.organisation
                    and f.kind = 'export'
                    and not exists (select from filing_references newer where newer.organisation = f.organisation
                        and newer.reference = f.reference and newer.version = f.version + 1)) as filed_grams,
            arrived.grams as arrived_grams, coalesce(arrived.countries, '{}') as countries
        from asked
        cross join lateral (
            select saturated(sum(part.grams)) as grams, min(part.day) as left_on
            from (
                select r.grams, (r.settled_at at time zone 'Asia/Shanghai')::date as day
                from licence_reservations r
                where r.licence = asked.id and r.declaration = asked.declaration and r.state = 'confirmed'
                union all
                select d.excess_grams, d.departed_on from licence_departures d
                where d.licence = asked.id and d.declaration = asked.declaration
            ) part
        ) left_over
        cross join lateral (
            select saturated(sum(a.grams) filter (where a.stage = 'arrived')) as grams,
                array_agg(distinct a.country) filter (where a.country is not null) as countries
            from licence_arrivals a where a.licence = asked.id and a.declaration = asked.declaration
        ) arrived
        order by asked.id, asked.declaration";
}

#[derive(QueryableByName)]
struct UseRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = Text)]
    destination: String,
    #[diesel(sql_type = Text)]
    declaration: String,
    #[diesel(sql_type = BigInt)]
    confirmed_grams: i64,
    #[diesel(sql_type = Nullable<SqlDate>)]
    left_on: Option<jiff_diesel::Date>,
    #[diesel(sql_type = BigInt)]
    filed_grams: i64,
    #[diesel(sql_type = BigInt)]
    arrived_grams: i64,
    #[diesel(sql_type = Array<Text>)]
    countries: Vec<String>,
}

/// Every declaration under which something left, or is said to have arrived, of these licences.
struct OfLicences;

impl Statement for OfLicences {
    const TEXT: &'static str = "
        select pair.licence, pair.declaration from (
            select r.licence, r.declaration from licence_reservations r, (select ?::uuid[] as ids) asked
            where r.licence = any (asked.ids) and r.state = 'confirmed'
            union
            select d.licence, d.declaration from licence_departures d where d.licence = any (?::uuid[])
            union
            select a.licence, a.declaration from licence_arrivals a where a.licence = any (?::uuid[])
        ) pair
        order by pair.declaration desc limit ?";
}

/// What has become due within the last weeks and nothing was found of, and what was found to be
/// missing although the holder has filed something since.
struct Due;

impl Statement for Due {
    const TEXT: &'static str = "
        with asked as (select ?::date as today, ?::bigint::int as filing_days, ?::bigint::int as arrival_days,
            ?::bigint::int as weeks),
        part as (
            select r.licence, r.declaration, r.grams, (r.settled_at at time zone 'Asia/Shanghai')::date as day
            from asked join licence_reservations r on r.state = 'confirmed'
                and r.settled_at > (asked.today - greatest(asked.filing_days, asked.arrival_days) - asked.weeks)::timestamptz
            union all
            select d.licence, d.declaration, d.excess_grams, d.departed_on
            from asked join licence_departures d on d.licence is not null
                and d.departed_on > asked.today - greatest(asked.filing_days, asked.arrival_days) - asked.weeks),
        left_over as (
            select part.licence, part.declaration, l.organisation, sum(part.grams) as grams, min(part.day) as day,
                'licence:' || part.licence || ':' || part.declaration as subject_key
            from part join licences l on l.id = part.licence
            group by 1, 2, 3)
        select pair.licence, pair.declaration from (
            select l.licence, l.declaration from asked
            join left_over l on l.day + asked.filing_days between asked.today - asked.weeks and asked.today - 1
            where not exists (select from findings f where f.detector = 'confirmed_goods_not_filed'
                    and f.subject_key = l.subject_key)
                and l.grams > coalesce((select sum(line.quantity_grams) from filings e
                    join filing_lines line on line.organisation = e.organisation and line.filing = e.id
                    where e.customs_declaration = l.declaration and e.organisation = l.organisation
                        and e.kind = 'export'
                        and not exists (select from filing_references newer
                            where newer.organisation = e.organisation and newer.reference = e.reference
                                and newer.version = e.version + 1)), 0)
            union
            select l.licence, l.declaration from asked
            join left_over l on l.day + asked.arrival_days between asked.today - asked.weeks and asked.today - 1
            where exists (select from licence_arrivals a where a.licence = l.licence and a.declaration = l.declaration)
                and not exists (select from findings f where f.detector = 'arrival_differs_from_confirmed'
                    and f.subject_key = l.subject_key)
            union
            select f.subject, substr(f.subject_key, 46) from findings f
            join licences l on l.id = f.subject
            where f.detector = 'confirmed_goods_not_filed' and f.state in ('open', 'under_review')
                and exists (select from filings e where e.organisation = l.organisation and e.kind = 'export'
                    and e.customs_declaration = substr(f.subject_key, 46))
        ) pair
        order by pair.licence, pair.declaration limit ?";
}

#[derive(QueryableByName)]
struct PairRow {
    #[diesel(sql_type = SqlUuid)]
    licence: Uuid,
    #[diesel(sql_type = Text)]
    declaration: String,
}

/// What left under these licences, by declaration, as it is judged on a day.
pub(super) async fn of_licences(
    conn: &mut AsyncPgConnection,
    licences: &[LicenceId],
    law: &Arc<Law>,
    today: Date,
) -> Result<Vec<UseContext>, Error> {
    if licences.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = licences.iter().map(|licence| licence.as_uuid()).collect();
    let binds = vec![
        Bind::Uuids(ids.clone()),
        Bind::Uuids(ids.clone()),
        Bind::Uuids(ids),
        Bind::Number(MOST),
    ];
    let pairs: Vec<PairRow> = Ask::<OfLicences>::with(binds).load(conn).await?;
    contexts(conn, pairs, law, today).await
}

/// What has become due on a day, or was found and may no longer hold.
pub(super) async fn due(
    conn: &mut AsyncPgConnection,
    law: &Arc<Law>,
    today: Date,
) -> Result<Vec<UseContext>, Error> {
    let (filing_days, arrival_days) = law.border_due_days();
    let binds = vec![
        Bind::Date(today.into()),
        Bind::Number(filing_days),
        Bind::Number(arrival_days),
        Bind::Number(DUE_WITHIN),
        Bind::Number(MOST),
    ];
    let pairs: Vec<PairRow> = Ask::<Due>::with(binds).load(conn).await?;
    contexts(conn, pairs, law, today).await
}

async fn contexts(
    conn: &mut AsyncPgConnection,
    pairs: Vec<PairRow>,
    law: &Arc<Law>,
    today: Date,
) -> Result<Vec<UseContext>, Error> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let (licences, declarations) =
        pairs.into_iter().map(|pair| (pair.licence, pair.declaration)).unzip();
    let binds = vec![Bind::Uuids(licences), Bind::Texts(declarations)];
    let rows: Vec<UseRow> = Ask::<Uses>::with(binds).load(conn).await?;
    let context = |row: UseRow| UseContext {
        licence: LicenceId::from_uuid(row.id),
        number: row.number,
        organisation: OrganisationId::from_uuid(row.organisation),
        destination: row.destination,
        declaration: row.declaration,
        confirmed_grams: row.confirmed_grams,
        left_on: row.left_on.map(Into::into),
        filed_grams: row.filed_grams,
        arrived_grams: row.arrived_grams,
        countries: row.countries.into_iter().collect(),
        judged_on: today,
        law: Arc::clone(law),
    };
    Ok(rows.into_iter().map(context).collect())
}
