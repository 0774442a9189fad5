//! A topology of one's own on a shared RabbitMQ, swept away afterwards.

use crate::proxy::Proxy;
use broker::{
    Broker, Consumer, Failure, Handler, Limits, Link, Message, Publisher, Topology, Verdict,
};
use jiff::Timestamp;
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use std::{
    collections::HashMap,
    future::Future,
    net::ToSocketAddrs,
    sync::Arc,
    sync::Mutex,
    time::{Duration, Instant},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

/// A topology of one's own.
pub(crate) struct World {
    pub(crate) prefix: String,
    pub(crate) channel: Channel,
    url: String,
    _connection: Connection,
}

impl World {
    pub(crate) async fn start() -> Self {
        let url = amqp_url();
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let prefix = format!("test-{}.", Uuid::now_v7().simple());
        Self { prefix, channel, url, _connection: connection }
    }

    pub(crate) fn broker(&self) -> Broker {
        self.broker_at(self.url.clone())
    }

    fn broker_at(&self, url: String) -> Broker {
        let topology = Topology::prefixed(self.prefix.clone());
        Broker { url: url.into(), topology, process: "test" }
    }

    /// The same broker over a line that can be cut.
    pub(crate) async fn broker_over_a_weak_line(&self) -> (Broker, Proxy) {
        let rest = self.url.strip_prefix("amqp://").unwrap();
        let authority = rest.split('/').next().unwrap();
        let host = authority.rsplit('@').next().unwrap();
        let target = host.to_socket_addrs().unwrap().next().unwrap();
        let proxy = Proxy::to(target).await;
        let url = self.url.replacen(host, &proxy.address.to_string(), 1);
        (self.broker_at(url), proxy)
    }

    pub(crate) async fn publishes(&self, messages: &[Message]) {
        let mut publisher = Publisher::new(self.broker());
        assert!(publisher.publish(messages, &CancellationToken::new()).await);
    }

    pub(crate) fn queue(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) async fn delete_queue(&self, name: &str) {
        let options = QueueDeleteOptions::default();
        self.channel.queue_delete(self.queue(name).into(), options).await.unwrap();
    }

    /// Removes everything the topology made.
    pub(crate) async fn end(self) {
        let mut queues = vec!["lodestone.dead-letters".to_owned()];
        for consumer in broker::CONSUMERS {
            queues.push(consumer.name.to_owned());
            let delays = broker::topology::RETRY_DELAYS.iter();
            queues.extend(
                delays.map(|delay| format!("{}.retry.{}s", consumer.name, delay.as_secs())),
            );
        }
        for queue in queues {
            self.delete_queue(&queue).await;
        }
        for exchange in ["lodestone", "lodestone.dead"] {
            let options = ExchangeDeleteOptions::default();
            self.channel.exchange_delete(self.queue(exchange).into(), options).await.unwrap();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where RabbitMQ is"
)]
fn amqp_url() -> String {
    std::env::var("AMQP_URL").expect("AMQP_URL names a RabbitMQ to test with")
}

/// Something happened: a message with an id of its own.
pub(crate) fn a_message(event: &str) -> Message {
    Message {
        id: Uuid::now_v7(),
        event: event.to_owned(),
        occurred_at: "2026-03-05T01:02:03.456789Z".parse::<Timestamp>().unwrap(),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        attempts: 0,
        body: br#"{"event":"filing.recorded"}"#.to_vec(),
    }
}

type Script = Box<dyn Fn(&[Message]) -> Result<Vec<Verdict>, Failure> + Send + Sync>;

/// Notes what it is given and answers as scripted.
pub(crate) struct Scripted {
    script: Script,
    seen: Mutex<Vec<(Instant, Message)>>,
    batches: Mutex<Vec<usize>>,
    attempts: Mutex<HashMap<Uuid, u32>>,
}

impl Handler for Scripted {
    async fn handle(&self, messages: &[Message]) -> Result<Vec<Verdict>, Failure> {
        let now = Instant::now();
        self.batches.lock().unwrap().push(messages.len());
        self.seen.lock().unwrap().extend(messages.iter().map(|message| (now, message.clone())));
        (self.script)(messages)
    }

    async fn count_attempt(&self, message: &Message, _error: &str) -> anyhow::Result<u32> {
        let mut attempts = self.attempts.lock().unwrap();
        let count = attempts.entry(message.id).or_default();
        *count += 1;
        Ok(*count)
    }
}

impl Scripted {
    pub(crate) fn seen(&self) -> Vec<(Instant, Message)> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn times_seen(&self, id: Uuid) -> usize {
        self.seen.lock().unwrap().iter().filter(|(_, message)| message.id == id).count()
    }

    pub(crate) fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().clone()
    }

    pub(crate) fn attempts(&self, id: Uuid) -> u32 {
        self.attempts.lock().unwrap().get(&id).copied().unwrap_or_default()
    }
}

/// A consumer at work until dropped.
pub(crate) struct Working {
    pub(crate) handler: Arc<Scripted>,
    pub(crate) link: Link,
    _stops: DropGuard,
}

/// Starts a consumer of filings that answers as scripted.
pub(crate) fn works(
    broker: Broker,
    attempts: u32,
    script: impl Fn(&[Message]) -> Result<Vec<Verdict>, Failure> + Send + Sync + 'static,
) -> Working {
    let handler = Arc::new(Scripted {
        script: Box::new(script),
        seen: Mutex::default(),
        batches: Mutex::default(),
        attempts: Mutex::default(),
    });
    let limits = Limits { batch: 50, prefetch: 100, attempts };
    let spec = &broker::topology::FILINGS;
    let consumer = Consumer { broker, spec, limits, link: Link::default() };
    let (shutdown, link) = (CancellationToken::new(), consumer.link.clone());
    let (told, at_work) = (shutdown.clone(), handler.clone());
    tokio::spawn(async move { consumer.run(&*at_work, &told).await });
    Working { handler, link, _stops: shutdown.drop_guard() }
}

#[expect(clippy::unnecessary_wraps, reason = "it is a script among others that may fail")]
pub(crate) fn all_done(messages: &[Message]) -> Result<Vec<Verdict>, Failure> {
    Ok(messages.iter().map(|_| Verdict::Done).collect())
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    until_async(what, || std::future::ready(is_so())).await;
}

/// Waits until an answer is yes.
pub(crate) async fn until_async<F: Future<Output = bool>>(
    what: &str,
    mut is_so: impl FnMut() -> F,
) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
