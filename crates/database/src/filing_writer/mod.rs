//! The one writer of filings: group commit.
//!
//! Handlers validate and hand over an [`Entry`]; whatever arrived while the last transaction
//! committed forms the next one. Each caller is answered after its own commit. An entry that
//! Postgres refuses never fails its neighbours: the batch is rolled back and written one by one.
//! The queue is bounded and fair between organisations; beyond it callers are told to come back.
//!
//! diesel has no way to send a batch of composite rows without waiting for each statement, so
//! this module holds a tokio-postgres connection of its own (`docs/decisions/0003`).

mod bulk;
mod document;
mod entry;
mod numeric;
mod rows;
mod statements;

pub use bulk::{BulkLane, BulkVerdicts, Claims, Shared, Taken};
pub use document::{Document, DocumentVerdict};
pub use entry::{Entry, FirstReceipt, Idempotency, Reversal, Verdict, WithdrawnLot, WriteError};

use crate::{Error, Role, Target, fair_queue::FairQueue};
use document::WaitingDocument;
use domain::ids::OrganisationId;
use secrecy::ExposeSecret;
use statements::{Claimed, Statements};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::sync::oneshot;
use tokio_postgres::{Client, NoTls};

/// Filings in one transaction, at most: beyond it commits get slower, not cheaper.
const BATCH: usize = 256;
/// Filings that may wait, in all and of one organisation.
const CAPACITY: usize = 8_192;
const CAPACITY_PER_ORGANISATION: usize = 2_048;
/// A caller hears "unavailable" when its filing was not written in this time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Connections that write: while one waits for its commit, the other fills the next transaction.
const WRITERS: usize = 2;
const RECONNECT_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_LAST: Duration = Duration::from_secs(5);

/// Hands entries over to the writing tasks; cheap to clone.
#[derive(Clone, Debug)]
pub struct FilingWriter {
    queue: Arc<FairQueue<OrganisationId, Waiting>>,
    documents: Arc<FairQueue<OrganisationId, WaitingDocument>>,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    answer: oneshot::Sender<Result<Verdict, WriteError>>,
}

impl FilingWriter {
    /// Starts the writing task. It ends when [`FilingWriter::close`] was called and everything
    /// that waited is written.
    pub fn start(target: Target) -> (Self, tokio::task::JoinHandle<()>) {
        let queue = Arc::new(FairQueue::new(CAPACITY, CAPACITY_PER_ORGANISATION));
        let documents = document::queue();
        let writing = write_on_all(target.clone(), Arc::clone(&queue));
        let writing_documents = document::write_on_all(target, Arc::clone(&documents));
        let task = tokio::spawn(async {
            tokio::join!(writing, writing_documents);
        });
        (Self { queue, documents }, task)
    }

    /// Writes an entry and answers once it is durable.
    pub async fn write(&self, entry: Entry) -> Result<Verdict, WriteError> {
        let (answer, answered) = oneshot::channel();
        let organisation = entry.filing.organisation;
        self.queue
            .push(organisation, Waiting { entry, answer })
            .map_err(|_| WriteError::Overloaded)?;
        match tokio::time::timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) | Err(_) => Err(WriteError::Unavailable),
        }
    }

    /// Takes nothing more; what waits is still written.
    pub fn close(&self) {
        self.queue.close();
        self.documents.close();
    }

    /// How many filings wait for the next transaction.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

async fn write_on_all(target: Target, queue: Arc<FairQueue<OrganisationId, Waiting>>) {
    let writers = [(); WRITERS]
        .map(|()| tokio::spawn(write_until_closed(target.clone(), Arc::clone(&queue))));
    for writer in writers {
        if let Err(error) = writer.await {
            tracing::error!(error = &error as &dyn std::error::Error, "a filing writer ended");
        }
    }
}

async fn write_until_closed(target: Target, queue: Arc<FairQueue<OrganisationId, Waiting>>) {
    let mut connection = None;
    loop {
        let mut batch = queue.take(BATCH).await;
        if batch.is_empty() {
            return;
        }
        // Whoever gave up waiting may still find the filing written: the key tells.
        batch.retain(|waiting| !waiting.answer.is_closed());
        while !batch.is_empty() {
            let writer = match connection.take() {
                Some(writer) => writer,
                None => connect(&target).await,
            };
            let later = writer.write(batch).await;
            batch = later.entries;
            if later.connection_works {
                connection = Some(writer);
            }
        }
    }
}

/// Connects, however long it takes.
async fn connect(target: &Target) -> Writer {
    let mut pause = RECONNECT_FIRST;
    loop {
        match Writer::connect(target).await {
            Ok(writer) => return writer,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the filing writer cannot connect and will try again"
                );
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RECONNECT_LAST);
    }
}

#[derive(Debug)]
struct Writer {
    client: Client,
    statements: Statements,
}

/// A connection of the writer's role, made ready for many small questions of foreign keys.
async fn connect_client(target: &Target) -> Result<Client, Error> {
    let url = target.url_as(Role::FilingWriter);
    let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the writer's connection ended"
            );
        }
    });
    // Every row asks its foreign key for the filing. Left to itself, Postgres plans that question
    // anew for each row, because it hopes to prune partitions: a hundred times the question.
    client.batch_execute("set plan_cache_mode = force_generic_plan").await?;
    Ok(client)
}

/// What a batch left to be done.
struct Later {
    /// Entries for the next transaction: their key or reference stood twice in this one.
    entries: Vec<Waiting>,
    connection_works: bool,
}

impl Writer {
    async fn connect(target: &Target) -> Result<Self, Error> {
        let client = connect_client(target).await?;
        let statements = Statements::prepare(&client).await?;
        Ok(Self { client, statements })
    }

