//! The writer of documents: what a document says becomes filings, events and a job in one
//! transaction, or nothing of it does.
//!
//! A document with something in it that is not free is handed back with what stands in the way, and
//! nothing is written; the caller judges it anew and sends it again. So there is no moment at which
//! half a document can be read, whoever is interrupted.

use super::{Entry, Verdict, WriteError, Writer, rows::Rows, statements::Claimed};
use crate::{
    Error, Target,
    epcis::{Captured, NewCapture, StoringStatements},
    events::Act,
    fair_queue::FairQueue,
};
use domain::{
    event::Event,
    ids::{FilingId, OrganisationId, PersonId},
};
use std::{collections::HashSet, sync::Arc};
use tokio::sync::oneshot;

/// Documents that may wait, in all and of one organisation.
const CAPACITY: usize = 512;
const CAPACITY_PER_ORGANISATION: usize = 128;
/// Connections that write documents: while one waits for its commit, the other fills the next.
const WRITERS: usize = 2;
/// Who held a claim and rolled back is in nobody's way: so often a document is tried again at once.
const ATTEMPTS: usize = 5;

/// A document as it was judged.
#[derive(Debug)]
pub struct Document {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Who sent it.
    pub person: PersonId,
    /// The request's W3C trace context.
    pub traceparent: Option<String>,
    /// Its filings; no two of them may claim the same.
    pub entries: Vec<Arc<Entry>>,
    /// Its events and its job; how many are new is counted when they are stored.
    pub capture: NewCapture,
}

/// What became of a document.
#[derive(Debug)]
pub enum DocumentVerdict {
    /// All of it is durable.
    Stored(Captured),
    /// Nothing of it was written: this is what stands in the way of these filings.
    NotFree(Vec<(FilingId, Verdict)>),
    /// Nothing of it was written: Postgres refuses these filings, whatever their neighbours are.
    Refused(HashSet<FilingId>),
}

#[derive(Debug)]
pub(super) struct WaitingDocument {
    document: Document,
    answer: oneshot::Sender<Result<DocumentVerdict, WriteError>>,
}

pub(super) fn queue() -> Arc<FairQueue<OrganisationId, WaitingDocument>> {
    Arc::new(FairQueue::new(CAPACITY, CAPACITY_PER_ORGANISATION))
}

impl super::FilingWriter {
    /// Writes a document, all of it or nothing, and answers once that is durable.
    pub async fn write_document(&self, document: Document) -> Result<DocumentVerdict, WriteError> {
        let (answer, answered) = oneshot::channel();
        self.documents
            .push(document.organisation, WaitingDocument { document, answer })
            .map_err(|_| WriteError::Overloaded)?;
        match tokio::time::timeout(super::ANSWER_TIMEOUT, answered).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) | Err(_) => Err(WriteError::Unavailable),
        }
    }
}

pub(super) async fn write_on_all(
    target: Target,
    queue: Arc<FairQueue<OrganisationId, WaitingDocument>>,
) {
    let writers = [(); WRITERS]
        .map(|()| tokio::spawn(write_until_closed(target.clone(), Arc::clone(&queue))));
    for writer in writers {
        if let Err(error) = writer.await {
            tracing::error!(error = &error as &dyn std::error::Error, "a document writer ended");
        }
    }
}

async fn write_until_closed(
    target: Target,
    queue: Arc<FairQueue<OrganisationId, WaitingDocument>>,
) {
    let mut connection = None;
    while let Some(WaitingDocument { document, answer }) = queue.take(1).await.pop() {
        // Whoever gave up waiting sends it again.
        if answer.is_closed() {
            continue;
        }
        let writer = match connection.take() {
            Some(writer) => Ok(writer),
            None => DocumentWriter::connect(&target).await,
        };
        let written = match &writer {
            Ok(writer) => writer.write(&document).await,
            Err(_) => Err(WriteError::Unavailable),
        };
        match (writer, &written) {
            (Ok(_), Err(WriteError::Unavailable)) => {}
            (Ok(writer), _) => connection = Some(writer),
            (Err(error), _) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the writer of documents cannot connect"
            ),
        }
        let _ = answer.send(written);
    }
}

#[derive(Debug)]
struct DocumentWriter {
    writer: Writer,
    storing: StoringStatements,
}

impl DocumentWriter {
    async fn connect(target: &Target) -> Result<Self, Error> {
        let writer = Writer::connect(target).await?;
        let storing = StoringStatements::prepare(&writer.client).await?;
        Ok(Self { writer, storing })
    }

