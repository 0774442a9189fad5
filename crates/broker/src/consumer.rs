//! Consuming: at least once until the handler has committed, then never again.
//!
//! A handler takes whatever has arrived as one batch, for one transaction. It says of each
//! message whether it is done, may succeed later, or never can. If the batch as a whole fails,
//! its messages are handled one by one, so that a poisoned one holds up nobody. A failed attempt
//! is counted in a transaction of its own; an unreachable database is not an attempt.

use crate::{
    message::{self, Message},
    session::{Broker, Link, Parcel, Session, waits},
    subscription::{Interrupted, Subscription, TakesBatches},
    topology::ConsumerSpec,
};
use futures_util::FutureExt;
use lapin::message::Delivery;
use std::{future::Future, panic::AssertUnwindSafe};
use tokio_util::sync::CancellationToken;

/// What became of one message.
#[derive(Debug)]
pub enum Verdict {
    /// Its effect is committed, or was before.
    Done,
    /// It may succeed later.
    Retry(anyhow::Error),
    /// It can never succeed: a person must look at it.
    Reject(anyhow::Error),
}

/// Why a batch as a whole had no effect.
#[derive(Debug)]
pub enum Failure {
    /// What it needs cannot be reached; not its fault, so it waits and nothing is counted.
    Unavailable(anyhow::Error),
    /// Something in it failed; its messages are then handled one by one.
    Failed(anyhow::Error),
}

/// Handles messages.
pub trait Handler: Send + Sync {
    /// Handles messages in one transaction; one verdict each, in their order. Harmless to
    /// repeat: a message may come again after it was done.
    fn handle(
        &self,
        messages: &[Message],
    ) -> impl Future<Output = Result<Vec<Verdict>, Failure>> + Send;

    /// Counts a failed attempt, in a transaction of its own, and says how many there were:
    /// one more than `message.attempts`, unless others counted meanwhile.
    fn count_attempt(
        &self,
        message: &Message,
        error: &str,
    ) -> impl Future<Output = anyhow::Result<u32>> + Send;
}

/// How much a consumer takes at a time, and how often it tries.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages handled at a time, at most.
    pub batch: usize,
    /// Messages held unacknowledged, at most.
    pub prefetch: u16,
    /// Attempts at a message before it is a dead letter.
    pub attempts: u32,
}

/// One consumer of the topology.
pub struct Consumer {
    /// Where it listens.
    pub broker: Broker,
    /// What it hears.
    pub spec: &'static ConsumerSpec,
    /// How much it takes at a time.
    pub limits: Limits,
    /// Whether it is connected.
    pub link: Link,
}

impl Consumer {
    /// Handles messages until told to stop; a batch begun is finished.
    pub async fn run(&self, handler: &impl Handler, shutdown: &CancellationToken) {
        let subscription = Subscription {
            broker: &self.broker,
            queue: self.broker.topology.queue(self.spec.name),
            prefetch: self.limits.prefetch,
            batch: self.limits.batch,
            link: &self.link,
            shutdown,
        };
        subscription.run(&mut Work { consumer: self, handler, shutdown }).await;
    }
}

struct Work<'a, H> {
    consumer: &'a Consumer,
    handler: &'a H,
    shutdown: &'a CancellationToken,
}

impl<H: Handler> TakesBatches for Work<'_, H> {
    async fn settle(
        &mut self,
        session: &Session,
        deliveries: &[Delivery],
    ) -> Result<(), Interrupted> {
        let mut ours = Vec::with_capacity(deliveries.len());
        let mut messages = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            match Message::read(delivery) {
                Ok(message) => {
                    ours.push(delivery);
                    messages.push(message);
                }
                Err(malformed) => self.reject(session, delivery, &malformed.into()).await?,
            }
        }
        let verdicts = self.judge(session, &messages).await?;
        for ((delivery, message), verdict) in ours.into_iter().zip(messages).zip(verdicts) {
            match verdict {
                Verdict::Done => self.count("done"),
                Verdict::Retry(error) => self.retry(session, delivery, message, error).await?,
                Verdict::Reject(error) => self.reject(session, delivery, &error).await?,
            }
        }
        Ok(())
    }
}

