//! How an organisation names the columns of its tables.

use super::table::Mapping;
use crate::reading::ReadingPools;
use actix_web::{get, put, web};
use database::bulk_jobs;
use service::{
    body::JsonBody,
    clock,
    identity::Reporter,
    problem::{Problem, ProblemDetails, Violation},
};

/// How the organisation's own headings map to fields.
///
/// Headings of the templates and their usual synonyms are known without.
#[utoipa::path(tag = "filings", responses((status = 200, body = Mapping)))]
#[get("/v1/filings/bulk/mapping")]
pub async fn find(
    pools: web::Data<ReadingPools>,
    reporter: Reporter,
) -> Result<web::Json<Mapping>, Problem> {
    let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
    let stored = bulk_jobs::mapping(&mut conn, reporter.organisation).await?;
    let mapping = stored.map(serde_json::from_value).transpose().map_err(anyhow::Error::from)?;
    Ok(web::Json(mapping.unwrap_or_default()))
}

/// Says how the organisation's own headings map to fields, for every later file.
#[utoipa::path(
    tag = "filings",
    request_body = Mapping,
    responses(
        (status = 200, body = Mapping),
        (status = 422, description = "See `violations`", body = ProblemDetails)
    )
)]
#[put("/v1/filings/bulk/mapping")]
pub async fn set(
    pools: web::Data<ReadingPools>,
    reporter: Reporter,
    mapping: JsonBody<Mapping>,
) -> Result<web::Json<Mapping>, Problem> {
    let faults = mapping.value.faults();
    if !faults.is_empty() {
        let violation = |fault: super::unit::Fault| {
            let violation = Violation::at(fault.pointer, fault.code, fault.detail);
            Violation { expected: fault.expected, ..violation }
        };
        return Err(Problem::ValidationFailed(faults.into_iter().map(violation).collect()));
    }
    let stored = serde_json::to_value(&mapping.value).map_err(anyhow::Error::from)?;
    let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
    let (organisation, person) = (reporter.organisation, reporter.person);
    bulk_jobs::set_mapping(&mut conn, organisation, &stored, person, clock::now()).await?;
    Ok(web::Json(mapping.value))
}
