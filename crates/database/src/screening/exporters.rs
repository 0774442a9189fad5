//! What is known of an exporter and a destination when an application is assessed.

use super::applications::Submitted;
use crate::{
    CorruptRow, Error,
    row::Reader,
    schema::{organisations, sites},
};
use diesel::{
    ExpressionMethods, JoinOnDsl, QueryDsl, QueryableByName,
    sql_types::{
        Array, BigInt, Bool, Date as SqlDate, Integer, Text, Timestamptz, Uuid as SqlUuid,
    },
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::{Month, beijing_date},
    codes::{OrganisationKind, Stage},
    ids::OrganisationId,
    returns::due,
};
use jiff::{Timestamp, ToSpan, civil::Date};
use rules::{DestinationStand, Law, ParameterName, ReportsStand, WINDOWS_BEFORE};
use rust_decimal::prelude::ToPrimitive;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Months whose returns are looked at.
const MONTHS: i64 = 6;

/// A site that may owe returns.
struct Site {
    organisation: Uuid,
    id: Uuid,
    stages: Vec<Stage>,
    registered_at: Timestamp,
}

/// How exporters report, and what they hold.
pub(super) struct Exporters {
    sites: Vec<Site>,
    /// When a return was first recorded, by site and month.
    returns: HashMap<(Uuid, Month), Timestamp>,
    filers: HashSet<Uuid>,
    stocks: HashMap<Uuid, i64>,
}

#[derive(QueryableByName)]
struct ReturnRow {
    #[diesel(sql_type = SqlUuid)]
    site: Uuid,
    #[diesel(sql_type = SqlDate)]
    month: jiff_diesel::Date,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: jiff_diesel::Timestamp,
}

#[derive(QueryableByName)]
struct StockRow {
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = BigInt)]
    grams: i64,
    #[diesel(sql_type = Bool)]
    has_filed: bool,
}

#[derive(QueryableByName)]
struct DestinationRow {
    #[diesel(sql_type = BigInt)]
    grams: i64,
    #[diesel(sql_type = BigInt)]
    grams_before: i64,
    #[diesel(sql_type = Integer)]
    applications_before: i32,
}

const RETURNS: &str = "select site, month, min(recorded_at) as recorded_at
    from lodestone.filings where kind = 'monthly_return' and organisation = any ($1) and $2 <= month
    group by site, month";

const STOCKS: &str = "select exporter as organisation,
        lodestone.saturated((select sum(gross_grams) from lodestone.account_balances held
            where held.organisation = exporter and held.kind = 'site')) as grams,
        exists (select from lodestone.filing_references filed where filed.organisation = exporter) as has_filed
    from unnest($1) exporter";

/// Quantities are written in kilograms to the gram.
const DESTINATION: &str =
    "select lodestone.saturated(sum(grams) filter (where $3 < submitted_at)) as grams,
        lodestone.saturated(sum(grams) filter (where submitted_at <= $3)) as grams_before,
        (count(*) filter (where submitted_at <= $3))::integer as applications_before
    from (select application.submitted_at, (select sum((line ->> 'quantity_kg')::numeric * 1000)
            from jsonb_array_elements(application.content -> 'lines') line) as grams
        from lodestone.cases application
        where application.content ->> 'destination' = $1 and $2 < application.submitted_at
            and application.submitted_at <= $4) asked";

