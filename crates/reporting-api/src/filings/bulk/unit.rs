//! One filing of a file, as it was read: its form or why there is none, and where it stands.

use super::super::form::FilingForm;
use domain::violation::Violation;
use serde_json::Value;
use service::problem;
use std::borrow::Cow;

/// Where one filing stands in a file, so that it can be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The line, counted from 1; of a table the first of its rows.
    pub(super) number: u32,
    /// In a file of lines the byte it begins at; in a table which of its filings it is.
    pub(super) at: u64,
    /// Its length in bytes, in a file of lines.
    pub(super) length: u32,
}

/// One filing of a file.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) place: Place,
    pub(super) form: Result<Box<FilingForm>, Vec<Fault>>,
    /// As it came, to be corrected and sent again; empty when it is too long for that.
    pub(super) raw: Vec<u8>,
    /// In a table: the cells that its fields came from.
    pub(super) cells: Vec<Cell>,
}

/// Which cell of a table a field came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// JSON Pointer into the form.
    pub(super) pointer: String,
    /// The row, counted from 1 with the heading.
    pub(super) row: u32,
    /// Which of the headings.
    pub(super) column: usize,
}

/// What is wrong with a filing, or looks like a slip.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// JSON Pointer into the form; empty for the filing as a whole.
    pub(super) pointer: String,
    /// In a table the row, where it is known already.
    pub(super) row: Option<u32>,
    /// In a table which of the headings, where it is known already.
    pub(super) column: Option<usize>,
    pub(super) code: Cow<'static, str>,
    /// What is wrong, in English; other languages have their own sentence for the code.
    pub(super) detail: String,
    /// What would be right, in English.
    pub(super) expected: Option<String>,
    /// What stands there.
    pub(super) value: Option<Value>,
}

impl Fault {
    pub(super) fn new(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            row: None,
            column: None,
            code: code.into(),
            detail: detail.into(),
            expected: None,
            value: None,
        }
    }

    #[must_use]
    pub(super) fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    #[must_use]
    pub(super) fn saying(mut self, value: impl Into<Value>) -> Self {
        self.value = Some(value.into());
        self
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        let Violation { pointer, code, detail, expected } = violation;
        Self { expected, ..Self::new(pointer, code, detail) }
    }
}

impl From<problem::Violation> for Fault {
    fn from(violation: problem::Violation) -> Self {
        let pointer = match violation.location {
            problem::Location::Pointer { pointer } | problem::Location::Line { pointer, .. } => {
                pointer
            }
            problem::Location::Cell { .. } | problem::Location::Parameter { .. } => String::new(),
        };
        Self {
            code: violation.code,
            expected: violation.expected,
            ..Self::new(pointer, "", violation.detail)
        }
    }
}

impl Unit {
    /// Its reference, where it has a form.
    pub(super) fn reference(&self) -> Option<&str> {
        self.form.as_ref().ok().map(|form| form.reference.as_str())
    }
}
