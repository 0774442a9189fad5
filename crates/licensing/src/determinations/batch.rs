//! A whole catalogue at once: a verdict for each item, one signature over all of them.
//!
//! What is signed is sent as it was signed, so that it need not be sent twice.

use super::{EndUse, answered_by, list_hits, not_stated, parties_within};
use crate::{
    app::{self, App},
    problems,
};
use actix_web::{HttpResponse, get, post, web};
use database::{
    cases::Moment,
    determination_batches::{self, DeterminationBatch},
    licensing_requests::{Answered, Request},
};
use domain::{
    application::{NamedParty, StatedGoods},
    canonical::{canonical_json, sha256_hex},
    determination::{Catalogue, Item, Judge},
    identifiers::{CountryCode, HsCode},
    ids::DeterminationBatchId,
    regime::Regime,
    violation::Violation,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use service::{
    body::{self, BodyLimit},
    idempotency::{IdempotencyKey, fingerprint},
    identity::Signed,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Items of one catalogue at most.
const ITEMS_AT_MOST: usize = 10_000;
/// Ten thousand items with full compositions are about half as long.
const BODY_LIMIT: BodyLimit = BodyLimit { bytes: 8 << 20 };
const REFERENCE_CHARACTERS_AT_MOST: usize = 100;

/// The question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueQuestion {
    /// The catalogue.
    items: Vec<CatalogueItem>,
    /// Where all of them go, unless an item says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination: Option<CountryCode>,
    /// What for.
    #[serde(default = "not_stated")]
    end_use: EndUse,
    /// Everybody who takes part; compared with the lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parties: Vec<NamedParty>,
    /// As of which day; today unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    as_of: Option<Date>,
}

/// One item of the catalogue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueItem {
    /// What the asker calls it.
    reference: String,
    /// The goods.
    goods: StatedGoods,
    /// Their tariff code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hs_code: Option<HsCode>,
    /// Where this item goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination: Option<CountryCode>,
}

/// Verdicts on a catalogue, complete in themselves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchView {
    /// Its id.
    id: Uuid,
    /// What was signed, exactly as it was signed: `counts`, `verdicts` in the order of the items,
    /// the `sentences` that their numbers point to, the rows they rest on, and the hash of the
    /// question.
    #[schema(value_type = Object)]
    content: Box<RawValue>,
    /// The signature over the bytes of `content`, in base64.
    signature: String,
    /// The key that signed; see `/v1/signing-keys`.
    key_id: String,
    /// Whether judging the question again, by the same version and day, gives the same answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<&'static str>,
}

/// Asks about a whole catalogue: a verdict for each item, what cannot be judged named beside it.
#[utoipa::path(
    tag = "determinations",
    request_body(content = Object, example = json!({
        "items": [{"reference": "N42SH", "goods": {"category": "magnet", "composition": {
            "percent": {"Nd": "27", "Fe": "69", "B": "1", "Dy": "3"}, "completeness": "complete"}},
            "hs_code": "8505111000"}],
        "destination": "DE", "as_of": "2026-11-23"
    })),
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = BatchView),
        (status = 200, description = "Answered before to the same request", body = BatchView),
        (status = 400, body = ProblemDetails),
        (status = 413, body = ProblemDetails),
        (status = 422, description = "See `violations`", body = ProblemDetails),
    )
)]
#[post("/v1/determinations/batch")]
pub(crate) async fn determine_all(
    app: web::Data<App>,
    signed: Signed,
    key: IdempotencyKey,
    trace: TraceContext,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let bytes = body::bytes(payload, BODY_LIMIT).await?;
    let regime = app.regimes.in_force(&mut app.connection().await?, moment.at).await?;
    let id = DeterminationBatchId::from_uuid(Uuid::now_v7());
    let asked =
        Asked { app: app.clone(), signed: signed.clone(), moment: moment.clone(), regime, id };
    // Judging a catalogue takes as long as hundreds of other requests: they are not held up.
    let (batch, items, hash) = web::block(move || asked.judge(&bytes))
        .await
        .map_err(|error| Problem::Internal(error.into()))??;
    let key = format!("determination batches {}", key.as_str());
    let request = Request { organisation: signed.organisation, key: &key, hash };
    let answered = app.own(signed.organisation, async |conn| {
        let answered =
            determination_batches::record(conn, &request, &batch, items, &moment).await?;
        match answered {
            Answered::Before(known) => {
                let id = known["batch"].as_str().and_then(|id| id.parse().ok());
                let id = id.ok_or(Problem::NotFound("batch"))?;
                let known = determination_batches::find(conn, id).await?;
                Ok((false, known.ok_or(Problem::NotFound("batch"))?))
            }
            Answered::Now(_) => Ok((true, batch.clone())),
            Answered::KeyReused => Err(Problem::IdempotencyKeyReused),
        }
    });
    let (is_new, batch) = answered.await?;
    let view = BatchView::of(batch, None)?;
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(view))
}

/// Reads the verdicts on a catalogue, and judges it again by the version and day of then.
#[utoipa::path(
    tag = "determinations",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = BatchView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/determinations/batch/{id}")]
