//! Who leads: the relay that holds the lock in Postgres, for as long as its connection lasts.

use crate::{
    calling, checkpoints, housekeeping, mailing, notifying, publishing, relay::Relay, replay,
    sequencing,
};
use database::outbox::{Candidate, Leader};
use service::retry;
use std::time::Duration;
use tokio::sync::Notify;

const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Leads whenever nobody else does, until told to stop.
pub(crate) async fn run(relay: &Relay) {
    while let Some(leader) = come_to_lead(relay).await {
        tracing::info!("leading");
        metrics::gauge!("relay_leads").set(1.0);
        let sequenced = Notify::new();
        tokio::select! {
            () = relay.shutdown.cancelled() => return,
            error = sequencing::run(relay, leader, &sequenced) => {
                tracing::warn!(error = %format!("{error:#}"), "lost the lead");
            }
            () = publishing::run(relay, &sequenced) => return,
            () = checkpoints::run(relay) => return,
            () = replay::run(relay) => return,
            () = housekeeping::run(relay) => return,
            () = notifying::run(relay) => return,
            () = mailing::run(relay) => return,
            () = calling::run(relay) => return,
        }
        metrics::gauge!("relay_leads").set(0.0);
    }
}

/// Waits until nobody else leads; `None` when told to stop first.
async fn come_to_lead(relay: &Relay) -> Option<Leader> {
    let connect = || Candidate::connect(&relay.target);
    loop {
        let mut candidate =
            retry::until_it_succeeds("reach the database to lead", &relay.shutdown, connect)
                .await?;
        loop {
            match candidate.lead().await {
                Ok(Ok(leader)) => return Some(leader),
                Ok(Err(still_waiting)) => candidate = still_waiting,
                Err(error) => {
                    tracing::warn!(error = %format!("{:#}", anyhow::Error::from(error)), "cannot ask to lead");
                    break;
                }
            }
            if !pause(relay, ASK_AGAIN).await {
                return None;
            }
        }
        if !pause(relay, ASK_AGAIN).await {
            return None;
        }
    }
}

/// Waits; `false` when told to stop first.
pub(crate) async fn pause(relay: &Relay, time: Duration) -> bool {
    tokio::select! {
        () = relay.shutdown.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
