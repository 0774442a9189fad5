//! Files of many filings: checked or recorded line by line, with a verdict for each.
//!
//! A file is received whole, then read in chunks; memory does not grow with it. Every recorded
//! file is a job: its verdicts are stored with what they tell, in the same transactions, so that
//! it is taken up again after a crash with no line lost or doubled. The same file again adds
//! nothing and says so.

pub mod annotated;
mod annotation;
mod input;
mod judge;
mod lanes;
mod language;
mod lines;
pub mod mapping;
pub mod office;
mod order;
mod overlay;
pub mod reading;
mod run;
mod shelf;
mod spool;
pub(super) mod table;
mod unit;
mod verdict;
pub mod workbook;

pub use input::Format;
pub use language::Language;
pub use verdict::Verdict;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, LOCATION},
    post, web,
};
use database::bulk_jobs::{self, Job, JobState};
use futures_util::stream;
use office::Office;
use run::Task;
use serde::Deserialize;
use service::{
    clock,
    idempotency::OptionalKey,
    identity::Reporter,
    problem::{Location, Problem, ProblemDetails, Violation},
    trace::TraceContext,
};
use std::convert::Infallible;
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Pieces of an answer that may wait for its reader.
const PIECES_WAITING: usize = 4;
const NDJSON: &str = "application/x-ndjson";

/// Whether a file is recorded or only checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Nothing is stored.
    Validate,
    /// Good lines are recorded.
    Commit,
}

/// What is to be done with a file.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct BulkQuery {
    /// `validate` stores nothing; `commit` records what is right.
    #[param(inline)]
    mode: Mode,
    /// All lines or none; at most 10,000 filings.
    #[serde(default)]
    atomic: bool,
    /// The language of the verdicts, `zh-CN` or `en`; otherwise `Accept-Language` says.
    #[param(value_type = Option<String>)]
    language: Option<String>,
    /// What the file is written in, where its `Content-Type` does not say.
    #[param(inline)]
    format: Option<Format>,
}

