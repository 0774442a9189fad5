//! A document under way: read, judged, and written with its filings in one transaction.
//!
//! The writer writes all of it or nothing. What stands in the way of it is judged and written anew,
//! until everything that is left is free; with `rollback` a fault that only shows then takes the
//! whole document back, too.

use super::{
    stored::new_event,
    translate::{Candidate, Translation, is_id, translate},
    view::{Outcome, errors},
    violation,
};
use crate::filings::desk::{Desk, Earlier, Judged, Judgement, Sender, existing};
use ::epcis::{
    check,
    document::Document,
    hash::{EventHash, Prehasher},
};
use database::{
    epcis::{Capture, NewCapture, NewEvent, Waits},
    filing_writer::{DocumentVerdict, Entry, Verdict},
};
use domain::{
    ids::{FilingId, LotId, MovementId},
    movement::MovementName,
};
use service::{
    clock,
    idempotency::IdempotencyKey,
    problem::{Problem, Violation},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

/// So many faults of a document are listed.
const FAULTS_LIMIT: usize = 100;
/// What is said of a receipt that came before its dispatch.
const WAITS: &str = "nobody has announced this movement yet; it is filed when somebody does";
/// What stands in the way is taken account of so often; then others are too busy with the same.
const ROUNDS: usize = 20;
const BUSY_RETRY_SECONDS: usize = 1;

/// What a fault in a document does to the rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorBehaviour {
    /// It keeps the whole document out.
    Rollback,
    /// It keeps its own event out.
    Proceed,
}

impl ErrorBehaviour {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Proceed => "proceed",
        }
    }
}

/// A document under way from its text to the disk.
pub(super) struct Work<'a> {
    desk: &'a Desk,
    sender: &'a Sender,
    behaviour: ErrorBehaviour,
    items: Vec<Item>,
    duplicates: u32,
    faults: Vec<Violation>,
}

/// An event that nothing is wrong with as an event.
struct Item {
    event: Arc<NewEvent>,
    pointer: String,
    filing: IsFiling,
}

/// What an event is as a filing.
enum IsFiling {
    /// None, for this reason.
    No(String),
    /// None yet: its movement is not announced.
    Waits(Box<Waits>),
    /// It may be one.
    Candidate(Box<Candidate>),
    /// It is one that can be written.
    Ready(Box<(Candidate, Judged)>),
    /// It is one that is on record.
    Recorded(Option<Uuid>),
}

impl<'a> Work<'a> {
    pub(super) const fn new(desk: &'a Desk, sender: &'a Sender, behaviour: ErrorBehaviour) -> Self {
        Self { desk, sender, behaviour, items: Vec::new(), duplicates: 0, faults: Vec::new() }
    }

    fn fault(&mut self, fault: Violation) {
        if self.faults.len() < FAULTS_LIMIT {
            self.faults.push(fault);
        }
    }

    /// Reads and checks every event, and gives it its identity.
    pub(super) fn read(&mut self, document: &Document<'_>) {
        let mut prehasher = Prehasher::default();
        let mut seen = HashSet::new();
        let mut stated: HashMap<String, EventHash> = HashMap::new();
        for event in document.events() {
            let event = match event {
                Ok(event) => event,
                Err(fault) => {
                    self.fault(violation(fault));
                    continue;
                }
            };
            let faults = check::event(document.kind, &event);
            if !faults.is_empty() {
                for fault in faults {
                    self.fault(violation(fault));
                }
                continue;
            }
            let new = new_event(&event, document, &mut prehasher);
            let Some(new) = new else { continue };
            if !seen.insert((new.hash, new.declaration)) {
                self.duplicates += 1;
                continue;
            }
            let hash = EventHash::from(new.hash);
            let before =
                new.declaration.is_none().then(|| stated.insert(new.event_id.clone(), hash));
            if before.flatten().is_some_and(|before| before != hash) {
                let pointer = format!("{}/eventID", event.pointer);
                let detail = "another event of this document has this id and says something else";
                let fault = Violation::at(pointer, "event_id_twice", detail);
                self.fault(fault.expecting("an id of its own, or an errorDeclaration"));
                continue;
            }
            let filing = match translate(&event, &hash) {
                Translation::Filing(candidate) => IsFiling::Candidate(candidate),
                Translation::NoFiling(reason) => IsFiling::No(reason),
                Translation::Faulty(faults) => {
                    for fault in faults {
                        self.fault(fault);
                    }
                    continue;
                }
            };
            let pointer = event.pointer;
            self.items.push(Item { event: Arc::new(new), pointer, filing });
        }
    }

