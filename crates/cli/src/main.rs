//! `lodestone`: installs the system and looks after it.
//!
//! Installing (`migrate`, `regime`, `administrator`, `balances`) works on the database that the
//! services' settings name, as its owner or as the identity role. Everything else asks the
//! services, as anybody with a key may.

mod administrator;
mod balances;
mod bulk;
mod client;
mod dead_letters;
mod keys;
mod output;
mod regime;
mod schema;
mod settings;
mod verify;

use clap::{Parser, Subcommand};
use std::{io, process::ExitCode};

/// Installs Lodestone and looks after it.
#[derive(Parser)]
#[command(name = "lodestone", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings the database's schema up to date, as its owner.
    Migrate,
    /// Lists every setting of the services, with its variable and default.
    Settings(settings::Arguments),
    /// Makes the key that signs; lists and revokes the keys that programs show.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Makes the first administrator of the authority, and the authority.
    #[command(subcommand)]
    Administrator(administrator::Command),
    /// Imports, compares and shows the law in force.
    #[command(subcommand)]
    Regime(regime::Command),
    /// Sends files of filings.
    #[command(subcommand)]
    Bulk(bulk::Command),
    /// Checks licences and the log, as anybody can.
    #[command(subcommand)]
    Verify(verify::Command),
    /// Compares the books with themselves.
    #[command(subcommand)]
    Balances(balances::Command),
    /// Lists messages that could not be handled, and has them tried again.
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    // Migrations block inside the async runtime, which needs more than one thread for it.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(command)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if nobody_reads_on(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lodestone: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Migrate => schema::migrate().await,
        Command::Settings(arguments) => settings::list(&arguments),
        Command::Keys(command) => keys::run(command).await,
        Command::Administrator(command) => administrator::run(command).await,
        Command::Regime(command) => regime::run(command).await,
        Command::Bulk(command) => bulk::run(command).await,
        Command::Verify(command) => verify::run(command).await,
        Command::Balances(command) => balances::run(command).await,
        Command::DeadLetters(command) => dead_letters::run(command).await,
    }
}

/// Whether whoever read our output, such as `head`, has read enough.
fn nobody_reads_on(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
