//! Filers who do not give up: each filing is posted until it is acknowledged.

use crate::{
    connection::{Answer, Connection},
    filers::Filer,
    work::{Post, Work, post},
};
use anyhow::Context;
use jiff::Timestamp;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const CONNECTIONS: usize = 16;
/// Each connection waits so long after an answer: at most 160 filings a second in all.
const PAUSE: Duration = Duration::from_millis(100);
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// Longer than the service itself takes to say that it cannot tell.
const PATIENCE: Duration = Duration::from_secs(25);
/// Every so many filings one takes more out of a lot than there was.
const PLANTED_EVERY: u32 = 25;

/// The load while it runs.
#[derive(Debug)]
pub struct Load {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<anyhow::Result<Acknowledged>>>,
}

/// What filers were told.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    /// Every acknowledged filing: whose, its reference, its id.
    pub filings: Vec<(Uuid, String, Uuid)>,
    /// Answers that nobody should get for a right filing.
    pub refusals: Vec<String>,
    /// How often a filing was posted again.
    pub repeats: u64,
    /// The longest time that one filing had to be repeated.
    pub worst_stall: Duration,
}

impl Load {
    /// Begins.
    pub fn start(address: SocketAddr, filers: &[Filer], happened_at: Timestamp) -> Self {
        let stop = CancellationToken::new();
        let tasks = (0..CONNECTIONS)
            .map(|place| {
                let (filer, buyer) =
                    (&filers[place % filers.len()], &filers[(place + 1) % filers.len()]);
                let work = Work::new(filer, buyer, happened_at, format!("c{place}"));
                tokio::spawn(file_until(address, work, stop.clone()))
            })
            .collect();
        Self { stop, tasks }
    }

    /// Ends it once everything begun is acknowledged.
    pub async fn stop(self) -> anyhow::Result<Arc<Acknowledged>> {
        self.stop.cancel();
        let mut all = Acknowledged::default();
        for task in self.tasks {
            let told = task.await??;
            all.filings.extend(told.filings);
            all.refusals.extend(told.refusals);
            all.repeats += told.repeats;
            all.worst_stall = all.worst_stall.max(told.worst_stall);
        }
        Ok(Arc::new(all))
    }
}

async fn file_until(
    address: SocketAddr,
    mut work: Work,
    stop: CancellationToken,
) -> anyhow::Result<Acknowledged> {
    let mut line = Line { address, connection: None, told: Acknowledged::default() };
    let mut count = 0_u32;
    while !stop.is_cancelled() {
        count += 1;
        let wanted = if count.is_multiple_of(PLANTED_EVERY) {
            let (made, gone, _) = work.invented_stock();
            vec![made, gone]
        } else {
            vec![work.next_post()]
        };
        for filing in wanted {
            line.post_until_told(work.filer(), &filing).await?;
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(line.told)
}

/// One filer's line to the service, made anew whenever it breaks.
struct Line {
    address: SocketAddr,
    connection: Option<Connection>,
    told: Acknowledged,
}

impl Line {
    async fn post_until_told(&mut self, filer: &Filer, filing: &Post) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            if let Some(answer) = self.post_once(filer, filing).await {
                if answer.is_success() {
                    let id =
                        answer.json()["id"].as_str().context("an answer with an id")?.parse()?;
                    let organisation = filer.organisation;
                    self.told.filings.push((organisation, filing.reference.clone(), id));
                    break;
                }
                if !matches!(answer.status, 429 | 500..) {
                    let said = format!("{} {}", answer.status, answer.json());
                    self.told.refusals.push(format!("{}: {said}", filing.reference));
                    break;
                }
                if answer.status == 500 {
                    // An outage is no excuse for a failure that nobody foresaw.
                    self.told.refusals.push(format!("{}: {}", filing.reference, answer.json()));
                }
            }
            self.told.repeats += 1;
            tokio::time::sleep(ASK_AGAIN).await;
        }
        self.told.worst_stall = self.told.worst_stall.max(began.elapsed());
        Ok(())
    }

    /// What was answered; nothing when the line broke.
    async fn post_once(&mut self, filer: &Filer, filing: &Post) -> Option<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await.ok()?,
        };
        let answer = timeout(PATIENCE, post(&mut connection, filer, filing)).await.ok()?.ok()?;
        self.connection = Some(connection);
        Some(answer)
    }
}
