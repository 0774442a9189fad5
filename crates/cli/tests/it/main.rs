//! The command line tool as an operator uses it, against a real PostgreSQL and real services.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod installing;
mod operating;
mod tool;
