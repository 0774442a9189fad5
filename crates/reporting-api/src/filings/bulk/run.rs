//! Takes one file from its first line to its last verdict.
//!
//! An attempt reads the file once, in order, a chunk at a time. What needs a lot that is not there
//! yet waits until all else is recorded and is then judged in the order of who needs whom. When
//! the database goes away, or the service did, the next attempt begins anew and leaves out every
//! line that has a verdict: verdicts are stored with what they tell.

use super::{
    input::{Format, Input, Unreadable},
    judge::{Judge, Judged, Known, version, wanted},
    lanes::{Chunk, Done, Line, Totals, Writing, pack},
    language::Language,
    order::{Waiting, order},
    overlay::{Memory, Overlay},
    shelf::Shelf,
    spool,
    table::Mapping,
    unit::{Fault, Place, Unit},
    verdict::{Status, Telling, Told},
};
use crate::filings::desk::Sender;
use actix_web::web::Bytes;
use database::{
    Pool, Target,
    bulk_context::BulkReader,
    bulk_jobs::{self, Job, JobState},
    filing_context::find_replaced,
};
use domain::codes::Channel;
use service::clock;
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc;

/// Filings in one transaction, and bytes of the file behind them, at most.
const CHUNK_FILINGS: usize = 1_000;
const CHUNK_BYTES: usize = 4 << 20;
/// Filings in a file that is recorded as a whole: it is one transaction.
pub(super) const ATOMIC_LIMIT: usize = 10_000;
const ATOMIC_LIMIT_BYTES: u64 = 64 << 20;
/// Lots that filings may wait for, together with lots that these make.
const WAITING_LIMIT: usize = 6_000_000;
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(5);
/// Somebody waits for the answer of a check: it is not tried for ever.
const ATTEMPTS_OF_A_CHECK: u32 = 5;
/// A reader of the answer that takes nothing for so long has gone away.
const READER_TIMEOUT: Duration = Duration::from_mins(1);
const CHUNKS_A_PAGE: i64 = 64;

/// A file to be dealt with.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) job: Job,
    pub(super) path: PathBuf,
    /// Whether the job and its verdicts are stored; otherwise they are only told.
    pub(super) stored: bool,
    /// Whom to tell the verdicts as they come.
    pub(super) told: Option<mpsc::Sender<Bytes>>,
    pub(super) traceparent: Option<String>,
}

/// How a file ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Every line has its verdict.
    Finished(Totals),
    /// The file as a whole cannot be dealt with.
    Refused(Vec<Told>),
    /// It is not known why; the log says more.
    Failed,
}

/// What files are dealt with.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) target: Target,
    pub(super) pool: Pool,
    pub(super) shelf: Shelf,
}

/// Why an attempt ended early.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Database(#[from] database::Error),
    #[error("the file cannot be read from the disk")]
    Disk(#[from] std::io::Error),
    #[error("judging ended early")]
    Panicked(#[from] tokio::task::JoinError),
}

impl Task {
    fn is_commit(&self) -> bool {
        self.job.mode == "commit"
    }

    fn memory(&self) -> Memory {
        match (self.is_commit(), self.job.atomic) {
            (false, _) => Memory::Fingerprints,
            (true, false) => Memory::Recent,
            (true, true) => Memory::Whole,
        }
    }

    async fn tell(&mut self, bytes: Vec<u8>) {
        let Some(told) = &self.told else { return };
        if bytes.is_empty() {
            return;
        }
        let sent = told.send_timeout(Bytes::from(bytes), READER_TIMEOUT).await;
        if sent.is_err() {
            self.told = None;
        }
    }
}

impl Bench {
    /// Deals with a file to its end, however often the database goes away.
    pub(super) async fn run(&self, task: &mut Task) -> Ended {
        let language = Language::from_tag(&task.job.language).unwrap_or(Language::English);
        let mut pause = RETRY_FIRST;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outcome = match Attempt::begin(self, task, language).await {
                Ok(attempt) => attempt.run().await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(totals) => return Ended::Finished(totals),
                Err(Interrupted::Unreadable(Unreadable::Faulty(faults))) => {
                    let telling = Telling::without_headings(language);
                    return Ended::Refused(telling.refusal(&faults));
                }
                Err(Interrupted::Database(error))
                    if error.is_unavailable()
                        && (task.stored || attempts < ATTEMPTS_OF_A_CHECK) =>
                {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        job.id = %task.job.id,
                        "a file is interrupted and will be taken up again"
                    );
                }
                Err(error) => {
                    tracing::error!(
                        error = %format!("{:#}", anyhow::Error::from(error)),
                        job.id = %task.job.id,
                        "a file cannot be dealt with"
                    );
                    return Ended::Failed;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_LAST);
        }
    }
}

