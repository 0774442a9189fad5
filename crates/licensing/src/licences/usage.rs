//! Customs draws licences down: reserve at declaration, confirm at release, release on
//! cancellation.

use super::{
    declared::{faults_of, faults_of_count, faults_of_number, refuse},
    known,
    view::ReservationView,
    visible,
};
use crate::{
    app::{self, App},
    problems,
};
use actix_web::{HttpResponse, get, post, web};
use database::licences::{self, NewReservation, ReservationRequest, Reserved};
use domain::{
    identifiers::{CountryCode, HsCode, PortCode},
    ids::ReservationId,
    licence::{CustomsDocument, Declaration, Settlement},
    mass::Kilograms,
    regime::ControlCode,
    violation::Violation,
};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    identity::{Customs, Signed},
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const RESERVATIONS_AT_MOST: i64 = 1_000;

/// Goods declared at the border under a line of a licence.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReservationForm {
    /// The line of the licence.
    #[schema(example = 1)]
    line: u16,
    /// The customs declaration.
    #[schema(example = "530120261123456789")]
    declaration: String,
    /// The line of the declaration.
    #[schema(example = 1)]
    declaration_line: u16,
    /// How much.
    #[schema(value_type = String, example = "250.000")]
    quantity_kg: Kilograms,
    /// The item of the control list that was declared.
    #[schema(value_type = String, example = "1C905.a.4")]
    control_code: ControlCode,
    /// The tariff code that was declared.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "8505111000")]
    hs_code: Option<HsCode>,
    /// Where the goods go.
    #[schema(value_type = String, example = "DE")]
    destination: CountryCode,
    /// Who receives them.
    #[schema(example = "Beispiel Motoren GmbH")]
    consignee: String,
    /// Who uses them in the end; needed where a condition names end users.
    #[serde(default)]
    end_user: Option<String>,
    /// The customs office where they leave; needed where a condition names offices.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2248")]
    port: Option<PortCode>,
    /// Documents that the declaration refers to, each `{"kind", "reference"}`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    documents: Vec<CustomsDocument>,
}

/// The reservations of a licence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReservationList {
    /// The oldest first.
    reservations: Vec<ReservationView>,
}

/// Reserves goods under a licence, once for each declaration and line.
#[utoipa::path(
    tag = "customs",
    request_body = ReservationForm,
    params(("number" = String, Path, example = "LS-2026-000123-W")),
    responses(
        (status = 201, body = ReservationView),
        (status = 200, description = "It was reserved before", body = ReservationView),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "State, validity, shipment or balance", body = ProblemDetails),
        (status = 422, description = "The declaration contradicts the licence", body = ProblemDetails),
        (status = 503, description = "More are declared than can be written; see `Retry-After`", body = ProblemDetails),
    )
)]
#[post("/v1/licences/{number}/reservations")]
pub(crate) async fn reserve(
    app: web::Data<App>,
    customs: Customs,
    trace: TraceContext,
    number: web::Path<String>,
    body: JsonBody<ReservationForm>,
) -> Result<HttpResponse, Problem> {
    let number = known(&number)?;
    let form = body.value;
    let declared = Declaration {
        number: form.declaration.clone(),
        control_code: form.control_code.clone(),
        hs_code: form.hs_code.clone(),
        destination: form.destination,
        consignee: form.consignee.clone(),
        end_user: form.end_user.clone(),
        port: form.port.clone(),
        documents: form.documents.clone(),
        mass: form.quantity_kg,
    };
    check(&form, &declared)?;
    let wanted = NewReservation {
        id: ReservationId::from_uuid(Uuid::now_v7()),
        line: form.line,
        declaration_line: form.declaration_line,
        declared,
    };
    let moment = app::moment(&trace);
    let regime = app.regime(moment.at).await?;
    let person = customs.person;
    let request = ReservationRequest { number, wanted, person, regime, moment };
    let reserved = app.reservations.reserve(request).await;
    match reserved.map_err(problems::of_use)? {
        Reserved::New(record) => Ok(HttpResponse::Created().json(ReservationView::from(&record))),
        Reserved::Before(record) => Ok(HttpResponse::Ok().json(ReservationView::from(&record))),
    }
}

/// The goods have left. A repeat changes nothing.
#[utoipa::path(
    tag = "customs",
    params(("number" = String, Path), ("reservation" = Uuid, Path)),
    responses(
        (status = 200, body = ReservationView),
        (status = 404, body = ProblemDetails),
        (status = 409, body = ProblemDetails),
    )
)]
#[post("/v1/licences/{number}/reservations/{reservation}/confirm")]
pub(crate) async fn confirm(
    app: web::Data<App>,
    customs: Customs,
    trace: TraceContext,
    path: web::Path<(String, ReservationId)>,
) -> Result<web::Json<ReservationView>, Problem> {
    settle(&app, &customs, &trace, path.into_inner(), Settlement::Confirm).await
}

/// The declaration was cancelled. A repeat changes nothing.
#[utoipa::path(
    tag = "customs",
    params(("number" = String, Path), ("reservation" = Uuid, Path)),
    responses(
        (status = 200, body = ReservationView),
        (status = 404, body = ProblemDetails),
        (status = 409, body = ProblemDetails),
    )
)]
#[post("/v1/licences/{number}/reservations/{reservation}/release")]
pub(crate) async fn release(
    app: web::Data<App>,
    customs: Customs,
    trace: TraceContext,
    path: web::Path<(String, ReservationId)>,
) -> Result<web::Json<ReservationView>, Problem> {
    settle(&app, &customs, &trace, path.into_inner(), Settlement::Release).await
}

/// What was declared under a licence, the oldest first.
#[utoipa::path(
    tag = "customs",
    params(("number" = String, Path)),
    responses((status = 200, body = ReservationList), (status = 404, body = ProblemDetails))
)]
#[get("/v1/licences/{number}/reservations")]
pub(crate) async fn list(
    app: web::Data<App>,
    signed: Signed,
    trace: TraceContext,
    number: web::Path<String>,
) -> Result<web::Json<ReservationList>, Problem> {
    super::may_read(&signed)?;
    let moment = app::moment(&trace);
    let found = app
        .seen_by(&signed, async |conn| {
            let record = visible(conn, &signed, &number, &moment).await?;
            Ok(licences::reservations(conn, record.id, RESERVATIONS_AT_MOST).await?)
        })
        .await?;
    let reservations = found.iter().map(ReservationView::from).collect();
    Ok(web::Json(ReservationList { reservations }))
}

async fn settle(
    app: &App,
    customs: &Customs,
    trace: &TraceContext,
    (number, reservation): (String, ReservationId),
    settlement: Settlement,
) -> Result<web::Json<ReservationView>, Problem> {
    let number = known(&number)?;
    let moment = app::moment(trace);
    let mut conn = app.connection().await?;
    let regime = app.regimes.in_force(&mut conn, moment.at).await?;
    let person = customs.person;
    let settled =
        licences::settle(&mut conn, number, reservation, settlement, person, &regime, &moment)
            .await
            .map_err(problems::of_use)?;
    Ok(web::Json(ReservationView::from(&settled)))
}

fn check(form: &ReservationForm, declared: &Declaration) -> Result<(), Problem> {
    let mut faults: Vec<Violation> =
        faults_of_number(&form.declaration, "/declaration").into_iter().collect();
    faults.extend(faults_of_count(form.line, "/line"));
    faults.extend(faults_of_count(form.declaration_line, "/declaration_line"));
    faults.extend(faults_of(declared, ""));
    refuse(faults)
}
