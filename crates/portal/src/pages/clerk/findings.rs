//! What does not add up in one's own filings, and where to look. Never what officials suspect: the
//! interface does not tell a filer.

use super::FILERS;
use crate::{refusal::Refusal, visitor::Visitor};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

/// Which page of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    cursor: Option<String>,
}

/// `GET /findings`
pub(crate) async fn list(
    visitor: Visitor,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let call = visitor.portal.api.findings(&visitor).with("cursor", query.cursor.as_deref());
    let list = call.value().await?;
    Ok(visitor.page("clerk/findings.html", json!({"list": list})))
}
