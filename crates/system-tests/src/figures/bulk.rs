//! Files of many filings: how fast they are recorded against COPY of the very same rows, how fast
//! workbooks are, how much memory the service needs for a million lines, and that the same file
//! twice adds nothing.
//!
//! The baseline knows no list of rows: what the service wrote is copied out, every table is
//! emptied, and the same rows are copied in again by the server itself, as the owner, whom no
//! policy binds, in one transaction.

use super::Bench;
use crate::{
    filers::{self, FEED, Filer, SITE},
    measure::{Figure, median, peak_resident_mib, real},
    work::socket,
};
use anyhow::{Context, ensure};
use rust_xlsxwriter::Workbook;
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs::File,
    io::{BufWriter, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Instant,
};
use testkit::{Stack, TestDatabase};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const CSV_HEADING: &str =
    "kind,reference,site,happened_at,lot,product,quantity_kg,client,uscc,country,contract";
const MOMENT: &str = "2026-01-15T09:30:00+08:00";
/// What is kept of an answer: enough for its last line.
const TAIL_BYTES: usize = 1 << 16;
/// The million lines that must not fill the memory.
const MANY_LINES: u64 = 1_000_000;
const MEMORY_WANTED_MIB: f64 = 200.0;
/// Half as fast as COPY is what the issue asks for.
const TABLES: [&str; 15] = [
    "filing_references",
    "first_receipts",
    "parties",
    "filings",
    "filing_lines",
    "lots",
    "lot_edges",
    "lot_holders",
    "movements",
    "movement_lines",
    "postings",
    "events",
    "outbox",
    "site_months",
    "account_balances",
];

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Ndjson,
    Csv,
    Xlsx,
}

