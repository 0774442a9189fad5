//! List entries that were made ahead of time: on their day everybody hears that a list has changed,
//! and open applications and living licences are screened again.

use anyhow::Context;
use database::{Pool, events::Act, listed_party_days};
use domain::calendar_month::beijing_date;
use jiff::Timestamp;
use service::clock;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_secs(5);

/// Looks until told to stop. Any number of workers may: each day of an entry is told once.
pub(crate) async fn watch(pool: &Pool, shutdown: &CancellationToken) {
    loop {
        if let Err(error) = once(pool, clock::now()).await {
            tracing::warn!(error = %format!("{error:#}"), "days of list entries are looked at again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn once(pool: &Pool, now: Timestamp) -> anyhow::Result<()> {
    let mut conn = pool.get().await.context("no connection")?;
    let act = Act { person: None, at: now, traceparent: None };
    let told = listed_party_days::tell(&mut conn, beijing_date(now), &act).await?;
    if 0 < told {
        tracing::info!(entries = told, "entries of party lists have begun or ceased to hold");
    }
    Ok(())
}
