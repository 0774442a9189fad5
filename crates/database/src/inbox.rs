//! What a consumer has taken into account already, so that a repeat has no second effect.

use crate::{
    Error,
    schema::{inbox, message_attempts},
};
use diesel::{ExpressionMethods, QueryDsl, sql_types::Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use std::collections::HashSet;
use uuid::Uuid;

/// Accepts messages for a consumer; answers which were not accepted before.
///
/// Call it first inside the transaction of the effect: two that handle the same message at once
/// wait for each other here.
pub async fn accept(
    conn: &mut AsyncPgConnection,
    consumer: &str,
    messages: &[Uuid],
    now: Timestamp,
) -> Result<HashSet<Uuid>, Error> {
    // Sorted, so that two batches that overlap cannot deadlock.
    let mut messages = messages.to_vec();
    messages.sort_unstable();
    messages.dedup();
    let rows: Vec<_> = messages
        .iter()
        .map(|message| {
            (
                inbox::consumer.eq(consumer),
                inbox::message.eq(message),
                inbox::accepted_at.eq(now.to_diesel()),
            )
        })
        .collect();
    let accepted: Vec<Uuid> = diesel::insert_into(inbox::table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(inbox::message)
        .get_results(conn)
        .await?;
    Ok(accepted.into_iter().collect())
}

diesel::define_sql_function! {
    /// The smaller of two numbers.
    fn least(one: Integer, other: Integer) -> Integer;
}

/// Counts a failed attempt, and says how many there were. Commit it by itself: the inbox row of
/// the attempt is rolled back with its effect.
///
/// `failed_before` is what the message says of itself: a replayed one begins again at 0.
pub async fn count_attempt(
    conn: &mut AsyncPgConnection,
    consumer: &str,
    message: Uuid,
    failed_before: u32,
    error: &str,
    now: Timestamp,
) -> Result<u32, Error> {
    let failed_before = i32::try_from(failed_before).unwrap_or(i32::MAX - 1);
    let values =
        (message_attempts::last_error.eq(error), message_attempts::last_at.eq(now.to_diesel()));
    let attempts: i32 = diesel::insert_into(message_attempts::table)
        .values((
            message_attempts::consumer.eq(consumer),
            message_attempts::message.eq(message),
            message_attempts::attempts.eq(failed_before + 1),
            values,
        ))
        .on_conflict((message_attempts::consumer, message_attempts::message))
        .do_update()
        .set((
            message_attempts::attempts.eq(least(message_attempts::attempts, failed_before) + 1),
            values,
        ))
        .returning(message_attempts::attempts)
        .get_result(conn)
        .await?;
    Ok(attempts.unsigned_abs())
}

/// Forgets what was accepted before an instant, long after any repeat can still come.
pub async fn forget(conn: &mut AsyncPgConnection, before: Timestamp) -> Result<usize, Error> {
    let old = inbox::table.filter(inbox::accepted_at.lt(before.to_diesel()));
    Ok(diesel::delete(old).execute(conn).await?)
}
