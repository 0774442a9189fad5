//! Kills services, Postgres and RabbitMQ under load. `scripts/chaos` starts what it needs.

use clap::{Parser, ValueEnum};
use std::{path::PathBuf, process::ExitCode};
use system_tests::chaos::{self, Options, Safeguard, servers::Servers};
use testkit::Binaries;

/// Exits with 1 when anything was lost, doubled or out of balance.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many times something is killed
    #[arg(long, default_value_t = 100)]
    faults: u32,
    /// What chooses the faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Take a safeguard away: the run must then fail
    #[arg(long, value_name = "SAFEGUARD")]
    without: Option<Without>,
    /// The directory of the private PostgreSQL
    #[arg(long, value_name = "DIRECTORY")]
    postgres: PathBuf,
    /// The directory of the private RabbitMQ
    #[arg(long, value_name = "DIRECTORY")]
    rabbitmq: PathBuf,
    /// The directory of the scripts that start them
    #[arg(long, value_name = "DIRECTORY")]
    scripts: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Without {
    Inbox,
    Outbox,
}

const DETAILS_SHOWN: usize = 20;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        faults: arguments.faults,
        seed: arguments.seed,
        without: arguments.without.map(|without| match without {
            Without::Inbox => Safeguard::Inbox,
            Without::Outbox => Safeguard::Outbox,
        }),
        servers: Servers {
            scripts: arguments.scripts,
            postgres: arguments.postgres,
            rabbitmq: arguments.rabbitmq,
        },
        binaries: Binaries::beside_this_program(),
    };
    match chaos::run(options).await {
        Ok(report) => {
            report.figure(arguments.seed).print();
            for detail in report.details.iter().take(DETAILS_SHOWN) {
                eprintln!("chaos: {detail}");
            }
            if report.total() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::from(2)
        }
    }
}
