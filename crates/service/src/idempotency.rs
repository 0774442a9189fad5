//! The `Idempotency-Key`: a caller may send the same request twice and have one effect.
//!
//! The key and a fingerprint of the body are stored with the effect, in its transaction, by
//! whoever stores the effect; this module only reads them.

use crate::problem::{Location, Problem, Violation};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::canonical::canonical_json;
use serde::Serialize;
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

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get(HEADER);
        ready(Self::parse(header.and_then(|header| header.to_str().ok()).unwrap_or_default()))
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
    let canonical =
        serde_json::from_slice(json).ok().and_then(|value: Value| canonical_json(&value).ok());
    // What has no canonical form, such as a float, speaks for itself.
    Sha256::digest(canonical.as_deref().unwrap_or(json)).into()
}

/// The same fingerprint of a value that is not written as JSON yet.
pub fn fingerprint_of(value: &impl Serialize) -> [u8; 32] {
    let canonical = canonical_json(value)
        .unwrap_or_else(|_| serde_json::to_vec(value).expect("a form is always valid JSON"));
    Sha256::digest(canonical).into()
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
    fn a_value_and_its_json_have_one_fingerprint() {
        for json in [r#"{"b":1,"a":["镝",null]}"#, r#"{"kg":1.5}"#, "[]"] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(fingerprint_of(&value), fingerprint(&serde_json::to_vec(&value).unwrap()));
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
