//! Measures figures and prints each as one line of JSON. `scripts/bench` starts what it needs.

use anyhow::bail;
use clap::{Parser, ValueEnum};
use std::{path::PathBuf, process::ExitCode};
use system_tests::{
    figures::{Bench, bulk, filing_single, flag_latency, idle_memory, up_warm},
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
    #[value(name = "bulk_ndjson_vs_copy", aliases = ["bulk_csv_vs_copy", "same_file_twice_rows_added"])]
    BulkVsCopy,
    #[value(name = "bulk_peak_rss_mib")]
    BulkPeakRss,
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
        (Name::FilingSingleVsPgbench, Some(Name::FilingSingleP99)),
        (Name::FlagLatencyP99, None),
        (Name::IdleRss, None),
        (Name::UpWarmSeconds, None),
        (Name::BulkVsCopy, None),
        (Name::BulkPeakRss, None),
    ] {
        if !wanted(name) && !with.is_some_and(wanted) {
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
        Name::BulkVsCopy => bulk::measure_against_copy(bench).await?,
        Name::BulkPeakRss => vec![bulk::measure_memory(bench).await?],
        Name::FilingSingleP99 => bail!("measured together with filing_single_vs_pgbench"),
    })
}