    async fn write(&self, document: &Document) -> Result<DocumentVerdict, WriteError> {
        let failed = |error: Error| {
            if error.is_unavailable() {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a document was not acknowledged"
                );
                WriteError::Unavailable
            } else {
                WriteError::Failed(error)
            }
        };
        for _ in 0..ATTEMPTS {
            match self.try_write(document).await {
                Ok(DocumentVerdict::NotFree(in_the_way)) if in_the_way.is_empty() => {}
                Ok(verdict) => return Ok(verdict),
                Err(error) if error.is_unavailable() => return Err(failed(error)),
                Err(error) => {
                    let refused = self.refused(document).await.map_err(failed)?;
                    if refused.is_empty() {
                        return Err(failed(error));
                    }
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        filings = refused.len(),
                        "filings of a document cannot be written"
                    );
                    return Ok(DocumentVerdict::Refused(refused));
                }
            }
        }
        Err(WriteError::Unavailable)
    }

    /// One transaction, rolled back unless it answers that the document is stored.
    async fn try_write(&self, document: &Document) -> Result<DocumentVerdict, Error> {
        let entries: Vec<&Entry> = document.entries.iter().map(AsRef::as_ref).collect();
        match self.try_commit(document, &entries).await {
            Ok(Some(captured)) => Ok(DocumentVerdict::Stored(captured)),
            Ok(None) => {
                self.writer.client.batch_execute("rollback").await?;
                Ok(DocumentVerdict::NotFree(self.explain(&entries).await?))
            }
            Err(error) => {
                if !error.is_unavailable() {
                    // After a failed commit there is nothing to roll back, and Postgres says so.
                    self.writer.client.batch_execute("rollback").await?;
                }
                Err(error)
            }
        }
    }

    /// `None` when something is not free.
    async fn try_commit(
        &self,
        document: &Document,
        entries: &[&Entry],
    ) -> Result<Option<Captured>, Error> {
        let Writer { client, statements } = &self.writer;
        let Document { organisation, person, capture, .. } = document;
        if entries.is_empty() {
            statements.begin(client, *organisation).await?;
        } else {
            let Claimed { free, key_taken, received_before } =
                statements.begin_and_claim(client, entries).await?;
            if free.len() < entries.len() || !key_taken.is_empty() || !received_before.is_empty() {
                return Ok(None);
            }
        }
        let new = self.storing.claim(client, *organisation, &capture.events).await?;
        let known = capture.events.len() - new.len();
        let captured = Captured {
            captured: u32::try_from(new.len()).unwrap_or(u32::MAX),
            duplicates: capture.job.duplicates + u32::try_from(known).unwrap_or(u32::MAX),
        };
        let mut counted = capture.clone();
        counted.job.captured = captured.captured;
        counted.job.duplicates = captured.duplicates;
        let mut rows = Rows::of(entries.iter().copied());
        let act = Act {
            person: Some(*person),
            at: capture.job.created_at,
            traceparent: document.traceparent.clone(),
        };
        let event = Event::EpcisCaptured {
            capture: capture.job.id,
            organisation: *organisation,
            captured: captured.captured,
            duplicates: captured.duplicates,
        };
        rows.tell(&act.origin(), capture.job.id, &event);
        let store = self.storing.insert(client, *person, *organisation, &counted, &new);
        statements.insert_all_and_commit(client, &rows, store).await?;
        Ok(Some(captured))
    }

    /// What stands in the way of which filing.
    async fn explain(&self, entries: &[&Entry]) -> Result<Vec<(FilingId, Verdict)>, Error> {
        let mut in_the_way = Vec::new();
        for entry in entries {
            if let Some(verdict) = self.writer.explain(entry).await? {
                in_the_way.push((entry.filing.id, verdict));
            }
        }
        Ok(in_the_way)
    }

    /// The filings of a document that Postgres refuses, each alone: looked for by halves.
    async fn refused(&self, document: &Document) -> Result<HashSet<FilingId>, Error> {
        let Writer { client, statements } = &self.writer;
        let entries: Vec<&Entry> = document.entries.iter().map(AsRef::as_ref).collect();
        let mut refused = HashSet::new();
        let mut parts = vec![&entries[..]];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let tried = async {
                statements.begin_and_claim(client, part).await?;
                let rows = Rows::of(part.iter().copied());
                Ok::<_, Error>(statements.insert_all(client, &rows).await?)
            };
            let tried = tried.await;
            if let Err(error) = tried {
                if error.is_unavailable() {
                    return Err(error);
                }
                if let [entry] = part {
                    refused.insert(entry.filing.id);
                } else {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([first, second]);
                }
            }
            client.batch_execute("rollback").await?;
        }
        Ok(refused)
    }
}
