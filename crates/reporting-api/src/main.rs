//! Producers report here: filings in, what follows from them out; and the register is kept here.
//!
//! Handlers judge forms ([`filings`]) and hand them to the one writer of this process, which
//! commits them in groups. Reads are for one organisation at a time, or an official's, logged.

mod access_log;
mod app;
mod balances;
mod dead_letters;
mod epcis;
mod feeds;
mod filings;
mod findings;
mod identity;
mod licensing_statistics;
mod log;
mod lots;
mod material;
mod movements;
mod notifications;
mod paging;
mod quotas;
mod reading;
mod regime;
mod releases;
mod returns;
mod statistics;
mod unmaskings;

use actix_web::web;
use database::{Role, filing_writer::FilingWriter};
use filings::{
    bulk::{office::Office, workbook},
    desk::Desk,
};
use identity::Registrar;
use jiff::SignedDuration;
use log::LogReader;
use lots::keeping::Keeping;
use mimalloc::MiMalloc;
use reading::ReadingPools;
use service::{
    health::Health,
    http::Server,
    identity::{Authenticator, Passwords},
    process::{self, Context, Process},
    rate_limit::CallerLimit,
    regimes::Regimes,
    schema,
    secret::ServerSecret,
    signer::Signer,
    signing,
};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const PROCESS: Process = Process { name: "reporting-api", port: 8081 };

const OFFICIAL_CONNECTIONS: usize = 4;
const IDENTITY_CONNECTIONS: usize = 4;

fn main() -> ExitCode {
    // Started by itself, for a workbook that may be made to crash its reader.
    workbook::serve().unwrap_or_else(|| process::run(PROCESS, run))
}

async fn run(context: Context) -> anyhow::Result<()> {
    let settings = &context.settings;
    let target = settings.database_target()?;
    let secret = ServerSecret::read(settings.secret_key_file()?)?;
    let pools = ReadingPools {
        reporting: target.pool(Role::Reporting, settings.database.pool_connections),
        official: target.pool(Role::Official, OFFICIAL_CONNECTIONS),
    };
    let registrar = registrar(&context, &pools, secret.clone())?;
    let (writer, writing) = FilingWriter::start(target.clone());
    let office = Office::open(&settings.bulk_folder()?, target.clone(), pools.reporting.clone())?;
    context.spawn("files", office.clone().work(context.shutdown.clone()));
    let keeping = Keeping::new(target.clone(), settings.traces.memory_mib);
    context.spawn("traces", keeping.clone().work(context.shutdown.clone()));
    let desk = Desk::new(writer.clone(), target, pools.reporting.clone());
    let late =
        epcis::waiting::work(desk.clone(), pools.reporting.clone(), context.shutdown.clone());
    context.spawn("receipts that wait", late);
    let signer = web::Data::new(Signer::new(signing::read_key(settings.signing_key_file()?)?));
    let regimes = web::Data::new(Regimes::default());
    let log = LogReader::new(pools.reporting.clone());

    let (pool, shutdown) = (pools.reporting.clone(), context.shutdown.clone());
    let server = Server::of(&context, health(&pools), app::description());
    context.spawn("schema", async move {
        // An old schema stops the process; one that is away is waited for, by the writer too.
        if schema::require(&pool, &shutdown).await? {
            shutdown.cancelled().await;
        }
        Ok(())
    });
    let outcome = server
        .run(move |config| {
            config
                .app_data(web::Data::new(desk.clone()))
                .app_data(signer.clone())
                .app_data(regimes.clone())
                .app_data(web::Data::new(office.clone()))
                .app_data(web::Data::new(pools.clone()))
                .app_data(web::Data::new(registrar.authenticator.clone()))
                .app_data(web::Data::new(registrar.clone()))
                .app_data(web::Data::new(log.clone()))
                .app_data(web::Data::new(keeping.clone()))
                .app_data(web::Data::new(secret.clone()))
                .configure(app::routes);
        })
        .await;
    // Nobody hands anything in any more; what waits is still written.
    writer.close();
    writing.await?;
    outcome
}

fn registrar(
    context: &Context,
    pools: &ReadingPools,
    secret: ServerSecret,
) -> anyhow::Result<Registrar> {
    let identity = context.settings.database_target()?.pool(Role::Identity, IDENTITY_CONNECTIONS);
    Ok(Registrar {
        authenticator: Authenticator::new(identity.clone(), limit_on_failures(context)),
        pool: identity,
        own: pools.reporting.clone(),
        passwords: Passwords::new()?,
        sign_ins: limit_on_failures(context),
        session: SignedDuration::from_mins(context.settings.auth.session_minutes.into()),
        secret,
    })
}

/// Tokens and passwords are counted apart: a forgotten key in some machine must not keep its
/// neighbours from signing in.
fn limit_on_failures(context: &Context) -> Option<CallerLimit> {
    let limit = CallerLimit::on_sign_ins(&context.settings.ratelimit)?;
    tokio::spawn(limit.clone().upkeep(context.shutdown.clone()));
    Some(limit)
}

fn health(pools: &ReadingPools) -> Health {
    let pool = pools.reporting.clone();
    Health::new().with("database", move || {
        let pool = pool.clone();
        async move { schema::check(&pool).await }
    })
}
