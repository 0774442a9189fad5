//! What does not add up in one's own filings, and where to look. Never what officials suspect: the
//! interface does not tell a filer.

use super::FILERS;
use crate::{pages::PageQuery, refusal::Refusal, visitor::Visitor};
use actix_web::{HttpResponse, web};
use serde_json::json;

/// `GET /findings`
pub(crate) async fn list(
    visitor: Visitor,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let call = visitor.portal.api.findings(&visitor).with("cursor", query.cursor.as_deref());
    let list = call.value().await?;
    Ok(visitor.page("clerk/findings.html", json!({"list": list})))
}
