//! Messages that could not be handled, kept for a person to read and to replay.
//!
//! Stored and replayed by the relay; read, and marked for replay, by administrators.

use crate::{
    Error,
    events::{Act, append},
    schema::{dead_letters, events},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
    upsert::excluded,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{event::Event, ids::PersonId};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// A message as it died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The consumer that could not handle it.
    pub consumer: String,
    /// The message's id, which is its event's.
    pub message: Uuid,
    /// What happened, as far as it is known.
    pub event: String,
    /// Its body.
    pub body: Vec<u8>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// Why it could not be handled; `None` when consumers died of it without a word.
    pub error: Option<String>,
}

/// A dead letter as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its own id: the same message of the same consumer has the same.
    pub id: Uuid,
    /// The letter.
    pub letter: DeadLetter,
    /// When it died last.
    pub died_at: Timestamp,
    /// Who wants it replayed, and since when.
    pub replay_requested: Option<(PersonId, Timestamp)>,
    /// When it was given back to its consumer.
    pub replayed_at: Option<Timestamp>,
}

/// A dead letter on its way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The dead letter's id.
    pub id: Uuid,
    /// When its event happened; when it died, if the log does not know the event.
    pub occurred_at: Timestamp,
    /// The letter.
    pub letter: DeadLetter,
}

/// Keeps letters. One that died again after a replay is waiting for a person again.
pub async fn store(
    conn: &mut AsyncPgConnection,
    letters: &[DeadLetter],
    now: Timestamp,
) -> Result<(), Error> {
    for letter in letters {
        let died = (
            dead_letters::error.eq(letter.error.as_deref()),
            dead_letters::died_at.eq(now.to_diesel()),
        );
        diesel::insert_into(dead_letters::table)
            .values((
                dead_letters::id.eq(letter.id()),
                dead_letters::consumer.eq(&letter.consumer),
                dead_letters::message.eq(letter.message),
                dead_letters::event.eq(&letter.event),
                dead_letters::body.eq(&letter.body),
                dead_letters::traceparent.eq(letter.traceparent.as_deref()),
                died,
            ))
            .on_conflict(dead_letters::id)
            .do_update()
            .set((
                dead_letters::error.eq(excluded(dead_letters::error)),
                dead_letters::died_at.eq(excluded(dead_letters::died_at)),
                dead_letters::replay_requested_by.eq(None::<Uuid>),
                dead_letters::replay_requested_at.eq(None::<jiff_diesel::Timestamp>),
                dead_letters::replayed_at.eq(None::<jiff_diesel::Timestamp>),
            ))
            .execute(conn)
            .await?;
    }
    Ok(())
}

impl DeadLetter {
    fn id(&self) -> Uuid {
        let name = format!("{} {}", self.consumer, self.message);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }
}

type LetterColumns = (
    dead_letters::consumer,
    dead_letters::message,
    dead_letters::event,
    dead_letters::body,
    dead_letters::traceparent,
    dead_letters::error,
);
type LetterRow = (String, Uuid, String, Vec<u8>, Option<String>, Option<String>);

const LETTER: LetterColumns = (
    dead_letters::consumer,
    dead_letters::message,
    dead_letters::event,
    dead_letters::body,
    dead_letters::traceparent,
    dead_letters::error,
);

impl From<LetterRow> for DeadLetter {
    fn from((consumer, message, event, body, traceparent, error): LetterRow) -> Self {
        Self { consumer, message, event, body, traceparent, error }
    }
}

/// Letters after `after` in the order of their ids.
pub async fn list(
    conn: &mut AsyncPgConnection,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Kept>, Error> {
    type Row = (
        Uuid,
        LetterRow,
        jiff_diesel::Timestamp,
        Option<Uuid>,
        Option<jiff_diesel::Timestamp>,
        Option<jiff_diesel::Timestamp>,
    );
    let rows: Vec<Row> = dead_letters::table
        .filter(dead_letters::id.gt(after.unwrap_or(Uuid::nil())))
        .order(dead_letters::id)
        .limit(limit.into())
        .select((
            dead_letters::id,
            LETTER,
            dead_letters::died_at,
            dead_letters::replay_requested_by,
            dead_letters::replay_requested_at,
            dead_letters::replayed_at,
        ))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, letter, died_at, by, requested_at, replayed_at)| Kept {
            id,
            letter: letter.into(),
            died_at: died_at.into(),
            replay_requested: by
                .zip(requested_at)
                .map(|(by, at)| (PersonId::from_uuid(by), at.into())),
            replayed_at: replayed_at.map(Into::into),
        })
        .collect())
}

/// Asks for a letter to be given back to its consumer. `false` if there is no such letter, or it
/// is on its way already.
pub async fn request_replay(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    person: PersonId,
    now: Timestamp,
) -> Result<bool, Error> {
    let waiting = dead_letters::id.eq(id).and(dead_letters::replay_requested_at.is_null());
    let marked = diesel::update(dead_letters::table.filter(waiting))
        .set((
            dead_letters::replay_requested_by.eq(person.as_uuid()),
            dead_letters::replay_requested_at.eq(now.to_diesel()),
        ))
        .execute(conn)
        .await?;
    Ok(marked == 1)
}

/// The same, with its event.
pub async fn replay(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    person: PersonId,
    act: &Act,
) -> Result<bool, Error> {
    conn.transaction(async |conn| {
        let requested = request_replay(conn, id, person, act.at).await?;
        if requested {
            let event = Event::ReplayRequested { dead_letter: id, person };
            append(conn, &act.origin(), id, &event).await?;
        }
        Ok(requested)
    })
    .await
}

/// Letters somebody wants replayed.
pub async fn to_replay(conn: &mut AsyncPgConnection, limit: u32) -> Result<Vec<Replay>, Error> {
    type Row = (Uuid, LetterRow, jiff_diesel::Timestamp, Option<jiff_diesel::Timestamp>);
    let wanted =
        dead_letters::replay_requested_at.is_not_null().and(dead_letters::replayed_at.is_null());
    let rows: Vec<Row> = dead_letters::table
        .left_join(events::table.on(events::id.eq(dead_letters::message)))
        .filter(wanted)
        .order(dead_letters::replay_requested_at)
        .limit(limit.into())
        .select((dead_letters::id, LETTER, dead_letters::died_at, events::occurred_at.nullable()))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, letter, died_at, occurred_at)| Replay {
            id,
            occurred_at: occurred_at.unwrap_or(died_at).into(),
            letter: letter.into(),
        })
        .collect())
}

/// Notes that a letter was given back to its consumer.
pub async fn mark_replayed(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    now: Timestamp,
) -> Result<(), Error> {
    diesel::update(dead_letters::table.find(id))
        .set(dead_letters::replayed_at.eq(now.to_diesel()))
        .execute(conn)
        .await?;
    Ok(())
}
