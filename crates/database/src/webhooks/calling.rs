//! The relay's side: which calls there are to make, and what became of them.

use super::kinds;
use crate::{
    CorruptRow, Error, changes,
    schema::{webhook_calls, webhooks},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    change::Change,
    ids::{EventId, WebhookId},
};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Attempts after which a call is given up: with the waits between them, more than three days.
const ATTEMPTS: i32 = 24;
/// However often it failed, a call is tried again within this time.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);
/// An address that answered nothing well for so long is not called any more.
const PATIENCE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Calls that are over are kept so long, to be read.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Entries looked at for one address at a time: nobody's past holds up the others.
const LOOKED_AT: i64 = 200;

/// A call that is to be made now.
#[derive(Clone, Debug)]
pub struct DueCall {
    /// Whom to call.
    pub webhook: WebhookId,
    /// The change's place in the log.
    pub index: i64,
    /// The event: the same id for every attempt.
    pub event: EventId,
    /// When it became true.
    pub at: Timestamp,
    /// What changed.
    pub change: Change,
    /// Where to call.
    pub url: String,
    /// Which secret to sign with.
    pub generation: u32,
    /// Until when to sign with the one before as well.
    pub earlier_secret_until: Option<Timestamp>,
    /// How often it was tried, this time included.
    attempts: i32,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was answered, with this status.
    Answered(u16),
    /// It was not: why.
    Failed(String),
}

/// Finds new changes that somebody wants to hear. Answers how many entries were looked at.
pub async fn find_calls(conn: &mut AsyncPgConnection, now: Timestamp) -> Result<usize, Error> {
    const NEW: &str = "select webhook.id as webhook, webhook.organisation, webhook.kinds,
            leaf.index, leaf.event, event.body
        from lodestone.webhooks webhook
        cross join lateral (select leaf.index, leaf.event from lodestone.log_leaves leaf
            where leaf.organisation = webhook.organisation and webhook.next_index <= leaf.index
            order by leaf.index limit $1) leaf
        join lodestone.events event on event.id = leaf.event
        where webhook.state = 'active' and webhook.removed_at is null
        order by webhook.id, leaf.index limit 5 * $1";
    conn.transaction(async |conn| {
        let rows: Vec<NewRow> =
            diesel::sql_query(NEW).bind::<BigInt, _>(LOOKED_AT).load(conn).await?;
        let mut next = BTreeMap::new();
        let mut calls = Vec::new();
        for row in &rows {
            next.insert(row.webhook, row.index + 1);
            let wanted = kinds(row.webhook, &row.kinds)?;
            let change = changes::change(&row.body, row.event)?;
            if change.is_some_and(|change| wanted.is_empty() || wanted.contains(&change.kind)) {
                calls.push((
                    webhook_calls::webhook.eq(row.webhook),
                    webhook_calls::index.eq(row.index),
                    webhook_calls::organisation.eq(row.organisation),
                    webhook_calls::event.eq(row.event),
                    webhook_calls::state.eq("waiting"),
                    webhook_calls::next_attempt_at.eq(now.to_diesel()),
                ));
            }
        }
        diesel::insert_into(webhook_calls::table)
            .values(&calls)
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        for (webhook, next) in next {
            diesel::update(webhooks::table.find(webhook))
                .set(webhooks::next_index.eq(next))
                .execute(conn)
                .await?;
        }
        Ok(rows.len())
    })
    .await
}

/// The next attempt is due after the first wait, doubled with each attempt before. Of one address at
/// most four at a time: one that is slow does not take all there is.
const CLAIM: &str = "with due as (
        select call.webhook, call.index from lodestone.webhooks webhook
        cross join lateral (select call.webhook, call.index, call.next_attempt_at
            from lodestone.webhook_calls call
            where call.webhook = webhook.id and call.state = 'waiting' and call.next_attempt_at <= $1
            order by call.index limit 4) call
        where webhook.state = 'active' and webhook.removed_at is null
        order by call.next_attempt_at limit $4)
    update lodestone.webhook_calls call
    set attempts = call.attempts + 1,
        next_attempt_at = $1 + least($2 * power(2, call.attempts), $3) * interval '1 second'
    from due
    join lodestone.webhooks webhook on webhook.id = due.webhook,
    lodestone.events event
    where call.webhook = due.webhook and call.index = due.index and event.id = call.event
    returning call.webhook, call.index, call.event, call.attempts, webhook.url, webhook.generation,
        webhook.earlier_secret_until, event.occurred_at, event.body";

