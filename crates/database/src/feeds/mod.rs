//! What other authorities hand in, version by version; appended, never changed.
//!
//! An entry is known by its number and version: the same again adds nothing, another one under
//! the same version is told apart and not recorded, a later version takes the place of the one
//! before, which stays readable, and an earlier one that comes late is kept beneath it.

pub mod declarations;
pub mod invoices;

use domain::ids::OrganisationId;
use jiff::Timestamp;
use std::collections::BTreeMap;
use uuid::Uuid;

/// By whom and when something is handed in.
#[derive(Clone, Debug)]
pub struct HandedIn {
    /// The office.
    pub office: OrganisationId,
    /// Who there, when, and as part of which request.
    pub act: crate::events::Act,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is the first of its number.
    Recorded,
    /// It takes the place of an earlier version.
    Replaces {
        /// The latest version before it.
        version: u16,
    },
    /// A later version was there already, and still counts.
    Late {
        /// That version.
        version: u16,
    },
    /// It was there already: nothing was added.
    Duplicate,
    /// Something else was handed in under this number and version: nothing was added.
    Taken,
}

/// What tells entries apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry<'a> {
    id: Uuid,
    number: &'a str,
    version: i16,
    content_hash: &'a [u8],
}

/// What is stored under a number: id, number, version and the hash of the content.
type StoredRow = (Uuid, String, i16, Vec<u8>);

impl<'a> From<&'a StoredRow> for Entry<'a> {
    fn from((id, number, version, content_hash): &'a StoredRow) -> Self {
        Self { id: *id, number, version: *version, content_hash }
    }
}

/// A version as it is stored; one beyond all others does not pass the check of the form.
fn sql_version(version: u16) -> i16 {
    i16::try_from(version).unwrap_or(i16::MAX)
}

/// Entries in one order, so that two who hand in the same do not wait for each other in a circle.
fn in_one_order<T>(entries: &[T], entry: impl Fn(&T) -> Entry<'_>) -> Vec<&T> {
    let mut sorted: Vec<&T> = entries.iter().collect();
    sorted.sort_by(|one, other| {
        let (one, other) = (entry(one), entry(other));
        (one.number, one.version).cmp(&(other.number, other.version))
    });
    sorted
}

/// What became of each entry, given everything that is stored under these numbers now.
fn outcomes(handed_in: &[Entry<'_>], stored: &[Entry<'_>]) -> Vec<Stored> {
    let mut versions: BTreeMap<&str, Vec<&Entry<'_>>> = BTreeMap::new();
    for entry in stored {
        versions.entry(entry.number).or_default().push(entry);
    }
    let new: std::collections::BTreeSet<Uuid> = handed_in.iter().map(|entry| entry.id).collect();
    let number = |version: i16| version.unsigned_abs();
    handed_in
        .iter()
        .map(|entry| {
            let siblings = versions.get(entry.number).map(Vec::as_slice).unwrap_or_default();
            let same = siblings.iter().find(|other| other.version == entry.version);
            if same.is_none_or(|same| same.id != entry.id) {
                let equal = same.is_some_and(|same| same.content_hash == entry.content_hash);
                return if equal { Stored::Duplicate } else { Stored::Taken };
            }
            // What came with it counts as before it, if its version is earlier.
            let before = siblings
                .iter()
                .filter(|other| other.version < entry.version || !new.contains(&other.id));
            let latest = before.filter(|other| other.id != entry.id).map(|it| it.version).max();
            match latest {
                None => Stored::Recorded,
                Some(latest) if entry.version < latest => Stored::Late { version: number(latest) },
                Some(latest) => Stored::Replaces { version: number(latest) },
            }
        })
        .collect()
}

/// When entries are recorded, as the database keeps it.
fn recorded_at(handed_in: &HandedIn) -> jiff_diesel::Timestamp {
    let at: Timestamp = handed_in.act.at;
    at.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(id: u128, number: &'a str, version: i16, content: &'a [u8]) -> Entry<'a> {
        Entry { id: Uuid::from_u128(id), number, version, content_hash: content }
    }

    #[test]
    fn what_became_of_an_entry_follows_from_its_number_version_and_content() {
        let stored = [
            entry(1, "A", 1, b"x"),
            entry(2, "A", 3, b"z"),
            entry(10, "A", 2, b"y"),
            entry(11, "A", 4, b"w"),
            entry(12, "B", 1, b"x"),
            entry(14, "C", 1, b"x"),
            entry(15, "C", 2, b"x"),
        ];
        let handed_in = [
            entry(10, "A", 2, b"y"),
            entry(11, "A", 4, b"w"),
            entry(12, "B", 1, b"x"),
            entry(13, "B", 1, b"x"),
            entry(16, "A", 1, b"x"),
            entry(17, "A", 1, b"other"),
            entry(14, "C", 1, b"x"),
            entry(15, "C", 2, b"x"),
        ];
        let expected = [
            Stored::Late { version: 3 },
            Stored::Replaces { version: 3 },
            Stored::Recorded,
            Stored::Duplicate,
            Stored::Duplicate,
            Stored::Taken,
            Stored::Recorded,
            Stored::Replaces { version: 1 },
        ];
        assert_eq!(outcomes(&handed_in, &stored), expected);
    }
}
