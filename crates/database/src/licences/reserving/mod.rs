//! The one writer of reservations: group commit.
//!
//! Handlers hand over what was declared; whatever arrived while the last transaction committed forms
//! the next one. Its licences are held so that nobody changes their state, their lines so that nobody
//! else draws, and then each declaration is judged by the law in the order in which it came, on what
//! those before it left. Who is refused does not hold up their neighbours; when the database refuses
//! a row, the batch is rolled back and written one by one. The queue is bounded and fair between
//! licences; beyond it callers are told to come back.
//!
//! The writer's connection is of the role that all of customs' requests use, under the same policies.

mod judging;
mod reading;
mod writing;

use super::usage::{NewReservation, Reserved, UseError};
use crate::{Error, Role, Target, cases::Moment, fair_queue::FairQueue};
use anyhow::anyhow;
use domain::{
    ids::{LicenceId, PersonId},
    licence::{LicenceContent, SerialNumber},
    regime::Regime,
};
use reading::Reading;
use secrecy::ExposeSecret;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::oneshot;
use tokio_postgres::{Client, NoTls, error::SqlState};
use writing::Writing;

/// Reservations in one transaction, at most.
const BATCH: usize = 128;
/// Reservations that may wait, in all and of one licence.
const CAPACITY: usize = 4_096;
const CAPACITY_PER_LICENCE: usize = 1_024;
/// A caller hears "unavailable" when its reservation was not written in this time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const RECONNECT_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_LAST: Duration = Duration::from_secs(5);
/// How long a licence that somebody else holds keeps the others of its batch waiting.
const LOCK_TIMEOUT_MS: u32 = 1_000;
/// What licences say never changes: so many are remembered.
const LICENCES_KNOWN: usize = 10_000;

/// Hands declarations over to the writing task; cheap to clone.
#[derive(Clone, Debug)]
pub struct ReservationWriter {
    queue: Arc<FairQueue<SerialNumber, Waiting>>,
}

/// Goods that are declared under a licence, by whom, when, and by what law to judge.
#[derive(Clone, Debug)]
pub struct ReservationRequest {
    /// The licence.
    pub number: SerialNumber,
    /// What is to be reserved.
    pub wanted: NewReservation,
    /// Who asks.
    pub person: PersonId,
    /// The law in force.
    pub regime: Arc<Regime>,
    /// When.
    pub moment: Moment,
}

#[derive(Debug)]
struct Waiting {
    request: ReservationRequest,
    answer: oneshot::Sender<Result<Reserved, UseError>>,
}

impl ReservationWriter {
    /// Starts the writing task. It ends when [`ReservationWriter::close`] was called and everything
    /// that waited is written.
    pub fn start(target: Target) -> (Self, tokio::task::JoinHandle<()>) {
        let queue = Arc::new(FairQueue::new(CAPACITY, CAPACITY_PER_LICENCE));
        let task = tokio::spawn(write_until_closed(target, Arc::clone(&queue)));
        (Self { queue }, task)
    }

    /// Reserves goods under a licence, once for each declaration and line, and answers once that is
    /// durable.
    pub async fn reserve(&self, request: ReservationRequest) -> Result<Reserved, UseError> {
        let (answer, answered) = oneshot::channel();
        let pushed = self.queue.push(request.number, Waiting { request, answer });
        pushed.map_err(|_| UseError::Overloaded)?;
        match tokio::time::timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(reserved)) => reserved,
            Ok(Err(_)) | Err(_) => Err(unavailable("the reservation was not written in time")),
        }
    }

    /// Takes nothing more; what waits is still written.
    pub fn close(&self) {
        self.queue.close();
    }
}

fn unavailable(why: &'static str) -> UseError {
    UseError::Database(Error::Unavailable(anyhow!(why)))
}

/// Whether somebody else held what was to be held for too long.
fn is_held(error: &Error) -> bool {
    let Error::Writer(error) = error else { return false };
    error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
}

