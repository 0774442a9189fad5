//! National statistics in full, for officials: sums over the cache of flows.
//!
//! Nothing here is fit for the public: what may be published of it is for [`domain::disclosure`]
//! to say.

use crate::{Error, act_for, row::Reader};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Date, Text},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    element::{ELEMENT_COUNT, Element},
    flow::FlowKind,
    mass::ElementMasses,
};
use uuid::Uuid;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What was extracted, collected and made in a month.
    Production,
    /// What the books say was in stock at the end of a month.
    Stock,
    /// What was sent to domestic clients in a month.
    Trade,
    /// What was sent abroad in a month.
    Exports,
}

/// What is counted apart; everything else is added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each dimension is asked for or not")]
pub struct By {
    /// Month by month; for stock always.
    pub month: bool,
    /// By the flow and, of what was made, the process.
    pub stage: bool,
    /// By category of goods.
    pub category: bool,
    /// By so many digits of the site's region; 0 for the whole country.
    pub region_digits: u8,
    /// By destination.
    pub destination: bool,
}

/// A sum. Texts are empty for what was not asked apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The month; the first of the period where months were not asked apart.
    pub month: Month,
    /// The flow or process.
    pub stage: String,
    /// The category.
    pub category: String,
    /// The region's leading digits.
    pub region: String,
    /// The country.
    pub destination: String,
    /// Gross mass; stock may be below zero where books are wrong.
    pub gross_grams: i64,
    /// Rare earths.
    pub elements: ElementMasses,
}

#[derive(QueryableByName)]
struct SumRow {
    #[diesel(sql_type = Date)]
    month: jiff_diesel::Date,
    #[diesel(sql_type = Text)]
    stage: String,
    #[diesel(sql_type = Text)]
    category: String,
    #[diesel(sql_type = Text)]
    region: String,
    #[diesel(sql_type = Text)]
    destination: String,
    #[diesel(sql_type = BigInt)]
    gross_grams: i64,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
}

impl Subject {
    fn flows(self) -> Vec<&'static str> {
        let is_counted = |flow: &FlowKind| match self {
            Self::Production => {
                matches!(flow, FlowKind::Extracted | FlowKind::Collected | FlowKind::Produced)
            }
            Self::Stock => true,
            Self::Trade => *flow == FlowKind::Dispatched,
            Self::Exports => *flow == FlowKind::Exported,
        };
        FlowKind::ALL.iter().filter(|flow| is_counted(flow)).map(|flow| flow.as_str()).collect()
    }
}

/// Sums over all filers, in the order of their texts, at most `limit`. As the official role.
pub async fn sums(
    conn: &mut AsyncPgConnection,
    subject: Subject,
    by: By,
    (from, until): (Month, Month),
    limit: u32,
) -> Result<Vec<Sum>, Error> {
    let is_stock = subject == Subject::Stock;
    // Stock is everything that ever came and went; the rest is what happened in the month.
    let (months, sign) = if is_stock {
        let adding: Vec<String> = FlowKind::ALL
            .iter()
            .filter(|flow| flow.adds())
            .map(|flow| format!("'{flow}'"))
            .collect();
        (
            "m.month <= at.month",
            format!("case when m.flow in ({}) then 1 else -1 end", adding.join(", ")),
        )
    } else {
        ("m.month = at.month", "1".to_owned())
    };
    let month = if by.month || is_stock { "at.month" } else { "$2" };
    let apart = |asked: bool, column: &'static str| if asked { column } else { "''" };
    let stage = apart(by.stage && !is_stock, "coalesce(nullif(m.process, ''), m.flow)");
    let category = apart(by.category, "m.category");
    let destination = apart(by.destination && subject == Subject::Exports, "m.country");
    let elements = Element::ALL.map(|element| {
        format!("saturated(sum({sign} * m.{}_mg))", element.symbol().to_ascii_lowercase())
    });
    let statement = format!(
        "select {month} as month, {stage} as stage, {category} as category,
            left(coalesce(s.region, ''), {}) as region, {destination} as destination,
            saturated(sum({sign} * m.gross_grams)) as gross_grams, array[{}] as elements
         from (select generate_series($2::timestamp, $3::timestamp, interval '1 month')::date as month) at
         join monthly_flows m on m.flow = any ($1) and {months}
         left join sites s on s.organisation = m.organisation and s.id = m.site
         group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5 limit $4",
        by.region_digits,
        elements.join(", "),
    );
    let rows: Vec<SumRow> = conn
        .transaction(async |conn| {
            act_for(conn, &[]).await?;
            diesel::sql_query(statement)
                .bind::<Array<Text>, _>(subject.flows())
                .bind::<Date, _>(jiff_diesel::Date::from(from.first_day()))
                .bind::<Date, _>(jiff_diesel::Date::from(until.first_day()))
                .bind::<BigInt, _>(i64::from(limit))
                .load(conn)
                .await
                .map_err(Error::from)
        })
        .await?;
    let reader = Reader { table: "monthly_flows", id: Uuid::nil() };
    rows.into_iter()
        .map(|row| {
            let elements: [i64; ELEMENT_COUNT] =
                row.elements.try_into().map_err(|_| reader.corrupt("elements"))?;
            Ok(Sum {
                month: Month::of(row.month.to_jiff()),
                stage: row.stage,
                category: row.category,
                region: row.region,
                destination: row.destination,
                gross_grams: row.gross_grams,
                elements: ElementMasses(elements),
            })
        })
        .collect()
}
