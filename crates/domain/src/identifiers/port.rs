//! Customs offices, as declarations name them.

use super::text_identifier;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The code of a customs office or port: 4 to 8 digits or capital letters, such as `2248`.
///
/// No register of offices ships with the regime: whether the office exists is not asked here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortCode(
    /// 4 to 8 digits or capital letters.
    String,
);

text_identifier!(PortCode, InvalidPortCode);

/// The text is no code of a customs office.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the code of a customs office is 4 to 8 digits or capital letters, such as \"2248\"")]
pub struct InvalidPortCode;

impl FromStr for PortCode {
    type Err = InvalidPortCode;

    fn from_str(text: &str) -> Result<Self, InvalidPortCode> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if plain && (4..=8).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPortCode)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_short_code() {
        for text in ["2248", "CNSHA", "ABCD1234"] {
            assert_eq!(text.parse::<PortCode>().map(String::from).as_deref(), Ok(text));
        }
        for text in ["", "224", "cnsha", "2248 ", "123456789", "二二四八"] {
            assert_eq!(text.parse::<PortCode>(), Err(InvalidPortCode), "{text:?}");
        }
    }
}
