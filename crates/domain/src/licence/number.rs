//! Numbers people read, type and say over the telephone: a check character finds the slip.

use crate::codes::words;
use iso_7064::MOD37_36;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

words! {
    /// What a number counts.
    Series {
        /// Licences.
        Licence = "LS",
        /// Applications.
        Case = "LA",
    }
}

/// A number such as `LS-2026-000123-K`: series, year, serial, and an ISO 7064 MOD 37,36 character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SerialNumber {
    series: Series,
    /// From 2000 to 2999, so that it always has four digits.
    year: u16,
    /// From 1 to 999999.
    serial: u32,
}

/// What is wrong with a would-be number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNumber {
    /// Not of the form.
    #[error("a number looks like LS-2026-000123-K")]
    Form,
    /// A slip of the pen.
    #[error("the check character is {found:?}; {expected:?} was expected")]
    CheckCharacter {
        /// What the rest calls for.
        expected: char,
        /// What stands there.
        found: char,
    },
}

impl SerialNumber {
    /// The number of a series, year and serial that fit into it.
    pub const fn new(series: Series, year: u16, serial: u32) -> Option<Self> {
        if 2000 <= year && year <= 2999 && 0 < serial && serial <= 999_999 {
            Some(Self { series, year, serial })
        } else {
            None
        }
    }

    /// What it counts.
    pub const fn series(self) -> Series {
        self.series
    }

    /// Its year.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// Its place within the year, from 1.
    pub const fn serial(self) -> u32 {
        self.serial
    }

    fn body(self) -> String {
        format!("{}-{:04}-{:06}", self.series, self.year, self.serial)
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body();
        write!(f, "{body}-{}", check_character(&body))
    }
}

impl FromStr for SerialNumber {
    type Err = InvalidNumber;

    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        let parts: Vec<&str> = text.split('-').collect();
        let [series, year, serial, check] = parts[..] else { return Err(InvalidNumber::Form) };
        let digits = |part: &str, length| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(year, 4) || !digits(serial, 6) {
            return Err(InvalidNumber::Form);
        }
        let series = series.parse().map_err(|_| InvalidNumber::Form)?;
        let year = year.parse().map_err(|_| InvalidNumber::Form)?;
        let serial = serial.parse().map_err(|_| InvalidNumber::Form)?;
        let number = Self::new(series, year, serial).ok_or(InvalidNumber::Form)?;
        let mut characters = check.chars();
        let (Some(found), None) = (characters.next(), characters.next()) else {
            return Err(InvalidNumber::Form);
        };
        let expected = check_character(&number.body());
        if found == expected {
            Ok(number)
        } else {
            Err(InvalidNumber::CheckCharacter { expected, found })
        }
    }
}

impl TryFrom<String> for SerialNumber {
    type Error = InvalidNumber;

    fn try_from(text: String) -> Result<Self, InvalidNumber> {
        text.parse()
    }
}

impl From<SerialNumber> for String {
    fn from(number: SerialNumber) -> Self {
        number.to_string()
    }
}

/// ISO 7064 MOD 37,36 over the digits and capital letters; hyphens do not count.
fn check_character(body: &str) -> char {
    let counted = body.chars().filter(char::is_ascii_alphanumeric);
    let [check] = MOD37_36.compute_from_chars_lax(counted);
    check
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[test]
    fn the_check_character_is_that_of_the_standard() {
        // The example of ISO 7064's users: GRid identifiers.
        assert_eq!(check_character("A12425GABC1234002"), 'M');
        assert_eq!(
            SerialNumber::new(Series::Licence, 2026, 123).unwrap().to_string(),
            "LS-2026-000123-W"
        );
    }

    #[rstest]
    #[case("LS-2026-000123")]
    #[case("LS-2026-123-B")]
    #[case("XX-2026-000123-B")]
    #[case("LS-2026-000000-B")]
    #[case("LS-2026-000123-BB")]
    #[case("")]
    fn another_form_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<SerialNumber>(), Err(InvalidNumber::Form));
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(year in 2000_u16..3000, serial in 1_u32..1_000_000) {
            let number = SerialNumber::new(Series::Case, year, serial).unwrap();
            prop_assert_eq!(number.to_string().parse(), Ok(number));
        }

        #[test]
        fn every_single_wrong_digit_is_found(
            serial in 1_u32..1_000_000, position in 0_usize..6, digit in 0_u32..10,
        ) {
            let written = SerialNumber::new(Series::Licence, 2026, serial).unwrap().to_string();
            let mut slip: Vec<char> = written.chars().collect();
            slip[8 + position] = char::from_digit(digit, 10).unwrap();
            let slip: String = slip.into_iter().collect();
            prop_assert!(slip == written || slip.parse::<SerialNumber>().is_err());
        }
    }
}
