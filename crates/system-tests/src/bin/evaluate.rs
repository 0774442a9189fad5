//! Counts how much of what was promised holds, topic by topic. `scripts/evaluate` starts what it
//! needs.

use clap::{Parser, ValueEnum};
use std::{path::PathBuf, process::ExitCode};
use system_tests::evaluations::{epcis, falls_short, year};
use testkit::Binaries;

/// Prints one JSON line per figure on stdout, everything else on stderr; fails when one falls short.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which topics; all when none is named
    #[arg(value_name = "TOPIC")]
    topics: Vec<Topic>,
    /// Where the binaries are that are evaluated
    #[arg(long, value_name = "DIRECTORY")]
    binaries: Option<PathBuf>,
    /// Smaller: shows that everything works, and measures little
    #[arg(long)]
    quick: bool,
    /// year: how many years; 20 unless it is quick
    #[arg(long)]
    seeds: Option<u64>,
    /// year: the seed of the first; from 1000 on they are for reports, below for development
    #[arg(long)]
    first_seed: Option<u64>,
    /// year: firms of each; 2000 unless it is quick
    #[arg(long)]
    firms: Option<usize>,
}

impl Arguments {
    fn year(&self) -> year::Options {
        let usual = year::Options::new(self.quick);
        year::Options {
            seeds: self.seeds.unwrap_or(usual.seeds),
            first_seed: self.first_seed.unwrap_or(usual.first_seed),
            firms: self.firms.unwrap_or(usual.firms),
            quick: self.quick,
        }
    }
}

/// The names are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Topic {
    Epcis,
    Year,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let of_year = arguments.year();
    let binaries = match arguments.binaries {
        Some(directory) => Binaries::in_directory(directory),
        None => Binaries::beside_this_program(),
    };
    let wanted = |topic: &&Topic| arguments.topics.is_empty() || arguments.topics.contains(topic);
    let mut failed = false;
    for topic in Topic::value_variants().iter().filter(wanted) {
        eprintln!("--- {topic:?}");
        let evaluated = match topic {
            Topic::Epcis => epcis::evaluate(&binaries).await,
            Topic::Year => year::evaluate(&binaries, &of_year).await,
        };
        match evaluated {
            Ok(figures) => {
                for figure in figures {
                    figure.print();
                    failed |= falls_short(&figure);
                }
            }
            Err(error) => {
                eprintln!("evaluate: {topic:?} could not be evaluated: {error:#}");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