    /// Writes a batch and answers everybody in it but those it hands back.
    async fn write(&self, batch: Vec<Waiting>) -> Later {
        let (mut batch, repeated) = first_of_each(batch);
        let outcome = loop {
            let entries: Vec<&Entry> = batch.iter().map(|waiting| &waiting.entry).collect();
            match self.commit(&entries).await {
                Ok(Committed::All { taken }) => break Ok(taken),
                // Rare: a key that stands for another request, or a receipt that is no first one.
                // The claim of its reference must not stay, so everything was rolled back and the
                // others go on without it.
                Ok(Committed::Nothing { in_the_way }) => {
                    let (out, rest) = batch.into_iter().partition(|waiting| {
                        in_the_way.contains(&waiting.entry.filing.id.as_uuid())
                    });
                    batch = rest;
                    self.answer_taken(out).await;
                }
                Err(error) => break Err(error),
            }
        };
        let connection_works = match outcome {
            Ok(taken) => {
                let (out, recorded): (Vec<_>, Vec<_>) = batch
                    .into_iter()
                    .partition(|waiting| taken.contains(&waiting.entry.filing.id.as_uuid()));
                for waiting in recorded {
                    let _ = waiting.answer.send(Ok(Verdict::Recorded));
                }
                self.answer_taken(out).await;
                true
            }
            Err(error) if error.is_unavailable() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a batch was not acknowledged"
                );
                for waiting in batch {
                    let _ = waiting.answer.send(Err(WriteError::Unavailable));
                }
                false
            }
            Err(error) => self.write_one_by_one(batch, error).await,
        };
        Later { entries: repeated, connection_works }
    }

    /// After a batch failed: whose fault was it?
    async fn write_one_by_one(&self, mut batch: Vec<Waiting>, error: Error) -> bool {
        if batch.len() == 1 {
            let waiting = batch.remove(0);
            tracing::error!(
                error = &error as &dyn std::error::Error,
                filing.id = %waiting.entry.filing.id,
                "a filing cannot be written"
            );
            let _ = waiting.answer.send(Err(WriteError::Failed(error)));
            return true;
        }
        let mut connection_works = true;
        for waiting in batch {
            if connection_works {
                connection_works = Box::pin(self.write(vec![waiting])).await.connection_works;
            } else {
                let _ = waiting.answer.send(Err(WriteError::Unavailable));
            }
        }
        connection_works
    }

    /// One transaction, rolled back when it answers `Nothing` or an error.
    async fn commit(&self, entries: &[&Entry]) -> Result<Committed, Error> {
        if entries.is_empty() {
            return Ok(Committed::All { taken: HashSet::new() });
        }
        let outcome = self.try_commit(entries).await;
        if !matches!(outcome, Ok(Committed::All { .. })) {
            // After a failed commit there is nothing to roll back, and Postgres only says so.
            self.client.batch_execute("rollback").await?;
        }
        outcome
    }

    async fn try_commit(&self, entries: &[&Entry]) -> Result<Committed, Error> {
        let Claimed { free, mut key_taken, received_before } =
            self.statements.begin_and_claim(&self.client, entries).await?;
        key_taken.extend(received_before);
        if !key_taken.is_empty() {
            return Ok(Committed::Nothing { in_the_way: key_taken });
        }
        let (new, taken): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().copied().partition(|entry| free.contains(&entry.filing.id.as_uuid()));
        if new.is_empty() {
            self.client.batch_execute("rollback").await?;
        } else {
            self.statements.insert_and_commit(&self.client, &new).await?;
        }
        Ok(Committed::All { taken: taken.iter().map(|entry| entry.filing.id.as_uuid()).collect() })
    }

    /// Tells callers whose reference or key was not free what stands there.
    async fn answer_taken(&self, taken: Vec<Waiting>) {
        for waiting in taken {
            let verdict = self.explain(&waiting.entry).await;
            let verdict = match verdict {
                Ok(Some(verdict)) => Ok(verdict),
                Ok(None) => Err(WriteError::Unavailable),
                Err(error) if error.is_unavailable() => Err(WriteError::Unavailable),
                Err(error) => Err(WriteError::Failed(error)),
            };
            let _ = waiting.answer.send(verdict);
        }
    }

    async fn explain(&self, entry: &Entry) -> Result<Option<Verdict>, Error> {
        let verdict = self.statements.explain(&self.client, entry).await;
        self.client.batch_execute("rollback").await?;
        verdict
    }
}

enum Committed {
    /// Everything new is durable; these references were taken before.
    All { taken: HashSet<uuid::Uuid> },
    /// Rolled back: these filings' idempotency keys stand for something else, or they were to be
    /// first receipts and are not.
    Nothing { in_the_way: HashSet<uuid::Uuid> },
}

/// Keeps the first entry of each reference, key and first receipt; the others wait until that one
/// is decided.
fn first_of_each(batch: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
    let mut seen = HashSet::new();
    batch.into_iter().partition(|waiting| {
        let Entry { filing, idempotency, first_receipt, .. } = &waiting.entry;
        let key = idempotency.as_ref().map(|key| ("key", key.key.clone()));
        let movement = first_receipt.map(|first| ("movement", first.movement.to_string()));
        let claims: Vec<_> = [Some(("reference", filing.reference.clone())), key, movement]
            .into_iter()
            .flatten()
            .map(|(kind, claim)| (filing.organisation, kind, claim))
            .collect();
        let is_new = claims.iter().all(|claim| !seen.contains(claim));
        if is_new {
            seen.extend(claims);
        }
        is_new
    })
}
