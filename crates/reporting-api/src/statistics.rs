//! `GET /v1/statistics/{table}`: production, stock, trade and exports of the nation, for officials.
//!
//! In full, and so for officials only; every read is logged with its purpose, for auditors. What
//! the public may see of such tables is another question (`domain::disclosure`).

use crate::{
    licensing_statistics::{self, LicensingStatisticsView},
    reading::Reading,
};
use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use database::statistics::{self, By, Subject, Sum};
use domain::{calendar_month::Month, mass::kilograms_of_grams};
use serde::{Deserialize, Serialize};
use service::problem::{Location, Problem, ProblemDetails, Violation};
use utoipa::{IntoParams, ToSchema};

const MONTHS_LIMIT: usize = 36;
/// Rows of an answer at most, before elements are told apart.
const ROWS_LIMIT: u32 = 10_000;
const DIMENSIONS: &str = "month, stage, category, province, region, destination, element";

/// What to count, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct StatisticsQuery {
    /// The first month.
    #[param(value_type = String, required = true, example = "2026-01")]
    from: Option<Month>,
    /// The last month, within three years.
    #[param(value_type = String, required = true, example = "2026-11")]
    until: Option<Month>,
    /// What is counted apart: of `month`, `stage`, `category`, `province`, `region`, `destination`
    /// and `element`, separated by commas. Stock is told at the end of each month.
    #[param(example = "month,category,province")]
    by: Option<String>,
}

/// A table of statistics.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatisticsView {
    /// What is counted.
    #[schema(example = "production")]
    pub table: String,
    /// Sums, in the order of what is counted apart. Members that were not asked for are absent.
    pub rows: Vec<StatisticsRow>,
}

/// A table in full.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum TableView {
    /// Of what was filed.
    Filed(StatisticsView),
    /// Of what was licensed.
    Licensed(LicensingStatisticsView),
}

/// A sum over all filers.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct StatisticsRow {
    /// The month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-10")]
    pub month: Option<String>,
    /// What was done: `extracted`, `collected`, or the process of a transformation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What kind of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The site's region, or the first two digits of it: its province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where exports went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// Gross mass; absent where elements are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gross_kg: Option<String>,
    /// As rare-earth oxide, rounded down to the gram.
    pub reo_kg: String,
}

#[derive(Debug, Default)]
struct Asked {
    by: By,
    elements: bool,
}

