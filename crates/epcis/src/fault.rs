//! What is wrong with a document, and where.

use std::fmt::{self, Write};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer (RFC 6901) into the document.
    pub pointer: String,
    /// A stable word for the kind of fault.
    pub code: &'static str,
    /// One plain sentence.
    pub detail: String,
    /// What would be right, where that can be said.
    pub expected: Option<String>,
}

impl Fault {
    /// A fault at a place.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into(), expected: None }
    }

    /// The same, saying what would be right.
    #[must_use]
    pub fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.detail)
    }
}

/// A pointer to a member of what `pointer` points to.
pub(crate) fn member(pointer: &str, name: &str) -> String {
    let mut longer = String::with_capacity(pointer.len() + name.len() + 1);
    write!(longer, "{pointer}/").expect("a string takes everything");
    for character in name.chars() {
        match character {
            '~' => longer.push_str("~0"),
            '/' => longer.push_str("~1"),
            other => longer.push(other),
        }
    }
    longer
}
