//! Keys and sealing: XChaCha20-Poly1305, a key for each channel, wrapped by one outside Postgres.
//!
//! Whoever has the database and the store of papers, but not the file of wrapping keys, reads
//! nothing. What is sealed is bound to its channel and its item: moved elsewhere, it does not open.

use anyhow::{Context, ensure};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use domain::{canonical::sha256_hex, ids::SealedChannelId};
use std::{fmt, path::Path};

const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// The keys outside: the first wraps, all of them unwrap.
#[derive(Clone)]
pub(crate) struct WrappingKeys(Vec<WrappingKey>);

#[derive(Clone)]
struct WrappingKey {
    name: String,
    cipher: XChaCha20Poly1305,
}

/// The key of one channel.
pub(super) struct ChannelKey(XChaCha20Poly1305);

/// A channel's key as it is stored.
pub(super) struct Wrapped {
    /// The key outside that wraps it.
    pub(super) by: String,
    /// The key.
    pub(super) bytes: Vec<u8>,
}

/// It was changed, is bound to something else, or the key is another.
#[derive(Debug, thiserror::Error)]
#[error("what is sealed cannot be opened")]
pub(super) struct CannotOpen;

impl WrappingKeys {
    /// Reads them from a file: one a line, 32 bytes in hexadecimal each, the current one first.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the sealing keys from {}", path.display()))?;
        let keys: Vec<WrappingKey> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| {
                let bytes = hex::decode(line).context("a sealing key is not hexadecimal")?;
                ensure!(
                    bytes.len() == KEY_BYTES,
                    "a sealing key holds {} bytes, not 32",
                    bytes.len()
                );
                let key = Key::try_from(bytes.as_slice()).context("a sealing key is too short")?;
                let name = sha256_hex(&bytes)[..16].to_owned();
                Ok(WrappingKey { name, cipher: XChaCha20Poly1305::new(&key) })
            })
            .collect::<anyhow::Result<_>>()?;
        ensure!(!keys.is_empty(), "{} holds no sealing key", path.display());
        Ok(Self(keys))
    }

    /// A new key for a channel, and how it is stored.
    pub(super) fn new_key(&self, channel: SealedChannelId) -> (ChannelKey, Wrapped) {
        let key = Key::generate();
        let current = self.0.first().expect("there is always one");
        let bytes = seal(&current.cipher, &about_key(channel), &key);
        let wrapped = Wrapped { by: current.name.clone(), bytes };
        (ChannelKey(XChaCha20Poly1305::new(&key)), wrapped)
    }

    /// The key of a channel.
    pub(super) fn unwrap(
        &self,
        channel: SealedChannelId,
        wrapped: &Wrapped,
    ) -> Result<ChannelKey, CannotOpen> {
        let by = self.0.iter().find(|key| key.name == wrapped.by).ok_or(CannotOpen)?;
        let key = open(&by.cipher, &about_key(channel), &wrapped.bytes)?;
        let key = Key::try_from(key.as_slice()).map_err(|_| CannotOpen)?;
        Ok(ChannelKey(XChaCha20Poly1305::new(&key)))
    }
}

impl ChannelKey {
    /// Seals bytes that are about something.
    pub(super) fn seal(&self, about: &str, plain: &[u8]) -> Vec<u8> {
        seal(&self.0, about, plain)
    }

    /// Opens what was sealed about the same thing.
    pub(super) fn open(&self, about: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        open(&self.0, about, sealed)
    }
}

fn about_key(channel: SealedChannelId) -> String {
    format!("key of sealed channel {channel}")
}

fn seal(cipher: &XChaCha20Poly1305, about: &str, plain: &[u8]) -> Vec<u8> {
    let nonce = XNonce::generate();
    let payload = Payload { msg: plain, aad: about.as_bytes() };
    let mut sealed = nonce.to_vec();
    sealed.extend(cipher.encrypt(&nonce, payload).expect("no file here is as long as the limit"));
    sealed
}

fn open(cipher: &XChaCha20Poly1305, about: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(CannotOpen)?;
    let nonce = XNonce::try_from(nonce).map_err(|_| CannotOpen)?;
    let payload = Payload { msg: sealed, aad: about.as_bytes() };
    cipher.decrypt(&nonce, payload).map_err(|_| CannotOpen)
}

impl fmt::Debug for WrappingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKeys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use uuid::Uuid;

    fn keys(lines: &str) -> anyhow::Result<WrappingKeys> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        WrappingKeys::read(file.path())
    }

    #[test]
    fn what_is_sealed_opens_for_its_channel_and_its_thing_only() {
        let keys = keys(&"c3".repeat(32)).unwrap();
        let [one, other] = [1, 2].map(|id| SealedChannelId::from_uuid(Uuid::from_u128(id)));
        let (key, wrapped) = keys.new_key(one);
        let sealed = key.seal("item 1", b"drawing");
        assert!(!sealed.windows(7).any(|part| part == b"drawing"));
        assert_ne!(sealed, key.seal("item 1", b"drawing"), "a nonce is never used twice");
        let again = keys.unwrap(one, &wrapped).unwrap();
        assert_eq!(again.open("item 1", &sealed).unwrap(), b"drawing");
        assert!(again.open("item 2", &sealed).is_err());
        assert!(keys.unwrap(other, &wrapped).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(again.open("item 1", &changed).is_err(), "byte {place}");
        }
        assert!(again.open("item 1", b"short").is_err());
    }

    #[test]
    fn a_new_key_goes_first_and_the_old_one_still_opens() {
        let (old, new) = ("c3".repeat(32), "d4".repeat(32));
        let channel = SealedChannelId::from_uuid(Uuid::nil());
        let (key, wrapped) = keys(&old).unwrap().new_key(channel);
        let sealed = key.seal("x", b"y");
        let both = keys(&format!("{new}\n{old}\n")).unwrap();
        assert_eq!(both.unwrap(channel, &wrapped).unwrap().open("x", &sealed).unwrap(), b"y");
        assert_ne!(both.new_key(channel).1.by, wrapped.by);
        assert!(keys(&new).unwrap().unwrap(channel, &wrapped).is_err());
        for bad in ["", "abcd", "zz"] {
            assert!(keys(bad).is_err(), "{bad:?}");
        }
    }
}