/// Tells production, stock, trade or exports of the nation in full. It takes an official.
///
/// `licensing` tells licensed against exported: applications, decisions, what licences allow and what
/// customs confirmed, by `month`, `item` (of the control list), `destination` and `element`.
///
/// They say why in `Lodestone-Purpose`. As CSV for `Accept: text/csv` or a table's name with
/// `.csv` after it.
#[utoipa::path(
    tag = "statistics",
    params(("table" = String, Path, description = "`production`, `stock`, `trade`, `exports` or `licensing`"),
        StatisticsQuery, ("Lodestone-Purpose" = Option<String>, Header, description = "Why")),
    responses(
        (status = 200, body = TableView),
        (status = 400, body = ProblemDetails),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/statistics/{table}")]
pub async fn table(
    reading: Reading,
    request: HttpRequest,
    name: web::Path<String>,
    query: web::Query<StatisticsQuery>,
) -> Result<HttpResponse, Problem> {
    let (name, is_csv_name) = match name.strip_suffix(".csv") {
        Some(name) => (name.to_owned(), true),
        None => (name.into_inner(), false),
    };
    let mut access = reading.across().await?;
    if access.filer.is_some() {
        return Err(Problem::Forbidden("it takes an official".into()));
    }
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let as_csv = is_csv_name || accepted.is_some_and(|accepted| accepted.starts_with("text/csv"));
    if name == "licensing" {
        let period = period(&query)?;
        reading.note_own(&mut access, "statistics of licensing").await?;
        let by = query.by.as_deref().unwrap_or_default();
        return licensing_statistics::answer(&mut access.conn, by, period, as_csv).await;
    }
    let subject = match name.as_str() {
        "production" => Subject::Production,
        "stock" => Subject::Stock,
        "trade" => Subject::Trade,
        "exports" => Subject::Exports,
        _ => return Err(Problem::NotFound("table")),
    };
    let asked = asked(query.by.as_deref().unwrap_or_default())?;
    let period = period(&query)?;
    reading.note_own(&mut access, &format!("statistics of {name}")).await?;
    let sums =
        statistics::sums(&mut access.conn, subject, asked.by, period, ROWS_LIMIT + 1).await?;
    if usize::try_from(ROWS_LIMIT).is_ok_and(|limit| limit < sums.len()) {
        let detail = format!("more than {ROWS_LIMIT} rows");
        return Err(parameter("by", detail, "fewer dimensions or months".to_owned()));
    }
    let has_month = asked.by.month || subject == Subject::Stock;
    let rows: Vec<StatisticsRow> =
        sums.iter().flat_map(|sum| rows(sum, &asked, has_month)).collect();
    if as_csv {
        return Ok(HttpResponse::Ok().content_type("text/csv; charset=utf-8").body(csv(&rows)));
    }
    Ok(HttpResponse::Ok().json(TableView::Filed(StatisticsView { table: name, rows })))
}

/// The first and the last month; filers were refused before, whatever they ask.
fn period(query: &StatisticsQuery) -> Result<(Month, Month), Problem> {
    let expected = || format!("at most {MONTHS_LIMIT} months, in order");
    let (Some(from), Some(until)) = (query.from, query.until) else {
        let missing = if query.from.is_none() { "from" } else { "until" };
        return Err(parameter(missing, "no month is named".to_owned(), expected()));
    };
    let is_short = std::iter::successors(Some(from), |month| Some(month.next()))
        .take(MONTHS_LIMIT)
        .any(|month| month == until);
    if is_short {
        Ok((from, until))
    } else {
        Err(parameter("until", format!("from {from} until {until}"), expected()))
    }
}

/// A query parameter that says nothing usable.
pub fn parameter(name: &str, detail: String, expected: String) -> Problem {
    Problem::InvalidParameter(Box::new(Violation {
        location: Location::Parameter { parameter: name.to_owned() },
        code: "out_of_range".into(),
        detail,
        expected: Some(expected),
    }))
}

fn asked(by: &str) -> Result<Asked, Problem> {
    let mut asked = Asked::default();
    for dimension in by.split(',').filter(|dimension| !dimension.is_empty()) {
        match dimension {
            "month" => asked.by.month = true,
            "stage" => asked.by.stage = true,
            "category" => asked.by.category = true,
            "province" => asked.by.region_digits = asked.by.region_digits.max(2),
            "region" => asked.by.region_digits = 6,
            "destination" => asked.by.destination = true,
            "element" => asked.elements = true,
            _ => {
                let detail = "no such dimension".to_owned();
                return Err(parameter("by", detail, format!("of {DIMENSIONS}")));
            }
        }
    }
    Ok(asked)
}

fn rows(sum: &Sum, asked: &Asked, has_month: bool) -> Vec<StatisticsRow> {
    let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let row = || StatisticsRow {
        month: has_month.then(|| sum.month.to_string()),
        stage: told(&sum.stage),
        category: told(&sum.category),
        region: told(&sum.region),
        destination: told(&sum.destination),
        ..StatisticsRow::default()
    };
    if !asked.elements {
        return vec![StatisticsRow {
            gross_kg: Some(kilograms_of_grams(sum.gross_grams)),
            reo_kg: kilograms_of_grams(sum.elements.oxide_grams()),
            ..row()
        }];
    }
    let of_each = sum.elements.present().map(|(element, _)| StatisticsRow {
        element: Some(element.to_string()),
        reo_kg: kilograms_of_grams(sum.elements.only(element).oxide_grams()),
        ..row()
    });
    of_each.collect()
}

/// A table with the two languages' headers; empty where there is nothing to say.
fn csv(rows: &[StatisticsRow]) -> String {
    let mut text = "\u{feff}month 月份,stage 环节,category 品类,region 地区,destination 目的地,\
                    element 元素,gross_kg 毛重(千克),reo_kg 折氧化物(千克)\r\n"
        .to_owned();
    for row in rows {
        let cells = [
            row.month.as_deref(),
            row.stage.as_deref(),
            row.category.as_deref(),
            row.region.as_deref(),
            row.destination.as_deref(),
            row.element.as_deref(),
            row.gross_kg.as_deref(),
            Some(row.reo_kg.as_str()),
        ];
        let cells = cells.map(|cell| guarded(cell.unwrap_or_default()));
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell that no spreadsheet takes for a formula; a number may be below zero.
pub fn guarded(cell: &str) -> String {
    let is_number = cell.trim_start_matches('-').bytes().all(|b| matches!(b, b'0'..=b'9' | b'.'));
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number;
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_taken_for_a_formula_and_numbers_stay_numbers() {
        assert_eq!(guarded("=1+1"), "'=1+1");
        assert_eq!(guarded("-cmd"), "'-cmd");
        assert_eq!(guarded("@x,\"y\""), "\"'@x,\"\"y\"\"\"");
        for plain in ["-12.500", "0.001", "oxide", "36", ""] {
            assert_eq!(guarded(plain), plain);
        }
    }
}
