//! Codes that people choose: of queues, teams, flags and routing rules.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

const CHARACTERS_AT_MOST: usize = 40;

/// A code of lower-case letters, digits and underscores, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Never anything else: it stands in paths and in SQL arrays.
pub struct Slug(String);

/// A text that is no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no code: 1 to 40 lower-case letters, digits and underscores, a letter first")]
pub struct NoSlug(String);

impl Slug {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = NoSlug;

    fn from_str(text: &str) -> Result<Self, NoSlug> {
        let begins_well = text.starts_with(|first: char| first.is_ascii_lowercase());
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if begins_well && text.len() <= CHARACTERS_AT_MOST && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoSlug(text.chars().take(CHARACTERS_AT_MOST).collect()))
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = NoSlug;

    fn try_from(text: String) -> Result<Self, NoSlug> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
