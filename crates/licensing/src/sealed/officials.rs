//! What officials read of sealed channels. Every look is logged first, for the end user to see.

use super::things::{Description, described, key_of, opened};
use crate::{
    app::{self, App},
    cases::may_see,
    documents::attached,
};
use actix_web::{HttpResponse, get, web};
use database::{
    Connection, cases,
    sealed::{self, ChannelRecord},
};
use domain::ids::{CaseId, SealedItemId};
use serde::Serialize;
use service::{
    identity::Official,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// Why officials look, as it is told the end user.
const PURPOSE: &str = "licensing procedure 许可审查";

/// The sealed channels of a case.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SealedList {
    /// The oldest first.
    channels: Vec<SealedView>,
}

/// A channel as officials see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SealedView {
    /// Its id.
    id: Uuid,
    /// Who was asked.
    end_user: String,
    /// `waiting`, `opened`, `complete`, `revoked` or `expired`.
    standing: &'static str,
    /// When somebody opened the link.
    opened_at: Option<String>,
    /// When it was complete.
    completed_at: Option<String>,
    /// When the certificate was released to the supplier.
    released_at: Option<String>,
    /// What came in.
    items: Vec<SealedItemView>,
}

/// Something that came in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SealedItemView {
    /// Its id.
    id: Uuid,
    /// What it is.
    kind: &'static str,
    /// What the file is called.
    name: String,
    /// What it was found to be.
    media_type: String,
    /// How large it is.
    size_bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    sha256: String,
    /// Whether a scanner looked at it.
    scanned: bool,
    /// When it came.
    added_at: String,
}

/// What end users handed in past the applicant. They see that you looked.
#[utoipa::path(
    tag = "sealed channel",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = SealedList), (status = 403, body = ProblemDetails), (status = 404, body = ProblemDetails))
)]
#[get("/v1/cases/{id}/sealed")]
pub(crate) async fn list(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    id: web::Path<CaseId>,
) -> Result<web::Json<SealedList>, Problem> {
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    let mut channels = Vec::new();
    for channel in channels_of(&mut conn, &official, *id).await? {
        let reader = (official.person, official.organisation);
        sealed::log_look(&mut conn, channel.id, None, reader, PURPOSE, &moment).await?;
        let key = key_of(&app, &channel)?;
        let mut items = Vec::new();
        for item in sealed::items(&mut conn, channel.id).await? {
            let description = described(&key, channel.id, &item)?;
            items.push(SealedItemView::of(item.id, description, item.added_at.to_string()));
        }
        channels.push(SealedView {
            id: channel.id.as_uuid(),
            standing: channel.life.standing(moment.at).as_str(),
            opened_at: channel.opened_at.map(|at| at.to_string()),
            completed_at: channel.completed_at.map(|at| at.to_string()),
            released_at: channel.released_at.map(|at| at.to_string()),
            end_user: channel.end_user,
            items,
        });
    }
    Ok(web::Json(SealedList { channels }))
}

/// One thing that an end user handed in, as an attachment. The end user sees that you looked.
#[utoipa::path(
    tag = "sealed channel",
    params(("id" = Uuid, Path), ("item" = Uuid, Path)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/cases/{id}/sealed/{item}")]
pub(crate) async fn read(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    path: web::Path<(CaseId, SealedItemId)>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let (case, id) = path.into_inner();
    let mut conn = app.connection().await?;
    for channel in channels_of(&mut conn, &official, case).await? {
        let Some(item) = sealed::item(&mut conn, channel.id, id).await? else { continue };
        let reader = (official.person, official.organisation);
        sealed::log_look(&mut conn, channel.id, Some(id), reader, PURPOSE, &moment).await?;
        drop(conn);
        let key = key_of(&app, &channel)?;
        let description = described(&key, channel.id, &item)?;
        let bytes = opened(&app, &key, channel.id, &description).await?;
        return Ok(attached(&description.name, &description.media_type).body(bytes));
    }
    Err(Problem::NotFound("sealed item"))
}

async fn channels_of(
    conn: &mut Connection,
    official: &Official,
    case: CaseId,
) -> Result<Vec<ChannelRecord>, Problem> {
    let record = cases::find(conn, case).await?.ok_or(Problem::NotFound("case"))?;
    may_see(official, &record)?;
    Ok(sealed::of_case(conn, case).await?)
}

impl SealedItemView {
    fn of(id: SealedItemId, description: Description, added_at: String) -> Self {
        Self {
            id: id.as_uuid(),
            kind: description.kind.as_str(),
            name: description.name,
            media_type: description.media_type,
            size_bytes: description.size_bytes,
            sha256: description.sha256,
            scanned: description.scanned,
            added_at,
        }
    }
}
