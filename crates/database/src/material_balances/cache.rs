//! The one module that writes `material_balances`, and the check of it.

use super::{SiteKey, columns, key, reached, sums, versions};
use crate::{
    Error, act_for,
    balances::Contradiction,
    row::Reader,
    schema::{material_balances, material_balances as m},
};
use diesel::{ExpressionMethods, HasQuery, Insertable, QueryDsl, upsert::excluded};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use domain::{
    balance::{Segment, SegmentSums},
    calendar_month::Month,
    element::ELEMENT_COUNT,
    ids::OrganisationId,
    metrology::Sum,
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Rows are inserted this many at a time: Postgres takes 65,535 parameters in one statement.
const ROWS_AT_ONCE: usize = 1_000;
/// Numbers that an element's doubt depends on.
const DOUBTS: usize = 5;

/// A site's month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) site: SiteKey,
    pub(super) month: Month,
}

/// A row as it was found.
#[derive(Clone, Debug)]
pub(super) struct Held {
    segment: Segment,
    computed_from: i64,
    pub(super) computed_at: Timestamp,
    pub(super) sums: SegmentSums,
}

/// A row to be stored.
#[derive(Clone, Debug)]
pub(super) struct Computed {
    pub(super) key: Key,
    pub(super) segment: Segment,
    pub(super) computed_from: i64,
    pub(super) sums: SegmentSums,
}

impl Held {
    /// Whether it is still what would be computed.
    pub(super) fn holds(&self, segment: &Segment, computed_from: i64) -> bool {
        self.segment == *segment && self.computed_from == computed_from
    }
}

#[derive(HasQuery, Insertable)]
#[diesel(table_name = material_balances)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    organisation: Uuid,
    site: Uuid,
    month: jiff_diesel::Date,
    after: jiff_diesel::Timestamp,
    until: jiff_diesel::Timestamp,
    counted_from: Option<jiff_diesel::Timestamp>,
    computed_from: i64,
    computed_at: jiff_diesel::Timestamp,
    in_mg: Vec<i64>,
    out_mg: Vec<i64>,
    closing_mg: Vec<i64>,
    in_doubt: Vec<f64>,
    out_doubt: Vec<f64>,
    closing_doubt: Vec<f64>,
}

/// What is there of these sites.
pub(super) async fn load(
    conn: &mut AsyncPgConnection,
    sites: &[SiteKey],
) -> Result<BTreeMap<Key, Held>, Error> {
    let (organisations, ids) = columns(sites);
    let rows: Vec<Row> = Row::query()
        .filter(material_balances::organisation.eq_any(organisations))
        .filter(material_balances::site.eq_any(ids))
        .load(conn)
        .await?;
    rows.iter().map(held).collect()
}

fn held(row: &Row) -> Result<(Key, Held), Error> {
    let reader = Reader { table: "material_balances", id: row.site };
    let month = Month::of(row.month.to_jiff());
    let key = Key { site: key(row.organisation, row.site), month };
    let side =
        |mass: &[i64], doubt: &[f64]| unpacked(mass, doubt).ok_or_else(|| reader.corrupt("doubt"));
    let sums = SegmentSums {
        inflow: side(&row.in_mg, &row.in_doubt)?,
        outflow: side(&row.out_mg, &row.out_doubt)?,
        closing: side(&row.closing_mg, &row.closing_doubt)?,
    };
    let segment = Segment {
        month,
        after: row.after.to_jiff(),
        until: row.until.to_jiff(),
        counted_from: row.counted_from.map(jiff_diesel::Timestamp::to_jiff),
    };
    let computed_at = row.computed_at.to_jiff();
    Ok((key, Held { segment, computed_from: row.computed_from, computed_at, sums }))
}

fn unpacked(mass: &[i64], doubt: &[f64]) -> Option<[Sum; ELEMENT_COUNT]> {
    let mut sums = [Sum::NOTHING; ELEMENT_COUNT];
    for (index, sum) in sums.iter_mut().enumerate() {
        let of = |number: usize| doubt.get(number * ELEMENT_COUNT + index).copied();
        *sum = Sum {
            mass_mg: *mass.get(index)?,
            unstated_mg: of(0)?,
            unstated_squared: of(1)?,
            stated_mg: of(2)?,
            stated_squared: of(3)?,
            stated_variance: of(4)?,
        };
    }
    Some(sums)
}

fn packed(sums: &[Sum; ELEMENT_COUNT]) -> (Vec<i64>, Vec<f64>) {
    let numbers: [fn(&Sum) -> f64; DOUBTS] = [
        |sum| sum.unstated_mg,
        |sum| sum.unstated_squared,
        |sum| sum.stated_mg,
        |sum| sum.stated_squared,
        |sum| sum.stated_variance,
    ];
    let doubt = numbers.iter().flat_map(|number| sums.iter().map(number)).collect();
    (sums.iter().map(|sum| sum.mass_mg).collect(), doubt)
}

