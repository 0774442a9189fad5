//! Where organisations want to be called about changes, and the calls themselves.
//!
//! An applicant names addresses and reads what became of calls; the relay makes them
//! ([`calling`]). A call is a row for each endpoint and place in the log, so that none is made up
//! and none is forgotten, however often it takes.

pub mod calling;

use crate::{
    CorruptRow, Error,
    cases::Moment,
    changes,
    licensing_requests::{self, Answered, Request},
    row::Reader,
    schema::{relay_state, webhook_calls, webhooks},
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    change::ChangeKind,
    ids::{EventId, OrganisationId, PersonId, WebhookId},
};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel;
use serde_json::Value;
use uuid::Uuid;

/// Calls are signed with the secret before as well, for so long after it was changed.
const EARLIER_SECRET_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Changes that one request may have told again.
pub const REPLAYED_AT_MOST: u16 = 1_000;

/// An address that wants to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where to call.
    pub url: String,
    /// About what; about everything when empty.
    pub kinds: Vec<ChangeKind>,
    /// Which of its secrets is the present one, from 1.
    pub generation: u32,
    /// Until when the one before holds as well.
    pub earlier_secret_until: Option<Timestamp>,
    /// Why it is not called any more; `None` while it is.
    pub disabled_because: Option<String>,
    /// When a call was last answered well.
    pub answered_at: Option<Timestamp>,
    /// When it was named.
    pub created_at: Timestamp,
}

/// What can be changed of a webhook; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// Where to call.
    pub url: Option<String>,
    /// About what.
    pub kinds: Option<Vec<ChangeKind>>,
    /// Whether to call at all.
    pub is_active: Option<bool>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The change's place in the log.
    pub index: u64,
    /// The event, which is also the message's id.
    pub event: EventId,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    pub next_attempt_at: Timestamp,
    /// What the last attempt was answered with.
    pub last_status: Option<u16>,
    /// Why it was not answered, or not well.
    pub last_error: Option<String>,
    /// When it was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// When it was taken.
    pub delivered_at: Option<Timestamp>,
}

