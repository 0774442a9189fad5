//! Pages of lists.

use serde::Deserialize;
use service::problem::{Location, Problem, Violation};
use utoipa::IntoParams;

const DEFAULT_ENTRIES: i64 = 50;
const MOST_ENTRIES: i64 = 200;

/// Which part of a list to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// Entries on a page, from 1 to 200; 50 unless said.
    pub(crate) limit: Option<i64>,
    /// Where the last page said the list goes on.
    pub(crate) cursor: Option<String>,
}

/// How many entries to show; one more is read, to know whether the list goes on.
pub(crate) fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    let limit = asked.unwrap_or(DEFAULT_ENTRIES);
    if (1..=MOST_ENTRIES).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::InvalidParameter(Box::new(Violation {
        location: Location::Parameter { parameter: "limit".to_owned() },
        code: "out_of_range".into(),
        detail: format!("{limit} entries cannot be shown on a page"),
        expected: Some(format!("1 to {MOST_ENTRIES}")),
    })))
}

/// Splits what was read into a page and its last entry, if the list goes on after it.
pub(crate) fn cut<T>(mut entries: Vec<T>, limit: i64) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let goes_on = limit < entries.len();
    entries.truncate(limit);
    (entries, goes_on)
}
