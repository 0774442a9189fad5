//! `/v1/dead-letters`: messages that could not be handled, for an administrator of the authority.

use crate::{identity::Registrar, paging::PageQuery};
use actix_web::{HttpResponse, get, post, web};
use database::dead_letters::{self, Kept};
use serde::Serialize;
use service::{
    clock,
    identity::Administrator,
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterPage {
    /// In no particular order.
    pub dead_letters: Vec<DeadLetterView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A message that could not be handled.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterView {
    /// Its id.
    pub id: Uuid,
    /// Who could not handle it.
    #[schema(example = "worker.filings")]
    pub consumer: String,
    /// The event it told of.
    #[schema(example = "filing.recorded")]
    pub event: String,
    /// The event's id.
    pub message: Uuid,
    /// What it said.
    pub body: String,
    /// Why it could not be handled; absent when its consumer died of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was given up.
    pub died_at: String,
    /// Who asked for its replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_requested_by: Option<Uuid>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_requested_at: Option<String>,
    /// When it was given back to its consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed_at: Option<String>,
}

/// Lists messages that could not be handled.
#[utoipa::path(
    tag = "operation",
    params(PageQuery),
    responses((status = 200, body = DeadLetterPage), (status = 403, body = ProblemDetails))
)]
#[get("/v1/dead-letters")]
pub async fn list(
    registrar: web::Data<Registrar>,
    _administrator: Administrator,
    secret: web::Data<ServerSecret>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<DeadLetterPage>, Problem> {
    let page = query.into_inner().of::<Uuid>("dead letters", &secret)?;
    let mut conn = registrar.connection().await?;
    let found = dead_letters::list(&mut conn, page.after, page.limit.into()).await?;
    let next = page.next(&found, |kept| kept.id);
    let dead_letters = found.into_iter().map(DeadLetterView::from).collect();
    Ok(web::Json(DeadLetterPage { dead_letters, next }))
}

/// Gives a message back to the consumer that could not handle it. The relay does so within
/// seconds; whoever handled it after all takes it once.
#[utoipa::path(
    tag = "operation",
    params(("id" = Uuid, Path)),
    responses(
        (status = 202, description = "It will be"),
        (status = 404, description = "There is none, or it is on its way", body = ProblemDetails),
    )
)]
#[post("/v1/dead-letters/{id}/replay")]
pub async fn replay(
    registrar: web::Data<Registrar>,
    administrator: Administrator,
    id: web::Path<Uuid>,
    trace: TraceContext,
) -> Result<HttpResponse, Problem> {
    let act = administrator.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    if dead_letters::replay(&mut conn, *id, administrator.person, &act).await? {
        Ok(HttpResponse::Accepted().finish())
    } else {
        Err(Problem::NotFound("dead letter that waits"))
    }
}

impl From<Kept> for DeadLetterView {
    fn from(kept: Kept) -> Self {
        let (by, at) = kept.replay_requested.unzip();
        Self {
            id: kept.id,
            consumer: kept.letter.consumer,
            event: kept.letter.event,
            message: kept.letter.message,
            body: String::from_utf8_lossy(&kept.letter.body).into_owned(),
            error: kept.letter.error,
            died_at: kept.died_at.to_string(),
            replay_requested_by: by.map(domain::ids::PersonId::as_uuid),
            replay_requested_at: at.map(|at| at.to_string()),
            replayed_at: kept.replayed_at.map(|at| at.to_string()),
        }
    }
}
