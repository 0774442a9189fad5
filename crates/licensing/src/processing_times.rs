//! `GET /v1/processing-times`: how long decisions take, for anybody.

use crate::app::{self, App};
use actix_web::{get, web};
use domain::case::{TimesCell, processing_times};
use serde::Serialize;
use service::{problem::Problem, trace::TraceContext};
use utoipa::ToSchema;

/// How long decisions took.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProcessingTimesView {
    /// One entry for each quarter that has ended and kind of licence, the latest first.
    cells: Vec<CellView>,
}

/// One kind of licence in one quarter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CellView {
    /// The year of the decisions.
    year: i16,
    /// Its quarter, 1 to 4.
    quarter: i8,
    /// The kind of licence.
    kind: &'static str,
    /// How many were decided; absent where so few cases or exporters are in it that one could be
    /// told from the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    cases: Option<usize>,
    /// Half of them took at most so many working days from acceptance, pauses included.
    #[serde(skip_serializing_if = "Option::is_none")]
    median_working_days: Option<u32>,
    /// Nine in ten took at most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    ninety_percent_working_days: Option<u32>,
}

/// How long decisions took, quarter by quarter, recomputed from what happened. For anybody.
#[utoipa::path(
    tag = "workflow", security(()),
    responses((status = 200, body = ProcessingTimesView))
)]
#[get("/v1/processing-times")]
pub(crate) async fn read(
    app: web::Data<App>,
    trace: TraceContext,
) -> Result<web::Json<ProcessingTimesView>, Problem> {
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    let regime = app.regimes.in_force(&mut conn, moment.at).await?;
    let decided = app.decided.cases(&mut conn, &moment).await?;
    let cells = processing_times(&decided, regime.calendar(), moment.today());
    Ok(web::Json(ProcessingTimesView { cells: cells.into_iter().map(CellView::from).collect() }))
}

impl From<TimesCell> for CellView {
    fn from(cell: TimesCell) -> Self {
        let times = cell.times.as_ref();
        Self {
            year: cell.quarter.year,
            quarter: cell.quarter.quarter,
            kind: cell.kind.as_str(),
            cases: times.map(|times| times.cases),
            median_working_days: times.map(|times| times.median_working_days),
            ninety_percent_working_days: times.map(|times| times.ninety_percent_working_days),
        }
    }
}
