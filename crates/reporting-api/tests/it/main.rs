//! The register, people and their credentials, the law and the log, over HTTP on a real database.

mod bulk;
mod bulk_tables;
mod credentials;
mod delegations;
mod epcis;
mod keys;
mod law;
mod log;
mod people;
mod register;
mod returns;
mod sign_in;
mod traces;
mod workbooks;
mod world;
