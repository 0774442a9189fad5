//! `lodestone verify licence`.

use super::keys::{PublishedKeys, Signed};
use crate::{client::Service, output::say};
use anyhow::{Context, bail, ensure};
use clap::Args;
use domain::{
    canonical::{canonical_json, sha256_hex},
    licence::{LicenceContent, SerialNumber},
};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use url::Url;

#[derive(Args)]
pub struct Arguments {
    /// A number such as LS-2026-000123-W, or a file with the signed licence in JSON.
    number_or_file: String,
    /// Address of the licensing service.
    #[arg(long, default_value = "http://127.0.0.1:8082")]
    url: Url,
}

#[derive(Deserialize)]
struct Verification {
    statement: Value,
    signed: Signed,
}

#[derive(Deserialize)]
struct Statement {
    number: String,
    standing: String,
    kind: String,
    holder_name_zh: String,
    holder_name_en: String,
    valid_from: String,
    valid_until: String,
    content_sha256: String,
    #[serde(default)]
    content_key_compromised_since: Option<String>,
    #[serde(default)]
    signature_in_doubt: bool,
    checked_at: String,
}

/// A licence as the service shows it to its holder, or its signature alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum LicenceFile {
    Shown { signed: Signed },
    Signature(Signed),
}

pub async fn verify(arguments: &Arguments) -> anyhow::Result<()> {
    let licensing = Service::public(arguments.url.clone())?;
    let keys = PublishedKeys::read(&licensing).await?;
    let statement = match arguments.number_or_file.parse::<SerialNumber>() {
        Ok(number) => ask(&licensing, &keys, number).await?,
        Err(invalid) => {
            let path = Path::new(&arguments.number_or_file);
            ensure!(path.exists(), "{} is no file, and {invalid}", path.display());
            let bytes = open(path, &keys)?;
            let content: LicenceContent =
                serde_json::from_slice(&bytes).context("what was signed is no licence")?;
            let statement = ask(&licensing, &keys, content.number).await?;
            if statement.content_sha256 != sha256_hex(&bytes) {
                bail!("{} was signed, but it is not the licence of that number", content.number);
            }
            say("the signature is genuine and this is the licence of that number")?;
            statement
        }
    };
    show(&statement)?;
    ensure!(statement.standing == "issued", "no goods may leave under it");
    Ok(())
}

/// The bytes of a licence in a file, if they were signed.
fn open(path: &Path, keys: &PublishedKeys) -> anyhow::Result<Vec<u8>> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = serde_json::from_slice(&text)
        .with_context(|| format!("{} is no signed licence", path.display()))?;
    let (LicenceFile::Shown { signed } | LicenceFile::Signature(signed)) = file;
    keys.open(&signed)
}

/// What a licence is worth now, as signed by the authority.
async fn ask(
    licensing: &Service,
    keys: &PublishedKeys,
    number: SerialNumber,
) -> anyhow::Result<Statement> {
    let answer: Verification = licensing.get(&format!("/v1/verify/{number}"), &[]).await?;
    let bytes = keys.open_now(&answer.signed)?;
    ensure!(bytes == canonical_json(&answer.statement)?, "another statement was signed than shown");
    let statement: Statement = serde_json::from_slice(&bytes)?;
    ensure!(statement.number == number.to_string(), "the answer is about {}", statement.number);
    Ok(statement)
}

fn show(statement: &Statement) -> anyhow::Result<()> {
    let Statement { number, standing, kind, valid_from, valid_until, checked_at, .. } = statement;
    say(&format!("{number}: {standing} ({kind}), {valid_from} to {valid_until}"))?;
    say(&format!("held by {} {}", statement.holder_name_zh, statement.holder_name_en))?;
    say(&format!("signed by the authority at {checked_at}"))?;
    if statement.signature_in_doubt {
        let since = statement.content_key_compromised_since.as_deref().unwrap_or("some time");
        say(&format!(
            "the licence's own signature proves nothing: its key was compromised since {since}"
        ))?;
    }
    Ok(())
}