    /// Writes the document, all that is right of it or nothing, and answers what became of it.
    pub(super) async fn write(mut self) -> Result<Capture, Problem> {
        for _ in 0..ROUNDS {
            self.judge().await?;
            if !self.faults.is_empty() && self.behaviour == ErrorBehaviour::Rollback {
                self.items.clear();
                self.duplicates = 0;
            }
            let capture = self.capture();
            let job = capture.job.clone();
            match self.desk.write_document(self.sender, self.entries(), capture).await? {
                DocumentVerdict::Stored(stored) => {
                    let (captured, duplicates) = (stored.captured, stored.duplicates);
                    return Ok(Capture { captured, duplicates, ..job });
                }
                DocumentVerdict::NotFree(in_the_way) => {
                    for (filing, verdict) in in_the_way {
                        self.stands_in_the_way(filing, verdict);
                    }
                }
                DocumentVerdict::Refused(filings) => self.refuse(&filings),
            }
        }
        Err(Problem::Overloaded { retry_after_seconds: BUSY_RETRY_SECONDS })
    }

    /// Has the desk judge what may be a filing; later ones know what earlier ones say.
    async fn judge(&mut self) -> Result<(), Problem> {
        let mut earlier = Earlier::default();
        let mut kept = Vec::with_capacity(self.items.len());
        for mut item in std::mem::take(&mut self.items) {
            item.filing = match item.filing {
                IsFiling::Candidate(candidate) => {
                    match self.judge_one(*candidate, &item.event, &mut earlier).await? {
                        Some(filing) => filing,
                        None => continue,
                    }
                }
                IsFiling::Ready(ready) => {
                    earlier.add(&ready.1);
                    IsFiling::Ready(ready)
                }
                settled => settled,
            };
            kept.push(item);
        }
        self.items = kept;
        Ok(())
    }

    /// What a candidate is as a filing; `None` where it is a faulty one.
    async fn judge_one(
        &mut self,
        mut candidate: Candidate,
        event: &NewEvent,
        earlier: &mut Earlier,
    ) -> Result<Option<IsFiling>, Problem> {
        self.resolve(&mut candidate).await?;
        let key = key_of(event)?;
        let faults = match self.desk.judge(&candidate.form, self.sender, Some(&key), earlier).await
        {
            Ok(Judgement::Before(answer)) => {
                return Ok(Some(IsFiling::Recorded(id_of(&answer))));
            }
            Ok(Judgement::Ready(judged)) if earlier.add(&judged) => {
                return Ok(Some(IsFiling::Ready(Box::new((candidate, *judged)))));
            }
            Ok(Judgement::Ready(_)) => {
                let detail = "an earlier event of this document is a filing of this reference";
                vec![Violation::at("/reference", "duplicate_reference", detail)]
            }
            Err(Problem::ValidationFailed(faults)) => faults,
            Err(problem) => return Err(problem),
        };
        if !candidate.meant
            && let Some(movement) = announced_later(&candidate, &faults)
        {
            let form = serde_json::to_value(&candidate.form);
            let form = form.expect("a form that was read can be written");
            let (event, key) = (event.id, key.as_str().to_owned());
            return Ok(Some(IsFiling::Waits(Box::new(Waits { event, movement, form, key }))));
        }
        Ok(self.is_none_because(&candidate, faults))
    }

    /// A candidate with faults: they are the document's where it is meant as a filing, and otherwise
    /// the reason for which it is none.
    fn is_none_because(
        &mut self,
        candidate: &Candidate,
        faults: Vec<Violation>,
    ) -> Option<IsFiling> {
        if candidate.meant {
            for fault in faults {
                self.fault(candidate.located(fault));
            }
            return None;
        }
        let first = faults.into_iter().next();
        Some(IsFiling::No(first.map_or_else(String::new, |it| it.detail)))
    }

    /// A receipt may call the movement and its lots what the seller calls them.
    async fn resolve(&self, candidate: &mut Candidate) -> Result<(), Problem> {
        let Some(seller) = candidate.seller.take() else { return Ok(()) };
        let Some(seller) = self.desk.filer(seller).await? else { return Ok(()) };
        let form = &mut candidate.form;
        let named = |text: &str| text.parse::<MovementName>().is_ok();
        if let Some(movement) = form.movement.as_mut().filter(|text| !named(text.as_str())) {
            *movement = MovementId::of(seller, movement).to_string();
        }
        for lot in form.lines.iter_mut().filter_map(|line| line.lot.as_mut()) {
            if !is_id(lot) {
                *lot = LotId::of(seller, lot).to_string();
            }
        }
        Ok(())
    }

