//! Identifiers of organisations that do not exist, in the form of those that do.

use crate::chance::Chance;
use domain::identifiers::{Lei, Uscc};

const USCC_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// No local operating unit is registered under it: codes made here are nobody's.
const LEI_PREFIX: &str = "0000";

/// A unified social credit code of a company (`91`) registered in this division.
pub(crate) fn uscc(chance: &mut Chance, division: &str) -> Uscc {
    uscc_beginning_with(chance, format!("91{division}MA"))
}

/// A unified social credit code of a public body (`11`).
pub(crate) fn public_body(chance: &mut Chance, division: &str) -> Uscc {
    uscc_beginning_with(chance, format!("11{division}MB"))
}

fn uscc_beginning_with(chance: &mut Chance, mut body: String) -> Uscc {
    while body.len() < 17 {
        body.push(char::from(USCC_ALPHABET[chance.index(31)]));
    }
    complete(&body, USCC_ALPHABET.iter().map(|letter| char::from(*letter).to_string()))
}

/// A legal entity identifier.
pub(crate) fn lei(chance: &mut Chance) -> Lei {
    let mut body = format!("{LEI_PREFIX}00");
    while body.len() < 18 {
        let digit = u32::try_from(chance.index(36)).expect("an index below 36");
        body.extend(char::from_digit(digit, 36).map(|letter| letter.to_ascii_uppercase()));
    }
    complete(&body, (0..100).map(|check| format!("{check:02}")))
}

/// The body with the check characters that fit: the register's own rules are the judge.
fn complete<T: std::str::FromStr>(body: &str, checks: impl Iterator<Item = String>) -> T {
    checks
        .into_iter()
        .find_map(|check| format!("{body}{check}").parse().ok())
        .expect("every body has a check character that fits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_drawn_is_valid_and_new() {
        let mut chance = Chance::of_seed(7);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..500 {
            assert!(seen.insert(uscc(&mut chance, "150200").to_string()));
            assert!(seen.insert(lei(&mut chance).to_string()));
        }
    }
}
