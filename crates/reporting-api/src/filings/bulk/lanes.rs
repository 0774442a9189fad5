//! Writes judged chunks on two connections whose transactions overlap, and in order.
//!
//! Each chunk is one transaction: its filings and the verdicts on its lines. Chunks claim their
//! references in order and commit in order; in between they write at the same time.

use super::{
    shelf::Resting,
    verdict::{Status, Telling, Verdict},
};
use anyhow::Context;
use database::{
    Error, Target,
    filing_writer::{BulkLane, BulkVerdicts, Entry, Shared},
};
use domain::{
    ids::{FilingId, OrganisationId},
    movement::MovementName,
};
use flate2::{Compression, write::DeflateEncoder};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    io::Write,
    sync::Arc,
};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

const LANES: usize = 2;

/// One filing of a chunk with its verdict; what can be recorded has an entry.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) verdict: Verdict,
    pub(super) entry: Option<Box<Entry>>,
    pub(super) raw: Vec<u8>,
}

/// What is written in one transaction.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) lines: Vec<Line>,
    pub(super) read_bytes: u64,
    /// Whether all of it is recorded or none.
    pub(super) whole: bool,
}

/// How many filings have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) accepted: i64,
    pub(super) unchanged: i64,
    pub(super) changed: i64,
    pub(super) problems: i64,
    pub(super) warnings: i64,
}

/// A chunk that is durable.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) verdicts: Vec<u8>,
    pub(super) totals: Totals,
}

/// Chunks of one job on their way to the disk.
#[derive(Debug)]
pub(super) struct Writing {
    target: Target,
    organisation: OrganisationId,
    job: Uuid,
    telling: Arc<Telling>,
    next_chunk: i32,
    resting: Resting<BulkLane>,
    lanes: Vec<BulkLane>,
    opened: usize,
    under_way: VecDeque<AbortOnDropHandle<Result<(BulkLane, Done), Error>>>,
    /// When the chunk before has claimed, and when it has committed.
    before: Option<(oneshot::Receiver<()>, oneshot::Receiver<()>)>,
}

impl Writing {
    pub(super) fn new(
        target: Target,
        organisation: OrganisationId,
        job: Uuid,
        telling: Arc<Telling>,
        next_chunk: i32,
        resting: Resting<BulkLane>,
    ) -> Self {
        Self {
            target,
            organisation,
            job,
            telling,
            next_chunk,
            resting,
            lanes: Vec::new(),
            opened: 0,
            under_way: VecDeque::new(),
            before: None,
        }
    }

    /// Sends a chunk on its way; answers the chunk that made room for it, if one did.
    pub(super) async fn write(&mut self, chunk: Chunk) -> Result<Option<Done>, Error> {
        let mut done = None;
        let lane = match self.lanes.pop() {
            Some(lane) => lane,
            None if self.opened < LANES => {
                self.opened += 1;
                match self.resting.take(BulkLane::is_open) {
                    Some(lane) => lane,
                    None => BulkLane::connect(&self.target).await?,
                }
            }
            None => {
                done = self.take_first().await?;
                self.lanes.pop().expect("the lane of the chunk that ended")
            }
        };
        let (claimed, when_claimed) = oneshot::channel();
        let (committed, when_committed) = oneshot::channel();
        let before = self.before.replace((when_claimed, when_committed));
        let turn = Turn { before, claimed: Some(claimed), committed: Some(committed) };
        let writing = OneChunk {
            lane,
            organisation: self.organisation,
            job: self.job,
            number: self.next_chunk,
            telling: Arc::clone(&self.telling),
            turn,
        };
        self.next_chunk += 1;
        self.under_way.push_back(AbortOnDropHandle::new(tokio::spawn(writing.write(chunk))));
        Ok(done)
    }

    /// Lays its lanes down for the next file. Only when no chunk is under way.
    pub(super) fn end(self) {
        self.lanes.into_iter().for_each(|lane| self.resting.put(lane));
    }

    /// Waits for the chunk that was sent first; `None` when none is under way.
    pub(super) async fn take_first(&mut self) -> Result<Option<Done>, Error> {
        let Some(first) = self.under_way.pop_front() else { return Ok(None) };
        let ended = first.await.context("a chunk's task ended").map_err(Error::Unavailable)?;
        let (lane, done) = ended?;
        self.lanes.push(lane);
        Ok(Some(done))
    }
}

