//! What signs licences, determinations and receipts (Ed25519), and how others check it.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use domain::canonical::sha256_hex;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use utoipa::ToSchema;

/// The key and its name.
pub struct Signer {
    key: SigningKey,
    key_id: String,
}

/// Signed bytes with their signature.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignatureView {
    /// The key that signed; see `/v1/signing-keys`.
    pub key_id: String,
    /// How.
    #[schema(example = "Ed25519")]
    pub algorithm: &'static str,
    /// The bytes that were signed, in base64: canonical JSON.
    pub content: String,
    /// The signature over them, in base64.
    pub signature: String,
}

/// A key to check signatures with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SigningKeyView {
    /// The first 16 hexadecimal digits of the SHA-256 of the public key.
    pub key_id: String,
    /// How it signs.
    #[schema(example = "Ed25519")]
    pub algorithm: &'static str,
    /// The 32 bytes of the public key, in base64.
    pub public_key: String,
    /// The same as a JSON Web Key (RFC 8037).
    pub jwk: JsonWebKey,
    /// Whether it is the one that signs now.
    pub current: bool,
    /// Since when it signs, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// When another key took its place: what it signed before then stays good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<String>,
    /// Since when others may have it: what it signed from then on proves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compromised_since: Option<String>,
}

/// A public key as JOSE libraries read it (RFC 7517, RFC 8037).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JsonWebKey {
    /// What kind of key.
    #[schema(example = "OKP")]
    kty: &'static str,
    /// Which curve.
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// Its name.
    kid: String,
    /// How it signs.
    #[schema(example = "EdDSA")]
    alg: &'static str,
    /// The 32 bytes of the public key, in base64url.
    x: String,
}

impl SigningKeyView {
    /// A key by its name and its 32 bytes.
    pub fn of(key_id: &str, public_key: &[u8]) -> Self {
        Self {
            key_id: key_id.to_owned(),
            algorithm: ALGORITHM,
            public_key: BASE64_STANDARD.encode(public_key),
            jwk: JsonWebKey {
                kty: "OKP",
                crv: "Ed25519",
                kid: key_id.to_owned(),
                alg: "EdDSA",
                x: BASE64_URL_SAFE_NO_PAD.encode(public_key),
            },
            current: false,
            valid_from: None,
            retired_at: None,
            compromised_since: None,
        }
    }
}

const ALGORITHM: &str = "Ed25519";

impl Signer {
    /// Signs with this key.
    pub fn new(key: SigningKey) -> Self {
        let key_id = sha256_hex(key.verifying_key().as_bytes())[..16].to_owned();
        Self { key, key_id }
    }

    /// The name of the key.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// A signature over some bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.key.sign(bytes).to_bytes().to_vec()
    }

    /// Signs some bytes and shows both.
    pub fn signed(&self, bytes: &[u8]) -> SignatureView {
        SignatureView::of(&self.key_id, bytes, &self.sign(bytes))
    }

    /// The 32 bytes that others check with.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// Signs a payload as a JWS in its compact form (RFC 7515, RFC 8037), named by this key.
    ///
    /// `typ` says what the payload is, such as `vc+jwt`.
    pub fn compact_jws(&self, typ: &str, payload: &[u8]) -> String {
        let header = serde_json::json!({"alg": "EdDSA", "kid": self.key_id, "typ": typ});
        let signed = format!(
            "{}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(header.to_string()),
            BASE64_URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// 32 secret bytes for another purpose, which follow from this key and tell nothing of it.
    pub fn derived_secret(&self, purpose: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// The payload of a compact JWS, if this public key signed it. Needs no network and no clock.
pub fn open_compact_jws(jws: &str, public_key: &[u8; 32]) -> Option<Vec<u8>> {
    let (signed, signature) = jws.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let header: serde_json::Value = serde_json::from_slice(&decode(header)?).ok()?;
    if header["alg"] != "EdDSA" {
        return None;
    }
    let key = VerifyingKey::from_bytes(public_key).ok()?;
    let signature = Signature::from_slice(&decode(signature)?).ok()?;
    key.verify_strict(signed.as_bytes(), &signature).ok()?;
    decode(payload)
}

impl SignatureView {
    /// Shows a signature that was made before.
    pub fn of(key_id: &str, content: &[u8], signature: &[u8]) -> Self {
        Self {
            key_id: key_id.to_owned(),
            algorithm: ALGORITHM,
            content: BASE64_STANDARD.encode(content),
            signature: BASE64_STANDARD.encode(signature),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new(SigningKey::from_bytes(&[7; 32]))
    }

    #[test]
    fn what_was_signed_is_read_and_nothing_else() {
        let signer = signer();
        let jws = signer.compact_jws("ls+jwt", br#"{"number":"LS-2026-000123-W"}"#);
        let key = signer.public_key();
        assert_eq!(open_compact_jws(&jws, &key).unwrap(), br#"{"number":"LS-2026-000123-W"}"#);
        for position in 0..jws.len() {
            let mut changed = jws.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(open_compact_jws(&changed, &key), None, "character {position}");
        }
        let other = Signer::new(SigningKey::from_bytes(&[8; 32])).public_key();
        assert_eq!(open_compact_jws(&jws, &other), None);
        for nonsense in ["", ".", "..", "a.b.c", "AA.AA.AA"] {
            assert_eq!(open_compact_jws(nonsense, &key), None);
        }
    }

    #[test]
    fn a_derived_secret_is_of_its_purpose() {
        assert_eq!(signer().derived_secret("one"), signer().derived_secret("one"));
        assert_ne!(signer().derived_secret("one"), signer().derived_secret("other"));
    }
}
