//! Requests that created something in licensing, remembered with what they were answered.

use crate::{Error, cases::Moment, schema::licensing_requests};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::ids::OrganisationId;
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use serde_json::Value;

/// A request as its repeat is recognised.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Whose.
    pub organisation: OrganisationId,
    /// The idempotency key; keys of different resources never meet.
    pub key: &'a str,
    /// A fingerprint of the body.
    pub hash: [u8; 32],
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It had its effect now.
    Now(Value),
    /// It had its effect before; this is the answer of then.
    Before(Value),
    /// The key was used for another request.
    KeyReused,
}

/// Notes a request inside the transaction of its effect; the answer if it had its effect before.
///
/// Of two at once the second waits here, and then finds the first.
pub async fn begin(
    conn: &mut AsyncPgConnection,
    request: &Request<'_>,
    moment: &Moment,
) -> Result<Option<Answered>, Error> {
    let first = diesel::insert_into(licensing_requests::table)
        .values((
            licensing_requests::organisation.eq(request.organisation.as_uuid()),
            licensing_requests::key.eq(request.key),
            licensing_requests::request_hash.eq(request.hash.as_slice()),
            licensing_requests::answer.eq(Value::Null),
            licensing_requests::created_at.eq(moment.at.to_diesel()),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    if first == 1 { Ok(None) } else { remembered(conn, request).await.map(Some) }
}

/// Keeps the answer of a request, in the transaction of its effect.
pub async fn finish(
    conn: &mut AsyncPgConnection,
    request: &Request<'_>,
    answer: &Value,
) -> Result<(), Error> {
    let row = licensing_requests::table
        .filter(licensing_requests::organisation.eq(request.organisation.as_uuid()))
        .filter(licensing_requests::key.eq(request.key));
    diesel::update(row).set(licensing_requests::answer.eq(answer)).execute(conn).await?;
    Ok(())
}

async fn remembered(
    conn: &mut AsyncPgConnection,
    request: &Request<'_>,
) -> Result<Answered, Error> {
    let found: Option<(Vec<u8>, Value)> = licensing_requests::table
        .filter(licensing_requests::organisation.eq(request.organisation.as_uuid()))
        .filter(licensing_requests::key.eq(request.key))
        .select((licensing_requests::request_hash, licensing_requests::answer))
        .first(conn)
        .await
        .optional()?;
    Ok(match found {
        Some((hash, answer)) if hash == request.hash => Answered::Before(answer),
        _ => Answered::KeyReused,
    })
}

/// Forgets requests from before an instant, long after any repeat can still come.
pub async fn forget(conn: &mut AsyncPgConnection, before: Timestamp) -> Result<usize, Error> {
    let old =
        licensing_requests::table.filter(licensing_requests::created_at.lt(before.to_diesel()));
    Ok(diesel::delete(old).execute(conn).await?)
}
