//! Filings as they arrive, late or out of order or corrected: fetch, judge, store.

use crate::{consuming::Judges, message::Heard, telling::Told};
use database::{
    Error, Transaction,
    findings::{self, Judged},
    screening::{self, Loader, Screening},
};
use domain::{
    event::Event,
    ids::{FilingId, FindingId, OrganisationId},
};
use jiff::Timestamp;
use rules::{FilingContext, Outcome, evaluate};
use std::collections::{BTreeMap, HashMap};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Judges filings that were recorded.
#[derive(Default)]
pub(crate) struct Filings {
    loader: Mutex<Loader>,
}

/// Filings to judge, each with the moment of what gave rise to that.
pub(crate) type Asked = BTreeMap<(OrganisationId, FilingId), Timestamp>;

impl Judges for Filings {
    async fn judge(
        &self,
        transaction: &mut Transaction,
        heard: &[Heard],
        now: Timestamp,
    ) -> Result<Told, Error> {
        let mut asked = Asked::new();
        let mut corrections = Asked::new();
        for heard in heard {
            if let Event::FilingRecorded { filing, organisation, version, .. } = heard.event {
                asked.insert((organisation, filing), heard.occurred_at);
                if 1 < version {
                    corrections.insert((organisation, filing), heard.occurred_at);
                }
            }
        }
        // Whatever was compared with a replaced version is judged anew.
        let corrected: Vec<_> = corrections.keys().copied().collect();
        for touched in screening::touched_by_correction(transaction, &corrected).await? {
            let latest = corrections.values().max().copied().unwrap_or(now);
            asked.entry(touched).or_insert(latest);
        }
        let mut loader = self.loader.lock().await;
        judge_filings(transaction, &mut loader, &asked, Vec::new(), heard, now).await
    }
}

/// Judges filings as they stand now, and notes that these messages were taken into account. What
/// was judged `beside` them is recorded with them.
pub(crate) async fn judge_filings(
    transaction: &mut Transaction,
    loader: &mut Loader,
    asked: &Asked,
    beside: Vec<Judged>,
    heard: &[Heard],
    now: Timestamp,
) -> Result<Told, Error> {
    let filings: Vec<_> = asked.keys().copied().collect();
    let mut loaded = loader.filings(transaction, &filings, now).await?;
    let followers = followers(&loaded.contexts, asked);
    loaded.contexts.extend(loader.filings(transaction, &followers, now).await?.contexts);
    let mut found: HashMap<Uuid, usize> = HashMap::new();
    for judged in &beside {
        if matches!(judged.judgement.outcome, Outcome::Found(_)) {
            *found.entry(judged.judgement.subject.id()).or_default() += 1;
        }
    }
    let mut judged = beside;
    for context in &loaded.contexts {
        let filing = &context.filing;
        let caused_at = asked.get(&(filing.organisation, filing.id)).copied().unwrap_or(now);
        for judgement in evaluate(context) {
            if matches!(judgement.outcome, Outcome::Found(_)) {
                *found.entry(filing.id.as_uuid()).or_default() += 1;
            }
            judged.push(Judged { judgement, caused_at });
        }
    }
    let new_id = || FindingId::from_uuid(Uuid::now_v7());
    let mut recorded = findings::record(transaction, &judged, new_id, now).await?;
    recorded.closed.extend(findings::close_corrected(transaction, &loaded.replaced, now).await?);
    let mut told = Told::default();
    told.count_abstentions(judged.iter().map(|judged| &judged.judgement));
    told.tell(transaction, recorded, &traces(heard), now).await?;
    note(transaction, heard, &found, &mut told, now).await?;
    Ok(told)
}

/// Shipments that happened after one of these to the same client: what arrived late may make
/// them the last of a series.
fn followers(contexts: &[FilingContext], asked: &Asked) -> Vec<(OrganisationId, FilingId)> {
    let mut followers: Vec<_> = contexts
        .iter()
        .flat_map(|context| {
            let filing = &context.filing;
            let later = context.recent.iter().filter(move |recent| {
                (filing.happened_at, filing.id) < (recent.happened_at, recent.filing)
            });
            later.map(move |recent| (filing.organisation, recent.filing))
        })
        .filter(|follower| !asked.contains_key(follower))
        .collect();
    followers.sort_unstable();
    followers.dedup();
    followers
}

/// What a message is about.
fn subject(event: &Event) -> Uuid {
    match event {
        Event::FilingRecorded { filing, .. } => filing.as_uuid(),
        Event::ApplicationSubmitted { case, .. } => case.as_uuid(),
        Event::LicenceIssued { licence, .. }
        | Event::LicenceMoved { licence, .. }
        | Event::LicenceArrived { licence, .. }
        | Event::LicenceUsed { licence, .. } => licence.as_uuid(),
        Event::LicenceDeparted { departure, .. } => departure.as_uuid(),
        Event::InvoiceRecorded { invoice, .. } => *invoice,
        Event::DeclarationRecorded { declaration, .. } => *declaration,
        _ => Uuid::nil(),
    }
}

pub(crate) fn traces(heard: &[Heard]) -> HashMap<Uuid, String> {
    let traced =
        heard.iter().filter_map(|heard| Some((subject(&heard.event), heard.traceparent.clone()?)));
    traced.collect()
}

/// Notes what was judged, one row a message: a message judged twice would show.
pub(crate) async fn note(
    transaction: &mut Transaction,
    heard: &[Heard],
    found: &HashMap<Uuid, usize>,
    told: &mut Told,
    now: Timestamp,
) -> Result<(), Error> {
    let screenings: Vec<Screening<'_>> = heard
        .iter()
        .map(|heard| {
            *told.screened.entry(heard.event.name()).or_default() += 1;
            let subject = subject(&heard.event);
            let findings = found.get(&subject).copied().unwrap_or(0);
            Screening { message: heard.id, event: heard.event.name(), subject, findings }
        })
        .collect();
    screening::note(transaction, &screenings, now).await
}
