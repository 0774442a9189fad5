//! Goods that are on their way here, each with the receipt that only has to be looked over.

use super::FILERS;
use crate::{form::ShownForm, pages::PageQuery, refusal::Refusal, visitor::Visitor};
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

/// `GET /receipts`
pub(crate) async fn list(
    visitor: Visitor,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let list = visitor.portal.api.incoming(&visitor, query.cursor.as_deref()).await?;
    Ok(visitor.page("clerk/receipts.html", json!({"list": list})))
}

/// `GET /receipts/{movement}`: the form of a receipt, prefilled, or what was received.
pub(crate) async fn ask(
    visitor: Visitor,
    movement: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let api = &visitor.portal.api;
    let receipt = api.movement_receipt(&visitor, &movement).await?;
    if receipt["form"].is_null() {
        return Ok(visitor.page("clerk/received.html", json!({"receipt": receipt})));
    }
    let catalogue = api.catalogue(&visitor).await?;
    let mut form = ShownForm::default();
    form.fill("", &receipt["form"]);
    form.put("happened_at", super::filing::local_time(&receipt["form"]["happened_at"]));
    Ok(super::filing::page(
        &visitor,
        "receipt",
        &form,
        &catalogue,
        &lines_of(&receipt["form"]),
        true,
    ))
}

fn lines_of(form: &Value) -> Vec<(&'static str, usize)> {
    vec![("lines", form["lines"].as_array().map_or(1, Vec::len))]
}
