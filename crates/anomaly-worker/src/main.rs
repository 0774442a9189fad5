//! Watches: every filing, application and use of a licence goes through the detectors of `rules`.
//!
//! Messages are taken in batches. One transaction accepts them, reads what must be known
//! (`database::screening`), has it judged (`rules`) and stores what came of it with its events;
//! only then are they acknowledged. Nothing here depends on the order of messages: a judgement is
//! about a subject as it stands now, and whoever arrives late has its counterparts judged anew.
//!
//! Absent on purpose: any effect beside findings and assessments. People decide.

mod applications;
mod border;
mod consuming;
mod feeds;
mod filings;
mod licences;
mod list_days;
mod message;
mod telling;

use crate::consuming::{Accepting, Consuming, Judges};
use broker::{Broker, Consumer, ConsumerSpec, Limits, Link, Topology, topology};
use database::{Pool, Role};
use mimalloc::MiMalloc;
use service::{
    health::Health,
    http::Server,
    openapi,
    process::{self, Context, Process},
    schema,
};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const PROCESS: Process = Process { name: "anomaly-worker", port: 8083 };
/// One for each consumer, one to count failures on, and two for what comes with the time.
const POOL_CONNECTIONS: usize = 7;

fn main() -> ExitCode {
    process::run(PROCESS, run)
}

async fn run(context: Context) -> anyhow::Result<()> {
    let pool = context.settings.database_target()?.pool(Role::Worker, POOL_CONNECTIONS);
    let broker = Broker {
        url: context.settings.amqp_url()?.clone(),
        topology: Topology::prefixed(context.settings.amqp.prefix.clone()),
        process: PROCESS.name,
    };
    let link = Link::default();
    let server = Server::of(&context, health(&pool, &link), openapi::without_routes(PROCESS.name));
    let work = context.clone();
    context.spawn("watching", async move {
        // While the database is away the process lives, and says that it is not ready.
        if schema::require(&pool, &work.shutdown).await? {
            let consumers = Consumers { context: &work, pool: &pool, broker: &broker };
            tokio::join!(
                consumers.run(&topology::FILINGS, link, filings::Filings::default()),
                consumers.run(
                    &topology::APPLICATIONS,
                    Link::default(),
                    applications::Applications::default()
                ),
                consumers.run(&topology::LISTS, Link::default(), applications::Lists::default()),
                consumers.run(&topology::LICENCES, Link::default(), licences::Licences::default()),
                consumers.run(&topology::FEEDS, Link::default(), feeds::Feeds::default()),
                list_days::watch(&pool, &work.shutdown),
                border::watch(&pool, &work.shutdown),
            );
        }
        Ok(())
    });
    server.run(|_| {}).await
}

/// What every consumer works with.
struct Consumers<'a> {
    context: &'a Context,
    pool: &'a Pool,
    broker: &'a Broker,
}

impl Consumers<'_> {
    async fn run(&self, spec: &'static ConsumerSpec, link: Link, judges: impl Judges) {
        let settings = &self.context.settings;
        let limits = Limits {
            batch: settings.consumer.batch_messages,
            prefetch: settings.consumer.prefetch_messages,
            attempts: settings.consumer.attempts,
        };
        let accepting =
            if settings.worker.skip_inbox { Accepting::Everything } else { Accepting::Once };
        let handler = Consuming::new(spec.name, self.pool.clone(), accepting, judges);
        let consumer = Consumer { broker: self.broker.clone(), spec, limits, link };
        consumer.run(&handler, &self.context.shutdown).await;
    }
}

fn health(pool: &Pool, link: &Link) -> Health {
    let (pool, link) = (pool.clone(), link.clone());
    Health::new()
        .with("database", move || {
            let pool = pool.clone();
            async move { schema::check(&pool).await }
        })
        .with("broker", move || std::future::ready(link.check()))
}
