//! Captured EPCIS events: stored once, found by what they name.
//!
//! The one module that writes these tables. A document's events, its capture job, the filings that
//! they mean and the events that announce it all are one transaction, that of the writer of filings;
//! statements take whole documents, not single events.
//! What an event means is judged elsewhere: here it is a body with an identity, a time and terms.

mod export;
mod find;
mod store;
pub mod waiting;

pub use export::{Filed, FiledLine, filed_in};
pub use find::{Cursor, Question, Stored, find_capture, search};
pub(crate) use store::StoringStatements;
pub use store::{Captured, NewCapture, NewEvent, Waits};

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// A capture job: what became of a document.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Its id.
    pub id: Uuid,
    /// `rollback` or `proceed`.
    pub error_behaviour: String,
    /// When the document came.
    pub created_at: Timestamp,
    /// When everything was done.
    pub finished_at: Timestamp,
    /// Whether nothing was wrong with it.
    pub success: bool,
    /// How many events were stored.
    pub captured: u32,
    /// How many were stored before.
    pub duplicates: u32,
    /// How many are recorded as filings.
    pub filings: u32,
    /// What was wrong.
    pub errors: Value,
    /// Which events became filings, and why others are none.
    pub outcomes: Value,
}
