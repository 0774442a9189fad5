//! What signs licences, determinations and receipts (Ed25519), and how others check it.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::canonical::sha256_hex;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::Serialize;
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

    /// The key that others check with.
    pub fn public(&self) -> SigningKeyView {
        SigningKeyView {
            key_id: self.key_id.clone(),
            algorithm: ALGORITHM,
            public_key: BASE64_STANDARD.encode(self.key.verifying_key().as_bytes()),
        }
    }
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
