//! Counts how much of what was promised holds, topic by topic. `scripts/evaluate` starts what it
//! needs.

use clap::{Parser, ValueEnum};
use std::{path::PathBuf, process::ExitCode};
use system_tests::evaluations::{epcis, falls_short};
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
}

/// The names are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Topic {
    Epcis,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
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
