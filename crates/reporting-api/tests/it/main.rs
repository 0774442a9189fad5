//! The register, people and their credentials, the law and the log, over HTTP on a real database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bulk;
mod bulk_tables;
mod credentials;
mod delegations;
mod epcis;
mod feeds;
mod keys;
mod law;
mod log;
mod material;
mod movements;
mod people;
mod quotas;
mod register;
mod releases;
mod returns;
mod sign_in;
mod statistics;
mod traces;
mod unmaskings;
mod whole_documents;
mod workbooks;
mod world;
