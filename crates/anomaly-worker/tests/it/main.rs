//! The worker on real services: what was filed, what it found, and what it must not do twice.

mod applications;
mod bad_days;
mod filings;
mod licences;
mod world;
