//! `/v1/unmaskings`: officials ask for the name behind a pseudonym, with a purpose; outside a case of
//! theirs somebody else decides. What may be asked is [`domain::unmasking`].

use crate::{
    findings::allowed,
    paging::PageQuery,
    reading::{Pseudonyms, ReadingPools},
};
use actix_web::{HttpResponse, get, post, web};
use database::{
    Connection,
    cases::Moment,
    unmaskings::{self, Decided, Named, Unmasking},
};
use domain::{
    codes::Role,
    ids::{CaseId, FindingId, OrganisationId},
    unmasking::{Asked, Grounds, Treatment, UnmaskingState},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    identity::Signed,
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// Roles of an authority that ask for names.
const ASKERS: [Role; 4] = [Role::Officer, Role::SeniorOfficer, Role::Inspector, Role::Analyst];
/// Roles of an authority that decide whether others may.
const DECIDERS: [Role; 2] = [Role::SeniorOfficer, Role::Inspector];

/// Whose name is asked for, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnmaskingForm {
    /// Whose client, supplier or end user it is.
    #[schema(value_type = Uuid)]
    organisation: OrganisationId,
    /// The pseudonym under which you see it.
    party_pseudonym: Uuid,
    /// Why, in 1 to 2000 characters; its owner will read that.
    #[schema(example = "The same goods were dispatched twice, see the finding.")]
    purpose: String,
    /// A finding about that organisation which you took under review.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    finding: Option<FindingId>,
    /// An application of that organisation which you examine.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    case: Option<CaseId>,
    /// Keeps the owner from seeing it for a while; a second person then decides in any case.
    #[serde(default)]
    delay: Option<DelayForm>,
}

/// How long the owner is not to see a look, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayForm {
    /// The first day on which the owner sees it, at most 365 days from now.
    #[schema(value_type = String, example = "2027-01-31")]
    until: Date,
    /// Why, in 1 to 2000 characters.
    reason: String,
}

/// A second person's decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionForm {
    /// `approved` or `refused`.
    #[schema(value_type = String, example = "approved")]
    state: UnmaskingState,
}

/// A request for a name.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnmaskingView {
    /// Its id.
    pub id: Uuid,
    /// Whose party it is.
    pub organisation: Uuid,
    /// Why it is asked for.
    pub purpose: String,
    /// The finding it is asked in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Uuid>,
    /// The application it is asked in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Uuid>,
    /// Who asks.
    pub asked_by: Uuid,
    /// Since when.
    pub asked_at: String,
    /// The first day on which the owner sees it.
    pub owner_sees_from: String,
    /// Why not at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_reason: Option<String>,
    /// `asked`, `approved` or `refused`.
    #[schema(value_type = String)]
    pub state: UnmaskingState,
    /// Who decided, if a second person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Uuid>,
    /// The party, for whoever asked, for 30 days after it was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party: Option<NamedView>,
}

/// A party by its name.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedView {
    /// What it is called.
    pub name: String,
    /// Its unified social credit code, LEI or registration number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Its country.
    pub country: String,
}

/// Requests that wait for a second person.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnmaskingPage {
    /// The oldest first.
    pub unmaskings: Vec<UnmaskingView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Asks for the name behind a pseudonym.