    /// Takes account of what came first.
    fn stands_in_the_way(&mut self, filing: FilingId, verdict: Verdict) {
        let Some(index) = self.items.iter().position(|item| item.is_ready_as(filing)) else {
            return;
        };
        let reason = match verdict {
            // Whatever it was: it is judged anew.
            Verdict::Recorded | Verdict::ReceivedBefore(_) => None,
            Verdict::Repeated(answer) => {
                self.items[index].filing = IsFiling::Recorded(id_of(&answer));
                return;
            }
            // The catalogue has changed since: what was recorded then stands.
            Verdict::KeyReused => {
                let reason = "it was recorded before, when it meant another filing";
                self.items[index].filing = IsFiling::No(reason.to_owned());
                return;
            }
            Verdict::ReferenceTaken { filing, same_content } => {
                Some(existing(filing, same_content))
            }
        };
        let mut item = self.items.remove(index);
        if let IsFiling::Ready(ready) = item.filing {
            let candidate = ready.0;
            item.filing = match reason {
                None => IsFiling::Candidate(Box::new(candidate)),
                Some(existing) => {
                    let reference = candidate.form.reference.clone();
                    let detail = Problem::DuplicateReference { reference, existing }.to_string();
                    let fault = Violation::at("/reference", "duplicate_reference", detail);
                    match self.is_none_because(&candidate, vec![fault]) {
                        Some(filing) => filing,
                        None => return,
                    }
                }
            };
            self.items.insert(index, item);
        }
    }

    /// Keeps out what the database refuses.
    fn refuse(&mut self, filings: &HashSet<FilingId>) {
        let is_refused = |item: &Item| filings.iter().any(|filing| item.is_ready_as(*filing));
        let (refused, kept) = std::mem::take(&mut self.items).into_iter().partition(is_refused);
        self.items = kept;
        let refused: Vec<Item> = refused;
        for item in refused {
            let detail = "what this event says could not be stored as a filing";
            let fault = Violation::at(item.pointer, "not_recorded", detail);
            self.fault(fault.expecting("tell the authority the id of this job"));
        }
    }

    fn entries(&self) -> Vec<Arc<Entry>> {
        let entries = self.items.iter().filter_map(|item| match &item.filing {
            IsFiling::Ready(ready) => Some(ready.1.entry()),
            _ => None,
        });
        entries.collect()
    }

    /// The document as it is to be stored.
    fn capture(&self) -> NewCapture {
        let mut outcomes: Vec<Outcome> = self.items.iter().map(Item::outcome).collect();
        outcomes.sort_by_key(|outcome| natural(&outcome.pointer));
        let filings = outcomes.iter().filter(|outcome| outcome.no_filing.is_none()).count();
        let job = Capture {
            id: Uuid::now_v7(),
            error_behaviour: self.behaviour.as_str().to_owned(),
            created_at: self.sender.at,
            finished_at: clock::now(),
            success: self.faults.is_empty(),
            captured: 0,
            duplicates: self.duplicates,
            filings: u32::try_from(filings).unwrap_or(u32::MAX),
            errors: errors(&self.faults),
            outcomes: serde_json::to_value(&outcomes).expect("outcomes are valid JSON"),
        };
        let waits = self.items.iter().filter_map(|item| match &item.filing {
            IsFiling::Waits(waits) => Some((**waits).clone()),
            _ => None,
        });
        let events = self.items.iter().map(|item| Arc::clone(&item.event)).collect();
        NewCapture { job, events, waits: waits.collect() }
    }
}

impl Item {
    fn is_ready_as(&self, filing: FilingId) -> bool {
        matches!(&self.filing, IsFiling::Ready(ready) if ready.1.entry().filing.id == filing)
    }

    fn outcome(&self) -> Outcome {
        let (filing, no_filing) = match &self.filing {
            IsFiling::No(reason) => (None, Some(reason.clone())),
            IsFiling::Waits(_) => (None, Some(WAITS.to_owned())),
            // Everything that may be a filing was judged.
            IsFiling::Candidate(_) => (None, None),
            IsFiling::Ready(ready) => (Some(ready.1.entry().filing.id.as_uuid()), None),
            IsFiling::Recorded(filing) => (*filing, None),
        };
        Outcome { pointer: self.pointer.clone(), filing, no_filing }
    }
}

fn id_of(answer: &serde_json::Value) -> Option<Uuid> {
    answer["id"].as_str().and_then(|id| id.parse().ok())
}

/// The movement of a receipt whose only fault is that nobody has announced it. One that is named by
/// its reference was announced somewhere: the reference is wrong, or somebody else's.
fn announced_later(candidate: &Candidate, faults: &[Violation]) -> Option<MovementId> {
    let unknown = faults.iter().any(|fault| fault.code == "unknown_movement");
    match candidate.form.movement.as_ref()?.parse() {
        Ok(MovementName::Id(movement)) if unknown => Some(movement),
        _ => None,
    }
}

/// The key that makes recording a filing twice harmless.
fn key_of(event: &NewEvent) -> Result<IdempotencyKey, Problem> {
    IdempotencyKey::parse(&format!("epcis:{}", hex::encode(event.hash)))
}

/// A pointer's place in the order of the document.
fn natural(pointer: &str) -> usize {
    pointer.rsplit('/').next().and_then(|index| index.parse().ok()).unwrap_or(0)
}
