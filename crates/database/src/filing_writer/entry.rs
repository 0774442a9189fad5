//! What a handler hands over to be written, and what it hears back.

use crate::Error;
use domain::{
    calendar_month::Month,
    filing::Filing,
    flow::{FlowKey, FlowMass},
    ids::{EventId, FilingId, LotId, MovementId, SiteId},
    movement::{MovementName, MovementReference},
    posting::Posting,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A validated filing with everything that follows from it, ready to be stored.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The filing itself.
    pub filing: Filing,
    /// Its postings.
    pub postings: Vec<Posting>,
    /// For a correction: what undoes the version before.
    pub reversal: Option<Reversal>,
    /// Lots of the version before that this one no longer makes.
    pub withdrawn_lots: Vec<WithdrawnLot>,
    /// What the movement that it starts is called; `None` where it starts none.
    pub movement_reference: Option<MovementReference>,
    /// For a receipt of what its organisation has not received before: only one can be the first.
    pub first_receipt: Option<FirstReceipt>,
    /// SHA-256 of the claim as sent: the same filing sent twice is the same.
    pub content_hash: [u8; 32],
    /// The caller's idempotency key and the hash of its whole request, where it gave one.
    pub idempotency: Option<Idempotency>,
    /// The id of the event that announces it.
    pub event: EventId,
    /// The request's W3C trace context.
    pub traceparent: Option<String>,
    /// What is answered, now and to every repetition.
    pub answer: serde_json::Value,
}

/// The postings that undo a version, in the month that it was posted to.
#[derive(Clone, Debug)]
pub struct Reversal {
    /// The site that the version that is undone was about.
    pub site: SiteId,
    /// When the version that is undone claimed to have happened.
    pub happened_at: Timestamp,
    /// The month it was posted to.
    pub month: Month,
    /// Its own postings, each turned round.
    pub postings: Vec<Posting>,
    /// What it moved into and out of its site's stock: no longer counted.
    pub flows: BTreeMap<FlowKey, FlowMass>,
}

/// A lot that a correction takes back; it stays known, with nothing in it.
#[derive(Clone, Debug)]
pub struct WithdrawnLot {
    /// The lot.
    pub lot: LotId,
    /// Its maker's number for it.
    pub number: String,
    /// What kind of goods it was said to be.
    pub category: String,
}

/// A receipt that found its movement not received before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstReceipt {
    /// The movement.
    pub movement: MovementId,
    /// How the receipt names it: a reference is good for the first receipt only.
    pub name: MovementName,
}

/// A key under which a request may be repeated without effect.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The caller's key.
    pub key: String,
    /// SHA-256 of the request it stands for.
    pub request_hash: [u8; 32],
}

/// What became of an entry.
#[derive(Debug)]
pub enum Verdict {
    /// It is durable, with its postings and its event.
    Recorded,
    /// The same request was answered before; this is that answer.
    Repeated(serde_json::Value),
    /// The idempotency key already stands for another request.
    KeyReused,
    /// The reference already has this version.
    ReferenceTaken {
        /// Which filing has it.
        filing: FilingId,
        /// Whether it says exactly the same.
        same_content: bool,
    },
    /// Another receipt of its movement has come first, by this reference of the same organisation:
    /// the claim is to be judged anew.
    ReceivedBefore(String),
}

/// Why an entry was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Too much is waiting already: come back later.
    #[error("the queue of filings is full")]
    Overloaded,
    /// It is not known whether the entry was stored: ask again under the same key.
    #[error("the database went away")]
    Unavailable,
    /// Postgres refused this entry, whatever its neighbours were.
    #[error("the filing could not be written")]
    Failed(#[source] Error),
}
