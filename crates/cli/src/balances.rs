//! `lodestone balances`: the books compared with themselves, as the owner of the database.

use crate::{
    output::{answer, say},
    settings::database_target,
};
use anyhow::bail;
use clap::{Args, Subcommand};
use serde::Serialize;

#[derive(Subcommand)]
pub enum Command {
    /// Compares every stored total with the sum of its postings; fails when something differs.
    Check(Check),
    /// Sums the totals anew from the postings. Filings wait meanwhile.
    Rebuild,
}

#[derive(Args)]
pub struct Check {
    /// How many contradictions to show at most.
    #[arg(long, default_value_t = 100)]
    most: u32,
    /// For programs: a JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    what: String,
    place: String,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check(check) => compare(&check).await,
        Command::Rebuild => {
            database::balances::rebuild(&database_target()?).await?;
            Ok(say("the totals are the sums of their postings again")?)
        }
    }
}

async fn compare(check: &Check) -> anyhow::Result<()> {
    let found = database::balances::check(&database_target()?, check.most).await?;
    let found: Vec<View> =
        found.into_iter().map(|found| View { what: found.what, place: found.place }).collect();
    if check.json {
        answer(&found)?;
    } else {
        for View { what, place } in &found {
            say(&format!("{what}: {place}"))?;
        }
    }
    if !found.is_empty() {
        bail!("the books contradict themselves in {} places or more", found.len());
    }
    if !check.json {
        say("the books agree with themselves")?;
    }
    Ok(())
}
