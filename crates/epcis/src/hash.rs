//! The CBV 2.0 event hash: one identity for an event, however it is written down.
//!
//! [`Prehasher`] writes the canonical text of an event in one ordered pass into a buffer that is
//! used again, and [`EventHash`] is its SHA-256 as an `ni` URI (RFC 6920). Order and forms follow
//! GS1 CBV 2.0, 8.9, as the reference implementation's published vectors fix them. `recordTime`,
//! `eventID`, `errorDeclaration` and comments are no part of what happened and left out.
//!
//! One choice of ours: text with leading zeros, such as `007`, is a code and stays as it is; the
//! reference reads it as a number, so that two codes would be one event.

mod order;
mod prehash;
mod value;

pub use prehash::Prehasher;

use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

const SCHEME: &str = "ni:///sha-256;";
const VERSION: &str = "?ver=CBV2.0";

/// The identity of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventHash([u8; 32]);

/// Text that is no event hash of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEventHash;

impl EventHash {
    /// The hash of a canonical text.
    pub fn of(prehash: &[u8]) -> Self {
        Self(Sha256::digest(prehash).into())
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for EventHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}{VERSION}", hex::encode(self.0))
    }
}

impl fmt::Display for NoEventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no CBV 2.0 event hash")
    }
}

impl std::error::Error for NoEventHash {}

impl FromStr for EventHash {
    type Err = NoEventHash;

    fn from_str(text: &str) -> Result<Self, NoEventHash> {
        let digits = text.strip_prefix(SCHEME).and_then(|text| text.strip_suffix(VERSION));
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits.ok_or(NoEventHash)?, &mut bytes).map_err(|_| NoEventHash)?;
        Ok(Self(bytes))
    }
}
