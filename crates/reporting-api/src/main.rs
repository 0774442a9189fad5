//! Producers report here: filings in, what follows from them out.
//!
//! Handlers judge forms ([`filings`]) and hand them to the one writer of this process, which
//! commits them in groups. Reads are for one organisation at a time, or an official's, logged.

mod app;
mod balances;
mod filings;
mod movements;
mod reading;

use actix_web::web;
use database::{Role, filing_writer::FilingWriter};
use filings::desk::Desk;
use mimalloc::MiMalloc;
use reading::ReadingPools;
use service::{
    health::Health,
    http::Server,
    identity::Authenticator,
    process::{self, Context, Process},
    rate_limit::CallerLimit,
    schema,
    secret::ServerSecret,
};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const PROCESS: Process = Process { name: "reporting-api", port: 8081 };

const REPORTING_CONNECTIONS: usize = 8;
const OFFICIAL_CONNECTIONS: usize = 4;
const IDENTITY_CONNECTIONS: usize = 4;

fn main() -> ExitCode {
    process::run(PROCESS, run)
}

async fn run(context: Context) -> anyhow::Result<()> {
    let target = context.settings.database_target()?;
    let secret = ServerSecret::read(context.settings.secret_key_file()?)?;
    let pools = ReadingPools {
        reporting: target.pool(Role::Reporting, REPORTING_CONNECTIONS),
        official: target.pool(Role::Official, OFFICIAL_CONNECTIONS),
    };
    let identity = target.pool(Role::Identity, IDENTITY_CONNECTIONS);
    let failures = CallerLimit::on_sign_ins(&context.settings.ratelimit);
    let authenticator = Authenticator::new(identity, failures);
    let (writer, writing) = FilingWriter::start(target.clone());
    let desk = Desk::new(writer.clone(), target, pools.reporting.clone());

    let (pool, shutdown) = (pools.reporting.clone(), context.shutdown.clone());
    let server = Server::of(&context, health(&pools), app::description());
    context.spawn("filing writer", async move {
        // An old schema stops the process; one that is away is waited for, by the writer too.
        if schema::require(&pool, &shutdown).await? {
            shutdown.cancelled().await;
        }
        writer.close();
        Ok(writing.await?)
    });
    server
        .run(move |config| {
            config
                .app_data(web::Data::new(desk.clone()))
                .app_data(web::Data::new(pools.clone()))
                .app_data(web::Data::new(authenticator.clone()))
                .app_data(web::Data::new(secret.clone()))
                .configure(app::routes);
        })
        .await
}

fn health(pools: &ReadingPools) -> Health {
    let pool = pools.reporting.clone();
    Health::new().with("database", move || {
        let pool = pool.clone();
        async move { schema::check(&pool).await }
    })
}
