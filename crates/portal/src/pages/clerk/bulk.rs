//! Filing by spreadsheet: the file is handed on as it is, and every row has its verdict.

use super::FILERS;
use crate::{
    api::{Failure, once_key},
    form::Upload,
    refusal::Refusal,
    visitor::Visitor,
};
use actix_web::{HttpResponse, web};
use domain::codes::FilingKind;
use serde::Deserialize;
use serde_json::json;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// `GET /files`: which file?
pub(crate) async fn ask(visitor: Visitor) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    Ok(page(&visitor, &serde_json::Value::Null))
}

fn page(visitor: &Visitor, wrong: &serde_json::Value) -> HttpResponse {
    let kinds: Vec<&str> = FilingKind::ALL.iter().map(|kind| kind.as_str()).collect();
    visitor.page("clerk/bulk.html", json!({"kinds": kinds, "wrong": wrong, "once": once_key()}))
}

/// `POST /files`: hands the file in.
pub(crate) async fn hand_in(visitor: Visitor, upload: Upload) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let Some(file) = upload.files.into_iter().find(|file| !file.bytes.is_empty()) else {
        return Ok(page(&visitor, &json!({"words": "bulk-no-file"})));
    };
    let media = media_type(&file.name, &file.content_type);
    let mode = if upload.form.get("mode") == Some("commit") { "commit" } else { "validate" };
    let once = upload.form.get("_once").unwrap_or_default();
    match visitor.portal.api.hand_in(&visitor, (mode, once, media), file.bytes).await {
        Ok(job) => Ok(visitor.go(&format!("/files/{job}"), None)),
        Err(Failure::Refused(refused)) if matches!(refused.status, 400 | 409 | 413 | 415 | 422) => {
            Ok(page(&visitor, &json!({"refused": refused.shown(visitor.language)})))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// By the name's ending: browsers say all kinds of things about spreadsheets.
fn media_type<'a>(name: &str, said: &'a str) -> &'a str {
    let name = name.to_ascii_lowercase();
    match name.rsplit('.').next() {
        Some("xlsx") => XLSX,
        Some("csv") => "text/csv",
        Some("ndjson" | "jsonl") => "application/x-ndjson",
        _ => said,
    }
}

/// Which part of the verdicts.
#[derive(Debug, Deserialize)]
pub(crate) struct VerdictsQuery {
    cursor: Option<String>,
}

/// `GET /files/{job}`: how far it has come, and the verdict on each row.
pub(crate) async fn show(
    visitor: Visitor,
    job: web::Path<String>,
    query: web::Query<VerdictsQuery>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let api = &visitor.portal.api;
    let (job, verdicts) = tokio::join!(
        api.bulk_job(&visitor, &job),
        api.bulk_verdicts(&visitor, &job, query.cursor.as_deref())
    );
    let (job, verdicts) = (job?, verdicts?);
    Ok(visitor.page("clerk/bulk_job.html", json!({"job": job, "verdicts": verdicts})))
}

/// `GET /files/{job}/{what}`: the rows that were not recorded, or the workbook with verdicts.
pub(crate) async fn download(
    visitor: Visitor,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let (job, what) = path.into_inner();
    if what != "rejected" && what != "annotated.xlsx" {
        return Err(Refusal::NotFound);
    }
    let file = visitor.portal.api.bulk_file(&visitor, &job, &what).await?;
    Ok(super::super::handed_on(file, &what))
}

/// `GET /templates/{kind}.xlsx`: a workbook to fill in.
pub(crate) async fn template(
    visitor: Visitor,
    kind: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let name = kind.into_inner();
    let file = visitor.portal.api.template(&visitor, &name).await?;
    Ok(super::super::handed_on(file, &name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_name_says() {
        assert_eq!(media_type("Juli.XLSX", "application/octet-stream"), XLSX);
        assert_eq!(media_type("a.csv", "application/vnd.ms-excel"), "text/csv");
        assert_eq!(media_type("a.pdf", "application/pdf"), "application/pdf");
    }
}
