//! A document under way: read, judged, filed, and made ready to be stored.

use super::{
    stored::new_event,
    translate::{Candidate, Translation, is_id, translate},
    view::{Outcome, errors},
    violation,
};
use crate::filings::desk::{Accepted, Desk, Judged, Judgement, Sender};
use ::epcis::{
    check,
    document::Document,
    hash::{EventHash, Prehasher},
};
use database::{
    epcis::{Capture, NewCapture, NewEvent, Waits},
    filing_context::LotClaim,
};
use domain::{
    ids::{LotId, MovementId},
    movement::MovementName,
};
use futures_util::future::join_all;
use service::{
    clock,
    idempotency::IdempotencyKey,
    problem::{Problem, Violation},
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// So many faults of a document are listed.
const FAULTS_LIMIT: usize = 100;
/// What is said of a receipt that came before its dispatch.
const WAITS: &str = "nobody has announced this movement yet; it is filed when somebody does";

/// A document under way from its text to the disk.
pub(super) struct Work<'a> {
    desk: &'a Desk,
    sender: &'a Sender,
    items: Vec<Item>,
    duplicates: u32,
    pub(super) faults: Vec<Violation>,
    outcomes: Vec<Outcome>,
    waits: Vec<Waits>,
    filings: u32,
}

/// An event that nothing is wrong with as an event.
struct Item {
    event: NewEvent,
    pointer: String,
    candidate: Option<Box<Candidate>>,
    judgement: Option<Judgement>,
}

impl<'a> Work<'a> {
    pub(super) const fn new(desk: &'a Desk, sender: &'a Sender) -> Self {
        Self {
            desk,
            sender,
            items: Vec::new(),
            duplicates: 0,
            faults: Vec::new(),
            outcomes: Vec::new(),
            waits: Vec::new(),
            filings: 0,
        }
    }

    fn fault(&mut self, fault: Violation) {
        if self.faults.len() < FAULTS_LIMIT {
            self.faults.push(fault);
        }
    }

    fn no_filing(&mut self, pointer: &str, reason: String) {
        let pointer = pointer.to_owned();
        self.outcomes.push(Outcome { pointer, filing: None, no_filing: Some(reason) });
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
            let candidate = match translate(&event, &hash) {
                Translation::Filing(candidate) => Some(candidate),
                Translation::NoFiling(reason) => {
                    self.no_filing(&event.pointer, reason);
                    None
                }
                Translation::Faulty(faults) => {
                    for fault in faults {
                        self.fault(fault);
                    }
                    continue;
                }
            };
            let pointer = event.pointer;
            self.items.push(Item { event: new, pointer, candidate, judgement: None });
        }
    }

    /// Has the desk judge what may be a filing; later ones know the lots of earlier ones.
    pub(super) async fn judge(&mut self) -> Result<(), Problem> {
        let mut made: HashMap<LotId, LotClaim> = HashMap::new();
        let mut kept = Vec::with_capacity(self.items.len());
        for mut item in std::mem::take(&mut self.items) {
            let Some(mut candidate) = item.candidate.take() else {
                kept.push(item);
                continue;
            };
            self.resolve(&mut candidate).await?;
            let key = key_of(&item.event)?;
            match self.desk.judge(&candidate.form, self.sender, Some(&key), &made).await {
                Ok(judgement) => {
                    if let Judgement::Ready(judged) = &judgement {
                        made.extend(judged.lots().map(|claim| (claim.id, claim)));
                    }
                    item.judgement = Some(judgement);
                    item.candidate = Some(candidate);
                }
                Err(Problem::ValidationFailed(faults)) if candidate.meant => {
                    for fault in faults {
                        self.fault(candidate.located(fault));
                    }
                    continue;
                }
                Err(Problem::ValidationFailed(faults)) => {
                    if let Some(movement) = announced_later(&candidate, &faults) {
                        let form = serde_json::to_value(&candidate.form);
                        let form = form.expect("a form that was read can be written");
                        let (event, key) = (item.event.id, key.as_str().to_owned());
                        self.waits.push(Waits { event, movement, form, key });
                        self.no_filing(&item.pointer, WAITS.to_owned());
                    } else {
                        let first = faults.into_iter().next();
                        let reason = first.map_or_else(String::new, |it| it.detail);
                        self.no_filing(&item.pointer, reason);
                    }
                }
                Err(problem) => return Err(problem),
            }
            kept.push(item);
        }
        self.items = kept;
        Ok(())
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

    pub(super) fn drop_everything(&mut self) {
        self.items.clear();
        self.outcomes.clear();
        self.waits.clear();
        self.duplicates = 0;
    }

    /// Records the filings, all at once: the writer commits them together.
    pub(super) async fn file(&mut self) -> Result<(), Problem> {
        let mut waiting: Vec<(usize, Judged)> = Vec::new();
        for (index, item) in self.items.iter_mut().enumerate() {
            match item.judgement.take() {
                Some(Judgement::Ready(judged)) => waiting.push((index, *judged)),
                Some(Judgement::Before(answer)) => {
                    let filing = answer["id"].as_str().and_then(|id| id.parse().ok());
                    let pointer = item.pointer.clone();
                    self.outcomes.push(Outcome { pointer, filing, no_filing: None });
                    self.filings += 1;
                }
                None => {}
            }
        }
        let desk = self.desk;
        let written =
            waiting.into_iter().map(async |(index, judged)| (index, desk.write(judged).await));
        let mut taken = Vec::new();
        for (index, outcome) in join_all(written).await {
            let item = &self.items[index];
            let pointer = item.pointer.clone();
            let filing = match outcome {
                Ok(Accepted::New(recorded)) => Some(recorded.id),
                Ok(Accepted::Before(answer)) => {
                    answer["id"].as_str().and_then(|id| id.parse().ok())
                }
                Err(problem @ Problem::DuplicateReference { .. }) => {
                    taken.push((index, problem.to_string()));
                    continue;
                }
                // The catalogue has changed since: what was recorded then stands.
                Err(Problem::IdempotencyKeyReused) => {
                    let reason = "it was recorded before, when it meant another filing";
                    taken.push((index, reason.to_owned()));
                    continue;
                }
                Err(problem) => return Err(problem),
            };
            self.outcomes.push(Outcome { pointer, filing, no_filing: None });
            self.filings += 1;
        }
        for (index, reason) in taken {
            let pointer = self.items[index].pointer.clone();
            self.no_filing(&pointer, reason);
        }
        Ok(())
    }

    pub(super) fn finish(mut self, error_behaviour: &str) -> NewCapture {
        self.outcomes.sort_by_key(|outcome| natural(&outcome.pointer));
        let job = Capture {
            id: Uuid::now_v7(),
            error_behaviour: error_behaviour.to_owned(),
            created_at: self.sender.at,
            finished_at: clock::now(),
            success: self.faults.is_empty(),
            captured: 0,
            duplicates: self.duplicates,
            filings: self.filings,
            errors: errors(&self.faults),
            outcomes: serde_json::to_value(&self.outcomes).expect("outcomes are valid JSON"),
        };
        let events = self.items.into_iter().map(|item| item.event).collect();
        NewCapture { job, events, waits: self.waits }
    }
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
