//! Finding events: in the order of event time, a page at a time, beginning with whatever few share.

use super::Capture;
use crate::{CorruptRow, Error, act_for};
use diesel::{
    OptionalExtension,
    sql_types::{
        Array, BigInt, Binary, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
    },
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::ids::OrganisationId;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// Where a page ends: the time and row of its last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the event happened.
    pub event_time: Timestamp,
    /// Its row.
    pub id: Uuid,
}

/// What is asked for. Everything must hold; of one list of terms any.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Happened at this time or later.
    pub from: Option<Timestamp>,
    /// Happened before this time.
    pub until: Option<Timestamp>,
    /// Recorded at this time or later.
    pub recorded_from: Option<Timestamp>,
    /// Recorded before this time.
    pub recorded_until: Option<Timestamp>,
    /// Declared wrong.
    pub declared_wrong: bool,
    /// Lists of terms of which the event has at least one each.
    pub terms: Vec<Vec<i64>>,
    /// One more such list, of terms that few events share: where the search begins.
    pub selective: Option<Vec<i64>>,
    /// One of these business steps, in full.
    pub steps: Option<Vec<String>>,
    /// Behind this one.
    pub after: Option<Cursor>,
}

/// An event as it was captured.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its row.
    pub id: Uuid,
    /// Its `eventID`.
    pub event_id: String,
    /// When it happened.
    pub event_time: Timestamp,
    /// When it was captured.
    pub recorded_at: Timestamp,
    /// Its JSON.
    pub body: Vec<u8>,
}

#[derive(diesel::QueryableByName)]
struct EventRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    event_id: String,
    #[diesel(sql_type = Timestamptz)]
    event_time: jiff_diesel::Timestamp,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
}

#[derive(diesel::QueryableByName)]
struct CaptureRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    error_behaviour: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Timestamptz)]
    finished_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Bool)]
    success: bool,
    #[diesel(sql_type = Integer)]
    captured: i32,
    #[diesel(sql_type = Integer)]
    duplicates: i32,
    #[diesel(sql_type = Integer)]
    filings: i32,
    #[diesel(sql_type = Jsonb)]
    errors: Value,
    #[diesel(sql_type = Jsonb)]
    outcomes: Value,
}

const COLUMNS: &str = "event.id, event.event_id, event.event_time, event.recorded_at, event.body";

/// What holds of an event whichever way the search goes. Unset parameters fold away when planned.
const CONDITIONS: &str = "event.organisation = $1
    and ($4::timestamptz is null or event.recorded_at >= $4)
    and ($5::timestamptz is null or event.recorded_at < $5)
    and (not $6 or event.declared_wrong)
    and not exists (select from unnest($7::text[]) wanted where not event.terms && wanted::bigint[])
    and ($8::text[] is null or event.biz_step = any ($8))";

/// The events that answer a question, in the order in which they happened, at most `most`.
pub async fn search(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    question: &Question,
    most: u16,
) -> Result<Vec<Stored>, Error> {
    let range = |alias: &str, id: &str| {
        let after = if question.after.is_some() {
            format!("and ({alias}.event_time, {id}) > ($9, $10)")
        } else {
            // Both must have a type all the same.
            "and ($9::timestamptz is null or $10::uuid is not null)".to_owned()
        };
        format!(
            "($2::timestamptz is null or {alias}.event_time >= $2)
             and ($3::timestamptz is null or {alias}.event_time < $3) {after}"
        )
    };
    let sql = match question.selective.as_deref() {
        None => format!(
            "select {COLUMNS} from epcis_events event where {CONDITIONS} and {}
             and $11::bigint[] is null
             order by event.event_time, event.id limit $12",
            range("event", "event.id")
        ),
        // One term is walked through in order; only several have to be sorted.
        Some([_]) => format!(
            "select {COLUMNS} from epcis_event_terms term
             join epcis_events event on event.organisation = $1 and event.id = term.event
             where term.organisation = $1 and term.term = ($11::bigint[])[1] and {} and {CONDITIONS}
             order by term.event_time, term.event limit $12",
            range("term", "term.event")
        ),
        Some(_) => format!(
            "select {COLUMNS} from (
                 select distinct term.event_time, term.event from epcis_event_terms term
                 where term.organisation = $1 and term.term = any ($11) and {}) term
             join epcis_events event on event.organisation = $1 and event.id = term.event
             where {CONDITIONS}
             order by term.event_time, term.event limit $12",
            range("term", "term.event")
        ),
    };
    let time = |time: Option<Timestamp>| time.map(jiff_diesel::ToDiesel::to_diesel);
    let terms: Vec<String> =
        question.terms.iter().map(|terms| super::store::array(terms)).collect();
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let rows: Vec<EventRow> = diesel::sql_query(sql)
            .bind::<SqlUuid, _>(organisation.as_uuid())
            .bind::<Nullable<Timestamptz>, _>(time(question.from))
            .bind::<Nullable<Timestamptz>, _>(time(question.until))
            .bind::<Nullable<Timestamptz>, _>(time(question.recorded_from))
            .bind::<Nullable<Timestamptz>, _>(time(question.recorded_until))
            .bind::<Bool, _>(question.declared_wrong)
            .bind::<Array<Text>, _>(terms)
            .bind::<Nullable<Array<Text>>, _>(question.steps.as_ref())
            .bind::<Nullable<Timestamptz>, _>(time(question.after.map(|after| after.event_time)))
            .bind::<Nullable<SqlUuid>, _>(question.after.map(|after| after.id))
            .bind::<Nullable<Array<BigInt>>, _>(question.selective.as_ref())
            .bind::<BigInt, _>(i64::from(most))
            .load(conn)
            .await?;
        Ok(rows.into_iter().map(Stored::from).collect())
    })
    .await
}

/// Finds a capture job of an organisation.
pub async fn find_capture(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    id: Uuid,
) -> Result<Option<Capture>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let row: Option<CaptureRow> = diesel::sql_query(
            "select id, error_behaviour, created_at, finished_at, success, captured, duplicates,
                 filings, errors, outcomes
             from epcis_captures where organisation = $1 and id = $2",
        )
        .bind::<SqlUuid, _>(organisation.as_uuid())
        .bind::<SqlUuid, _>(id)
        .get_result(conn)
        .await
        .optional()?;
        Ok(row.map(Capture::try_from).transpose()?)
    })
    .await
}

impl From<EventRow> for Stored {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id,
            event_id: row.event_id,
            event_time: row.event_time.into(),
            recorded_at: row.recorded_at.into(),
            body: row.body,
        }
    }
}

impl TryFrom<CaptureRow> for Capture {
    type Error = CorruptRow;

    fn try_from(row: CaptureRow) -> Result<Self, CorruptRow> {
        let id = row.id;
        let count = |column, number: i32| {
            u32::try_from(number).map_err(|_| CorruptRow { table: "epcis_captures", column, id })
        };
        Ok(Self {
            id,
            error_behaviour: row.error_behaviour,
            created_at: row.created_at.into(),
            finished_at: row.finished_at.into(),
            success: row.success,
            captured: count("captured", row.captured)?,
            duplicates: count("duplicates", row.duplicates)?,
            filings: count("filings", row.filings)?,
            errors: row.errors,
            outcomes: row.outcomes,
        })
    }
}
