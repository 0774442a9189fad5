//! The reference of a movement: short enough for the telephone, and it checks itself.
//!
//! Twelve random characters and a check character by ISO/IEC 7064, MOD 37,36, which notices every
//! single wrong character and nearly all pairs that were swapped. The letters I, L, O and U are
//! left out, as in Crockford's Base32, because they are taken for 1, 0 and V; a number whose check
//! character would be one of them is passed over.

use crate::ids::MovementId;
use iso_7064::MOD37_36;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Digits and capital letters without those that look like others.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BITS_OF_A_CHARACTER: u32 = 5;
/// Random characters; the check character follows.
const PAYLOAD: usize = 12;
const LENGTH: usize = PAYLOAD + 1;
/// So many characters are read out in one breath.
const GROUP: usize = 4;
const PREFIX: char = 'M';
/// Numbers there are: 60 bits.
const NUMBERS: u64 = 1 << 60;

/// What a movement is called on paper and over the telephone, such as `M-7A8Z-FHAX-1T5J-N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MovementReference(
    /// Characters of the alphabet, the last of them the right check character.
    [u8; LENGTH],
);

/// What is wrong with a would-be reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// Characters are missing, or there are too many.
    #[error("a movement's reference has 13 characters after its M, not {found}")]
    Length {
        /// How many characters there are, without prefix, blanks and hyphens.
        found: usize,
    },
    /// A character outside the alphabet.
    #[error("character {position} is {found:?}; allowed are 0-9 and A-Z without I, L, O, U")]
    Character {
        /// Counted from 1, without prefix, blanks and hyphens.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// Something was misread or mistyped: the check character does not fit the rest.
    #[error("the check character is {found:?}; {expected:?} was expected: something is mistyped")]
    CheckCharacter {
        /// What the other characters call for.
        expected: char,
        /// What stands there.
        found: char,
    },
}

/// A movement by its id or by its reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MovementName {
    /// By its id.
    Id(MovementId),
    /// By its reference.
    Reference(MovementReference),
}

/// A text names no movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMovementName {
    /// It begins as a reference does.
    #[error(transparent)]
    Reference(#[from] InvalidReference),
    /// It is neither of the two.
    #[error("this is neither a movement's id nor its reference")]
    Neither,
}

impl MovementReference {
    /// The reference with this number, or the next one that can be read out. Only 60 bits count;
    /// draw them at random, so that nobody can count through what others move.
    pub fn of_number(number: u64) -> Self {
        let mut number = number % NUMBERS;
        loop {
            let payload: [u8; PAYLOAD] = std::array::from_fn(|place| {
                let shift = BITS_OF_A_CHARACTER * u32::try_from(PAYLOAD - 1 - place).unwrap_or(0);
                ALPHABET[usize::try_from(number >> shift & 31).unwrap_or(0)]
            });
            let check = check_character(&payload);
            if let Some(check) = ALPHABET.iter().find(|letter| char::from(**letter) == check) {
                let mut reference = [*check; LENGTH];
                reference[..PAYLOAD].copy_from_slice(&payload);
                return Self(reference);
            }
            number = (number + 1) % NUMBERS;
        }
    }

    /// The thirteen characters without prefix and hyphens, as they are stored.
    pub fn compact(&self) -> String {
        self.0.iter().map(|letter| char::from(*letter)).collect()
    }
}

/// The check character that these letters and digits call for.
fn check_character(payload: &[u8]) -> char {
    let [check] = MOD37_36.compute_from_chars_lax(payload.iter().map(|letter| char::from(*letter)));
    check
}

impl FromStr for MovementReference {
    type Err = InvalidReference;

    /// Takes it with or without prefix, hyphens and blanks, in capital or small letters.
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let separates = |letter: char| matches!(letter, '-' | ' ');
        // An M may also be the first random character: the prefix is followed by a hyphen, or is
        // one character too many.
        let after_prefix = text.strip_prefix([PREFIX, PREFIX.to_ascii_lowercase()]);
        let after_prefix = after_prefix.filter(|rest| {
            rest.starts_with(separates)
                || rest.chars().filter(|letter| !separates(*letter)).count() == LENGTH
        });
        let said = after_prefix.unwrap_or(text).chars().filter(|letter| !separates(*letter));
        let said: Vec<char> = said.map(|letter| letter.to_ascii_uppercase()).collect();
        let found = said.len();
        if found != LENGTH {
            return Err(InvalidReference::Length { found });
        }
        let mut reference = [0; LENGTH];
        for (place, found) in said.into_iter().enumerate() {
            let letter = ALPHABET.iter().find(|letter| char::from(**letter) == found);
            let outside = InvalidReference::Character { position: place + 1, found };
            reference[place] = *letter.ok_or(outside)?;
        }
        let (expected, found) =
            (check_character(&reference[..PAYLOAD]), char::from(reference[PAYLOAD]));
        if expected == found {
            Ok(Self(reference))
        } else {
            Err(InvalidReference::CheckCharacter { expected, found })
        }
    }
}

