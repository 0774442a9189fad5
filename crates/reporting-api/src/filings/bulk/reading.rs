//! What became of a file: its job, its verdicts page by page, and the lines to be sent again.

use super::verdict::Told;
use crate::reading::ReadingPools;
use actix_web::{
    HttpResponse, get,
    web::{self, Bytes},
};
use database::{
    Pool,
    bulk_jobs::{self, Counts, Job, JobState},
};
use domain::ids::OrganisationId;
use flate2::read::DeflateDecoder;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use service::{
    cursor,
    identity::Reporter,
    problem::{Location, Problem, ProblemDetails, Violation},
    secret::ServerSecret,
};
use std::io::Read;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const PAGE_DEFAULT: usize = 500;
const PAGE_LIMIT: usize = 1_000;
/// A chunk's verdicts are never longer than this.
const UNPACKED_LIMIT_BYTES: u64 = 64 << 20;

/// A file that was handed in, and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    /// Its id.
    id: Uuid,
    /// `waiting` until every line has its verdict, then `finished`; `failed` when the file as a
    /// whole cannot be dealt with.
    #[schema(example = "finished")]
    state: &'static str,
    /// `validate` or `commit`.
    mode: String,
    /// `ndjson`, `csv` or `xlsx`.
    format: String,
    /// Whether all lines are recorded or none.
    atomic: bool,
    /// When it was received.
    received_at: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    /// Its length.
    bytes: i64,
    /// How far its verdicts reach.
    read_bytes: i64,
    /// Filings that were recorded, or would be.
    accepted: i64,
    /// Filings that had been recorded before, exactly so.
    unchanged: i64,
    /// Filings whose reference had been recorded with other content: they need a correction.
    changed: i64,
    /// Filings that cannot be recorded.
    problems: i64,
    /// Filings that look like a slip.
    warnings: i64,
    /// What is wrong with the file as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Told>>)]
    refused: Option<Box<RawValue>>,
}

impl JobView {
    fn of(job: Job, counts: Counts) -> Self {
        let (state, finished_at, refused) = match job.state {
            JobState::Waiting => ("waiting", None, None),
            JobState::Finished(at) => ("finished", Some(at), None),
            JobState::Failed(at, why) => ("failed", Some(at), RawValue::from_string(why).ok()),
        };
        Self {
            id: job.id,
            state,
            mode: job.mode,
            format: job.format,
            atomic: job.atomic,
            received_at: job.received_at.to_string(),
            finished_at: finished_at.map(|at| at.to_string()),
            bytes: job.bytes,
            read_bytes: counts.read_bytes,
            accepted: counts.accepted,
            unchanged: counts.unchanged,
            changed: counts.changed,
            problems: counts.problems,
            warnings: counts.warnings,
            refused,
        }
    }
}

