//! Exporters apply here, officers decide, customs draws down.
//!
//! Handlers fetch, ask `domain`, and store; what may happen to a case or a licence stands in the
//! tables that [`workflow`] publishes. Licences and determinations leave signed.

mod app;
mod applications;
mod cases;
mod changes;
mod determinations;
mod documents;
mod if_match;
mod keys;
mod licences;
mod officers;
mod once;
mod page;
mod problems;
mod processing_times;
mod queues;
mod routing;
mod sealed;
mod upkeep;
mod webhooks;
mod workflow;

use actix_web::web;
use app::App;
use database::{Pool, Role, licences::ReservationWriter};
use licences::document::{DocumentFont, DocumentSeal};
use mimalloc::MiMalloc;
use service::{
    health::Health,
    http::Server,
    identity::Authenticator,
    process::{self, Context, Process},
    rate_limit::CallerLimit,
    regimes::Regimes,
    schema,
    secret::ServerSecret,
    signer::Signer,
    signing,
};
use std::{process::ExitCode, sync::Arc};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const PROCESS: Process = Process { name: "licensing", port: 8082 };
const IDENTITY_CONNECTIONS: usize = 4;

fn main() -> ExitCode {
    process::run(PROCESS, run)
}

async fn run(context: Context) -> anyhow::Result<()> {
    let target = context.settings.database_target()?;
    let connections = context.settings.database.pool_connections;
    let pool = target.pool(Role::Licensing, connections);
    let identity = target.pool(Role::Identity, IDENTITY_CONNECTIONS);
    let failures = CallerLimit::on_sign_ins(&context.settings.ratelimit);
    let authenticator = Authenticator::new(identity, failures);
    let signer = Signer::new(signing::read_key(context.settings.signing_key_file()?)?);
    let (reservations, reserving) = ReservationWriter::start(target.clone());
    let app = App {
        pool: pool.clone(),
        reservations: reservations.clone(),
        applicants: target.pool(Role::Applicant, connections),
        regimes: Arc::new(Regimes::default()),
        seal: Arc::new(DocumentSeal::of(&signer)?),
        signer: Arc::new(signer),
        font: DocumentFont::in_file(&context.settings.pdf.font_file),
        secret: ServerSecret::read(context.settings.secret_key_file()?)?,
        decided: Arc::default(),
        allow_private_webhooks: context.settings.webhooks.allow_private_addresses,
        papers: documents::Papers::open(&context.settings)?,
        wrapping_keys: context
            .settings
            .sealed
            .key_file
            .as_deref()
            .map(sealed::seal::WrappingKeys::read)
            .transpose()?,
    };
    let server = Server::of(&context, health(&pool), app::description());
    context.spawn("upkeep", upkeep::run(app.clone(), context.shutdown.clone()));
    context.spawn("routing", upkeep::route(app.clone(), context.shutdown.clone()));
    let outcome = server
        .run(move |config| {
            config
                .app_data(web::Data::new(app.clone()))
                .app_data(web::Data::new(authenticator.clone()))
                .configure(app::routes);
        })
        .await;
    // Nobody declares anything any more; what waits is still written.
    reservations.close();
    reserving.await?;
    outcome
}

fn health(pool: &Pool) -> Health {
    let pool = pool.clone();
    Health::new().with("database", move || {
        let pool = pool.clone();
        async move { schema::check(&pool).await }
    })
}
