//! What is left of the lots that filings moved, where they moved them.

use super::{
    ask::{Ask, Bind, Statement},
    filings::{Known, distinct, elements},
};
use crate::{Error, row::Reader};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::ids::{FilingId, LotId, SiteId};
use rules::LotStock;
use std::collections::HashMap;
use uuid::Uuid;

/// The lots that each filing moved, and the sites where it moved them.
struct Moved;

impl Statement for Moved {
    const TEXT: &'static str = "
        with asked as (select ?::uuid[] as organisations, ?::uuid[] as filings)
        select distinct p.filing, p.lot,
            case when p.to_kind = 'site' then p.to_key else p.from_key end as site
        from asked
        join postings p on p.organisation = any (asked.organisations) and p.filing = any (asked.filings)
        where p.lot is not null and (p.to_kind = 'site' or p.from_kind = 'site')";
}

#[derive(QueryableByName)]
struct MovedRow {
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = SqlUuid)]
    lot: Uuid,
    #[diesel(sql_type = SqlUuid)]
    site: Uuid,
}

/// What all filings together left of each lot at each site.
struct Left;

impl Statement for Left {
    const TEXT: &'static str = "
        select asked.lot, asked.site, all_of.came_in_grams, all_of.left_grams, all_of.came_in,
            all_of.left_over, made.number
        from unnest(?::uuid[], ?::uuid[]) as asked (lot, site)
        cross join lateral (
            select saturated(sum(signed.gross_grams) filter (where signed.sign = 1)) as came_in_grams,
                saturated(sum(signed.sign * signed.gross_grams)) as left_grams,
                {each: saturated(sum(signed.sign * signed.@))} as left_over,
                {each: saturated(sum(signed.@) filter (where signed.sign = 1))} as came_in
            from (
                select case when p.to_kind = 'site' and p.to_key = asked.site then 1 else -1 end as sign, p.*
                from postings p
                where p.lot = asked.lot and (p.to_kind = 'site' and p.to_key = asked.site
                    or p.from_kind = 'site' and p.from_key = asked.site)
            ) signed
        ) all_of
        left join lateral (
            select l.number from lots l where l.id = asked.lot order by l.filing desc limit 1
        ) made on true";
}

#[derive(QueryableByName)]
struct LeftRow {
    #[diesel(sql_type = SqlUuid)]
    lot: Uuid,
    #[diesel(sql_type = SqlUuid)]
    site: Uuid,
    #[diesel(sql_type = BigInt)]
    came_in_grams: i64,
    #[diesel(sql_type = BigInt)]
    left_grams: i64,
    #[diesel(sql_type = Array<BigInt>)]
    left_over: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    came_in: Vec<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    number: Option<String>,
}

/// How much of a lot is under way to a filer, in movements without a receipt. Asked only for
/// lots that lack something.
struct UnderWay;

impl Statement for UnderWay {
    const TEXT: &'static str = "
        select asked.lot, asked.organisation,
            saturated(sum(case when p.to_kind = 'in_transit' then p.gross_grams else -p.gross_grams end)) as grams
        from unnest(?::uuid[], ?::uuid[]) as asked (lot, organisation)
        join postings p on p.lot = asked.lot and (p.to_kind = 'in_transit' or p.from_kind = 'in_transit')
        where exists (select from movements m where m.buyer_organisation = asked.organisation
            and m.id = case when p.to_kind = 'in_transit' then p.to_key else p.from_key end
            and not exists (select from filings r where r.movement = m.id and r.kind = 'receipt'))
        group by 1, 2";
}

#[derive(QueryableByName)]
struct UnderWayRow {
    #[diesel(sql_type = SqlUuid)]
    lot: Uuid,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = BigInt)]
    grams: i64,
}

/// The stocks that each filing touched.
pub(super) async fn load(
    conn: &mut AsyncPgConnection,
    known: &[Known],
) -> Result<HashMap<FilingId, Vec<LotStock>>, Error> {
    let organisations = distinct(known.iter().map(|it| it.filing.organisation.as_uuid()));
    let filings = distinct(known.iter().map(|it| it.filing.id.as_uuid()));
    let binds = vec![Bind::Uuids(organisations), Bind::Uuids(filings)];
    let moved: Vec<MovedRow> = Ask::<Moved>::with(binds).load(conn).await?;
    if moved.is_empty() {
        return Ok(HashMap::new());
    }
    let mut touched: Vec<(Uuid, Uuid)> = moved.iter().map(|row| (row.lot, row.site)).collect();
    touched.sort_unstable();
    touched.dedup();
    let (lots, sites) = touched.into_iter().unzip();
    let left: Vec<LeftRow> =
        Ask::<Left>::with(vec![Bind::Uuids(lots), Bind::Uuids(sites)]).load(conn).await?;
    let mut stocks: HashMap<(Uuid, Uuid), LotStock> = HashMap::new();
    for row in left {
        let reader = Reader { table: "postings", id: row.lot };
        let key = (row.lot, row.site);
        let stock = LotStock {
            lot: LotId::from_uuid(row.lot),
            number: row.number,
            site: SiteId::from_uuid(row.site),
            came_in_grams: row.came_in_grams,
            left_grams: row.left_grams,
            came_in: elements(reader, "elements", row.came_in)?,
            left: elements(reader, "elements", row.left_over)?,
            in_transit_grams: 0,
        };
        stocks.insert(key, stock);
    }
    let filers: HashMap<Uuid, Uuid> =
        known.iter().map(|it| (it.filing.id.as_uuid(), it.filing.organisation.as_uuid())).collect();
    let under_way = under_way(conn, &moved, &stocks, &filers).await?;
    let mut of_filing: HashMap<FilingId, Vec<LotStock>> = HashMap::new();
    for row in moved {
        let Some(stock) = stocks.get(&(row.lot, row.site)) else { continue };
        let filer = filers.get(&row.filing).copied().unwrap_or_default();
        of_filing.entry(FilingId::from_uuid(row.filing)).or_default().push(LotStock {
            in_transit_grams: under_way.get(&(row.lot, filer)).copied().unwrap_or(0),
            ..stock.clone()
        });
    }
    Ok(of_filing)
}

async fn under_way(
    conn: &mut AsyncPgConnection,
    moved: &[MovedRow],
    stocks: &HashMap<(Uuid, Uuid), LotStock>,
    filers: &HashMap<Uuid, Uuid>,
) -> Result<HashMap<(Uuid, Uuid), i64>, Error> {
    let lacks = |row: &&MovedRow| {
        let stock = stocks.get(&(row.lot, row.site));
        stock.is_some_and(|stock| stock.left_grams < 0 || !stock.left.deficit().is_zero())
    };
    let mut asked: Vec<(Uuid, Uuid)> = moved
        .iter()
        .filter(lacks)
        .filter_map(|row| Some((row.lot, *filers.get(&row.filing)?)))
        .collect();
    asked.sort_unstable();
    asked.dedup();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let (lots, organisations) = asked.into_iter().unzip();
    let binds = vec![Bind::Uuids(lots), Bind::Uuids(organisations)];
    let rows: Vec<UnderWayRow> = Ask::<UnderWay>::with(binds).load(conn).await?;
    Ok(rows.into_iter().map(|row| ((row.lot, row.organisation), row.grams)).collect())
}
