//! Licensed against exported, in full, for officials: a table of `GET /v1/statistics/{table}`.

use crate::statistics::{TableView, guarded, parameter};
use actix_web::HttpResponse;
use database::{Connection, licensed};
use domain::{
    calendar_month::Month,
    licensed::{Amount, ElementOf, LicensedBy, LicensedRow, tabulate},
    mass::kilograms_of_grams,
};
use serde::Serialize;
use service::problem::Problem;
use utoipa::ToSchema;

/// Lines of applications and licences in an answer at most: some years of a nation's.
const FACTS_LIMIT: usize = 300_000;
/// Rows of an answer at most.
const ROWS_LIMIT: usize = 10_000;
const DIMENSIONS: &str = "month, item, destination, element";
const NOT_STATED: &str = "not_stated";

/// Licensed against exported.
#[derive(Debug, Serialize, ToSchema)]
pub struct LicensingStatisticsView {
    /// `licensing`.
    pub table: &'static str,
    /// In the order of what is counted apart. Members that were not asked for are absent.
    pub rows: Vec<LicensingStatisticsRow>,
}

/// A sum over all exporters.
#[derive(Debug, Serialize, ToSchema)]
pub struct LicensingStatisticsRow {
    /// The month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-10")]
    pub month: Option<String>,
    /// The item of the control list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1C905.a.4")]
    pub control_code: Option<String>,
    /// Where the goods go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The element, or `not_stated` for goods of which the application says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// Applications handed in; each once in a row.
    pub applications: usize,
    /// Applications approved.
    pub approved: usize,
    /// Applications refused.
    pub refused: usize,
    /// What licences issued allow, gross; absent where elements are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licensed_gross_kg: Option<String>,
    /// The same as rare-earth oxide, rounded down to the gram.
    pub licensed_reo_kg: String,
    /// What customs confirmed, gross; absent where elements are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exported_gross_kg: Option<String>,
    /// The same as rare-earth oxide, rounded down to the gram.
    pub exported_reo_kg: String,
}

/// Answers the table.
pub async fn answer(
    conn: &mut Connection,
    by: &str,
    period: (Month, Month),
    as_csv: bool,
) -> Result<HttpResponse, Problem> {
    let by = asked(by)?;
    let limit = i64::try_from(FACTS_LIMIT).unwrap_or(i64::MAX) + 1;
    let facts = licensed::facts(conn, period, limit).await?;
    let too_many = |what: String| parameter("until", what, "fewer months".to_owned());
    if FACTS_LIMIT < facts.len() {
        return Err(too_many(format!(
            "more than {FACTS_LIMIT} lines of applications and licences"
        )));
    }
    // Adding up takes a while where there is much; others are answered meanwhile.
    let rows = actix_web::web::block(move || tabulate(&facts, by)).await;
    let rows = rows.map_err(anyhow::Error::from)?;
    if ROWS_LIMIT < rows.len() {
        return Err(too_many(format!("more than {ROWS_LIMIT} rows")));
    }
    let rows: Vec<LicensingStatisticsRow> = rows.iter().map(LicensingStatisticsRow::from).collect();
    if as_csv {
        return Ok(HttpResponse::Ok().content_type("text/csv; charset=utf-8").body(csv(&rows)));
    }
    Ok(HttpResponse::Ok()
        .json(TableView::Licensed(LicensingStatisticsView { table: "licensing", rows })))
}

fn asked(by: &str) -> Result<LicensedBy, Problem> {
    let mut asked = LicensedBy::default();
    for dimension in by.split(',').filter(|dimension| !dimension.is_empty()) {
        match dimension {
            "month" => asked.month = true,
            "item" => asked.item = true,
            "destination" => asked.destination = true,
            "element" => asked.element = true,
            _ => {
                let detail = "no such dimension".to_owned();
                return Err(parameter("by", detail, format!("of {DIMENSIONS}")));
            }
        }
    }
    Ok(asked)
}

impl From<&LicensedRow> for LicensingStatisticsRow {
    fn from(row: &LicensedRow) -> Self {
        // Gross mass has no element; of goods without any it is all there is.
        let has_gross = matches!(row.element, None | Some(ElementOf::NotStated));
        let gross = |amount: Amount| has_gross.then(|| kilograms_of_grams(amount.gross_grams));
        let oxide = |amount: Amount| kilograms_of_grams(amount.elements.oxide_grams());
        Self {
            month: row.month.map(|month| month.to_string()),
            control_code: row.control_code.clone(),
            destination: row.destination.clone(),
            element: row.element.map(|element| match element {
                ElementOf::Element(element) => element.to_string(),
                ElementOf::NotStated => NOT_STATED.to_owned(),
            }),
            applications: row.applications,
            approved: row.approved,
            refused: row.refused,
            licensed_gross_kg: gross(row.licensed),
            licensed_reo_kg: oxide(row.licensed),
            exported_gross_kg: gross(row.exported),
            exported_reo_kg: oxide(row.exported),
        }
    }
}

/// A table with the two languages' headers; empty where there is nothing to say.
fn csv(rows: &[LicensingStatisticsRow]) -> String {
    let mut text = "\u{feff}month 月份,control_code 管制编码,destination 目的地,element 元素,\
                    applications 申请数,approved 批准数,refused 拒绝数,licensed_gross_kg 许可毛重(千克),\
                    licensed_reo_kg 许可折氧化物(千克),exported_gross_kg 出口毛重(千克),\
                    exported_reo_kg 出口折氧化物(千克)\r\n"
        .to_owned();
    for row in rows {
        let counts = [row.applications, row.approved, row.refused].map(|count| count.to_string());
        let cells = [
            row.month.as_deref(),
            row.control_code.as_deref(),
            row.destination.as_deref(),
            row.element.as_deref(),
            Some(counts[0].as_str()),
            Some(counts[1].as_str()),
            Some(counts[2].as_str()),
            row.licensed_gross_kg.as_deref(),
            Some(row.licensed_reo_kg.as_str()),
            row.exported_gross_kg.as_deref(),
            Some(row.exported_reo_kg.as_str()),
        ];
        let cells = cells.map(|cell| guarded(cell.unwrap_or_default()));
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}
