//! All SQL. Rows stay private; what leaves this crate has been parsed.
//!
//! Ordinary reads and writes go through diesel, on pools of one role each ([`Role`]). Filings are
//! written by one task per process that commits whatever has arrived as one transaction
//! ([`filing_writer`]). Who writes which table is stated by the grants in `migrations/` and in
//! `docs/architecture.md`; a test compares the two.
//!
//! Absent on purpose: network calls inside a transaction, invariants that rest on isolation
//! levels, and any clock.

pub mod access_log;
pub mod applications;
pub mod balances;
pub mod bulk_context;
pub mod bulk_jobs;
pub mod cases;
mod change;
pub mod changes;
pub mod chasing;
mod connect;
pub mod dead_letters;
pub mod determination_batches;
pub mod determinations;
pub mod documents;
pub mod epcis;
mod error;
pub mod events;
mod fair_queue;
pub mod feeds;
pub mod filing_context;
pub mod filing_receipts;
pub mod filing_writer;
pub mod filings;
pub mod findings;
pub mod idempotency;
pub mod identity;
pub mod inbox;
pub mod licences;
pub mod licensed;
pub mod licensing_requests;
pub mod listed_party_days;
pub mod log;
pub mod matching;
pub mod material_balances;
mod migrations;
pub mod movements;
pub mod notifications;
mod numbers;
pub mod officers;
pub mod outbox;
pub mod parameters;
pub mod quota_stands;
pub mod regime;
pub mod regime_entries;
pub mod registry;
pub mod returns;
mod row;
mod schema;
pub mod screening;
pub mod sealed;
pub mod signing_keys;
pub mod statistics;
pub mod statistics_releases;
pub mod teams;
pub mod trace;
mod transaction;
pub mod unmaskings;
pub mod webhooks;

pub use change::ChangeError;
pub use connect::{Connection, Pool, Role, Target, act_for, listen_client};
pub use error::{CorruptRow, Error};
pub use migrations::{SchemaState, migrate, revert_all, schema_state};
pub use transaction::{Transaction, acting_for};
