//! Which process dies when, and when it comes back: all from one seed.

use super::servers::{Server, Servers, is_alive};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use testkit::Stack;
use tokio::task::JoinHandle;

const PAUSE_MS: std::ops::Range<u64> = 300..1_500;
/// How long a service stays away.
const AWAY_MS: std::ops::Range<u64> = 0..2_000;
/// How long a server stays away besides the time it takes to start.
const SERVER_AWAY_MS: std::ops::Range<u64> = 0..1_500;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Faults of a run, in the order that a seed gives them.
#[derive(Debug)]
pub struct Faults {
    random: ChaCha8Rng,
    servers: Servers,
    away: Vec<Away>,
    done: Done,
}

/// What was inflicted, and what ended without being killed.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Faults by what was killed.
    pub killed: BTreeMap<String, u32>,
    /// Processes that ended by themselves, with what they said last.
    pub ended_by_themselves: Vec<String>,
}

#[derive(Debug)]
enum Away {
    Service { name: String, until: Instant },
    Server { server: Server, starting: JoinHandle<anyhow::Result<()>> },
}

impl Faults {
    /// Faults that this seed chooses.
    pub fn new(seed: u64, servers: Servers) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { random, servers, away: Vec::new(), done: Done::default() }
    }

    /// Kills so many times; when it returns everything is running again.
    pub async fn inflict(mut self, stack: &mut Stack, faults: u32) -> anyhow::Result<Done> {
        for count in 1..=faults {
            let pause = Duration::from_millis(self.random.random_range(PAUSE_MS));
            self.bring_back(stack, Some(Instant::now() + pause)).await?;
            let killed = self.kill_something(stack).await?;
            if count % 10 == 0 {
                eprintln!("{count} faults, the last: {killed}");
            }
        }
        self.bring_back(stack, None).await?;
        Ok(self.done)
    }

    /// Starts what was away long enough, until a moment or until nothing is away any more.
    async fn bring_back(
        &mut self,
        stack: &mut Stack,
        until: Option<Instant>,
    ) -> anyhow::Result<()> {
        loop {
            for away in std::mem::take(&mut self.away) {
                match away {
                    Away::Service { name, until } if until <= Instant::now() => {
                        stack.service(&name).start_again();
                    }
                    Away::Server { starting, .. } if starting.is_finished() => starting.await??,
                    still_away => self.away.push(still_away),
                }
            }
            self.notice_the_dead(stack);
            match until {
                Some(until) if until <= Instant::now() => return Ok(()),
                None if self.away.is_empty() => return Ok(()),
                _ => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// A service that ended although nobody killed it: a fault of its own, started again.
    fn notice_the_dead(&mut self, stack: &mut Stack) {
        for service in stack.services() {
            if service.pid().is_some_and(|pid| !is_alive(pid)) {
                self.done.ended_by_themselves.push(format!(
                    "{}: {}",
                    service.name(),
                    service.last_of_log()
                ));
                service.kill();
                service.start_again();
            }
        }
    }

    /// Kills something that is not away. Mostly services: they come back fastest.
    async fn kill_something(&mut self, stack: &mut Stack) -> anyhow::Result<String> {
        loop {
            let services = stack.services().len();
            let victim = self.random.random_range(0..services * 4 + 4);
            let name = match victim {
                0 | 1 => self.kill_server(Server::Postgres).await?,
                2 | 3 => self.kill_server(Server::RabbitMq).await?,
                _ => self.kill_service(stack, victim % services),
            };
            if let Some(name) = name {
                *self.done.killed.entry(name.clone()).or_default() += 1;
                return Ok(name);
            }
        }
    }

    fn kill_service(&mut self, stack: &mut Stack, place: usize) -> Option<String> {
        let until = Instant::now() + Duration::from_millis(self.random.random_range(AWAY_MS));
        let service = &mut stack.services()[place];
        service.pid()?;
        service.kill();
        let name = service.name().to_owned();
        self.away.push(Away::Service { name: name.clone(), until });
        Some(name)
    }

    async fn kill_server(&mut self, server: Server) -> anyhow::Result<Option<String>> {
        let is_away =
            |away: &Away| matches!(away, Away::Server { server: gone, .. } if *gone == server);
        if self.away.iter().any(is_away) {
            return Ok(None);
        }
        self.servers.kill(server).await?;
        let pause = Duration::from_millis(self.random.random_range(SERVER_AWAY_MS));
        let servers = self.servers.clone();
        let starting = tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            servers.start(server).await
        });
        self.away.push(Away::Server { server, starting });
        Ok(Some(format!("{server:?}").to_lowercase()))
    }
}
