//! `/v1/notifications`: what somebody is to do, by when, and what has become overdue.

use crate::{paging::PageQuery, reading::ReadingPools};
use actix_web::{get, post, web};
use database::{
    Connection,
    notifications::{self, Notification, Recipient},
};
use domain::{
    codes::OrganisationKind,
    ids::NotificationId,
    open_item::{OpenItemKind, Step},
};
use serde::Serialize;
use service::{
    clock,
    identity::Signed,
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of notifications.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationPage {
    /// Newest first.
    pub notifications: Vec<NotificationView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Something that is to be done.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationView {
    /// Its id.
    pub id: Uuid,
    /// Whose turn it is.
    pub organisation: Uuid,
    /// What kind of thing it is about: `movement` or `return`.
    #[schema(example = "movement")]
    pub subject_kind: String,
    /// Which one: the id of a movement, or the month and the code of the site.
    pub subject: String,
    /// What is to be done.
    #[schema(value_type = String, example = "difference_unexplained")]
    pub kind: OpenItemKind,
    /// At which step you are told: `opened`, `reminder`, `overdue` or `escalation`.
    #[schema(value_type = String, example = "reminder")]
    pub step: Step,
    /// By when it is or was due.
    #[schema(example = "2026-11-10")]
    pub due: String,
    /// In Chinese.
    pub text_zh: String,
    /// In English.
    pub text_en: String,
    /// When you were told.
    pub created_at: String,
    /// When somebody of your organisation first read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<String>,
}

/// Lists what you are to do and what is overdue, newest first: a filer its own, the authority's
/// people what filers have left open for long.
#[utoipa::path(
    tag = "notifications",
    params(PageQuery),
    responses((status = 200, body = NotificationPage), (status = 400, body = ProblemDetails))
)]
#[get("/v1/notifications")]
pub async fn list(
    signed: Signed,
    pools: web::Data<ReadingPools>,
    secret: web::Data<ServerSecret>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<NotificationPage>, Problem> {
    let (mut conn, recipient) = inbox(&signed, &pools).await?;
    let list = format!("notifications of {recipient:?}");
    let page = query.into_inner().of::<NotificationId>(list, &secret)?;
    let found = notifications::list(&mut conn, recipient, page.after, page.limit).await?;
    let next = page.next(&found, |last| last.id);
    let notifications = found.into_iter().map(NotificationView::from).collect();
    Ok(web::Json(NotificationPage { notifications, next }))
}

/// Notes that a notification was read; again is the same.
#[utoipa::path(
    tag = "notifications",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = NotificationView), (status = 404, body = ProblemDetails))
)]
#[post("/v1/notifications/{id}/read")]
pub async fn mark_read(
    signed: Signed,
    pools: web::Data<ReadingPools>,
    id: web::Path<NotificationId>,
) -> Result<web::Json<NotificationView>, Problem> {
    let (mut conn, recipient) = inbox(&signed, &pools).await?;
    let (person, now) = (signed.person, clock::now());
    let found = notifications::mark_read(&mut conn, recipient, *id, person, now).await?;
    Ok(web::Json(found.ok_or(Problem::NotFound("notification"))?.into()))
}

/// Whose notifications somebody sees, on a connection that shows no others.
async fn inbox(signed: &Signed, pools: &ReadingPools) -> Result<(Connection, Recipient), Problem> {
    let (pool, recipient) = match signed.kind {
        OrganisationKind::Filer => (&pools.reporting, Recipient::Filer(signed.organisation)),
        OrganisationKind::Authority => (&pools.official, Recipient::Official),
        OrganisationKind::Agency | OrganisationKind::Customs | OrganisationKind::TaxAuthority => {
            return Err(Problem::Forbidden("it takes a filer or the authority".into()));
        }
    };
    Ok((pool.get().await.map_err(database::Error::from)?, recipient))
}

impl From<Notification> for NotificationView {
    fn from(notification: Notification) -> Self {
        Self {
            id: notification.id.as_uuid(),
            organisation: notification.organisation.as_uuid(),
            subject_kind: notification.subject_kind,
            subject: notification.subject,
            kind: notification.kind,
            step: notification.step,
            due: notification.due.to_string(),
            text_zh: notification.text.zh,
            text_en: notification.text.en,
            created_at: notification.created_at.to_string(),
            read_at: notification.read_at.map(|at| at.to_string()),
        }
    }
}
