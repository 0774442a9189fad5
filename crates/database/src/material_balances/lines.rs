//! Single lines behind a balance: what its doubt comes from, and what a filer may look at again.

use super::SiteKey;
use crate::{Error, act_for, row::Reader};
use diesel::{
    QueryableByName,
    sql_types::{
        Array, BigInt, Date, Double, Integer, Nullable, SmallInt, Text, Timestamptz,
        Uuid as SqlUuid,
    },
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    balance::Segment,
    calendar_month::{Month, beijing_date},
    element::{ELEMENT_COUNT, Element},
    ids::{FilingId, LotId, MovementId, OrganisationId},
    mass::ElementMasses,
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use rules::{Contribution, EnteredFiling, EnteredLine};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Lines that a filer is helped to look through at most, for one answer.
const MOST_LINES: i64 = 20_000;
/// Movements without a receipt that are told at most.
const MOST_MOVEMENTS: i64 = 5;

/// An element of a site's period whose doubt is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Where.
    pub site: SiteKey,
    /// From the first stocktake of the count that it begins with.
    pub opened_from: Timestamp,
    /// The period begins just after.
    pub after: Timestamp,
    /// It ends with the count that closes it; its month is no matter.
    pub closing: Segment,
    /// Which element.
    pub element: Element,
}

/// One standard deviation of a line, as shares of its mass.
#[derive(Clone, Copy, Debug)]
pub struct Doubt {
    /// Where nothing was stated.
    pub unstated: f64,
    /// On top of what was stated.
    pub stated: f64,
}

#[derive(QueryableByName)]
struct ContributionRow {
    #[diesel(sql_type = Integer)]
    place: i32,
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = SmallInt)]
    line: i16,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    lot: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    lot_number: Option<String>,
    #[diesel(sql_type = BigInt)]
    mass_mg: i64,
    #[diesel(sql_type = Double)]
    sigma_mg: f64,
}

/// The lines with the largest part of each period's doubt, by mass times uncertainty, largest
/// first; `most` of each. As the official role.
pub async fn contributions(
    conn: &mut AsyncPgConnection,
    wanted: &[Wanted],
    doubt: Doubt,
    most: u8,
) -> Result<Vec<Vec<Contribution>>, Error> {
    let mut told: Vec<Vec<Contribution>> = vec![Vec::new(); wanted.len()];
    if wanted.is_empty() {
        return Ok(told);
    }
    let of = |element: Element| i32::try_from(element.index() + 1).unwrap_or(i32::MAX);
    let month = |at: Timestamp| Month::of(beijing_date(at)).first_day().to_diesel();
    let rows: Vec<ContributionRow> = conn
        .transaction(async |conn| {
            act_for(conn, &[]).await?;
            diesel::sql_query(contributions_statement())
                .bind::<Array<SqlUuid>, _>(each(wanted, |it| it.site.organisation.as_uuid()))
                .bind::<Array<SqlUuid>, _>(each(wanted, |it| it.site.site.as_uuid()))
                .bind::<Array<Date>, _>(each(wanted, |it| month(it.opened_from)))
                .bind::<Array<Date>, _>(each(wanted, |it| month(it.closing.until)))
                .bind::<Array<Timestamptz>, _>(each(wanted, |it| it.opened_from.to_diesel()))
                .bind::<Array<Timestamptz>, _>(each(wanted, |it| it.after.to_diesel()))
                .bind::<Array<Timestamptz>, _>(each(wanted, |it| {
                    it.closing.counted_from.unwrap_or(it.closing.until).to_diesel()
                }))
                .bind::<Array<Timestamptz>, _>(each(wanted, |it| it.closing.until.to_diesel()))
                .bind::<Array<Integer>, _>(each(wanted, |it| of(it.element)))
                .bind::<Double, _>(doubt.unstated)
                .bind::<Double, _>(doubt.stated)
                .bind::<Integer, _>(i32::from(most))
                .load(conn)
                .await
                .map_err(Error::from)
        })
        .await?;
    for row in rows {
        let reader = Reader { table: "filing_lines", id: row.filing };
        let place = usize::try_from(row.place - 1).ok();
        let of_period = place.and_then(|place| told.get_mut(place));
        of_period.ok_or_else(|| reader.corrupt("line"))?.push(Contribution {
            filing: FilingId::from_uuid(row.filing),
            reference: row.reference,
            line: u16::try_from(row.line).map_err(|_| reader.corrupt("line"))?,
            lot: row.lot.map(LotId::from_uuid),
            lot_number: row.lot_number,
            mass_mg: row.mass_mg,
            sigma_mg: row.sigma_mg,
        });
    }
    Ok(told)
}

