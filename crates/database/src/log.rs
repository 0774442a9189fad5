//! The log as outsiders check it: leaves in order, and signed checkpoints. Written by the relay.

use crate::{
    CorruptRow, Error,
    schema::{log_checkpoints, log_leaves},
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{ids::EventId, log::Hash};
use jiff::Timestamp;
use std::ops::Range;
use uuid::Uuid;

/// A signed statement about the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// How many leaves it covers.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// The statement with its signature (C2SP signed-note).
    pub note: String,
    /// When it was signed.
    pub signed_at: Timestamp,
}

/// A leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its place.
    pub index: u64,
    /// The event it stands for.
    pub event: EventId,
    /// The hash of the event's canonical bytes.
    pub hash: Hash,
}

/// The latest checkpoint; none before the first event was logged.
pub async fn latest_checkpoint(
    conn: &mut AsyncPgConnection,
) -> Result<Option<SignedCheckpoint>, Error> {
    let row: Option<(i64, Vec<u8>, String, jiff_diesel::Timestamp)> =
        log_checkpoints::table.order(log_checkpoints::size.desc()).first(conn).await.optional()?;
    let Some((size, root, note, signed_at)) = row else { return Ok(None) };
    Ok(Some(SignedCheckpoint {
        size: unsigned("log_checkpoints", "size", size)?,
        root: hash("log_checkpoints", "root", root)?,
        note,
        signed_at: signed_at.into(),
    }))
}

/// The leaf of an event; none before it was logged.
pub async fn leaf_of(conn: &mut AsyncPgConnection, event: EventId) -> Result<Option<Leaf>, Error> {
    let row: Option<LeafRow> = log_leaves::table
        .filter(log_leaves::event.eq(event.as_uuid()))
        .select((log_leaves::index, log_leaves::event, log_leaves::leaf_hash))
        .first(conn)
        .await
        .optional()?;
    row.map(leaf).transpose()
}

/// Leaves in order.
pub async fn leaves(conn: &mut AsyncPgConnection, range: Range<u64>) -> Result<Vec<Leaf>, Error> {
    let rows: Vec<LeafRow> = log_leaves::table
        .filter(log_leaves::index.ge(signed(range.start)))
        .filter(log_leaves::index.lt(signed(range.end)))
        .order(log_leaves::index)
        .select((log_leaves::index, log_leaves::event, log_leaves::leaf_hash))
        .load(conn)
        .await?;
    rows.into_iter().map(leaf).collect()
}

type LeafRow = (i64, Uuid, Vec<u8>);

fn leaf((index, event, leaf_hash): LeafRow) -> Result<Leaf, Error> {
    Ok(Leaf {
        index: unsigned("log_leaves", "index", index)?,
        event: EventId::from_uuid(event),
        hash: hash("log_leaves", "leaf_hash", leaf_hash)?,
    })
}

fn hash(table: &'static str, column: &'static str, bytes: Vec<u8>) -> Result<Hash, Error> {
    let corrupt = CorruptRow { table, column, id: Uuid::nil() };
    Ok(Hash::from_bytes(bytes.try_into().map_err(|_| corrupt)?))
}

fn unsigned(table: &'static str, column: &'static str, number: i64) -> Result<u64, Error> {
    Ok(u64::try_from(number).map_err(|_| CorruptRow { table, column, id: Uuid::nil() })?)
}

/// No log reaches 2^63 leaves: beyond it there is simply nothing.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
