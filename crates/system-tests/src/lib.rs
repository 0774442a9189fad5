//! The whole system under test: stories in `tests`, measurements and faults here.
//!
//! `scripts/bench` runs the binary `bench`, `scripts/chaos` the binary `chaos`, `scripts/evaluate`
//! the binary `evaluate`; `docs/measuring.md` says what each of them does and what came of it.

pub mod chaos;
pub mod connection;
pub mod docket;
pub mod evaluations;
pub mod figures;
pub mod filers;
pub mod measure;
pub mod pgbench;
pub mod work;
