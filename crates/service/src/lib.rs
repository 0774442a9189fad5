//! What every process has in common: settings, the clock, the log, health, the HTTP edge.
//!
//! Only here are the clock and the environment read, and only here do failures become HTTP.
//! Nothing here knows what a filing or a licence is.

pub mod body;
pub mod clock;
pub mod cursor;
pub mod health;
pub mod http;
pub mod idempotency;
pub mod identity;
pub mod metrics;
pub mod openapi;
pub mod outward;
pub mod problem;
pub mod process;
pub mod rate_limit;
pub mod regimes;
pub mod retry;
pub mod schema;
pub mod secret;
pub mod settings;
pub mod signer;
pub mod signing;
pub mod telemetry;
pub mod trace;
pub mod webhook;
