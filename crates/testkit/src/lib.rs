//! What tests stand on: real databases, real processes, and people who use them.
//!
//! [`TestDatabase`] is a private, migrated database in the PostgreSQL that `DATABASE_URL` names.
//! [`Stack`] adds the real processes on free ports, with queues of their own in the RabbitMQ
//! that `AMQP_URL` names. Both are gone when they are dropped. `scripts/test` starts the two
//! servers and builds the processes; nothing here does, so that a missing one is said, not hidden.
//!
//! A development dependency only: it reads the environment and speaks SQL, which no other crate
//! outside `service` and `database` may.

mod database_under_test;
mod environment;
mod identifiers;
mod mail_server;
mod ports;
mod processes;
mod proxy;
mod s3_server;
mod stack;

pub use database_under_test::{TestDatabase, rendered};
pub use environment::{amqp_url, database_url};
pub use identifiers::uscc;
pub use mail_server::MailServer;
pub use ports::free_port;
pub use processes::{Binaries, Running, wait_until};
pub use proxy::Proxy;
pub use s3_server::S3Server;
pub use stack::{ADMINISTRATOR_EMAIL, ADMINISTRATOR_PASSWORD, Contents, Stack, StackOptions};

/// The query that renders a live schema as diesel's `schema.rs`.
pub const DIESEL_SCHEMA: &str = include_str!("diesel_schema.sql");
/// The query that renders the grants as the table of `docs/write-matrix.md`.
pub const WRITE_MATRIX: &str = include_str!("write_matrix.sql");