/// One attempt at a file.
struct Attempt<'a> {
    bench: &'a Bench,
    task: &'a mut Task,
    /// Lent to the thread that reads.
    input: Option<Input>,
    /// Lent to the thread that judges.
    judge: Option<Judge>,
    reader: BulkReader,
    writing: Writing,
    telling: Arc<Telling>,
    /// Lines that have a verdict from an earlier attempt.
    before: HashSet<u32>,
    waiting: Vec<(Place, Waiting)>,
    waiting_size: usize,
    /// Of a file that is recorded as a whole: everything.
    held: Chunk,
    totals: Totals,
}

impl<'a> Attempt<'a> {
    async fn begin(
        bench: &'a Bench,
        task: &'a mut Task,
        language: Language,
    ) -> Result<Self, Interrupted> {
        let format = Format::from_word(&task.job.format).unwrap_or(Format::Ndjson);
        let (path, own) = (task.path.clone(), own_headings(bench, task, format).await?);
        let input = tokio::task::spawn_blocking(move || Input::open(&path, format, &own)).await??;
        if task.job.atomic && ATOMIC_LIMIT_BYTES < u64::try_from(task.job.bytes).unwrap_or(0) {
            return Err(too_much_at_once().into());
        }
        let reader = match bench.shelf.readers.take(BulkReader::is_open) {
            Some(reader) => reader,
            None => BulkReader::connect(&bench.target).await?,
        };
        let usual = reader.usual_sizes(task.job.organisation).await?;
        let telling = Arc::new(Telling {
            language,
            headings: input.headings(),
            heading_line: input.heading_line(),
        });
        let (before, next_chunk) = lines_before(bench, task).await?;
        let sender = Sender {
            organisation: task.job.organisation,
            person: task.job.person,
            channel: Channel::Bulk,
            at: clock::now(),
            traceparent: task.traceparent.clone(),
        };
        let judge = Judge { sender, overlay: Overlay::new(task.memory()), usual };
        let writing = Writing::new(
            bench.target.clone(),
            task.job.organisation,
            task.job.id,
            Arc::clone(&telling),
            next_chunk,
            bench.shelf.lanes.clone(),
        );
        Ok(Self {
            bench,
            task,
            input: Some(input),
            judge: Some(judge),
            reader,
            writing,
            telling,
            before,
            waiting: Vec::new(),
            waiting_size: 0,
            held: Chunk::default(),
            totals: Totals::default(),
        })
    }

    async fn run(mut self) -> Result<Totals, Interrupted> {
        loop {
            let units = self.read(|input| input.next(CHUNK_FILINGS, CHUNK_BYTES)).await?;
            if units.is_empty() {
                break;
            }
            let units: Vec<Unit> = units
                .into_iter()
                .filter(|unit| !self.before.contains(&unit.place.number))
                .collect();
            self.take(units, false).await?;
        }
        self.flush().await?;
        self.take_waiting().await?;
        if self.task.is_commit() && self.task.job.atomic {
            self.record_whole().await?;
        }
        self.flush().await?;
        self.writing.end();
        self.bench.shelf.readers.put(self.reader);
        Ok(self.totals)
    }

    /// Judges what had to wait, makers first.
    async fn take_waiting(&mut self) -> Result<(), Interrupted> {
        let (places, waiting): (Vec<Place>, Vec<Waiting>) =
            std::mem::take(&mut self.waiting).into_iter().unzip();
        let order = tokio::task::spawn_blocking(move || order(&waiting)).await?;
        for part in order.ready.chunks(CHUNK_FILINGS) {
            let units = self.again(part.iter().map(|place| places[*place]).collect()).await?;
            self.take(units, true).await?;
        }
        for part in order.circular.chunks(CHUNK_FILINGS) {
            let units = self.again(part.iter().map(|place| places[*place]).collect()).await?;
            let lines = units.into_iter().map(|unit| Line {
                verdict: self.telling.circular(unit.place, &unit),
                entry: None,
                raw: unit.raw,
            });
            let (lines, read_bytes) = (lines.collect(), self.read_bytes());
            let chunk = Chunk { lines, read_bytes, whole: false };
            self.settle(chunk).await?;
        }
        Ok(())
    }

