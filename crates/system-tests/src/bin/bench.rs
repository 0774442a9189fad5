//! Measures figures and prints each as one line of JSON. `scripts/bench` starts what it needs.

use anyhow::bail;
use clap::{Parser, ValueEnum};
use std::{path::PathBuf, process::ExitCode};
use system_tests::{
    figures::{
        Bench, bulk, determination, epcis, filing_single, flag_latency, idle_memory, material,
        month_close, notification_sweep, trace, up_warm,
    },
    measure::Figure,
};
use testkit::Binaries;

/// Prints one JSON line per figure on stdout, everything else on stderr.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which figures; all when none is named
    #[arg(value_name = "FIGURE")]
    figures: Vec<Name>,
    /// Fewer and shorter runs: within five minutes
    #[arg(long)]
    quick: bool,
    /// Where the binaries are that are measured
    #[arg(long, value_name = "DIRECTORY")]
    binaries: Option<PathBuf>,
}

/// The names are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Name {
    FilingSingleVsPgbench,
    #[value(name = "filing_single_p99_ms")]
    FilingSingleP99,
    #[value(name = "flag_latency_p99_ms")]
    FlagLatencyP99,
    #[value(name = "idle_rss_mib")]
    IdleRss,
    UpWarmSeconds,
    #[value(name = "trace_300_p50_vs_cte")]
    Trace300VsCte,
    #[value(name = "trace_300_p99_ms")]
    Trace300P99,
    #[value(name = "trace_100k_seconds")]
    Trace100k,
    #[value(name = "balance_1m_lots_seconds")]
    Balance1mLots,
    #[value(name = "balance_late_filing_ms")]
    BalanceLateFiling,
    EventHashPerSecondCore,
    EpcisEventsPerSecond,
    #[value(name = "bulk_ndjson_vs_copy", aliases = ["bulk_csv_vs_copy", "same_file_twice_rows_added"])]
    BulkVsCopy,
    #[value(name = "bulk_peak_rss_mib")]
    BulkPeakRss,
    XlsxLinesPerSecond,
    MonthCloseLinesPerSecond,
    NotificationSweepSeconds,
    DeterminationsPerSecondCore,
    #[value(name = "catalogue_10k_seconds")]
    Catalogue10k,
}

// One thread: as little as possible of the machine is taken from what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let binaries = match arguments.binaries {
        Some(directory) => Binaries::in_directory(directory),
        None => Binaries::beside_this_program(),
    };
    let bench = Bench { binaries, quick: arguments.quick };
    let wanted = |name: Name| arguments.figures.is_empty() || arguments.figures.contains(&name);
    let mut failed = false;
    for (name, with) in [
        (Name::FilingSingleVsPgbench, &[Name::FilingSingleP99][..]),
        (Name::FlagLatencyP99, &[]),
        (Name::Trace300VsCte, &[Name::Trace300P99, Name::Trace100k]),
        (Name::Balance1mLots, &[Name::BalanceLateFiling]),
        (Name::IdleRss, &[]),
        (Name::UpWarmSeconds, &[]),
        (Name::EventHashPerSecondCore, &[]),
        (Name::EpcisEventsPerSecond, &[]),
        (Name::BulkVsCopy, &[]),
        (Name::BulkPeakRss, &[]),
        (Name::XlsxLinesPerSecond, &[]),
        (Name::MonthCloseLinesPerSecond, &[]),
        (Name::NotificationSweepSeconds, &[]),
        (Name::DeterminationsPerSecondCore, &[]),
        (Name::Catalogue10k, &[]),
    ] {
        if !wanted(name) && !with.iter().any(|name| wanted(*name)) {
            continue;
        }
        // A service that cannot be started panics with its log; the next figure is still measured.
        let bench = bench.clone();
        let measured = tokio::spawn(async move { measure(name, &bench).await }).await;
        match measured.map_err(anyhow::Error::from).and_then(|measured| measured) {
            Ok(figures) => figures.iter().for_each(Figure::print),
            Err(error) => {
                eprintln!("bench: {name:?} could not be measured: {error:#}");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn measure(name: Name, bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    eprintln!("--- {name:?}");
    Ok(match name {
        Name::FilingSingleVsPgbench => filing_single::measure(bench).await?,
        Name::FlagLatencyP99 => vec![flag_latency::measure(bench).await?],
        Name::IdleRss => idle_memory::measure(bench).await,
        Name::UpWarmSeconds => vec![up_warm::measure().await?],
        Name::Trace300VsCte => trace::measure(bench).await?,
        Name::Balance1mLots => material::measure(bench).await?,
        Name::EventHashPerSecondCore => vec![epcis::hashes(bench)],
        Name::EpcisEventsPerSecond => vec![epcis::captures(bench).await?],
        Name::BulkVsCopy => bulk::measure_against_copy(bench).await?,
        Name::BulkPeakRss => vec![bulk::measure_memory(bench).await?],
        Name::XlsxLinesPerSecond => vec![bulk::measure_workbook(bench).await?],
        Name::MonthCloseLinesPerSecond => vec![month_close::measure(bench).await?],
        Name::NotificationSweepSeconds => vec![notification_sweep::measure(bench).await?],
        Name::DeterminationsPerSecondCore => vec![determination::in_process(bench)?],
        Name::Catalogue10k => vec![determination::catalogue(bench).await?],
        Name::BalanceLateFiling => bail!("measured together with balance_1m_lots_seconds"),
        Name::FilingSingleP99 => bail!("measured together with filing_single_vs_pgbench"),
        Name::Trace300P99 | Name::Trace100k => bail!("measured together with trace_300_p50_vs_cte"),
    })
}
