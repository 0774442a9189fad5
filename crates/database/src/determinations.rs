//! Determinations as they were given: question, answer and signature, never changed.

use crate::{
    Error,
    cases::Moment,
    events,
    licensing_requests::{self, Answered, Request},
    schema::determinations,
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    ids::{DeterminationId, OrganisationId, PersonId},
    regime::RegimeVersion,
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use serde_json::Value;
use uuid::Uuid;

/// A determination as it is stored.
#[derive(Clone, Debug)]
pub struct DeterminationRecord {
    /// Which.
    pub id: DeterminationId,
    /// For which organisation it was asked.
    pub organisation: Option<OrganisationId>,
    /// By whom.
    pub person: Option<PersonId>,
    /// When.
    pub asked_at: Timestamp,
    /// The day it is given for.
    pub as_of: Date,
    /// The version of the law.
    pub regime_version: RegimeVersion,
    /// The question as it was asked.
    pub question: Value,
    /// The answer as it was given.
    pub answer: Value,
    /// The bytes that were signed.
    pub signed_content: Vec<u8>,
    /// The key that signed them.
    pub signing_key: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Stores a determination with its event, once for each request; `answer` is kept for repeats.
pub async fn record(
    conn: &mut AsyncPgConnection,
    request: Option<&Request<'_>>,
    record: &DeterminationRecord,
    answer: &Value,
    moment: &Moment,
) -> Result<Answered, Error> {
    conn.transaction(async |conn| {
        if let Some(request) = request
            && let Some(before) = licensing_requests::begin(conn, request, moment).await?
        {
            return Ok(before);
        }
        insert(conn, record, moment).await?;
        if let Some(request) = request {
            licensing_requests::finish(conn, request, answer).await?;
        }
        Ok(Answered::Now(answer.clone()))
    })
    .await
}

async fn insert(
    conn: &mut AsyncPgConnection,
    record: &DeterminationRecord,
    moment: &Moment,
) -> Result<(), Error> {
    diesel::insert_into(determinations::table)
        .values((
            determinations::id.eq(record.id.as_uuid()),
            determinations::organisation.eq(record.organisation.map(OrganisationId::as_uuid)),
            determinations::person.eq(record.person.map(PersonId::as_uuid)),
            determinations::asked_at.eq(record.asked_at.to_diesel()),
            determinations::as_of.eq(record.as_of.to_diesel()),
            determinations::regime_version.eq(record.regime_version.as_str()),
            determinations::question.eq(&record.question),
            determinations::answer.eq(&record.answer),
            determinations::signed_content.eq(&record.signed_content),
            determinations::signing_key.eq(&record.signing_key),
            determinations::signature.eq(&record.signature),
        ))
        .execute(conn)
        .await?;
    let event =
        Event::DeterminationMade { determination: record.id, organisation: record.organisation };
    events::append(conn, &moment.origin(record.person), record.id.as_uuid(), &event).await
}

/// Finds a determination. `None` is an ordinary answer.
pub async fn find(
    conn: &mut AsyncPgConnection,
    id: DeterminationId,
) -> Result<Option<DeterminationRecord>, Error> {
    let row: Option<Row> =
        Row::query().filter(determinations::id.eq(id.as_uuid())).first(conn).await.optional()?;
    Ok(row.map(DeterminationRecord::from))
}

#[derive(HasQuery)]
#[diesel(table_name = determinations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    organisation: Option<Uuid>,
    person: Option<Uuid>,
    asked_at: jiff_diesel::Timestamp,
    as_of: jiff_diesel::Date,
    regime_version: String,
    question: Value,
    answer: Value,
    signed_content: Vec<u8>,
    signing_key: String,
    signature: Vec<u8>,
}

impl From<Row> for DeterminationRecord {
    fn from(row: Row) -> Self {
        Self {
            id: DeterminationId::from_uuid(row.id),
            organisation: row.organisation.map(OrganisationId::from_uuid),
            person: row.person.map(PersonId::from_uuid),
            asked_at: row.asked_at.into(),
            as_of: row.as_of.into(),
            regime_version: row.regime_version.parse().unwrap_or_else(|never| match never {}),
            question: row.question,
            answer: row.answer,
            signed_content: row.signed_content,
            signing_key: row.signing_key,
            signature: row.signature,
        }
    }
}