    async fn again(&mut self, places: Vec<Place>) -> Result<Vec<Unit>, Interrupted> {
        self.read(move |input| places.into_iter().map(|place| input.again(place)).collect()).await
    }

    async fn read(
        &mut self,
        read: impl FnOnce(&mut Input) -> std::io::Result<Vec<Unit>> + Send + 'static,
    ) -> Result<Vec<Unit>, Interrupted> {
        let mut input = self.input.take().expect("it was given back");
        let (input, units) = tokio::task::spawn_blocking(move || {
            let units = read(&mut input);
            (input, units)
        })
        .await?;
        self.input = Some(input);
        Ok(units?)
    }

    fn read_bytes(&self) -> u64 {
        self.input.as_ref().map_or(0, Input::at)
    }

    /// Judges a chunk and passes it on, but for what waits.
    async fn take(&mut self, units: Vec<Unit>, last: bool) -> Result<(), Interrupted> {
        if units.is_empty() {
            return Ok(());
        }
        let known = self.look_up(&units).await?;
        let mut judge = self.judge.take().expect("it was given back");
        let (judge, judged) = tokio::task::spawn_blocking(move || {
            judge.overlay.begin_chunk();
            let judged: Vec<(Unit, Judged)> = units
                .into_iter()
                .map(|unit| {
                    let judged = judge.judge(&unit, &known, last);
                    (unit, judged)
                })
                .collect();
            (judge, judged)
        })
        .await?;
        self.judge = Some(judge);
        let lines = Vec::with_capacity(judged.len());
        let mut chunk = Chunk { lines, read_bytes: 0, whole: false };
        for (unit, judged) in judged {
            if let Judged::Waits(waits) = judged {
                self.waiting_size += waits.needs.len() + waits.makes.len();
                self.waiting.push((unit.place, waits));
                continue;
            }
            let verdict = self.telling.verdict(&unit, &judged);
            let raw =
                if verdict.is_rejected() || self.task.job.atomic { unit.raw } else { Vec::new() };
            let entry = match judged {
                Judged::Ready { entry, .. } => Some(entry),
                _ => None,
            };
            chunk.lines.push(Line { verdict, entry, raw });
        }
        if WAITING_LIMIT < self.waiting_size {
            return Err(too_much_waits().into());
        }
        chunk.read_bytes = self.read_bytes();
        self.settle(chunk).await
    }

    async fn look_up(&self, units: &[Unit]) -> Result<Known, Interrupted> {
        let sender = &self.judge.as_ref().expect("it was given back").sender;
        let looked = self.reader.look_up(sender.organisation, &wanted(units, sender)).await?;
        let mut replaced = HashMap::new();
        for form in units.iter().filter_map(|unit| unit.form.as_deref().ok()) {
            let Some(correction) = &form.correction else { continue };
            let Some(before) = correction.version.checked_sub(1).filter(|version| 0 < *version)
            else {
                continue;
            };
            let mut conn = self.bench.pool.get().await.map_err(database::Error::from)?;
            let found =
                find_replaced(&mut conn, sender.organisation, &form.reference, before).await?;
            replaced.extend(found.map(|found| ((form.reference.clone(), version(form)), found)));
        }
        Ok(Known { looked, replaced })
    }

    /// A judged chunk goes where its job wants it: to the disk, to the end, or only to its reader.
    async fn settle(&mut self, mut chunk: Chunk) -> Result<(), Interrupted> {
        if !self.task.is_commit() {
            // What is only checked has no id.
            for line in &mut chunk.lines {
                line.entry = None;
                if line.verdict.status == Status::Accepted {
                    line.verdict.filing = None;
                }
            }
        } else if self.task.job.atomic {
            if ATOMIC_LIMIT < self.held.lines.len() + chunk.lines.len() {
                return Err(too_much_at_once().into());
            }
            self.held.lines.extend(chunk.lines);
            self.held.read_bytes = chunk.read_bytes;
            return Ok(());
        }
        self.write(chunk).await
    }