/// A file that was handed in: how far it has come, and how many lines have which verdict.
#[utoipa::path(
    tag = "filings",
    params(("job" = Uuid, Path)),
    responses((status = 200, body = JobView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/filings/bulk/{job}")]
pub async fn find(
    pools: web::Data<ReadingPools>,
    reporter: Reporter,
    job: web::Path<Uuid>,
) -> Result<web::Json<JobView>, Problem> {
    let (job, counts) = job_of(&pools.reporting, reporter.organisation, *job).await?;
    Ok(web::Json(JobView::of(job, counts)))
}

pub(super) async fn job_of(
    pool: &Pool,
    organisation: OrganisationId,
    job: Uuid,
) -> Result<(Job, Counts), Problem> {
    let mut conn = pool.get().await.map_err(database::Error::from)?;
    bulk_jobs::find(&mut conn, organisation, job).await?.ok_or(Problem::NotFound("job"))
}

/// Which verdicts to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct VerdictsQuery {
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 1,000.
    limit: Option<usize>,
}

/// Verdicts, in the order in which they were reached.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerdictPage {
    /// One each filing.
    #[schema(value_type = Vec<super::Verdict>)]
    verdicts: Vec<Box<RawValue>>,
    /// Where the list goes on; absent at its end so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What became of each filing of a file, as far as it was dealt with.
#[utoipa::path(
    tag = "filings",
    params(("job" = Uuid, Path), VerdictsQuery),
    responses((status = 200, body = VerdictPage), (status = 404, body = ProblemDetails))
)]
#[get("/v1/filings/bulk/{job}/verdicts")]
pub async fn verdicts(
    pools: web::Data<ReadingPools>,
    secret: web::Data<ServerSecret>,
    reporter: Reporter,
    job: web::Path<Uuid>,
    query: web::Query<VerdictsQuery>,
) -> Result<web::Json<VerdictPage>, Problem> {
    let limit = query.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_LIMIT).contains(&limit) {
        let location = Location::Parameter { parameter: "limit".to_owned() };
        let (detail, expected) = (format!("{limit} per page"), Some(format!("1 to {PAGE_LIMIT}")));
        let code = "out_of_range".into();
        let violation = Violation { location, code, detail, expected };
        return Err(Problem::InvalidParameter(Box::new(violation)));
    }
    let organisation = reporter.organisation;
    job_of(&pools.reporting, organisation, *job).await?;
    let list = format!("verdicts of {job}");
    // Which chunk, and how many of its verdicts were shown.
    let place: Option<(i32, usize)> =
        query.cursor.as_deref().map(|sealed| cursor::open(&secret, &list, sealed)).transpose()?;
    let (mut chunk, mut shown) = place.unwrap_or((0, 0));
    let mut page = VerdictPage { verdicts: Vec::with_capacity(limit), next: None };
    let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
    while page.verdicts.len() < limit {
        let found = bulk_jobs::verdicts(&mut conn, organisation, *job, chunk, 1).await?;
        let Some((number, packed)) = found.into_iter().next() else { return Ok(web::Json(page)) };
        let unpacked = unpack(&packed)?;
        let rest = lines(&unpacked).skip(if number == chunk { shown } else { 0 });
        let before = page.verdicts.len();
        for line in rest.take(limit - before) {
            let line = serde_json::from_slice(line).map_err(anyhow::Error::from)?;
            page.verdicts.push(line);
        }
        shown = if number == chunk { shown } else { 0 } + page.verdicts.len() - before;
        chunk = number;
        if lines(&unpacked).count() <= shown {
            (chunk, shown) = (number + 1, 0);
        }
    }
    page.next = Some(cursor::seal(&secret, &list, &(chunk, shown)));
    Ok(web::Json(page))
}

/// The lines of a file that were not recorded, in the format of the file, to be corrected and
/// sent again.
#[utoipa::path(
    tag = "filings",
    params(("job" = Uuid, Path)),
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson"),
        (status = 404, body = ProblemDetails)
    )
)]
#[get("/v1/filings/bulk/{job}/rejected")]
pub async fn rejected(
    pools: web::Data<ReadingPools>,
    reporter: Reporter,
    job: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let (job, _) = job_of(&pools.reporting, reporter.organisation, *job).await?;
    let (media, ending) =
        if job.format == "ndjson" { (super::NDJSON, "ndjson") } else { ("text/csv", "csv") };
    let name = format!("attachment; filename=\"rejected-{}.{ending}\"", job.id);
    let lines = rejected_lines(pools.reporting.clone(), job);
    Ok(HttpResponse::Ok()
        .content_type(media)
        .insert_header(("Content-Disposition", name))
        .streaming(lines))
}

/// Chunk by chunk, so that memory does not grow with the file.
fn rejected_lines(pool: Pool, job: Job) -> impl Stream<Item = Result<Bytes, Problem>> {
    stream::try_unfold((pool, job, 0), async |(pool, job, chunk)| {
        let mut conn = pool.get().await.map_err(database::Error::from)?;
        let found = bulk_jobs::rejected(&mut conn, job.organisation, job.id, chunk, 1).await?;
        drop(conn);
        let Some((number, packed)) = found.into_iter().next() else { return Ok(None) };
        let mut lines = unpack(&packed)?;
        if job.format != "ndjson" {
            with_one_heading(&mut lines, chunk == 0);
        }
        Ok(Some((Bytes::from(lines), (pool, job, number + 1))))
    })
}

/// Every chunk of a table begins with the heading; only the first one shows it, behind the mark by
/// which spreadsheets know UTF-8.
fn with_one_heading(lines: &mut Vec<u8>, is_first: bool) {
    if is_first {
        lines.splice(..0, BYTE_ORDER_MARK.iter().copied());
        return;
    }
    let heading = lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |end| end + 1);
    lines.drain(..heading);
}

pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut unpacked = Vec::with_capacity(packed.len() * 4);
    let limited = DeflateDecoder::new(packed).take(UNPACKED_LIMIT_BYTES);
    std::io::BufReader::new(limited).read_to_end(&mut unpacked).map_err(anyhow::Error::from)?;
    Ok(unpacked)
}

pub(super) fn lines(ndjson: &[u8]) -> impl Iterator<Item = &[u8]> {
    ndjson.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}
