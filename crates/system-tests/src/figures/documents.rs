//! `licence_pdf_ms` and `verify_offline_ms`: a licence on paper, and checked without a network.

use super::Bench;
use crate::{
    docket::House,
    measure::{Figure, milliseconds},
};
use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use service::signer::open_compact_jws;
use std::time::Instant;

/// The goals that the issue sets.
const PDF_LIMIT_MS: f64 = 50.0;
const VERIFY_LIMIT_MS: f64 = 1.0;
/// Pages of a kind are drawn alike from the second on: the font is read once.
const WARM_UP: usize = 3;

/// Measures both with one licence.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let count = if bench.quick { 60 } else { 300 };
    let stack = bench.stack(vec!["licensing"]).await;
    let house = House::open(&stack).await?;
    let case = house.approved(stack.database()).await?;
    let client = stack.database().owner().await;
    let found =
        client.query_one("select number from licences where case_id = $1", &[&case]).await?;
    let number: String = found.get(0);
    let mut connection = house.connect().await?;
    let token = &house.exporter.token;

    let path = format!("/v1/licences/{number}.pdf");
    let (mut times, mut bytes) = (Vec::with_capacity(count), 0);
    for place in 0..WARM_UP + count {
        let begun = Instant::now();
        let answer = connection.get(&path, token).await?;
        let elapsed = milliseconds(begun.elapsed());
        ensure!(answer.status == 200 && answer.body.starts_with(b"%PDF-"), "no document");
        bytes = answer.body.len();
        if WARM_UP <= place {
            times.push(elapsed);
        }
    }
    let pdf = Figure::of_runs("licence_pdf_ms", "ms", Some(PDF_LIMIT_MS), &times)
        .with("document_bytes", bytes);

    let credential = connection.get(&format!("/v1/licences/{number}.vc"), token).await?;
    let credential = String::from_utf8(credential.body)?;
    let keys = connection.get("/v1/signing-keys", token).await?.json().to_string();
    let times: Vec<f64> = (0..count * 10)
        .map(|_| {
            let begun = Instant::now();
            let licence = verified(&credential, &keys)?;
            let elapsed = milliseconds(begun.elapsed());
            ensure!(licence["number"] == number.as_str(), "another licence was signed");
            Ok(elapsed)
        })
        .collect::<anyhow::Result<_>>()?;
    let offline = Figure::of_runs("verify_offline_ms", "ms", Some(VERIFY_LIMIT_MS), &times)
        .with("signed_bytes", credential.len());
    Ok(vec![pdf, offline])
}

/// The licence that a signed form is of, checked with the published keys alone: everything that is
/// done each time, from the text of both.
///
/// The credential is the longest of the signed forms: what the QR code holds is a third of it.
fn verified(signed: &str, keys: &str) -> anyhow::Result<Value> {
    let decoded = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).context("not base64url");
    let header = signed.split('.').next().unwrap_or_default();
    let header: Value = serde_json::from_slice(&decoded(header)?)?;
    let keys: Value = serde_json::from_str(keys)?;
    let keys = keys["keys"].as_array().context("no keys")?;
    let key = keys.iter().find(|key| key["key_id"] == header["kid"]).context("an unknown key")?;
    let key = decoded(key["jwk"]["x"].as_str().unwrap_or_default())?;
    let key = <[u8; 32]>::try_from(key).ok().context("no key of Ed25519")?;
    let payload = open_compact_jws(signed, &key).context("the signature is of somebody else")?;
    let mut payload: Value = serde_json::from_slice(&payload)?;
    Ok(payload["credentialSubject"]["licence"].take())
}