fn each<T>(wanted: &[Wanted], of: impl Fn(&Wanted) -> T) -> Vec<T> {
    wanted.iter().map(of).collect()
}

fn elements() -> String {
    Element::ALL.map(|element| format!("l.{}_mg", element.symbol().to_ascii_lowercase())).join(", ")
}

fn contributions_statement() -> String {
    format!(
        "select w.place::integer as place, c.filing, c.reference, c.line, c.lot, coalesce(c.lot_number,
            (select number from lots where lots.id = c.lot order by lots.filing desc limit 1)) as lot_number,
            c.mass_mg, c.sigma_mg
         from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) with ordinality
            as w (organisation, site, first_month, last_month, opened_from, after, counted_from, until, element, place)
         cross join lateral (
            select f.id as filing, f.reference, l.line, l.lot, l.lot_number, m.mass_mg, d.sigma_mg
            from filings f
            join filing_lines l on l.organisation = f.organisation and l.filing = f.id
            cross join lateral (select (array[{}])[w.element] as mass_mg,
                coalesce(l.sigma_mg[w.element], 0)::float8 as stated) m
            cross join lateral (select case when 0 < m.stated
                then sqrt(m.stated * m.stated + ($11 * m.mass_mg) * ($11 * m.mass_mg))
                else $10 * m.mass_mg end as sigma_mg) d
            where f.organisation = w.organisation and f.site = w.site
                and f.month between w.first_month and w.last_month
                and balance_side(f.kind, l.role) is not null
                and case when f.kind = 'stocktake'
                    then f.happened_at between w.opened_from and w.after
                        or f.happened_at between w.counted_from and w.until
                    else w.after < f.happened_at and f.happened_at <= w.until end
                and m.mass_mg <> 0
                and not exists (select from filings newer
                    where newer.organisation = f.organisation and newer.replaces = f.id)
            order by d.sigma_mg desc, f.id, l.line limit $12) c
         order by w.place, c.sigma_mg desc, c.filing, c.line",
        elements()
    )
}

#[derive(QueryableByName)]
struct EnteredRow {
    #[diesel(sql_type = Date)]
    month: jiff_diesel::Date,
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SmallInt)]
    line: i16,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    lot: Option<Uuid>,
    #[diesel(sql_type = Text)]
    product: String,
    #[diesel(sql_type = BigInt)]
    quantity_grams: i64,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
}