/// When a chunk may claim and commit, and whom it tells that it has.
#[derive(Debug)]
struct Turn {
    before: Option<(oneshot::Receiver<()>, oneshot::Receiver<()>)>,
    claimed: Option<oneshot::Sender<()>>,
    committed: Option<oneshot::Sender<()>>,
}

struct OneChunk {
    lane: BulkLane,
    organisation: OrganisationId,
    job: Uuid,
    number: i32,
    telling: Arc<Telling>,
    turn: Turn,
}

impl OneChunk {
    async fn write(mut self, mut chunk: Chunk) -> Result<(BulkLane, Done), Error> {
        let before = self.turn.before.take();
        let (when_claimed, when_committed) = before.unzip();
        wait(when_claimed).await?;
        let shared = match self.claim_and_fill(&mut chunk).await {
            Ok(shared) => Some(shared),
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a chunk of a file cannot be written; looking for the filing at fault"
                );
                None
            }
        };
        tell(self.turn.claimed.take());
        wait(when_committed).await?;
        let shared = match shared {
            Some(shared) => shared,
            None => self.without_faulty(&mut chunk).await?,
        };
        let shared = self.whole_or_nothing(&mut chunk, shared).await?;
        let (verdicts, done) =
            pack(&chunk, &self.telling, self.organisation, self.job, self.number);
        self.lane.commit(&shared, &verdicts).await?;
        tell(self.turn.committed.take());
        Ok((self.lane, done))
    }

    /// Claims references, turns the verdicts of those that are taken, and writes the others.
    async fn claim_and_fill(&mut self, chunk: &mut Chunk) -> Result<Shared, Error> {
        let mut claims = self.lane.claim(self.organisation, &entries(chunk)).await?;
        while self.used_up(chunk, &claims.received_before) {
            // What they claimed must not stay.
            self.lane.roll_back().await?;
            claims = self.lane.claim(self.organisation, &entries(chunk)).await?;
        }
        let taken = claims.taken;
        tell(self.turn.claimed.take());
        for line in &mut chunk.lines {
            let Some(found) = line.entry.as_ref().and_then(|entry| taken.get(&entry.filing.id))
            else {
                continue;
            };
            line.entry = None;
            let verdict = Verdict { filing: Some(found.filing.as_uuid()), ..line.verdict.clone() };
            line.verdict = if found.same_content {
                verdict.unchanged()
            } else {
                self.telling.changed(verdict)
            };
        }
        self.lane.fill(&self::entries(chunk)).await
    }

    /// Turns the verdicts of receipts whose movement's reference another receipt has used up since
    /// they were judged; by its id a movement may be received again. Answers whether there are any.
    fn used_up(&self, chunk: &mut Chunk, before: &HashMap<FilingId, String>) -> bool {
        let mut any = false;
        for line in &mut chunk.lines {
            let Some(entry) = &mut line.entry else { continue };
            let Some(by) = before.get(&entry.filing.id) else { continue };
            let named = entry.first_receipt.take().map(|first| first.name);
            if matches!(named, Some(MovementName::Reference(_))) {
                line.entry = None;
                line.verdict = self.telling.reference_used(line.verdict.clone(), by);
            }
            any = true;
        }
        any
    }

    /// The same without the filings that Postgres refuses, whoever they are.
    async fn without_faulty(&mut self, chunk: &mut Chunk) -> Result<Shared, Error> {
        self.lane.roll_back().await?;
        let mut faulty = HashSet::new();
        let all: Vec<&Entry> = entries(chunk);
        let mut parts = vec![&all[..]];
        while let Some(part) = parts.pop() {
            let tried = self.try_entries(part).await;
            self.lane.roll_back().await?;
            match tried {
                Ok(()) => {}
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) if part.len() <= 1 => {
                    let filing = part.first().map(|entry| entry.filing.id);
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        filing.id = filing.map(tracing::field::display),
                        "a filing of a file cannot be written"
                    );
                    faulty.extend(filing);
                }
                Err(_) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([first, second]);
                }
            }
        }
        self.set_aside(chunk, &faulty);
        self.claim_and_fill(chunk).await
    }

    /// Takes everything back when a file is recorded as a whole and one of its lines is not right
    /// after all: somebody else filed its reference in between, or Postgres refused it.
    async fn whole_or_nothing(
        &mut self,
        chunk: &mut Chunk,
        shared: Shared,
    ) -> Result<Shared, Error> {
        if !chunk.whole || !chunk.lines.iter().any(|line| line.verdict.is_rejected()) {
            return Ok(shared);
        }
        self.lane.roll_back().await?;
        chunk.hold_back(&self.telling);
        self.claim_and_fill(chunk).await
    }

    async fn try_entries(&self, entries: &[&Entry]) -> Result<(), Error> {
        let taken = self.lane.claim(self.organisation, entries).await?.taken;
        let free: Vec<&Entry> =
            entries.iter().copied().filter(|entry| !taken.contains_key(&entry.filing.id)).collect();
        self.lane.fill(&free).await.map(drop)
    }

    fn set_aside(&self, chunk: &mut Chunk, faulty: &HashSet<FilingId>) {
        for line in &mut chunk.lines {
            if line.entry.as_ref().is_some_and(|entry| faulty.contains(&entry.filing.id)) {
                line.entry = None;
                line.verdict = self.telling.not_recorded(line.verdict.clone());
            }
        }
    }
}

