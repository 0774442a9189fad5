//! Gives dead letters back to the consumer they died in, when an administrator asks for it.

use crate::{leading::pause, relay::Relay};
use broker::{Message, Publisher, Topology};
use database::{
    Connection,
    dead_letters::{self, Replay},
};
use service::clock;
use std::time::Duration;

const LOOK_AGAIN: Duration = Duration::from_secs(1);
const BATCH: u32 = 100;

/// Replays until told to stop.
pub(crate) async fn run(relay: &Relay) {
    while replay_wanted(relay).await.is_some() && pause(relay, LOOK_AGAIN).await {}
}

async fn replay_wanted(relay: &Relay) -> Option<()> {
    let read =
        |mut conn: Connection| async move { dead_letters::to_replay(&mut conn, BATCH).await };
    let wanted = relay.in_database("read what to replay", read).await?;
    // Opened only when there is something to say: it is seldom.
    let mut publisher = Publisher::new(relay.broker.clone());
    for Replay { id, occurred_at, letter } in wanted {
        if !Topology::has_consumer(&letter.consumer) {
            tracing::warn!(dead_letter.id = %id, consumer = letter.consumer, "nobody to give it to");
            continue;
        }
        let message = Message {
            id: letter.message,
            event: letter.event,
            occurred_at,
            traceparent: letter.traceparent,
            attempts: 0,
            body: letter.body,
        };
        if !publisher.replay(&letter.consumer, &[message], &relay.shutdown).await {
            return None;
        }
        let now = clock::now();
        let mark = |mut conn: Connection| async move {
            dead_letters::mark_replayed(&mut conn, id, now).await
        };
        relay.in_database("note what was replayed", mark).await?;
        tracing::info!(dead_letter.id = %id, consumer = letter.consumer, "replayed");
    }
    Some(())
}
