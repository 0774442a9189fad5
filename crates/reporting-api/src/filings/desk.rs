//! The filing desk: fetch what a form must be checked against, judge it, have it written.
//!
//! Every entrance — one filing, a file of many, EPCIS — comes through [`Desk::record`].

use super::{
    check::{Filer, Found, Needs, check, needs},
    form::FilingForm,
    view::{Recorded, RecordedLot},
};
use database::{
    Pool, Target,
    epcis::NewCapture,
    filing_context::{
        LotClaim, LotReader, Product, Replaced, find_filer, find_product, find_replaced, find_site,
    },
    filing_writer::{
        Document, DocumentVerdict, Entry, FilingWriter, FirstReceipt, Idempotency, Reversal,
        Verdict, WithdrawnLot, WriteError,
    },
    idempotency,
};
use domain::{
    codes::{Channel, LineRole},
    filing::{Claim, Filing},
    ids::{EventId, FilingId, LotId, MovementId, OrganisationId, PersonId, SiteId},
    movement::MovementReference,
    posting::{Posting, postings},
};
use jiff::Timestamp;
use moka::future::Cache;
use service::{
    idempotency::{IdempotencyKey, fingerprint_of},
    problem::Problem,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use uuid::Uuid;

/// How long a change to a site, product or register entry may go unnoticed here.
const CATALOGUE_AGE: Duration = Duration::from_secs(5);
const CATALOGUE_ENTRIES: u64 = 50_000;
const BUSY_RETRY_SECONDS: usize = 1;
/// Who is judged anew finds what came first: a form is judged no more often than this.
const JUDGEMENTS: usize = 3;

/// Takes filings in.
#[derive(Clone)]
pub struct Desk {
    writer: FilingWriter,
    lots: LotReader,
    pool: Pool,
    sites: Cache<(OrganisationId, String), SiteId>,
    products: Cache<(OrganisationId, String), Product>,
    /// Who a USCC or LEI belongs to; that it is nobody's is remembered too.
    filers: Cache<String, Option<OrganisationId>>,
}

/// Who hands in a form, and how.
#[derive(Clone, Debug)]
pub struct Sender {
    /// For which organisation.
    pub organisation: OrganisationId,
    /// Who.
    pub person: PersonId,
    /// Through which entrance.
    pub channel: Channel,
    /// When.
    pub at: Timestamp,
    /// The request's trace context.
    pub traceparent: Option<String>,
}

/// What became of a form that was accepted.
#[derive(Debug)]
pub enum Accepted {
    /// It is recorded.
    New(Box<Recorded>),
    /// It was recorded before, by the same request; this is the answer of then.
    Before(serde_json::Value),
}

/// What a form came to.
#[derive(Debug)]
pub enum Judgement {
    /// It can be written.
    Ready(Box<Judged>),
    /// It was recorded before, by the same request; this is the answer of then.
    Before(serde_json::Value),
}

/// A form that nothing is wrong with, ready to be written.
#[derive(Debug)]
pub struct Judged {
    entry: Arc<Entry>,
    recorded: Recorded,
}

impl Judged {
    /// What is to be written.
    pub fn entry(&self) -> Arc<Entry> {
        Arc::clone(&self.entry)
    }
}

/// What forms say that were judged just before and are to be written together with the next.
#[derive(Debug, Default)]
pub struct Earlier {
    lots: HashMap<LotId, LotClaim>,
    receipts: HashMap<MovementId, String>,
    references: HashSet<(String, u16)>,
}

impl Earlier {
    /// Takes note of one of them. `false` when one before it claims the same reference.
    pub fn add(&mut self, judged: &Judged) -> bool {
        let filing = &judged.entry.filing;
        let made = filing.lines.iter().filter(|line| line.role == LineRole::Output);
        self.lots.extend(made.filter_map(|line| {
            let id = line.lot?;
            let claim = LotClaim {
                id,
                category: line.category?,
                hs_code: line.hs_code.clone(),
                grade: line.grade.clone(),
                quantity: line.quantity,
                elements: line.elements,
            };
            Some((id, claim))
        }));
        if let Claim::Receipt { movement, .. } = filing.claim {
            self.receipts.entry(movement).or_insert_with(|| filing.reference.clone());
        }
        self.references.insert((filing.reference.clone(), filing.version))
    }

    fn extend(&self, found: &mut Found) {
        for (lot, claim) in &self.lots {
            found.lots.entry(*lot).or_insert_with(|| claim.clone());
        }
        if let Some(movement) = &mut found.movement
            && movement.used_by.is_none()
        {
            movement.used_by = self.receipts.get(&movement.id).cloned();
        }
    }
}

impl Desk {
    /// A desk that reads through `pool`, which must be of the reporting role.
    pub fn new(writer: FilingWriter, target: Target, pool: Pool) -> Self {
        fn cache<K, V>() -> Cache<K, V>
        where
            K: std::hash::Hash + Eq + Send + Sync + 'static,
            V: Clone + Send + Sync + 'static,
        {
            Cache::builder().max_capacity(CATALOGUE_ENTRIES).time_to_live(CATALOGUE_AGE).build()
        }
        Self {
            writer,
            lots: LotReader::new(target),
            pool,
            sites: cache(),
            products: cache(),
            filers: cache(),
        }
    }

    /// Checks a form and records it, durably and once.
    pub async fn record(
        &self,
        form: &FilingForm,
        sender: &Sender,
        key: Option<&IdempotencyKey>,
    ) -> Result<Accepted, Problem> {
        for _ in 0..JUDGEMENTS {
            match self.judge(form, sender, key, &Earlier::default()).await? {
                Judgement::Before(answer) => return Ok(Accepted::Before(answer)),
                Judgement::Ready(judged) => {
                    if let Some(accepted) = self.write(*judged).await? {
                        return Ok(accepted);
                    }
                }
            }
        }
        Err(Problem::Overloaded { retry_after_seconds: BUSY_RETRY_SECONDS })
    }

    /// Checks a form without recording it.
    ///
    pub async fn judge(
        &self,
        form: &FilingForm,
        sender: &Sender,
        key: Option<&IdempotencyKey>,
        earlier: &Earlier,
    ) -> Result<Judgement, Problem> {
        let mut found = self.find(form, sender.organisation).await?;
        earlier.extend(&mut found);
        let filer = Filer {
            id: FilingId::from_uuid(Uuid::now_v7()),
            organisation: sender.organisation,
            person: sender.person,
            channel: sender.channel,
            recorded_at: sender.at,
        };
        let filing = match check(form, &found, filer) {
            Ok(filing) => filing,
            Err(violations) => {
                // A repeat finds in its way what the first request made: its own lots.
                if let Some(before) = self.answered_before(form, sender, key).await? {
                    return Ok(Judgement::Before(before));
                }
                let violations = violations.into_iter().map(Into::into).collect();
                return Err(Problem::ValidationFailed(violations));
            }
        };
        let mut recorded = Recorded::of(&filing, &form.site);
        let content_hash = content_hash(form);
        let first_receipt = first_receipt(form, &found);
        let mut entry = entry(filing, found.replaced, content_hash, sender.traceparent.clone());
        entry.first_receipt = first_receipt;
        recorded.movement_reference = entry.movement_reference.map(|it| it.to_string());
        recorded.received_before_by =
            found.movement.and_then(|it| it.used_by).filter(|by| *by != form.reference);
        entry.answer = serde_json::to_value(&recorded).expect("an answer is always valid JSON");
        entry.idempotency =
            key.map(|key| Idempotency { key: key.as_str().to_owned(), request_hash: content_hash });
        Ok(Judgement::Ready(Box::new(Judged { entry: Arc::new(entry), recorded })))
    }

    /// Records what was judged, durably and once. `None` when it is to be judged anew, because
    /// something came first.
    async fn write(&self, judged: Judged) -> Result<Option<Accepted>, Problem> {
        let Judged { entry, recorded } = judged;
        match self.writer.write(Arc::unwrap_or_clone(entry)).await.map_err(problem)? {
            Verdict::Recorded => Ok(Some(Accepted::New(Box::new(recorded)))),
            Verdict::Repeated(answer) => Ok(Some(Accepted::Before(answer))),
            Verdict::KeyReused => Err(Problem::IdempotencyKeyReused),
            Verdict::ReferenceTaken { filing, same_content } => {
                let existing = existing(filing, same_content);
                Err(Problem::DuplicateReference { reference: recorded.reference, existing })
            }
            Verdict::ReceivedBefore(_) => Ok(None),
        }
    }

    /// Records a document with its filings, all of it or nothing.
    pub async fn write_document(
        &self,
        sender: &Sender,
        entries: Vec<Arc<Entry>>,
        capture: NewCapture,
    ) -> Result<DocumentVerdict, Problem> {
        let document = Document {
            organisation: sender.organisation,
            person: sender.person,
            traceparent: sender.traceparent.clone(),
            entries,
            capture,
        };
        self.writer.write_document(document).await.map_err(problem)
    }

    /// What this very request was answered before, if it was.
    async fn answered_before(
        &self,
        form: &FilingForm,
        sender: &Sender,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<serde_json::Value>, Problem> {
        let Some(key) = key else { return Ok(None) };
        let mut conn = self.pool.get().await.map_err(database::Error::from)?;
        let known = idempotency::find(&mut conn, sender.organisation, key.as_str()).await?;
        let same = known.filter(|(hash, _)| *hash == content_hash(form));
        Ok(same.map(|(_, answer)| answer))
    }

    async fn find(
        &self,
        form: &FilingForm,
        organisation: OrganisationId,
    ) -> Result<Found, Problem> {
        let Needs { products, lots, movement, client } = needs(form, organisation);
        let lots: Vec<_> = lots.into_iter().collect();
        let mut found = Found {
            site: self.site(organisation, &form.site).await?,
            lots: self.lots.lots(organisation, &lots).await?,
            ..Found::default()
        };
        for code in products {
            if let Some(product) = self.product(organisation, &code).await? {
                found.products.insert(code, product);
            }
        }
        if let Some(movement) = movement {
            found.movement = self.lots.movement(organisation, movement).await?;
        }
        if let Some(client) = client {
            found.client = self.filer(client).await?;
        }
        if let Some(correction) = &form.correction
            && let Some(before) = correction.version.checked_sub(1).filter(|version| 0 < *version)
        {
            let mut conn = self.pool.get().await.map_err(database::Error::from)?;
            found.replaced =
                find_replaced(&mut conn, organisation, &form.reference, before).await?;
        }
        Ok(found)
    }

    async fn site(
        &self,
        organisation: OrganisationId,
        code: &str,
    ) -> Result<Option<SiteId>, Problem> {
        let key = (organisation, code.to_owned());
        if let Some(site) = self.sites.get(&key).await {
            return Ok(Some(site));
        }
        let mut conn = self.pool.get().await.map_err(database::Error::from)?;
        let site = find_site(&mut conn, organisation, code).await?;
        if let Some(site) = site {
            self.sites.insert(key, site).await;
        }
        Ok(site)
    }

    async fn product(
        &self,
        organisation: OrganisationId,
        code: &str,
    ) -> Result<Option<Product>, Problem> {
        let key = (organisation, code.to_owned());
        if let Some(product) = self.products.get(&key).await {
            return Ok(Some(product));
        }
        let mut conn = self.pool.get().await.map_err(database::Error::from)?;
        let product = find_product(&mut conn, organisation, code).await?;
        if let Some(product) = &product {
            self.products.insert(key, product.clone()).await;
        }
        Ok(product)
    }

    /// Who is registered under a USCC or LEI.
    pub async fn filer(&self, identifier: String) -> Result<Option<OrganisationId>, Problem> {
        if let Some(filer) = self.filers.get(&identifier).await {
            return Ok(filer);
        }
        let mut conn = self.pool.get().await.map_err(database::Error::from)?;
        let filer = find_filer(&mut conn, &identifier).await?;
        self.filers.insert(identifier, filer).await;
        Ok(filer)
    }
}

fn problem(error: WriteError) -> Problem {
    match error {
        WriteError::Overloaded => Problem::Overloaded { retry_after_seconds: BUSY_RETRY_SECONDS },
        error @ WriteError::Unavailable => Problem::DependencyDown(error.into()),
        WriteError::Failed(error) => Problem::Internal(error.into()),
    }
}

/// What has a reference, and what its owner can do about it.
pub(crate) fn existing(filing: FilingId, same_content: bool) -> String {
    if same_content {
        format!("filing {filing}, which says the same")
    } else {
        format!("filing {filing}; to change it, send `correction`")
    }
}

/// The claim to be the first receipt of its movement, where nothing is known that came before.
pub(super) fn first_receipt(form: &FilingForm, found: &Found) -> Option<FirstReceipt> {
    let movement = found.movement.as_ref().filter(|movement| movement.used_by.is_none())?;
    let name = form.movement.as_deref()?.parse().ok()?;
    Some(FirstReceipt { movement: movement.id, name })
}

/// A filing with everything that follows from it; nobody may repeat it under a key yet.
pub(super) fn entry(
    filing: Filing,
    replaced: Option<Replaced>,
    content_hash: [u8; 32],
    traceparent: Option<String>,
) -> Entry {
    let withdrawn_lots = replaced.iter().flat_map(|before| withdrawn(before, &filing)).collect();
    let movement_reference = movement_reference(&filing, replaced.as_ref());
    Entry {
        postings: postings(&filing),
        reversal: replaced.map(|before| Reversal {
            site: before.site,
            happened_at: before.happened_at,
            month: before.month,
            postings: before.postings.into_iter().map(Posting::reversed).collect(),
            flows: before.flows,
        }),
        withdrawn_lots,
        movement_reference,
        first_receipt: None,
        content_hash,
        idempotency: None,
        event: EventId::from_uuid(Uuid::now_v7()),
        traceparent,
        answer: serde_json::Value::Null,
        filing,
    }
}

/// What the movement that a filing starts is called: as in the version before, or anew.
fn movement_reference(filing: &Filing, replaced: Option<&Replaced>) -> Option<MovementReference> {
    let Claim::Dispatch { movement: Some(_), .. } = filing.claim else { return None };
    let before = replaced.and_then(|before| before.movement_reference);
    Some(before.unwrap_or_else(|| MovementReference::of_number(rand::random())))
}

/// The fingerprint of what a form says.
pub(crate) fn content_hash(form: &FilingForm) -> [u8; 32] {
    fingerprint_of(form)
}

/// Lots that the version before made and this one no longer does.
fn withdrawn(before: &Replaced, filing: &Filing) -> Vec<WithdrawnLot> {
    let kept: HashSet<_> = filing.lines.iter().filter_map(|line| line.lot).collect();
    let gone = before.lots.iter().filter(|(lot, ..)| !kept.contains(lot));
    gone.map(|(lot, number, category)| WithdrawnLot {
        lot: *lot,
        number: number.clone(),
        category: category.clone(),
    })
    .collect()
}

impl Recorded {
    /// What is answered for a filing at the site with this code.
    fn of(filing: &Filing, site: &str) -> Self {
        let lots = filing.lines.iter().filter_map(|line| {
            Some(RecordedLot { lot: line.lot_number.clone()?, id: line.lot?.as_uuid() })
        });
        Self {
            id: filing.id.as_uuid(),
            reference: filing.reference.clone(),
            version: filing.version,
            kind: filing.claim.kind().to_string(),
            organisation: filing.organisation.as_uuid(),
            site: site.to_owned(),
            month: filing.month.to_string(),
            recorded_at: filing.recorded_at.to_string(),
            lots: lots.collect(),
            movement: match filing.claim {
                Claim::Dispatch { movement, .. } => movement.map(domain::ids::MovementId::as_uuid),
                Claim::Receipt { movement, .. } => Some(movement.as_uuid()),
                _ => None,
            },
            movement_reference: None,
            received_before_by: None,
        }
    }
}
