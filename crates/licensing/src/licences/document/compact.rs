//! The short signed form of a licence: a phone checks it with the published keys and no network.

use super::kilograms;
use database::licences::LicenceRecord;
use domain::canonical::sha256_hex;
use qrcode::{EcLevel, QrCode};
use serde_json::{Value, json};
use service::signer::Signer;

/// What the payload is.
const TYPE: &str = "ls+jwt";

/// The short form as a compact JWS. It names no consignee and no end user: clients are the holder's
/// secret, and the fingerprint binds them.
pub(super) fn of(signer: &Signer, record: &LicenceRecord) -> String {
    let lines = record
        .lines
        .iter()
        .map(|line| json!([line.line, line.control_code, kilograms(line.balance.licensed_grams)]));
    signed(signer, record, Some(lines.collect()))
}

/// The short form as a QR code; with very many lines it leaves them to the fingerprint.
pub(super) fn qr(signer: &Signer, record: &LicenceRecord) -> anyhow::Result<QrCode> {
    let code = |text: &str| QrCode::with_error_correction_level(text, EcLevel::L);
    Ok(code(&of(signer, record)).or_else(|_| code(&signed(signer, record, None)))?)
}

fn signed(signer: &Signer, record: &LicenceRecord, lines: Option<Vec<Value>>) -> String {
    let content = &record.content;
    let mut claims = json!({
        "number": content.number,
        "kind": content.kind,
        "holder": content.holder.identifier,
        "holder_name": content.holder.name_zh,
        "from": content.validity.from(),
        "until": content.validity.until(),
        "to": content.destination,
        "sha256": sha256_hex(&record.signed_content),
    });
    if let Some(lines) = lines {
        claims["lines"] = Value::Array(lines);
    }
    signer.compact_jws(TYPE, claims.to_string().as_bytes())
}
