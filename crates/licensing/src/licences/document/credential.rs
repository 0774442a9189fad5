//! A licence as a W3C Verifiable Credential 2.0.

use super::status::{Purpose, list_url};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use database::licences::LicenceRecord;
use serde_json::{Value, json};
use service::signer::{Signer, SigningKeyView};

/// Terms of our own beside those of the standard.
const TERMS: &str = "https://lodestone.example/terms#";

/// The contexts of every credential here.
pub(super) fn contexts() -> Value {
    json!(["https://www.w3.org/ns/credentials/v2", {"@vocab": TERMS}])
}

/// Who issues: the key itself as `did:jwk`, so that nothing must be fetched to check it.
pub(super) fn issuer(signer: &Signer) -> String {
    let key = SigningKeyView::of(signer.key_id(), &signer.public_key()).jwk;
    let key = serde_json::to_vec(&key).expect("a key is plain JSON");
    format!("did:jwk:{}", BASE64_URL_SAFE_NO_PAD.encode(key))
}

/// The credential's payload; `base` is where its status lists are read.
pub(super) fn of(record: &LicenceRecord, signer: &Signer, base: &str) -> Value {
    let content = &record.content;
    let status = Purpose::ALL.iter().map(|purpose| {
        let list = list_url(base, *purpose, content.number.year());
        json!({
            "id": format!("{list}#{}", content.number.serial()),
            "type": "BitstringStatusListEntry",
            "statusPurpose": purpose.as_str(),
            "statusListIndex": content.number.serial().to_string(),
            "statusListCredential": list,
        })
    });
    json!({
        "@context": contexts(),
        "id": format!("urn:uuid:{}", content.licence),
        "type": ["VerifiableCredential", "ExportLicenceCredential"],
        "issuer": issuer(signer),
        "validFrom": format!("{}T00:00:00+08:00", content.validity.from()),
        "validUntil": format!("{}T23:59:59+08:00", content.validity.until()),
        "credentialSubject": {
            "id": format!("urn:uuid:{}", content.holder.organisation),
            "licence": content,
        },
        "credentialStatus": status.collect::<Vec<Value>>(),
    })
}
