//! `GET /v1/access-log`: which officials read what of yours, and why.

use crate::{paging::PageQuery, reading::ReadingPools};
use actix_web::{get, web};
use database::access_log;
use domain::{
    codes::Role,
    ids::{EventId, OrganisationId},
};
use serde::{Deserialize, Serialize};
use service::{
    identity::Signed,
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Whose data was read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AccessLogQuery {
    /// Auditors: of this organisation; otherwise your own.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
}

/// A page of reads.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessLogPage {
    /// Latest first.
    pub reads: Vec<ReadView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One read of confidential data.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadView {
    /// Its event in the log, whose inclusion can be proven at `/v1/log/proof/inclusion`.
    pub event: Uuid,
    /// When.
    pub occurred_at: String,
    /// The official, by a pseudonym that the authority can resolve.
    pub person: Uuid,
    /// What was read.
    #[schema(example = "filings")]
    pub subject: String,
    /// Why, in the reader's words.
    pub purpose: String,
}

/// Lists who read what of your organisation that is confidential, latest first.
///
/// Every such read is logged before anything is shown. Auditors name an organisation.
#[utoipa::path(
    tag = "log",
    params(AccessLogQuery),
    responses((status = 200, body = AccessLogPage), (status = 404, body = ProblemDetails))
)]
#[get("/v1/access-log")]
pub async fn list(
    pools: web::Data<ReadingPools>,
    signed: Signed,
    secret: web::Data<ServerSecret>,
    query: web::Query<AccessLogQuery>,
) -> Result<web::Json<AccessLogPage>, Problem> {
    let AccessLogQuery { organisation, cursor, limit } = query.into_inner();
    let owner = organisation.unwrap_or(signed.organisation);
    let is_own = owner == signed.organisation;
    // An agent acts for its principal; who looked at the principal is not its business.
    if signed.delegated || !is_own && !signed.has(Role::Auditor) {
        return Err(Problem::NotFound("organisation"));
    }
    let page =
        PageQuery::new(cursor, limit).of::<EventId>(format!("access log of {owner}"), &secret)?;
    let pool = if is_own { &pools.reporting } else { &pools.official };
    let mut conn = pool.get().await.map_err(database::Error::from)?;
    let found = access_log::reads_of(&mut conn, owner, page.after, page.limit).await?;
    let next = page.next(&found, |read| read.event);
    let reads = found
        .into_iter()
        .map(|read| ReadView {
            event: read.event.as_uuid(),
            occurred_at: read.at.to_string(),
            person: read.person.as_uuid(),
            subject: read.subject,
            purpose: read.purpose,
        })
        .collect();
    Ok(web::Json(AccessLogPage { reads, next }))
}
