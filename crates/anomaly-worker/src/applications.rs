//! Applications as they are submitted, and again when a list changes: their risk is assessed for
//! the officer.

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

/// Applications assessed at a time when a list changed.
const CHUNK: usize = 200;

/// Judges applications that were submitted.
#[derive(Default)]
pub(crate) struct Applications {
    loader: Mutex<Loader>,
}

/// Judges applications anew when somebody was put on a list, or taken off it.
#[derive(Default)]
pub(crate) struct Lists {
    applications: Applications,
}

/// Which version of an application is assessed, and since when there was a reason to.
type Asked = BTreeMap<CaseId, (u32, Timestamp)>;

impl Judges for Applications {
    async fn judge(
        &self,
        transaction: &mut Transaction,
        heard: &[Heard],
        now: Timestamp,
    ) -> Result<Told, Error> {
        let mut asked = Asked::new();
        for heard in heard {
            if let Event::ApplicationSubmitted { case, version, .. } = heard.event {
                let latest = asked.entry(case).or_insert((version, heard.occurred_at));
                *latest = (*latest).max((version, heard.occurred_at));
            }
        }
        let mut told = Told::default();
        let found = self.assess(transaction, &asked, None, &traces(heard), &mut told, now).await?;
        note(transaction, heard, &found, &mut told, now).await?;
        Ok(told)
    }
}

impl Judges for Lists {
    async fn judge(
        &self,
        transaction: &mut Transaction,
        heard: &[Heard],
        now: Timestamp,
    ) -> Result<Told, Error> {
        let mut told = Told::default();
        // However many changes were heard of, the lists are as they are now.
        if let Some(last) = heard.last() {
            let mut loader = self.applications.loader.lock().await;
            let named = loader.named_on_lists(transaction, now).await?;
            drop(loader);
            for chunk in named.chunks(CHUNK) {
                let asked: Asked = chunk
                    .iter()
                    .map(|(case, version)| (*case, (*version, last.occurred_at)))
                    .collect();
                let (cause, traces) = (Some(last.id), HashMap::new());
                self.applications
                    .assess(transaction, &asked, cause, &traces, &mut told, now)
                    .await?;
            }
        }
        note(transaction, heard, &HashMap::new(), &mut told, now).await?;
        Ok(told)
    }
}

impl Applications {
    /// Assesses applications, and records what is found. Answers how much that is of each.
    async fn assess(
        &self,
        transaction: &mut Transaction,
        asked: &Asked,
        cause: Option<Uuid>,
        traces: &HashMap<Uuid, String>,
        told: &mut Told,
        now: Timestamp,
    ) -> Result<HashMap<Uuid, usize>, Error> {
        let cases: Vec<CaseId> = asked.keys().copied().collect();
        let contexts = self.loader.lock().await.applications(transaction, &cases, now).await?;
        let mut judged = Vec::new();
        let mut found: HashMap<Uuid, usize> = HashMap::new();
        for context in &contexts {
            let Some((version, caused_at)) = asked.get(&context.case).copied() else { continue };
            let (case, judgements) = (context.case, screen(context));
            let assessment = assess(context, &judgements);
            let id = Uuid::now_v7();
            let version_of = (case, version);
            let store =
                screening::store_assessment(transaction, id, version_of, cause, &assessment, now);
            if store.await? {
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
        told.tell(transaction, recorded, traces, now).await?;
        Ok(found)
    }
}
