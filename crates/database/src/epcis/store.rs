//! Storing a document's events, once each. Who stores them is the writer of filings, in the
//! transaction that records what they mean (`filing_writer::document`).

use super::Capture;
use crate::Error;
use domain::ids::{MovementId, OrganisationId, PersonId};
use futures_util::{future::OptionFuture, try_join};
use jiff::Timestamp;
use postgres_types::ToSql;
use serde_json::Value;
use std::{collections::HashSet, fmt::Write, sync::Arc};
use tokio_postgres::{Client, Statement};
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
    pub events: Vec<Arc<NewEvent>>,
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

/// The statements that store a document, prepared.
#[derive(Debug)]
pub(crate) struct StoringStatements {
    claim: Statement,
    insert_events: Statement,
    insert_terms: Statement,
    insert_waiting: Statement,
    insert_capture: Statement,
}

const CLAIM: &str = "insert into epcis_event_keys (organisation, hash, declaration, event)
    select $1, row.* from unnest($2::bytea[], $3::bytea[], $4::uuid[]) row
    on conflict do nothing returning event";

const INSERT_EVENTS: &str = "insert into epcis_events (organisation, id, capture, event_id, hash,
        declared_wrong, biz_step, event_time, recorded_at, terms, body)
    select $1, id, $2, event_id, hash, declared_wrong, biz_step, event_time, $3, terms::bigint[], body
    from unnest($4::uuid[], $5::text[], $6::bytea[], $7::boolean[], $8::text[], $9::timestamptz[],
            $10::text[], $11::bytea[])
        as row (id, event_id, hash, declared_wrong, biz_step, event_time, terms, body)";

const INSERT_TERMS: &str = "insert into epcis_event_terms (organisation, term, event_time, event)
    select $1, term, event_time, id
    from unnest($2::uuid[], $3::timestamptz[], $4::text[]) as row (id, event_time, terms),
        unnest(terms::bigint[]) term
    order by term, event_time, id";

/// Receipts of movements that nobody has announced yet.
const INSERT_WAITING: &str =
    "insert into epcis_waiting (organisation, event, movement, person, form, key, created_at)
    select $1, event, movement, $2, form, key, $3
    from unnest($4::uuid[], $5::uuid[], $6::jsonb[], $7::text[]) as row (event, movement, form, key)";

const INSERT_CAPTURE: &str =
    "insert into epcis_captures (organisation, id, person, error_behaviour,
        created_at, finished_at, success, captured, duplicates, filings, errors, outcomes)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

impl StoringStatements {
    pub(crate) async fn prepare(client: &Client) -> Result<Self, Error> {
        let (claim, insert_events, insert_terms, insert_waiting, insert_capture) = try_join!(
            client.prepare(CLAIM),
            client.prepare(INSERT_EVENTS),
            client.prepare(INSERT_TERMS),
            client.prepare(INSERT_WAITING),
            client.prepare(INSERT_CAPTURE),
        )?;
        Ok(Self { claim, insert_events, insert_terms, insert_waiting, insert_capture })
    }

    /// Which of these events are new, inside the transaction that stores them.
    pub(crate) async fn claim(
        &self,
        client: &Client,
        organisation: OrganisationId,
        events: &[Arc<NewEvent>],
    ) -> Result<HashSet<Uuid>, Error> {
        if events.is_empty() {
            return Ok(HashSet::new());
        }
        // Two documents with the same events wait for each other in one order.
        let mut events: Vec<&NewEvent> = events.iter().map(AsRef::as_ref).collect();
        events.sort_unstable_by_key(|event| (event.hash, event.declaration));
        let hashes: Vec<&[u8]> = events.iter().map(|event| event.hash.as_slice()).collect();
        let declaration =
            |event: &&'_ NewEvent| event.declaration.map_or_else(Vec::new, |it| it.to_vec());
        let declarations: Vec<Vec<u8>> = events.iter().map(declaration).collect();
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        let claimed = client
            .query(&self.claim, &[&organisation.as_uuid(), &hashes, &declarations, &ids])
            .await?;
        Ok(claimed.iter().map(|row| row.get(0)).collect())
    }

