//! What anybody may know: whether a licence is real, how long decisions take, what was published.

use crate::{api::Failure, pages::PageQuery, refusal::Refusal, visitor::Visitor};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

/// A licence's number.
#[derive(Debug, Deserialize)]
pub(crate) struct VerifyQuery {
    number: Option<String>,
}

/// `GET /verify`
pub(crate) async fn verify(
    visitor: Visitor,
    query: web::Query<VerifyQuery>,
) -> Result<HttpResponse, Refusal> {
    let number = query.number.as_deref().map(|number| number.trim().to_uppercase());
    let number = number.filter(|number| !number.is_empty());
    let (mut found, mut wrong) = (None, None);
    if let Some(number) = &number {
        match visitor.portal.api.verify(&visitor, number).await {
            Ok(answer) => found = Some(answer),
            Err(Failure::Refused(refused)) if matches!(refused.status, 400 | 404) => {
                wrong = Some("verify-unknown");
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(visitor
        .page("public/verify.html", json!({"number": number, "found": found, "wrong": wrong})))
}

/// `GET /processing-times`
pub(crate) async fn processing_times(visitor: Visitor) -> Result<HttpResponse, Refusal> {
    let times = visitor.portal.api.processing_times(&visitor).await?;
    Ok(visitor.page("public/processing_times.html", json!({"times": times})))
}

/// `GET /statistics`
pub(crate) async fn statistics(
    visitor: Visitor,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, Refusal> {
    let cursor = query.cursor.as_deref();
    let list = visitor.portal.api.published_statistics(&visitor, cursor).await?;
    Ok(visitor.page("public/statistics.html", json!({"list": list})))
}

/// `GET /statistics/{table}/{month}`
pub(crate) async fn statistics_table(
    visitor: Visitor,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Refusal> {
    let (table, month) = path.into_inner();
    let release = visitor.portal.api.published_table(&visitor, &table, &month).await?;
    Ok(visitor.page("public/statistics_table.html", json!({"release": release})))
}
