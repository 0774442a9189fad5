//! How events leave: first into the log, in an order that has no gaps, then to the broker.
//!
//! [`Leader::sequence`] gives committed events their place in the log; only one relay leads at a
//! time, and its lock and its work share one connection, so that who lost the one lost the other.
//! What is published afterwards is a gapless run of the log: `published` counts from the left and
//! skips nothing, unlike a poll for "ids greater than the last", which loses what commits late.

mod leader;

pub use leader::{Candidate, Leader};

use crate::{
    Error,
    schema::{events, log_checkpoints, log_leaves, outbox, relay_state},
};
use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::log::{Frontier, Hash};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// Partitions are kept ready this far ahead.
const MONTHS_AHEAD: i32 = 3;

/// An event in the log that is not known to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpublished {
    /// Its place in the log.
    pub index: u64,
    /// Its id.
    pub id: Uuid,
    /// What happened.
    pub name: String,
    /// When.
    pub occurred_at: Timestamp,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// Its canonical JSON.
    pub body: Vec<u8>,
}

/// The next events to publish, in the order of the log.
pub async fn unpublished(
    conn: &mut AsyncPgConnection,
    limit: u32,
) -> Result<Vec<Unpublished>, Error> {
    type Row = (i64, Uuid, String, jiff_diesel::Timestamp, Option<String>, Vec<u8>);
    let published: i64 = relay_state::table.select(relay_state::published).first(conn).await?;
    let rows: Vec<Row> = log_leaves::table
        .inner_join(events::table.on(events::id.eq(log_leaves::event)))
        .filter(log_leaves::index.ge(published))
        .order(log_leaves::index)
        .limit(limit.into())
        .select((
            log_leaves::index,
            events::id,
            events::name,
            events::occurred_at,
            events::traceparent,
            events::body,
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(index, id, name, occurred_at, traceparent, body)| {
            let index = index_from_sql(index)?;
            let occurred_at = occurred_at.into();
            Ok(Unpublished { index, id, name, occurred_at, traceparent, body })
        })
        .collect()
}

/// Notes that the first `published` events of the log are published. Never goes back.
pub async fn mark_published(conn: &mut AsyncPgConnection, published: u64) -> Result<(), Error> {
    let published = index_to_sql(published);
    diesel::update(relay_state::table.filter(relay_state::published.lt(published)))
        .set(relay_state::published.eq(published))
        .execute(conn)
        .await?;
    Ok(())
}

/// How far the relay is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Committed events without a place in the log.
    pub unsequenced: u64,
    /// Events in the log that are not known to be published.
    pub unpublished: u64,
}

/// Measures how far the relay is behind.
pub async fn lag(conn: &mut AsyncPgConnection) -> Result<Lag, Error> {
    let unsequenced: i64 = outbox::table.count().get_result(conn).await?;
    let (sequenced, published): (i64, i64) = relay_state::table
        .select((relay_state::sequenced, relay_state::published))
        .first(conn)
        .await?;
    Ok(Lag {
        unsequenced: unsequenced.unsigned_abs(),
        unpublished: sequenced.saturating_sub(published).unsigned_abs(),
    })
}

/// The tree as it stands, if it grew since its last checkpoint.
pub async fn tree_to_sign(conn: &mut AsyncPgConnection) -> Result<Option<Frontier>, Error> {
    let (sequenced, subtrees): (i64, Vec<Vec<u8>>) = relay_state::table
        .select((relay_state::sequenced, relay_state::frontier))
        .first(conn)
        .await?;
    let signed: Option<i64> =
        log_checkpoints::table.select(diesel::dsl::max(log_checkpoints::size)).first(conn).await?;
    let grew = signed.unwrap_or(0) < sequenced;
    grew.then(|| frontier(sequenced, subtrees)).transpose()
}

/// Stores a signed checkpoint; one of the same size is kept as it is.
pub async fn store_checkpoint(
    conn: &mut AsyncPgConnection,
    tree: &Frontier,
    note: &str,
    signed_at: Timestamp,
) -> Result<(), Error> {
    diesel::insert_into(log_checkpoints::table)
        .values((
            log_checkpoints::size.eq(index_to_sql(tree.size())),
            log_checkpoints::root.eq(tree.root().as_bytes().as_slice()),
            log_checkpoints::note.eq(note),
            log_checkpoints::signed_at.eq(signed_at.to_diesel()),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}

diesel::define_sql_function! {
    /// Makes the partitions that are missing, with the owner's rights.
    fn create_partitions(this_month: diesel::sql_types::Date, months_ahead: diesel::sql_types::Integer) -> diesel::sql_types::Integer;
}

/// Keeps partitions ready for this month and the next ones. Answers how many were made.
pub async fn keep_partitions_ready(
    conn: &mut AsyncPgConnection,
    today: Date,
) -> Result<i32, Error> {
    Ok(diesel::select(create_partitions(today.to_diesel(), MONTHS_AHEAD)).get_result(conn).await?)
}

fn frontier(size: i64, subtrees: Vec<Vec<u8>>) -> Result<Frontier, Error> {
    let corrupt = crate::CorruptRow { table: "relay_state", column: "frontier", id: Uuid::nil() };
    let hashes = subtrees.into_iter().map(|bytes| bytes.try_into().map(Hash::from_bytes));
    let hashes = hashes.collect::<Result<Vec<_>, _>>().map_err(|_| corrupt.clone())?;
    Ok(Frontier::resume(index_from_sql(size)?, hashes).map_err(|_| corrupt)?)
}

fn index_from_sql(index: i64) -> Result<u64, Error> {
    let corrupt = crate::CorruptRow { table: "log_leaves", column: "index", id: Uuid::nil() };
    Ok(u64::try_from(index).map_err(|_| corrupt)?)
}

fn index_to_sql(index: u64) -> i64 {
    i64::try_from(index).expect("the log does not reach 2^63 entries")
}