impl Format {
    const fn media(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// Measures both ratios and that the same file twice adds nothing, in interleaved runs.
pub async fn measure_against_copy(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (runs, pairs) = if bench.quick { (3, 5_000) } else { (5, 25_000) };
    let world = World::start(bench).await?;
    let mut added = Vec::new();
    let mut sides =
        [(Format::Ndjson, Vec::new(), Vec::new()), (Format::Csv, Vec::new(), Vec::new())];
    for run in 0..=runs {
        for (format, service, copy) in &mut sides {
            let file = world.file(*format, &format!("r{run}"), pairs)?;
            let sent = world.send(*format, "commit", &file).await?;
            ensure!(sent.summary["accepted"] == 2 * pairs, "not all accepted: {}", sent.summary);
            let rows = rows(world.stack.database()).await?;
            if *format == Format::Ndjson {
                let again = world.send(*format, "commit", &file).await?;
                ensure!(again.summary["unchanged"] == 2 * pairs, "not known: {}", again.summary);
                let now = crate::figures::bulk::rows(world.stack.database()).await?;
                added.push(real(now.abs_diff(rows)));
            }
            let copied = copy_again(world.stack.database()).await?;
            let per_second = |seconds: f64| real(2 * pairs) / seconds;
            eprintln!(
                "run {run}: {format:?} {:.0} filings/s, {rows} rows; COPY of them {:.0} filings/s",
                per_second(sent.seconds),
                per_second(copied)
            );
            // The first run fills caches for both.
            if 0 < run {
                service.push(per_second(sent.seconds));
                copy.push(per_second(copied));
            }
        }
    }
    let ratio = |name, service: &[f64], copy: &[f64]| {
        let ratios: Vec<f64> =
            service.iter().zip(copy).map(|(mine, theirs)| mine / theirs).collect();
        Figure::of_runs(name, "ratio", Some(median(copy)), &ratios)
            .with("filings_per_second", median(service).round())
    };
    let [(_, ndjson, by_copy), (_, csv, csv_by_copy)] = &sides;
    Ok(vec![
        ratio("bulk_ndjson_vs_copy", ndjson, by_copy),
        ratio("bulk_csv_vs_copy", csv, csv_by_copy),
        Figure::of_runs("same_file_twice_rows_added", "rows", Some(0.0), &added),
    ])
}

/// Measures the service's highest resident memory while a million lines are checked and, unless it
/// has to be quick, recorded.
pub async fn measure_memory(bench: &Bench) -> anyhow::Result<Figure> {
    let mut world = World::start(bench).await?;
    let pid = world.stack.service("reporting-api").pid().context("the service runs")?;
    let file = world.file(Format::Ndjson, "m", MANY_LINES / 2)?;
    let mut peaks = Vec::new();
    let modes: &[&str] = if bench.quick { &["validate"] } else { &["validate", "commit"] };
    for mode in modes {
        let sent = world.send(Format::Ndjson, mode, &file).await?;
        ensure!(sent.summary["accepted"] == MANY_LINES, "not all accepted: {}", sent.summary);
        let peak = peak_resident_mib(pid).context("the service runs")?;
        eprintln!("{MANY_LINES} lines, {mode}: {:.1} s, peak {peak:.1} MiB", sent.seconds);
        peaks.push(peak);
    }
    let mut figure = Figure::of_runs("bulk_peak_rss_mib", "MiB", Some(MEMORY_WANTED_MIB), &peaks);
    // The peak of a process never falls: the last is that of all.
    figure.value = figure.high;
    Ok(figure.with("lines", MANY_LINES).with("modes", modes.join("+")))
}

/// Measures how many rows of a workbook are recorded a second, from the first byte sent to the
/// summary.
pub async fn measure_workbook(bench: &Bench) -> anyhow::Result<Figure> {
    let (runs, lines) = if bench.quick { (3, 20_000) } else { (5, 100_000) };
    let world = World::start(bench).await?;
    let mut per_second = Vec::new();
    for run in 0..runs {
        let file = world.file(Format::Xlsx, &format!("x{run}"), lines / 2)?;
        let sent = world.send(Format::Xlsx, "commit", &file).await?;
        ensure!(sent.summary["accepted"] == lines, "not all accepted: {}", sent.summary);
        per_second.push(real(lines) / sent.seconds);
    }
    let figure = Figure::of_runs("xlsx_lines_per_second", "lines/s", None, &per_second);
    Ok(figure.with("lines", lines))
}

struct World {
    stack: Stack,
    address: SocketAddr,
    filer: Filer,
}

/// What became of a file.
pub(super) struct Sent {
    /// From the first byte sent to the last one received.
    pub(super) seconds: f64,
    pub(super) summary: Value,
}

impl World {
    async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let stack = bench.stack(vec!["reporting-api"]).await;
        let address = socket(&stack.url("reporting-api"))?;
        let filer = filers::register(stack.database(), 1).await.remove(0);
        Ok(Self { stack, address, filer })
    }

    /// A file of extractions, each followed by the dispatch of what was extracted.
    fn file(&self, format: Format, series: &str, pairs: u64) -> anyhow::Result<PathBuf> {
        let path = self.stack.files().join(format!("bulk-{series}.{format:?}"));
        if format == Format::Xlsx {
            workbook(&path, series, pairs)?;
            return Ok(path);
        }
        let mut file = BufWriter::new(File::create(&path)?);
        if format == Format::Csv {
            writeln!(file, "{CSV_HEADING}")?;
        }
        let mut line = String::new();
        for pair in 0..pairs {
            line.clear();
            match format {
                Format::Ndjson => ndjson_pair(&mut line, series, pair)?,
                Format::Csv | Format::Xlsx => csv_pair(&mut line, series, pair)?,
            }
            file.write_all(line.as_bytes())?;
        }
        file.flush()?;
        Ok(path)
    }

    async fn send(&self, format: Format, mode: &str, path: &Path) -> anyhow::Result<Sent> {
        let length = path.metadata()?.len();
        let file = tokio::fs::File::open(path).await?;
        send(self.address, &self.filer.token, format.media(), mode, file, length).await
    }
}

/// Sends a file, reads the verdicts as they come, and keeps the summary.
pub(super) async fn send(
    address: SocketAddr,
    token: &str,
    media: &str,
    mode: &str,
    mut file: impl AsyncRead + Unpin,
    length: u64,
) -> anyhow::Result<Sent> {
    let head = format!(
        "POST /v1/filings/bulk?mode={mode} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {media}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let began = Instant::now();
    let (mut answer, mut request) = TcpStream::connect(address).await?.into_split();
    let sending = async move {
        request.write_all(head.as_bytes()).await?;
        tokio::io::copy(&mut file, &mut request).await?;
        anyhow::Ok(request)
    };
    let reading = async move {
        let (mut tail, mut piece) = (Vec::new(), vec![0; TAIL_BYTES]);
        loop {
            let read = answer.read(&mut piece).await?;
            if read == 0 {
                return anyhow::Ok(tail);
            }
            tail.extend_from_slice(&piece[..read]);
            let surplus = tail.len().saturating_sub(TAIL_BYTES);
            tail.drain(..surplus);
        }
    };
    let (_request, tail) = tokio::try_join!(sending, reading)?;
    let seconds = began.elapsed().as_secs_f64();
    let tail = String::from_utf8_lossy(&tail);
    let (_, last) =
        tail.rsplit_once("{\"summary\":").with_context(|| format!("no summary in {tail}"))?;
    let last = last.lines().next().unwrap_or_default();
    let summary = last.strip_suffix('}').context("a summary ends with its line")?;
    Ok(Sent { seconds, summary: serde_json::from_str(summary)? })
}

/// The same rows as [`csv_pair`] writes, as a workbook.
fn workbook(path: &Path, series: &str, pairs: u64) -> anyhow::Result<()> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, CSV_HEADING.split(','))?;
    let (mut lines, mut row) = (String::new(), 1);
    for pair in 0..pairs {
        lines.clear();
        csv_pair(&mut lines, series, pair)?;
        for line in lines.lines() {
            // The one quoted number holds the only comma that parts nothing.
            let line = line.replace("\"1,200.5\"", "1200.5");
            sheet.write_row(row, 0, line.split(','))?;
            row += 1;
        }
    }
    Ok(workbook.save(path)?)
}

