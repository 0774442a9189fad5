//! Kills everything that can be killed, under load, and looks whether anything went wrong.
//!
//! Filers post through the public interface, each filing under one reference and one idempotency
//! key, again and again until it is acknowledged. Meanwhile services, Postgres and RabbitMQ die
//! by SIGKILL at random. When everything is up again and nothing is under way any more, what was
//! acknowledged is compared with what is stored ([`verdict`]).
//!
//! `--without` takes a safeguard away: the same run must then find something, or it proves
//! nothing. SIGKILL says nothing about a power cut.

pub mod customs;
pub mod faults;
pub mod load;
pub mod servers;
pub mod verdict;

use crate::{
    filers,
    work::{socket, stock_up},
};
use customs::Customs;
use faults::Faults;
use load::Load;
use servers::Servers;
use std::time::Duration;
use testkit::{Binaries, Stack, StackOptions};
use verdict::Report;

const FILERS: usize = 8;
/// How long the load goes on undisturbed before the first fault and after the last.
const QUIET: Duration = Duration::from_secs(2);

/// What to do.
#[derive(Debug)]
pub struct Options {
    /// How many faults.
    pub faults: u32,
    /// What chooses them.
    pub seed: u64,
    /// Which safeguard to take away.
    pub without: Option<Safeguard>,
    /// The servers that may be killed.
    pub servers: Servers,
    /// The binaries of the services.
    pub binaries: Binaries,
}

/// Something that keeps effects whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safeguard {
    /// A message that comes twice has its effect once.
    Inbox,
    /// An event is forgotten only after the broker has confirmed it.
    Outbox,
}

impl Safeguard {
    const fn setting_without(self) -> &'static str {
        match self {
            Self::Inbox => "LODESTONE_WORKER__SKIP_INBOX",
            Self::Outbox => "LODESTONE_RELAY__DELETE_BEFORE_PUBLISH",
        }
    }
}

/// Runs it all and says what came of it.
pub async fn run(options: Options) -> anyhow::Result<Report> {
    let environment = match options.without {
        Some(safeguard) => vec![
            (safeguard.setting_without().to_owned(), "true".to_owned()),
            ("LODESTONE_EXPERIMENT".to_owned(), "yes".to_owned()),
        ],
        None => Vec::new(),
    };
    let services = vec!["reporting-api", "licensing", "anomaly-worker", "outbox-relay"];
    let binaries = options.binaries.clone();
    let stack = StackOptions { binaries, services, environment, ..StackOptions::default() };
    let mut stack = Stack::start_with(stack).await;
    let filers = filers::register(stack.database(), FILERS).await;
    let address = socket(&stack.url("reporting-api"))?;
    let happened_at = service::clock::now();
    stock_up(address, &filers, happened_at).await?;

    let border = customs::open(stack.database(), &filers[0], happened_at).await?;

    let load = Load::start(address, &filers, happened_at);
    let customs = Customs::start(socket(&stack.url("licensing"))?, &border);
    tokio::time::sleep(QUIET).await;
    let faults = Faults::new(options.seed, options.servers);
    let done = faults.inflict(&mut stack, options.faults).await?;
    tokio::time::sleep(QUIET).await;
    let acknowledged = load.stop().await?;
    let used = customs.stop().await?;
    for service in stack.services() {
        service.becomes_ready().await;
    }
    verdict::settle(stack.database()).await;
    verdict::of(stack.database(), &acknowledged, &used, done).await
}
