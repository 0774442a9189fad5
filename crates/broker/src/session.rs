//! One connection to RabbitMQ with one channel, the topology declared and confirms switched on.

use crate::{publisher::PublishError, topology::Topology};
use backon::{BackoffBuilder, ExponentialBuilder};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const GOODBYE: u16 = 200;

/// Which broker, and under which topology.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Its address, such as `amqp://localhost:5672/%2f`.
    pub url: SecretString,
    /// Who hears what there.
    pub topology: Topology,
    /// The name of the process, as RabbitMQ shows it.
    pub process: &'static str,
}

/// Whether a publisher or a consumer has its connection, for the process's health.
#[derive(Clone, Debug, Default)]
pub struct Link(Arc<AtomicBool>);

impl Link {
    /// Whether the connection stands.
    pub fn is_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails unless the connection stands.
    pub fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.is_up(), "not connected to RabbitMQ");
        Ok(())
    }

    pub(crate) fn set(&self, up: bool) {
        self.0.store(up, Ordering::Relaxed);
    }
}

/// The waits between attempts to connect: growing, never in step with others, for ever.
pub(crate) fn waits() -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_jitter()
        .without_max_times()
        .build()
        .chain(std::iter::repeat(LONGEST_WAIT))
}

/// An open channel. Dropping it closes the connection.
pub(crate) struct Session {
    connection: Connection,
    pub(crate) channel: Channel,
}

impl Session {
    pub(crate) async fn open(broker: &Broker) -> Result<Self, PublishError> {
        let opening = async {
            let properties =
                ConnectionProperties::default().with_connection_name(broker.process.into());
            let connection = Connection::connect(broker.url.expose_secret(), properties).await?;
            let channel = connection.create_channel().await?;
            broker.topology.declare(&channel).await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok(Self { connection, channel })
        };
        tokio::time::timeout(CONNECT_TIMEOUT, opening).await.unwrap_or(Err(PublishError::Timeout))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Says goodbye; what is unacknowledged goes back to its queue at once.
    pub(crate) async fn close(self) {
        let closing = self.connection.close(GOODBYE, "done".into());
        if !matches!(tokio::time::timeout(CONNECT_TIMEOUT, closing).await, Ok(Ok(()))) {
            tracing::debug!("the broker did not answer our goodbye");
        }
    }

    /// Publishes and waits until RabbitMQ has taken charge of it.
    pub(crate) async fn publish(&self, parcel: Parcel<'_>) -> Result<(), PublishError> {
        match self.publish_all(std::iter::once(parcel)).await.pop() {
            Some(outcome) => outcome,
            None => Err(PublishError::NotSent),
        }
    }

    /// Publishes a window of messages, then waits for all their confirms. One answer each.
    pub(crate) async fn publish_all(
        &self,
        parcels: impl ExactSizeIterator<Item = Parcel<'_>>,
    ) -> Vec<Result<(), PublishError>> {
        let count = parcels.len();
        let deadline = tokio::time::Instant::now() + CONFIRM_TIMEOUT;
        let mut sent = Vec::with_capacity(count);
        for parcel in parcels {
            match tokio::time::timeout_at(deadline, self.send(parcel)).await {
                Ok(Ok(confirm)) => sent.push(confirm),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        let mut outcomes = Vec::with_capacity(count);
        for confirm in sent {
            outcomes.push(match tokio::time::timeout_at(deadline, confirm).await {
                Ok(confirmation) => judge(confirmation),
                Err(_) => Err(PublishError::Timeout),
            });
        }
        outcomes.resize_with(count, || Err(PublishError::NotSent));
        outcomes
    }

    async fn send(&self, parcel: Parcel<'_>) -> lapin::Result<lapin::PublisherConfirm> {
        let Parcel { exchange, routing_key, mandatory, properties, body } = parcel;
        let options = BasicPublishOptions { mandatory, immediate: false };
        self.channel
            .basic_publish(exchange.into(), routing_key.into(), options, body, properties)
            .await
    }
}

/// A message with its address.
pub(crate) struct Parcel<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) routing_key: &'a str,
    /// Whether a queue must take it.
    pub(crate) mandatory: bool,
    pub(crate) properties: BasicProperties,
    pub(crate) body: &'a [u8],
}

fn judge(confirmation: lapin::Result<Confirmation>) -> Result<(), PublishError> {
    match confirmation? {
        Confirmation::Ack(None) => Ok(()),
        // RabbitMQ returns what no queue is bound to, and then confirms it all the same.
        Confirmation::Ack(Some(returned)) => {
            Err(PublishError::Unroutable(returned.routing_key.to_string()))
        }
        Confirmation::Nack(_) => Err(PublishError::Refused),
        Confirmation::NotRequested => unreachable!("`open` asks for confirms"),
    }
}
