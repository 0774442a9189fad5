//! One transaction a batch: accept, judge, store, then acknowledge.

use crate::{message::Heard, telling::Told};
use broker::{Failure, Handler, Message, Verdict};
use database::{Pool, Transaction, inbox, screening};
use jiff::Timestamp;
use service::{clock, trace::TraceContext};
use std::{collections::HashSet, future::Future};
use tracing::Instrument;
use uuid::Uuid;

/// Which messages count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepting {
    /// Each once, whatever happens.
    Once,
    /// Repeats too. For experiments: it shows that the chaos test notices doubled effects.
    Everything,
}

/// Judges what messages are about.
pub(crate) trait Judges: Send + Sync {
    /// Judges within the transaction; what it says was done is told after the commit.
    fn judge(
        &self,
        transaction: &mut Transaction,
        heard: &[Heard],
        now: Timestamp,
    ) -> impl Future<Output = Result<Told, database::Error>> + Send;
}

/// A consumer's handler.
pub(crate) struct Consuming<J> {
    consumer: &'static str,
    pool: Pool,
    accepting: Accepting,
    judges: J,
}

impl<J: Judges> Consuming<J> {
    pub(crate) const fn new(
        consumer: &'static str,
        pool: Pool,
        accepting: Accepting,
        judges: J,
    ) -> Self {
        Self { consumer, pool, accepting, judges }
    }

    async fn take(&self, heard: &[Heard]) -> Result<Told, database::Error> {
        let mut transaction = Transaction::begin(&self.pool).await?;
        match self.take_within(&mut transaction, heard).await {
            Ok(told) => {
                transaction.commit().await?;
                Ok(told)
            }
            Err(error) => {
                // What cannot be rolled back ends with its connection, to the same effect.
                let _ = transaction.roll_back().await;
                Err(error)
            }
        }
    }

    async fn take_within(
        &self,
        transaction: &mut Transaction,
        heard: &[Heard],
    ) -> Result<Told, database::Error> {
        let now = clock::now();
        screening::judge_alone(transaction).await?;
        let new = match self.accepting {
            Accepting::Once => {
                let ids: Vec<Uuid> = heard.iter().map(|heard| heard.id).collect();
                once_each(heard, inbox::accept(transaction, self.consumer, &ids, now).await?)
            }
            Accepting::Everything => heard.to_vec(),
        };
        if new.is_empty() {
            return Ok(Told::default());
        }
        self.judges.judge(transaction, &new, now).await
    }
}

/// Those that were accepted, each once: a message and its repeat may come in one batch.
fn once_each(heard: &[Heard], mut accepted: HashSet<Uuid>) -> Vec<Heard> {
    heard.iter().filter(|heard| accepted.remove(&heard.id)).cloned().collect()
}

impl<J: Judges> Handler for Consuming<J> {
    async fn handle(&self, messages: &[Message]) -> Result<Vec<Verdict>, Failure> {
        let read: Vec<anyhow::Result<Heard>> = messages.iter().map(Heard::read).collect();
        let heard: Vec<Heard> =
            read.iter().filter_map(|heard| heard.as_ref().ok().cloned()).collect();
        let traceparent = heard.first().and_then(|heard| heard.traceparent.as_deref());
        let span = TraceContext::from_header(traceparent).span(self.consumer);
        let took = if heard.is_empty() {
            Ok(Told::default())
        } else {
            self.take(&heard).instrument(span).await
        };
        match took {
            Ok(told) => {
                told.measure(clock::now());
                let verdict = |heard: anyhow::Result<Heard>| match heard {
                    Ok(_) => Verdict::Done,
                    Err(error) => Verdict::Reject(error.context("the event cannot be read")),
                };
                Ok(read.into_iter().map(verdict).collect())
            }
            Err(error) if error.is_unavailable() => Err(Failure::Unavailable(error.into())),
            Err(error) => {
                metrics::counter!("worker_failures_total", "consumer" => self.consumer)
                    .increment(1);
                Err(Failure::Failed(error.into()))
            }
        }
    }

    async fn count_attempt(&self, message: &Message, error: &str) -> anyhow::Result<u32> {
        let mut conn = self.pool.get().await?;
        let (id, before) = (message.id, message.attempts);
        let now = clock::now();
        Ok(inbox::count_attempt(&mut conn, self.consumer, id, before, error, now).await?)
    }
}
