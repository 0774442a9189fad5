//! The HTTP edge, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod edge;
