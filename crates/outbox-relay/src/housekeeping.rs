//! What the leader keeps in order: partitions ready ahead of time, calls that were over long ago,
//! and the numbers of its lag.

use crate::{leading::pause, relay::Relay};
use database::{Connection, outbox, webhooks};
use service::clock;
use std::time::Duration;

const MEASURE_INTERVAL: Duration = Duration::from_secs(5);
/// Measurements between two times of tidying: an hour.
const TIDY_EVERY: u32 = 720;

/// Keeps things in order until told to stop.
pub(crate) async fn run(relay: &Relay) {
    for round in (0..TIDY_EVERY).cycle() {
        if round == 0 && tidy(relay).await.is_none() {
            return;
        }
        if measure(relay).await.is_none() || !pause(relay, MEASURE_INTERVAL).await {
            return;
        }
    }
}

async fn tidy(relay: &Relay) -> Option<()> {
    let today = clock::today_in_beijing();
    let keep =
        |mut conn: Connection| async move { outbox::keep_partitions_ready(&mut conn, today).await };
    let made = relay.in_database("make partitions", keep).await?;
    if 0 < made {
        tracing::info!(made, "made partitions for the months to come");
    }
    let now = clock::now();
    let forget =
        |mut conn: Connection| async move { webhooks::calling::forget(&mut conn, now).await };
    relay.in_database("forget old webhook calls", forget).await?;
    Some(())
}

async fn measure(relay: &Relay) -> Option<()> {
    let read = |mut conn: Connection| async move { outbox::lag(&mut conn).await };
    let lag = relay.in_database("measure the lag", read).await?;
    metrics::gauge!("relay_events_unsequenced").set(as_gauge(lag.unsequenced));
    metrics::gauge!("relay_events_unpublished").set(as_gauge(lag.unpublished));
    Some(())
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; nobody reads its last digit")]
const fn as_gauge(count: u64) -> f64 {
    count as f64
}
