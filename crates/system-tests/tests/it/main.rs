//! Stories across the real services: PostgreSQL, RabbitMQ and every process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::too_many_lines, reason = "a story is told in one go")]
#![expect(clippy::needless_pass_by_value, reason = "a form is written where it is handed over")]

mod demonstration;
mod input;
mod isolation;
mod notifications;
mod outage;
mod portal;
mod races;
mod story;
mod tour;
mod webhooks;
mod world;
mod year;
