//! Who read what of an organisation that is confidential, from the log of events.

use crate::{CorruptRow, Error, act_for, schema::events};
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    ids::{EventId, OrganisationId, PersonId},
};
use jiff::Timestamp;
use uuid::Uuid;

/// One read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The event in the log.
    pub event: EventId,
    /// When.
    pub at: Timestamp,
    /// Which official.
    pub person: PersonId,
    /// What was read.
    pub subject: String,
    /// Why, in the reader's words.
    pub purpose: String,
}

/// Reads of what an organisation owns, latest first.
pub async fn reads_of(
    conn: &mut AsyncPgConnection,
    owner: OrganisationId,
    before: Option<EventId>,
    limit: u16,
) -> Result<Vec<Read>, Error> {
    let rows: Vec<(Uuid, jiff_diesel::Timestamp, Vec<u8>)> = conn
        .transaction(async |conn| {
            act_for(conn, &[owner]).await?;
            events::table
                .filter(events::organisation.eq(owner.as_uuid()))
                .filter(events::name.eq("confidential.read"))
                .filter(events::id.lt(before.map_or(Uuid::max(), EventId::as_uuid)))
                .order(events::id.desc())
                .limit(limit.into())
                .select((events::id, events::occurred_at, events::body))
                .load(conn)
                .await
                .map_err(Error::from)
        })
        .await?;
    rows.into_iter()
        .map(|(id, at, body)| {
            let Ok(Event::ConfidentialRead { person, subject, purpose, .. }) =
                serde_json::from_slice(&body)
            else {
                return Err(CorruptRow { table: "events", column: "body", id }.into());
            };
            Ok(Read { event: EventId::from_uuid(id), at: at.into(), person, subject, purpose })
        })
        .collect()
}
