//! `lodestone verify receipt`.

use super::keys::{PublishedKeys, Signed};
use crate::{client::Service, output::say};
use anyhow::{Context, bail, ensure};
use clap::Args;
use domain::canonical::{canonical_json, sha256_hex};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::path::{Path, PathBuf};
use url::Url;

/// What a receipt of a filing says that it is.
const STATEMENT: &str = "lodestone.filing_receipt.v1";

#[derive(Args)]
pub struct Arguments {
    /// A file with the answer to a filing, or with what `/v1/filings/{id}/receipt` shows.
    receipt: PathBuf,
    /// A file with the filing as it was sent: does the receipt cover it?
    #[arg(long, value_name = "FILE")]
    form: Option<PathBuf>,
    /// Address of the licensing service, which publishes the keys.
    #[arg(long, default_value = "http://127.0.0.1:8082")]
    url: Url,
}

#[derive(Deserialize)]
struct Answer {
    receipt: Signed,
}

#[derive(Deserialize)]
struct Content {
    statement: String,
    organisation: String,
    filing: String,
    reference: String,
    version: u16,
    kind: String,
    month: String,
    recorded_at: String,
    content_sha256: String,
}

pub async fn verify(arguments: &Arguments) -> anyhow::Result<()> {
    let keys = PublishedKeys::read(&Service::public(arguments.url.clone())?).await?;
    let answer: Answer = read(&arguments.receipt)?;
    let content: Content = serde_json::from_slice(&keys.open(&answer.receipt)?)
        .context("what was signed is no receipt of a filing")?;
    ensure!(content.statement == STATEMENT, "what was signed is a {}", content.statement);
    let Content { reference, version, kind, month, recorded_at, organisation, filing, .. } =
        &content;
    say("the signature is genuine")?;
    say(&format!("{organisation} filed {reference:?}, version {version} ({kind}, {month})"))?;
    say(&format!("recorded at {recorded_at} as {filing}"))?;
    if let Some(path) = &arguments.form {
        if content_hash(read(path)?)? != content.content_sha256 {
            bail!("{} is not what was filed", path.display());
        }
        say(&format!("{} is what was filed", path.display()))?;
    }
    Ok(())
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no such JSON", path.display()))
}

/// The hash that a receipt holds of a claim: canonical JSON, with times in UTC and without members
/// that are null or empty.
fn content_hash(mut form: Value) -> anyhow::Result<String> {
    without_absent(&mut form);
    if let Some(happened_at) = form.get_mut("happened_at") {
        let text = happened_at.as_str().context("`happened_at` is no text")?;
        let at: Timestamp = text.parse().context("`happened_at` is no time")?;
        *happened_at = at.to_string().into();
    }
    Ok(sha256_hex(&canonical_json(&form)?))
}

fn without_absent(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| {
            let empty = member.as_array().is_some_and(Vec::is_empty);
            !member.is_null() && !empty
        });
        members.values_mut().for_each(without_absent);
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(without_absent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spelling_does_not_change_what_was_filed_and_a_gram_does() {
        let sent = json!({
            "kind": "extraction", "happened_at": "2026-10-03T09:30:00+08:00", "contract": null, "inputs": [],
            "lines": [{"lot": "L", "quantity_kg": "1.000", "product": null}],
        });
        let normal = json!({
            "lines": [{"quantity_kg": "1.000", "lot": "L"}], "happened_at": "2026-10-03T01:30:00Z", "kind": "extraction",
        });
        let mut other = normal.clone();
        other["lines"][0]["quantity_kg"] = json!("1.001");
        let hash = |form: &Value| content_hash(form.clone()).unwrap();
        assert_eq!(hash(&sent), hash(&normal));
        assert_ne!(hash(&sent), hash(&other));
    }
}
