//! Measures figures and prints each as one line of JSON. `scripts/bench` starts what it needs.

use anyhow::bail;
use clap::{Parser, ValueEnum};
use std::{path::PathBuf, process::ExitCode};
use system_tests::{
    figures::{
        Bench, bulk, casework, determination, documents, epcis, filing_single, flag_latency,
        idle_memory, material, month_close, notification_sweep, races, reservations, trace,
        up_warm,
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
    /// Race without one of the constraints that stand behind the law: violations must be found then
    #[arg(long, value_name = "CONSTRAINT", value_parser = guard)]
    without: Option<&'static races::Guard>,
    /// Where the binaries are that are measured
    #[arg(long, value_name = "DIRECTORY")]
    binaries: Option<PathBuf>,
}

fn guard(name: &str) -> Result<&'static races::Guard, String> {
    let known = || races::GUARDS.iter().map(|guard| guard.constraint).collect::<Vec<_>>();
    let guard = races::GUARDS.iter().find(|guard| guard.constraint == name);
    guard.ok_or_else(|| format!("known are {}", known().join(", ")))
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
    #[value(
        name = "queue_page_cpu_ms",
        aliases = [
            "queue_page_statements", "case_page_cpu_ms", "case_page_statements", "draft_cpu_ms", "submit_cpu_ms",
        ]
    )]
    Casework,
    #[value(name = "reservation_vs_update", alias = "reservation_overdraft_grams")]
    Reservations,
    #[value(name = "licence_pdf_ms", alias = "verify_offline_ms")]
    Documents,
    RaceViolations,
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
    let without = arguments.without;
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
        (Name::Casework, &[]),
        (Name::Reservations, &[]),
        (Name::Documents, &[]),
        (Name::RaceViolations, &[]),
    ] {
        if !wanted(name) && !with.iter().any(|name| wanted(*name)) {
            continue;
        }
        // A service that cannot be started panics with its log; the next figure is still measured.
        let bench = bench.clone();
        let measured = tokio::spawn(async move { measure(name, &bench, without).await }).await;
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

async fn measure(
    name: Name,
    bench: &Bench,
    without: Option<&races::Guard>,
) -> anyhow::Result<Vec<Figure>> {
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
        Name::Casework => casework::measure(bench).await?,
        Name::Reservations => reservations::measure(bench).await?,
        Name::Documents => documents::measure(bench).await?,
        Name::RaceViolations => races::measure(bench, without).await?,
        Name::BalanceLateFiling => bail!("measured together with balance_1m_lots_seconds"),
        Name::FilingSingleP99 => bail!("measured together with filing_single_vs_pgbench"),
        Name::Trace300P99 | Name::Trace100k => bail!("measured together with trace_300_p50_vs_cte"),
    })
}
