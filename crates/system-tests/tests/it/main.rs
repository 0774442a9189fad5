//! Stories across the real services: PostgreSQL, RabbitMQ and every process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod demonstration;
mod input;
mod isolation;
mod outage;
mod story;
mod tour;
mod world;
