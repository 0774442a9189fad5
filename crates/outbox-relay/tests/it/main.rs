//! The relay on real services: what it carries, in which order, and what happens when it is
//! killed, when the broker is away, and when there are two of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod carrying;
mod dead_letters;
mod interruptions;
mod starting;
mod world;