/// Adds an address; what happens from now on is told to it. Once for each request.
pub async fn create(
    conn: &mut AsyncPgConnection,
    request: &Request<'_>,
    (id, url, kinds): (WebhookId, &str, &[ChangeKind]),
    person: PersonId,
    moment: &Moment,
    answer: impl FnOnce(&Webhook) -> Value,
) -> Result<Answered, Error> {
    if let Some(answered) = licensing_requests::begin(conn, request, moment).await? {
        return Ok(answered);
    }
    let sequenced: i64 = relay_state::table.select(relay_state::sequenced).first(conn).await?;
    diesel::insert_into(webhooks::table)
        .values((
            webhooks::id.eq(id.as_uuid()),
            webhooks::organisation.eq(request.organisation.as_uuid()),
            webhooks::url.eq(url),
            webhooks::kinds.eq(words(kinds)),
            webhooks::generation.eq(1),
            webhooks::state.eq("active"),
            webhooks::next_index.eq(sequenced),
            webhooks::created_by.eq(person.as_uuid()),
            webhooks::created_at.eq(moment.at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    let webhook = find(conn, id).await?.ok_or_else(|| corrupt(id, "id"))?;
    let answer = answer(&webhook);
    licensing_requests::finish(conn, request, &answer).await?;
    Ok(Answered::Now(answer))
}

/// An organisation's addresses, the oldest first. The connection acts for it.
pub async fn list(conn: &mut AsyncPgConnection) -> Result<Vec<Webhook>, Error> {
    let query = Row::query().filter(webhooks::removed_at.is_null()).order(webhooks::id);
    let rows: Vec<Row> = query.load(conn).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// One of them.
pub async fn find(conn: &mut AsyncPgConnection, id: WebhookId) -> Result<Option<Webhook>, Error> {
    let query = Row::query().filter(webhooks::removed_at.is_null());
    let row: Option<Row> =
        query.filter(webhooks::id.eq(id.as_uuid())).first(conn).await.optional()?;
    Ok(row.map(Webhook::try_from).transpose()?)
}

/// Changes one of them.
pub async fn change(
    conn: &mut AsyncPgConnection,
    id: WebhookId,
    change: &WebhookChange,
) -> Result<Option<Webhook>, Error> {
    let row = || webhooks::table.find(id.as_uuid()).filter(webhooks::removed_at.is_null());
    if let Some(url) = &change.url {
        diesel::update(row()).set(webhooks::url.eq(url)).execute(conn).await?;
    }
    if let Some(kinds) = &change.kinds {
        diesel::update(row()).set(webhooks::kinds.eq(words(kinds))).execute(conn).await?;
    }
    if let Some(is_active) = change.is_active {
        let (state, because) =
            if is_active { ("active", None) } else { ("disabled", Some("you turned it off")) };
        diesel::update(row())
            .set((webhooks::state.eq(state), webhooks::disabled_because.eq(because)))
            .execute(conn)
            .await?;
    }
    find(conn, id).await
}

/// Gives one of them a new secret; the one before holds for another day.
pub async fn rotate(
    conn: &mut AsyncPgConnection,
    id: WebhookId,
    now: Timestamp,
) -> Result<Option<Webhook>, Error> {
    let row = webhooks::table.find(id.as_uuid()).filter(webhooks::removed_at.is_null());
    diesel::update(row)
        .set((
            webhooks::generation.eq(webhooks::generation + 1),
            webhooks::earlier_secret_until.eq((now + EARLIER_SECRET_KEPT).to_diesel()),
        ))
        .execute(conn)
        .await?;
    find(conn, id).await
}

/// Removes one of them; what waits is not told any more. Whether there was one.
pub async fn remove(
    conn: &mut AsyncPgConnection,
    id: WebhookId,
    now: Timestamp,
) -> Result<bool, Error> {
    let row = webhooks::table.find(id.as_uuid()).filter(webhooks::removed_at.is_null());
    let removed = webhooks::removed_at.eq(now.to_diesel());
    Ok(diesel::update(row).set(removed).execute(conn).await? == 1)
}

/// What became of calls to an address, the latest place in the log first.
pub async fn calls(
    conn: &mut AsyncPgConnection,
    id: WebhookId,
    before: Option<u64>,
    limit: i64,
) -> Result<Vec<Call>, Error> {
    let before = before.and_then(|index| i64::try_from(index).ok()).unwrap_or(i64::MAX);
    let rows: Vec<CallRow> = CallRow::query()
        .filter(webhook_calls::webhook.eq(id.as_uuid()))
        .filter(webhook_calls::index.lt(before))
        .order(webhook_calls::index.desc())
        .limit(limit)
        .load(conn)
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// Has changes told again, or for the first time, from a place in the log on: at most
/// [`REPLAYED_AT_MOST`]. Answers how many, and where to go on if that was not all.
pub async fn replay(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    webhook: &Webhook,
    first: u64,
    now: Timestamp,
) -> Result<(usize, Option<u64>), Error> {
    conn.transaction(async |conn| {
        let stretch = changes::from(conn, organisation, first, REPLAYED_AT_MOST).await?;
        let rows: Vec<_> = stretch
            .changes
            .iter()
            .filter(|told| webhook.wants(told.change.kind))
            .map(|told| {
                (
                    webhook_calls::webhook.eq(webhook.id.as_uuid()),
                    webhook_calls::index.eq(i64::try_from(told.index).unwrap_or(i64::MAX)),
                    webhook_calls::organisation.eq(organisation.as_uuid()),
                    webhook_calls::event.eq(told.event.as_uuid()),
                    webhook_calls::state.eq("waiting"),
                    webhook_calls::next_attempt_at.eq(now.to_diesel()),
                )
            })
            .collect();
        diesel::insert_into(webhook_calls::table)
            .values(&rows)
            .on_conflict((webhook_calls::webhook, webhook_calls::index))
            .do_update()
            .set((
                webhook_calls::state.eq("waiting"),
                webhook_calls::attempts.eq(0),
                webhook_calls::next_attempt_at.eq(now.to_diesel()),
                webhook_calls::delivered_at.eq(None::<jiff_diesel::Timestamp>),
            ))
            .execute(conn)
            .await?;
        Ok((rows.len(), stretch.is_full.then_some(stretch.next)))
    })
    .await
}

impl Webhook {
    /// Whether it is to be called about such a change.
    pub fn wants(&self, kind: ChangeKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

fn words(kinds: &[ChangeKind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.as_str()).collect()
}

fn corrupt(id: WebhookId, column: &'static str) -> CorruptRow {
    CorruptRow { table: "webhooks", column, id: id.as_uuid() }
}

/// Kinds as they are stored.
fn kinds(id: Uuid, words: &[String]) -> Result<Vec<ChangeKind>, CorruptRow> {
    words.iter().map(|word| Reader { table: "webhooks", id }.word("kinds", word)).collect()
}

#[derive(HasQuery)]
#[diesel(table_name = webhooks)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    url: String,
    kinds: Vec<String>,
    generation: i32,
    earlier_secret_until: Option<jiff_diesel::Timestamp>,
    disabled_because: Option<String>,
    answered_at: Option<jiff_diesel::Timestamp>,
    created_at: jiff_diesel::Timestamp,
}

impl TryFrom<Row> for Webhook {
    type Error = CorruptRow;

    fn try_from(row: Row) -> Result<Self, CorruptRow> {
        let id = WebhookId::from_uuid(row.id);
        Ok(Self {
            id,
            url: row.url,
            kinds: kinds(row.id, &row.kinds)?,
            generation: u32::try_from(row.generation).map_err(|_| corrupt(id, "generation"))?,
            earlier_secret_until: row.earlier_secret_until.map(Into::into),
            disabled_because: row.disabled_because,
            answered_at: row.answered_at.map(Into::into),
            created_at: row.created_at.into(),
        })
    }
}

#[derive(HasQuery)]
#[diesel(table_name = webhook_calls)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct CallRow {
    index: i64,
    event: Uuid,
    state: String,
    attempts: i32,
    next_attempt_at: jiff_diesel::Timestamp,
    last_status: Option<i16>,
    last_error: Option<String>,
    last_attempt_at: Option<jiff_diesel::Timestamp>,
    delivered_at: Option<jiff_diesel::Timestamp>,
}

impl TryFrom<CallRow> for Call {
    type Error = CorruptRow;

    fn try_from(row: CallRow) -> Result<Self, CorruptRow> {
        let corrupt = |column| CorruptRow { table: "webhook_calls", column, id: row.event };
        let status = |status: i16| u16::try_from(status).map_err(|_| corrupt("last_status"));
        Ok(Self {
            index: changes::place(row.index, row.event)?,
            event: EventId::from_uuid(row.event),
            attempts: u32::try_from(row.attempts).map_err(|_| corrupt("attempts"))?,
            next_attempt_at: row.next_attempt_at.into(),
            last_status: row.last_status.map(status).transpose()?,
            last_error: row.last_error,
            last_attempt_at: row.last_attempt_at.map(Into::into),
            delivered_at: row.delivered_at.map(Into::into),
            state: row.state,
        })
    }
}