impl<H: Handler> Work<'_, H> {
    /// Has the batch handled, or else its messages one by one. One verdict each.
    async fn judge(
        &self,
        session: &Session,
        messages: &[Message],
    ) -> Result<Vec<Verdict>, Interrupted> {
        match self.handle(session, messages).await? {
            Ok(verdicts) => Ok(verdicts),
            Err(error) if messages.len() == 1 => Ok(vec![Verdict::Retry(error)]),
            Err(error) => {
                let count = messages.len();
                tracing::warn!(count, error = %format!("{error:#}"), "a batch failed; one by one now");
                let mut verdicts = Vec::with_capacity(count);
                for message in messages {
                    let alone = std::slice::from_ref(message);
                    verdicts.push(match self.handle(session, alone).await? {
                        Ok(mut verdict) => verdict.pop().expect("one verdict for one message"),
                        Err(error) => Verdict::Retry(error),
                    });
                }
                Ok(verdicts)
            }
        }
    }

    /// Calls the handler, again and again while what it needs is unavailable.
    async fn handle(
        &self,
        session: &Session,
        messages: &[Message],
    ) -> Result<anyhow::Result<Vec<Verdict>>, Interrupted> {
        if messages.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let mut waits = waits();
        loop {
            let handled = AssertUnwindSafe(self.handler.handle(messages)).catch_unwind().await;
            match handled {
                Ok(Ok(verdicts)) if verdicts.len() == messages.len() => return Ok(Ok(verdicts)),
                Ok(Ok(verdicts)) => {
                    let (said, asked) = (verdicts.len(), messages.len());
                    return Ok(Err(anyhow::anyhow!("{said} verdicts for {asked} messages")));
                }
                Ok(Err(Failure::Failed(error))) => return Ok(Err(error)),
                Ok(Err(Failure::Unavailable(error))) => {
                    self.wait(session, waits.next().unwrap_or_default(), &error).await?;
                }
                Err(_) => return Ok(Err(anyhow::anyhow!("the handler panicked"))),
            }
        }
    }

    async fn wait(
        &self,
        session: &Session,
        wait: std::time::Duration,
        error: &anyhow::Error,
    ) -> Result<(), Interrupted> {
        let consumer = self.consumer.spec.name;
        tracing::warn!(consumer, error = %format!("{error:#}"), "cannot handle messages yet");
        tokio::select! {
            () = self.shutdown.cancelled() => Err(Interrupted::Stopped),
            () = tokio::time::sleep(wait) => {
                if session.is_open() { Ok(()) } else { Err(crate::PublishError::NotSent.into()) }
            }
        }
    }

    /// Lets a message wait for its next attempt, or gives it up after the last.
    async fn retry(
        &self,
        session: &Session,
        delivery: &Delivery,
        mut message: Message,
        error: anyhow::Error,
    ) -> Result<(), Interrupted> {
        let said = format!("{error:#}");
        let mut waits = waits();
        let attempts = loop {
            match self.handler.count_attempt(&message, &said).await {
                Ok(attempts) => break attempts,
                Err(error) => {
                    self.wait(session, waits.next().unwrap_or_default(), &error).await?;
                }
            }
        };
        if self.consumer.limits.attempts <= attempts {
            let error = error.context(format!("gave up after {attempts} attempts"));
            return self.reject(session, delivery, &error).await;
        }
        tracing::warn!(
            consumer = self.consumer.spec.name, message.id = %message.id, attempts, error = said,
            "will try again"
        );
        self.count("retried");
        message.attempts = attempts;
        let topology = &self.consumer.broker.topology;
        let parcel = Parcel {
            exchange: "",
            routing_key: &topology.retry_queue(self.consumer.spec.name, attempts),
            mandatory: true,
            properties: message.properties(),
            body: &message.body,
        };
        Ok(session.publish(parcel).await?)
    }

    /// Sends a message to the dead letters, with the reason.
    async fn reject(
        &self,
        session: &Session,
        delivery: &Delivery,
        error: &anyhow::Error,
    ) -> Result<(), Interrupted> {
        let said = format!("{error:#}");
        let id = delivery.properties.message_id().as_ref().map(ToString::to_string);
        tracing::error!(
            consumer = self.consumer.spec.name,
            message.id = id,
            error = said,
            "gave a message up"
        );
        self.count("rejected");
        let topology = &self.consumer.broker.topology;
        let parcel = Parcel {
            exchange: &topology.dead_exchange(),
            routing_key: &topology.queue(self.consumer.spec.name),
            mandatory: true,
            properties: message::with_error(delivery, &said),
            body: &delivery.data,
        };
        Ok(session.publish(parcel).await?)
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!(
            "broker_messages_handled_total",
            "consumer" => self.consumer.spec.name, "outcome" => outcome
        )
        .increment(1);
    }
}
