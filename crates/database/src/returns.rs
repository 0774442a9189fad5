//! What the books say about a month before its return is filed, and which returns were filed.

use crate::{
    CorruptRow, Error, act_for,
    row::Reader,
    schema::{filings, organisations},
};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::{BEIJING, Month},
    codes::{FilingKind, Process},
    element::Element,
    ids::{FilingId, MovementId, OrganisationId, SiteId},
    mass::ElementMasses,
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use std::fmt::Write;
use uuid::Uuid;

/// One version of a return.
#[derive(Clone, Debug)]
pub struct ReturnVersion {
    /// For which site.
    pub site: SiteId,
    /// For which month.
    pub month: Month,
    /// This version's own id.
    pub filing: FilingId,
    /// The filer's reference.
    pub reference: String,
    /// 1 for the first.
    pub version: u16,
    /// Whether nothing happened.
    pub nil: bool,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// What came to or left a site's stock in a month, by what was filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The site.
    pub site: SiteId,
    /// What was filed.
    pub kind: FilingKind,
    /// By which process, for transformations.
    pub process: Option<Process>,
    /// Whether it came; otherwise it left.
    pub came: bool,
    /// Gross mass.
    pub gross_grams: i64,
    /// Rare earths in it.
    pub elements: ElementMasses,
}

/// What a site's stock is by the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    /// The site.
    pub site: SiteId,
    /// Gross mass; negative when more left than came.
    pub gross_grams: i64,
    /// Rare earths in it.
    pub elements: ElementMasses,
}

/// Goods that were sent to somebody who has not said what arrived.
#[derive(Clone, Debug)]
pub struct Unreceived {
    /// The movement.
    pub movement: MovementId,
    /// Who sent it.
    pub seller: OrganisationId,
    /// When it left.
    pub dispatched_at: Timestamp,
}

/// All there is to know before a month's return is filed.
#[derive(Clone, Debug)]
pub struct MonthBooks {
    /// Stock by the books at the end of the month before.
    pub opening: Vec<Stock>,
    /// What came and left.
    pub flows: Vec<Flow>,
    /// Sites whose stock was measured in the month, and when last.
    pub measured: Vec<(SiteId, Timestamp)>,
    /// Movements to this organisation that it has filed no receipt for, the oldest first.
    pub unreceived: Vec<Unreceived>,
}

/// Sent longer ago than this is not asked for in a month's return any more.
const UNRECEIVED_MONTHS: i32 = 13;
/// Movements listed at most.
const UNRECEIVED_AT_MOST: i64 = 200;

/// When an organisation was registered; `None` where there is no such organisation.
pub async fn registered_at(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
) -> Result<Option<Timestamp>, Error> {
    let at: Option<jiff_diesel::Timestamp> = organisations::table
        .find(organisation.as_uuid())
        .select(organisations::registered_at)
        .first(conn)
        .await
        .optional()?;
    Ok(at.map(jiff_diesel::Timestamp::to_jiff))
}

/// Every version of an organisation's returns for these months, the oldest first.
pub async fn versions(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    from: Month,
    until: Month,
) -> Result<Vec<ReturnVersion>, Error> {
    type Columns =
        (Uuid, jiff_diesel::Date, Uuid, String, i16, Option<bool>, jiff_diesel::Timestamp);
    let rows: Vec<Columns> = conn
        .transaction(async |conn| {
            act_for(conn, &[organisation]).await?;
            filings::table
                .filter(filings::organisation.eq(organisation.as_uuid()))
                .filter(filings::kind.eq(FilingKind::MonthlyReturn.as_str()))
                .filter(filings::month.ge(jiff_diesel::Date::from(from.first_day())))
                .filter(filings::month.le(jiff_diesel::Date::from(until.first_day())))
                .order(filings::id)
                .select((
                    filings::site,
                    filings::month,
                    filings::id,
                    filings::reference,
                    filings::version,
                    filings::nil,
                    filings::recorded_at,
                ))
                .load(conn)
                .await
                .map_err(Error::from)
        })
        .await?;
    rows.into_iter()
        .map(|(site, month, id, reference, version, nil, recorded_at)| {
            let corrupt = |column| CorruptRow { table: "filings", column, id };
            Ok(ReturnVersion {
                site: SiteId::from_uuid(site),
                month: Month::of(month.to_jiff()),
                filing: FilingId::from_uuid(id),
                reference,
                version: u16::try_from(version).map_err(|_| corrupt("version"))?,
                nil: nil.ok_or_else(|| corrupt("nil"))?,
                recorded_at: recorded_at.to_jiff(),
            })
        })
        .collect()
}

/// The months from `from` until `until` in which an organisation filed that something happened.
pub async fn months_with_filings(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    from: Month,
    until: Month,
) -> Result<Vec<Month>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let months: Vec<jiff_diesel::Date> = filings::table
            .filter(filings::organisation.eq(organisation.as_uuid()))
            .filter(filings::month.ge(jiff_diesel::Date::from(from.first_day())))
            .filter(filings::month.le(jiff_diesel::Date::from(until.first_day())))
            .select(filings::month)
            .distinct()
            .load(conn)
            .await?;
        Ok(months.into_iter().map(|month| Month::of(month.to_jiff())).collect())
    })
    .await
}

/// What the books say of a month: opening, flows, measurements and what has not arrived.
pub async fn month_books(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    month: Month,
) -> Result<MonthBooks, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        Ok(MonthBooks {
            opening: opening(conn, organisation, month).await?,
            flows: flows(conn, organisation, month).await?,
            measured: measured(conn, organisation, month).await?,
            unreceived: unreceived(conn, organisation, month).await?,
        })
    })
    .await
}