/// Claims calls whose attempt is due; they are due again later, unless it is known what became of
/// them.
pub async fn claim(
    conn: &mut AsyncPgConnection,
    now: Timestamp,
    first_wait: SignedDuration,
    most: usize,
) -> Result<Vec<DueCall>, Error> {
    let seconds = |wait: SignedDuration| i32::try_from(wait.as_secs()).unwrap_or(i32::MAX);
    let rows: Vec<DueRow> = diesel::sql_query(CLAIM)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Integer, _>(seconds(first_wait))
        .bind::<Integer, _>(seconds(LONGEST_WAIT))
        .bind::<BigInt, _>(i64::try_from(most).unwrap_or(i64::MAX))
        .load(conn)
        .await?;
    rows.into_iter().filter_map(|row| DueCall::of(row).transpose()).collect()
}

/// Notes what became of an attempt. An address that says it is gone (410), or answers nothing well
/// for days, is not called any more.
pub async fn note(
    conn: &mut AsyncPgConnection,
    call: &DueCall,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<(), Error> {
    let (status, error) = match attempt {
        Attempt::Answered(status) => (Some(i16::try_from(*status).unwrap_or(i16::MAX)), None),
        Attempt::Failed(error) => (None, Some(error.as_str())),
    };
    let is_well = status.is_some_and(|status| (200..300).contains(&status));
    let is_gone = status == Some(410);
    let state = match (is_well, is_gone || ATTEMPTS <= call.attempts) {
        (true, _) => "delivered",
        (false, true) => "failed",
        (false, false) => "waiting",
    };
    let webhook = call.webhook.as_uuid();
    conn.transaction(async |conn| {
        diesel::update(webhook_calls::table.find((webhook, call.index)))
            .set((
                webhook_calls::state.eq(state),
                webhook_calls::last_status.eq(status),
                webhook_calls::last_error.eq(error),
                webhook_calls::last_attempt_at.eq(now.to_diesel()),
                webhook_calls::delivered_at.eq(is_well.then(|| now.to_diesel())),
            ))
            .execute(conn)
            .await?;
        let row = webhooks::table.find(webhook);
        if is_well {
            let answered = webhooks::answered_at.eq(now.to_diesel());
            diesel::update(row).set(answered).execute(conn).await?;
        } else if is_gone {
            let gone = disabled("it answered that it is gone");
            diesel::update(row).set(gone).execute(conn).await?;
        } else if state == "failed" {
            let long_ago = (now - PATIENCE).to_diesel();
            let silent = webhooks::answered_at.is_null().or(webhooks::answered_at.lt(long_ago));
            let given_up = disabled("it answered no call well for three days");
            diesel::update(row.filter(silent)).set(given_up).execute(conn).await?;
        }
        Ok(())
    })
    .await
}

fn disabled(
    because: &str,
) -> (
    diesel::dsl::Eq<webhooks::state, &'static str>,
    diesel::dsl::Eq<webhooks::disabled_because, Option<&str>>,
) {
    (webhooks::state.eq("disabled"), webhooks::disabled_because.eq(Some(because)))
}

/// Forgets calls that were over long ago. Answers how many.
pub async fn forget(conn: &mut AsyncPgConnection, now: Timestamp) -> Result<usize, Error> {
    let over = webhook_calls::table
        .filter(webhook_calls::state.ne("waiting"))
        .filter(webhook_calls::last_attempt_at.lt((now - KEPT).to_diesel()));
    Ok(diesel::delete(over).execute(conn).await?)
}

#[derive(QueryableByName)]
struct NewRow {
    #[diesel(sql_type = SqlUuid)]
    webhook: Uuid,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = Array<Text>)]
    kinds: Vec<String>,
    #[diesel(sql_type = BigInt)]
    index: i64,
    #[diesel(sql_type = SqlUuid)]
    event: Uuid,
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    webhook: Uuid,
    #[diesel(sql_type = BigInt)]
    index: i64,
    #[diesel(sql_type = SqlUuid)]
    event: Uuid,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Text)]
    url: String,
    #[diesel(sql_type = Integer)]
    generation: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    earlier_secret_until: Option<jiff_diesel::Timestamp>,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
}

impl DueCall {
    /// `None` where nothing is told of the event any more.
    fn of(row: DueRow) -> Result<Option<Self>, Error> {
        let Some(change) = changes::change(&row.body, row.event)? else { return Ok(None) };
        let corrupt = CorruptRow { table: "webhooks", column: "generation", id: row.webhook };
        Ok(Some(Self {
            webhook: WebhookId::from_uuid(row.webhook),
            index: row.index,
            event: EventId::from_uuid(row.event),
            at: row.occurred_at.into(),
            change,
            url: row.url,
            generation: u32::try_from(row.generation).map_err(|_| corrupt)?,
            earlier_secret_until: row.earlier_secret_until.map(Into::into),
            attempts: row.attempts,
        }))
    }
}
