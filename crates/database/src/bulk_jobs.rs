//! Files of many filings: the job that each one is, what became of its lines, and how an
//! organisation names its columns.
//!
//! Verdicts are written by the filing writer, in the transaction of what they tell
//! ([`BulkVerdicts`](crate::filing_writer::BulkVerdicts)); here they are read. Everything is one
//! organisation's own.

use crate::{
    CorruptRow, Error, act_for,
    row::Reader,
    schema::{bulk_jobs, bulk_mappings, bulk_verdicts, parties},
};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl,
    dsl::{count_star, max, sum},
    upsert::excluded,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::ids::{OrganisationId, PersonId};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel;
use serde_json::Value;
use uuid::Uuid;

/// How long the verdicts of a file are kept.
pub const KEPT_DAYS: i64 = 90;

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Its lines are still to be dealt with, or some of them.
    Waiting,
    /// Every line has its verdict.
    Finished(Timestamp),
    /// The file as a whole could not be dealt with, and why, as JSON.
    Failed(Timestamp, String),
}

/// A file that was handed in.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub organisation: OrganisationId,
    /// `validate` or `commit`.
    pub mode: String,
    /// `ndjson`, `csv` or `xlsx`.
    pub format: String,
    /// Whether all lines are recorded or none.
    pub atomic: bool,
    /// In which language its verdicts are.
    pub language: String,
    /// Who handed it in.
    pub person: PersonId,
    /// When.
    pub received_at: Timestamp,
    /// Its length.
    pub bytes: i64,
    /// SHA-256 of it.
    pub sha256: Vec<u8>,
    /// Where it stands.
    pub state: JobState,
}

/// How many lines have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Recorded, or would be.
    pub accepted: i64,
    /// Recorded before, exactly so.
    pub unchanged: i64,
    /// Recorded before, differently.
    pub changed: i64,
    /// Cannot be recorded.
    pub problems: i64,
    /// Recorded, but look like a slip.
    pub warnings: i64,
    /// How far into the file the verdicts reach.
    pub read_bytes: i64,
    /// Chunks of verdicts.
    pub chunks: i64,
}

/// Stores a job, and forgets those of this organisation that are long dealt with.
///
/// `false` when the job is there already: the same request was made before.
pub async fn create(conn: &mut AsyncPgConnection, job: &Job) -> Result<bool, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[job.organisation]).await?;
        forget_old(conn, job).await?;
        let stored = diesel::insert_into(bulk_jobs::table)
            .values((
                bulk_jobs::organisation.eq(job.organisation.as_uuid()),
                bulk_jobs::id.eq(job.id),
                bulk_jobs::mode.eq(&job.mode),
                bulk_jobs::format.eq(&job.format),
                bulk_jobs::atomic.eq(job.atomic),
                bulk_jobs::language.eq(&job.language),
                bulk_jobs::person.eq(job.person.as_uuid()),
                bulk_jobs::received_at.eq(job.received_at.to_diesel()),
                bulk_jobs::bytes.eq(job.bytes),
                bulk_jobs::sha256.eq(&job.sha256),
            ))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        Ok(stored == 1)
    })
    .await
}

async fn forget_old(conn: &mut AsyncPgConnection, job: &Job) -> Result<(), Error> {
    let age = SignedDuration::from_hours(24 * KEPT_DAYS);
    let Ok(oldest) = job.received_at.checked_sub(age) else { return Ok(()) };
    let owner = job.organisation.as_uuid();
    let old: Vec<Uuid> = bulk_jobs::table
        .filter(bulk_jobs::organisation.eq(owner))
        .filter(bulk_jobs::received_at.lt(oldest.to_diesel()))
        .filter(bulk_jobs::state.ne("waiting"))
        .select(bulk_jobs::id)
        .limit(100)
        .load(conn)
        .await?;
    if old.is_empty() {
        return Ok(());
    }
    let verdicts = bulk_verdicts::table
        .filter(bulk_verdicts::organisation.eq(owner))
        .filter(bulk_verdicts::job.eq_any(&old));
    diesel::delete(verdicts).execute(conn).await?;
    let jobs = bulk_jobs::table
        .filter(bulk_jobs::organisation.eq(owner))
        .filter(bulk_jobs::id.eq_any(&old));
    diesel::delete(jobs).execute(conn).await?;
    Ok(())
}

