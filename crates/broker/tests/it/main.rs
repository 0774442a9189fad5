//! Publishing and consuming on a real RabbitMQ (`AMQP_URL`), with connections that break.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod consuming;
mod dead_letters;
mod proxy;
mod publishing;
mod world;
