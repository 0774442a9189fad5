//! The signed receipt of a filing: proof of what was told when, for whoever told it.
//!
//! It is a promise that the filing is recorded and will be in the log; `/v1/log/proof/inclusion`
//! proves later that it was kept. The same filing always has the same receipt.

use super::{
    desk::{Accepted, content_hash},
    form::FilingForm,
    view::Receipted,
};
use crate::reading::{Access, Reading, ReadingQuery};
use actix_web::{get, web};
use database::filing_receipts;
use domain::{
    canonical::canonical_json,
    ids::{FilingId, OrganisationId},
};
use serde::Serialize;
use serde_json::{Value, json};
use service::{
    problem::{Problem, ProblemDetails},
    signer::{SignatureView, Signer},
};
use utoipa::ToSchema;

/// What the signed content says that it is.
const STATEMENT: &str = "lodestone.filing_receipt.v1";

/// A receipt, with what was signed to read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// Organisation, filing, reference, version, kind, month, `recorded_at`, and `content_sha256`:
    /// the SHA-256 of the claim as canonical JSON (RFC 8785) with times in UTC and members that
    /// are null or empty left out.
    #[schema(value_type = Object)]
    pub content: Value,
    /// The signature over it; licensing's `/v1/signing-keys` has the key.
    pub receipt: SignatureView,
}

/// The receipt of one version of a filing, as it was given when the filing was recorded.
#[utoipa::path(
    tag = "filings",
    params(("id" = Uuid, Path), ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = ReceiptView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/filings/{id}/receipt")]
pub async fn show(
    reading: Reading,
    signer: web::Data<Signer>,
    id: web::Path<FilingId>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<ReceiptView>, Problem> {
    let access = reading.of(&query.about(format!("receipt of filing {id}"))).await?;
    let Access { mut conn, organisation, .. } = access;
    let found = filing_receipts::find(&mut conn, organisation, *id).await?;
    let content = stored(organisation, *id, &found.ok_or(Problem::NotFound("filing"))?);
    let receipt = signed(&signer, &content)?;
    Ok(web::Json(ReceiptView { content, receipt }))
}

/// Adds the receipt to what is answered to a filing, now or again.
pub fn with_receipt(
    signer: &Signer,
    form: &FilingForm,
    accepted: Accepted,
) -> Result<Receipted, Problem> {
    let recorded = match accepted {
        Accepted::New(recorded) => serde_json::to_value(recorded).map_err(anyhow::Error::from)?,
        Accepted::Before(answer) => answer,
    };
    let content = json!({
        "statement": STATEMENT,
        "organisation": recorded["organisation"],
        "filing": recorded["id"],
        "reference": recorded["reference"],
        "version": recorded["version"],
        "kind": recorded["kind"],
        "month": recorded["month"],
        "recorded_at": recorded["recorded_at"],
        "content_sha256": hex::encode(content_hash(form)),
    });
    Ok(Receipted { recorded, receipt: signed(signer, &content)? })
}

fn stored(
    organisation: OrganisationId,
    filing: FilingId,
    receipted: &filing_receipts::Receipted,
) -> Value {
    json!({
        "statement": STATEMENT,
        "organisation": organisation,
        "filing": filing,
        "reference": receipted.reference,
        "version": receipted.version,
        "kind": receipted.kind.as_str(),
        "month": receipted.month,
        "recorded_at": receipted.recorded_at.to_string(),
        "content_sha256": hex::encode(&receipted.content_hash),
    })
}

fn signed(signer: &Signer, content: &Value) -> Result<SignatureView, Problem> {
    Ok(signer.signed(&canonical_json(content).map_err(anyhow::Error::from)?))
}
