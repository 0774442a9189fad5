//! The worker on real services: what was filed, what it found, and what it must not do twice.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod applications;
mod bad_days;
mod feeds;
mod filings;
mod licences;
mod world;
