//! Stories across the real services: PostgreSQL, RabbitMQ and every process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod demonstration;
