//! What a browser keeps for the portal and can neither read nor change.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use serde::{Serialize, de::DeserializeOwned};
use service::secret::ServerSecret;

const NONCE_BYTES: usize = 24;

/// Seals what a browser keeps. Each purpose has a key of its own.
#[derive(Clone)]
pub(crate) struct Seal {
    secret: ServerSecret,
}

impl Seal {
    pub(crate) const fn new(secret: ServerSecret) -> Self {
        Self { secret }
    }

    /// The value, readable only by [`Seal::open`] with the same purpose.
    pub(crate) fn close(&self, purpose: &str, value: &impl Serialize) -> String {
        let plain = serde_json::to_vec(value).expect("what is sealed is made of plain types");
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let sealed = self
            .cipher(purpose)
            .encrypt(&nonce.into(), Payload { msg: &plain, aad: purpose.as_bytes() })
            .expect("only a text of many gigabytes cannot be sealed");
        BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())
    }

    /// What was sealed, or nothing where it was not sealed here for this purpose.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &str, text: &str) -> Option<T> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
        let plain = self.cipher(purpose).decrypt(&(*nonce).into(), payload).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    /// A token that only this server can make of these words.
    pub(crate) fn token(&self, purpose: &str, words: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.secret.mac(purpose, words.as_bytes()))
    }

    fn cipher(&self, purpose: &str) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.secret.mac("portal", purpose.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal::new(ServerSecret::from_bytes([byte; 32]))
    }

    #[test]
    fn what_was_sealed_is_opened_for_the_same_purpose_by_the_same_server_only() {
        let sealed = seal(1).close("session", &"a token");
        assert!(!sealed.contains("token"));
        assert_eq!(seal(1).open::<String>("session", &sealed).as_deref(), Some("a token"));
        assert_eq!(seal(1).open::<String>("kept", &sealed), None);
        assert_eq!(seal(2).open::<String>("session", &sealed), None);
        let mut changed = sealed.into_bytes();
        let last = changed.len() / 2;
        changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
        assert_eq!(seal(1).open::<String>("session", std::str::from_utf8(&changed).unwrap()), None);
        assert_eq!(seal(1).open::<String>("session", "not sealed at all"), None);
    }

    #[test]
    fn the_same_is_sealed_differently_each_time() {
        assert_ne!(seal(1).close("session", &1), seal(1).close("session", &1));
    }
}
