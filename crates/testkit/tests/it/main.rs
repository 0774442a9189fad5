//! The schema as it is, against everything written about it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod isolation;
mod migrations;
mod schema_drift;
mod write_matrix;