/// What stands of these segments of a filer's own site, the latest first; lines beyond a limit are
/// left out.
pub async fn entered_filings(
    conn: &mut AsyncPgConnection,
    site: SiteKey,
    segments: &[Segment],
) -> Result<BTreeMap<Month, Vec<EnteredFiling>>, Error> {
    let statement = format!(
        "select w.month, f.id as filing, f.reference, f.kind, l.line, l.role, l.lot,
            coalesce(l.product::text, concat_ws(' ', l.category, l.grade)) as product,
            l.quantity_grams, array[{}] as elements
         from unnest($3, $4, $5, $6, $7) as w (month, first_month, last_month, after, until)
         join filings f on f.organisation = $1 and f.site = $2
            and f.month between w.first_month and w.last_month
            and w.after < f.happened_at and f.happened_at <= w.until and f.kind <> 'monthly_return'
         join filing_lines l on l.organisation = f.organisation and l.filing = f.id
         where not exists (select from filings newer
            where newer.organisation = f.organisation and newer.replaces = f.id)
         order by w.month desc, f.id, l.line limit $8",
        elements()
    );
    let of = |of: fn(&Segment) -> Month| -> Vec<jiff_diesel::Date> {
        segments.iter().map(|segment| of(segment).first_day().to_diesel()).collect()
    };
    let at = |of: fn(&Segment) -> Timestamp| -> Vec<jiff_diesel::Timestamp> {
        segments.iter().map(|segment| of(segment).to_diesel()).collect()
    };
    let rows: Vec<EnteredRow> = conn
        .transaction(async |conn| {
            act_for(conn, &[site.organisation]).await?;
            diesel::sql_query(statement)
                .bind::<SqlUuid, _>(site.organisation.as_uuid())
                .bind::<SqlUuid, _>(site.site.as_uuid())
                .bind::<Array<Date>, _>(of(|segment| segment.month))
                .bind::<Array<Date>, _>(of(|segment| segment.calendar_months().0))
                .bind::<Array<Date>, _>(of(|segment| segment.calendar_months().1))
                .bind::<Array<Timestamptz>, _>(at(|segment| segment.after))
                .bind::<Array<Timestamptz>, _>(at(|segment| segment.until))
                .bind::<BigInt, _>(MOST_LINES)
                .load(conn)
                .await
                .map_err(Error::from)
        })
        .await?;
    let mut months: BTreeMap<Month, Vec<EnteredFiling>> = BTreeMap::new();
    for row in rows {
        add(months.entry(Month::of(row.month.to_jiff())).or_default(), row)?;
    }
    Ok(months)
}

fn add(filings: &mut Vec<EnteredFiling>, row: EnteredRow) -> Result<(), Error> {
    let reader = Reader { table: "filing_lines", id: row.filing };
    let id = FilingId::from_uuid(row.filing);
    if filings.last().is_none_or(|last| last.id != id) {
        let kind = reader.word("kind", &row.kind)?;
        filings.push(EnteredFiling { id, reference: row.reference, kind, lines: Vec::new() });
    }
    let elements: [i64; ELEMENT_COUNT] =
        row.elements.try_into().map_err(|_| reader.corrupt("elements"))?;
    let line = EnteredLine {
        number: u16::try_from(row.line).map_err(|_| reader.corrupt("line"))?,
        role: reader.word("role", &row.role)?,
        lot: row.lot.map(LotId::from_uuid),
        product: row.product,
        quantity_grams: row.quantity_grams,
        elements: ElementMasses(elements),
    };
    if let Some(filing) = filings.last_mut() {
        filing.lines.push(line);
    }
    Ok(())
}

#[derive(QueryableByName)]
struct MovementRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    dispatched_at: jiff_diesel::Timestamp,
}

/// What was sent to a filer between two moments and never said to have arrived, the first first.
pub async fn movements_not_received(
    conn: &mut AsyncPgConnection,
    buyer: OrganisationId,
    after: Timestamp,
    until: Timestamp,
) -> Result<Vec<(MovementId, Timestamp)>, Error> {
    let rows: Vec<MovementRow> = conn
        .transaction(async |conn| {
            act_for(conn, &[buyer]).await?;
            diesel::sql_query(
                "select m.id, m.dispatched_at from movements m
                 where m.buyer_organisation = $1 and $2 < m.dispatched_at and m.dispatched_at <= $3
                    and not exists (select from movements newer where newer.id = m.id and m.filing < newer.filing)
                    and not exists (select from filings f where f.movement = m.id and f.organisation = $1
                        and f.kind = 'receipt')
                 order by m.dispatched_at, m.id limit $4",
            )
            .bind::<SqlUuid, _>(buyer.as_uuid())
            .bind::<Timestamptz, _>(after.to_diesel())
            .bind::<Timestamptz, _>(until.to_diesel())
            .bind::<BigInt, _>(MOST_MOVEMENTS)
            .load(conn)
            .await
            .map_err(Error::from)
        })
        .await?;
    let movement = |row: MovementRow| (MovementId::from_uuid(row.id), row.dispatched_at.to_jiff());
    Ok(rows.into_iter().map(movement).collect())
}
