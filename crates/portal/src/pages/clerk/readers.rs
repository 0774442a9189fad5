//! Who read what of one's own that is confidential.

use crate::{pages::PageQuery, refusal::Refusal, visitor::Visitor};
use actix_web::{HttpResponse, web};
use domain::codes::Role;
use serde_json::json;

/// `GET /readers`
pub(crate) async fn list(
    visitor: Visitor,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(&[Role::Reporter, Role::Exporter, Role::Administrator])?;
    let log = visitor.portal.api.access_log(&visitor, query.cursor.as_deref()).await?;
    Ok(visitor.page("clerk/readers.html", json!({"log": log})))
}
