//! Storing a document's events, once each.

use super::{Capture, waiting};
use crate::{
    Error, act_for,
    events::{self, Act},
};
use diesel::sql_types::{
    Array, Binary, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    ids::{MovementId, OrganisationId},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use serde_json::Value;
use std::{collections::HashSet, fmt::Write};
use uuid::Uuid;

/// An event that is to be stored, unless it is known.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The id of its row: time-ordered, made by the caller.
    pub id: Uuid,
    /// Its `eventID`: as stated, or its hash.
    pub event_id: String,
    /// Its CBV 2.0 hash.
    pub hash: [u8; 32],
    /// The hash of its error declaration, if it has one.
    pub declaration: Option<[u8; 32]>,
    /// Its business step in full.
    pub biz_step: Option<String>,
    /// When it happened.
    pub event_time: Timestamp,
    /// Everything it can be found by.
    pub terms: Vec<i64>,
    /// Those of them that few events share.
    pub selective_terms: Vec<i64>,
    /// The event as JSON.
    pub body: Vec<u8>,
}

/// A document as it was judged.
#[derive(Clone, Debug)]
pub struct NewCapture {
    /// The job; `captured` and `duplicates` are counted when it is stored.
    pub job: Capture,
    /// Its events that nothing is wrong with.
    pub events: Vec<NewEvent>,
    /// Those of them that are receipts of movements which nobody has announced yet.
    pub waits: Vec<Waits>,
}

/// A receipt that is to be filed when its movement is announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Waits {
    /// The id of its event's row.
    pub event: Uuid,
    /// The movement.
    pub movement: MovementId,
    /// The form of the filing.
    pub form: Value,
    /// The key that makes recording it twice harmless.
    pub key: String,
}

/// What storing a document came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured {
    /// How many events are new.
    pub captured: u32,
    /// How many were known.
    pub duplicates: u32,
}

#[derive(diesel::QueryableByName)]
struct EventColumn {
    #[diesel(sql_type = SqlUuid)]
    event: Uuid,
}

const CLAIM: &str = "insert into epcis_event_keys (organisation, hash, declaration, event)
    select $1, row.* from unnest($2, $3, $4) row
    on conflict do nothing returning event";

const INSERT_EVENTS: &str = "insert into epcis_events (organisation, id, capture, event_id, hash,
        declared_wrong, biz_step, event_time, recorded_at, terms, body)
    select $1, id, $2, event_id, hash, declared_wrong, biz_step, event_time, $3, terms::bigint[], body
    from unnest($4, $5, $6, $7, $8, $9, $10, $11)
        as row (id, event_id, hash, declared_wrong, biz_step, event_time, terms, body)";

const INSERT_TERMS: &str = "insert into epcis_event_terms (organisation, term, event_time, event)
    select $1, term, event_time, id
    from unnest($2, $3, $4) as row (id, event_time, terms), unnest(terms::bigint[]) term
    order by term, event_time, id";

const INSERT_CAPTURE: &str =
    "insert into epcis_captures (organisation, id, person, error_behaviour,
        created_at, finished_at, success, captured, duplicates, filings, errors, outcomes)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// Stores a document's events, its job and the event that announces it, or nothing of it.
pub async fn store(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    act: &Act,
    capture: &NewCapture,
) -> Result<Captured, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let mut events: Vec<&NewEvent> = capture.events.iter().collect();
        // Two documents with the same events wait for each other in one order.
        events.sort_unstable_by_key(|event| (event.hash, event.declaration));
        let new = claim(conn, organisation, &events).await?;
        let known = events.len() - new.len();
        events.retain(|event| new.contains(&event.id));
        if !events.is_empty() {
            insert_events(conn, organisation, &capture.job, &events).await?;
            insert_terms(conn, organisation, &events).await?;
        }
        let waits: Vec<&Waits> =
            capture.waits.iter().filter(|waits| new.contains(&waits.event)).collect();
        if let Some(person) = act.person.filter(|_| !waits.is_empty()) {
            waiting::keep(conn, organisation, person, &waits, act.at).await?;
        }
        let captured = Captured {
            captured: u32::try_from(events.len()).unwrap_or(u32::MAX),
            duplicates: capture.job.duplicates + u32::try_from(known).unwrap_or(u32::MAX),
        };
        insert_capture(conn, organisation, act, &capture.job, captured).await?;
        let event = Event::EpcisCaptured {
            capture: capture.job.id,
            organisation,
            captured: captured.captured,
            duplicates: captured.duplicates,
        };
        events::append(conn, &act.origin(), capture.job.id, &event).await?;
        Ok(captured)
    })
    .await
}

