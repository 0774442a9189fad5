//! What is wrong with an input, precisely: where, what, and what would be right.

/// One fault in what somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) to the field.
    pub pointer: String,
    /// A stable word for machines, such as `finer_than_a_gram`.
    pub code: &'static str,
    /// What is wrong, for people.
    pub detail: String,
    /// What would be right, where that can be said.
    pub expected: Option<String>,
}

impl Violation {
    /// A fault without a hint.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into(), expected: None }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }
}
