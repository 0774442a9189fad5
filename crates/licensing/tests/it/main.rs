//! Licensing through its HTTP edge, on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, in its helpers too")]

mod agreement;
mod applicants;
mod border;
mod casework;
mod catalogue;
mod changing;
mod clocks;
mod customs;
mod determinations;
mod documents;
mod four_eyes;
mod input;
mod keys;
mod licence_documents;
mod races;
mod sealed;
mod story;
mod world;