fn new_row(computed: &Computed, now: Timestamp) -> Row {
    let Computed { key, segment, computed_from, sums } = computed;
    let (in_mg, in_doubt) = packed(&sums.inflow);
    let (out_mg, out_doubt) = packed(&sums.outflow);
    let (closing_mg, closing_doubt) = packed(&sums.closing);
    Row {
        organisation: key.site.organisation.as_uuid(),
        site: key.site.site.as_uuid(),
        month: key.month.first_day().to_diesel(),
        after: segment.after.to_diesel(),
        until: segment.until.to_diesel(),
        counted_from: segment.counted_from.map(ToDiesel::to_diesel),
        computed_from: *computed_from,
        computed_at: now.to_diesel(),
        in_mg,
        out_mg,
        closing_mg,
        in_doubt,
        out_doubt,
        closing_doubt,
    }
}

/// Stores what was computed, in the order of keys, as those do who store the same at once.
pub(super) async fn store(
    conn: &mut AsyncPgConnection,
    acting: Option<OrganisationId>,
    computed: &[Computed],
    now: Timestamp,
) -> Result<(), Error> {
    if computed.is_empty() {
        return Ok(());
    }
    let mut computed: Vec<&Computed> = computed.iter().collect();
    computed.sort_by_key(|computed| computed.key);
    conn.transaction(async |conn| {
        act_for(conn, acting.as_slice()).await?;
        for rows in computed.chunks(ROWS_AT_ONCE) {
            let rows: Vec<Row> = rows.iter().map(|computed| new_row(computed, now)).collect();
            diesel::insert_into(m::table)
                .values(rows)
                .on_conflict((m::organisation, m::site, m::month))
                .do_update()
                .set((
                    m::after.eq(excluded(m::after)),
                    m::until.eq(excluded(m::until)),
                    m::counted_from.eq(excluded(m::counted_from)),
                    m::computed_from.eq(excluded(m::computed_from)),
                    m::computed_at.eq(excluded(m::computed_at)),
                    m::in_mg.eq(excluded(m::in_mg)),
                    m::out_mg.eq(excluded(m::out_mg)),
                    m::closing_mg.eq(excluded(m::closing_mg)),
                    m::in_doubt.eq(excluded(m::in_doubt)),
                    m::out_doubt.eq(excluded(m::out_doubt)),
                    m::closing_doubt.eq(excluded(m::closing_doubt)),
                ))
                .execute(conn)
                .await?;
        }
        Ok(())
    })
    .await
}

/// Compares, as the owner, the counts with the filings they count, and the sums of every row that
/// claims to hold with what they would be.
pub async fn check(conn: &mut AsyncPgConnection) -> Result<Vec<Contradiction>, Error> {
    let mut found: Vec<Contradiction> = diesel::sql_query(
        "select 'site_month_differs' as what, concat_ws(' ', organisation, site, month) as place
         from counted_site_months() counted full join site_months kept using (organisation, site, month)
         where counted.version is distinct from kept.version",
    )
    .load(conn)
    .await?;
    let rows: Vec<Row> = Row::query()
        .order((material_balances::organisation, material_balances::site, material_balances::month))
        .load(conn)
        .await?;
    let held = rows.iter().map(held).collect::<Result<Vec<_>, _>>()?;
    for held in held.chunks(ROWS_AT_ONCE) {
        let mut sites: Vec<SiteKey> = held.iter().map(|(key, _)| key.site).collect();
        sites.dedup();
        let versions = versions(conn, &sites).await?;
        let holds = |(key, held): &&(Key, Held)| {
            let counted = versions.get(&key.site);
            counted.is_some_and(|counted| reached(counted, &held.segment) == held.computed_from)
        };
        let current: Vec<&(Key, Held)> = held.iter().filter(holds).collect();
        let wanted: Vec<_> =
            current.iter().map(|(key, held)| (*key, held.segment, held.computed_from)).collect();
        let mut summed = sums::of(conn, &wanted).await?;
        for (key, held) in current {
            if !is_same(&held.sums, &summed.remove(key).unwrap_or_default()) {
                let SiteKey { organisation, site } = key.site;
                found.push(Contradiction {
                    what: "material_balance_differs".to_owned(),
                    place: format!("{organisation} {site} {}", key.month),
                });
            }
        }
    }
    Ok(found)
}

/// Masses to the milligram; doubts up to what the order of adding up changes.
fn is_same(one: &SegmentSums, other: &SegmentSums) -> bool {
    let near = |one: f64, other: f64| (one - other).abs() <= 1e-6 * one.abs().max(other.abs());
    let sides =
        |sums: &SegmentSums| [packed(&sums.inflow), packed(&sums.outflow), packed(&sums.closing)];
    sides(one).iter().zip(sides(other)).all(|((mass, doubt), (other_mass, other_doubt))| {
        *mass == other_mass && doubt.iter().zip(other_doubt).all(|(one, other)| near(*one, other))
    })
}

/// Counts anew, as the owner, while nobody writes, and forgets every sum: whoever asks next sums up.
pub async fn rebuild(conn: &mut AsyncPgConnection) -> Result<(), Error> {
    conn.batch_execute(
        "begin;
         lock table site_months in exclusive mode;
         delete from site_months;
         insert into site_months select * from counted_site_months();
         delete from material_balances;
         commit;",
    )
    .await?;
    Ok(())
}
