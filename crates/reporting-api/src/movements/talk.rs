//! Explaining a shortage or an excess, and answering the explanation.

use super::{
    Known, named,
    view::{AnswerView, ExplanationView},
};
use crate::{
    identity::{created, forms::Check},
    reading::ReadingPools,
};
use actix_web::{HttpResponse, post, web};
use database::{
    Connection,
    idempotency::KeyedRequest,
    movements::explanations::{self, Parties, ToldAnswer, ToldExplanation},
};
use domain::{
    ids::{ExplanationId, LotId, OrganisationId},
    movement::{Agreement, AnswerVerdict},
};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::{IdempotencyKey, fingerprint_of},
    identity::Reporter,
    problem::{Problem, ProblemDetails},
    regimes::Regimes,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const REASON_LENGTH_LIMIT: usize = 1_000;

/// Why there is a difference.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplanationForm {
    /// Which lot; all that differ, where nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    lot: Option<LotId>,
    /// To a seller: which buyer it is said to, where the dispatch was corrected to another and the
    /// former one says that it received the goods. Whom it goes to now, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    buyer: Option<OrganisationId>,
    /// What happened, in 1 to 1,000 characters.
    #[schema(example = "two drums were left behind at the warehouse")]
    reason: String,
}

/// What is said to an explanation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerForm {
    /// Which explanation.
    #[schema(value_type = Uuid)]
    explanation: ExplanationId,
    /// `accepted` or `contested`.
    #[schema(value_type = String, example = "contested")]
    verdict: AnswerVerdict,
    /// Why not; whoever contests says so.
    #[serde(default)]
    reason: Option<String>,
}

