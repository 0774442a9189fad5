//! Applications as they are submitted: their risk is assessed for the officer.

use crate::{
    consuming::Judges,
    filings::{note, traces},
    message::Heard,
    telling::{Told, origin},
};
use database::{
    Error, Transaction, events,
    findings::{self, Judged},
    screening::{self, Loader},
};
use domain::{
    event::Event,
    ids::{CaseId, FindingId},
};
use jiff::Timestamp;
use rules::{Outcome, assess, screen};
use std::collections::{BTreeMap, HashMap};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Judges applications that were submitted.
#[derive(Default)]
pub(crate) struct Applications {
    loader: Mutex<Loader>,
}

impl Judges for Applications {
    async fn judge(
        &self,
        transaction: &mut Transaction,
        heard: &[Heard],
        now: Timestamp,
    ) -> Result<Told, Error> {
        let mut asked: BTreeMap<CaseId, (u32, Timestamp)> = BTreeMap::new();
        for heard in heard {
            if let Event::ApplicationSubmitted { case, version, .. } = heard.event {
                let latest = asked.entry(case).or_insert((version, heard.occurred_at));
                *latest = (*latest).max((version, heard.occurred_at));
            }
        }
        let traces = traces(heard);
        let cases: Vec<CaseId> = asked.keys().copied().collect();
        let contexts = self.loader.lock().await.applications(transaction, &cases, now).await?;
        let mut told = Told::default();
        let mut judged = Vec::new();
        let mut found: HashMap<Uuid, usize> = HashMap::new();
        for context in &contexts {
            let Some((version, caused_at)) = asked.get(&context.case).copied() else { continue };
            let (case, judgements) = (context.case, screen(context));
            let assessment = assess(context, &judgements);
            let id = Uuid::now_v7();
            let version_of = (case, version);
            if screening::store_assessment(transaction, id, version_of, &assessment, now).await? {
                let origin = origin(traces.get(&case.as_uuid()).cloned(), now);
                let event = Event::ApplicationAssessed { case, version };
                events::append(transaction, &origin, case.as_uuid(), &event).await?;
            }
            let holds =
                |judgement: &&rules::Judgement| matches!(judgement.outcome, Outcome::Found(_));
            found.insert(case.as_uuid(), judgements.iter().filter(holds).count());
            judged.extend(judgements.into_iter().map(|judgement| Judged { judgement, caused_at }));
        }
        let new_id = || FindingId::from_uuid(Uuid::now_v7());
        let recorded = findings::record(transaction, &judged, new_id, now).await?;
        told.count_abstentions(judged.iter().map(|judged| &judged.judgement));
        told.tell(transaction, recorded, &traces, now).await?;
        note(transaction, heard, &found, &mut told, now).await?;
        Ok(told)
    }
}
