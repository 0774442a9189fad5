//! EPCIS 2.0: events in, events out, and what they mean as filings.
//!
//! A captured event is kept as it was sent. Where it says what a filing says, it is recorded as
//! one besides, through the same desk and the same checks as any other ([`translate`] is the
//! mapping, `docs/epcis.md` its table). Absent: subscriptions, named queries, master data.

pub mod capture;
pub mod events;
pub mod export;
mod lines;
mod mapping;
mod stored;
mod translate;
pub mod view;
pub mod waiting;
mod work;

#[cfg(test)]
mod tests;

use service::problem::Violation;

/// The namespace of our extensions, whatever prefix a document gives it.
pub const NAMESPACE: &str = "urn:lodestone:epcis:";

/// A fault as problems and jobs show it.
fn violation(fault: ::epcis::Fault) -> Violation {
    let violation = Violation::at(fault.pointer, fault.code, fault.detail);
    match fault.expected {
        Some(expected) => violation.expecting(expected),
        None => violation,
    }
}
