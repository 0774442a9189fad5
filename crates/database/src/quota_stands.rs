//! How quotas stand: what was granted in batches, and what each firm of a group drew month by month.
//!
//! Draws are sums over the cache of flows (`monthly_flows`): a year is at most a few rows a month
//! for each firm, however much it filed. A group without a quota that drew on one is listed too.

use crate::{
    Error, act_for,
    row::Reader,
    schema::{groups, quotas},
};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Date, Integer, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    element::{ELEMENT_COUNT, Element},
    ids::{GroupId, OrganisationId},
    mass::ElementMasses,
    regime::QuotaScope,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Which quota: whose, of which year, of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QuotaKey {
    /// Whose.
    pub group: GroupId,
    /// Of which year.
    pub year: i16,
    /// Of what.
    pub scope: QuotaScope,
}

/// Which quotas to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Of this group only.
    pub group: Option<GroupId>,
    /// Of this year only.
    pub year: Option<i16>,
    /// Of this kind only.
    pub scope: Option<QuotaScope>,
    /// After this one, in the order of keys.
    pub after: Option<QuotaKey>,
}

/// A quota with everything that was granted and drawn.
#[derive(Clone, Debug)]
pub struct QuotaStand {
    /// Which.
    pub key: QuotaKey,
    /// The group's names, Chinese and English.
    pub group_names: (String, String),
    /// What was granted, by batch.
    pub batches: Vec<GrantedBatch>,
    /// What was drawn, by month and firm.
    pub draws: Vec<Draw>,
}

/// A batch of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedBatch {
    /// Which, from 1.
    pub batch: u16,
    /// How much, as oxide.
    pub granted_reo_grams: i64,
    /// How well it was checked.
    pub verification: String,
}

/// What one firm drew in one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Which firm.
    pub organisation: OrganisationId,
    /// Its names, Chinese and English.
    pub names: (String, String),
    /// In which month.
    pub month: Month,
    /// How much of which element; below zero where corrections took back more than was drawn.
    pub elements: ElementMasses,
}

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = SqlUuid)]
    group_id: Uuid,
    #[diesel(sql_type = Integer)]
    year: i32,
    #[diesel(sql_type = Text)]
    scope: String,
}

#[derive(QueryableByName)]
struct DrawRow {
    #[diesel(sql_type = SqlUuid)]
    group_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = Text)]
    name_zh: String,
    #[diesel(sql_type = Text)]
    name_en: String,
    #[diesel(sql_type = Date)]
    month: jiff_diesel::Date,
    #[diesel(sql_type = Text)]
    scope: String,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
}

/// Quotas in the order of their keys. `acting` is the filer that asks, of whose group's firms the
/// policies show the draws; officials ask with `None`, through their own role.
pub async fn list(
    conn: &mut AsyncPgConnection,
    acting: Option<OrganisationId>,
    filter: &Filter,
    limit: u16,
) -> Result<Vec<QuotaStand>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, acting.as_slice()).await?;
        let keys = keys(conn, filter, limit).await?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut ids: Vec<Uuid> = keys.iter().map(|key| key.group.as_uuid()).collect();
        ids.dedup();
        let years: Vec<i32> = keys.iter().map(|key| i32::from(key.year)).collect();
        let mut granted = granted(conn, &ids, &years).await?;
        let mut drawn = drawn(conn, &ids, &years).await?;
        let named: Vec<(Uuid, String, String)> = groups::table
            .filter(groups::id.eq_any(&ids))
            .select((groups::id, groups::name_zh, groups::name_en))
            .load(conn)
            .await?;
        let names: BTreeMap<Uuid, (String, String)> =
            named.into_iter().map(|(id, zh, en)| (id, (zh, en))).collect();
        let stand = |key: QuotaKey| QuotaStand {
            key,
            group_names: names.get(&key.group.as_uuid()).cloned().unwrap_or_default(),
            batches: granted.remove(&key).unwrap_or_default(),
            draws: drawn.remove(&key).unwrap_or_default(),
        };
        Ok(keys.into_iter().map(stand).collect())
    })
    .await
}

