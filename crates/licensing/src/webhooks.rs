//! Webhooks: addresses that an exporter's systems are called at when something changes.
//!
//! `outbox-relay` makes the calls, as Standard Webhooks describes them; here they are named, and
//! read what became of them.

use crate::{
    app::{self, App},
    page::{self, PageQuery},
    problems,
};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use database::{
    Connection,
    licensing_requests::{Answered, Request},
    webhooks::{self, Call, Webhook, WebhookChange},
};
use domain::{change::ChangeKind, ids::WebhookId, violation::Violation};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock, cursor,
    idempotency::{IdempotencyKey, fingerprint},
    identity::Exporter,
    outward::callable,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
    webhook::secret,
};
use utoipa::ToSchema;
use uuid::Uuid;

const URL_BYTES_AT_MOST: usize = 2_000;
/// One organisation's addresses at most: each of them is called about everything.
const WEBHOOKS_AT_MOST: usize = 20;

/// An address to call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    /// Where: https, and reached by the internet.
    #[schema(example = "https://example.com/lodestone")]
    url: String,
    /// About which kinds of change; about all of them unless said.
    #[serde(default)]
    #[schema(example = json!(["application.changed", "licence.issued"]))]
    kinds: Vec<String>,
}

/// What to change of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedWebhook {
    /// Where to call.
    url: Option<String>,
    /// About which kinds of change; an empty list is all of them.
    kinds: Option<Vec<String>>,
    /// Whether to call at all. What happens meanwhile is told once it is active again.
    is_active: Option<bool>,
}

/// From where to tell again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replay {
    /// The place in the log of the first change to tell, as `index` says.
    from: u64,
}

/// What will be told again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayView {
    /// How many changes.
    calls: usize,
    /// Where to go on, if there were more than one request may ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// An address that is called.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookView {
    /// Its id.
    id: Uuid,
    /// Where.
    url: String,
    /// About which kinds of change; about all of them when empty.
    kinds: Vec<&'static str>,
    /// Whether it is called.
    is_active: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_because: Option<String>,
    /// When a call was last answered well.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at: Option<String>,
    /// When it was named.
    created_at: String,
    /// Until when calls carry a signature by the secret before as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier_secret_until: Option<String>,
    /// What calls are signed with. Shown once, when it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// An organisation's addresses.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookList {
    /// The oldest first.
    webhooks: Vec<WebhookView>,
}

/// A page of calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallPage {
    /// The latest change first.
    calls: Vec<CallView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What became of a call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallView {
    /// The change's place in the log.
    index: u64,
    /// The event: its `webhook-id`.
    event: Uuid,
    /// `waiting`, `delivered` or `failed`.
    state: String,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    /// What the last attempt was answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
    /// Why it was not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// When it was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_attempt_at: Option<String>,
    /// When it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<String>,
}

