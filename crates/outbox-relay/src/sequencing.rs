//! Gives committed events their place in the log. Goes on while the broker is away.

use crate::relay::Relay;
use database::outbox::Leader;
use std::time::Duration;
use tokio::sync::Notify;

/// Sequences as events come, and tells the publisher. Answers why it could not go on.
pub(crate) async fn run(relay: &Relay, mut leader: Leader, sequenced: &Notify) -> anyhow::Error {
    let poll = Duration::from_millis(relay.settings.poll_milliseconds);
    let limit = relay.settings.batch_events;
    loop {
        let count = match leader.sequence(limit).await {
            Ok(count) => count,
            Err(error) => return error.into(),
        };
        if 0 < count {
            metrics::counter!("relay_events_sequenced_total")
                .increment(count.try_into().unwrap_or(0));
            sequenced.notify_one();
        }
        if usize::try_from(limit) == Ok(count) {
            continue;
        }
        // An announcement comes per committed batch; the poll finds what nobody announced.
        tokio::select! {
            announced = leader.announced() => {
                if let Err(error) = announced {
                    return error.into();
                }
            }
            () = tokio::time::sleep(poll) => {}
        }
    }
}
