//! Publishing: a message counts as published when RabbitMQ has confirmed it, not before.
//!
//! If we stop, or RabbitMQ does, before a confirm came, the message is published again: repeats
//! are the consumers' to tolerate, by its id.

use crate::{
    message::Message,
    session::{Broker, Link, Parcel, Session, waits},
    topology::Topology,
};
use tokio_util::sync::CancellationToken;

/// Why a message is not known to be published.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PublishError {
    #[error("the connection failed")]
    Connection(#[from] lapin::Error),
    #[error("RabbitMQ did not answer in time")]
    Timeout,
    #[error("the message was not sent: the connection failed before")]
    NotSent,
    #[error("no queue took a message for `{0}`, although one should be bound")]
    Unroutable(String),
    #[error("RabbitMQ refused the message")]
    Refused,
}

/// What became of each message of a batch, in its order.
#[derive(Debug)]
pub struct Published {
    outcomes: Vec<Result<(), PublishError>>,
}

impl Published {
    /// Which messages RabbitMQ has taken charge of.
    pub fn confirmed(&self) -> impl Iterator<Item = bool> {
        self.outcomes.iter().map(Result::is_ok)
    }

    /// The first failure, if any.
    pub fn failure(&self) -> Option<&PublishError> {
        self.outcomes.iter().find_map(|outcome| outcome.as_ref().err())
    }
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug)]
enum Audience<'a> {
    /// Whoever hears the event.
    Everyone,
    /// One consumer, who gets it again.
    Consumer(&'a str),
}

/// Publishes over a connection of its own, which it makes anew whenever it fails.
pub struct Publisher {
    broker: Broker,
    session: Option<Session>,
    link: Link,
    // What to address to depends on the prefix only: made once, not per message.
    exchange: String,
}

impl Publisher {
    /// A publisher; nothing is opened yet.
    pub fn new(broker: Broker) -> Self {
        let exchange = broker.topology.exchange();
        Self { broker, session: None, link: Link::default(), exchange }
    }

    /// Whether it is connected.
    pub fn link(&self) -> Link {
        self.link.clone()
    }

    /// Publishes to everyone who hears, trying for ever; `false` when told to stop first.
    ///
    /// Messages confirmed once are not sent again while this call lasts.
    pub async fn publish(&mut self, messages: &[Message], shutdown: &CancellationToken) -> bool {
        self.publish_to(Audience::Everyone, messages, shutdown).await
    }

    /// Gives messages back to one consumer of the topology, trying for ever; `false` when told
    /// to stop first.
    pub async fn replay(
        &mut self,
        consumer: &str,
        messages: &[Message],
        shutdown: &CancellationToken,
    ) -> bool {
        self.publish_to(Audience::Consumer(consumer), messages, shutdown).await
    }

    /// Connects, trying for ever; `false` when told to stop first.
    pub async fn connect(&mut self, shutdown: &CancellationToken) -> bool {
        self.publish(&[], shutdown).await
    }

    /// Attempts to publish once, and says what became of each message.
    pub async fn attempt(&mut self, messages: &[Message]) -> Published {
        let everything: Vec<&Message> = messages.iter().collect();
        self.attempt_to(Audience::Everyone, &everything).await
    }

    async fn publish_to(
        &mut self,
        audience: Audience<'_>,
        messages: &[Message],
        shutdown: &CancellationToken,
    ) -> bool {
        let mut left: Vec<&Message> = messages.iter().collect();
        let mut waits = waits();
        loop {
            let published = self.attempt_to(audience, &left).await;
            let mut confirmed = published.confirmed();
            let before = left.len();
            left.retain(|_| !confirmed.next().unwrap_or(false));
            drop(confirmed);
            if left.is_empty() && self.session.is_some() {
                return true;
            }
            if left.len() < before {
                waits = self::waits();
            }
            let reason = published.failure().map(chain).unwrap_or_default();
            tracing::warn!(messages = left.len(), error = reason, "cannot publish yet");
            let wait = waits.next().unwrap_or_default();
            tokio::select! {
                () = shutdown.cancelled() => return false,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn attempt_to(&mut self, audience: Audience<'_>, messages: &[&Message]) -> Published {
        let session = match self.session().await {
            Ok(session) => session,
            Err(error) => {
                let mut outcomes = vec![Err(error)];
                outcomes.resize_with(messages.len(), || Err(PublishError::NotSent));
                return Published { outcomes };
            }
        };
        let queue = match audience {
            Audience::Everyone => None,
            Audience::Consumer(consumer) => Some(self.broker.topology.queue(consumer)),
        };
        let parcels = messages.iter().map(|message| Parcel {
            exchange: if queue.is_some() { "" } else { &self.exchange },
            routing_key: queue.as_deref().unwrap_or(&message.event),
            mandatory: queue.is_some() || Topology::is_heard(&message.event),
            properties: message.properties(),
            body: &message.body,
        });
        let outcomes = session.publish_all(parcels).await;
        if outcomes.iter().all(Result::is_ok) {
            self.session = Some(session);
        } else {
            // Whatever it was, a new connection declares everything again.
            self.link.set(false);
        }
        Published { outcomes }
    }

    /// Takes the session for one attempt; it is put back if nothing failed.
    async fn session(&mut self) -> Result<Session, PublishError> {
        if let Some(session) = self.session.take().filter(Session::is_open) {
            return Ok(session);
        }
        self.link.set(false);
        metrics::counter!("broker_connections_total", "process" => self.broker.process)
            .increment(1);
        let session = Session::open(&self.broker).await?;
        tracing::info!("connected to RabbitMQ to publish");
        self.link.set(true);
        Ok(session)
    }
}

fn chain(error: &PublishError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
