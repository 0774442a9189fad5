//! What anybody may ask: is this licence real and what is it worth.
//!
//! The answer names no consignee and no end user: clients are the holder's secret. Whoever has
//! the licence itself compares its fingerprint.

use super::known;
use crate::app::{self, App};
use actix_web::{get, web};
use database::{licences, signing_keys};
use domain::canonical::{canonical_json, sha256_hex};
use serde::Serialize;
use service::{
    problem::{Problem, ProblemDetails},
    signer::SignatureView,
    trace::TraceContext,
};
use utoipa::ToSchema;

/// What a licence is worth, for anybody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerificationView {
    /// The statement, which is also what is signed.
    statement: StatementView,
    /// The signature over the statement.
    signed: SignatureView,
}

/// What is stated about a licence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementView {
    /// Its number.
    #[schema(example = "LS-2026-000123-W")]
    number: String,
    /// What it is worth: issued, suspended, revoked, surrendered, superseded, exhausted, expired
    /// or `not_yet_valid`.
    standing: &'static str,
    /// What kind it is.
    kind: &'static str,
    /// Who holds it, in Chinese.
    holder_name_zh: String,
    /// Who holds it, in English.
    holder_name_en: String,
    /// The first day.
    valid_from: String,
    /// The last day.
    valid_until: String,
    /// SHA-256 of the signed licence, to compare with the one at hand.
    content_sha256: String,
    /// The key that signed the licence.
    content_key_id: String,
    /// When it was signed, as the register has it.
    content_signed_at: String,
    /// Since when others may have the key that signed the licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_key_compromised_since: Option<String>,
    /// Whether the licence was signed when others may have had the key: its signature proves nothing,
    /// and only the register says what it is worth.
    signature_in_doubt: bool,
    /// When this was asked.
    checked_at: String,
}

/// Whether a licence is real and what it is worth now. For anybody.
#[utoipa::path(
    tag = "public", security(()),
    params(("number" = String, Path, example = "LS-2026-000123-W")),
    responses((status = 200, body = VerificationView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/verify/{number}")]
pub(crate) async fn verify(
    app: web::Data<App>,
    trace: TraceContext,
    number: web::Path<String>,
) -> Result<web::Json<VerificationView>, Problem> {
    let number = known(&number)?;
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    let record = licences::find(&mut conn, number).await?.ok_or(Problem::NotFound("licence"))?;
    let validity = record.content.validity;
    let compromise = signing_keys::compromise_of(&mut conn, &record.signing_key).await?;
    let since = compromise.map(|compromise| compromise.since);
    let statement = StatementView {
        number: record.number.to_string(),
        standing: record.standing(moment.today()).as_str(),
        kind: record.content.kind.as_str(),
        holder_name_zh: record.content.holder.name_zh.clone(),
        holder_name_en: record.content.holder.name_en.clone(),
        valid_from: validity.from().to_string(),
        valid_until: validity.until().to_string(),
        content_sha256: sha256_hex(&record.signed_content),
        content_key_id: record.signing_key.clone(),
        content_signed_at: record.issued_at.to_string(),
        content_key_compromised_since: since.map(|since| since.to_string()),
        signature_in_doubt: since.is_some_and(|since| since <= record.issued_at),
        checked_at: moment.at.to_string(),
    };
    let bytes = canonical_json(&statement).map_err(anyhow::Error::from)?;
    let signed = app.signer.signed(&bytes);
    Ok(web::Json(VerificationView { statement, signed }))
}
