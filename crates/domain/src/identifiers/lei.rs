//! The legal entity identifier (ISO 17442), checked by ISO 7064 MOD 97-10.

use super::text_identifier;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

const LENGTH: usize = 20;
/// The last two characters are the check digits.
const CHECK_FROM: usize = 19;

/// A legal entity identifier whose check digits fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lei(
    /// 18 capital letters or digits and two fitting check digits.
    String,
);

text_identifier!(Lei, InvalidLei);

/// What is wrong with a would-be legal entity identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLei {
    /// Too short or too long.
    #[error("a legal entity identifier has 20 characters, not {found}")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// Something else than a capital letter or a digit.
    #[error("character {position} is {found:?}; allowed are 0-9 and A-Z, and digits at the end")]
    Character {
        /// Counted from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// The check digits do not fit the rest.
    #[error("the check digits are {found}; {expected} was expected")]
    CheckDigits {
        /// What the first 18 characters call for.
        expected: String,
        /// What stands there.
        found: String,
    },
}

impl FromStr for Lei {
    type Err = InvalidLei;

    fn from_str(text: &str) -> Result<Self, InvalidLei> {
        let length = text.chars().count();
        if length != LENGTH {
            return Err(InvalidLei::Length { found: length });
        }
        for (position, found) in (1..).zip(text.chars()) {
            let digit = found.is_ascii_digit();
            if !(digit || (found.is_ascii_uppercase() && position < CHECK_FROM)) {
                return Err(InvalidLei::Character { position, found });
            }
        }
        let (body, found) = text.split_at(LENGTH - 2);
        let expected = format!("{:02}", 98 - remainder(&format!("{body}00")));
        if found == expected {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLei::CheckDigits { expected, found: found.to_owned() })
        }
    }
}

/// The number that the characters spell, letters as 10 to 35, modulo 97.
fn remainder(text: &str) -> u32 {
    text.chars().filter_map(|c| c.to_digit(36)).fold(0, |remainder, value| {
        let shift = if value < 10 { 10 } else { 100 };
        (remainder * shift + value) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn every_published_vector_is_judged_as_its_source_says() {
        let mut reader =
            csv::Reader::from_reader(include_str!("../../data/lei-vectors.csv").as_bytes());
        let mut judged = 0;
        for row in reader.records() {
            let row = row.unwrap();
            assert_eq!(row[0].parse::<Lei>().is_ok(), &row[1] == "1", "{}", &row[0]);
            judged += 1;
        }
        assert_eq!(judged, 9);
    }

    #[rstest]
    #[case("213800", InvalidLei::Length { found: 6 })]
    #[case("2138OOKUD8L-JWSQ9D15", InvalidLei::Character { position: 12, found: '-' })]
    #[case("213800KUD8LAJWSQ9DA5", InvalidLei::Character { position: 19, found: 'A' })]
    #[case("213800KUD8LAJWSQ9D16", InvalidLei::CheckDigits { expected: "15".into(), found: "16".into() })]
    fn the_error_says_where_and_what(#[case] text: &str, #[case] error: InvalidLei) {
        assert_eq!(text.parse::<Lei>(), Err(error));
    }
}
