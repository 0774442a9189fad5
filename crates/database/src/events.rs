//! The append-only log of what became true.
//!
//! An event is written in the transaction that made it true, together with its outbox row; the
//! relay puts it into the log and tells everyone else afterwards.

use crate::{
    Error,
    schema::{events, outbox},
};
use diesel::ExpressionMethods;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::{EVENT_VERSION, Event},
    ids::{EventId, OrganisationId, PersonId},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What surrounds an event: who did it, when, and as part of which request.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The event's own id: time-ordered, made by the caller.
    pub id: EventId,
    /// When it became true.
    pub occurred_at: Timestamp,
    /// Who did it; `None` for the system itself.
    pub person: Option<PersonId>,
    /// The request's W3C trace context.
    pub traceparent: Option<String>,
}

/// Who does something, when, and as part of which request: the origin of all its events.
#[derive(Clone, Debug)]
pub struct Act {
    /// Who does it; `None` for the system itself.
    pub person: Option<PersonId>,
    /// When.
    pub at: Timestamp,
    /// The request's W3C trace context.
    pub traceparent: Option<String>,
}

impl Act {
    /// What surrounds the next event of this act.
    pub fn origin(&self) -> Origin {
        Origin {
            id: EventId::from_uuid(Uuid::now_v7()),
            occurred_at: self.at,
            person: self.person,
            traceparent: self.traceparent.clone(),
        }
    }
}

/// Appends an event. Call it inside the transaction that made the event true.
///
/// `subject` is what the event is about: the filing, the case, the licence.
pub async fn append(
    conn: &mut AsyncPgConnection,
    origin: &Origin,
    subject: Uuid,
    event: &Event,
) -> Result<(), Error> {
    let id = origin.id.as_uuid();
    diesel::insert_into(events::table)
        .values((
            events::id.eq(id),
            events::name.eq(event.name()),
            events::organisation.eq(event.organisation().map(OrganisationId::as_uuid)),
            events::subject.eq(subject),
            events::person.eq(origin.person.map(PersonId::as_uuid)),
            events::occurred_at.eq(origin.occurred_at.to_diesel()),
            events::traceparent.eq(origin.traceparent.as_deref()),
            events::body.eq(body(origin, event)),
        ))
        .execute(conn)
        .await?;
    diesel::insert_into(outbox::table).values(outbox::event.eq(id)).execute(conn).await?;
    diesel::select(pg_notify(OUTBOX_CHANNEL, "")).execute(conn).await?;
    Ok(())
}

/// Appends events about these subjects, all of one act, in a few statements. Call it inside the
/// transaction that made them true.
pub async fn append_all(
    conn: &mut AsyncPgConnection,
    act: &Act,
    told: &[(Uuid, Event)],
) -> Result<(), Error> {
    if told.is_empty() {
        return Ok(());
    }
    let origins: Vec<Origin> = told.iter().map(|_| act.origin()).collect();
    let rows: Vec<_> = origins
        .iter()
        .zip(told)
        .map(|(origin, (subject, event))| {
            (
                events::id.eq(origin.id.as_uuid()),
                events::name.eq(event.name()),
                events::organisation.eq(event.organisation().map(OrganisationId::as_uuid)),
                events::subject.eq(*subject),
                events::person.eq(origin.person.map(PersonId::as_uuid)),
                events::occurred_at.eq(origin.occurred_at.to_diesel()),
                events::traceparent.eq(origin.traceparent.as_deref()),
                events::body.eq(body(origin, event)),
            )
        })
        .collect();
    diesel::insert_into(events::table).values(rows).execute(conn).await?;
    let waiting: Vec<_> = origins.iter().map(|it| outbox::event.eq(it.id.as_uuid())).collect();
    diesel::insert_into(outbox::table).values(waiting).execute(conn).await?;
    diesel::select(pg_notify(OUTBOX_CHANNEL, "")).execute(conn).await?;
    Ok(())
}

/// Appends an event that is true by itself, such as that somebody read something.
pub async fn append_alone(
    conn: &mut AsyncPgConnection,
    origin: &Origin,
    subject: Uuid,
    event: &Event,
) -> Result<(), Error> {
    conn.transaction(async |conn| append(conn, origin, subject, event).await).await
}

/// Appends, in one transaction, that somebody read `subject` of each of these owners.
pub async fn append_reads(
    conn: &mut AsyncPgConnection,
    act: &Act,
    owners: &BTreeSet<OrganisationId>,
    subject: &str,
    purpose: &str,
) -> Result<(), Error> {
    let Some(person) = act.person else { return Ok(()) };
    conn.transaction(async |conn| {
        for owner in owners {
            let event = Event::ConfidentialRead {
                person,
                owner: *owner,
                subject: subject.to_owned(),
                purpose: purpose.to_owned(),
            };
            append(conn, &act.origin(), owner.as_uuid(), &event).await?;
        }
        Ok(())
    })
    .await
}

/// The channel on which the relay hears that there is something in the outbox.
pub const OUTBOX_CHANNEL: &str = "lodestone_outbox";

diesel::define_sql_function! {
    /// Wakes whoever listens on a channel, when the transaction commits.
    fn pg_notify(channel: diesel::sql_types::Text, payload: diesel::sql_types::Text) -> diesel::sql_types::Integer;
}

/// The canonical bytes of an event: what is published, and what the log's leaf hash is taken of.
///
/// Members are sorted by name.
pub fn body(origin: &Origin, event: &Event) -> Vec<u8> {
    let value = serde_json::to_value(event).expect("an event is always valid JSON");
    let serde_json::Value::Object(members) = value else {
        unreachable!("an event is a JSON object")
    };
    let mut members: BTreeMap<String, serde_json::Value> = members.into_iter().collect();
    members.insert("event_version".to_owned(), EVENT_VERSION.into());
    members.insert("id".to_owned(), origin.id.to_string().into());
    members.insert("occurred_at".to_owned(), origin.occurred_at.to_string().into());
    members.insert("person".to_owned(), origin.person.map(|p| p.to_string()).into());
    serde_json::to_vec(&members).expect("a map of JSON values is always valid JSON")
}
