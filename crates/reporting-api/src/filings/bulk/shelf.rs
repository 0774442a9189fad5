//! Connections that rest between files: most files are small, and to open and prepare a connection
//! takes longer than to write one.

use database::{bulk_context::BulkReader, filing_writer::BulkLane};
use std::sync::{Arc, Mutex, PoisonError};

/// Of each kind, at most.
const RESTING_LIMIT: usize = 4;

/// Where they rest; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pub(super) lanes: Resting<BulkLane>,
    pub(super) readers: Resting<BulkReader>,
}

/// Connections of one kind, between transactions.
#[derive(Debug)]
pub(super) struct Resting<T>(Arc<Mutex<Vec<T>>>);

impl<T> Resting<T> {
    /// One that is still open.
    pub(super) fn take(&self, is_open: impl Fn(&T) -> bool) -> Option<T> {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The database may have been away since: what was closed then is of no use.
        resting.retain(is_open);
        resting.pop()
    }

    /// Lays one down that is in no transaction.
    pub(super) fn put(&self, connection: T) {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.len() < RESTING_LIMIT {
            resting.push(connection);
        }
    }
}

impl<T> Clone for Resting<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Resting<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