/// Records or checks a file of many filings: NDJSON, CSV or XLSX, streamed.
///
/// Answers one verdict a line as NDJSON, then a `summary`. Good lines are recorded as they come,
/// bad ones can be had at `/v1/filings/bulk/{job}/rejected`, corrected and sent again. The same
/// file again adds nothing. A line may use lots that stand later in the file. With
/// `Prefer: respond-async` the answer is 202 as soon as the file is safe. A repeat under one
/// `Idempotency-Key` is answered with the job of the first time. Files are at most 2 GiB, lines
/// 1 MiB; verdicts are kept for 90 days.
#[utoipa::path(
    tag = "filings",
    params(BulkQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`: do not wait for the verdicts")),
    request_body(content = String, content_type = "application/x-ndjson",
        description = "One filing a line; or text/csv, or a workbook"),
    responses(
        (status = 200, body = Verdict, content_type = "application/x-ndjson",
            description = "One verdict a line, then a summary"),
        (status = 202, description = "It is safe and will be dealt with; see Location"),
        (status = 400, body = ProblemDetails),
        (status = 413, body = ProblemDetails),
        (status = 415, body = ProblemDetails),
        (status = 503, description = "Busy; see Retry-After", body = ProblemDetails),
    )
)]
#[post("/v1/filings/bulk")]
pub async fn receive(
    office: web::Data<Office>,
    pools: web::Data<crate::reading::ReadingPools>,
    reporter: Reporter,
    (key, trace): (OptionalKey, TraceContext),
    query: web::Query<BulkQuery>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let format = format(&request, query.format)?;
    let language = language_of(&request, query.language.as_deref())?;
    let later = prefers_async(&request);
    let place = office.reserve()?;
    let id = job_id(&reporter, &key);
    let stored = later || query.mode == Mode::Commit;
    let mut received = office.spool.receive(payload, later).await?;
    let job = Job {
        id,
        organisation: reporter.organisation,
        mode: if query.mode == Mode::Commit { "commit" } else { "validate" }.to_owned(),
        format: format.as_str().to_owned(),
        atomic: query.atomic,
        language: language.tag().to_owned(),
        person: reporter.person,
        received_at: clock::now(),
        bytes: i64::try_from(received.bytes).unwrap_or(i64::MAX),
        sha256: received.sha256.to_vec(),
        state: JobState::Waiting,
    };
    let first = office.spool.assign(&mut received, job.organisation, id)?;
    if stored {
        let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
        if !first || !bulk_jobs::create(&mut conn, &job).await? {
            let known = bulk_jobs::find(&mut conn, job.organisation, id).await?;
            return repeated(known.map(|(known, _)| known), &job);
        }
    }
    let location = format!("/v1/filings/bulk/{id}");
    let path = received.keep();
    let traceparent = Some(trace.to_string());
    if later {
        place.send(Task { job, path, stored, told: None, traceparent });
        return Ok(HttpResponse::Accepted()
            .insert_header((LOCATION, location))
            .insert_header(("Preference-Applied", "respond-async"))
            .finish());
    }
    let (told, pieces) = mpsc::channel(PIECES_WAITING);
    place.send(Task { job, path, stored, told: Some(told), traceparent });
    let mut answer = HttpResponse::Ok();
    if stored {
        answer.insert_header((LOCATION, location));
    }
    Ok(answer.content_type(NDJSON).streaming(stream::unfold(pieces, async |mut pieces| {
        let piece = pieces.recv().await?;
        Some((Ok::<_, Infallible>(piece), pieces))
    })))
}

/// A job by the key its sender chose, or a new one.
fn job_id(reporter: &Reporter, key: &OptionalKey) -> Uuid {
    key.0.as_ref().map_or_else(Uuid::now_v7, |key| {
        Uuid::new_v5(&reporter.organisation.as_uuid(), format!("bulk:{}", key.as_str()).as_bytes())
    })
}

fn repeated(known: Option<Job>, job: &Job) -> Result<HttpResponse, Problem> {
    let same = |known: &Job| {
        (&known.sha256, &known.mode, &known.format, known.atomic)
            == (&job.sha256, &job.mode, &job.format, job.atomic)
    };
    match known {
        Some(known) if same(&known) => Ok(HttpResponse::Accepted()
            .insert_header((LOCATION, format!("/v1/filings/bulk/{}", known.id)))
            .finish()),
        Some(_) => Err(Problem::IdempotencyKeyReused),
        // The first request with this key is just about to store its job.
        None => Err(Problem::Overloaded { retry_after_seconds: 1 }),
    }
}

fn prefers_async(request: &HttpRequest) -> bool {
    let preferences = request.headers().get_all("Prefer");
    preferences
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split([',', ';']))
        .any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

fn format(request: &HttpRequest, stated: Option<Format>) -> Result<Format, Problem> {
    let header = request.headers().get(CONTENT_TYPE).and_then(|header| header.to_str().ok());
    let essence = header.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let of_type = match essence.to_ascii_lowercase().as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Format::Ndjson),
        "text/csv" | "text/tab-separated-values" => Some(Format::Csv),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Some(Format::Xlsx),
        _ => None,
    };
    let expected = "application/x-ndjson, text/csv, or a workbook (xlsx); or say `format`";
    stated.or(of_type).ok_or(Problem::UnsupportedMedia { expected })
}

pub(super) fn language_of(
    request: &HttpRequest,
    stated: Option<&str>,
) -> Result<Language, Problem> {
    if let Some(stated) = stated {
        return Language::from_tag(stated).ok_or_else(|| {
            let location = Location::Parameter { parameter: "language".to_owned() };
            let detail = format!("{stated:?} is not spoken here");
            let expected = Some("zh-CN or en".to_owned());
            let code = "unknown_value".into();
            Problem::InvalidParameter(Box::new(Violation { location, code, detail, expected }))
        });
    }
    let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
    Ok(Language::accepted(header.unwrap_or_default()))
}