/// Ends a job; one that has ended stays as it is.
pub async fn end(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    id: Uuid,
    state: &JobState,
) -> Result<(), Error> {
    let (word, at, failure) = match state {
        JobState::Waiting => return Ok(()),
        JobState::Finished(at) => ("finished", at, None),
        JobState::Failed(at, failure) => ("failed", at, Some(failure)),
    };
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let waiting = bulk_jobs::table
            .find((organisation.as_uuid(), id))
            .filter(bulk_jobs::state.eq("waiting"));
        diesel::update(waiting)
            .set((
                bulk_jobs::state.eq(word),
                bulk_jobs::finished_at.eq(at.to_diesel()),
                bulk_jobs::failure.eq(failure),
            ))
            .execute(conn)
            .await?;
        Ok(())
    })
    .await
}

type JobColumns = (
    (Uuid, String, String, bool, String, Uuid),
    (jiff_diesel::Timestamp, i64, Vec<u8>),
    (String, Option<jiff_diesel::Timestamp>, Option<String>),
);

/// A job with the counts of its verdicts; `None` when this organisation has none of that id.
pub async fn find(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    id: Uuid,
) -> Result<Option<(Job, Counts)>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let owner = organisation.as_uuid();
        let row: Option<JobColumns> = bulk_jobs::table
            .find((owner, id))
            .select((
                (
                    bulk_jobs::id,
                    bulk_jobs::mode,
                    bulk_jobs::format,
                    bulk_jobs::atomic,
                    bulk_jobs::language,
                    bulk_jobs::person,
                ),
                (bulk_jobs::received_at, bulk_jobs::bytes, bulk_jobs::sha256),
                (bulk_jobs::state, bulk_jobs::finished_at, bulk_jobs::failure),
            ))
            .first(conn)
            .await
            .optional()?;
        let Some(row) = row else { return Ok(None) };
        let counts = counts(conn, owner, id).await?;
        Ok(Some((job(organisation, row)?, counts)))
    })
    .await
}

fn job(organisation: OrganisationId, row: JobColumns) -> Result<Job, CorruptRow> {
    let ((id, mode, format, atomic, language, person), (received_at, bytes, sha256), end) = row;
    let state = match (end.0.as_str(), end.1, end.2) {
        ("waiting", None, None) => JobState::Waiting,
        ("finished", Some(at), None) => JobState::Finished(at.to_jiff()),
        ("failed", Some(at), Some(failure)) => JobState::Failed(at.to_jiff(), failure),
        _ => return Err(Reader { table: "bulk_jobs", id }.corrupt("state")),
    };
    let (person, received_at) = (PersonId::from_uuid(person), received_at.to_jiff());
    Ok(Job {
        id,
        organisation,
        mode,
        format,
        atomic,
        language,
        person,
        received_at,
        bytes,
        sha256,
        state,
    })
}

async fn counts(conn: &mut AsyncPgConnection, owner: Uuid, job: Uuid) -> Result<Counts, Error> {
    type Sums = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, i64);
    let (accepted, unchanged, changed, problems, warnings, read_bytes, chunks): Sums =
        bulk_verdicts::table
            .filter(bulk_verdicts::organisation.eq(owner))
            .filter(bulk_verdicts::job.eq(job))
            .select((
                sum(bulk_verdicts::accepted),
                sum(bulk_verdicts::unchanged),
                sum(bulk_verdicts::changed),
                sum(bulk_verdicts::problems),
                sum(bulk_verdicts::warnings),
                max(bulk_verdicts::read_bytes),
                count_star(),
            ))
            .first(conn)
            .await?;
    Ok(Counts {
        accepted: accepted.unwrap_or(0),
        unchanged: unchanged.unwrap_or(0),
        changed: changed.unwrap_or(0),
        problems: problems.unwrap_or(0),
        warnings: warnings.unwrap_or(0),
        read_bytes: read_bytes.unwrap_or(0),
        chunks,
    })
}

