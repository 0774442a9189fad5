//! What officials see of applications. Every look at one is logged, for the applicant to see.

pub(crate) mod act;
pub(crate) mod view;

use crate::{
    app::{self, App},
    if_match::etag,
    page,
};
use actix_web::{HttpResponse, get, web};
use database::{
    Connection,
    cases::{self, CaseRecord, Moment, QueuePlace},
    events,
};
use domain::{
    case::StateName,
    codes::Role,
    event::Event,
    ids::{CaseId, OrganisationId, PersonId},
    licence::SerialNumber,
};
use serde::{Deserialize, Serialize};
use service::{
    cursor,
    identity::{Official, Signed},
    problem::{Location, Problem, ProblemDetails, Violation},
    trace::TraceContext,
};
use utoipa::{IntoParams, ToSchema};
use view::{CaseHeaderView, CaseView};

/// What waits for officials, unless a state is asked for.
const WAITING: [StateName; 7] = [
    StateName::Submitted,
    StateName::Accepted,
    StateName::UnderReview,
    StateName::AgencyAdvice,
    StateName::UnderFinalReview,
    StateName::Countersign,
    StateName::UnderReconsideration,
];

/// Which part of the queue to show.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueQuery {
    /// Only cases in this state; without it, all that wait for officials.
    state: Option<String>,
    /// Entries on a page, from 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
}

/// A page of the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CasePage {
    /// The longest waiting first.
    cases: Vec<CaseHeaderView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The officers' queue, the longest waiting first.
#[utoipa::path(
    tag = "cases",
    params(QueueQuery),
    responses((status = 200, body = CasePage), (status = 400, body = ProblemDetails), (status = 403, body = ProblemDetails))
)]
#[get("/v1/cases")]
pub(crate) async fn queue(
    app: web::Data<App>,
    official: Official,
    query: web::Query<QueueQuery>,
) -> Result<web::Json<CasePage>, Problem> {
    of_the_authority(&official)?;
    let limit = page::limit(query.limit)?;
    let states = match &query.state {
        Some(state) => vec![known_state(state)?],
        None => WAITING.to_vec(),
    };
    let name = format!("cases {states:?}");
    let after: Option<QueuePlace> =
        query.cursor.as_deref().map(|place| cursor::open(&app.secret, &name, place)).transpose()?;
    let mut conn = app.connection().await?;
    let found = cases::queue(&mut conn, &states, after, limit + 1).await?;
    let (found, goes_on) = page::cut(found, limit);
    let place = found
        .last()
        .filter(|_| goes_on)
        .and_then(|header| Some(QueuePlace { submitted_at: header.submitted_at?, id: header.id }));
    let next = place.map(|place| cursor::seal(&app.secret, &name, &place));
    let cases = found.iter().map(CaseHeaderView::from).collect();
    Ok(web::Json(CasePage { cases, next }))
}

/// One case, whole: what was written, what happened, the clock, the worker's assessment.
#[utoipa::path(
    tag = "cases",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = CaseView), (status = 403, body = ProblemDetails), (status = 404, body = ProblemDetails))
)]
#[get("/v1/cases/{id}")]
pub(crate) async fn find(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    id: web::Path<CaseId>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    let record = cases::find(&mut conn, *id).await?.ok_or(Problem::NotFound("case"))?;
    may_see(&official, &record)?;
    let number = record.number;
    log_read(&mut conn, &official, record.case.organisation, number, &moment).await?;
    let view = view_of(&app, &mut conn, &record, &moment).await?;
    Ok(HttpResponse::Ok().insert_header(etag(record.version)).json(view))
}

/// A case as officials see it.
pub(crate) async fn view_of(
    app: &App,
    conn: &mut Connection,
    record: &CaseRecord,
    moment: &Moment,
) -> Result<CaseView, Problem> {
    let regime = app.regimes.in_force(conn, moment.at).await?;
    let assessment = cases::assessment(conn, record.case.id).await?;
    let holder = cases::holder(conn, record.case.organisation).await?;
    Ok(CaseView::of(record, holder, assessment, &regime, moment.today()))
}

/// Drafts are the applicant's own; an agency sees what it was asked.
pub(crate) fn may_see(official: &Signed, record: &CaseRecord) -> Result<(), Problem> {
    let never_handed_in = record.submitted_at.is_none();
    let asked = record.asked_agency() == Some(official.organisation);
    let visible = !never_handed_in
        && (has_any(official, &[Role::Officer, Role::SeniorOfficer, Role::Auditor])
            || (official.has(Role::AgencyAdviser) && asked));
    if visible { Ok(()) } else { Err(Problem::NotFound("case")) }
}

pub(crate) fn of_the_authority(official: &Signed) -> Result<(), Problem> {
    if has_any(official, &[Role::Officer, Role::SeniorOfficer, Role::Auditor]) {
        return Ok(());
    }
    Err(Problem::Forbidden("it takes an officer, a senior officer or an auditor".into()))
}

fn has_any(signed: &Signed, roles: &[Role]) -> bool {
    roles.iter().any(|role| signed.has(*role))
}

/// Writes the look into the log before anything is shown.
pub(crate) async fn log_read(
    conn: &mut Connection,
    signed: &Signed,
    owner: OrganisationId,
    number: SerialNumber,
    moment: &Moment,
) -> Result<(), Problem> {
    let person: PersonId = signed.person;
    let purpose = "licensing procedure".to_owned();
    let event = Event::ConfidentialRead { person, owner, subject: number.to_string(), purpose };
    let origin = moment.origin(Some(person));
    Ok(events::append_alone(conn, &origin, owner.as_uuid(), &event).await?)
}

fn known_state(state: &str) -> Result<StateName, Problem> {
    state.parse().map_err(|error: domain::codes::UnknownWord| {
        Problem::InvalidParameter(Box::new(Violation {
            location: Location::Parameter { parameter: "state".to_owned() },
            code: "unknown_value".into(),
            detail: format!("{state:?} is no state of a case"),
            expected: Some(error.to_string()),
        }))
    })
}
