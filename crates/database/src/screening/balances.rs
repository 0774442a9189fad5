//! What a site's month adds up to, and how the quotas stand.

use super::{
    ask::{Ask, Bind, Statement},
    filings::{Known, elements},
};
use crate::{Error, row::Reader};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Date, Integer, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::{Month, beijing_date},
    codes::FilingKind,
    ids::{GroupId, OrganisationId, SiteId},
    regime::QuotaScope,
};
use rules::{ProcessFlows, QuotaStand, SiteMonth, drawn_on};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The transformations of a site's month, by process; nothing while nobody closed the month.
struct Months;

impl Statement for Months {
    const TEXT: &'static str = "
        with closed as materialized (
            select asked.organisation, asked.site, asked.month
            from unnest(?::uuid[], ?::uuid[], ?::date[]) as asked (organisation, site, month)
            where exists (select from filings closing where closing.organisation = asked.organisation
                and closing.month = asked.month and closing.site = asked.site
                and closing.kind = 'monthly_return'))
        select asked.site, asked.month, f.process, count(distinct f.id)::integer as transformations,
            {each: saturated(sum(l.@) filter (where l.role = 'input'))} as inputs,
            {each: saturated(sum(l.@) filter (where l.role = 'output'))} as outputs,
            {each: saturated(sum(l.@) filter (where l.role = 'loss'))} as losses
        from closed asked
        join filings f on f.organisation = asked.organisation and f.month = asked.month
            and f.site = asked.site and f.kind = 'transformation'
        join filing_lines l on l.organisation = f.organisation and l.filing = f.id
        where not exists (select from filing_references newer where newer.organisation = f.organisation
                and newer.reference = f.reference and newer.version = f.version + 1)
        group by 1, 2, 3";
}

#[derive(QueryableByName)]
struct MonthRow {
    #[diesel(sql_type = SqlUuid)]
    site: Uuid,
    #[diesel(sql_type = Date)]
    month: jiff_diesel::Date,
    #[diesel(sql_type = Text)]
    process: String,
    #[diesel(sql_type = Integer)]
    transformations: i32,
    #[diesel(sql_type = Array<BigInt>)]
    inputs: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    outputs: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    losses: Vec<i64>,
}

/// The months that these filings close, or came to after they were closed.
pub(super) async fn months(
    conn: &mut AsyncPgConnection,
    known: &[Known],
) -> Result<BTreeMap<(SiteId, Month), SiteMonth>, Error> {
    let bears = |kind| matches!(kind, FilingKind::Transformation | FilingKind::MonthlyReturn);
    let asked: BTreeSet<(OrganisationId, SiteId, Month)> = known
        .iter()
        .map(|it| &it.filing)
        .filter(|filing| bears(filing.claim.kind()))
        .map(|filing| (filing.organisation, filing.site, filing.month))
        .collect();
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let binds = vec![
        Bind::Uuids(asked.iter().map(|(organisation, ..)| organisation.as_uuid()).collect()),
        Bind::Uuids(asked.iter().map(|(_, site, _)| site.as_uuid()).collect()),
        Bind::Dates(asked.iter().map(|(.., month)| month.first_day().into()).collect()),
    ];
    let rows: Vec<MonthRow> = Ask::<Months>::with(binds).load(conn).await?;
    let mut months: BTreeMap<(SiteId, Month), SiteMonth> = BTreeMap::new();
    for row in rows {
        let reader = Reader { table: "filing_lines", id: row.site };
        let (site, month) = (SiteId::from_uuid(row.site), Month::of(row.month.into()));
        let of_month =
            months.entry((site, month)).or_insert(SiteMonth { site, month, flows: Vec::new() });
        of_month.flows.push(ProcessFlows {
            process: reader.word("process", &row.process)?,
            transformations: row.transformations.unsigned_abs(),
            inputs: elements(reader, "elements", row.inputs)?,
            outputs: elements(reader, "elements", row.outputs)?,
            losses: elements(reader, "elements", row.losses)?,
        });
    }
    Ok(months)
}

/// What groups may use of their quotas, and what they used: sums over the cache of flows, one row
/// a month for each kind of goods and site, however much was filed.
struct Quotas;

impl Statement for Quotas {
    const TEXT: &'static str = "
        select asked.group_id, asked.year, asked.scope, granted.grams as granted_grams,
            coalesce(granted.verification, '') as verification, drawn.elements
        from unnest(?::uuid[], ?::integer[], ?::text[]) as asked (group_id, year, scope)
        join quota_flows counted on counted.scope = asked.scope
        cross join lateral (
            select case when count(*) = 0 then null else saturated(sum(q.granted_reo_grams)) end as grams,
                string_agg(distinct q.verification, ', ') as verification
            from quotas q
            where q.group_id = asked.group_id and q.year = asked.year and q.scope = asked.scope
        ) granted
        cross join lateral (
            select {each: saturated(sum(m.@))} as elements
            from organisations o
            join monthly_flows m on m.organisation = o.id and m.flow = counted.flow
                and m.process = counted.process and m.month >= make_date(asked.year, 1, 1)
                and m.month < make_date(asked.year + 1, 1, 1)
            where o.group_id = asked.group_id
        ) drawn";
}

#[derive(QueryableByName)]
struct QuotaRow {
    #[diesel(sql_type = SqlUuid)]
    group_id: Uuid,
    #[diesel(sql_type = Integer)]
    year: i32,
    #[diesel(sql_type = Text)]
    scope: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    granted_grams: Option<i64>,
    #[diesel(sql_type = Text)]
    verification: String,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
}

/// The quotas that these filings draw on.
pub(super) async fn quotas(
    conn: &mut AsyncPgConnection,
    known: &[Known],
) -> Result<Vec<QuotaStand>, Error> {
    let draws = |it: &Known| {
        let year = beijing_date(it.filing.happened_at).year();
        Some((it.group?.as_uuid(), i32::from(year), drawn_on(&it.filing)?.as_str()))
    };
    let asked: BTreeSet<(Uuid, i32, &str)> =
        known.iter().filter_map(draws).filter(|(_, year, _)| (1..9999).contains(year)).collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let binds = vec![
        Bind::Uuids(asked.iter().map(|(group, ..)| *group).collect()),
        Bind::Integers(asked.iter().map(|(_, year, _)| *year).collect()),
        Bind::Texts(asked.iter().map(|(.., scope)| (*scope).to_owned()).collect()),
    ];
    let rows: Vec<QuotaRow> = Ask::<Quotas>::with(binds).load(conn).await?;
    let stand = |row: QuotaRow| {
        let reader = Reader { table: "quotas", id: row.group_id };
        let scope: QuotaScope = reader.word("scope", &row.scope)?;
        Ok(QuotaStand {
            group: GroupId::from_uuid(row.group_id),
            year: i16::try_from(row.year).map_err(|_| reader.corrupt("year"))?,
            scope,
            granted_reo_grams: row.granted_grams,
            verification: row.verification,
            drawn_reo_grams: elements(reader, "elements", row.elements)?.oxide_grams(),
        })
    };
    rows.into_iter().map(stand).collect()
}