async fn write_until_closed(target: Target, queue: Arc<FairQueue<SerialNumber, Waiting>>) {
    let mut connection: Option<Writer> = None;
    loop {
        let mut batch = queue.take(BATCH).await;
        if batch.is_empty() {
            return;
        }
        // Whoever gave up waiting may still find it reserved: the declaration tells.
        batch.retain(|waiting| !waiting.answer.is_closed());
        let mut writer = match connection.take() {
            Some(writer) => writer,
            None => connect(&target).await,
        };
        writer.write(batch).await;
        connection = Some(writer).filter(|writer| !writer.client.is_closed());
    }
}

/// Connects, however long it takes.
async fn connect(target: &Target) -> Writer {
    let mut pause = RECONNECT_FIRST;
    loop {
        match Writer::connect(target).await {
            Ok(writer) => return writer,
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the writer of reservations cannot connect and will try again"
            ),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RECONNECT_LAST);
    }
}

#[derive(Debug)]
struct Writer {
    client: Client,
    reading: Reading,
    writing: Writing,
    /// What licences say, by their id.
    contents: HashMap<LicenceId, Arc<LicenceContent>>,
}

impl Writer {
    async fn connect(target: &Target) -> Result<Self, Error> {
        let url = target.url_as(Role::Licensing);
        let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the connection of the writer of reservations ended"
                );
            }
        });
        // All is looked up by key. A plan that was made while a table was small would read the whole
        // of it for each batch, for as long as nobody looks at its statistics anew.
        let settings = format!(
            "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_hashjoin = off;
             set enable_mergejoin = off; set lock_timeout = '{LOCK_TIMEOUT_MS}ms'"
        );
        client.batch_execute(&settings).await?;
        let reading = Reading::prepare(&client).await?;
        let writing = Writing::prepare(&client).await?;
        Ok(Self { client, reading, writing, contents: HashMap::new() })
    }

    /// Writes a batch and answers everybody in it.
    async fn write(&mut self, batch: Vec<Waiting>) {
        let requests: Vec<&ReservationRequest> =
            batch.iter().map(|waiting| &waiting.request).collect();
        match self.commit(&requests).await {
            Ok(verdicts) => {
                for (waiting, verdict) in batch.into_iter().zip(verdicts) {
                    let _ = waiting.answer.send(verdict);
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    reservations = batch.len(),
                    "a batch of reservations was not acknowledged"
                );
                self.write_one_by_one(batch).await;
            }
        }
    }

    /// After a batch failed: whose fault was it?
    async fn write_one_by_one(&mut self, batch: Vec<Waiting>) {
        let mut held = HashSet::new();
        for waiting in batch {
            let number = waiting.request.number;
            let verdict = if self.client.is_closed() {
                Err(unavailable("the database went away"))
            } else if held.contains(&number) {
                Err(unavailable("somebody else holds the licence"))
            } else {
                match self.commit(&[&waiting.request]).await {
                    Ok(verdicts) => {
                        verdicts.into_iter().next().expect("one request has one verdict")
                    }
                    Err(error) if is_held(&error) => {
                        held.insert(number);
                        Err(unavailable("somebody else holds the licence"))
                    }
                    Err(error) => Err(UseError::Database(error)),
                }
            };
            let _ = waiting.answer.send(verdict);
        }
    }

    /// One transaction; rolled back when it fails.
    async fn commit(
        &mut self,
        requests: &[&ReservationRequest],
    ) -> Result<Vec<Result<Reserved, UseError>>, Error> {
        let outcome = self.try_commit(requests).await;
        if outcome.is_err() && !self.client.is_closed() {
            // After a failed commit there is nothing to roll back, and Postgres only says so.
            self.client.batch_execute("rollback").await?;
        }
        outcome
    }

    async fn try_commit(
        &mut self,
        requests: &[&ReservationRequest],
    ) -> Result<Vec<Result<Reserved, UseError>>, Error> {
        if LICENCES_KNOWN < self.contents.len() {
            self.contents.clear();
        }
        let known = self.reading.begin_and_read(&self.client, requests, &mut self.contents).await?;
        let judged = judging::judge(requests, known);
        if judged.new.is_empty() {
            self.client.batch_execute("rollback").await?;
        } else {
            self.writing.write_and_commit(&self.client, &judged.new).await?;
        }
        Ok(judged.verdicts)
    }
}
