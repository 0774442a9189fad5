//! `GET /v1/movements`: what is under way to or from a filer, ready to be received.

use crate::{
    filings::view::elements_mg,
    reading::{Reading, ReadingQuery},
};
use actix_web::{get, web};
use database::movements::{self, Movement, Side};
use domain::{
    ids::{FilingId, OrganisationId},
    movement::{InvalidMovementName, MovementName},
};
use serde::{Deserialize, Serialize};
use service::{
    cursor,
    problem::{Location, Problem, ProblemDetails, Violation},
    secret::ServerSecret,
};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

const PAGE: u16 = 50;

/// Which movements to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct MovementsQuery {
    /// `incoming` (the default) or `outgoing`.
    side: Option<SideName>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// Officials: whose movements.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
}

/// A side of a movement.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SideName {
    /// It was sent to us.
    #[default]
    Incoming,
    /// We sent it.
    Outgoing,
}

/// A page of movements.
#[derive(Debug, Serialize, ToSchema)]
pub struct MovementPage {
    /// Newest first.
    pub movements: Vec<MovementView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Goods under way.
#[derive(Debug, Serialize, ToSchema)]
pub struct MovementView {
    /// Its id.
    pub id: Uuid,
    /// What it is called on paper and over the telephone, good for one receipt: a receipt names it
    /// by this or by the id.
    #[schema(example = "M-7A8Z-FHAX-1T5J-N")]
    pub reference: String,
    /// Who sent it.
    pub seller: Uuid,
    /// The seller's Chinese name.
    pub seller_name_zh: String,
    /// The seller's English name.
    pub seller_name_en: String,
    /// Who it was sent to.
    pub buyer: Uuid,
    /// When it left.
    pub dispatched_at: String,
    /// Whether you have filed a receipt for it.
    pub received: bool,
    /// The lots.
    pub lines: Vec<MovementLineView>,
}

/// A lot under way.
#[derive(Debug, Serialize, ToSchema)]
pub struct MovementLineView {
    /// The lot's id: what you call it from now on.
    pub lot: Uuid,
    /// What kind of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Their customs code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hs_code: Option<String>,
    /// Their grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Gross mass as announced.
    pub quantity_kg: String,
    /// Milligrams of each rare-earth element in it.
    pub elements_mg: BTreeMap<String, i64>,
}

/// Lists movements, newest first.
#[utoipa::path(
    tag = "movements",
    params(MovementsQuery, ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = MovementPage), (status = 400, body = ProblemDetails))
)]
#[get("/v1/movements")]
pub async fn list(
    reading: Reading,
    secret: web::Data<ServerSecret>,
    query: web::Query<MovementsQuery>,
) -> Result<web::Json<MovementPage>, Problem> {
    let mut access = reading.of(&ReadingQuery::new(query.organisation, "movements")).await?;
    let side = match query.side.unwrap_or_default() {
        SideName::Incoming => Side::Incoming,
        SideName::Outgoing => Side::Outgoing,
    };
    let organisation = access.organisation;
    let list = format!("movements of {organisation} {side:?}");
    let before: Option<Uuid> =
        query.cursor.as_deref().map(|sealed| cursor::open(&secret, &list, sealed)).transpose()?;
    let before = before.map(FilingId::from_uuid);
    let found = movements::list(&mut access.conn, organisation, side, before, PAGE).await?;
    let next = (found.len() == usize::from(PAGE))
        .then(|| found.last().map(|last| cursor::seal(&secret, &list, &last.dispatch.as_uuid())))
        .flatten();
    Ok(web::Json(MovementPage {
        movements: found.into_iter().map(MovementView::from).collect(),
        next,
    }))
}

/// Shows a movement to its seller or its buyer, by its reference or its id.
#[utoipa::path(
    tag = "movements",
    params(("id" = String, Path, description = "Its reference or its id"),
        ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses(
        (status = 200, body = MovementView),
        (status = 400, description = "The reference is mistyped", body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/movements/{id}")]
pub async fn find(
    reading: Reading,
    name: web::Path<String>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<MovementView>, Problem> {
    let name = named(&name)?;
    let mut access = reading.of(&query.about(format!("movement {}", shown(name)))).await?;
    let organisation = access.organisation;
    let found = movements::find(&mut access.conn, organisation, name).await?;
    Ok(web::Json(found.ok_or(Problem::NotFound("movement"))?.into()))
}

/// The movement that a path names. A mistyped reference is told apart from one that names nothing:
/// that much can be seen without looking it up.
fn named(text: &str) -> Result<MovementName, Problem> {
    text.parse().map_err(|error| match error {
        InvalidMovementName::Neither => Problem::NotFound("movement"),
        InvalidMovementName::Reference(error) => {
            let violation = Violation {
                location: Location::Parameter { parameter: "id".to_owned() },
                code: "invalid_movement".into(),
                detail: error.to_string(),
                expected: Some("the reference as it is written on the papers".to_owned()),
            };
            Problem::InvalidParameter(Box::new(violation))
        }
    })
}

/// A movement's name as it is noted in the log of reads.
fn shown(name: MovementName) -> String {
    match name {
        MovementName::Id(id) => id.to_string(),
        MovementName::Reference(reference) => reference.to_string(),
    }
}

impl From<Movement> for MovementView {
    fn from(movement: Movement) -> Self {
        let (seller, seller_name_zh, seller_name_en) = movement.seller;
        Self {
            id: movement.id.as_uuid(),
            reference: movement.reference.to_string(),
            seller: seller.as_uuid(),
            seller_name_zh,
            seller_name_en,
            buyer: movement.buyer.as_uuid(),
            dispatched_at: movement.dispatched_at.to_string(),
            received: movement.received,
            lines: movement
                .lines
                .into_iter()
                .map(|line| MovementLineView {
                    lot: line.lot.as_uuid(),
                    category: line.category,
                    hs_code: line.hs_code,
                    grade: line.grade,
                    quantity_kg: line.quantity.to_string(),
                    elements_mg: elements_mg(&line.elements),
                })
                .collect(),
        }
    }
}
