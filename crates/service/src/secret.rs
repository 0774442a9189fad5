//! The server's secret, and what is derived from it.

use anyhow::{Context, ensure};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{fmt, path::Path};

/// 32 random bytes only the servers know. Each use derives a key of its own from it.
#[derive(Clone)]
pub struct ServerSecret([u8; 32]);

impl ServerSecret {
    /// Takes a secret made elsewhere, such as in a test.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads it from a file: 32 bytes in hexadecimal.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the server's secret from {}", path.display()))?;
        let bytes = hex::decode(text.trim())
            .with_context(|| format!("{} is not hexadecimal", path.display()))?;
        ensure!(bytes.len() == 32, "{} holds {} bytes, not 32", path.display(), bytes.len());
        Ok(Self(bytes.try_into().expect("the length was just checked")))
    }

    /// Authenticates bytes for one purpose; another purpose gives another answer.
    pub fn mac(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let key = hmac(&self.0, purpose.as_bytes());
        hmac(&key, bytes)
    }
}

fn hmac(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_depends_on_secret_purpose_and_bytes() {
        let secret = ServerSecret::from_bytes([7; 32]);
        let mac = secret.mac("cursor", b"a");
        assert_eq!(mac, secret.mac("cursor", b"a"));
        assert_ne!(mac, secret.mac("cursor", b"b"));
        assert_ne!(mac, secret.mac("session", b"a"));
        assert_ne!(mac, ServerSecret::from_bytes([8; 32]).mac("cursor", b"a"));
        assert_eq!(format!("{secret:?}"), "ServerSecret(..)");
    }

    #[test]
    fn a_secret_of_the_wrong_length_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abcd\n").unwrap();
        let refusal = ServerSecret::read(file.path()).unwrap_err().to_string();
        assert!(refusal.ends_with("holds 2 bytes, not 32"), "{refusal}");
        std::fs::write(file.path(), format!("{}\n", "0f".repeat(32))).unwrap();
        assert_eq!(
            ServerSecret::read(file.path()).unwrap().mac("", b""),
            ServerSecret::from_bytes([0x0f; 32]).mac("", b"")
        );
    }
}
