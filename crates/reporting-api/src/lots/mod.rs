//! `GET /v1/lots/{id}/trace`: where a lot's elements came from and where they went.
//!
//! A filer sees in full the lots that it made or was sent, and who it dealt with over them. Beyond
//! those it sees how its lot's elements spread and nothing else: other lots and steps have ids that
//! are made for this reader and say nothing. Officials see everything; every organisation that an
//! answer shows something of is told of the read.
//!
//! Policies of the database decide which lots of others are known, not code here; the rest is
//! [`page`]. The graph is kept at hand where it can be ([`keeping`]), and asked of the database where
//! not.

mod as_of;
pub mod keeping;
mod page;
mod view;

use crate::reading::{AccessWhenNeeded, Reading, ReadingQuery};
use actix_web::{HttpResponse, get, web};
use as_of::AsOf;
use database::trace::{Before, FILINGS_LIMIT, around, known_lots};
use domain::{
    ids::{LotId, OrganisationId},
    trace::{Attribution, Direction, Graph, Traced, attribute},
};
use jiff::Timestamp;
use keeping::{Current, Keeping};
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
/// A trace through more filings than this is worked out beside the threads that answer.
const QUICK_FILINGS: usize = 1_000;

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
    keeping: web::Data<Keeping>,
    id: web::Path<Uuid>,
    query: web::Query<TraceQuery>,
) -> Result<HttpResponse, Problem> {
    let lot = LotId::from_uuid(*id);
    let limit = limit(query.limit)?;
    let direction = match query.direction.unwrap_or_default() {
        DirectionName::Backward => Direction::Backward,
        DirectionName::Forward => Direction::Forward,
    };
    let asked = ReadingQuery::new(query.organisation, format!("lot {lot}"));
    let mut access = reading.when_needed(&asked).await?;
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
    // The organisation's own names; officials have every name from the database.
    let names_of = access.is_owner.then_some(access.organisation);
    let current = keeping.current(names_of).await;
    let Worked { traced, graph, attribution } = match &current {
        Some(current) => kept(&mut access, current, lot, direction, before).await?,
        None => asked_of_the_database(&mut access, lot, direction, before).await?,
    };
    let from = if current.is_some() { "memory" } else { "database" };
    metrics::counter!("traces_total", "from" => from).increment(1);
    let reader =
        Reader { secret: &secret, organisation: access.organisation, sees_all: !access.is_owner };
    let trace =
        page::Trace { graph: &graph, attribution: &attribution, traced: &traced, direction, lot };
    let after = continued.map(|continued| continued.after);
    let page =
        Page::read(&mut access, current.as_ref(), &reader, &trace, before, after, limit).await?;
    access.also_of(|| page.owners(&trace), &format!("lot {lot}")).await?;
    let next = page.next().map(|after| {
        let place = Continued { before_millisecond: end.as_millisecond(), after };
        cursor::seal(&secret, &list, &place)
    });
    let view = TraceView::of(&trace, &reader, page, told_by, next);
    let json = view.to_json().map_err(anyhow::Error::from)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(json))
}

/// A trace that was worked out.
struct Worked {
    traced: Traced,
    graph: Graph,
    attribution: Attribution,
}

/// Works out a trace from what is kept at hand.
async fn kept(
    access: &mut AccessWhenNeeded<'_>,
    current: &Current,
    lot: LotId,
    direction: Direction,
    before: Before,
) -> Result<Worked, Problem> {
    let organisation = access.organisation;
    let is_open = !access.is_owner || current.read().await.is_made_by(lot, organisation);
    // Somebody else's: the policies know whether it was sent here.
    if !is_open && known_lots(access.conn().await?, organisation, &[lot], before).await?.is_empty()
    {
        return Err(Problem::NotFound("lot"));
    }
    let kept = current.read().await;
    let first = before.first_id();
    let quick = kept.around(lot, direction, first, QUICK_FILINGS);
    let quick = quick.ok_or(Problem::NotFound("lot"))?;
    if quick.is_complete {
        drop(kept);
        return Ok(Worked::out(lot, quick, direction));
    }
    drop(quick);
    let worked = web::block(move || {
        let traced = kept.around(lot, direction, first, FILINGS_LIMIT)?;
        drop(kept);
        Some(Worked::out(lot, traced, direction))
    });
    worked.await.map_err(anyhow::Error::from)?.ok_or(Problem::NotFound("lot"))
}

/// Works out a trace from what the database says.
async fn asked_of_the_database(
    access: &mut AccessWhenNeeded<'_>,
    lot: LotId,
    direction: Direction,
    before: Before,
) -> Result<Worked, Problem> {
    let organisation = access.organisation;
    let traced = around(access.conn().await?, organisation, lot, direction, before)
        .await?
        .ok_or(Problem::NotFound("lot"))?;
    let worked = web::block(move || Worked::out(lot, traced, direction));
    Ok(worked.await.map_err(anyhow::Error::from)?)
}

impl Worked {
    /// Attributes the lot's elements.
    fn out(lot: LotId, traced: Traced, direction: Direction) -> Self {
        let graph = Graph::of(lot, traced.elements, &traced.recorded);
        // The asked lot has the first place.
        let attribution = attribute(&graph, 0, direction);
        Self { traced, graph, attribution }
    }
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
