//! What could not be handled, for a person to read.

use crate::{
    message::{self, Message},
    session::{Broker, Link, Session, waits},
    subscription::{Interrupted, Subscription, TakesBatches},
};
use lapin::message::Delivery;
use std::future::Future;
use tokio_util::sync::CancellationToken;

const BATCH: usize = 100;
const PREFETCH: u16 = 100;

/// A message its consumer could not handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The consumer that could not.
    pub consumer: String,
    /// The message; a foreign one as far as it can be read.
    pub message: Message,
    /// Why not; `None` when consumers died of it without a word.
    pub error: Option<String>,
}

/// Keeps dead letters.
pub trait DeadLetterHandler: Send + Sync {
    /// Stores dead letters. Harmless to repeat. It is called again until it succeeds.
    fn store(&self, letters: &[DeadLetter]) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// The queue of dead letters.
pub struct DeadLetters {
    /// Where it is.
    pub broker: Broker,
    /// Whether it is connected.
    pub link: Link,
}

impl DeadLetters {
    /// Empties the queue until told to stop.
    pub async fn run(&self, handler: &impl DeadLetterHandler, shutdown: &CancellationToken) {
        let subscription = Subscription {
            broker: &self.broker,
            queue: self.broker.topology.dead_queue(),
            prefetch: PREFETCH,
            batch: BATCH,
            link: &self.link,
            shutdown,
        };
        subscription.run(&mut Storage { broker: &self.broker, handler, shutdown }).await;
    }
}

struct Storage<'a, H> {
    broker: &'a Broker,
    handler: &'a H,
    shutdown: &'a CancellationToken,
}

impl<H: DeadLetterHandler> TakesBatches for Storage<'_, H> {
    async fn settle(
        &mut self,
        session: &Session,
        deliveries: &[Delivery],
    ) -> Result<(), Interrupted> {
        let letters: Vec<DeadLetter> =
            deliveries.iter().map(|delivery| self.read(delivery)).collect();
        for wait in waits() {
            match self.handler.store(&letters).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::warn!(error = %format!("{error:#}"), "cannot store dead letters yet");
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return Err(Interrupted::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
            if !session.is_open() {
                return Err(crate::PublishError::NotSent.into());
            }
        }
        Ok(())
    }
}

impl<H> Storage<'_, H> {
    /// A dead letter comes under the name of the queue it died in, whoever sent it.
    fn read(&self, delivery: &Delivery) -> DeadLetter {
        DeadLetter {
            consumer: self.broker.topology.consumer(delivery.routing_key.as_str()).to_owned(),
            message: Message::salvage(delivery),
            error: message::error(delivery),
        }
    }
}
