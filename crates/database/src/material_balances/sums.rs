//! The sums of segments over the lines of every filing that stands.

use super::cache::Key;
use crate::{Error, row::Reader};
use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{
        Array, BigInt, Date, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
    },
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    balance::{Segment, SegmentSums},
    element::{ELEMENT_COUNT, Element},
    metrology::{Sum, real},
};
use jiff_diesel::ToDiesel;
use std::{collections::BTreeMap, sync::LazyLock};
use uuid::Uuid;

/// A place among those that were wanted, the side, and for each element the mass, the sum of squares,
/// and of what had a stated uncertainty the mass, the sum of squares and the variance.
type SumRow = (i32, String, Vec<i64>, Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>);

/// Sums up segments; those of nothing are absent. The transaction says for whom it acts.
///
/// A segment is asked for once for each calendar month it reaches into, so that filings are found
/// by equality.
pub(super) async fn of(
    conn: &mut AsyncPgConnection,
    wanted: &[(Key, Segment, i64)],
) -> Result<BTreeMap<Key, SegmentSums>, Error> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut pieces = Pieces::default();
    for (place, (key, segment, _)) in wanted.iter().enumerate() {
        pieces.add(i32::try_from(place).unwrap_or(i32::MAX), *key, segment);
    }
    let rows: Vec<SumRow> = pieces.load(conn).await?;
    let mut sums: BTreeMap<Key, SegmentSums> = BTreeMap::new();
    for row in rows {
        let wanted = usize::try_from(row.0).ok().and_then(|place| wanted.get(place));
        let reader = Reader { table: "filing_lines", id: Uuid::nil() };
        let (key, ..) = wanted.ok_or_else(|| reader.corrupt("filing"))?;
        let reader = Reader { id: key.site.site.as_uuid(), ..reader };
        let side = by_element(&row).ok_or_else(|| reader.corrupt("sums"))?;
        let of_segment = sums.entry(*key).or_default();
        match row.1.as_str() {
            "in" => of_segment.inflow = side,
            "out" => of_segment.outflow = side,
            _ => of_segment.closing = side,
        }
    }
    Ok(sums)
}

fn by_element(row: &SumRow) -> Option<[Sum; ELEMENT_COUNT]> {
    let (_, _, mass_mg, squared, stated_mg, stated_squared, stated_variance) = row;
    let mut sums = [Sum::NOTHING; ELEMENT_COUNT];
    for (index, sum) in sums.iter_mut().enumerate() {
        let (mass_mg, stated_mg) = (*mass_mg.get(index)?, *stated_mg.get(index)?);
        let stated_squared = *stated_squared.get(index)?;
        *sum = Sum {
            mass_mg,
            // No mass is below zero, so what rounding left below is nothing.
            unstated_mg: (real(mass_mg) - stated_mg).max(0.0),
            unstated_squared: (squared.get(index)? - stated_squared).max(0.0),
            stated_mg,
            stated_squared,
            stated_variance: *stated_variance.get(index)?,
        };
    }
    Some(sums)
}

/// Segments by calendar months, as columns.
#[derive(Default, QueryId)]
struct Pieces {
    places: Vec<i32>,
    organisations: Vec<Uuid>,
    sites: Vec<Uuid>,
    calendar_months: Vec<jiff_diesel::Date>,
    after: Vec<jiff_diesel::Timestamp>,
    until: Vec<jiff_diesel::Timestamp>,
    counted_from: Vec<Option<jiff_diesel::Timestamp>>,
}

impl Pieces {
    fn add(&mut self, place: i32, key: Key, segment: &Segment) {
        let (first, last) = segment.calendar_months();
        let mut month = first;
        while month <= last {
            self.places.push(place);
            self.organisations.push(key.site.organisation.as_uuid());
            self.sites.push(key.site.site.as_uuid());
            self.calendar_months.push(month.first_day().to_diesel());
            self.after.push(segment.after.to_diesel());
            self.until.push(segment.until.to_diesel());
            self.counted_from.push(segment.counted_from.map(ToDiesel::to_diesel));
            month = month.next();
        }
    }
}

impl Query for Pieces {
    type SqlType =
        (Integer, Text, Array<BigInt>, Array<Double>, Array<Double>, Array<Double>, Array<Double>);
}

// Prepared once for a connection: planning it takes as long as a site's month.
impl QueryFragment<Pg> for Pieces {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("with wanted as (select * from unnest(");
        out.push_bind_param::<Array<Integer>, _>(&self.places)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.organisations)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.sites)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Date>, _>(&self.calendar_months)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.after)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.until)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(&self.counted_from)?;
        out.push_sql(&STATEMENT);
        Ok(())
    }
}

static STATEMENT: LazyLock<String> = LazyLock::new(statement);

fn statement() -> String {
    let each = |of: &dyn Fn(&str, usize) -> String| {
        let cells = Element::ALL.map(|element| {
            let column = format!("l.{}_mg", element.symbol().to_ascii_lowercase());
            of(&column, element.index() + 1)
        });
        format!("array[{}]", cells.join(", "))
    };
    let mass = each(&|mg, _| format!("saturated(sum({mg}))"));
    let squared = each(&|mg, _| format!("sum({mg}::float8 * {mg})"));
    let is_stated = |place: usize| format!("filter (where 0 < l.sigma_mg[{place}])");
    let stated = each(&|mg, place| format!("coalesce(sum({mg}) {}, 0)::float8", is_stated(place)));
    let stated_squared =
        each(&|mg, place| format!("coalesce(sum({mg}::float8 * {mg}) {}, 0)", is_stated(place)));
    let variance = each(&|_, place| {
        let sigma = format!("l.sigma_mg[{place}]::float8");
        format!("coalesce(sum({sigma} * {sigma}) {}, 0)", is_stated(place))
    });
    format!(
        ") as p (place, organisation, site, calendar_month, after, until, counted_from)
         ), replaced as materialized (
            select newer.replaces from filings newer
            where newer.replaces is not null and newer.organisation in (select organisation from wanted)
         ), standing as materialized (
            select p.place, f.organisation, f.id, f.kind
            from wanted p
            join filings f on f.organisation = p.organisation and f.site = p.site and f.month = p.calendar_month
                and p.after < f.happened_at and f.happened_at <= p.until
                and (f.kind <> 'stocktake' or p.counted_from <= f.happened_at)
                and f.kind <> 'monthly_return'
            where not exists (select from replaced where replaced.replaces = f.id)
         )
         select f.place, balance_side(f.kind, l.role), {mass}, {squared}, {stated}, {stated_squared}, {variance}
         from standing f
         join filing_lines l on l.organisation = f.organisation and l.filing = f.id
            and balance_side(f.kind, l.role) is not null
         group by 1, 2"
    )
}
