//! The month board and the monthly return.

use super::FILERS;
use crate::{
    api::{self, Failure},
    form::{Form, ShownForm},
    refusal::Refusal,
    visitor::{Notice, Visitor},
};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

/// From which month on.
#[derive(Debug, Deserialize)]
pub(crate) struct BoardQuery {
    from: Option<String>,
}

/// `GET /returns`
pub(crate) async fn board(
    visitor: Visitor,
    query: web::Query<BoardQuery>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let from = query.from.as_deref().filter(|from| !from.is_empty());
    let board = visitor.portal.api.returns(&visitor, from).await?;
    let counts = counts(&board);
    Ok(visitor.page("clerk/returns.html", json!({"board": board, "counts": counts})))
}

/// How many returns stand how, for the figures at the top.
fn counts(board: &Value) -> Value {
    let returns = board["returns"].as_array().map(Vec::as_slice).unwrap_or_default();
    let standing = |words: &[&str]| {
        let stands = |one: &&Value| one["standing"].as_str().is_some_and(|s| words.contains(&s));
        returns.iter().filter(stands).count()
    };
    let next = returns.iter().filter(|one| one["standing"] == "due");
    let next = next.filter_map(|one| one["days_left"].as_i64()).min();
    json!({
        "overdue": standing(&["overdue"]), "due": standing(&["due"]),
        "filed": standing(&["filed", "filed_late", "amended"]), "next": next,
    })
}

/// `GET /returns/{month}`
pub(crate) async fn month(
    visitor: Visitor,
    month: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    month_page(&visitor, &month, &ShownForm::default()).await
}

async fn month_page(
    visitor: &Visitor,
    month: &str,
    form: &ShownForm,
) -> Result<HttpResponse, Refusal> {
    let api = &visitor.portal.api;
    let (books, board) = tokio::join!(api.books(visitor, month), api.returns(visitor, Some(month)));
    let (books, board) = (books?, board?);
    let returns: Vec<&Value> = board["returns"]
        .as_array()
        .map(|list| list.iter().filter(|one| one["month"] == month).collect())
        .unwrap_or_default();
    let open = returns.iter().any(|one| one["filed"].is_null());
    let shown = json!({
        "month": month, "books": books, "returns": returns, "open": open, "form": form,
        "once": api::once_key(),
    });
    Ok(visitor.page("clerk/month.html", shown))
}

/// `POST /returns/{month}`
pub(crate) async fn file(
    visitor: Visitor,
    month: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let nil = form.get("nil") == Some("yes");
    let once = form.get("_once").unwrap_or_default();
    let body = json!({"month": month.as_str(), "nil": nil});
    match visitor.portal.api.file_returns(&visitor, once, &body).await {
        Ok(_) => {
            let notice = Notice::about("notice-return-filed", month.as_str());
            Ok(visitor.go(&format!("/returns/{month}"), Some(notice)))
        }
        Err(Failure::Refused(refused)) if matches!(refused.status, 400 | 409 | 422) => {
            month_page(&visitor, &month, &form.refused(&refused, visitor.language)).await
        }
        Err(failure) => Err(failure.into()),
    }
}
