//! GS1 EPCIS 2.0: what an event says, whether it is one, and which one it is.
//!
//! A foreign vocabulary kept apart: nothing here knows our domain. [`check`] judges documents and
//! events against GS1's JSON Schema and what the schema cannot say, [`document`] takes a document
//! apart, [`hash`] gives an event its CBV 2.0 identity and [`terms`] what it can be found by.
//! Pure: no clock, no files, no network; nothing that a document refers to is fetched.

pub mod check;
pub mod context;
pub mod document;
mod fault;
pub mod hash;
pub mod identifier;
pub mod terms;
pub mod vocabulary;

pub use fault::Fault;
