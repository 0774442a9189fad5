//! `GET /v1/movements/{id}/receipt`: the report of receipt, ready to be sent; and afterwards what it
//! came to, line by line.

use super::{
    Known,
    view::{LotView, ReceiptView},
};
use crate::{
    filings::FilingForm,
    reading::{Reading, ReadingQuery},
};
use actix_web::{get, web};
use database::{movements::Movement, registry};
use domain::codes::Outcome;
use serde::Serialize;
use service::{
    clock,
    problem::{Problem, ProblemDetails},
    regimes::Regimes,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// The receipt of a movement.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrefilledView {
    /// The movement.
    pub movement: Uuid,
    /// What it is called.
    pub reference: String,
    /// Where it stands.
    #[schema(example = "under_way")]
    pub state: &'static str,
    /// To the buyer, while it has filed none and the goods are on their way to it: the body of a filing that says that everything
    /// arrived as announced. Change what was otherwise and send it to `POST /v1/filings`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<FilingForm>,
    /// The receipts that stand.
    pub receipts: Vec<ReceiptView>,
    /// What was received, lot by lot, with shortage and excess.
    pub lots: Vec<LotView>,
}

/// The receipt of a movement: prefilled for its buyer, and afterwards what was received, line by
/// line.
#[utoipa::path(
    tag = "movements",
    params(("id" = String, Path, description = "The movement's reference or id"),
        ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses(
        (status = 200, body = PrefilledView),
        (status = 400, description = "The reference is mistyped", body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/movements/{id}/receipt")]
pub async fn prefill(
    reading: Reading,
    regimes: web::Data<Regimes>,
    name: web::Path<String>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<PrefilledView>, Problem> {
    let (known, mut access) = Known::read(&reading, &regimes, &name, &query).await?;
    let buyer = known.movement.buyer;
    let is_asked = access.is_owner && access.organisation == buyer;
    let is_withdrawn = known.leg.told.sides.withdrawn_at.is_some();
    let form = if is_asked && !is_withdrawn && known.leg.told.receipts.is_empty() {
        let sites = registry::sites(&mut access.conn, buyer, "", 1).await?;
        let site = sites.into_iter().next().map(|site| site.code);
        Some(as_announced(&known.movement, site.unwrap_or_default()))
    } else {
        None
    };
    let (movement, reference) = (known.movement.id.as_uuid(), known.movement.reference.to_string());
    let detail = known.shown_to(access.organisation);
    Ok(web::Json(PrefilledView {
        movement,
        reference,
        state: detail.movement.state,
        form,
        receipts: detail.leg.receipts,
        lots: detail.leg.lots,
    }))
}

/// The receipt that says that everything arrived as it was announced.
fn as_announced(movement: &Movement, site: String) -> FilingForm {
    let reference = movement.reference.to_string();
    let lines = movement.lines.iter().map(|line| (line.lot, line.quantity)).collect();
    FilingForm::receipt(
        format!("RECEIPT-{reference}"),
        site,
        clock::now(),
        reference,
        Outcome::Satisfactory,
        lines,
    )
}