/// Names an address to be called about what changes from now on. The answer holds the secret that
/// calls are signed with, this once.
#[utoipa::path(
    tag = "changes",
    request_body = NewWebhook,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = WebhookView),
        (status = 200, description = "It was named before by the same request", body = WebhookView),
        (status = 409, description = "There are as many as there may be", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/webhooks")]
pub(crate) async fn create(
    app: web::Data<App>,
    exporter: Exporter,
    key: IdempotencyKey,
    trace: TraceContext,
    body: JsonBody<NewWebhook>,
) -> Result<HttpResponse, Problem> {
    let url = checked_url(&app, &body.value.url)?;
    let kinds = checked_kinds(&body.value.kinds)?;
    let id = WebhookId::from_uuid(Uuid::now_v7());
    let (organisation, moment) = (exporter.organisation, app::moment(&trace));
    let key = format!("webhooks {}", key.as_str());
    let request = Request { organisation, key: &key, hash: fingerprint(&body.bytes) };
    let answered = app.own(organisation, async |conn| {
        let new = (id, url.as_str(), kinds.as_slice());
        let answer = |webhook: &Webhook| {
            serde_json::to_value(WebhookView::of(webhook)).expect("a view is plain JSON")
        };
        let answered =
            webhooks::create(conn, &request, new, exporter.person, &moment, answer).await?;
        let all = webhooks::list(conn).await?.len();
        if matches!(answered, Answered::Now(_)) && WEBHOOKS_AT_MOST < all {
            let many = format!("there are {WEBHOOKS_AT_MOST} webhooks already: remove one first");
            return Err(Problem::Conflict(many.into()));
        }
        Ok(answered)
    });
    match answered.await? {
        Answered::Now(mut view) => {
            view["secret"] = secret(&app.secret, id, 1).into();
            Ok(HttpResponse::Created().json(view))
        }
        Answered::Before(view) => Ok(HttpResponse::Ok().json(view)),
        Answered::KeyReused => Err(Problem::IdempotencyKeyReused),
    }
}

/// Your webhooks, the oldest first.
#[utoipa::path(tag = "changes", responses((status = 200, body = WebhookList)))]
#[get("/v1/webhooks")]
pub(crate) async fn list(
    app: web::Data<App>,
    exporter: Exporter,
) -> Result<web::Json<WebhookList>, Problem> {
    let found =
        app.own(exporter.organisation, async |conn| Ok(webhooks::list(conn).await?)).await?;
    Ok(web::Json(WebhookList { webhooks: found.iter().map(WebhookView::of).collect() }))
}

/// One of your webhooks.
#[utoipa::path(
    tag = "changes",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = WebhookView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/webhooks/{id}")]
pub(crate) async fn find(
    app: web::Data<App>,
    exporter: Exporter,
    id: web::Path<WebhookId>,
) -> Result<web::Json<WebhookView>, Problem> {
    let found =
        app.own(exporter.organisation, async |conn| Ok(webhooks::find(conn, *id).await?)).await?;
    shown(found)
}

/// Changes where one of your webhooks is called, about what, and whether.
#[utoipa::path(
    tag = "changes",
    request_body = ChangedWebhook,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = WebhookView),
        (status = 404, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[patch("/v1/webhooks/{id}")]
pub(crate) async fn edit(
    app: web::Data<App>,
    exporter: Exporter,
    id: web::Path<WebhookId>,
    body: JsonBody<ChangedWebhook>,
) -> Result<web::Json<WebhookView>, Problem> {
    let ChangedWebhook { url, kinds, is_active } = body.value;
    let change = WebhookChange {
        url: url.map(|url| checked_url(&app, &url)).transpose()?,
        kinds: kinds.map(|kinds| checked_kinds(&kinds)).transpose()?,
        is_active,
    };
    let change = async |conn: &mut Connection| Ok(webhooks::change(conn, *id, &change).await?);
    shown(app.own(exporter.organisation, change).await?)
}

/// Removes one of your webhooks; what waits to be told is not told any more.
#[utoipa::path(
    tag = "changes",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 404, body = ProblemDetails))
)]
#[delete("/v1/webhooks/{id}")]
pub(crate) async fn remove(
    app: web::Data<App>,
    exporter: Exporter,
    id: web::Path<WebhookId>,
) -> Result<HttpResponse, Problem> {
    let remove = async |conn: &mut Connection| Ok(webhooks::remove(conn, *id, clock::now()).await?);
    if app.own(exporter.organisation, remove).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(Problem::NotFound("webhook"))
}

/// Gives one of your webhooks a new secret, shown this once. The one before signs as well for a
/// day, so that nothing is missed while you change it.
#[utoipa::path(
    tag = "changes",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = WebhookView), (status = 404, body = ProblemDetails))
)]
#[post("/v1/webhooks/{id}/secret")]
pub(crate) async fn rotate(
    app: web::Data<App>,
    exporter: Exporter,
    id: web::Path<WebhookId>,
) -> Result<web::Json<WebhookView>, Problem> {
    let rotate = async |conn: &mut Connection| Ok(webhooks::rotate(conn, *id, clock::now()).await?);
    let found = app.own(exporter.organisation, rotate).await?;
    let webhook = found.ok_or(Problem::NotFound("webhook"))?;
    let secret = Some(secret(&app.secret, webhook.id, webhook.generation));
    Ok(web::Json(WebhookView { secret, ..WebhookView::of(&webhook) }))
}

