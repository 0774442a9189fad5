//! Codes of the Harmonized System and the Chinese tariff lines below them.

use super::text_identifier;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A tariff code of 6, 8 or 10 digits in a chapter that exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HsCode(
    /// Digits only; 6, 8 or 10 of them; chapter and heading plausible.
    String,
);

text_identifier!(HsCode, InvalidHsCode);

/// What is wrong with a would-be tariff code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHsCode {
    /// Neither 6, 8 nor 10 characters.
    #[error("a tariff code has 6, 8 or 10 digits, not {found}")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// Something else than a digit.
    #[error("character {position} is {found:?}; a tariff code is digits only, without dots")]
    Character {
        /// Counted from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// The Harmonized System has chapters 01 to 97 without 77; 98 and 99 are national.
    #[error("there is no chapter {found} in the Harmonized System")]
    Chapter {
        /// The first two digits.
        found: String,
    },
    /// Headings count from 01 within their chapter.
    #[error("heading {found} does not exist: headings count from 01")]
    Heading {
        /// The first four digits.
        found: String,
    },
}

impl HsCode {
    /// The international six digits.
    pub fn subheading(&self) -> &str {
        &self.0[..6]
    }

    /// Whether one of the two codes is a finer division of the other, or both are the same.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }
}

impl FromStr for HsCode {
    type Err = InvalidHsCode;

    fn from_str(text: &str) -> Result<Self, InvalidHsCode> {
        let length = text.chars().count();
        if !matches!(length, 6 | 8 | 10) {
            return Err(InvalidHsCode::Length { found: length });
        }
        if let Some((position, found)) =
            (1..).zip(text.chars()).find(|(_, found)| !found.is_ascii_digit())
        {
            return Err(InvalidHsCode::Character { position, found });
        }
        if matches!(&text[..2], "00" | "77") {
            return Err(InvalidHsCode::Chapter { found: text[..2].to_owned() });
        }
        if &text[2..4] == "00" {
            return Err(InvalidHsCode::Heading { found: text[..4].to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn every_code_of_the_shipped_table_is_read() {
        let mut reader =
            csv::Reader::from_reader(include_str!("../../data/hs-codes.csv").as_bytes());
        for row in reader.records() {
            let row = row.unwrap();
            assert_eq!(row[0].parse::<HsCode>().map(|code| code.to_string()), Ok(row[0].into()));
        }
    }

    #[rstest]
    #[case("8505", InvalidHsCode::Length { found: 4 })]
    #[case("850511.0", InvalidHsCode::Character { position: 7, found: '.' })]
    #[case("77051110", InvalidHsCode::Chapter { found: "77".into() })]
    #[case("850011", InvalidHsCode::Heading { found: "8500".into() })]
    fn the_error_says_where_and_what(#[case] text: &str, #[case] error: InvalidHsCode) {
        assert_eq!(text.parse::<HsCode>(), Err(error));
    }

    #[test]
    fn a_tariff_line_agrees_with_the_subheading_above_it() {
        let line: HsCode = "8505111000".parse().unwrap();
        assert!(line.agrees_with(&"850511".parse().unwrap()));
        assert!(!line.agrees_with(&"850519".parse().unwrap()));
    }
}
