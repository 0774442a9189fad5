//! Publishes the log in its order, a batch at a time.

use crate::relay::Relay;
use broker::{Message, Publisher};
use database::{
    Connection,
    outbox::{self, Unpublished},
};
use std::time::Duration;
use tokio::sync::Notify;

/// The log is looked at this often even when nobody says that it grew.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Publishes until told to stop.
pub(crate) async fn run(relay: &Relay, sequenced: &Notify) {
    let mut publisher = Publisher::new(relay.broker.clone());
    while let Some(published) = publish_batch(relay, &mut publisher).await {
        if published == 0 {
            tokio::select! {
                () = relay.shutdown.cancelled() => return,
                () = sequenced.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

/// Publishes the next batch, and answers how many it was; `None` when told to stop.
async fn publish_batch(relay: &Relay, publisher: &mut Publisher) -> Option<usize> {
    let limit = relay.settings.batch_events;
    let events = relay
        .in_database("read the log", |mut conn: Connection| async move {
            outbox::unpublished(&mut conn, limit).await
        })
        .await?;
    let Some(last) = events.last() else { return Some(0) };
    let through = last.index + 1;
    let messages: Vec<Message> = events.into_iter().map(message).collect();
    if relay.settings.delete_before_publish {
        // The experiment that shows what the order of the next two steps is for.
        mark(relay, through).await?;
    }
    if !publisher.publish(&messages, &relay.shutdown).await {
        return None;
    }
    mark(relay, through).await?;
    metrics::counter!("relay_events_published_total")
        .increment(messages.len().try_into().unwrap_or(0));
    Some(messages.len())
}

async fn mark(relay: &Relay, through: u64) -> Option<()> {
    let mark =
        |mut conn: Connection| async move { outbox::mark_published(&mut conn, through).await };
    relay.in_database("note what is published", mark).await
}

fn message(event: Unpublished) -> Message {
    let Unpublished { id, name, occurred_at, traceparent, body, index: _ } = event;
    Message { id, event: name, occurred_at, traceparent, attempts: 0, body }
}
