//! Customs tell of goods that left while the line was down. What left is never denied.

use super::{
    declared::{DeclaredForm, faults_of, faults_of_count, faults_of_number, refuse},
    view::kilograms,
    visible,
};
use crate::app::{self, App};
use actix_web::{get, post, web};
use database::licences::{self, Departed, DepartureRecord, NewDeparture};
use domain::{
    ids::{DepartureId, ReservationId},
    licence::Declaration,
    violation::Violation,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    identity::{Customs, Official, Signed},
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const DEPARTURES_AT_ONCE: usize = 200;
const DEPARTURES_AT_MOST: i64 = 1_000;
const NUMBER_CHARACTERS_AT_MOST: usize = 64;

/// Goods that left while the line was down.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReconciliationForm {
    /// At most 200.
    departures: Vec<DepartureForm>,
}

/// One line of a declaration whose goods left.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DepartureForm {
    /// The number of the licence that was shown.
    #[schema(example = "LS-2026-000123-W")]
    licence: String,
    /// The line of the licence.
    #[schema(example = 1)]
    line: u16,
    /// The customs declaration.
    #[schema(example = "530120261123456789")]
    declaration: String,
    /// The line of the declaration.
    #[schema(example = 1)]
    declaration_line: u16,
    /// The day the goods left, in Beijing.
    #[schema(value_type = String, example = "2026-11-23")]
    departed_on: Date,
    /// What was declared.
    declared: DeclaredForm,
}

/// What became of what was told, in the order it was told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReconciliationView {
    departures: Vec<DepartureView>,
}

/// Goods that left before the register was asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DepartureView {
    /// Its id.
    id: Uuid,
    /// `recorded` now; `recorded_before`, by the same declaration and line; or `contradicts` what
    /// was recorded for them before, which stays as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// The number of the licence that was shown.
    licence: String,
    /// Its line.
    line: u16,
    /// The customs declaration.
    declaration: String,
    /// The line of the declaration.
    declaration_line: u16,
    /// The day the goods left.
    departed_on: String,
    /// How much left.
    quantity_kg: String,
    /// How much of it the licence does not cover: excess use.
    excess_kg: String,
    /// Why the goods would have been refused, had the register been asked; besides their mass.
    #[serde(skip_serializing_if = "Option::is_none")]
    irregularity: Option<String>,
    /// When it was recorded.
    recorded_at: String,
}

/// Records goods that left while the line was down, once for each declaration and line. Nothing is
/// denied: what a licence does not cover is excess use, and its balance stops at nothing.
#[utoipa::path(
    tag = "customs",
    request_body = ReconciliationForm,
    responses(
        (status = 200, body = ReconciliationView),
        (status = 403, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/licences/reconciliation")]
pub(crate) async fn reconcile(
    app: web::Data<App>,
    customs: Customs,
    trace: TraceContext,
    body: JsonBody<ReconciliationForm>,
) -> Result<web::Json<ReconciliationView>, Problem> {
    let moment = app::moment(&trace);
    let told = checked(body.value, moment.today())?;
    let mut conn = app.connection().await?;
    let regime = app.regimes.in_force(&mut conn, moment.at).await?;
    let mut departures = Vec::with_capacity(told.len());
    // Each in a transaction of its own: what is recorded stays, and a repeat goes on after it.
    for new in told {
        let departed =
            licences::record_departure(&mut conn, &new, customs.person, &regime, &moment).await?;
        departures.push(match departed {
            Departed::New(record) => DepartureView::of(&record, Some("recorded")),
            Departed::Before(record) => DepartureView::of(&record, Some("recorded_before")),
            Departed::Otherwise(record) => DepartureView::of(&record, Some("contradicts")),
        });
    }
    Ok(web::Json(ReconciliationView { departures }))
}

/// What left under a licence before the register was asked, the oldest first. For officials.
#[utoipa::path(
    tag = "customs",
    params(("number" = String, Path)),
    responses((status = 200, body = ReconciliationView), (status = 403, body = ProblemDetails), (status = 404, body = ProblemDetails))
)]
#[get("/v1/licences/{number}/departures")]
pub(crate) async fn list(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    number: web::Path<String>,
) -> Result<web::Json<ReconciliationView>, Problem> {
    let signed: &Signed = &official;
    super::may_read(signed)?;
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    let record = visible(&mut conn, signed, &number, &moment).await?;
    let found = licences::departures(&mut conn, record.id, DEPARTURES_AT_MOST).await?;
    let departures = found.iter().map(|record| DepartureView::of(record, None)).collect();
    Ok(web::Json(ReconciliationView { departures }))
}

fn checked(form: ReconciliationForm, today: Date) -> Result<Vec<NewDeparture>, Problem> {
    let mut faults = Vec::new();
    let told = form.departures.len();
    if told == 0 || DEPARTURES_AT_ONCE < told {
        let fault = Violation::new("/departures", "out_of_range", "so many are not taken at once");
        refuse(vec![fault.expecting(format!("1 to {DEPARTURES_AT_ONCE}"))])?;
    }
    let mut new = Vec::with_capacity(told);
    for (index, form) in form.departures.into_iter().enumerate() {
        let at = format!("/departures/{index}");
        faults.extend(faults_of_number(&form.declaration, &format!("{at}/declaration")));
        faults.extend(faults_of_count(form.line, &format!("{at}/line")));
        faults.extend(faults_of_count(form.declaration_line, &format!("{at}/declaration_line")));
        if NUMBER_CHARACTERS_AT_MOST < form.licence.chars().count() || form.licence.contains('\0') {
            let fault =
                Violation::new(format!("{at}/licence"), "invalid_text", "this is no number");
            faults.push(fault.expecting(format!("at most {NUMBER_CHARACTERS_AT_MOST} characters")));
        }
        if today < form.departed_on {
            let pointer = format!("{at}/departed_on");
            let fault = Violation::new(pointer, "in_the_future", "they have not left yet");
            faults.push(fault.expecting(format!("{today} at the latest")));
        }
        let declared: Declaration = form.declared.under(form.declaration);
        faults.extend(faults_of(&declared, &format!("{at}/declared")));
        if declared.mass.grams() == 0 {
            let pointer = format!("{at}/declared/quantity_kg");
            faults.push(Violation::new(pointer, "nothing_left", "more than nothing left"));
        }
        new.push(NewDeparture {
            id: DepartureId::from_uuid(Uuid::now_v7()),
            reservation: ReservationId::from_uuid(Uuid::now_v7()),
            number: form.licence,
            line: form.line,
            declaration_line: form.declaration_line,
            declared,
            departed_on: form.departed_on,
        });
    }
    refuse(faults)?;
    Ok(new)
}

impl DepartureView {
    fn of(record: &DepartureRecord, outcome: Option<&'static str>) -> Self {
        Self {
            id: record.id.as_uuid(),
            outcome,
            licence: record.number.clone(),
            line: record.line,
            declaration: record.declaration.clone(),
            declaration_line: record.declaration_line,
            departed_on: record.departed_on.to_string(),
            quantity_kg: kilograms(record.grams),
            excess_kg: kilograms(record.excess_grams),
            irregularity: record.irregularity.clone(),
            recorded_at: record.recorded_at.to_string(),
        }
    }
}
