//! `lodestone bulk`: a file of filings, one JSON object a line, sent one request each.
//!
//! Lines may rest on one another in any order: what is refused is sent again for as long as other
//! lines were recorded in between. Each request's idempotency key is made of the filing's
//! reference and version, so that an upload that was interrupted is begun again without harm.

mod line;
mod sending;
mod verdicts;

use crate::{
    client::{Access, Service},
    output::say,
};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use line::{Line, Lines};
use sending::{Outcome, send};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tokio::task::JoinSet;
use verdicts::Verdicts;

#[derive(Subcommand)]
pub enum Command {
    /// Sends a file of filings and writes down what became of each.
    Upload(Upload),
}

#[derive(Args)]
pub struct Upload {
    /// NDJSON: each line a filing as `POST /v1/filings` takes it.
    file: PathBuf,
    #[command(flatten)]
    access: Access,
    /// Where to write what became of each line; by default beside the file.
    #[arg(long)]
    verdicts: Option<PathBuf>,
    /// How many requests at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Stops when more lines than this are refused: something is wrong with the file.
    #[arg(long, default_value_t = 10_000)]
    refusals_limit: usize,
}

/// What a pass over the file has still to do.
enum Todo {
    Everything,
    /// Lines that were refused, and why.
    Refused(BTreeMap<u64, Refused>),
}

struct Refused {
    line: LineName,
    why: String,
}

/// What names a line in the verdicts.
struct LineName {
    number: u64,
    reference: Option<String>,
}

#[derive(Default)]
struct Pass {
    recorded: u64,
    refused: BTreeMap<u64, Refused>,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let Command::Upload(upload) = command;
    let path = upload.verdicts.clone().unwrap_or_else(|| beside(&upload.file));
    let mut verdicts = Verdicts::create(&path)?;
    let outcome = upload_file(upload, &mut verdicts).await;
    // Also after a failure: what was recorded until then is worth knowing.
    verdicts.finish()?;
    let refused = outcome?;
    say(&format!("{} recorded, {refused} refused: see {}", verdicts.recorded(), path.display()))?;
    if 0 < refused {
        bail!("{refused} filings were refused");
    }
    Ok(())
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".verdicts");
    name.into()
}

/// Passes over the file until a pass records nothing new. Answers how many were refused.
async fn upload_file(upload: Upload, verdicts: &mut Verdicts) -> anyhow::Result<u64> {
    let size = tokio::fs::metadata(&upload.file).await;
    let size = size.with_context(|| format!("cannot read {}", upload.file.display()))?.len();
    let progress = progress(size)?;
    let service = Service::with_key(upload.access)?;
    let mut todo = Todo::Everything;
    loop {
        let mut pass = Pass::default();
        let mut lines = Lines::open(&upload.file).await?;
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < usize::from(upload.concurrency) {
                let Some(line) = lines.next().await? else { break };
                if !todo.holds(line.number) {
                    continue;
                }
                let service = service.clone();
                under_way.spawn(async move {
                    let outcome = send(&service, &line).await;
                    (line, outcome)
                });
            }
            let Some(done) = under_way.join_next().await else { break };
            let (line, outcome) = done?;
            pass.take(line, outcome?, verdicts, &progress)?;
            if upload.refusals_limit < pass.refused.len() {
                verdicts.refuse_all(pass.refused)?;
                bail!("more than {} lines were refused", upload.refusals_limit);
            }
        }
        if pass.recorded == 0 || pass.refused.is_empty() {
            progress.finish_and_clear();
            return verdicts.refuse_all(pass.refused);
        }
        todo = Todo::Refused(pass.refused);
    }
}

fn progress(bytes: u64) -> anyhow::Result<ProgressBar> {
    let template = "{wide_bar} {binary_bytes}/{binary_total_bytes} {elapsed} {msg}";
    Ok(ProgressBar::new(bytes).with_style(ProgressStyle::with_template(template)?))
}

impl Todo {
    fn holds(&self, line: u64) -> bool {
        match self {
            Self::Everything => true,
            Self::Refused(lines) => lines.contains_key(&line),
        }
    }
}

impl Pass {
    fn take(
        &mut self,
        line: Line,
        outcome: Outcome,
        verdicts: &mut Verdicts,
        progress: &ProgressBar,
    ) -> anyhow::Result<()> {
        let reference = line.filing.ok().map(|filing| filing.reference);
        let name = LineName { number: line.number, reference };
        match outcome {
            Outcome::Recorded { id, before } => {
                verdicts.record(&name, &id, before)?;
                self.recorded += 1;
                progress.inc(line.bytes);
            }
            Outcome::Refused(why) => {
                self.refused.insert(line.number, Refused { line: name, why });
            }
        }
        progress.set_message(format!("{} recorded", verdicts.recorded()));
        Ok(())
    }
}