/// Reads how these exporters report and what they hold.
pub(super) async fn load(
    conn: &mut AsyncPgConnection,
    exporters: &[Uuid],
    earliest: Date,
) -> Result<Exporters, Error> {
    type Columns = (Uuid, Uuid, Vec<String>, jiff_diesel::Timestamp);
    let rows: Vec<Columns> = sites::table
        .inner_join(organisations::table.on(organisations::id.eq(sites::organisation)))
        .filter(organisations::kind.eq(OrganisationKind::Filer.as_str()))
        .filter(sites::organisation.eq_any(exporters))
        .select((sites::organisation, sites::id, sites::stages, organisations::registered_at))
        .load(conn)
        .await?;
    let first = Month::of(earliest.saturating_sub((MONTHS + 1).months())).first_day();
    let returns: Vec<ReturnRow> = diesel::sql_query(RETURNS)
        .bind::<Array<SqlUuid>, _>(exporters)
        .bind::<SqlDate, _>(jiff_diesel::Date::from(first))
        .load(conn)
        .await?;
    let stocks: Vec<StockRow> =
        diesel::sql_query(STOCKS).bind::<Array<SqlUuid>, _>(exporters).load(conn).await?;
    let returns = returns
        .into_iter()
        .map(|row| ((row.site, Month::of(row.month.to_jiff())), row.recorded_at.to_jiff()));
    Ok(Exporters {
        sites: rows.into_iter().map(site).collect::<Result<_, _>>()?,
        returns: returns.collect(),
        filers: stocks.iter().filter(|row| row.has_filed).map(|row| row.organisation).collect(),
        stocks: stocks.into_iter().map(|row| (row.organisation, row.grams)).collect(),
    })
}

fn site(
    (organisation, id, stages, registered_at): (Uuid, Uuid, Vec<String>, jiff_diesel::Timestamp),
) -> Result<Site, CorruptRow> {
    let reader = Reader { table: "sites", id };
    let stages =
        stages.iter().map(|stage| reader.word("stages", stage)).collect::<Result<_, _>>()?;
    Ok(Site { organisation, id, stages, registered_at: registered_at.to_jiff() })
}

impl Exporters {
    /// How an exporter had reported when it applied.
    pub(super) fn reports(
        &self,
        exporter: OrganisationId,
        at: Timestamp,
        law: &Law,
    ) -> ReportsStand {
        let applied_on = beijing_date(at);
        let exporter = exporter.as_uuid();
        let mut stand =
            ReportsStand { has_filed: self.filers.contains(&exporter), ..ReportsStand::default() };
        let months = (1..=MONTHS)
            .map(|back| Month::of(applied_on.first_of_month().saturating_sub(back.months())));
        let months: Vec<Month> = months.collect();
        for site in self.sites.iter().filter(|site| site.organisation == exporter) {
            let registered = Month::of(beijing_date(site.registered_at));
            for month in months.iter().filter(|month| registered <= **month) {
                let duties = law.regime.filing_duties(month.last_day());
                let is_due =
                    due(duties, &site.stages, *month).is_some_and(|due| due.day < applied_on);
                if !is_due {
                    continue;
                }
                stand.due += 1;
                let came = self.returns.get(&(site.id, *month));
                stand.missing += u32::from(came.is_none_or(|came| at < *came));
            }
        }
        stand
    }

    /// What an exporter's sites hold.
    pub(super) fn stock_grams(&self, exporter: OrganisationId) -> i64 {
        self.stocks.get(&exporter.as_uuid()).copied().unwrap_or(0)
    }
}

/// What everybody asked for to an application's destination, up to it.
pub(super) async fn destination(
    conn: &mut AsyncPgConnection,
    application: &Submitted,
    law: &Law,
) -> Result<Option<DestinationStand>, Error> {
    let Some(destination) = application.draft.destination else { return Ok(None) };
    let days = law.parameters.get(ParameterName::DestinationWindowDays).to_i64().unwrap_or(0);
    let hours = 24 * days.clamp(1, 3_650);
    let before = |windows: i64| {
        let moment = application.at.checked_sub((windows * hours).hours());
        jiff_diesel::Timestamp::from(moment.unwrap_or(Timestamp::MIN))
    };
    let row: DestinationRow = diesel::sql_query(DESTINATION)
        .bind::<Text, _>(destination.to_string())
        .bind::<Timestamptz, _>(before(1 + WINDOWS_BEFORE))
        .bind::<Timestamptz, _>(before(1))
        .bind::<Timestamptz, _>(jiff_diesel::Timestamp::from(application.at))
        .get_result(conn)
        .await?;
    Ok(Some(DestinationStand {
        destination,
        grams: row.grams,
        grams_before: row.grams_before,
        applications_before: u32::try_from(row.applications_before).unwrap_or(0),
    }))
}
