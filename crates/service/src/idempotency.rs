//! The `Idempotency-Key`: a caller may send the same request twice and have one effect.
//!
//! The key and a fingerprint of the body are stored with the effect, in its transaction, by
//! whoever stores the effect; this module only reads them.

use crate::problem::{Location, Problem, Violation};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::future::{Ready, ready};

/// The header it comes in.
pub const HEADER: &str = "Idempotency-Key";
const LENGTH_LIMIT: usize = 255;

/// A key the caller chose: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=LENGTH_LIMIT).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Problem::InvalidParameter(Box::new(Violation {
            location: Location::Parameter { parameter: HEADER.to_owned() },
            code: "invalid_idempotency_key".into(),
            detail: "the idempotency key is empty, too long or not visible ASCII".to_owned(),
            expected: Some(format!("1 to {LENGTH_LIMIT} visible ASCII characters")),
        })))
    }

    /// The key as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The key of a request, if it carries one; a malformed one is refused, not ignored.
#[derive(Clone, Debug)]
pub struct OptionalKey(pub Option<IdempotencyKey>);

impl FromRequest for OptionalKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = request
            .headers()
            .get(HEADER)
            .map(|header| IdempotencyKey::parse(header.to_str().unwrap_or_default()))
            .transpose();
        ready(key.map(Self))
    }
}

/// A fingerprint of a JSON body that does not depend on spacing or the order of members.
pub fn fingerprint(json: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    match serde_json::from_slice(json) {
        Ok(value) => feed(&mut hash, &value),
        // Not JSON after all: the bytes speak for themselves.
        Err(_) => hash.update(json),
    }
    hash.finalize().into()
}

/// Feeds a value with its members sorted; every string is fed as JSON, so nothing runs together.
fn feed(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(members) => {
            hash.update(b"{");
            let mut names: Vec<_> = members.keys().collect();
            names.sort_unstable();
            for name in names {
                feed_text(hash, name);
                hash.update(b":");
                feed(hash, &members[name]);
                hash.update(b",");
            }
            hash.update(b"}");
        }
        Value::Array(items) => {
            hash.update(b"[");
            for item in items {
                feed(hash, item);
                hash.update(b",");
            }
            hash.update(b"]");
        }
        Value::String(text) => feed_text(hash, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => hash.update(value.to_string()),
    }
}

fn feed_text(hash: &mut Sha256, text: &str) {
    hash.update(serde_json::to_vec(text).expect("text is always valid JSON"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        for good in ["a", "4f1c-retry/1", &"k".repeat(255)] {
            assert_eq!(IdempotencyKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "键", "a\n", &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn spacing_and_order_do_not_change_the_fingerprint_and_everything_else_does() {
        let first = fingerprint(br#"{"a":1,"b":["x",null]}"#);
        assert_eq!(first, fingerprint(b"{ \"b\" : [\"x\", null],\n \"a\" : 1 }"));
        for other in [
            &br#"{"a":1,"b":[null,"x"]}"#[..],
            br#"{"a":2,"b":["x",null]}"#,
            br#"{"a":1,"b":["x",null],"c":0}"#,
            br#"{"a":1,"b":["x,null"]}"#,
            br#"{"a":"1","b":["x",null]}"#,
            b"not json",
        ] {
            assert_ne!(first, fingerprint(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
