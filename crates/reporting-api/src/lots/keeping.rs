//! What traces are made of, kept in memory while traces are asked for.
//!
//! It is brought up to date before every answer, so that no answer misses a filing that was
//! acknowledged before it was asked for (`docs/decisions/0019`). Where that is not possible at once
//! (it is being filled, it would not fit, its connection is lost), the answer is made by asking the
//! database instead: the same answer, later.
//!
//! Nothing is kept before the first trace is asked for, nor when none was for an hour.

use database::{
    Target,
    trace::{Recorder, Recording},
};
use domain::{ids::OrganisationId, trace::Kept};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, Notify, OwnedRwLockReadGuard, RwLock};
use tokio_util::sync::CancellationToken;

/// Filings looked at before an answer; when there are more, the background takes them in.
const AT_ONCE: usize = 4_000;
/// Filings taken in at a time in the background.
const PAGE: usize = 5_000;
/// How long a look may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long the background waits after one that failed.
const PAUSE: Duration = Duration::from_secs(5);
/// How often the background looks, so that an answer finds little to take in.
const INTERVAL: Duration = Duration::from_secs(1);
/// After so many of them without a trace everything is forgotten.
const QUIET_LIMIT: u32 = 3_600;

/// What is kept; cheap to clone.
#[derive(Clone)]
pub struct Keeping(Arc<Inner>);

/// A graph that is up to date, and what the asking organisation is called.
pub struct Current {
    kept: Arc<RwLock<Kept>>,
    /// In Chinese and English.
    pub names: Option<(Arc<str>, Arc<str>)>,
}

struct Inner {
    target: Target,
    limit_bytes: usize,
    /// Another one whenever it is begun anew: whoever has one in hand keeps it whole.
    kept: std::sync::Mutex<Arc<RwLock<Kept>>>,
    recorder: Mutex<Option<Recorder>>,
    /// How many rounds of looks were begun; see [`Recorder`].
    rounds: AtomicU64,
    is_filled: AtomicBool,
    is_too_large: AtomicBool,
    is_asked: AtomicBool,
    wanted: Notify,
}

impl Current {
    /// To be read. Held briefly: meanwhile nothing new is taken in.
    pub async fn read(&self) -> OwnedRwLockReadGuard<Kept> {
        Arc::clone(&self.kept).read_owned().await
    }
}

impl Keeping {
    /// Keeps at most so much; nothing when that is nothing.
    pub fn new(target: Target, limit_mib: usize) -> Self {
        Self(Arc::new(Inner {
            target,
            limit_bytes: limit_mib.saturating_mul(1 << 20).min(Kept::BYTES_LIMIT),
            kept: std::sync::Mutex::default(),
            recorder: Mutex::new(None),
            rounds: AtomicU64::new(0),
            is_filled: AtomicBool::new(false),
            is_too_large: AtomicBool::new(false),
            is_asked: AtomicBool::new(false),
            wanted: Notify::new(),
        }))
    }

    /// The graph with everything that was acknowledged before this was called; `None` when the
    /// database must be asked.
    pub async fn current(&self, names_of: Option<OrganisationId>) -> Option<Current> {
        let inner = &self.0;
        if inner.limit_bytes == 0 || inner.is_too_large.load(Ordering::Acquire) {
            return None;
        }
        inner.is_asked.store(true, Ordering::Release);
        if !inner.is_filled.load(Ordering::Acquire) {
            inner.wanted.notify_one();
            return None;
        }
        // A task of its own: whoever asked may go away in the middle, and what was read by then must
        // still be taken in.
        let looking = tokio::spawn(Arc::clone(inner).current(names_of));
        looking.await.ok().flatten()
    }

    /// Fills it and keeps it filled, until the process stops.
    pub async fn work(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let inner = &*self.0;
        let mut quiet = 0;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = inner.wanted.notified() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
            quiet = if inner.is_asked.swap(false, Ordering::AcqRel) { 0 } else { quiet + 1 };
            if quiet == 0 || (quiet < QUIET_LIMIT && inner.is_filled.load(Ordering::Acquire)) {
                tokio::select! {
                    () = shutdown.cancelled() => return Ok(()),
                    () = inner.catch_up() => {}
                }
            } else if quiet == QUIET_LIMIT {
                let mut place = inner.recorder.lock().await;
                inner.clear(&mut place);
            }
        }
    }
}

struct Looked {
    is_all: bool,
    names: Option<(Arc<str>, Arc<str>)>,
}

