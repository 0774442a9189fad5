//! `lodestone bulk`: a file of filings, sent whole and dealt with by the service as a job.
//!
//! The file is safe as soon as it was sent: whoever loses the connection then, or has no patience,
//! finds the verdicts under the job's id. The same file sent again adds nothing.

use crate::{
    client::{Access, Service, refusal},
    output::say,
};
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{
    Body, Method, StatusCode,
    header::{ACCEPT_LANGUAGE, CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{fs::File, io::AsyncWriteExt};
use uuid::Uuid;

/// Sending two gibibytes over a slow line takes a while.
const UPLOAD_TIMEOUT: Duration = Duration::from_hours(12);
/// With the pauses below about two minutes: a restart of a service is no reason to give up.
const ATTEMPTS: u32 = 30;
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(5);

#[derive(Subcommand)]
pub enum Command {
    /// Sends a file of filings and writes down what became of each.
    Upload(Upload),
}

#[derive(Args)]
pub struct Upload {
    /// NDJSON (`.ndjson`), a table (`.csv`) or a workbook (`.xlsx`).
    file: PathBuf,
    #[command(flatten)]
    access: Access,
    /// Whether good lines are recorded or all are only checked.
    #[arg(long, value_enum, default_value_t = Mode::Commit)]
    mode: Mode,
    /// Records all lines or none.
    #[arg(long)]
    atomic: bool,
    /// In which language the verdicts are: `zh-CN` or `en`.
    #[arg(long, default_value = "en")]
    language: String,
    /// Where to write what became of each line, as NDJSON; by default beside the file.
    #[arg(long)]
    verdicts: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Validate,
    Commit,
}

/// A job, as far as it is told here.
#[derive(Deserialize)]
struct Job {
    state: String,
    bytes: u64,
    read_bytes: u64,
    accepted: u64,
    unchanged: u64,
    changed: u64,
    problems: u64,
    refused: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Page {
    verdicts: Vec<Box<RawValue>>,
    next: Option<String>,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let Command::Upload(upload) = command;
    let service = Service::with_key(upload.access.clone())?;
    let path = send(&service, &upload).await?;
    let job = until_it_ended(&service, &path).await?;
    if let Some(refused) = job.refused {
        bail!("the file was refused as a whole: {}", refused.get());
    }
    let verdicts = upload.verdicts.clone().unwrap_or_else(|| beside(&upload.file, "verdicts"));
    write_verdicts(&service, &path, &verdicts).await?;
    let done = match upload.mode {
        Mode::Commit => "recorded",
        Mode::Validate => "right",
    };
    let rejected = job.problems + job.changed;
    say(&format!(
        "{} {done}, {} recorded before, {rejected} to be corrected: see {}",
        job.accepted,
        job.unchanged,
        verdicts.display()
    ))?;
    if 0 < rejected {
        let corrections = write_corrections(&service, &path, &upload.file).await?;
        bail!("{rejected} filings are to be corrected and sent again: {}", corrections.display());
    }
    Ok(())
}

fn beside(file: &Path, what: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{what}"));
    name.into()
}

fn media(file: &Path) -> anyhow::Result<&'static str> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("ndjson" | "jsonl") => Ok("application/x-ndjson"),
        Some("csv" | "tsv" | "txt") => Ok("text/csv"),
        Some("xlsx") => Ok("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        _ => bail!("{} is called neither .ndjson nor .csv nor .xlsx", file.display()),
    }
}

/// Sends the file until it is safe; answers the path of its job.
async fn send(service: &Service, upload: &Upload) -> anyhow::Result<String> {
    let media = media(&upload.file)?;
    // One for this run: whoever runs it again wants the file looked at again.
    let key = Uuid::now_v7().to_string();
    let mode = match upload.mode {
        Mode::Validate => "validate",
        Mode::Commit => "commit",
    };
    let mut pause = PAUSE_FIRST;
    for attempt in 1..=ATTEMPTS {
        let file = File::open(&upload.file).await;
        let file = file.with_context(|| format!("cannot read {}", upload.file.display()))?;
        let request = service
            .request(Method::POST, "/v1/filings/bulk")?
            .query(&[("mode", mode), ("atomic", if upload.atomic { "true" } else { "false" })])
            .timeout(UPLOAD_TIMEOUT)
            .header("Idempotency-Key", &key)
            .header("Prefer", "respond-async")
            .header(ACCEPT_LANGUAGE, &upload.language)
            .header(CONTENT_TYPE, media)
            .body(Body::from(file));
        match request.send().await {
            Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                let location = answer.headers().get(LOCATION);
                let location = location.context("an accepted file has a place")?;
                return Ok(location.to_str()?.to_owned());
            }
            Ok(answer) if is_for_later(answer.status()) && attempt < ATTEMPTS => {
                let asked = answer.headers().get(RETRY_AFTER);
                let asked = asked.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
                let asked = asked.map(Duration::from_secs);
                tokio::time::sleep(asked.unwrap_or(pause).min(PAUSE_LAST)).await;
            }
            Ok(answer) => return Err(refusal(answer.status(), &answer.text().await?)),
            Err(error) if error.is_builder() || attempt == ATTEMPTS => return Err(error.into()),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(PAUSE_LAST);
    }
    unreachable!("the last attempt returns")
}

/// Whether the same request may be answered otherwise in a moment.
fn is_for_later(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// Shows how far the job has come until every line has its verdict.
async fn until_it_ended(service: &Service, path: &str) -> anyhow::Result<Job> {
    let template = "{wide_bar} {binary_bytes}/{binary_total_bytes} {elapsed} {msg}";
    let progress = ProgressBar::new(0).with_style(ProgressStyle::with_template(template)?);
    let (mut pause, mut failures) = (PAUSE_FIRST, 0);
    loop {
        match service.get::<Job>(path, &[]).await {
            Ok(job) if job.state != "waiting" => {
                progress.finish_and_clear();
                return Ok(job);
            }
            Ok(job) => {
                failures = 0;
                progress.set_length(job.bytes);
                progress.set_position(job.read_bytes);
                progress.set_message(format!("{} filings", job.accepted + job.unchanged));
            }
            // The service may be starting again; the file is safe all the same.
            Err(error) => {
                failures += 1;
                if failures == ATTEMPTS {
                    return Err(error.context(format!("the file is safe as {path}")));
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

async fn write_verdicts(service: &Service, path: &str, to: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::create(to);
    let file = file.with_context(|| format!("cannot write {}", to.display()))?;
    let mut file = std::io::BufWriter::new(file);
    let mut query = vec![("limit", "1000".to_owned())];
    loop {
        let page: Page = service.get(&format!("{path}/verdicts"), &query).await?;
        for verdict in &page.verdicts {
            writeln!(file, "{}", verdict.get())?;
        }
        let Some(next) = page.next else { break };
        query = vec![("limit", "1000".to_owned()), ("cursor", next)];
    }
    Ok(file.flush()?)
}

/// What is to be corrected: of a workbook the same one with verdicts beside its rows.
async fn write_corrections(service: &Service, path: &str, file: &Path) -> anyhow::Result<PathBuf> {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let (what, to) = match ending {
        "xlsx" => ("annotated.xlsx", beside(file, "annotated.xlsx")),
        _ => ("rejected", beside(file, &format!("rejected.{ending}"))),
    };
    let mut answer = service.send(service.request(Method::GET, &format!("{path}/{what}"))?).await?;
    ensure!(answer.status() == StatusCode::OK, "{what} is not there");
    let mut written = File::create(&to).await?;
    while let Some(piece) = answer.chunk().await? {
        written.write_all(&piece).await?;
    }
    written.flush().await?;
    Ok(to)
}