    /// Writes the job and those of its events that are new. Sent at once when first polled, so that
    /// it travels with what is sent before and after it.
    pub(crate) async fn insert(
        &self,
        client: &Client,
        person: PersonId,
        organisation: OrganisationId,
        capture: &NewCapture,
        new: &HashSet<Uuid>,
    ) -> Result<(), tokio_postgres::Error> {
        let events: Vec<&NewEvent> =
            capture.events.iter().map(AsRef::as_ref).filter(|it| new.contains(&it.id)).collect();
        let waits: Vec<&Waits> =
            capture.waits.iter().filter(|waits| new.contains(&waits.event)).collect();
        let job = &capture.job;
        let (organisation, person) = (organisation.as_uuid(), person.as_uuid());
        let events_and_terms: OptionFuture<_> = (!events.is_empty())
            .then(|| self.insert_events(client, organisation, job, &events))
            .into();
        let waiting: OptionFuture<_> = (!waits.is_empty())
            .then(|| self.insert_waiting(client, organisation, person, &waits, job.created_at))
            .into();
        let (captured, duplicates, filings) =
            (count(job.captured), count(job.duplicates), count(job.filings));
        let columns: [&(dyn ToSql + Sync); 12] = [
            &organisation,
            &job.id,
            &person,
            &job.error_behaviour,
            &job.created_at,
            &job.finished_at,
            &job.success,
            &captured,
            &duplicates,
            &filings,
            &job.errors,
            &job.outcomes,
        ];
        let (events, waiting, job) = futures_util::join!(
            events_and_terms,
            waiting,
            client.execute(&self.insert_capture, &columns)
        );
        events.transpose()?;
        waiting.transpose()?;
        job.map(drop)
    }

    async fn insert_events(
        &self,
        client: &Client,
        organisation: Uuid,
        job: &Capture,
        events: &[&NewEvent],
    ) -> Result<(), tokio_postgres::Error> {
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        let names: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        let hashes: Vec<&[u8]> = events.iter().map(|event| event.hash.as_slice()).collect();
        let wrong: Vec<bool> = events.iter().map(|event| event.declaration.is_some()).collect();
        let steps: Vec<Option<&str>> =
            events.iter().map(|event| event.biz_step.as_deref()).collect();
        let times: Vec<Timestamp> = events.iter().map(|event| event.event_time).collect();
        let terms: Vec<String> = events.iter().map(|event| array(&event.terms)).collect();
        let selective: Vec<String> =
            events.iter().map(|event| array(&event.selective_terms)).collect();
        let bodies: Vec<&[u8]> = events.iter().map(|event| event.body.as_slice()).collect();
        let columns: [&(dyn ToSql + Sync); 11] = [
            &organisation,
            &job.id,
            &job.created_at,
            &ids,
            &names,
            &hashes,
            &wrong,
            &steps,
            &times,
            &terms,
            &bodies,
        ];
        let of_terms: [&(dyn ToSql + Sync); 4] = [&organisation, &ids, &times, &selective];
        try_join!(
            client.execute(&self.insert_events, &columns),
            client.execute(&self.insert_terms, &of_terms),
        )?;
        Ok(())
    }

    async fn insert_waiting(
        &self,
        client: &Client,
        organisation: Uuid,
        person: Uuid,
        waits: &[&Waits],
        at: Timestamp,
    ) -> Result<(), tokio_postgres::Error> {
        let events: Vec<Uuid> = waits.iter().map(|waits| waits.event).collect();
        let movements: Vec<Uuid> = waits.iter().map(|waits| waits.movement.as_uuid()).collect();
        let forms: Vec<&Value> = waits.iter().map(|waits| &waits.form).collect();
        let keys: Vec<&str> = waits.iter().map(|waits| waits.key.as_str()).collect();
        let columns: [&(dyn ToSql + Sync); 7] =
            [&organisation, &person, &at, &events, &movements, &forms, &keys];
        client.execute(&self.insert_waiting, &columns).await?;
        Ok(())
    }
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