impl Inner {
    async fn current(self: Arc<Self>, names_of: Option<OrganisationId>) -> Option<Current> {
        let begun_before = self.rounds.load(Ordering::Acquire);
        let mut place = self.recorder.lock().await;
        let recorder = place.as_ref().filter(|recorder| recorder.is_between_rounds())?;
        // Whoever waited for a round that began after it came needs none of its own.
        let looked = if self.rounds.load(Ordering::Acquire) == begun_before {
            self.look(&mut place, AT_ONCE, names_of).await
        } else {
            match names_of {
                Some(organisation) => recorder.names(organisation).await.map_err(Into::into),
                None => Ok(None),
            }
            .map(|names| Looked { is_all: true, names })
        };
        match looked {
            Ok(Looked { is_all: true, names }) => Some(Current { kept: self.kept(), names }),
            Ok(Looked { is_all: false, .. }) => {
                self.wanted.notify_one();
                None
            }
            Err(error) => {
                self.forget(&mut place, &error);
                None
            }
        }
    }

    /// Takes in what is new, up to so much. Without a recorder, or when one fails in the middle,
    /// everything is begun anew.
    async fn look(
        &self,
        place: &mut Option<Recorder>,
        most: usize,
        names_of: Option<OrganisationId>,
    ) -> anyhow::Result<Looked> {
        let taken = place.take();
        let looking = async {
            let mut recorder = if let Some(recorder) = taken {
                recorder
            } else {
                self.clear(place);
                Recorder::connect(&self.target).await?
            };
            let looked = self.look_with(&mut recorder, most, names_of).await?;
            *place = Some(recorder);
            Ok(looked)
        };
        tokio::time::timeout(TIMEOUT, looking).await?
    }

    async fn look_with(
        &self,
        recorder: &mut Recorder,
        most: usize,
        names_of: Option<OrganisationId>,
    ) -> Result<Looked, database::Error> {
        if recorder.is_between_rounds() {
            self.rounds.fetch_add(1, Ordering::AcqRel);
        }
        let Recording { filed, is_all, names } = recorder.next(most, names_of).await?;
        if !filed.is_empty() {
            let kept = self.kept();
            let mut kept = kept.write().await;
            for filed in &filed {
                kept.add(filed);
            }
            tell(&kept);
        }
        Ok(Looked { is_all, names })
    }

    /// Takes in all there is.
    async fn catch_up(&self) {
        loop {
            if self.is_too_large.load(Ordering::Acquire) {
                return;
            }
            // Given back after each page: answers that need only a look go in between.
            let mut place = self.recorder.lock().await;
            let looked = self.look(&mut place, PAGE, None).await;
            let bytes = self.kept().read().await.bytes();
            match looked {
                Ok(_) if self.limit_bytes < bytes => {
                    self.is_too_large.store(true, Ordering::Release);
                    metrics::gauge!("trace_kept_is_too_large").set(1.0);
                    tracing::warn!(
                        limit_bytes = self.limit_bytes,
                        "what traces are made of does not fit into `traces.memory_mib`; the database is asked for each"
                    );
                    self.clear(&mut place);
                    return;
                }
                Ok(Looked { is_all: true, .. }) => {
                    self.is_filled.store(true, Ordering::Release);
                    return;
                }
                Ok(_) => {}
                Err(error) => {
                    self.forget(&mut place, &error);
                    drop(place);
                    tokio::time::sleep(PAUSE).await;
                    return;
                }
            }
        }
    }

    /// Begins anew: what happened to the database meanwhile is not known.
    fn forget(&self, place: &mut Option<Recorder>, error: &anyhow::Error) {
        tracing::warn!(
            error = %format!("{error:#}"),
            "what traces are made of is read anew, the database being asked meanwhile"
        );
        self.clear(place);
        self.is_asked.store(true, Ordering::Release);
    }

    fn clear(&self, place: &mut Option<Recorder>) {
        self.is_filled.store(false, Ordering::Release);
        *place = None;
        *self.place() = Arc::default();
        tell(&Kept::default());
    }

    fn kept(&self) -> Arc<RwLock<Kept>> {
        Arc::clone(&self.place())
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Arc<RwLock<Kept>>> {
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number for people to look at")]
fn tell(kept: &Kept) {
    metrics::gauge!("trace_kept_filings").set(kept.filings() as f64);
    metrics::gauge!("trace_kept_bytes").set(kept.bytes() as f64);
}
