//! Rules that route applications into queues: each version stays as it is, and every step that a
//! rule takes names the rule and its version.

use crate::{
    app::{self, App},
    once::{self, Making},
    page::{self, PageQuery},
    problems,
    queues::READERS,
};
use actix_web::{HttpResponse, get, post, web};
use database::{
    cases::{self, NewRouting, RoutingVersion},
    teams,
};
use domain::{
    case::{RoutingRules, routing_faults},
    codes::Role,
    violation::Violation,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    cursor,
    idempotency::{IdempotencyKey, fingerprint},
    identity::Official,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const REASON_CHARACTERS_AT_MOST: usize = 1_000;

/// A version of the rules to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoutingForm {
    /// The rules, of which the first one that fits decides, and where the rest goes.
    #[schema(value_type = Object, example = json!({"rules": [{"rule": "heavy_to_magnets",
        "when": {"control_codes": ["1C905"], "risks": ["low", "medium"]}, "queue": "magnets"}],
        "otherwise": "everything_else"}))]
    rules: RoutingRules,
    /// Why.
    reason: String,
    /// From when on they hold; at once unless said. Never earlier than now.
    #[schema(value_type = Option<String>)]
    takes_effect_at: Option<Timestamp>,
}

/// A version of the rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoutingView {
    /// Which, from 1 on.
    version: u32,
    /// What they say.
    #[schema(value_type = Object)]
    rules: RoutingRules,
    /// Why they were made.
    reason: String,
    /// From when on they hold.
    takes_effect_at: String,
    /// By whom.
    made_by: Uuid,
    /// When.
    made_at: String,
}

/// Versions of the rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoutingPage {
    /// The version that routes now.
    in_force: Option<u32>,
    /// The latest first.
    versions: Vec<RoutingView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The rules that route applications, in all their versions, the latest first.
#[utoipa::path(
    tag = "casework",
    params(PageQuery),
    responses((status = 200, body = RoutingPage), (status = 400, body = ProblemDetails), (status = 403, body = ProblemDetails))
)]
#[get("/v1/routing")]
pub(crate) async fn list(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    query: web::Query<PageQuery>,
) -> Result<web::Json<RoutingPage>, Problem> {
    once::require(&official, READERS)?;
    let limit = page::limit(query.limit)?;
    let name = "routing";
    let before: Option<u32> =
        query.cursor.as_deref().map(|place| cursor::open(&app.secret, name, place)).transpose()?;
    let mut conn = app.connection().await?;
    let in_force = cases::routing_in_force(&mut conn, app::moment(&trace).at).await?;
    let found = cases::routing_versions(&mut conn, before, limit + 1).await?;
    let (found, goes_on) = page::cut(found, limit);
    let last = found.last().filter(|_| goes_on);
    let next = last.map(|version| cursor::seal(&app.secret, name, &version.version));
    let in_force = in_force.map(|version| version.version);
    let versions = found.into_iter().map(RoutingView::from).collect();
    Ok(web::Json(RoutingPage { in_force, versions, next }))
}

/// Makes the next version of the rules. The earlier ones stay as they are.
#[utoipa::path(
    tag = "casework",
    request_body = RoutingForm,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = RoutingView),
        (status = 200, description = "It was made before by the same request", body = RoutingView),
        (status = 403, body = ProblemDetails),
        (status = 422, description = "Rules that name no queue or flag there is, or are never reached", body = ProblemDetails),
    )
)]
#[post("/v1/routing")]
pub(crate) async fn make(
    app: web::Data<App>,
    official: Official,
    key: IdempotencyKey,
    trace: TraceContext,
    body: JsonBody<RoutingForm>,
) -> Result<HttpResponse, Problem> {
    once::require(&official, &[Role::SeniorOfficer])?;
    let RoutingForm { rules, reason, takes_effect_at } = body.value;
    once::text("/reason", &reason, REASON_CHARACTERS_AT_MOST)?;
    let moment = app::moment(&trace);
    let takes_effect_at = takes_effect_at.unwrap_or(moment.at);
    let mut conn = app.connection().await?;
    let regime = app.regimes.in_force(&mut conn, moment.at).await?;
    let queues = teams::queues(&mut conn).await?.into_iter().map(|queue| queue.code).collect();
    let flags = regime.case_flags(moment.today()).map(|row| row.key.clone()).collect();
    drop(conn);
    let mut faults: Vec<Violation> = routing_faults(&rules, &queues, &flags)
        .into_iter()
        .map(|fault| Violation { pointer: format!("/rules{}", fault.pointer), ..fault })
        .collect();
    if takes_effect_at < moment.at {
        let detail = "what was routed was routed by the rules of then";
        faults.push(Violation::new("/takes_effect_at", "in_the_past", detail));
    }
    if !faults.is_empty() {
        return Err(problems::of_faults(faults));
    }
    let new = NewRouting { rules, reason, takes_effect_at, made_by: official.person };
    let making = Making { what: "routing", key: &key, hash: fingerprint(&body.bytes) };
    once::make(&app, &official, making, &moment, async |conn| {
        Ok(RoutingView::from(cases::make_routing(conn, &new, &moment).await?))
    })
    .await
}

impl From<RoutingVersion> for RoutingView {
    fn from(version: RoutingVersion) -> Self {
        Self {
            version: version.version,
            rules: version.rules,
            reason: version.reason,
            takes_effect_at: version.takes_effect_at.to_string(),
            made_by: version.made_by.as_uuid(),
            made_at: version.made_at.to_string(),
        }
    }
}
