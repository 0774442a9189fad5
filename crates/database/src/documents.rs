//! The papers of applications: what they are called, how they were found, where their bytes lie.
//!
//! The bytes are in the object store under the document's id. A paper of the same kind and name is
//! a new version; nothing is ever replaced or removed.

use crate::{
    Error,
    cases::Moment,
    events,
    licensing_requests::{self, Answered, Request},
    schema::{application_documents, cases},
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl, dsl::max};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    ids::{CaseId, DocumentId, OrganisationId, PersonId},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Papers of one application at most, versions counted.
pub const PAPERS_AT_MOST: i64 = 500;

/// A paper that is handed in.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Its id, made by the caller; its bytes lie under it.
    pub id: DocumentId,
    /// Whose application it is.
    pub organisation: OrganisationId,
    /// Which application.
    pub case: CaseId,
    /// Which of the papers that are asked for.
    pub kind: String,
    /// What the file is called.
    pub name: String,
    /// What it was found to be.
    pub media_type: String,
    /// How large it is.
    pub size_bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Whether a scanner looked at it.
    pub scanned: bool,
    /// Who handed it in; nobody where an end user released it.
    pub person: Option<PersonId>,
}

/// A paper as it is stored.
#[derive(Clone, Debug)]
pub struct DocumentRecord {
    /// Its id.
    pub id: DocumentId,
    /// Which of the papers that are asked for.
    pub kind: String,
    /// What the file is called.
    pub name: String,
    /// Which version of the paper of this kind and name.
    pub version: u32,
    /// What it was found to be.
    pub media_type: String,
    /// How large it is.
    pub size_bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: Vec<u8>,
    /// Whether a scanner looked at it.
    pub scanned: bool,
    /// Who handed it in.
    pub uploaded_by: Option<PersonId>,
    /// When.
    pub uploaded_at: Timestamp,
}

/// Why a paper was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// There is no such application, or not for whoever asked.
    #[error("there is no such application")]
    NoSuchCase,
    /// The application has as many as it may have.
    #[error("the application has {PAPERS_AT_MOST} papers already")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<diesel::result::Error> for DocumentError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Adds a paper with its event, once for each request; `answer` is kept for repeats.
pub async fn add(
    conn: &mut AsyncPgConnection,
    request: Option<&Request<'_>>,
    new: &NewDocument,
    moment: &Moment,
    answer: impl FnOnce(&DocumentRecord) -> Value + Send,
) -> Result<Answered, DocumentError> {
    conn.transaction(async |conn| {
        if let Some(request) = request
            && let Some(before) = licensing_requests::begin(conn, request, moment).await?
        {
            return Ok(before);
        }
        // Of two of one name at once the second waits here, and becomes the next version.
        let locked = cases::table.filter(cases::id.eq(new.case.as_uuid())).select(cases::id);
        let found: Option<Uuid> = locked.for_update().first(conn).await.optional()?;
        found.ok_or(DocumentError::NoSuchCase)?;
        if PAPERS_AT_MOST <= count(conn, new.case).await? {
            return Err(DocumentError::TooMany);
        }
        let record = insert(conn, new, moment).await?;
        let answer = answer(&record);
        if let Some(request) = request {
            licensing_requests::finish(conn, request, &answer).await?;
        }
        Ok(Answered::Now(answer))
    })
    .await
}

async fn insert(
    conn: &mut AsyncPgConnection,
    new: &NewDocument,
    moment: &Moment,
) -> Result<DocumentRecord, Error> {
    let (case, id) = (new.case.as_uuid(), new.id.as_uuid());
    let last: Option<i32> = application_documents::table
        .filter(application_documents::case_id.eq(case))
        .filter(application_documents::kind.eq(&new.kind))
        .filter(application_documents::name.eq(&new.name))
        .select(max(application_documents::version))
        .first(conn)
        .await?;
    diesel::insert_into(application_documents::table)
        .values((
            application_documents::id.eq(id),
            application_documents::organisation.eq(new.organisation.as_uuid()),
            application_documents::case_id.eq(case),
            application_documents::kind.eq(&new.kind),
            application_documents::name.eq(&new.name),
            application_documents::version.eq(last.unwrap_or(0) + 1),
            application_documents::media_type.eq(&new.media_type),
            application_documents::size_bytes.eq(i64::try_from(new.size_bytes).unwrap_or(i64::MAX)),
            application_documents::sha256.eq(new.sha256.as_slice()),
            application_documents::scanned.eq(new.scanned),
            application_documents::uploaded_by.eq(new.person.map(PersonId::as_uuid)),
            application_documents::uploaded_at.eq(moment.at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    let record: Row = Row::query().filter(application_documents::id.eq(id)).first(conn).await?;
    let record = DocumentRecord::from(record);
    let event = Event::DocumentAdded {
        document: new.id,
        case: new.case,
        organisation: new.organisation,
        kind: new.kind.clone(),
        version: record.version,
        sha256: hex::encode(new.sha256),
    };
    events::append(conn, &moment.origin(new.person), case, &event).await?;
    Ok(record)
}

async fn count(conn: &mut AsyncPgConnection, case: CaseId) -> Result<i64, Error> {
    Ok(application_documents::table
        .filter(application_documents::case_id.eq(case.as_uuid()))
        .count()
        .get_result(conn)
        .await?)
}

/// The papers of an application, the oldest first.
pub async fn of_case(
    conn: &mut AsyncPgConnection,
    case: CaseId,
) -> Result<Vec<DocumentRecord>, Error> {
    let rows: Vec<Row> = Row::query()
        .filter(application_documents::case_id.eq(case.as_uuid()))
        .order(application_documents::id)
        .limit(PAPERS_AT_MOST)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(DocumentRecord::from).collect())
}

/// Which kinds of papers an application has.
pub async fn kinds_of_case(
    conn: &mut AsyncPgConnection,
    case: CaseId,
) -> Result<BTreeSet<String>, Error> {
    let kinds: Vec<String> = application_documents::table
        .filter(application_documents::case_id.eq(case.as_uuid()))
        .select(application_documents::kind)
        .distinct()
        .load(conn)
        .await?;
    Ok(kinds.into_iter().collect())
}

/// Finds a paper of an application. `None` is an ordinary answer.
pub async fn find(
    conn: &mut AsyncPgConnection,
    case: CaseId,
    id: DocumentId,
) -> Result<Option<DocumentRecord>, Error> {
    let row: Option<Row> = Row::query()
        .filter(application_documents::id.eq(id.as_uuid()))
        .filter(application_documents::case_id.eq(case.as_uuid()))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(DocumentRecord::from))
}

#[derive(HasQuery)]
#[diesel(table_name = application_documents)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    kind: String,
    name: String,
    version: i32,
    media_type: String,
    size_bytes: i64,
    sha256: Vec<u8>,
    scanned: bool,
    uploaded_by: Option<Uuid>,
    uploaded_at: jiff_diesel::Timestamp,
}

impl From<Row> for DocumentRecord {
    fn from(row: Row) -> Self {
        Self {
            id: DocumentId::from_uuid(row.id),
            kind: row.kind,
            name: row.name,
            version: row.version.unsigned_abs(),
            media_type: row.media_type,
            size_bytes: row.size_bytes.unsigned_abs(),
            sha256: row.sha256,
            scanned: row.scanned,
            uploaded_by: row.uploaded_by.map(PersonId::from_uuid),
            uploaded_at: row.uploaded_at.into(),
        }
    }
}
