//! Customs amend what was declared, before the goods leave.

use super::{
    declared::{DeclaredForm, faults_of, faults_of_count, refuse},
    known,
    view::{ReservationView, kilograms},
    visible,
};
use crate::{
    app::{self, App},
    problems,
};
use actix_web::{get, post, web};
use database::licences::{self, Amendment};
use domain::ids::ReservationId;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    identity::{Customs, Signed},
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;

/// What a line of a declaration is amended to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendmentForm {
    /// Which amendment of this line it is, counted from 1. The same number again changes nothing.
    #[schema(example = 1)]
    amendment: u16,
    /// What is declared now.
    declared: DeclaredForm,
}

/// What a reservation said before it was amended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AmendmentView {
    /// Which amendment, from 1.
    amendment: u16,
    /// How much was declared before it.
    quantity_kg_before: String,
    /// When it was amended.
    amended_at: String,
}

/// The amendments of a reservation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AmendmentList {
    /// The first first.
    amendments: Vec<AmendmentView>,
}

/// Amends a reservation before the goods leave: everything is judged anew, and what was said before
/// is kept. Lines of a declaration keep their number; goods under another line are released and reserved.
#[utoipa::path(
    tag = "customs",
    request_body = AmendmentForm,
    params(("number" = String, Path), ("reservation" = Uuid, Path)),
    responses(
        (status = 200, body = ReservationView),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "State, balance, settled, or out of order", body = ProblemDetails),
        (status = 422, description = "The declaration contradicts the licence", body = ProblemDetails),
    )
)]
#[post("/v1/licences/{number}/reservations/{reservation}/amend")]
pub(crate) async fn amend(
    app: web::Data<App>,
    customs: Customs,
    trace: TraceContext,
    path: web::Path<(String, ReservationId)>,
    body: JsonBody<AmendmentForm>,
) -> Result<web::Json<ReservationView>, Problem> {
    let (number, reservation) = path.into_inner();
    let number = known(&number)?;
    let AmendmentForm { amendment, declared } = body.value;
    // The number of the declaration is that of the reservation.
    let declared = declared.under(String::new());
    let mut faults = faults_of(&declared, "/declared");
    faults.extend(faults_of_count(amendment, "/amendment"));
    refuse(faults)?;
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    let regime = app.regimes.in_force(&mut conn, moment.at).await?;
    let person = customs.person;
    let amended = licences::amend(
        &mut conn,
        number,
        reservation,
        amendment,
        &declared,
        person,
        &regime,
        &moment,
    );
    Ok(web::Json(ReservationView::from(&amended.await.map_err(problems::of_use)?)))
}

/// What a reservation said before each of its amendments.
#[utoipa::path(
    tag = "customs",
    params(("number" = String, Path), ("reservation" = Uuid, Path)),
    responses((status = 200, body = AmendmentList), (status = 404, body = ProblemDetails))
)]
#[get("/v1/licences/{number}/reservations/{reservation}/amendments")]
pub(crate) async fn list(
    app: web::Data<App>,
    signed: Signed,
    trace: TraceContext,
    path: web::Path<(String, ReservationId)>,
) -> Result<web::Json<AmendmentList>, Problem> {
    super::may_read(&signed)?;
    let (number, reservation) = path.into_inner();
    let moment = app::moment(&trace);
    let found = app
        .seen_by(&signed, async |conn| {
            let record = visible(conn, &signed, &number, &moment).await?;
            let found = licences::find_reservation(conn, record.id, reservation).await?;
            found.ok_or(Problem::NotFound("reservation"))?;
            Ok(licences::amendments(conn, reservation).await?)
        })
        .await?;
    let amendments = found.iter().map(AmendmentView::from).collect();
    Ok(web::Json(AmendmentList { amendments }))
}

impl From<&Amendment> for AmendmentView {
    fn from(amendment: &Amendment) -> Self {
        Self {
            amendment: amendment.number,
            quantity_kg_before: kilograms(amendment.grams),
            amended_at: amendment.amended_at.to_string(),
        }
    }
}