pub(crate) async fn find_all(
    app: web::Data<App>,
    signed: Signed,
    id: web::Path<DeterminationBatchId>,
) -> Result<web::Json<BatchView>, Problem> {
    let found =
        app.seen_by(&signed, async |conn| Ok(determination_batches::find(conn, *id).await?));
    let batch = found.await?.ok_or(Problem::NotFound("batch"))?;
    let regime = app.regimes.named(&mut app.connection().await?, &batch.regime_version).await?;
    let (batch, replay) = web::block(move || {
        let replay = replayed(&batch, regime.as_deref());
        (batch, replay)
    })
    .await
    .map_err(|error| Problem::Internal(error.into()))?;
    Ok(web::Json(BatchView::of(batch, Some(replay))?))
}

/// Everything that is known when a catalogue comes in.
struct Asked {
    app: web::Data<App>,
    signed: Signed,
    moment: Moment,
    regime: Arc<Regime>,
    id: DeterminationBatchId,
}

impl Asked {
    /// Judges and signs; answers the batch, how many items it has, and the request's fingerprint.
    fn judge(&self, bytes: &[u8]) -> Result<(DeterminationBatch, u32, [u8; 32]), Problem> {
        let question: CatalogueQuestion = body::parse(bytes)?;
        check(&question)?;
        let day = question.as_of.unwrap_or_else(|| self.moment.today());
        let items = u32::try_from(question.items.len()).expect("a catalogue has a limit");
        let catalogue = judged(question, &self.regime, day);
        let signed_content = content(self.id, self.moment.at.to_string(), &catalogue, bytes)?;
        let batch = DeterminationBatch {
            id: self.id,
            organisation: self.signed.organisation,
            person: self.signed.person,
            asked_at: self.moment.at,
            as_of: day,
            regime_version: self.regime.version().clone(),
            signature: self.app.signer.sign(&signed_content),
            signing_key: self.app.signer.key_id().to_owned(),
            signed_content,
            question: bytes.to_vec(),
        };
        Ok((batch, items, fingerprint(bytes)))
    }
}

/// What is signed.
#[derive(Serialize)]
struct Content<'a> {
    determination_batch: DeterminationBatchId,
    asked_at: String,
    question_sha256: String,
    #[serde(flatten)]
    catalogue: &'a Catalogue,
}

fn content(
    id: DeterminationBatchId,
    asked_at: String,
    catalogue: &Catalogue,
    question: &[u8],
) -> Result<Vec<u8>, Problem> {
    let question_sha256 = sha256_hex(question);
    let content = Content { determination_batch: id, asked_at, question_sha256, catalogue };
    Ok(canonical_json(&content).map_err(anyhow::Error::from)?)
}

fn check(question: &CatalogueQuestion) -> Result<(), Problem> {
    parties_within(&question.parties)?;
    let mut faults = Vec::new();
    if question.items.is_empty() || ITEMS_AT_MOST < question.items.len() {
        let fault = Violation::new("/items", "wrong_number", "a catalogue has some items");
        faults.push(fault.expecting(format!("1 to {ITEMS_AT_MOST} items")));
    }
    for (index, item) in question.items.iter().enumerate() {
        let length = item.reference.chars().count();
        if length == 0 || REFERENCE_CHARACTERS_AT_MOST < length {
            let pointer = format!("/items/{index}/reference");
            let fault = Violation::new(pointer, "invalid_reference", "an item has a name");
            faults.push(fault.expecting(format!("1 to {REFERENCE_CHARACTERS_AT_MOST} characters")));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(problems::of_faults(faults)) }
}

fn judged(question: CatalogueQuestion, regime: &Regime, day: Date) -> Catalogue {
    let hits = list_hits(question.parties.iter(), regime, day);
    let (destination, end_use) = (question.destination, question.end_use);
    let items = question.items.into_iter().map(|item| {
        let to = item.destination.or(destination);
        let judged: Result<Item, String> = item
            .goods
            .item(item.hs_code, to, end_use, hits.clone())
            .map_err(|error| error.to_string());
        (item.reference, judged)
    });
    Judge::on(regime, day).catalogue(items)
}

fn replayed(batch: &DeterminationBatch, regime: Option<&Regime>) -> &'static str {
    let again = regime.and_then(|regime| {
        let question: CatalogueQuestion = body::parse(&batch.question).ok()?;
        let catalogue = judged(question, regime, batch.as_of);
        content(batch.id, batch.asked_at.to_string(), &catalogue, &batch.question).ok()
    });
    answered_by(again.map(|again| again == batch.signed_content))
}

impl BatchView {
    fn of(batch: DeterminationBatch, replay: Option<&'static str>) -> Result<Self, Problem> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let content = String::from_utf8(batch.signed_content).map_err(anyhow::Error::from)?;
        Ok(Self {
            id: batch.id.as_uuid(),
            content: RawValue::from_string(content).map_err(anyhow::Error::from)?,
            signature: BASE64_STANDARD.encode(&batch.signature),
            key_id: batch.signing_key,
            replay,
        })
    }
}
