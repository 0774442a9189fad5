//! Lists page by page: how long a page is, and where the next one begins.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use service::{
    cursor,
    problem::{Location, Problem, Violation},
    secret::ServerSecret,
};
use utoipa::IntoParams;

const DEFAULT: u16 = 50;
const LIMIT: u16 = 200;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
}

/// A page that was asked for, of the list with this name.
pub struct Page<'a, T> {
    /// After which entry it begins.
    pub after: Option<T>,
    /// How many entries it has at most.
    pub limit: u16,
    list: String,
    secret: &'a ServerSecret,
}

impl PageQuery {
    /// The page of a query with more in it.
    pub const fn new(cursor: Option<String>, limit: Option<u16>) -> Self {
        Self { cursor, limit }
    }

    /// Opens the page of the list with this name, which says its filters, too.
    pub fn of<T: DeserializeOwned>(
        self,
        list: impl Into<String>,
        secret: &ServerSecret,
    ) -> Result<Page<'_, T>, Problem> {
        let (list, limit) = (list.into(), self.limit.unwrap_or(DEFAULT));
        if !(1..=LIMIT).contains(&limit) {
            return Err(Problem::InvalidParameter(Box::new(Violation {
                location: Location::Parameter { parameter: "limit".to_owned() },
                code: "out_of_range".into(),
                detail: format!("{limit} per page"),
                expected: Some(format!("1 to {LIMIT}")),
            })));
        }
        let after = self.cursor.as_deref();
        let after = after.map(|sealed| cursor::open(secret, &list, sealed)).transpose()?;
        Ok(Page { after, limit, list, secret })
    }
}

impl<T: Serialize> Page<'_, T> {
    /// Where the list goes on after these entries; nowhere after a page that is not full.
    pub fn next<E>(&self, entries: &[E], place: impl FnOnce(&E) -> T) -> Option<String> {
        let last = entries.last().filter(|_| entries.len() == usize::from(self.limit))?;
        Some(self.sealed(&place(last)))
    }

    /// A cursor after this place.
    pub fn sealed(&self, place: &T) -> String {
        cursor::seal(self.secret, &self.list, place)
    }
}
