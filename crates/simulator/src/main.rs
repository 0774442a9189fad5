//! Fills an empty system with a small nation, or writes down a labelled year of a large one:
//! `simulator demo --help` and `simulator year --help` say how.

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use jiff::civil::Date;
use simulator::{
    Plan, Wanted,
    api::Api,
    demonstration::{self, AdministratorSignIn},
    year::{Year, YearWanted, writing},
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
    /// Writes down a labelled year of a whole nation, to measure detection with.
    Year(YearArguments),
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

#[derive(Args)]
struct YearArguments {
    /// Another seed, another year; below 1000 for development, from there on for reports only.
    #[arg(long)]
    seed: u64,
    /// How many firms file.
    #[arg(long, default_value_t = 2_000)]
    firms: usize,
    /// The folder to write into.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo(demo) => run(demo),
        Command::Year(arguments) => write_year(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn write_year(arguments: &YearArguments) -> anyhow::Result<()> {
    let year = Year::of(&YearWanted { seed: arguments.seed, firms: arguments.firms });
    writing::write(&year, &arguments.out)?;
    let frauds = year.labels.iter().filter(|label| label.is_fraud()).count();
    println!(
        "{} firms, {} filings, {} invoices, {} declarations; {frauds} frauds and {} look-alikes, see {}",
        year.firms.len(),
        year.entries.len(),
        year.invoices.len(),
        year.declarations.len(),
        year.labels.len() - frauds,
        arguments.out.join("labels.json").display()
    );
    Ok(())
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