impl Chunk {
    /// Records nothing of it: what is right waits for the rest to be put right.
    pub(super) fn hold_back(&mut self, telling: &Telling) {
        for line in &mut self.lines {
            line.entry = None;
            if line.verdict.status == Status::Accepted {
                line.verdict = telling.held_back(line.verdict.clone());
            }
        }
    }
}

fn entries(chunk: &Chunk) -> Vec<&Entry> {
    chunk.lines.iter().filter_map(|line| line.entry.as_deref()).collect()
}

async fn wait(turn: Option<oneshot::Receiver<()>>) -> Result<(), Error> {
    match turn {
        None => Ok(()),
        Some(turn) => {
            let gone = "the chunk before was not written";
            turn.await.context(gone).map_err(Error::Unavailable)
        }
    }
}

fn tell(whom: Option<oneshot::Sender<()>>) {
    // Nobody may be waiting: this was the last chunk.
    whom.map(|whom| whom.send(()));
}

/// The verdicts of a chunk as they are stored, and as they are told.
pub(super) fn pack(
    chunk: &Chunk,
    telling: &Telling,
    organisation: OrganisationId,
    job: Uuid,
    number: i32,
) -> (BulkVerdicts, Done) {
    let (mut told, mut rejected) = (Vec::with_capacity(chunk.lines.len() * 128), Vec::new());
    let mut totals = Totals::default();
    for line in &chunk.lines {
        line.verdict.write(&mut told);
        totals.add(&line.verdict);
        if line.verdict.is_rejected() && !line.raw.is_empty() {
            if rejected.is_empty()
                && let Some(heading) = &telling.heading_line
            {
                rejected.extend_from_slice(heading.as_bytes());
                rejected.push(b'\n');
            }
            rejected.extend_from_slice(&line.raw);
            rejected.push(b'\n');
        }
    }
    let count = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
    let stored = BulkVerdicts {
        organisation,
        job,
        chunk: number,
        lines: chunk.lines.iter().map(|line| i64::from(line.verdict.line)).collect(),
        read_bytes: i64::try_from(chunk.read_bytes).unwrap_or(i64::MAX),
        accepted: count(totals.accepted),
        unchanged: count(totals.unchanged),
        changed: count(totals.changed),
        problems: count(totals.problems),
        warnings: count(totals.warnings),
        verdicts: deflate(&told),
        rejected: (!rejected.is_empty()).then(|| deflate(&rejected)),
    };
    (stored, Done { verdicts: told, totals })
}

impl Totals {
    fn add(&mut self, verdict: &Verdict) {
        match verdict.status {
            Status::Accepted => self.accepted += 1,
            Status::Unchanged => self.unchanged += 1,
            Status::Changed => self.changed += 1,
            Status::Problem | Status::HeldBack => self.problems += 1,
        }
        if !verdict.warnings.is_empty() {
            self.warnings += 1;
        }
    }

    pub(super) fn plus(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.unchanged += other.unchanged;
        self.changed += other.changed;
        self.problems += other.problems;
        self.warnings += other.warnings;
    }
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    encoder.write_all(bytes).expect("memory takes whatever is written to it");
    encoder.finish().expect("memory takes whatever is written to it")
}
