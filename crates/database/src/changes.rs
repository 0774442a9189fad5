//! An organisation's own changes, in the order of the log.

use crate::{
    CorruptRow, Error,
    schema::{events, log_leaves},
};
use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    change::Change,
    event::Event,
    ids::{EventId, OrganisationId},
};
use jiff::Timestamp;
use uuid::Uuid;

/// A change with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its place in the log: changes are told in this order, and none comes before one told.
    pub index: u64,
    /// The event that made it true: the same for every telling.
    pub event: EventId,
    /// When it became true.
    pub at: Timestamp,
    /// What changed.
    pub change: Change,
}

/// A stretch of an organisation's changes.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// What changed, in the order of the log.
    pub changes: Vec<Told>,
    /// The place from which to go on.
    pub next: u64,
    /// Whether as much was looked at as was allowed, so that there may be more.
    pub is_full: bool,
}

/// Reads changes from a place in the log on. The connection acts for the organisation.
pub async fn from(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    first: u64,
    limit: u16,
) -> Result<Stretch, Error> {
    let rows: Vec<(i64, Uuid, jiff_diesel::Timestamp, Vec<u8>)> = log_leaves::table
        .inner_join(events::table.on(events::id.eq(log_leaves::event)))
        .filter(log_leaves::organisation.eq(organisation.as_uuid()))
        .filter(log_leaves::index.ge(i64::try_from(first).unwrap_or(i64::MAX)))
        .order(log_leaves::index)
        .limit(limit.into())
        .select((log_leaves::index, events::id, events::occurred_at, events::body))
        .load(conn)
        .await?;
    let is_full = rows.len() == usize::from(limit);
    let mut stretch = Stretch { changes: Vec::with_capacity(rows.len()), next: first, is_full };
    for (index, event, at, body) in rows {
        let index = place(index, event)?;
        stretch.next = index + 1;
        if let Some(change) = change(&body, event)? {
            let event = EventId::from_uuid(event);
            stretch.changes.push(Told { index, event, at: at.into(), change });
        }
    }
    Ok(stretch)
}

/// What an event's canonical bytes tell its organisation.
pub(crate) fn change(body: &[u8], event: Uuid) -> Result<Option<Change>, CorruptRow> {
    let corrupt = CorruptRow { table: "events", column: "body", id: event };
    let event: Event = serde_json::from_slice(body).map_err(|_| corrupt)?;
    Ok(Change::of(&event))
}

pub(crate) fn place(index: i64, event: Uuid) -> Result<u64, CorruptRow> {
    let corrupt = CorruptRow { table: "log_leaves", column: "index", id: event };
    u64::try_from(index).map_err(|_| corrupt)
}
