//! Canonical JSON: one spelling for one value, so that it can be hashed and signed.
//!
//! Keys are sorted and nothing is added between tokens, as in RFC 8785. Numbers must be integers:
//! what is signed here writes quantities as strings or whole units, never as floats.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The value cannot be written canonically.
#[derive(Debug, thiserror::Error)]
pub enum NotCanonical {
    /// It holds a number that is no integer.
    #[error("{0} is no integer; quantities are written as strings")]
    Fraction(serde_json::Number),
    /// It is no JSON at all.
    #[error("the value cannot be written as JSON")]
    NotJson(#[from] serde_json::Error),
}

/// The canonical bytes of a value.
pub fn canonical_json(value: &impl Serialize) -> Result<Vec<u8>, NotCanonical> {
    let mut bytes = Vec::new();
    write(&serde_json::to_value(value)?, &mut bytes)?;
    Ok(bytes)
}

/// SHA-256 of some bytes, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes whatever is written to it");
        hex
    })
}

fn write(value: &Value, bytes: &mut Vec<u8>) -> Result<(), NotCanonical> {
    match value {
        Value::Number(number) if number.is_f64() => Err(NotCanonical::Fraction(number.clone())),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Number(_) => {
            Ok(serde_json::to_writer(bytes, value)?)
        }
        Value::Array(items) => {
            bytes.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    bytes.push(b',');
                }
                write(item, bytes)?;
            }
            bytes.push(b']');
            Ok(())
        }
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            bytes.push(b'{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    bytes.push(b',');
                }
                serde_json::to_writer(&mut *bytes, key)?;
                bytes.push(b':');
                write(&members[key], bytes)?;
            }
            bytes.push(b'}');
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let one = json!({"b": [1, {"z": null, "a": "镝"}], "a": true});
        let bytes = canonical_json(&one).unwrap();
        assert_eq!(str::from_utf8(&bytes).unwrap(), r#"{"a":true,"b":[1,{"a":"镝","z":null}]}"#);
    }

    #[test]
    fn a_float_is_never_signed() {
        assert!(matches!(canonical_json(&json!({"kg": 1.5})), Err(NotCanonical::Fraction(_))));
    }

    #[test]
    fn hashes_are_those_of_the_standard() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(b""), empty);
    }
}