/// Which lines of a job have a verdict, chunk by chunk, from this chunk on; at most so many chunks.
pub async fn lines_done(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    job: Uuid,
    from_chunk: i32,
    most: i64,
) -> Result<Vec<(i32, Vec<i64>)>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let rows: Vec<(i32, Vec<i64>)> = of_job(organisation, job)
            .filter(bulk_verdicts::chunk.ge(from_chunk))
            .order(bulk_verdicts::chunk)
            .select((bulk_verdicts::chunk, bulk_verdicts::lines))
            .limit(most)
            .load(conn)
            .await?;
        Ok(rows)
    })
    .await
}

/// The packed verdicts of a job from this chunk on; at most so many chunks.
pub async fn verdicts(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    job: Uuid,
    from_chunk: i32,
    most: i64,
) -> Result<Vec<(i32, Vec<u8>)>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        Ok(of_job(organisation, job)
            .filter(bulk_verdicts::chunk.ge(from_chunk))
            .order(bulk_verdicts::chunk)
            .select((bulk_verdicts::chunk, bulk_verdicts::verdicts))
            .limit(most)
            .load(conn)
            .await?)
    })
    .await
}

/// The packed lines to be corrected, from this chunk on; at most so many chunks that have any.
pub async fn rejected(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    job: Uuid,
    from_chunk: i32,
    most: i64,
) -> Result<Vec<(i32, Vec<u8>)>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let rows: Vec<(i32, Option<Vec<u8>>)> = of_job(organisation, job)
            .filter(bulk_verdicts::chunk.ge(from_chunk))
            .filter(bulk_verdicts::rejected.is_not_null())
            .order(bulk_verdicts::chunk)
            .select((bulk_verdicts::chunk, bulk_verdicts::rejected))
            .limit(most)
            .load(conn)
            .await?;
        Ok(rows.into_iter().filter_map(|(chunk, lines)| Some((chunk, lines?))).collect())
    })
    .await
}

#[diesel::dsl::auto_type]
fn of_job(organisation: OrganisationId, job: Uuid) -> _ {
    let owner: Uuid = organisation.as_uuid();
    bulk_verdicts::table
        .filter(bulk_verdicts::organisation.eq(owner))
        .filter(bulk_verdicts::job.eq(job))
}

/// How an organisation's own headings map to fields, as it was last stored.
pub async fn mapping(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
) -> Result<Option<Value>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        Ok(bulk_mappings::table
            .find(organisation.as_uuid())
            .select(bulk_mappings::mapping)
            .first(conn)
            .await
            .optional()?)
    })
    .await
}

/// Stores how an organisation's own headings map to fields.
pub async fn set_mapping(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    mapping: &Value,
    by: PersonId,
    at: Timestamp,
) -> Result<(), Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        diesel::insert_into(bulk_mappings::table)
            .values((
                bulk_mappings::organisation.eq(organisation.as_uuid()),
                bulk_mappings::mapping.eq(mapping),
                bulk_mappings::changed_at.eq(at.to_diesel()),
                bulk_mappings::changed_by.eq(by.as_uuid()),
            ))
            .on_conflict(bulk_mappings::organisation)
            .do_update()
            .set((
                bulk_mappings::mapping.eq(excluded(bulk_mappings::mapping)),
                bulk_mappings::changed_at.eq(excluded(bulk_mappings::changed_at)),
                bulk_mappings::changed_by.eq(excluded(bulk_mappings::changed_by)),
            ))
            .execute(conn)
            .await?;
        Ok(())
    })
    .await
}

/// The names, identifiers and countries of clients and suppliers that an organisation has filed,
/// for its own people to choose from.
pub async fn partners(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    most: i64,
) -> Result<Vec<(String, Option<String>, String)>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        Ok(parties::table
            .filter(parties::organisation.eq(organisation.as_uuid()))
            .order((parties::name, parties::id))
            .select((parties::name, parties::identifier, parties::country))
            .limit(most)
            .load(conn)
            .await?)
    })
    .await
}