///
/// In a case of yours it is answered at once; otherwise, and where its owner is not to see it for a
/// while, another official decides. Every look at a name is logged for its owner.
#[utoipa::path(
    tag = "officials",
    request_body = UnmaskingForm,
    responses(
        (status = 201, body = UnmaskingView),
        (status = 403, body = ProblemDetails),
        (status = 404, description = "No party goes by this pseudonym", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/unmaskings")]
pub async fn ask(
    signed: Signed,
    pools: web::Data<ReadingPools>,
    secret: web::Data<ServerSecret>,
    trace: TraceContext,
    form: JsonBody<UnmaskingForm>,
) -> Result<HttpResponse, Problem> {
    allowed(&signed, &ASKERS, "officers, inspectors and analysts ask for names")?;
    let UnmaskingForm { organisation, party_pseudonym, purpose, finding, case, delay } = form.value;
    let moment = moment(&trace);
    let mut conn = official(&pools).await?;
    let grounds = finding.map(Grounds::Finding).or(case.map(Grounds::Case));
    let grounds = match grounds {
        Some(grounds) => {
            let theirs = unmaskings::is_theirs(&mut conn, grounds, signed.person, organisation);
            theirs.await?.then_some(grounds)
        }
        None => None,
    };
    let asked = Asked {
        purpose: &purpose,
        in_own_case: grounds.is_some(),
        delay: delay.as_ref().map(|delay| (delay.until, delay.reason.as_str())),
    };
    let Treatment { state, owner_sees_from } = asked.treated(moment.today()).map_err(|faults| {
        Problem::ValidationFailed(faults.into_iter().map(Into::into).collect())
    })?;
    let pseudonyms = Pseudonyms::seen_by(signed.person, &secret);
    let parties = unmaskings::parties_of(&mut conn, organisation).await?;
    let party = parties
        .into_iter()
        .find(|party| pseudonyms.of(organisation, *party) == party_pseudonym)
        .ok_or(Problem::NotFound("party"))?;
    let unmasking = Unmasking {
        id: Uuid::now_v7(),
        organisation,
        party,
        purpose: purpose.trim().to_owned(),
        grounds,
        asked_by: signed.person,
        asked_at: moment.at,
        owner_sees_from,
        delay_reason: delay.map(|delay| delay.reason),
        state,
        decided: None,
    };
    unmaskings::ask(&mut conn, &unmasking, &moment).await?;
    let party = unmaskings::look(&mut conn, &unmasking, signed.person, &moment).await?;
    Ok(HttpResponse::Created().json(UnmaskingView::of(unmasking, party)))
}

/// Requests that wait for a second person, the oldest first.
#[utoipa::path(
    tag = "officials",
    params(PageQuery),
    responses((status = 200, body = UnmaskingPage), (status = 403, body = ProblemDetails))
)]
#[get("/v1/unmaskings")]
pub async fn list(
    signed: Signed,
    pools: web::Data<ReadingPools>,
    secret: web::Data<ServerSecret>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<UnmaskingPage>, Problem> {
    allowed(&signed, &DECIDERS, "senior officers and inspectors decide about names")?;
    let page = query.into_inner().of::<Uuid>("unmaskings", &secret)?;
    let mut conn = official(&pools).await?;
    let found = unmaskings::waiting(&mut conn, page.after, page.limit.into()).await?;
    let next = page.next(&found, |last| last.id);
    let unmaskings = found.into_iter().map(|found| UnmaskingView::of(found, None)).collect();
    Ok(web::Json(UnmaskingPage { unmaskings, next }))
}

/// A request of yours, with the name once it is approved; every look is logged.
#[utoipa::path(
    tag = "officials",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = UnmaskingView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/unmaskings/{id}")]
pub async fn find(
    signed: Signed,
    pools: web::Data<ReadingPools>,
    trace: TraceContext,
    id: web::Path<Uuid>,
) -> Result<web::Json<UnmaskingView>, Problem> {
    allowed(&signed, &ASKERS, "officers, inspectors and analysts ask for names")?;
    let mut conn = official(&pools).await?;
    let found = unmaskings::find(&mut conn, *id).await?;
    let found = found.filter(|found| found.asked_by == signed.person);
    let found = found.ok_or(Problem::NotFound("request"))?;
    let party = unmaskings::look(&mut conn, &found, signed.person, &moment(&trace)).await?;
    Ok(web::Json(UnmaskingView::of(found, party)))
}

/// Approves or refuses somebody else's request.
#[utoipa::path(
    tag = "officials",
    params(("id" = Uuid, Path)),
    request_body = DecisionForm,
    responses(
        (status = 200, body = UnmaskingView),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "It is decided already", body = ProblemDetails),
    )
)]
#[post("/v1/unmaskings/{id}/decision")]
pub async fn decide(
    signed: Signed,
    pools: web::Data<ReadingPools>,
    trace: TraceContext,
    id: web::Path<Uuid>,
    form: JsonBody<DecisionForm>,
) -> Result<web::Json<UnmaskingView>, Problem> {
    allowed(&signed, &DECIDERS, "senior officers and inspectors decide about names")?;
    let state = form.value.state;
    if state == UnmaskingState::Asked {
        return Err(Problem::NotAllowed("a decision approves or refuses".into()));
    }
    let mut conn = official(&pools).await?;
    let found = unmaskings::find(&mut conn, *id).await?.ok_or(Problem::NotFound("request"))?;
    if found.asked_by == signed.person {
        return Err(Problem::Forbidden("somebody else decides about what you asked for".into()));
    }
    match unmaskings::decide(&mut conn, *id, state, signed.person, &moment(&trace)).await? {
        Decided::Taken => {}
        Decided::NotWaiting => return Err(Problem::NotAllowed("it is decided already".into())),
    }
    let found = unmaskings::find(&mut conn, *id).await?.ok_or(Problem::NotFound("request"))?;
    Ok(web::Json(UnmaskingView::of(found, None)))
}

async fn official(pools: &ReadingPools) -> Result<Connection, Problem> {
    Ok(pools.official.get().await.map_err(database::Error::from)?)
}

fn moment(trace: &TraceContext) -> Moment {
    Moment { at: clock::now(), traceparent: Some(trace.to_string()) }
}

impl UnmaskingView {
    fn of(unmasking: Unmasking, party: Option<Named>) -> Self {
        let (finding, case) = match unmasking.grounds {
            Some(Grounds::Finding(finding)) => (Some(finding.as_uuid()), None),
            Some(Grounds::Case(case)) => (None, Some(case.as_uuid())),
            None => (None, None),
        };
        Self {
            id: unmasking.id,
            organisation: unmasking.organisation.as_uuid(),
            purpose: unmasking.purpose,
            finding,
            case,
            asked_by: unmasking.asked_by.as_uuid(),
            asked_at: unmasking.asked_at.to_string(),
            owner_sees_from: unmasking.owner_sees_from.to_string(),
            delay_reason: unmasking.delay_reason,
            state: unmasking.state,
            decided_by: unmasking.decided.map(|(person, _)| person.as_uuid()),
            party: party.map(NamedView::from),
        }
    }
}

impl From<Named> for NamedView {
    fn from(named: Named) -> Self {
        Self { name: named.name, identifier: named.identifier, country: named.country }
    }
}
