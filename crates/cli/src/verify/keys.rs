//! The keys that signatures are checked with, and the check.

use crate::client::Service;
use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::canonical::sha256_hex;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Deserialize;

/// How many hexadecimal digits of its hash name a key.
const KEY_ID_DIGITS: usize = 16;

/// The keys that licensing publishes.
#[derive(Deserialize)]
pub struct PublishedKeys {
    keys: Vec<PublishedKey>,
}

#[derive(Deserialize)]
struct PublishedKey {
    key_id: String,
    algorithm: String,
    public_key: String,
    #[serde(default)]
    compromised_since: Option<String>,
}

/// Signed bytes with their signature, as licensing shows them.
#[derive(Deserialize)]
pub struct Signed {
    /// The key that signed.
    pub key_id: String,
    content: String,
    signature: String,
}

impl PublishedKeys {
    /// Asks for them.
    pub async fn read(licensing: &Service) -> anyhow::Result<Self> {
        let keys = licensing.get("/v1/signing-keys", &[]).await;
        keys.context("the signing keys cannot be read")
    }

    /// All that sign with Ed25519.
    pub fn all(&self) -> anyhow::Result<Vec<VerifyingKey>> {
        let ours = self.keys.iter().filter(|key| key.algorithm == "Ed25519");
        ours.map(PublishedKey::read).collect()
    }

    /// The same of something that was signed just now: a key that others may have proves nothing.
    pub fn open_now(&self, signed: &Signed) -> anyhow::Result<Vec<u8>> {
        let key = self.keys.iter().find(|key| key.key_id == signed.key_id);
        if let Some(since) = key.and_then(|key| key.compromised_since.as_deref()) {
            bail!(
                "key {} was compromised since {since}: others may have signed this",
                signed.key_id
            );
        }
        self.open(signed)
    }

    /// The bytes that were signed, if one of these keys signed them.
    pub fn open(&self, signed: &Signed) -> anyhow::Result<Vec<u8>> {
        let key = self.keys.iter().find(|key| key.key_id == signed.key_id);
        let key = key.with_context(|| format!("key {} is not published", signed.key_id))?;
        let content = decoded(&signed.content)?;
        let signature = Signature::from_slice(&decoded(&signed.signature)?)?;
        if key.read()?.verify_strict(&content, &signature).is_err() {
            bail!("the signature is not of key {}: what it signs was changed", signed.key_id);
        }
        Ok(content)
    }
}

impl PublishedKey {
    fn read(&self) -> anyhow::Result<VerifyingKey> {
        let bytes = decoded(&self.public_key)?;
        let bytes: [u8; 32] =
            bytes.try_into().ok().with_context(|| format!("key {} is none", self.key_id))?;
        let is_named_after_it = sha256_hex(&bytes)[..KEY_ID_DIGITS] == self.key_id;
        ensure!(is_named_after_it, "key {} is published under another's name", self.key_id);
        Ok(VerifyingKey::from_bytes(&bytes)?)
    }
}

fn decoded(text: &str) -> anyhow::Result<Vec<u8>> {
    BASE64_STANDARD.decode(text).context("not base64")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    fn published(key: &SigningKey) -> PublishedKeys {
        let public = key.verifying_key();
        PublishedKeys {
            keys: vec![PublishedKey {
                key_id: sha256_hex(public.as_bytes())[..KEY_ID_DIGITS].to_owned(),
                algorithm: "Ed25519".to_owned(),
                public_key: BASE64_STANDARD.encode(public.as_bytes()),
                compromised_since: None,
            }],
        }
    }

    fn signed(key: &SigningKey, content: &[u8]) -> Signed {
        Signed {
            key_id: published(key).keys[0].key_id.clone(),
            content: BASE64_STANDARD.encode(content),
            signature: BASE64_STANDARD.encode(key.sign(content).to_bytes()),
        }
    }

    #[test]
    fn what_a_published_key_signed_opens_and_nothing_else() {
        let (ours, other) = (SigningKey::from_bytes(&[5; 32]), SigningKey::from_bytes(&[6; 32]));
        let keys = published(&ours);
        assert_eq!(keys.open(&signed(&ours, b"{}")).unwrap(), b"{}");
        let changed = Signed { content: BASE64_STANDARD.encode(b"[]"), ..signed(&ours, b"{}") };
        assert!(keys.open(&changed).is_err());
        assert!(keys.open(&signed(&other, b"{}")).is_err());
        let pretended = Signed { key_id: signed(&ours, b"").key_id, ..signed(&other, b"{}") };
        assert!(keys.open(&pretended).is_err());
    }

    #[test]
    fn what_a_compromised_key_signs_now_is_refused_and_what_it_signed_is_left_to_the_register() {
        let ours = SigningKey::from_bytes(&[5; 32]);
        let mut keys = published(&ours);
        assert!(keys.open_now(&signed(&ours, b"{}")).is_ok());
        keys.keys[0].compromised_since = Some("2026-11-20T08:00:00Z".to_owned());
        assert!(keys.open_now(&signed(&ours, b"{}")).is_err());
        assert!(keys.open(&signed(&ours, b"{}")).is_ok());
    }

    #[test]
    fn a_key_under_the_name_of_another_is_refused() {
        let (ours, other) = (SigningKey::from_bytes(&[5; 32]), SigningKey::from_bytes(&[6; 32]));
        let mut keys = published(&other);
        keys.keys[0].key_id = published(&ours).keys[0].key_id.clone();
        assert!(keys.all().is_err());
    }
}