async fn claim(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    events: &[&NewEvent],
) -> Result<HashSet<Uuid>, Error> {
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    let hashes: Vec<&[u8]> = events.iter().map(|event| event.hash.as_slice()).collect();
    let declarations: Vec<&[u8]> = events
        .iter()
        .map(|event| event.declaration.as_ref().map_or(&[][..], <[u8; 32]>::as_slice))
        .collect();
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let claimed: Vec<EventColumn> = diesel::sql_query(CLAIM)
        .bind::<SqlUuid, _>(organisation.as_uuid())
        .bind::<Array<Binary>, _>(hashes)
        .bind::<Array<Binary>, _>(declarations)
        .bind::<Array<SqlUuid>, _>(ids)
        .load(conn)
        .await?;
    Ok(claimed.into_iter().map(|row| row.event).collect())
}

async fn insert_events(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    job: &Capture,
    events: &[&NewEvent],
) -> Result<(), Error> {
    let column = |read: fn(&NewEvent) -> String| events.iter().map(|e| read(e)).collect::<Vec<_>>();
    let steps: Vec<Option<&str>> = events.iter().map(|event| event.biz_step.as_deref()).collect();
    let times: Vec<_> = events.iter().map(|event| event.event_time.to_diesel()).collect();
    diesel::sql_query(INSERT_EVENTS)
        .bind::<SqlUuid, _>(organisation.as_uuid())
        .bind::<SqlUuid, _>(job.id)
        .bind::<Timestamptz, _>(job.created_at.to_diesel())
        .bind::<Array<SqlUuid>, _>(events.iter().map(|event| event.id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(column(|event| event.event_id.clone()))
        .bind::<Array<Binary>, _>(events.iter().map(|e| e.hash.as_slice()).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(events.iter().map(|e| e.declaration.is_some()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(steps)
        .bind::<Array<Timestamptz>, _>(times)
        .bind::<Array<Text>, _>(column(|event| array(&event.terms)))
        .bind::<Array<Binary>, _>(events.iter().map(|e| e.body.as_slice()).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

async fn insert_terms(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    events: &[&NewEvent],
) -> Result<(), Error> {
    diesel::sql_query(INSERT_TERMS)
        .bind::<SqlUuid, _>(organisation.as_uuid())
        .bind::<Array<SqlUuid>, _>(events.iter().map(|event| event.id).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(
            events.iter().map(|event| event.event_time.to_diesel()).collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(
            events.iter().map(|event| array(&event.selective_terms)).collect::<Vec<_>>(),
        )
        .execute(conn)
        .await?;
    Ok(())
}

async fn insert_capture(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    act: &Act,
    job: &Capture,
    captured: Captured,
) -> Result<(), Error> {
    diesel::sql_query(INSERT_CAPTURE)
        .bind::<SqlUuid, _>(organisation.as_uuid())
        .bind::<SqlUuid, _>(job.id)
        .bind::<Nullable<SqlUuid>, _>(act.person.map(domain::ids::PersonId::as_uuid))
        .bind::<Text, _>(&job.error_behaviour)
        .bind::<Timestamptz, _>(job.created_at.to_diesel())
        .bind::<Timestamptz, _>(job.finished_at.to_diesel())
        .bind::<Bool, _>(job.success)
        .bind::<Integer, _>(count(captured.captured))
        .bind::<Integer, _>(count(captured.duplicates))
        .bind::<Integer, _>(count(job.filings))
        .bind::<Jsonb, _>(&job.errors)
        .bind::<Jsonb, _>(&job.outcomes)
        .execute(conn)
        .await?;
    Ok(())
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Numbers as Postgres reads an array of them: arrays of arrays must be of one length there.
pub(super) fn array(terms: &[i64]) -> String {
    let mut text = String::from("{");
    for (index, term) in terms.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(text, "{comma}{term}").expect("a string takes everything");
    }
    text.push('}');
    text
}
