//! Catalogues that were asked about, with their signed answers: never changed.

use crate::{
    Error,
    cases::Moment,
    events,
    licensing_requests::{self, Answered, Request},
    schema::determination_batches,
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    ids::{DeterminationBatchId, OrganisationId, PersonId},
    regime::RegimeVersion,
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use serde_json::json;
use uuid::Uuid;

/// A batch as it is stored.
#[derive(Clone, Debug)]
pub struct DeterminationBatch {
    /// Which.
    pub id: DeterminationBatchId,
    /// For which organisation it was asked.
    pub organisation: OrganisationId,
    /// By whom.
    pub person: PersonId,
    /// When.
    pub asked_at: Timestamp,
    /// The day it is given for.
    pub as_of: Date,
    /// The version of the law.
    pub regime_version: RegimeVersion,
    /// The question as it came.
    pub question: Vec<u8>,
    /// The bytes that were signed.
    pub signed_content: Vec<u8>,
    /// The key that signed them.
    pub signing_key: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Stores a batch with its event, once for each request; a repeat is answered with the id of then.
pub async fn record(
    conn: &mut AsyncPgConnection,
    request: &Request<'_>,
    batch: &DeterminationBatch,
    items: u32,
    moment: &Moment,
) -> Result<Answered, Error> {
    conn.transaction(async |conn| {
        if let Some(before) = licensing_requests::begin(conn, request, moment).await? {
            return Ok(before);
        }
        insert(conn, batch).await?;
        let event = Event::DeterminationBatchMade {
            batch: batch.id,
            organisation: batch.organisation,
            items,
        };
        let origin = moment.origin(Some(batch.person));
        events::append(conn, &origin, batch.id.as_uuid(), &event).await?;
        let answer = json!({"batch": batch.id});
        licensing_requests::finish(conn, request, &answer).await?;
        Ok(Answered::Now(answer))
    })
    .await
}

async fn insert(conn: &mut AsyncPgConnection, batch: &DeterminationBatch) -> Result<(), Error> {
    diesel::insert_into(determination_batches::table)
        .values((
            determination_batches::id.eq(batch.id.as_uuid()),
            determination_batches::organisation.eq(batch.organisation.as_uuid()),
            determination_batches::person.eq(batch.person.as_uuid()),
            determination_batches::asked_at.eq(batch.asked_at.to_diesel()),
            determination_batches::as_of.eq(batch.as_of.to_diesel()),
            determination_batches::regime_version.eq(batch.regime_version.as_str()),
            determination_batches::question.eq(&batch.question),
            determination_batches::signed_content.eq(&batch.signed_content),
            determination_batches::signing_key.eq(&batch.signing_key),
            determination_batches::signature.eq(&batch.signature),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Finds a batch. `None` is an ordinary answer.
pub async fn find(
    conn: &mut AsyncPgConnection,
    id: DeterminationBatchId,
) -> Result<Option<DeterminationBatch>, Error> {
    let row: Option<Row> = Row::query()
        .filter(determination_batches::id.eq(id.as_uuid()))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(DeterminationBatch::from))
}

#[derive(HasQuery)]
#[diesel(table_name = determination_batches)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    organisation: Uuid,
    person: Uuid,
    asked_at: jiff_diesel::Timestamp,
    as_of: jiff_diesel::Date,
    regime_version: String,
    question: Vec<u8>,
    signed_content: Vec<u8>,
    signing_key: String,
    signature: Vec<u8>,
}

impl From<Row> for DeterminationBatch {
    fn from(row: Row) -> Self {
        Self {
            id: DeterminationBatchId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation),
            person: PersonId::from_uuid(row.person),
            asked_at: row.asked_at.into(),
            as_of: row.as_of.into(),
            regime_version: row.regime_version.parse().unwrap_or_else(|never| match never {}),
            question: row.question,
            signed_content: row.signed_content,
            signing_key: row.signing_key,
            signature: row.signature,
        }
    }
}
