//! Where to begin.

use crate::{navigation, refusal::Refusal, visitor::Visitor};
use actix_web::HttpResponse;
use serde_json::json;

/// `GET /`
pub(crate) async fn show(visitor: Visitor) -> Result<HttpResponse, Refusal> {
    let work = visitor.session().map(navigation::work_of);
    Ok(visitor.page("start.html", json!({"work": work})))
}
