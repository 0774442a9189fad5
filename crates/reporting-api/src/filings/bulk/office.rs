//! Where files wait for their turn: few at a time, one of each organisation.
//!
//! A file that was acknowledged is taken up again after a crash; what lies in the folder says
//! which. Two services on one folder share the work: whoever holds the lock of a file deals with it.

use super::{
    run::{Bench, Ended, Task, end},
    shelf::Shelf,
    spool::{Spool, remove, remove_stray},
    verdict::Told,
};
use actix_web::web::Bytes;
use anyhow::Context;
use database::{
    Pool, Target,
    bulk_jobs::{self, JobState},
};
use domain::ids::OrganisationId;
use serde_json::{Value, json};
use service::problem::Problem;
use std::{
    collections::{HashSet, VecDeque},
    fs::{File, TryLockError},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::mpsc::{self, OwnedPermit},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Files that wait, and files that are dealt with at one time.
const WAITING_LIMIT: usize = 64;
const AT_ONCE: usize = 4;
const BUSY_RETRY_SECONDS: usize = 30;
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Hands files over to be dealt with; cheap to clone.
#[derive(Clone)]
pub struct Office {
    waiting: mpsc::Sender<Task>,
    pub(super) spool: Spool,
    receiver: Arc<Mutex<Option<mpsc::Receiver<Task>>>>,
    bench: Bench,
}

impl Office {
    /// An office with this folder, which reads through `pool`, of the reporting role.
    pub fn open(folder: &Path, target: Target, pool: Pool) -> anyhow::Result<Self> {
        let spool = Spool::open(folder.to_owned())
            .with_context(|| format!("the folder {} cannot be used", folder.display()))?;
        let (waiting, receiver) = mpsc::channel(WAITING_LIMIT);
        let receiver = Arc::new(Mutex::new(Some(receiver)));
        Ok(Self {
            waiting,
            spool,
            receiver,
            bench: Bench { target, pool, shelf: Shelf::default() },
        })
    }

    /// A place in the queue, taken before a file is read.
    pub(super) fn reserve(&self) -> Result<OwnedPermit<Task>, Problem> {
        let place = self.waiting.clone().try_reserve_owned();
        place.map_err(|_| Problem::Overloaded { retry_after_seconds: BUSY_RETRY_SECONDS })
    }

    /// Deals with files until told to stop. What is not finished then is taken up at the next start.
    pub async fn work(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let receiver = self.receiver.lock().ok().and_then(|mut receiver| receiver.take());
        let mut receiver = receiver.context("the office works once")?;
        let mut queue = tokio::select! {
            left = self.left() => left,
            () = shutdown.cancelled() => return Ok(()),
        };
        let mut busy: HashSet<OrganisationId> = HashSet::new();
        let mut working = JoinSet::new();
        loop {
            while working.len() < AT_ONCE
                && let Some(next) =
                    queue.iter().position(|task| !busy.contains(&task.job.organisation))
                && let Some(task) = queue.remove(next)
            {
                busy.insert(task.job.organisation);
                working.spawn(deal_with_safely(self.bench.clone(), task));
            }
            tokio::select! {
                Some(task) = receiver.recv(), if queue.len() < WAITING_LIMIT => queue.push_back(task),
                Some(ended) = working.join_next() => {
                    busy.remove(&ended.context("dealing with a file ended early")?);
                    if let Err(error) = self.spool.tidy() {
                        tracing::warn!(error = &error as &dyn std::error::Error, "old workbooks stay");
                    }
                }
                () = shutdown.cancelled() => return Ok(()),
            }
        }
    }

    /// Files that were acknowledged before the service stopped.
    async fn left(&self) -> VecDeque<Task> {
        loop {
            match self.try_left().await {
                Ok(tasks) => return tasks,
                Err(error) => {
                    tracing::warn!(error = %format!("{error:#}"), "unfinished files cannot be found yet");
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn try_left(&self) -> anyhow::Result<VecDeque<Task>> {
        let mut tasks = VecDeque::new();
        for (organisation, id, path) in self.spool.left()? {
            let mut conn = self.bench.pool.get().await.context("no connection")?;
            match bulk_jobs::find(&mut conn, organisation, id).await? {
                Some((job, _)) if job.state == JobState::Waiting => {
                    tracing::info!(job.id = %id, "an unfinished file is taken up again");
                    tasks.push_back(Task {
                        job,
                        path,
                        stored: true,
                        told: None,
                        traceparent: None,
                    });
                }
                Some(_) => remove(&path),
                None => remove_stray(&path),
            }
        }
        Ok(tasks)
    }
}

/// A panic over one file must not stop the others; the next start will try that file again.
async fn deal_with_safely(bench: Bench, task: Task) -> OrganisationId {
    let (organisation, job) = (task.job.organisation, task.job.id);
    let dealt = AbortOnDropHandle::new(tokio::spawn(deal_with(bench, task)));
    if let Err(panic) = dealt.await {
        tracing::error!(error = &panic as &dyn std::error::Error, job.id = %job, "a file was left");
    }
    organisation
}

async fn deal_with(bench: Bench, mut task: Task) {
    let lock = match File::open(&task.path) {
        Ok(file) => file,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, job.id = %task.job.id, "a file is gone");
            end(&bench, &task, &Ended::Failed).await;
            return;
        }
    };
    if let Err(TryLockError::WouldBlock) = lock.try_lock() {
        tracing::info!(job.id = %task.job.id, "another service deals with this file");
        return;
    }
    let ended = bench.run(&mut task).await;
    end(&bench, &task, &ended).await;
    if let Some(told) = task.told.take() {
        // Nobody may be reading any more.
        let _ = told.send(Bytes::from(summary(&task, &ended))).await;
    }
}

/// The last line of an answer.
fn summary(task: &Task, ended: &Ended) -> String {
    let job = &task.job;
    let outcome = match ended {
        Ended::Finished(totals) => json!({
            "accepted": totals.accepted, "unchanged": totals.unchanged, "changed": totals.changed,
            "problems": totals.problems, "warnings": totals.warnings,
        }),
        Ended::Refused(faults) => json!({ "refused": faults }),
        Ended::Failed => json!({ "refused": Vec::<Told>::new() }),
    };
    let mut summary = json!({ "mode": job.mode, "atomic": job.atomic });
    if task.stored {
        summary["job"] = json!(job.id);
        summary["rejected"] = Value::String(format!("/v1/filings/bulk/{}/rejected", job.id));
    }
    if let (Some(summary), Value::Object(outcome)) = (summary.as_object_mut(), outcome) {
        summary.extend(outcome);
    }
    format!("{}\n", json!({ "summary": summary }))
}