/// Explains a shortage or an excess. Either party may, as often as there is something to say; the
/// latest explanation counts.
///
/// There must be a difference beyond measurement uncertainty.
#[utoipa::path(
    tag = "movements",
    params(("id" = String, Path, description = "The movement's reference or id"),
        ("Idempotency-Key" = String, Header)),
    request_body = ExplanationForm,
    responses(
        (status = 201, body = ExplanationView),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "There is nothing to explain", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/movements/{id}/explanations")]
pub async fn explain(
    reporter: Reporter,
    pools: web::Data<ReadingPools>,
    regimes: web::Data<Regimes>,
    name: web::Path<String>,
    key: IdempotencyKey,
    trace: TraceContext,
    form: JsonBody<ExplanationForm>,
) -> Result<HttpResponse, Problem> {
    let form = form.value;
    let own = reporter.organisation;
    let (mut conn, known) = known_to(&pools, &regimes, own, &name).await?;
    let mut check = Check::default();
    reason(&mut check, &form.reason);
    let buyer = form.buyer.unwrap_or(known.movement.buyer);
    let Some(leg) = known.legs().find(|leg| leg.told.sides.buyer == buyer) else {
        let expected = "a buyer that this movement goes or went to, or nothing";
        check.fault("/buyer", "unknown_buyer", "it never went to this buyer", expected);
        return check.done().and(Err(Problem::NotFound("movement")));
    };
    let moved = |lot: &LotId| {
        known.movement.lines.iter().any(|line| line.lot == *lot)
            || leg.standing.lots.iter().any(|it| it.lot == *lot)
    };
    if form.lot.is_some_and(|lot| !moved(&lot)) {
        let expected = "the id of one of its lots, or nothing";
        check.fault("/lot", "unknown_lot", "no such lot is in this movement", expected);
    }
    check.done()?;
    let differs = leg.standing.lots.iter().any(|lot| {
        lot.agreement() == Agreement::Beyond && form.lot.is_none_or(|about| about == lot.lot)
    });
    if !differs {
        let reason = "there is no shortage or excess beyond measurement uncertainty to explain";
        return Err(Problem::NotAllowed(reason.into()));
    }
    let act = reporter.act(clock::now(), trace);
    let explanation = ToldExplanation {
        id: ExplanationId::from_uuid(Uuid::now_v7()),
        movement: known.movement.id,
        buyer,
        by: own,
        person: reporter.person,
        lot: form.lot,
        reason: form.reason.clone(),
        at: act.at,
        answer: None,
    };
    let view = ExplanationView::of(explanation.clone(), own);
    let request =
        keyed(own, &key, ("explanations", &known, &form), explanation.id.as_uuid(), &view);
    let parties = parties(&known, buyer);
    let outcome = explanations::explain(&mut conn, parties, &explanation, &request, &act).await;
    created(outcome, &view)
}

/// Accepts or contests an explanation of the other party; once.
#[utoipa::path(
    tag = "movements",
    params(("id" = String, Path, description = "The movement's reference or id"),
        ("Idempotency-Key" = String, Header)),
    request_body = AnswerForm,
    responses(
        (status = 201, body = AnswerView),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "It is your own, or it was answered before", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/movements/{id}/answers")]
pub async fn answer(
    reporter: Reporter,
    pools: web::Data<ReadingPools>,
    regimes: web::Data<Regimes>,
    name: web::Path<String>,
    key: IdempotencyKey,
    trace: TraceContext,
    form: JsonBody<AnswerForm>,
) -> Result<HttpResponse, Problem> {
    let form = form.value;
    let own = reporter.organisation;
    let (mut conn, known) = known_to(&pools, &regimes, own, &name).await?;
    let mut explanations = known.legs().flat_map(|leg| &leg.told.explanations);
    let explained = explanations.find(|it| it.id == form.explanation);
    let mut check = Check::default();
    if explained.is_none() {
        let detail = "no such explanation was given for this movement";
        let expected = "the id of an explanation of the other party";
        check.fault("/explanation", "unknown_explanation", detail, expected);
    }
    match &form.reason {
        Some(text) => reason(&mut check, text),
        None if form.verdict == AnswerVerdict::Contested => {
            let detail = "whoever contests says why";
            check.fault("/reason", "missing", detail, "1 to 1000 characters");
        }
        None => {}
    }
    check.done()?;
    if explained.is_some_and(|explained| explained.by == own) {
        return Err(Problem::NotAllowed("it is for the other party to answer".into()));
    }
    let act = reporter.act(clock::now(), trace);
    let said = ToldAnswer {
        by: own,
        person: reporter.person,
        verdict: form.verdict,
        reason: form.reason.clone(),
        at: act.at,
    };
    let view = AnswerView::of(said.clone(), own);
    let subject = form.explanation.as_uuid();
    let request = keyed(own, &key, ("answers", &known, &form), subject, &view);
    let buyer = explained.map_or(known.movement.buyer, |explained| explained.buyer);
    let parties = parties(&known, buyer);
    let outcome =
        explanations::answer(&mut conn, parties, form.explanation, &said, &request, &act).await;
    created(outcome, &view)
}

/// The movement that a path names, to one of its parties.
async fn known_to(
    pools: &ReadingPools,
    regimes: &Regimes,
    organisation: OrganisationId,
    name: &str,
) -> Result<(Connection, Known), Problem> {
    let name = named(name)?;
    let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
    let known = Known::of(&mut conn, regimes, organisation, name).await?;
    Ok((conn, known))
}

const fn parties(known: &Known, buyer: OrganisationId) -> Parties {
    Parties { movement: known.movement.id, seller: known.movement.seller.0, buyer }
}

fn keyed(
    organisation: OrganisationId,
    key: &IdempotencyKey,
    (what, known, form): (&str, &Known, &impl Serialize),
    subject: Uuid,
    view: &impl Serialize,
) -> KeyedRequest {
    KeyedRequest {
        organisation,
        key: key.as_str().to_owned(),
        hash: fingerprint_of(&(what, known.movement.id, form)),
        subject,
        answer: serde_json::to_value(view).expect("an answer is always valid JSON"),
    }
}

fn reason(check: &mut Check, text: &str) {
    let length = text.chars().count();
    let is_clean = text.trim() == text && !text.chars().any(char::is_control);
    if !is_clean || !(1..=REASON_LENGTH_LIMIT).contains(&length) {
        let expected = "1 to 1000 characters, without control characters or blanks around";
        check.fault("/reason", "invalid_text", format!("{length} characters"), expected);
    }
}
