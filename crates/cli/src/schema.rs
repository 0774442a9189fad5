//! `lodestone migrate`.

use crate::{output::say, settings::database_target};
use service::clock;

/// Runs what has not been run yet. Two at once wait for each other.
pub async fn migrate() -> anyhow::Result<()> {
    let ran = database::migrate(&database_target()?, clock::today_in_beijing()).await?;
    for migration in &ran {
        say(&format!("ran {migration}"))?;
    }
    if ran.is_empty() {
        say("the schema is up to date")?;
    }
    Ok(())
}
