//! Fills an empty system with a small nation: `simulator demo --help` says how.

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use jiff::civil::Date;
use simulator::{
    Plan, Wanted,
    api::Api,
    demonstration::{self, AdministratorSignIn},
};
use std::{path::PathBuf, process::ExitCode, time::Instant};
use url::Url;

/// A small nation that files, applies and exports.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Registers the nation and sends what it filed in the last half-year.
    Demo(Demo),
}

#[derive(Args)]
struct Demo {
    /// Address of the reporting service.
    #[arg(long)]
    reporting: Url,
    /// Address of the licensing service.
    #[arg(long)]
    licensing: Url,
    /// Where to write who can sign in.
    #[arg(long)]
    credentials: PathBuf,
    /// Where to write the story's numbers and ids; by default beside the credentials.
    #[arg(long)]
    story: Option<PathBuf>,
    /// The day before which everything happened: today, in Beijing.
    #[arg(long)]
    until: Date,
    /// Another seed, another nation.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many organisations file.
    #[arg(long, default_value_t = 40)]
    organisations: usize,
    /// How many filings, at least.
    #[arg(long, default_value_t = 20_000)]
    filings: usize,
    /// How many requests at once.
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// An administrator of the authority.
    #[arg(long, env = "LODESTONE_ADMINISTRATOR_EMAIL")]
    administrator_email: String,
    /// Their password.
    #[arg(long, env = "LODESTONE_ADMINISTRATOR_PASSWORD", hide_env_values = true)]
    administrator_password: String,
}

fn main() -> ExitCode {
    let Arguments { command: Command::Demo(demo) } = Arguments::parse();
    match run(demo) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(demo: Demo) -> anyhow::Result<()> {
    let began = Instant::now();
    let wanted = Wanted {
        seed: demo.seed,
        organisations: demo.organisations,
        filings: demo.filings,
        until: demo.until,
    };
    let plan = Plan::of(&wanted);
    let api = Api::new(demo.reporting, demo.licensing)?;
    let administrator = AdministratorSignIn {
        email: demo.administrator_email,
        password: demo.administrator_password,
    };
    // One thread: the services need the processors more.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = demonstration::run(&api, &plan, &administrator, demo.concurrency, demo.until);
    let done = runtime.block_on(done).context("the demonstration could not be loaded")?;
    let story = demo.story.unwrap_or_else(|| demo.credentials.with_file_name("story.json"));
    done.write(&demo.credentials, &story)?;
    println!(
        "{} organisations and {} filings in {} s; {} things are wrong on purpose, see {}",
        plan.nation.organisations.len(),
        plan.filings.len(),
        began.elapsed().as_secs(),
        plan.planted.len(),
        story.display()
    );
    Ok(())
}
