//! `/v1/movements`: what is under way to or from a filer, ready to be received, and what both sides
//! say when they do not agree.

pub mod matching;
pub mod receipt;
pub mod talk;
mod view;

use crate::reading::{Access, Reading, ReadingQuery};
use actix_web::{get, web};
use database::{
    Connection,
    movements::{
        self, Movement, Side,
        sides::{self, Told},
    },
};
use domain::{
    calendar_month::beijing_date,
    ids::{FilingId, OrganisationId},
    movement::{InvalidMovementName, MovementName, MovementStanding, Tolerance},
    open_item::{Clocks, OpenItem},
    regime::Regime,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::{
    clock, cursor,
    problem::{Location, Problem, ProblemDetails, Violation},
    regimes::Regimes,
    secret::ServerSecret,
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use view::{DetailView, MovementView};

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
    regimes: web::Data<Regimes>,
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
    let law = Law::of(&regimes, &mut access.conn).await?;
    let mut told = sides::told_about(&mut access.conn, organisation, &found).await?;
    let shown = found.into_iter().filter_map(|movement| {
        let told = told.remove(&movement.id)?;
        let told = told.iter().find(|it| it.sides.buyer == movement.buyer)?;
        Some(MovementView::of(movement, &law.standing(told)))
    });
    Ok(web::Json(MovementPage { movements: shown.collect(), next }))
}

/// Shows a movement to its seller or its buyer, by its reference or its id: where it stands, what
/// arrived, and what both sides say about differences.
#[utoipa::path(
    tag = "movements",
    params(("id" = String, Path, description = "Its reference or its id"),
        ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses(
        (status = 200, body = DetailView),
        (status = 400, description = "The reference is mistyped", body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/movements/{id}")]
pub async fn find(
    reading: Reading,
    regimes: web::Data<Regimes>,
    name: web::Path<String>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<DetailView>, Problem> {
    let (known, access) = Known::read(&reading, &regimes, &name, &query).await?;
    Ok(web::Json(known.shown_to(access.organisation)))
}

/// The rows of the law that movements are judged by.
struct Law {
    regime: Option<Arc<Regime>>,
    today: Date,
    tolerance: Option<Tolerance>,
}

impl Law {
    /// As it holds today; without a version in force nothing is tolerated and nobody is chased.
    async fn of(regimes: &Regimes, conn: &mut Connection) -> Result<Self, Problem> {
        let now = clock::now();
        let today = beijing_date(now);
        let regime = match regimes.in_force(conn, now).await {
            Ok(regime) => Some(regime),
            Err(Problem::DependencyDown(_)) => None,
            Err(error) => return Err(error),
        };
        let tolerance = regime.as_deref().and_then(|regime| Tolerance::on(regime, today));
        Ok(Self { regime, today, tolerance })
    }

    fn standing(&self, told: &Told) -> MovementStanding {
        told.sides.standing(self.tolerance.as_ref())
    }

    /// By when something is to be done, if anything is and a row says so.
    fn due(&self, movement: &Movement, standing: &MovementStanding) -> Option<Date> {
        let regime = self.regime.as_deref()?;
        let item = OpenItem::of_movement(movement.id, movement.reference, standing)?;
        Clocks::on(regime, self.today).due(&item, regime.calendar())
    }

    fn leg(&self, movement: &Movement, told: Told) -> Leg {
        let standing = self.standing(&told);
        let due = self.due(movement, &standing);
        Leg { told, standing, due }
    }
}

/// A movement with everything that is known about it.
struct Known {
    movement: Movement,
    /// Between its seller and the buyer that it goes to, or to the one who asks.
    leg: Leg,
    /// To its seller: those to whom it went before it was corrected.
    former: Vec<Leg>,
}

/// What is known of a movement between its seller and one buyer.
struct Leg {
    told: Told,
    standing: MovementStanding,
    due: Option<Date>,
}

impl Known {
    /// The movement that a path names, to one of its parties or an official.
    async fn read(
        reading: &Reading,
        regimes: &Regimes,
        name: &str,
        query: &ReadingQuery,
    ) -> Result<(Self, Access), Problem> {
        let name = named(name)?;
        let mut access = reading.of(&query.about(format!("movement {}", shown(name)))).await?;
        let known = Self::of(&mut access.conn, regimes, access.organisation, name).await?;
        Ok((known, access))
    }

    async fn of(
        conn: &mut Connection,
        regimes: &Regimes,
        organisation: OrganisationId,
        name: MovementName,
    ) -> Result<Self, Problem> {
        let found = movements::find(conn, organisation, name).await?;
        let movement = found.ok_or(Problem::NotFound("movement"))?;
        let law = Law::of(regimes, conn).await?;
        let one = std::slice::from_ref(&movement);
        let told = sides::told_about(conn, organisation, one).await?.remove(&movement.id);
        let told = told.unwrap_or_default().into_iter();
        let (current, former): (Vec<Leg>, Vec<Leg>) = told
            .map(|told| law.leg(&movement, told))
            .partition(|leg| leg.told.sides.buyer == movement.buyer);
        let leg = current.into_iter().next().ok_or(Problem::NotFound("movement"))?;
        Ok(Self { movement, leg, former })
    }

    fn legs(&self) -> impl Iterator<Item = &Leg> {
        std::iter::once(&self.leg).chain(&self.former)
    }
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
