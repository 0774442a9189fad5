//! Is it controlled? Asked as of a date, answered with reasons, signed, and given again unchanged.

pub(crate) mod batch;

use crate::{
    app::{self, App},
    problems,
};
use actix_web::{HttpResponse, get, post, web};
use database::{
    determinations::{self, DeterminationRecord},
    licensing_requests::{Answered, Request},
};
use domain::{
    application::{NamedParty, StatedGoods},
    canonical::canonical_json,
    determination::{EndUse, ListHit, determine as judge},
    identifiers::{CountryCode, HsCode},
    ids::DeterminationId,
    regime::Regime,
    violation::Violation,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{
    body::JsonBody,
    idempotency::{IdempotencyKey, fingerprint},
    identity::Signed,
    problem::{Problem, ProblemDetails},
    signer::SignatureView,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const PARTIES_AT_MOST: usize = 50;

/// The question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// The goods.
    goods: StatedGoods,
    /// Their tariff code: a hint for candidates, never a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hs_code: Option<HsCode>,
    /// Where they go.
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

const fn not_stated() -> EndUse {
    EndUse::NotStated
}

/// An answer, complete in itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeterminationView {
    /// Its id.
    id: Uuid,
    /// When it was asked.
    asked_at: String,
    /// The day it is given for.
    as_of: String,
    /// The version of the law.
    regime_version: String,
    /// The question as it was asked.
    #[schema(value_type = Object)]
    question: Value,
    /// `outcome` (`controlled`, `not_controlled` or `undetermined`), codes or doubts, `binding`, reasons
    /// in Chinese and English, what would change it, and the rows it rests on.
    #[schema(value_type = Object)]
    answer: Value,
    /// The signature over question and answer.
    signed: SignatureView,
    /// Whether judging the question again, by the same version and day, gives the same answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<&'static str>,
}

/// Asks whether goods are controlled.
#[utoipa::path(
    tag = "determinations",
    request_body(content = Object, example = json!({
        "goods": {"category": "magnet", "composition": {
            "percent": {"Nd": "27", "Fe": "69", "B": "1", "Dy": "3"}, "completeness": "complete"}},
        "hs_code": "8505111000", "destination": "DE", "as_of": "2026-11-23"
    })),
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = DeterminationView),
        (status = 200, description = "Answered before to the same request", body = DeterminationView),
        (status = 401, body = ProblemDetails),
        (status = 422, description = "See `violations`", body = ProblemDetails),
    )
)]
#[post("/v1/determinations")]
pub(crate) async fn determine(
    app: web::Data<App>,
    signed: Signed,
    key: IdempotencyKey,
    trace: TraceContext,
    body: JsonBody<Question>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let regime = app.regimes.in_force(&mut app.connection().await?, moment.at).await?;
    let day = body.value.as_of.unwrap_or_else(|| moment.today());
    let answer = answered(&body.value, &regime, day)?;
    let question = serde_json::to_value(&body.value).map_err(anyhow::Error::from)?;
    let id = DeterminationId::from_uuid(Uuid::now_v7());
    let content = json!({
        "determination": id,
        "asked_at": moment.at,
        "as_of": day,
        "regime_version": regime.version(),
        "question": question,
        "answer": answer,
    });
    let signed_content = canonical_json(&content).map_err(anyhow::Error::from)?;
    let record = DeterminationRecord {
        id,
        organisation: Some(signed.organisation),
        person: Some(signed.person),
        asked_at: moment.at,
        as_of: day,
        regime_version: regime.version().clone(),
        question,
        answer,
        signature: app.signer.sign(&signed_content),
        signing_key: app.signer.key_id().to_owned(),
        signed_content,
    };
    let view = serde_json::to_value(DeterminationView::of(&record, None));
    let view = view.map_err(anyhow::Error::from)?;
    let key = format!("determinations {}", key.as_str());
    let hash = fingerprint(&body.bytes);
    let request = Request { organisation: signed.organisation, key: &key, hash };
    let answered = app.own(signed.organisation, async |conn| {
        Ok(determinations::record(conn, Some(&request), &record, &view, &moment).await?)
    });
    match answered.await? {
        Answered::Now(view) => Ok(HttpResponse::Created().json(view)),
        Answered::Before(view) => Ok(HttpResponse::Ok().json(view)),
        Answered::KeyReused => Err(Problem::IdempotencyKeyReused),
    }
}

/// Reads an answer, and judges the question again by the version and day of then.
#[utoipa::path(
    tag = "determinations",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = DeterminationView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/determinations/{id}")]
pub(crate) async fn find(
    app: web::Data<App>,
    signed: Signed,
    id: web::Path<DeterminationId>,
) -> Result<web::Json<DeterminationView>, Problem> {
    let found = app.seen_by(&signed, async |conn| Ok(determinations::find(conn, *id).await?));
    let record = found.await?.ok_or(Problem::NotFound("determination"))?;
    let regime = app.regimes.named(&mut app.connection().await?, &record.regime_version).await?;
    let again = regime.and_then(|regime| {
        let question: Question = serde_json::from_value(record.question.clone()).ok()?;
        answered(&question, &regime, record.as_of).ok()
    });
    let replay = answered_by(again.map(|again| again == record.answer));
    Ok(web::Json(DeterminationView::of(&record, Some(replay))))
}

/// What a repeated judgement comes to.
const fn answered_by(is_same: Option<bool>) -> &'static str {
    match is_same {
        Some(true) => "identical",
        Some(false) => "different",
        None => "not_possible",
    }
}

fn parties_within(parties: &[NamedParty]) -> Result<(), Problem> {
    if parties.len() <= PARTIES_AT_MOST {
        return Ok(());
    }
    let fault = Violation::new("/parties", "too_many", "too many parties");
    Err(problems::of_faults(vec![fault.expecting(format!("at most {PARTIES_AT_MOST}"))]))
}

fn answered(question: &Question, regime: &Regime, day: Date) -> Result<Value, Problem> {
    parties_within(&question.parties)?;
    let hits = list_hits(question.parties.iter(), regime, day);
    let item = question
        .goods
        .item(question.hs_code.clone(), question.destination, question.end_use, hits)
        .map_err(|error| {
            let fault =
                Violation::new("/goods/composition", "invalid_composition", error.to_string());
            problems::of_faults(vec![fault])
        })?;
    Ok(serde_json::to_value(judge(regime, &item, day)).map_err(anyhow::Error::from)?)
}

/// Parties whose names stand on a list on this day; exact but for case and spaces.
pub(crate) fn list_hits<'a>(
    parties: impl Iterator<Item = &'a NamedParty>,
    regime: &Regime,
    day: Date,
) -> Vec<ListHit> {
    let plain = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let names: Vec<String> = parties.map(|party| plain(&party.name)).collect();
    regime
        .listed_parties(day)
        .filter(|row| names.contains(&plain(&row.value.name)))
        .map(|row| ListHit { list: row.value.list, name: row.value.name.clone() })
        .collect()
}

impl DeterminationView {
    fn of(record: &DeterminationRecord, replay: Option<&'static str>) -> Self {
        Self {
            id: record.id.as_uuid(),
            asked_at: record.asked_at.to_string(),
            as_of: record.as_of.to_string(),
            regime_version: record.regime_version.to_string(),
            question: record.question.clone(),
            answer: record.answer.clone(),
            signed: SignatureView::of(
                &record.signing_key,
                &record.signed_content,
                &record.signature,
            ),
            replay,
        }
    }
}
