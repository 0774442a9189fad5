//! Stores what consumers could not handle where an administrator can read it.

use crate::relay::Relay;
use broker::{DeadLetter, DeadLetterHandler, DeadLetters, Link};
use database::{Pool, dead_letters};
use service::clock;

/// Empties the queue of dead letters until told to stop. Any relay may, leading or not.
pub(crate) async fn run(relay: &Relay, link: Link) {
    let queue = DeadLetters { broker: relay.broker.clone(), link };
    queue.run(&Storage { pool: relay.pool.clone() }, &relay.shutdown).await;
}

struct Storage {
    pool: Pool,
}

impl DeadLetterHandler for Storage {
    async fn store(&self, letters: &[DeadLetter]) -> anyhow::Result<()> {
        let letters: Vec<_> = letters.iter().map(kept).collect();
        let mut conn = self.pool.get().await?;
        dead_letters::store(&mut conn, &letters, clock::now()).await?;
        metrics::counter!("relay_dead_letters_total")
            .increment(letters.len().try_into().unwrap_or(0));
        Ok(())
    }
}

fn kept(DeadLetter { consumer, message, error }: &DeadLetter) -> dead_letters::DeadLetter {
    dead_letters::DeadLetter {
        consumer: consumer.clone(),
        message: message.id,
        event: message.event.clone(),
        body: message.body.clone(),
        traceparent: message.traceparent.clone(),
        error: error.clone(),
    }
}