async fn keys(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    limit: u16,
) -> Result<Vec<QuotaKey>, Error> {
    const STATEMENT: &str = "
        select group_id, year, scope from (
            select q.group_id, q.year, q.scope from quotas q
            union
            select o.group_id, extract(year from m.month)::integer, counted.scope
            from quota_flows counted
            join monthly_flows m on m.flow = counted.flow and m.process = counted.process
            join organisations o on o.id = m.organisation
            where o.group_id is not null and ($1 is null or o.group_id = $1)
        ) known
        where ($1 is null or group_id = $1) and ($2 is null or year = $2) and ($3 is null or scope = $3)
            and (group_id, year, scope) > ($4, $5, $6)
        order by 1, 2, 3 limit $7";
    let after = filter.after;
    let rows: Vec<KeyRow> = diesel::sql_query(STATEMENT)
        .bind::<Nullable<SqlUuid>, _>(filter.group.map(GroupId::as_uuid))
        .bind::<Nullable<Integer>, _>(filter.year.map(i32::from))
        .bind::<Nullable<Text>, _>(filter.scope.map(QuotaScope::as_str))
        .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |after| after.group.as_uuid()))
        .bind::<Integer, _>(after.map_or(0, |after| i32::from(after.year)))
        .bind::<Text, _>(after.map_or("", |after| after.scope.as_str()))
        .bind::<BigInt, _>(i64::from(limit))
        .load(conn)
        .await?;
    rows.into_iter().map(|row| key(row.group_id, row.year, &row.scope)).collect()
}

fn key(group: Uuid, year: i32, scope: &str) -> Result<QuotaKey, Error> {
    let reader = Reader { table: "quotas", id: group };
    Ok(QuotaKey {
        group: GroupId::from_uuid(group),
        year: i16::try_from(year).map_err(|_| reader.corrupt("year"))?,
        scope: reader.word("scope", scope)?,
    })
}

async fn granted(
    conn: &mut AsyncPgConnection,
    groups: &[Uuid],
    years: &[i32],
) -> Result<BTreeMap<QuotaKey, Vec<GrantedBatch>>, Error> {
    let rows: Vec<(Uuid, i32, String, i32, i64, String)> = quotas::table
        .filter(quotas::group_id.eq_any(groups))
        .filter(quotas::year.eq_any(years))
        .order((quotas::group_id, quotas::year, quotas::scope, quotas::batch))
        .select((
            quotas::group_id,
            quotas::year,
            quotas::scope,
            quotas::batch,
            quotas::granted_reo_grams,
            quotas::verification,
        ))
        .load(conn)
        .await?;
    let mut granted: BTreeMap<QuotaKey, Vec<GrantedBatch>> = BTreeMap::new();
    for (group, year, scope, batch, granted_reo_grams, verification) in rows {
        let reader = Reader { table: "quotas", id: group };
        let batch = u16::try_from(batch).map_err(|_| reader.corrupt("batch"))?;
        let batch = GrantedBatch { batch, granted_reo_grams, verification };
        granted.entry(key(group, year, &scope)?).or_default().push(batch);
    }
    Ok(granted)
}

async fn drawn(
    conn: &mut AsyncPgConnection,
    groups: &[Uuid],
    years: &[i32],
) -> Result<BTreeMap<QuotaKey, Vec<Draw>>, Error> {
    let sums = Element::ALL
        .map(|element| format!("saturated(sum(m.{}_mg))", element.symbol().to_ascii_lowercase()));
    let statement = format!(
        "select o.group_id, o.id as organisation, o.name_zh, o.name_en, m.month, counted.scope,
            array[{}] as elements
         from quota_flows counted
         cross join unnest($2) as asked (year)
         join organisations o on o.group_id = any ($1)
         join monthly_flows m on m.organisation = o.id and m.flow = counted.flow
            and m.process = counted.process and m.month >= make_date(asked.year, 1, 1)
            and m.month < make_date(asked.year + 1, 1, 1)
         group by o.group_id, o.id, m.month, counted.scope
         order by m.month, o.id",
        sums.join(", ")
    );
    let mut asked = years.to_vec();
    asked.sort_unstable();
    asked.dedup();
    let rows: Vec<DrawRow> = diesel::sql_query(statement)
        .bind::<Array<SqlUuid>, _>(groups)
        .bind::<Array<Integer>, _>(asked)
        .load(conn)
        .await?;
    let mut drawn: BTreeMap<QuotaKey, Vec<Draw>> = BTreeMap::new();
    for row in rows {
        let month = Month::of(row.month.to_jiff());
        let reader = Reader { table: "monthly_flows", id: row.organisation };
        let elements: [i64; ELEMENT_COUNT] =
            row.elements.try_into().map_err(|_| reader.corrupt("elements"))?;
        drawn.entry(key(row.group_id, month.year().into(), &row.scope)?).or_default().push(Draw {
            organisation: OrganisationId::from_uuid(row.organisation),
            names: (row.name_zh, row.name_en),
            month,
            elements: ElementMasses(elements),
        });
    }
    Ok(drawn)
}
