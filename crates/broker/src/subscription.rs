//! The loop under every consumer: connect, take whatever is there, hand it over, begin again.

use crate::{
    publisher::PublishError,
    session::{Broker, Link, Session, waits},
};
use futures_util::{FutureExt, StreamExt};
use lapin::{
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// Why a batch was left as it was: unacknowledged, to be delivered again.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// The connection is not usable any more.
    Broker(PublishError),
    /// We were told to stop.
    Stopped,
}

impl<E: Into<PublishError>> From<E> for Interrupted {
    fn from(error: E) -> Self {
        Self::Broker(error.into())
    }
}

/// Takes deliveries in batches. All of a batch is acknowledged when it returns `Ok`.
pub(crate) trait TakesBatches: Send {
    /// Settles a batch: afterwards nobody else needs it.
    fn settle(
        &mut self,
        session: &Session,
        deliveries: &[Delivery],
    ) -> impl Future<Output = Result<(), Interrupted>> + Send;
}

/// One queue, listened to until told to stop.
pub(crate) struct Subscription<'a> {
    pub(crate) broker: &'a Broker,
    pub(crate) queue: String,
    pub(crate) prefetch: u16,
    pub(crate) batch: usize,
    pub(crate) link: &'a Link,
    pub(crate) shutdown: &'a CancellationToken,
}

impl Subscription<'_> {
    pub(crate) async fn run(&self, taker: &mut impl TakesBatches) {
        let mut waits = waits();
        loop {
            metrics::counter!("broker_connections_total", "process" => self.broker.process)
                .increment(1);
            let began = tokio::select! {
                () = self.shutdown.cancelled() => return,
                began = Session::open(self.broker) => began,
            };
            let outcome = match began {
                Ok(session) => {
                    waits = self::waits();
                    self.listen(session, taker).await
                }
                Err(error) => Err(error.into()),
            };
            self.link.set(false);
            match outcome {
                Ok(()) | Err(Interrupted::Stopped) => return,
                Err(Interrupted::Broker(error)) => {
                    let error = anyhow::Error::from(error);
                    tracing::warn!(queue = self.queue, error = %format!("{error:#}"), "cannot consume");
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(waits.next().unwrap_or_default()) => {}
            }
        }
    }

    async fn listen(
        &self,
        session: Session,
        taker: &mut impl TakesBatches,
    ) -> Result<(), Interrupted> {
        let channel = &session.channel;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let tag = self.broker.process.into();
        let options = BasicConsumeOptions::default();
        let queue = self.queue.as_str().into();
        let mut arriving =
            channel.basic_consume(queue, tag, options, FieldTable::default()).await?;
        self.link.set(true);
        tracing::info!(queue = self.queue, "listening to RabbitMQ");
        loop {
            let first = tokio::select! {
                () = self.shutdown.cancelled() => {
                    session.close().await;
                    return Ok(());
                }
                first = arriving.next() => first.ok_or(PublishError::NotSent)??,
            };
            let mut deliveries = vec![first];
            // Whatever is there already joins the batch; nobody waits for more.
            while deliveries.len() < self.batch {
                let Some(Some(next)) = arriving.next().now_or_never() else { break };
                deliveries.push(next?);
            }
            taker.settle(&session, &deliveries).await?;
            let last = deliveries.last().expect("the batch has its first delivery");
            // Everything before this batch was acknowledged with its own batch.
            last.acker.ack(BasicAckOptions { multiple: true }).await?;
        }
    }
}
