//! Exporters report how far goods have come that left under a licence.

use super::{
    declared::{faults_of_number, refuse},
    known,
    view::kilograms,
    visible,
};
use crate::{
    app::{self, App},
    problems,
};
use actix_web::{HttpResponse, get, post, web};
use database::{
    licences::{self, ArrivalRecord, NewArrival},
    licensing_requests::{Answered, Request},
};
use domain::{
    identifiers::CountryCode, licence::ArrivalStage, mass::Kilograms, violation::Violation,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    idempotency::{IdempotencyKey, fingerprint},
    identity::{Exporter, Signed},
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const ARRIVALS_AT_MOST: i64 = 1_000;
const PLACE_CHARACTERS_AT_MOST: usize = 200;
const NOTE_CHARACTERS_AT_MOST: usize = 2_000;

/// A report about goods that left.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArrivalForm {
    /// The customs declaration they left under.
    #[schema(example = "530120261123456789")]
    declaration: String,
    /// `transported`, `arrived`, `installed` or `used`.
    #[schema(value_type = String, example = "arrived")]
    stage: ArrivalStage,
    /// On which day.
    #[schema(value_type = String, example = "2026-12-20")]
    occurred_on: Date,
    /// How much.
    #[schema(value_type = String, example = "250.000")]
    quantity_kg: Kilograms,
    /// Where.
    #[schema(example = "Beispiel Motoren GmbH, Nürnberg")]
    place: String,
    /// In which country: to be held against the licence's destination.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "DE")]
    country: Option<CountryCode>,
    /// Anything else.
    #[serde(default)]
    note: Option<String>,
}

/// A report as it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArrivalView {
    /// Its id.
    id: Uuid,
    /// The customs declaration the goods left under.
    declaration: String,
    /// How far they have come.
    stage: &'static str,
    /// On which day.
    occurred_on: String,
    /// How much.
    quantity_kg: String,
    /// Where.
    place: String,
    /// In which country.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// Anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// When it was reported.
    reported_at: String,
}

/// The reports about goods that left under a licence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArrivalList {
    /// The oldest first.
    arrivals: Vec<ArrivalView>,
}

/// Reports transport, arrival, installation or use of goods that left under your licence.
#[utoipa::path(
    tag = "licences",
    request_body = ArrivalForm,
    params(
        ("number" = String, Path, example = "LS-2026-000123-W"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses(
        (status = 201, body = ArrivalView),
        (status = 200, description = "It was reported before by the same request", body = ArrivalView),
        (status = 404, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/licences/{number}/arrivals")]
pub(crate) async fn report(
    app: web::Data<App>,
    exporter: Exporter,
    key: IdempotencyKey,
    trace: TraceContext,
    number: web::Path<String>,
    body: JsonBody<ArrivalForm>,
) -> Result<HttpResponse, Problem> {
    let number = known(&number)?;
    let moment = app::moment(&trace);
    let new = checked(body.value, moment.today())?;
    let (organisation, person) = (exporter.organisation, exporter.person);
    let key = format!("arrivals of {number} {}", key.as_str());
    let request = Request { organisation, key: &key, hash: fingerprint(&body.bytes) };
    let answer = |record: &ArrivalRecord| {
        serde_json::to_value(ArrivalView::from(record)).expect("a view is plain JSON")
    };
    let answered = app.own(organisation, async |conn| {
        licences::report_arrival(conn, &request, number, &new, person, &moment, answer)
            .await
            .map_err(problems::of_licence)
    });
    match answered.await? {
        Answered::Now(view) => Ok(HttpResponse::Created().json(view)),
        Answered::Before(view) => Ok(HttpResponse::Ok().json(view)),
        Answered::KeyReused => Err(Problem::IdempotencyKeyReused),
    }
}

/// What was reported about goods that left under a licence, the oldest first.
#[utoipa::path(
    tag = "licences",
    params(("number" = String, Path, example = "LS-2026-000123-W")),
    responses((status = 200, body = ArrivalList), (status = 404, body = ProblemDetails))
)]
#[get("/v1/licences/{number}/arrivals")]
pub(crate) async fn list(
    app: web::Data<App>,
    signed: Signed,
    trace: TraceContext,
    number: web::Path<String>,
) -> Result<web::Json<ArrivalList>, Problem> {
    super::may_read(&signed)?;
    let moment = app::moment(&trace);
    let found = app
        .seen_by(&signed, async |conn| {
            let record = visible(conn, &signed, &number, &moment).await?;
            Ok(licences::arrivals(conn, record.id, ARRIVALS_AT_MOST).await?)
        })
        .await?;
    Ok(web::Json(ArrivalList { arrivals: found.iter().map(ArrivalView::from).collect() }))
}

fn checked(form: ArrivalForm, today: Date) -> Result<NewArrival, Problem> {
    let mut faults: Vec<Violation> =
        faults_of_number(&form.declaration, "/declaration").into_iter().collect();
    if form.quantity_kg.grams() == 0 {
        faults.push(Violation::new("/quantity_kg", "nothing", "more than nothing arrived"));
    }
    if today < form.occurred_on {
        let fault = Violation::new("/occurred_on", "in_the_future", "this has not happened yet");
        faults.push(fault.expecting(format!("{today} at the latest")));
    }
    let place = form.place.trim().chars().count();
    if place == 0 || PLACE_CHARACTERS_AT_MOST < place || form.place.contains('\0') {
        let fault = Violation::new("/place", "invalid_text", "say where");
        faults.push(fault.expecting(format!("1 to {PLACE_CHARACTERS_AT_MOST} characters")));
    }
    let note = form.note.as_deref().unwrap_or_default();
    if NOTE_CHARACTERS_AT_MOST < note.chars().count() || note.contains('\0') {
        let fault = Violation::new("/note", "invalid_text", "this is too long");
        faults.push(fault.expecting(format!("at most {NOTE_CHARACTERS_AT_MOST} characters")));
    }
    refuse(faults)?;
    Ok(NewArrival {
        id: Uuid::now_v7(),
        declaration: form.declaration,
        stage: form.stage,
        occurred_on: form.occurred_on,
        mass: form.quantity_kg,
        place: form.place,
        country: form.country,
        note: form.note,
    })
}

impl From<&ArrivalRecord> for ArrivalView {
    fn from(record: &ArrivalRecord) -> Self {
        Self {
            id: record.id,
            declaration: record.declaration.clone(),
            stage: record.stage.as_str(),
            occurred_on: record.occurred_on.to_string(),
            quantity_kg: kilograms(record.grams),
            place: record.place.clone(),
            country: record.country.map(|country| country.to_string()),
            note: record.note.clone(),
            reported_at: record.reported_at.to_string(),
        }
    }
}
