//! Carries events from the database to everyone who must hear them.
//!
//! One relay leads; others wait to take over. The leader gives committed events their place in
//! the log ([`sequencing`]), publishes the log in its order ([`publishing`]), signs its tree
//! ([`checkpoints`]) and gives dead letters back ([`replay`]). It also looks for open items, tells
//! whose turn it is ([`notifying`]), sends what leaves by mail ([`mailing`]) and calls the systems of
//! applicants about what changed ([`calling`]). An event counts as published only after RabbitMQ
//! confirmed it: what stops in between leads to a repeat, never to a loss.
//!
//! Nothing else publishes. Nothing here judges what an event means.

mod calling;
mod checkpoints;
mod dead_letters;
mod housekeeping;
mod leading;
mod mailing;
mod notifying;
mod publishing;
mod relay;
mod replay;
mod sequencing;

use crate::relay::Relay;
use broker::Link;
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

const PROCESS: Process = Process { name: "outbox-relay", port: 8084 };

fn main() -> ExitCode {
    process::run(PROCESS, run)
}

async fn run(context: Context) -> anyhow::Result<()> {
    let relay = Relay::new(PROCESS.name, &context)?;
    let link = Link::default();
    let server = Server::of(&context, health(&relay, &link), openapi::without_routes(PROCESS.name));
    context.spawn("relay", async move {
        // While the database is away the process lives, and says that it is not ready.
        if schema::require(&relay.pool, &relay.shutdown).await? {
            tokio::join!(leading::run(&relay), dead_letters::run(&relay, link));
        }
        Ok(())
    });
    server.run(|_| {}).await
}

fn health(relay: &Relay, link: &Link) -> Health {
    let (pool, link) = (relay.pool.clone(), link.clone());
    Health::new()
        .with("database", move || {
            let pool = pool.clone();
            async move { schema::check(&pool).await }
        })
        .with("broker", move || std::future::ready(link.check()))
}
