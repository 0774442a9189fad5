//! Who read what of one's own that is confidential.

use crate::{refusal::Refusal, visitor::Visitor};
use actix_web::{HttpResponse, web};
use domain::codes::Role;
use serde::Deserialize;
use serde_json::json;

/// Which page of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    cursor: Option<String>,
}

/// `GET /readers`
pub(crate) async fn list(
    visitor: Visitor,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(&[Role::Reporter, Role::Exporter, Role::Administrator])?;
    let log = visitor.portal.api.access_log(&visitor, query.cursor.as_deref()).await?;
    Ok(visitor.page("clerk/readers.html", json!({"log": log})))
}
