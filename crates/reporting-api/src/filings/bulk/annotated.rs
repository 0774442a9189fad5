//! `GET /v1/filings/bulk/{job}/annotated.xlsx`: a workbook as it came, with its verdicts beside the
//! rows.

use super::{
    super::templates::MEDIA,
    annotation::Note,
    input::Unreadable,
    language::Language,
    office::Office,
    reading::{job_of, lines, unpack},
    spool::Spool,
    table::headings::Field,
    verdict::Status,
    workbook,
};
use crate::reading::ReadingPools;
use actix_web::{
    HttpResponse, get,
    web::{self, Bytes},
};
use database::{
    Pool,
    bulk_jobs::{self, Job, JobState},
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use service::{
    identity::Reporter,
    problem::{Problem, ProblemDetails},
};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, IntoInnerError, Write},
};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

/// How much of a file is in memory while it is sent.
const PIECE_BYTES: usize = 1 << 16;

/// The workbook that was handed in, with what became of each row beside it.
///
/// To be corrected where it says so and handed in again: what was recorded adds nothing then.
/// Workbooks of at most 64 MiB are kept for 30 days.
#[utoipa::path(
    tag = "filings",
    params(("job" = Uuid, Path)),
    responses(
        (status = 200, description = "The workbook",
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "Not every row has its verdict yet, or nothing can be written into it", body = ProblemDetails)
    )
)]
#[get("/v1/filings/bulk/{job}/annotated.xlsx")]
pub async fn annotated(
    office: web::Data<Office>,
    pools: web::Data<ReadingPools>,
    reporter: Reporter,
    job: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let (job, _) = job_of(&pools.reporting, reporter.organisation, *job).await?;
    if job.state == JobState::Waiting {
        let detail = "the file is still being dealt with";
        return Err(Problem::NotAllowed(detail.into()));
    }
    let path = office.spool.kept(job.organisation, job.id);
    let path = path.ok_or(Problem::NotFound("workbook"))?;
    let notes = notes(&pools.reporting, &job).await?;
    let annotated = web::block(move || {
        let mut file = BufWriter::new(Spool::beside(&path, "notes")?);
        for note in notes {
            serde_json::to_writer(&mut file, &note).map_err(io::Error::from)?;
            file.write_all(b"\n")?;
        }
        let file = file.into_inner().map_err(IntoInnerError::into_error)?;
        workbook::annotated(&path, file)
    });
    let annotated = match annotated.await.map_err(anyhow::Error::from)? {
        Ok(annotated) => annotated,
        Err(Unreadable::Faulty(_)) => {
            let detail = "nothing can be written into this workbook; its verdicts can be read";
            return Err(Problem::NotAllowed(detail.into()));
        }
        Err(Unreadable::Disk(error)) => return Err(anyhow::Error::from(error).into()),
    };
    let name = format!("attachment; filename=\"annotated-{}.xlsx\"", job.id);
    Ok(HttpResponse::Ok()
        .content_type(MEDIA)
        .insert_header(("Content-Disposition", name))
        .streaming(pieces_of(annotated)))
}

/// A file, piece by piece.
fn pieces_of(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(tokio::fs::File::from_std(file), async |mut file| {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok((0 < read).then(|| (Bytes::from(piece), file)))
    })
}

/// A verdict as it was stored, as far as a note says it.
#[derive(Deserialize)]
struct Stored {
    line: u32,
    status: Status,
    #[serde(default)]
    problems: Vec<StoredFault>,
    #[serde(default)]
    warnings: Vec<StoredFault>,
}

#[derive(Deserialize)]
struct StoredFault {
    row: Option<u32>,
    column: Option<String>,
    detail: String,
    expected: Option<String>,
}

/// What stands beside each row, in the order of rows: the verdict where a filing begins, and each
/// fault where it is.
async fn notes(pool: &Pool, job: &Job) -> Result<impl Iterator<Item = Note> + use<>, Problem> {
    let language = Language::from_tag(&job.language).unwrap_or(Language::English);
    let heading = match language {
        Language::Chinese => (Field::Ignored.chinese(), "处理说明".to_owned()),
        Language::English => (Field::Ignored.english(), "Explanation".to_owned()),
    };
    let mut rows: BTreeMap<u32, (&'static str, String)> = BTreeMap::from([(1, heading)]);
    let mut conn = pool.get().await.map_err(database::Error::from)?;
    let mut chunk = 0;
    loop {
        let found = bulk_jobs::verdicts(&mut conn, job.organisation, job.id, chunk, 1).await?;
        let Some((number, packed)) = found.into_iter().next() else { break };
        chunk = number + 1;
        for line in lines(&unpack(&packed)?) {
            let verdict: Stored = serde_json::from_slice(line).map_err(anyhow::Error::from)?;
            rows.entry(verdict.line).or_default().0 = result(verdict.status, language);
            for fault in verdict.problems.iter().chain(&verdict.warnings) {
                let said = &mut rows.entry(fault.row.unwrap_or(verdict.line)).or_default().1;
                fault.write(said, language);
            }
        }
    }
    Ok(rows.into_iter().map(|(row, (result, explanation))| Note {
        row,
        result: result.to_owned(),
        explanation,
    }))
}

impl StoredFault {
    fn write(&self, said: &mut String, language: Language) {
        let (colon, then) = match language {
            Language::Chinese => ("：", "；应为："),
            Language::English => (": ", "; right would be: "),
        };
        if !said.is_empty() {
            said.push('\n');
        }
        if let Some(column) = &self.column {
            said.push_str(column);
            said.push_str(colon);
        }
        said.push_str(&self.detail);
        if let Some(expected) = &self.expected {
            said.push_str(then);
            said.push_str(expected);
        }
    }
}

/// What became of a filing, in a word or two.
const fn result(status: Status, language: Language) -> &'static str {
    match (status, language) {
        (Status::Accepted, Language::Chinese) => "已接收",
        (Status::Accepted, Language::English) => "accepted",
        (Status::Unchanged, Language::Chinese) => "此前已申报",
        (Status::Unchanged, Language::English) => "filed before",
        (Status::Changed, Language::Chinese) => "与此前申报不同",
        (Status::Changed, Language::English) => "differs from before",
        (Status::Problem, Language::Chinese) => "有误",
        (Status::Problem, Language::English) => "not accepted",
        (Status::HeldBack, Language::Chinese) => "暂未接收",
        (Status::HeldBack, Language::English) => "held back",
    }
}
