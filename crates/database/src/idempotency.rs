//! Requests that may come twice and must have one effect, for everything but filings.
//!
//! A key is claimed first in the transaction of its effect: of two requests at once the second
//! waits, and then finds the first one's answer. Filings claim theirs in the filing writer.

use crate::{ChangeError, Error, act_for, schema::idempotency_keys};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::ids::OrganisationId;
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use serde_json::Value;
use uuid::Uuid;

/// A request with the key its caller chose.
#[derive(Clone, Debug)]
pub struct KeyedRequest {
    /// Whose keys these are: the caller's organisation.
    pub organisation: OrganisationId,
    /// The key.
    pub key: String,
    /// A fingerprint of what was asked, its address included.
    pub hash: [u8; 32],
    /// What the effect is about.
    pub subject: Uuid,
    /// What a repeat is answered; secrets are shown once and left out of it.
    pub answer: Value,
}

/// Claims the key, inside the transaction of the effect and before it.
///
/// Answers [`ChangeError::Repeated`] or [`ChangeError::KeyReused`] when it is not free, which
/// rolls the transaction back.
pub async fn claim(
    conn: &mut AsyncPgConnection,
    request: Option<&KeyedRequest>,
    at: Timestamp,
) -> Result<(), ChangeError> {
    let Some(request) = request else { return Ok(()) };
    let organisation = request.organisation.as_uuid();
    let claimed = diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::organisation.eq(organisation),
            idempotency_keys::key.eq(&request.key),
            idempotency_keys::request_hash.eq(request.hash.as_slice()),
            idempotency_keys::subject.eq(request.subject),
            idempotency_keys::answer.eq(&request.answer),
            idempotency_keys::created_at.eq(at.to_diesel()),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    if claimed == 1 {
        return Ok(());
    }
    let (hash, answer): (Vec<u8>, Value) = idempotency_keys::table
        .find((organisation, &request.key))
        .select((idempotency_keys::request_hash, idempotency_keys::answer))
        .first(conn)
        .await?;
    Err(if hash == request.hash { ChangeError::Repeated(answer) } else { ChangeError::KeyReused })
}

/// The fingerprint of the request that a key stands for, and what was answered; `None` when the
/// key is free.
pub async fn find(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    key: &str,
) -> Result<Option<(Vec<u8>, Value)>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let found = idempotency_keys::table
            .find((organisation.as_uuid(), key))
            .select((idempotency_keys::request_hash, idempotency_keys::answer))
            .first(conn)
            .await
            .optional()?;
        Ok(found)
    })
    .await
}
