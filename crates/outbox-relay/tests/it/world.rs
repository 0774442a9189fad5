//! A relay with a database and queues of its own, somebody who makes events, and somebody who
//! hears them.

use broker::{Broker, Consumer, Failure, Handler, Limits, Link, Message, Topology, Verdict};
use database::{Pool, Role, events};
use domain::{
    event::Event,
    ids::{EventId, LicenceId},
};
use jiff::Timestamp;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::{Binaries, Running, Stack, StackOptions, TestDatabase, wait_until};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const LOG: &str = "lodestone.example/log";

pub(crate) async fn a_relay() -> Stack {
    a_relay_with(&[]).await
}

pub(crate) async fn a_relay_with(environment: &[(&str, &str)]) -> Stack {
    let mut options = StackOptions { services: vec!["outbox-relay"], ..StackOptions::default() };
    options.environment = environment.iter().map(|(name, value)| pair(name, value)).collect();
    options.environment.push(pair("LODESTONE_RELAY__CHECKPOINT_SECONDS", "1"));
    Stack::start_with(options).await
}

pub(crate) fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Another relay on the same database and queues.
pub(crate) async fn another_relay(stack: &Stack) -> Running {
    let binaries = Binaries::beside_this_program();
    let logs = stack.files().join("another");
    std::fs::create_dir_all(&logs).unwrap();
    let mut relay = Running::start("outbox-relay", &binaries, stack.environment(), &logs);
    relay.becomes_ready().await;
    relay
}

/// Makes events, as a service that changes licences would. Answers their ids.
pub(crate) async fn happens(pool: &Pool, count: usize) -> Vec<Uuid> {
    let mut conn = pool.get().await.unwrap();
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        let licence = Uuid::now_v7();
        let event = Event::LicenceMoved {
            licence: LicenceId::from_uuid(licence),
            organisation: None,
            action: format!("suspend {number}"),
            state: "suspended".to_owned(),
            person: None,
        };
        let id = Uuid::now_v7();
        let origin = events::Origin {
            id: EventId::from_uuid(id),
            occurred_at: "2026-03-05T01:02:03.456789Z".parse::<Timestamp>().unwrap(),
            person: None,
            traceparent: Some(TRACEPARENT.to_owned()),
        };
        events::append(&mut conn, &origin, licence, &event).await.unwrap();
        ids.push(id);
    }
    ids
}

pub(crate) const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(crate) fn licensing(database: &TestDatabase) -> Pool {
    database.pool(Role::Licensing)
}

/// Hears of licences and notes what it hears.
pub(crate) struct Listener {
    heard: Arc<Notes>,
    _stops: DropGuard,
}

type Answer = Box<dyn Fn(&Message) -> Verdict + Send + Sync>;

struct Notes {
    messages: Mutex<Vec<Message>>,
    answer: Answer,
}

impl Handler for Notes {
    async fn handle(&self, messages: &[Message]) -> Result<Vec<Verdict>, Failure> {
        self.messages.lock().unwrap().extend_from_slice(messages);
        Ok(messages.iter().map(&self.answer).collect())
    }

    async fn count_attempt(&self, message: &Message, _error: &str) -> anyhow::Result<u32> {
        Ok(message.attempts + 1)
    }
}

impl Listener {
    pub(crate) fn start(
        environment: &[(String, String)],
        answer: impl Fn(&Message) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        let setting = |name: &str| {
            environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap()
        };
        let consumer = Consumer {
            broker: Broker {
                url: testkit::amqp_url().into(),
                topology: Topology::prefixed(setting("LODESTONE_AMQP__PREFIX")),
                process: "listener",
            },
            spec: &broker::topology::LICENCES,
            limits: Limits { batch: 100, prefetch: 200, attempts: 5 },
            link: Link::default(),
        };
        let heard = Arc::new(Notes { messages: Mutex::default(), answer: Box::new(answer) });
        let shutdown = CancellationToken::new();
        let (told, notes) = (shutdown.clone(), heard.clone());
        tokio::spawn(async move { consumer.run(&*notes, &told).await });
        Self { heard, _stops: shutdown.drop_guard() }
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.heard.messages.lock().unwrap().clone()
    }

    /// Waits until each of these was heard, at least once.
    pub(crate) async fn hears(&self, ids: &[Uuid]) {
        wait_until("every event is heard", PATIENCE, async || {
            let messages = self.heard.messages.lock().unwrap();
            let heard: std::collections::HashSet<_> =
                messages.iter().map(|message| message.id).collect();
            ids.iter().all(|id| heard.contains(id)).then_some(())
        })
        .await;
    }
}

/// A broker that can be away: nothing listens at its address until it is let through.
pub(crate) struct AwayBroker {
    listener: std::net::TcpListener,
    pub(crate) url: String,
    target: SocketAddr,
}

impl AwayBroker {
    /// Connections are accepted by nobody: whoever tries waits, and times out.
    pub(crate) fn new() -> Self {
        use std::net::ToSocketAddrs;
        let real = testkit::amqp_url();
        let authority = real.strip_prefix("amqp://").unwrap().split('/').next().unwrap();
        let host = authority.rsplit('@').next().unwrap();
        let target = host.to_socket_addrs().unwrap().next().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self { listener, url: real.replacen(host, &address, 1), target }
    }

    /// Lets everybody through from now on.
    pub(crate) fn comes_back(self) {
        let target = self.target;
        self.listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(self.listener).unwrap();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
    }
}

/// A relay that is not waited for to be ready, because its broker is away.
pub(crate) fn a_relay_without_broker(
    database: &TestDatabase,
    stack: &Stack,
    broker: &str,
    further: &[(&str, &str)],
) -> Running {
    let mut environment: Vec<_> = stack.environment().to_vec();
    for (name, value) in &mut environment {
        match name.as_str() {
            "AMQP_URL" => broker.clone_into(value),
            "DATABASE_URL" => *value = database.url().to_string(),
            _ => {}
        }
    }
    environment.extend(further.iter().map(|(name, value)| pair(name, value)));
    let logs = stack.files().join(Uuid::now_v7().to_string());
    std::fs::create_dir_all(&logs).unwrap();
    Running::start("outbox-relay", &Binaries::beside_this_program(), &environment, &logs)
}

/// One number of a query, as the owner.
pub(crate) async fn number(database: &TestDatabase, query: &str) -> i64 {
    database.owner().await.query_one(query, &[]).await.unwrap().get(0)
}