    async fn write(&mut self, chunk: Chunk) -> Result<(), Interrupted> {
        if chunk.lines.is_empty() {
            return Ok(());
        }
        if self.task.stored {
            let done = self.writing.write(chunk).await?;
            return self.tell(done).await;
        }
        let job = &self.task.job;
        let (_, done) = pack(&chunk, &self.telling, job.organisation, job.id, 0);
        self.tell(Some(done)).await
    }

    /// Records a whole file in one transaction, or nothing of it.
    async fn record_whole(&mut self) -> Result<(), Interrupted> {
        let mut chunk = std::mem::take(&mut self.held);
        chunk.whole = true;
        if chunk.lines.iter().any(|line| line.verdict.is_rejected()) {
            chunk.hold_back(&self.telling);
        }
        self.write(chunk).await
    }

    async fn flush(&mut self) -> Result<(), Interrupted> {
        while let Some(done) = self.writing.take_first().await? {
            self.tell(Some(done)).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, done: Option<Done>) -> Result<(), Interrupted> {
        if let Some(done) = done {
            self.totals.plus(done.totals);
            self.task.tell(done.verdicts).await;
        }
        Ok(())
    }
}

/// How the organisation names its columns.
async fn own_headings(bench: &Bench, task: &Task, format: Format) -> Result<Mapping, Interrupted> {
    if format == Format::Ndjson {
        return Ok(Mapping::default());
    }
    let mut conn = bench.pool.get().await.map_err(database::Error::from)?;
    let stored = bulk_jobs::mapping(&mut conn, task.job.organisation).await?;
    // One that this version does not understand counts as none: the headings it misses are told.
    Ok(stored.and_then(|stored| serde_json::from_value(stored).ok()).unwrap_or_default())
}

/// Lines that have a verdict already, and the number of the next chunk.
async fn lines_before(bench: &Bench, task: &Task) -> Result<(HashSet<u32>, i32), Interrupted> {
    let (mut lines, mut next) = (HashSet::new(), 0);
    if !task.stored {
        return Ok((lines, next));
    }
    let mut conn = bench.pool.get().await.map_err(database::Error::from)?;
    loop {
        let (organisation, job) = (task.job.organisation, task.job.id);
        let page = bulk_jobs::lines_done(&mut conn, organisation, job, next, CHUNKS_A_PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok((lines, next)) };
        next = last + 1;
        for (_, done) in page {
            lines.extend(done.into_iter().filter_map(|line| u32::try_from(line).ok()));
        }
    }
}

/// Ends a stored job: what it came to is there for whoever asks later.
pub(super) async fn end(bench: &Bench, task: &Task, ended: &Ended) {
    if !task.stored {
        spool::remove(&task.path);
        return;
    }
    let state = match ended {
        Ended::Finished(_) => JobState::Finished(clock::now()),
        Ended::Refused(faults) => {
            let faults = serde_json::to_string(faults).expect("faults are always valid JSON");
            JobState::Failed(clock::now(), faults)
        }
        Ended::Failed => JobState::Failed(clock::now(), "[]".to_owned()),
    };
    let mut pause = RETRY_FIRST;
    loop {
        let stored = async {
            let mut conn = bench.pool.get().await.map_err(database::Error::from)?;
            bulk_jobs::end(&mut conn, task.job.organisation, task.job.id, &state).await
        };
        match stored.await {
            Ok(()) if task.job.format == Format::Xlsx.as_str() => {
                return spool::set_aside(&task.path);
            }
            Ok(()) => return spool::remove(&task.path),
            Err(error) if error.is_unavailable() => tokio::time::sleep(pause).await,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                return tracing::error!(error, job.id = %task.job.id, "a job cannot be ended");
            }
        }
        pause = (pause * 2).min(RETRY_LAST);
    }
}

impl From<Fault> for Interrupted {
    fn from(fault: Fault) -> Self {
        Self::Unreadable(Unreadable::Faulty(vec![fault]))
    }
}

fn too_much_at_once() -> Fault {
    let detail = "the file is too large to be recorded as a whole";
    Fault::new("", "too_much_at_once", detail).expecting(format!(
        "at most {ATOMIC_LIMIT} filings in {ATOMIC_LIMIT_BYTES} bytes, or without atomic=true"
    ))
}

fn too_much_waits() -> Fault {
    let detail = "too many filings use lots that are made later in the file";
    Fault::new("", "too_much_waits", detail)
        .expecting("a file that is sorted by when things happened, or several files")
}