#[derive(QueryableByName)]
struct StockRow {
    #[diesel(sql_type = SqlUuid)]
    site: Uuid,
    #[diesel(sql_type = BigInt)]
    gross_grams: i64,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
}

async fn opening(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    month: Month,
) -> Result<Vec<Stock>, Error> {
    let statement = format!(
        "select key as site, lodestone.saturated(sum(gross_grams)) as gross_grams, {} as elements
         from account_balances where organisation = $1 and kind = 'site' and month < $2 group by key",
        summed("1")
    );
    let rows: Vec<StockRow> = diesel::sql_query(statement)
        .bind::<SqlUuid, _>(organisation.as_uuid())
        .bind::<diesel::sql_types::Date, _>(jiff_diesel::Date::from(month.first_day()))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|row| {
            let reader = Reader { table: "account_balances", id: row.site };
            Ok(Stock {
                site: SiteId::from_uuid(row.site),
                gross_grams: row.gross_grams,
                elements: elements_of(reader, row.elements)?,
            })
        })
        .collect()
}

#[derive(QueryableByName)]
struct FlowRow {
    #[diesel(sql_type = SqlUuid)]
    site: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    process: Option<String>,
    #[diesel(sql_type = Bool)]
    came: bool,
    #[diesel(sql_type = BigInt)]
    gross_grams: i64,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
}

/// A reversal is a flow of the other sign, not one in the other direction.
async fn flows(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    month: Month,
) -> Result<Vec<Flow>, Error> {
    let sign = "case when reversal then -1 else 1 end";
    let statement = format!(
        "with of_month as (
             select id, kind, process from filings where organisation = $1 and month = $2
             union
             select id, kind, process from filings where organisation = $1 and replaces in
                 (select id from filings where organisation = $1 and month = $2))
         select case when from_kind = 'site' then from_key else to_key end as site, f.kind, f.process,
             (to_kind = 'site') <> reversal as came,
             lodestone.saturated(sum(gross_grams::numeric * {sign})) as gross_grams, {} as elements
         from of_month f join postings p on p.organisation = $1 and p.filing = f.id
         where p.month = $2 and 'site' in (from_kind, to_kind)
         group by 1, 2, 3, 4 order by 1, 2, 3, 4",
        summed(sign)
    );
    let rows: Vec<FlowRow> = diesel::sql_query(statement)
        .bind::<SqlUuid, _>(organisation.as_uuid())
        .bind::<diesel::sql_types::Date, _>(jiff_diesel::Date::from(month.first_day()))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|row| {
            let reader = Reader { table: "filings", id: row.site };
            Ok(Flow {
                site: SiteId::from_uuid(row.site),
                kind: reader.word("kind", &row.kind)?,
                process: reader.optional_word("process", row.process.as_deref())?,
                came: row.came,
                gross_grams: row.gross_grams,
                elements: elements_of(reader, row.elements)?,
            })
        })
        .collect()
}

async fn measured(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    month: Month,
) -> Result<Vec<(SiteId, Timestamp)>, Error> {
    let rows: Vec<(Uuid, jiff_diesel::Timestamp)> = filings::table
        .filter(filings::organisation.eq(organisation.as_uuid()))
        .filter(filings::month.eq(jiff_diesel::Date::from(month.first_day())))
        .filter(filings::kind.eq(FilingKind::Stocktake.as_str()))
        .order((filings::site, filings::happened_at.desc()))
        .distinct_on(filings::site)
        .select((filings::site, filings::happened_at))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(site, at)| (SiteId::from_uuid(site), at.to_jiff())).collect())
}

#[derive(QueryableByName)]
struct UnreceivedRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = Timestamptz)]
    dispatched_at: jiff_diesel::Timestamp,
}

async fn unreceived(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    month: Month,
) -> Result<Vec<Unreceived>, Error> {
    let end =
        month.next().first_day().to_zoned(BEIJING).map_or(Timestamp::MAX, |end| end.timestamp());
    let rows: Vec<UnreceivedRow> = diesel::sql_query(format!(
        "select distinct on (m.id) m.id, m.organisation, m.dispatched_at from movements m
         where m.buyer_organisation = $1 and m.dispatched_at < $2
         and lodestone.first_id_of($2 - interval '{UNRECEIVED_MONTHS} months') <= m.filing
         and not exists (select from filings f where f.movement = m.id and f.organisation = $1
             and f.kind = 'receipt')
         order by m.id, m.filing desc limit {UNRECEIVED_AT_MOST}"
    ))
    .bind::<SqlUuid, _>(organisation.as_uuid())
    .bind::<Timestamptz, _>(end.to_diesel())
    .load(conn)
    .await?;
    let mut unreceived: Vec<_> = rows
        .into_iter()
        .map(|row| Unreceived {
            movement: MovementId::from_uuid(row.id),
            seller: OrganisationId::from_uuid(row.organisation),
            dispatched_at: row.dispatched_at.to_jiff(),
        })
        .collect();
    unreceived.sort_by_key(|unreceived| unreceived.dispatched_at);
    Ok(unreceived)
}

/// The seventeen sums as one array, in the order of `Element::ALL`.
fn summed(sign: &str) -> String {
    let mut array = "array[".to_owned();
    for (index, element) in Element::ALL.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let symbol = element.symbol().to_ascii_lowercase();
        write!(array, "{comma}lodestone.saturated(sum({symbol}_mg::numeric * {sign}))")
            .expect("a string takes whatever is written to it");
    }
    array + "]"
}

fn elements_of(reader: Reader, masses: Vec<i64>) -> Result<ElementMasses, CorruptRow> {
    masses.try_into().map(ElementMasses).map_err(|_| reader.corrupt("elements"))
}
