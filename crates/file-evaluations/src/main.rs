//! Counts on files how well names are matched: no service, no database.
//!
//! One line of JSON per figure on stdout, everything else on stderr. `scripts/evaluate names`
//! builds and starts it.

mod names_lists;
mod names_pairs;

use anyhow::bail;
use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Prints one JSON line per figure on stdout.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    topic: Topic,
}

#[derive(Debug, Subcommand)]
enum Topic {
    /// How well names are told apart, and found in a list
    Names {
        /// Labelled pairs: columns name1, name2, `is_match` and, if wanted, schema
        #[arg(long, value_name = "FILE")]
        pairs: Option<PathBuf>,
        /// A list: a column name and, if wanted, id and schema; or a name on each line
        #[arg(long, value_name = "FILE", requires = "queries")]
        list: Option<PathBuf>,
        /// Names to look for: a column query (or name) and one of expected, match, id or listed
        #[arg(long, value_name = "FILE", requires = "list")]
        queries: Option<PathBuf>,
        /// From which score two names match
        #[arg(long, default_value_t = names_pairs::THRESHOLD)]
        threshold: f64,
        /// Print the pairs that are judged wrongly
        #[arg(long)]
        wrong: bool,
    },
}

fn main() -> ExitCode {
    match evaluate(Arguments::parse()) {
        Ok(figures) => {
            for figure in figures {
                println!("{figure}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("evaluate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn evaluate(arguments: Arguments) -> anyhow::Result<Vec<serde_json::Value>> {
    match arguments.topic {
        Topic::Names { pairs, list, queries, threshold, wrong } => {
            let mut figures = Vec::new();
            if pairs.is_none() && list.is_none() {
                bail!("say --pairs FILE, or --list FILE and --queries FILE");
            }
            if let Some(pairs) = pairs {
                figures.extend(names_pairs::evaluate(&pairs, threshold, wrong)?);
            }
            if let (Some(list), Some(queries)) = (list, queries) {
                figures.extend(names_lists::evaluate(&list, &queries, wrong)?);
            }
            Ok(figures)
        }
    }
}
