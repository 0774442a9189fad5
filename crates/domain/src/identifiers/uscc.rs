//! The unified social credit code of Chinese organisations (GB 32100-2015).

use super::text_identifier;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The code's own alphabet: digits and capital letters without I, O, S, V and Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const LENGTH: usize = 18;
/// Positions 3 to 8: the administrative division, digits only.
const DIVISION: std::ops::RangeInclusive<usize> = 3..=8;

/// A unified social credit code whose check character fits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uscc(
    /// 18 characters of the alphabet, the last of them the right check character.
    String,
);

text_identifier!(Uscc, InvalidUscc);

/// What is wrong with a would-be unified social credit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUscc {
    /// Too short or too long.
    #[error("a unified social credit code has 18 characters, not {found}")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// A character outside the alphabet.
    #[error("character {position} is {found:?}; allowed are 0-9 and A-Z without I, O, S, V, Z")]
    Character {
        /// Counted from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// A letter in the administrative division.
    #[error("character {position} is {found:?}; characters 3 to 8 are the digits of a division")]
    NotADigit {
        /// Counted from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// No registration authority uses this first character.
    #[error("character 1 is {found:?}, which is no registration authority of GB 32100-2015")]
    Authority {
        /// What stands there.
        found: char,
    },
    /// The check character does not fit the rest.
    #[error("the check character is {found:?}; {expected:?} was expected")]
    CheckCharacter {
        /// What the first 17 characters call for.
        expected: char,
        /// What stands there.
        found: char,
    },
}

impl FromStr for Uscc {
    type Err = InvalidUscc;

    fn from_str(text: &str) -> Result<Self, InvalidUscc> {
        let length = text.chars().count();
        if length != LENGTH {
            return Err(InvalidUscc::Length { found: length });
        }
        let mut sum = 0;
        let mut weight = 1;
        let mut last = '0';
        for (position, found) in (1..).zip(text.chars()) {
            let value = value_of(found).ok_or(InvalidUscc::Character { position, found })?;
            if position == 1 && !matches!(found, '1'..='9' | 'A' | 'N' | 'Y') {
                return Err(InvalidUscc::Authority { found });
            }
            if DIVISION.contains(&position) && !found.is_ascii_digit() {
                return Err(InvalidUscc::NotADigit { position, found });
            }
            if position < LENGTH {
                sum += value * weight;
                weight = weight * 3 % 31;
            }
            last = found;
        }
        let expected = char::from(ALPHABET[(31 - sum % 31) % 31]);
        if last == expected {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUscc::CheckCharacter { expected, found: last })
        }
    }
}

fn value_of(character: char) -> Option<usize> {
    ALPHABET.iter().position(|letter| char::from(*letter) == character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn every_published_vector_is_judged_as_its_source_says() {
        let mut reader =
            csv::Reader::from_reader(include_str!("../../data/uscc-vectors.csv").as_bytes());
        let mut judged = 0;
        for row in reader.records() {
            let row = row.unwrap();
            assert_eq!(row[0].parse::<Uscc>().is_ok(), &row[2] == "1", "{}: {}", &row[0], &row[1]);
            judged += 1;
        }
        assert_eq!(judged, 17);
    }

    #[rstest]
    #[case("12345", InvalidUscc::Length { found: 5 })]
    #[case("91110000600037341N", InvalidUscc::CheckCharacter { expected: 'L', found: 'N' })]
    #[case("A1110000600037341L", InvalidUscc::CheckCharacter { expected: 'K', found: 'L' })]
    #[case("911100A0600037341L", InvalidUscc::NotADigit { position: 7, found: 'A' })]
    #[case("9111000060003IOZSV", InvalidUscc::Character { position: 14, found: 'I' })]
    #[case("91110000600037341l", InvalidUscc::Character { position: 18, found: 'l' })]
    #[case("9111000060003734１L", InvalidUscc::Character { position: 17, found: '１' })]
    #[case("B1110000600037341L", InvalidUscc::Authority { found: 'B' })]
    fn the_error_says_where_and_what(#[case] text: &str, #[case] error: InvalidUscc) {
        assert_eq!(text.parse::<Uscc>(), Err(error));
    }
}
