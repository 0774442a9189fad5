//! `POST /v1/epcis/capture`: takes a document of events in, and answers the job that did it.
//!
//! Everything is judged before anything is stored. With `rollback` (the default) one fault keeps
//! the whole document out; with `proceed` what is right is stored and what is wrong is listed.
//! Filings are recorded first, each under a key made of its event's hash; then all events, the
//! job and the event that announces it in one transaction. Whoever is interrupted in between sends
//! the document again: filings answer as before, events are stored once.

use super::{
    translate::{Candidate, Translation, is_id, translate},
    view::{CaptureJob, Outcome, errors},
    violation,
};
use crate::{
    filings::desk::{Accepted, Desk, Judged, Judgement, Sender},
    reading::{Reading, ReadingPools, ReadingQuery},
};
use ::epcis::{
    check,
    document::{Document, Event, Kind},
    hash::{EventHash, Prehasher},
    terms::{Field, Term, Terms},
    vocabulary::Vocabulary,
};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use database::{
    epcis::{Capture, NewCapture, NewEvent, find_capture, store},
    events::Act,
    filing_context::LotClaim,
};
use domain::{
    codes::Channel,
    ids::{LotId, MovementId},
};
use futures_util::future::join_all;
use serde_json::{Value, json, value::RawValue};
use service::{
    body::JsonBody,
    clock,
    idempotency::IdempotencyKey,
    identity::Reporter,
    problem::{Location, Problem, ProblemDetails, Violation},
    trace::TraceContext,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

const EVENTS_LIMIT: usize = 1_000;
/// So many faults of a document are listed.
const FAULTS_LIMIT: usize = 100;

/// Takes in a GS1 EPCIS 2.0 document, the results of a query, or one event.
///
/// Answered when everything is durable. Events that say what a filing says are recorded as filings
/// (docs/epcis.md); the job tells which, and why others are none. The same event twice is stored
/// once; one sent again with an `errorDeclaration` stands beside the first. At most 1,000 events
/// and 1 MiB.
#[utoipa::path(
    tag = "epcis",
    request_body(content = Object, content_type = "application/json",
        description = "EPCISDocument, EPCISQueryDocument or an event"),
    params(
        ("GS1-Capture-Error-Behaviour" = Option<String>, Header, description = "`rollback` (the default) or `proceed`"),
        ("GS1-EPCIS-Version" = Option<String>, Header, description = "`2.0`"),
        ("GS1-CBV-Version" = Option<String>, Header, description = "`2.0`"),
    ),
    responses(
        (status = 202, description = "See the job at `Location`", body = CaptureJob),
        (status = 400, description = "No EPCIS 2.0 document", body = ProblemDetails),
        (status = 413, description = "Too large", body = ProblemDetails),
        (status = 503, description = "Busy; see Retry-After", body = ProblemDetails),
    )
)]
#[post("/v1/epcis/capture")]
pub async fn capture(
    request: HttpRequest,
    desk: web::Data<Desk>,
    pools: web::Data<ReadingPools>,
    reporter: Reporter,
    trace: TraceContext,
    body: JsonBody<Box<RawValue>>,
) -> Result<HttpResponse, Problem> {
    let proceed = read_headers(&request)?;
    let refused = |fault| Problem::InvalidBody(Box::new(violation(fault)));
    let document = Document::read(body.value.get(), EVENTS_LIMIT).map_err(refused)?;
    if let Some(fault) = check::envelope(&document).into_iter().next() {
        return Err(refused(fault));
    }
    let sender = Sender {
        organisation: reporter.organisation,
        person: reporter.person,
        channel: Channel::Epcis,
        at: clock::now(),
        traceparent: Some(trace.to_string()),
    };
    let mut work = Work::new(&desk, &sender);
    work.read(&document);
    work.judge().await?;
    if !work.faults.is_empty() && !proceed {
        work.drop_everything();
    }
    work.file().await?;
    let capture = work.finish(if proceed { "proceed" } else { "rollback" });
    let act =
        Act { person: Some(sender.person), at: sender.at, traceparent: sender.traceparent.clone() };
    let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
    let captured = store(&mut conn, sender.organisation, &act, &capture).await?;
    let job =
        Capture { captured: captured.captured, duplicates: captured.duplicates, ..capture.job };
    Ok(HttpResponse::Accepted()
        .insert_header(("Location", format!("/v1/epcis/capture/{}", job.id)))
        .insert_header(("GS1-EPCIS-Version", "2.0"))
        .json(CaptureJob::from(job)))
}

