//! Keyset cursors: where a list goes on, sealed so that nobody can make or bend one.
//!
//! A cursor is bound to its list: one of another list, or of the same list under another filter,
//! is refused. It does not expire: it names a place, not a permission.

use crate::{problem::Problem, secret::ServerSecret};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use subtle::ConstantTimeEq;

const MAC_BYTES: usize = 16;
/// Longer ones were not made here.
const CURSOR_LENGTH_LIMIT: usize = 1024;

/// Seals a place in the list named `list` (say the filters in the name, too).
pub fn seal<T: Serialize>(secret: &ServerSecret, list: &str, place: &T) -> String {
    let place = serde_json::to_vec(place).expect("a place is made of ids and dates");
    let mut bytes = mac(secret, list, &place).to_vec();
    bytes.extend_from_slice(&place);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Opens a cursor of the list named `list`.
pub fn open<T: DeserializeOwned>(
    secret: &ServerSecret,
    list: &str,
    cursor: &str,
) -> Result<T, Problem> {
    if CURSOR_LENGTH_LIMIT < cursor.len() {
        return Err(Problem::InvalidCursor);
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Problem::InvalidCursor)?;
    let (sealed, place) = bytes.split_at_checked(MAC_BYTES).ok_or(Problem::InvalidCursor)?;
    if !bool::from(sealed.ct_eq(&mac(secret, list, place))) {
        return Err(Problem::InvalidCursor);
    }
    serde_json::from_slice(place).map_err(|_| Problem::InvalidCursor)
}

fn mac(secret: &ServerSecret, list: &str, place: &[u8]) -> [u8; MAC_BYTES] {
    let full = secret.mac(&format!("cursor of {list}"), place);
    full.first_chunk().copied().expect("the MAC is longer than what is kept of it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: ServerSecret = ServerSecret::from_bytes([1; 32]);

    proptest! {
        #[test]
        fn a_cursor_opens_to_the_place_it_was_sealed_from(place: (i64, String)) {
            let cursor = seal(&SECRET, "filings", &place);
            prop_assume!(cursor.len() <= CURSOR_LENGTH_LIMIT);
            prop_assert_eq!(open::<(i64, String)>(&SECRET, "filings", &cursor).unwrap(), place);
        }

        #[test]
        fn a_cursor_with_any_character_changed_is_refused(place: i64, at: usize, to in "[A-Za-z0-9_-]") {
            let cursor = seal(&SECRET, "filings", &place);
            let at = at % cursor.len();
            let mut bent = cursor.clone();
            bent.replace_range(at..=at, &to);
            prop_assume!(bent != cursor);
            prop_assert!(open::<i64>(&SECRET, "filings", &bent).is_err());
        }
    }

    #[test]
    fn a_cursor_of_another_list_or_server_is_refused() {
        let cursor = seal(&SECRET, "filings", &7);
        assert!(open::<i64>(&SECRET, "findings", &cursor).is_err());
        assert!(open::<i64>(&ServerSecret::from_bytes([2; 32]), "filings", &cursor).is_err());
        assert!(open::<i64>(&SECRET, "filings", "").is_err());
        assert!(open::<i64>(&SECRET, "filings", &"A".repeat(100_000)).is_err());
    }
}
