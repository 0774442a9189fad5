//! What was filed: the list, and one filing with its versions and its signed receipt.

use super::FILERS;
use crate::{refusal::Refusal, visitor::Visitor};
use actix_web::{HttpResponse, web};
use domain::codes::FilingKind;
use serde::Deserialize;
use serde_json::{Value, json};

/// Which filings.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    kind: Option<String>,
    month: Option<String>,
    reference: Option<String>,
    cursor: Option<String>,
}

/// `GET /filings`
pub(crate) async fn list(
    visitor: Visitor,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let filled = |value: &Option<String>| {
        value.as_deref().map(str::trim).filter(|value| !value.is_empty()).map(ToOwned::to_owned)
    };
    let (kind, month, reference) =
        (filled(&query.kind), filled(&query.month), filled(&query.reference));
    let call = visitor.portal.api.filings(&visitor);
    let call = call.with("kind", kind.as_deref()).with("month", month.as_deref());
    let call = call.with("reference", reference.as_deref());
    let list = call.with("cursor", query.cursor.as_deref()).value().await?;
    let kinds: Vec<&str> = FilingKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let chosen = json!({
        "values": {
            "kind": kind.clone().unwrap_or_default(), "month": month.clone().unwrap_or_default(),
            "reference": reference.clone().unwrap_or_default(),
        },
        "faults": {}, "summary": [],
    });
    let mut same = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("kind", &kind), ("month", &month), ("reference", &reference)] {
        if let Some(value) = value {
            same.append_pair(name, value);
        }
    }
    let shown = json!({
        "list": list, "kinds": kinds, "chosen": chosen, "same": same.finish(),
        "filtered": kind.is_some() || month.is_some() || reference.is_some(),
    });
    Ok(visitor.page("clerk/filings.html", shown))
}

/// `GET /filings/{id}`
pub(crate) async fn show(visitor: Visitor, id: web::Path<String>) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let api = &visitor.portal.api;
    let (filing, versions) = tokio::join!(api.filing(&visitor, &id), api.versions(&visitor, &id));
    let (filing, versions) = (filing?, versions?);
    let latest = versions.as_array().and_then(|list| list.last()).cloned().unwrap_or_default();
    let is_latest = latest["id"] == filing["id"];
    let shown = json!({
        "filing": filing, "versions": versions, "is_latest": is_latest,
        "next_version": latest["version"].as_u64().unwrap_or(1) + 1,
        "correctable": is_latest && filing["kind"] != "monthly_return",
        "elements": elements(&filing),
    });
    Ok(visitor.page("clerk/filing.html", shown))
}

/// The elements that occur on any line, in the order of the periodic table.
fn elements(filing: &Value) -> Vec<String> {
    let lines = filing["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    let occurs =
        |element: &str| lines.iter().any(|line| line["elements_mg"].get(element).is_some());
    let all = domain::element::Element::ALL.iter().map(ToString::to_string);
    all.filter(|element| occurs(element)).collect()
}

/// `GET /filings/{id}/receipt`: the signed receipt, as it was given, to keep.
pub(crate) async fn receipt(
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let receipt = visitor.portal.api.filing_receipt(&visitor, &id).await?;
    Ok(HttpResponse::Ok()
        .insert_header(("Content-Disposition", "attachment; filename=\"receipt.json\""))
        .json(receipt))
}
