//! The feed of changes: what webhooks tell, for systems that rather ask.

use crate::{app::App, page};
use actix_web::{get, web};
use database::changes::{self, Told};
use domain::change::ChangeData;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{
    identity::Exporter,
    problem::{Problem, ProblemDetails},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangesQuery {
    /// `next` of the last answer; from the beginning unless said.
    from: Option<u64>,
    /// Changes in an answer at most, from 1 to 200; 50 unless said.
    limit: Option<i64>,
}

/// A stretch of changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangesView {
    /// What changed, in the order of the log.
    changes: Vec<ChangeView>,
    /// The place from which to ask next; the same again while nothing changed.
    next: u64,
}

/// A change, as webhooks are told it too.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeView {
    /// Its place in the log.
    index: u64,
    /// The event: the `webhook-id` it is told under.
    event: Uuid,
    /// What kind of change.
    #[schema(example = "application.changed")]
    r#type: &'static str,
    /// When it became true.
    timestamp: String,
    /// What changed, by its id, and where it stands.
    #[schema(value_type = Object)]
    data: Value,
}

/// What changed of your applications and licences, in the order of the log. Nothing is left out and
/// nothing comes in between later.
#[utoipa::path(
    tag = "changes",
    params(ChangesQuery),
    responses((status = 200, body = ChangesView), (status = 400, body = ProblemDetails))
)]
#[get("/v1/changes")]
pub(crate) async fn list(
    app: web::Data<App>,
    exporter: Exporter,
    query: web::Query<ChangesQuery>,
) -> Result<web::Json<ChangesView>, Problem> {
    let limit = u16::try_from(page::limit(query.limit)?).unwrap_or(u16::MAX);
    let (organisation, first) = (exporter.organisation, query.from.unwrap_or(0));
    let stretch = app
        .own(organisation, async |conn| Ok(changes::from(conn, organisation, first, limit).await?))
        .await?;
    let changes = stretch.changes.into_iter().map(ChangeView::from).collect();
    Ok(web::Json(ChangesView { changes, next: stretch.next }))
}

impl From<Told> for ChangeView {
    fn from(told: Told) -> Self {
        Self {
            index: told.index,
            event: told.event.as_uuid(),
            r#type: told.change.kind.as_str(),
            timestamp: told.at.to_string(),
            data: data(&told.change.data),
        }
    }
}

fn data(data: &ChangeData) -> Value {
    serde_json::to_value(data).expect("ids, words and numbers are plain JSON")
}
