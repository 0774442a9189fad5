//! `GET /v1/lots/{id}/trace`: where a lot's elements came from and where they went.
//!
//! A filer sees in full the lots that it made or was sent, and who it dealt with over them. Beyond
//! those it sees how its lot's elements spread and nothing else: other lots and steps have ids that
//! are made for this reader and say nothing. Officials see everything; every organisation that an
//! answer shows something of is told of the read.
//!
//! Policies of the database decide which lots are known, not code here; the rest is [`page`].

mod as_of;
mod page;
mod view;

use crate::reading::{Reading, ReadingQuery};
use actix_web::{get, web};
use as_of::AsOf;
use database::trace::{Before, Traced, around};
use domain::{
    ids::{LotId, OrganisationId},
    trace::{Attribution, Direction, Graph, attribute},
};
use jiff::Timestamp;
use page::{Page, Place, Reader};
use serde::{Deserialize, Serialize};
use service::{
    clock, cursor,
    problem::{Location, Problem, ProblemDetails, Violation},
    secret::ServerSecret,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use view::TraceView;

const NODES: u16 = 500;
const NODES_LIMIT: u16 = 1_000;

/// Which trace.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct TraceQuery {
    /// `backward` (the default): what it was made from; `forward`: what was made from it.
    direction: Option<DirectionName>,
    /// As it was told by the end of a day in Beijing (`2026-10-31`) or by a moment (RFC 3339);
    /// now, when left out.
    #[param(value_type = Option<String>, example = "2026-10-31")]
    as_of: Option<AsOf>,
    /// At most so many lots in one answer, 1 to 1000; 500 when left out.
    limit: Option<u16>,
    /// Where the last answer said the trace goes on.
    cursor: Option<String>,
    /// Officials: who made the lot or was sent it.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
}

/// Which way to look.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectionName {
    /// To what it was made from.
    #[default]
    Backward,
    /// To what was made from it.
    Forward,
}

/// Where a trace goes on: in the graph as it was told then, after this lot.
#[derive(Debug, Serialize, Deserialize)]
struct Continued {
    before_millisecond: i64,
    after: Place,
}

/// Traces a lot backward or forward, as of a date, with what each lot must, likely did and can have contributed.
#[utoipa::path(
    tag = "lots",
    params(
        ("id" = Uuid, Path, description = "The lot"), TraceQuery,
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")
    ),
    responses((status = 200, body = TraceView), (status = 400, body = ProblemDetails), (status = 404, body = ProblemDetails))
)]
#[get("/v1/lots/{id}/trace")]
pub async fn trace(
    reading: Reading,
    secret: web::Data<ServerSecret>,
    id: web::Path<Uuid>,
    query: web::Query<TraceQuery>,
) -> Result<web::Json<TraceView>, Problem> {
    let lot = LotId::from_uuid(*id);
    let limit = limit(query.limit)?;
    let direction = match query.direction.unwrap_or_default() {
        DirectionName::Backward => Direction::Backward,
        DirectionName::Forward => Direction::Forward,
    };
    let mut access =
        reading.of(&ReadingQuery::new(query.organisation, format!("lot {lot}"))).await?;
    let told_by = query.as_of.as_ref().map(ToString::to_string);
    let list = format!(
        "trace of {lot} {} for {} as of {}",
        direction.as_str(),
        access.organisation,
        told_by.as_deref().unwrap_or("now")
    );
    let continued: Option<Continued> =
        query.cursor.as_deref().map(|sealed| cursor::open(&secret, &list, sealed)).transpose()?;
    let end = end(continued.as_ref(), query.as_of)?;
    let before = Before::moment(end);
    let traced = around(&mut access.conn, access.organisation, lot, direction, before)
        .await?
        .ok_or(Problem::NotFound("lot"))?;
    let (traced, graph, attribution) = worked_out(lot, traced, direction).await?;
    let reader =
        Reader { secret: &secret, organisation: access.organisation, sees_all: !access.is_owner };
    let trace =
        page::Trace { graph: &graph, attribution: &attribution, traced: &traced, direction, lot };
    let page =
        Page::read(&mut access.conn, &reader, &trace, before, continued.map(|it| it.after), limit)
            .await?;
    reading.also_of(&mut access, &page.owners(&trace), &format!("lot {lot}")).await?;
    let next = page.next().map(|after| {
        let place = Continued { before_millisecond: end.as_millisecond(), after };
        cursor::seal(&secret, &list, &place)
    });
    Ok(web::Json(TraceView::of(&trace, &reader, page, told_by, next)))
}

/// The first moment that no longer counts. The same for all pages: what is filed meanwhile does
/// not move their places.
fn end(continued: Option<&Continued>, as_of: Option<AsOf>) -> Result<Timestamp, Problem> {
    Ok(match (continued, as_of) {
        (Some(continued), _) => Timestamp::from_millisecond(continued.before_millisecond)
            .map_err(|_| Problem::InvalidCursor)?,
        (None, Some(as_of)) => as_of.end(),
        (None, None) => as_of::just_after(clock::now()),
    })
}

/// Attributes the lot's elements. A large trace takes a while; others are answered meanwhile.
async fn worked_out(
    lot: LotId,
    traced: Traced,
    direction: Direction,
) -> Result<(Traced, Graph, Attribution), Problem> {
    let worked_out = web::block(move || {
        let graph = Graph::of(lot, traced.elements, &traced.recorded);
        // The asked lot has the first place.
        let attribution = attribute(&graph, 0, direction);
        (traced, graph, attribution)
    });
    Ok(worked_out.await.map_err(anyhow::Error::from)?)
}

fn limit(asked: Option<u16>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(NODES);
    if (1..=NODES_LIMIT).contains(&limit) {
        return Ok(limit.into());
    }
    Err(Problem::InvalidParameter(Box::new(Violation {
        location: Location::Parameter { parameter: "limit".to_owned() },
        code: "out_of_range".into(),
        detail: format!("{limit} lots in one answer"),
        expected: Some(format!("1 to {NODES_LIMIT}")),
    })))
}