impl fmt::Display for MovementReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}")?;
        for group in self.0.chunks(GROUP) {
            f.write_str("-")?;
            for letter in group {
                write!(f, "{}", char::from(*letter))?;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for MovementReference {
    type Error = InvalidReference;

    fn try_from(text: String) -> Result<Self, InvalidReference> {
        text.parse()
    }
}

impl From<MovementReference> for String {
    fn from(reference: MovementReference) -> Self {
        reference.to_string()
    }
}

impl FromStr for MovementName {
    type Err = InvalidMovementName;

    fn from_str(text: &str) -> Result<Self, InvalidMovementName> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        match text.parse() {
            Ok(reference) => Ok(Self::Reference(reference)),
            Err(error) if text.starts_with(['M', 'm']) => Err(error.into()),
            Err(_) => Err(InvalidMovementName::Neither),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use uuid::Uuid;

    fn reference() -> MovementReference {
        MovementReference::of_number(0x3a9_1f7c_55d0_e8b2)
    }

    #[test]
    fn a_number_gives_a_reference_that_can_be_read_out() {
        assert_eq!(reference().to_string(), "M-7A8Z-FHAX-1T5J-N");
        assert_eq!(reference().compact(), "7A8ZFHAX1T5JN");
    }

    #[test]
    fn it_checks_as_the_standard_says() {
        // The example of ISO/IEC 7064 for hybrid systems over letters and digits (also of GRid,
        // the Global Release Identifier, which uses the same system).
        assert_eq!(check_character(b"A12425GABC1234002"), 'M');
    }

    #[rstest]
    #[case("7A8ZFHAX1T5JN")]
    #[case("m-7a8z-fhax-1t5j-n")]
    #[case("M 7A8Z FHAX 1T5J N")]
    fn it_is_understood_however_it_was_written_down(#[case] text: &str) {
        assert_eq!(text.parse(), Ok(reference()));
    }

    #[rstest]
    #[case("", InvalidReference::Length { found: 0 })]
    #[case("M-7A8Z-FHAX-1T5J", InvalidReference::Length { found: 12 })]
    #[case("M-7A8Z-FHAX-1T5J-NN", InvalidReference::Length { found: 14 })]
    #[case("M-7A8Z-FHAX-IT5J-N", InvalidReference::Character { position: 9, found: 'I' })]
    #[case("M-7A8Z-FHAX-1T5J-５", InvalidReference::Character { position: 13, found: '５' })]
    #[case("M-7A8Z-FHAX-1T5K-N", InvalidReference::CheckCharacter { expected: 'L', found: 'N' })]
    fn the_error_says_what_is_wrong(#[case] text: &str, #[case] error: InvalidReference) {
        assert_eq!(text.parse::<MovementReference>(), Err(error));
    }

    #[test]
    fn a_movement_is_named_by_its_id_or_its_reference() {
        let id = Uuid::from_u128(7);
        assert_eq!(id.to_string().parse(), Ok(MovementName::Id(MovementId::from_uuid(id))));
        assert_eq!(reference().to_string().parse(), Ok(MovementName::Reference(reference())));
        let neither: Result<MovementName, _> = "DSP-2026-17".parse();
        assert_eq!(neither, Err(InvalidMovementName::Neither));
        let mistyped: Result<MovementName, _> = "M-7A8Z".parse();
        assert!(matches!(mistyped, Err(InvalidMovementName::Reference(_))));
    }

    proptest! {
        #[test]
        fn every_number_gives_one_that_is_read_again(number: u64) {
            let reference = MovementReference::of_number(number);
            prop_assert_eq!(reference.to_string().parse(), Ok(reference));
            prop_assert_eq!(reference.compact().parse(), Ok(reference));
        }

        #[test]
        fn one_wrong_character_is_always_noticed(number: u64, place in 0..LENGTH, by in 1..32_usize) {
            let mut mistyped = MovementReference::of_number(number).0;
            let was = ALPHABET.iter().position(|letter| *letter == mistyped[place]).unwrap();
            mistyped[place] = ALPHABET[(was + by) % 32];
            let mistyped = MovementReference(mistyped).to_string();
            prop_assert!(mistyped.parse::<MovementReference>().is_err(), "{}", mistyped);
        }
    }
}