/// What became of a captured document: counts, faults, and which events are filings.
#[utoipa::path(
    tag = "epcis",
    params(("id" = Uuid, Path), ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = CaptureJob), (status = 404, body = ProblemDetails))
)]
#[get("/v1/epcis/capture/{id}")]
pub async fn find_job(
    reading: Reading,
    id: web::Path<Uuid>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<CaptureJob>, Problem> {
    let mut access = reading.of(&query.about(format!("EPCIS capture {id}"))).await?;
    let organisation = access.organisation;
    let found = find_capture(&mut access.conn, organisation, *id).await?;
    found.map(|found| web::Json(found.into())).ok_or(Problem::NotFound("capture"))
}

/// Whether to proceed past faults. Headers of GS1 that are not known here are refused.
fn read_headers(request: &HttpRequest) -> Result<bool, Problem> {
    let mut proceed = false;
    for (name, value) in request.headers() {
        let name = name.as_str();
        if !name.starts_with("gs1-") {
            continue;
        }
        let value = value.to_str().unwrap_or_default();
        match (name, value) {
            ("gs1-capture-error-behaviour", "rollback")
            | (
                "gs1-epcis-version" | "gs1-cbv-version" | "gs1-epcis-min" | "gs1-epcis-max",
                "2.0",
            )
            | ("gs1-extensions", _) => {}
            ("gs1-capture-error-behaviour", "proceed") => proceed = true,
            _ => {
                let expected = match name {
                    "gs1-capture-error-behaviour" => "rollback or proceed",
                    "gs1-epcis-version" | "gs1-cbv-version" => "2.0",
                    _ => "leave it out",
                };
                return Err(Problem::InvalidParameter(Box::new(Violation {
                    location: Location::Parameter { parameter: name.to_owned() },
                    code: "unsupported_header".into(),
                    detail: format!("{name}: {value:?} is not supported"),
                    expected: Some(expected.to_owned()),
                })));
            }
        }
    }
    Ok(proceed)
}

/// A document under way from its text to the disk.
struct Work<'a> {
    desk: &'a Desk,
    sender: &'a Sender,
    items: Vec<Item>,
    duplicates: u32,
    faults: Vec<Violation>,
    outcomes: Vec<Outcome>,
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
    const fn new(desk: &'a Desk, sender: &'a Sender) -> Self {
        Self {
            desk,
            sender,
            items: Vec::new(),
            duplicates: 0,
            faults: Vec::new(),
            outcomes: Vec::new(),
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
    fn read(&mut self, document: &Document<'_>) {
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
                faults.into_iter().for_each(|fault| self.fault(violation(fault)));
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
                    faults.into_iter().for_each(|fault| self.fault(fault));
                    continue;
                }
            };
            let pointer = event.pointer;
            self.items.push(Item { event: new, pointer, candidate, judgement: None });
        }
    }

    /// Has the desk judge what may be a filing; later ones know the lots of earlier ones.
    async fn judge(&mut self) -> Result<(), Problem> {
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
                    let reason = faults.into_iter().next().map_or_else(String::new, |it| it.detail);
                    self.no_filing(&item.pointer, reason);
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
        if let Some(movement) = form.movement.as_mut().filter(|movement| !is_id(movement)) {
            *movement = MovementId::of(seller, movement).to_string();
        }
        for lot in form.lines.iter_mut().filter_map(|line| line.lot.as_mut()) {
            if !is_id(lot) {
                *lot = LotId::of(seller, lot).to_string();
            }
        }
        Ok(())
    }

    fn drop_everything(&mut self) {
        self.items.clear();
        self.outcomes.clear();
        self.duplicates = 0;
    }

    /// Records the filings, all at once: the writer commits them together.
    async fn file(&mut self) -> Result<(), Problem> {
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

    fn finish(mut self, error_behaviour: &str) -> NewCapture {
        self.outcomes.sort_by(|a, b| natural(&a.pointer).cmp(&natural(&b.pointer)));
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
        NewCapture { job, events: self.items.into_iter().map(|item| item.event).collect() }
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

/// An event as it is stored. `None` when its time cannot be read, which the check has refused.
fn new_event(
    event: &Event,
    document: &Document<'_>,
    prehasher: &mut Prehasher,
) -> Option<NewEvent> {
    let members = &event.members;
    let hash = prehasher.hash(members, &event.context);
    let declaration = members.get("errorDeclaration").and_then(Value::as_object);
    let declaration = declaration.map(|it| *prehasher.declaration(it, &event.context).as_bytes());
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let event_id = text("eventID").map_or_else(|| hash.to_string(), str::to_owned);
    let mut terms = Terms::of(members, &event.context);
    for id in [event_id.as_str(), &hash.to_string()] {
        let term = Term::new(Field::EventId, None, id, &event.context);
        terms.all.insert(term);
        terms.selective.insert(term);
    }
    let numbers = |terms: std::collections::BTreeSet<Term>| terms.into_iter().map(Term::to_i64);
    Some(NewEvent {
        id: Uuid::now_v7(),
        event_id,
        hash: *hash.as_bytes(),
        declaration,
        biz_step: text("bizStep")
            .map(|step| Vocabulary::BusinessStep.in_full(step, &event.context).into_owned()),
        event_time: text("eventTime")?.parse().ok()?,
        terms: numbers(terms.all).collect(),
        selective_terms: numbers(terms.selective).collect(),
        body: with_context(event, document),
    })
}

/// The event with the context it was sent in, so that it stands by itself.
fn with_context(event: &Event, document: &Document<'_>) -> Vec<u8> {
    let outer = match &document.context_value {
        Value::Array(parts) => parts.clone(),
        Value::Null => Vec::new(),
        part => vec![part.clone()],
    };
    let mut members = event.members.clone();
    if document.kind != Kind::Event {
        let own = match members.remove("@context") {
            Some(Value::Array(parts)) => parts,
            Some(part) => vec![part],
            None => Vec::new(),
        };
        let mut all = outer;
        for part in own {
            if !all.contains(&part) {
                all.push(part);
            }
        }
        members.insert("@context".to_owned(), json!(all));
    }
    serde_json::to_vec(&members).expect("a map of JSON values is always valid JSON")
}
