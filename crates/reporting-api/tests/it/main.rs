//! The register, people and their credentials, the law and the log, over HTTP on a real database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod credentials;
mod delegations;
mod keys;
mod law;
mod log;
mod people;
mod quotas;
mod register;
mod sign_in;
mod statistics;
mod world;
