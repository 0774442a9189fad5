//! Bearer tokens: opaque, random, and recognisable when they leak.
//!
//! Only a hash is kept. Each secret is 32 random bytes, so one round of SHA-256 is enough (there
//! is nothing to guess that a slower hash would slow down), no salt is needed, and finding a hash
//! in an index tells whoever measures the time nothing about the secret behind it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::ids::CredentialId;
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use uuid::Uuid;

const SECRET_BYTES: usize = 32;
/// Longer ones were not made here.
const LENGTH_LIMIT: usize = 128;

const SESSION: &str = "lds_";
const KEY: &str = "ldk_";
const INVITATION: &str = "ldi_";

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A person who signed in.
    Session,
    /// A machine. Its id stands in the key, so that a key found in a log can be revoked.
    Key(CredentialId),
    /// An invitation, which is no credential.
    Invitation,
}

/// A secret that proves who is asking: `lds_` or `ldi_` and 43 random characters, or
/// `ldk_<id>_` and 43 random characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: TokenKind,
    secret: [u8; SECRET_BYTES],
}

/// The text is no token; which token it might have been is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token")]
pub struct NoToken;

impl Token {
    /// A new token.
    pub fn random(kind: TokenKind) -> Self {
        Self { kind, secret: rand::random() }
    }

    /// What it stands for.
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.reveal()).into()
    }

    /// The token itself, to be shown once.
    pub fn reveal(&self) -> String {
        let secret = BASE64_URL_SAFE_NO_PAD.encode(self.secret);
        match self.kind {
            TokenKind::Session => format!("{SESSION}{secret}"),
            TokenKind::Key(id) => format!("{KEY}{}_{secret}", id.as_uuid().simple()),
            TokenKind::Invitation => format!("{INVITATION}{secret}"),
        }
    }
}

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        if LENGTH_LIMIT < text.len() {
            return Err(NoToken);
        }
        let (kind, secret) = if let Some(secret) = text.strip_prefix(SESSION) {
            (TokenKind::Session, secret)
        } else if let Some(secret) = text.strip_prefix(INVITATION) {
            (TokenKind::Invitation, secret)
        } else {
            let (id, secret) =
                text.strip_prefix(KEY).and_then(|rest| rest.split_once('_')).ok_or(NoToken)?;
            let id = Uuid::try_parse(id).map_err(|_| NoToken)?;
            (TokenKind::Key(CredentialId::from_uuid(id)), secret)
        };
        let secret = BASE64_URL_SAFE_NO_PAD.decode(secret).map_err(|_| NoToken)?;
        let token = Self { kind, secret: secret.try_into().map_err(|_| NoToken)? };
        // One spelling only, or one token would have several hashes.
        if token.reveal() == text { Ok(token) } else { Err(NoToken) }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?}, ..)", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TokenKind {
        TokenKind::Key(CredentialId::from_uuid(Uuid::now_v7()))
    }

    #[test]
    fn a_token_reads_as_it_was_shown_and_its_secret_never_shows_in_a_log() {
        for (kind, length) in
            [(TokenKind::Session, 47), (TokenKind::Invitation, 47), (key(), 4 + 32 + 1 + 43)]
        {
            let token = Token::random(kind);
            let shown = token.reveal();
            assert_eq!(shown.len(), length);
            assert_eq!(shown.parse(), Ok(token.clone()));
            let secret = &shown[length - 43..];
            assert!(!format!("{token:?}").contains(secret));
        }
    }

    #[test]
    fn the_same_secret_in_another_place_is_another_token() {
        let token = Token::random(key());
        let hash = |kind| Token { kind, ..token.clone() }.hash();
        assert_ne!(hash(TokenKind::Session), token.hash());
        assert_ne!(hash(key()), token.hash());
        assert_ne!(hash(TokenKind::Session), hash(TokenKind::Invitation));
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        let good = Token::random(key()).reveal();
        let shouted = good.replacen("ldk_", "LDK_", 1);
        let hyphenated = {
            let (id, secret) = good["ldk_".len()..].split_once('_').unwrap();
            format!("ldk_{}_{secret}", Uuid::parse_str(id).unwrap().hyphenated())
        };
        let long = format!("{good}{}", "A".repeat(200));
        let bad =
            ["", "ldk_", "ldk_short", "ldk__", "xxx_AAAA", "Bearer", "lds_AAAA AAAA", "lds_键"];
        for text in bad.into_iter().chain([&*shouted, &*hyphenated, &*long, &good[..79]]) {
            assert_eq!(text.parse::<Token>(), Err(NoToken), "{text}");
        }
    }
}