/// What became of calls, the latest change first.
#[utoipa::path(
    tag = "changes",
    params(("id" = Uuid, Path), PageQuery),
    responses(
        (status = 200, body = CallPage),
        (status = 400, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/webhooks/{id}/calls")]
pub(crate) async fn calls(
    app: web::Data<App>,
    exporter: Exporter,
    id: web::Path<WebhookId>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<CallPage>, Problem> {
    let limit = page::limit(query.limit)?;
    let name = format!("calls of {id}");
    let before: Option<u64> =
        query.cursor.as_deref().map(|place| cursor::open(&app.secret, &name, place)).transpose()?;
    let found = app
        .own(exporter.organisation, async |conn| {
            webhooks::find(conn, *id).await?.ok_or(Problem::NotFound("webhook"))?;
            Ok(webhooks::calls(conn, *id, before, limit + 1).await?)
        })
        .await?;
    let (found, goes_on) = page::cut(found, limit);
    let last = found.last().filter(|_| goes_on);
    let next = last.map(|call| cursor::seal(&app.secret, &name, &call.index));
    let calls = found.into_iter().map(CallView::from).collect();
    Ok(web::Json(CallPage { calls, next }))
}

/// Has changes told to one of your webhooks again, or for the first time: at most 1,000 with one
/// request. Whoever asks twice is told once more, under the same ids.
#[utoipa::path(
    tag = "changes",
    request_body = Replay,
    params(("id" = Uuid, Path)),
    responses((status = 202, body = ReplayView), (status = 404, body = ProblemDetails))
)]
#[post("/v1/webhooks/{id}/replay")]
pub(crate) async fn replay(
    app: web::Data<App>,
    exporter: Exporter,
    id: web::Path<WebhookId>,
    body: JsonBody<Replay>,
) -> Result<HttpResponse, Problem> {
    let (organisation, first) = (exporter.organisation, body.value.from);
    let (count, next) = app
        .own(organisation, async |conn| {
            let webhook = webhooks::find(conn, *id).await?.ok_or(Problem::NotFound("webhook"))?;
            Ok(webhooks::replay(conn, organisation, &webhook, first, clock::now()).await?)
        })
        .await?;
    Ok(HttpResponse::Accepted().json(ReplayView { calls: count, next }))
}

fn shown(webhook: Option<Webhook>) -> Result<web::Json<WebhookView>, Problem> {
    let webhook = webhook.ok_or(Problem::NotFound("webhook"))?;
    Ok(web::Json(WebhookView::of(&webhook)))
}

/// An address that may be called, as it is stored.
fn checked_url(app: &App, text: &str) -> Result<String, Problem> {
    let fault = |detail: String, expected: &str| {
        let fault = Violation::new("/url", "not_callable", detail);
        problems::of_faults(vec![fault.expecting(expected)])
    };
    if URL_BYTES_AT_MOST < text.len() {
        let detail = format!("it has {} bytes", text.len());
        return Err(fault(detail, "at most 2000 bytes"));
    }
    let url = callable(text, app.allow_private_webhooks);
    let url = url.map_err(|why| fault(why.to_string(), "such as https://example.com/lodestone"))?;
    Ok(url.to_string())
}

fn checked_kinds(words: &[String]) -> Result<Vec<ChangeKind>, Problem> {
    let known = || {
        let known: Vec<&str> = ChangeKind::ALL.iter().map(|kind| kind.as_str()).collect();
        known.join(", ")
    };
    let mut faults = Vec::new();
    let mut kinds = Vec::with_capacity(words.len());
    for (place, word) in words.iter().enumerate() {
        match word.parse::<ChangeKind>() {
            Ok(kind) if kinds.contains(&kind) => {}
            Ok(kind) => kinds.push(kind),
            Err(_) => {
                let detail = format!("{word:?} is no kind of change");
                let fault = Violation::new(format!("/kinds/{place}"), "unknown_kind", detail);
                faults.push(fault.expecting(known()));
            }
        }
    }
    if faults.is_empty() { Ok(kinds) } else { Err(problems::of_faults(faults)) }
}

impl WebhookView {
    fn of(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.as_uuid(),
            url: webhook.url.clone(),
            kinds: webhook.kinds.iter().map(|kind| kind.as_str()).collect(),
            is_active: webhook.disabled_because.is_none(),
            disabled_because: webhook.disabled_because.clone(),
            answered_at: webhook.answered_at.map(|at| at.to_string()),
            created_at: webhook.created_at.to_string(),
            earlier_secret_until: webhook.earlier_secret_until.map(|at| at.to_string()),
            secret: None,
        }
    }
}

impl From<Call> for CallView {
    fn from(call: Call) -> Self {
        Self {
            index: call.index,
            event: call.event.as_uuid(),
            next_attempt_at: (call.state == "waiting").then(|| call.next_attempt_at.to_string()),
            state: call.state,
            attempts: call.attempts,
            last_status: call.last_status,
            last_error: call.last_error,
            last_attempt_at: call.last_attempt_at.map(|at| at.to_string()),
            delivered_at: call.delivered_at.map(|at| at.to_string()),
        }
    }
}