/// An extraction and the dispatch of what was extracted.
pub(super) fn ndjson_pair(line: &mut String, series: &str, pair: u64) -> std::fmt::Result {
    writeln!(
        line,
        r#"{{"kind":"extraction","reference":"EXT-{series}-{pair}","site":"{SITE}","happened_at":"{MOMENT}","lines":[{{"lot":"LOT-{series}-{pair}","product":"{FEED}","quantity_kg":"1200.5"}}]}}"#
    )?;
    writeln!(
        line,
        r#"{{"kind":"dispatch","reference":"DSP-{series}-{pair}","site":"{SITE}","happened_at":"{MOMENT}","client":{{"name":"宁波磁材有限公司","identifier":"914403001922038216","country":"CN"}},"contract":"C-2026-{pair}","lines":[{{"lot":"LOT-{series}-{pair}","quantity_kg":"250.125"}}]}}"#
    )
}

fn csv_pair(line: &mut String, series: &str, pair: u64) -> std::fmt::Result {
    writeln!(
        line,
        "extraction,EXT-{series}-{pair},{SITE},2026-01-15 09:30,LOT-{series}-{pair},{FEED},\"1,200.5\",,,,"
    )?;
    writeln!(
        line,
        "dispatch,DSP-{series}-{pair},{SITE},2026-01-15 09:30,LOT-{series}-{pair},,250.125,宁波磁材有限公司,914403001922038216,CN,C-2026-{pair}"
    )
}

/// All rows that filings leave.
async fn rows(database: &TestDatabase) -> anyhow::Result<u64> {
    let mut rows = 0;
    for table in TABLES {
        rows += u64::try_from(database.count(table).await)?;
    }
    Ok(rows)
}

/// Copies every row out, empties all tables, copies the rows in again and empties the tables for
/// the next run. Answers how long the way in took, in seconds.
async fn copy_again(database: &TestDatabase) -> anyhow::Result<f64> {
    let owner = database.owner().await;
    let folder: String =
        owner.query_one("select current_setting('data_directory')", &[]).await?.get(0);
    let file = |table: &str| format!("'{folder}/bulk-{table}.copy' with (format binary)");
    let empty = format!("truncate {}, bulk_jobs, bulk_verdicts", TABLES.join(", "));
    for table in TABLES {
        let out = format!("copy (select * from {table}) to {}", file(table));
        owner.batch_execute(&out).await?;
    }
    owner.batch_execute(&empty).await?;
    owner
        .batch_execute("checkpoint; begin; set local plan_cache_mode = force_generic_plan")
        .await?;
    let began = Instant::now();
    for table in TABLES {
        owner.batch_execute(&format!("copy {table} from {}", file(table))).await?;
    }
    owner.batch_execute("commit").await?;
    let seconds = began.elapsed().as_secs_f64();
    owner.batch_execute(&empty).await?;
    owner.batch_execute("checkpoint").await?;
    Ok(seconds)
}
