//! Officers: what they have to do, when they are away, and what they are not impartial in.

use crate::{
    app::{self, App},
    once::{self, Making},
    page::{self, PageQuery},
    problems,
    queues::READERS,
};
use actix_web::{HttpResponse, get, post, web};
use database::officers::{self, Absence, Conflict, ConflictIn, Ended, Officer};
use domain::{
    codes::Role,
    ids::{CaseId, OrganisationId, PersonId},
    violation::Violation,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{
    body::JsonBody,
    cursor,
    idempotency::{IdempotencyKey, fingerprint_of},
    identity::Official,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const REASON_CHARACTERS_AT_MOST: usize = 1_000;
const ABSENCES_AT_MOST: i64 = 100;

/// An officer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfficerView {
    /// Who.
    person: Uuid,
    /// The teams they are in.
    teams: Vec<String>,
    /// Open cases that they examine or shall examine.
    cases: i64,
    /// Whether they are away: their cases are offered at `/v1/cases?officer=absent`.
    absent: bool,
}

/// A page of officers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfficerPage {
    /// By id.
    officers: Vec<OfficerView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// When an officer is away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AbsenceForm {
    /// The first day.
    #[schema(value_type = String, example = "2026-12-01")]
    first_day: Date,
    /// The last day.
    #[schema(value_type = String, example = "2026-12-11")]
    last_day: Date,
}

/// When an officer is away.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AbsenceView {
    /// Its id.
    id: Uuid,
    /// Who.
    person: Uuid,
    /// The first day.
    first_day: String,
    /// The last day.
    last_day: String,
}

/// Absences of an officer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AbsencesView {
    /// Those that are not over, the first one first; at most 100.
    absences: Vec<AbsenceView>,
}

/// From when on an officer is there again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackForm {
    /// The first day they are there; today unless said, and never earlier.
    #[schema(value_type = Option<String>, example = "2026-12-03")]
    back_on: Option<Date>,
}

/// What an officer is not impartial in: a case, or every case of an exporter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConflictForm {
    /// One case.
    #[schema(value_type = Option<Uuid>)]
    case: Option<CaseId>,
    /// Every case of this exporter.
    #[schema(value_type = Option<Uuid>)]
    exporter: Option<OrganisationId>,
    /// Why.
    reason: String,
}

/// What an officer is not impartial in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConflictView {
    /// Its id.
    id: Uuid,
    /// Who.
    person: Uuid,
    /// One case.
    case: Option<Uuid>,
    /// Every case of this exporter.
    exporter: Option<Uuid>,
    /// Why.
    reason: String,
}

/// The officers of this authority, with what they have to do.
#[utoipa::path(
    tag = "casework",
    params(PageQuery),
    responses((status = 200, body = OfficerPage), (status = 400, body = ProblemDetails), (status = 403, body = ProblemDetails))
)]
#[get("/v1/officers")]
pub(crate) async fn list(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    query: web::Query<PageQuery>,
) -> Result<web::Json<OfficerPage>, Problem> {
    once::require(&official, READERS)?;
    let limit = page::limit(query.limit)?;
    let name = format!("officers of {}", official.organisation);
    let after: Option<PersonId> =
        query.cursor.as_deref().map(|place| cursor::open(&app.secret, &name, place)).transpose()?;
    let today = app::moment(&trace).today();
    let mut conn = app.connection().await?;
    let authority = official.organisation;
    let found = officers::of_authority(&mut conn, authority, today, after, limit + 1).await?;
    let (found, goes_on) = page::cut(found, limit);
    let last = found.last().filter(|_| goes_on);
    let next = last.map(|officer| cursor::seal(&app.secret, &name, &officer.person));
    Ok(web::Json(OfficerPage {
        officers: found.into_iter().map(OfficerView::from).collect(),
        next,
    }))
}

/// Enters that an officer is away. Officers enter it for themselves, senior officers for anybody.
#[utoipa::path(
    tag = "casework",
    request_body = AbsenceForm,
    params(
        ("person" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses(
        (status = 201, body = AbsenceView),
        (status = 200, description = "It was entered before by the same request", body = AbsenceView),
        (status = 403, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/officers/{person}/absences")]
pub(crate) async fn enter_absence(
    app: web::Data<App>,
    official: Official,
    key: IdempotencyKey,
    trace: TraceContext,
    person: web::Path<PersonId>,
    body: JsonBody<AbsenceForm>,
) -> Result<HttpResponse, Problem> {
    for_themselves(&app, &official, *person).await?;
    let AbsenceForm { first_day, last_day } = body.value;
    if last_day < first_day {
        let fault = Violation::new("/last_day", "ends_before_it_begins", "this is no time");
        return Err(problems::of_faults(vec![fault.expecting("the first day or a later one")]));
    }
    let moment = app::moment(&trace);
    let absence = Absence { id: Uuid::now_v7(), person: *person, first_day, last_day };
    let making = Making { what: "absences", key: &key, hash: hash_of(*person, &body.bytes) };
    once::make(&app, &official, making, &moment, async |conn| {
        officers::enter_absence(conn, &absence, official.person, &moment).await?;
        Ok(AbsenceView::from(&absence))
    })
    .await
}

/// When an officer is away, now and later.
#[utoipa::path(
    tag = "casework",
    params(("person" = Uuid, Path)),
    responses(
        (status = 200, body = AbsencesView),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/officers/{person}/absences")]
pub(crate) async fn absences(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    person: web::Path<PersonId>,
) -> Result<web::Json<AbsencesView>, Problem> {
    once::require(&official, READERS)?;
    let mut conn = app.connection().await?;
    if !officers::is_officer(&mut conn, official.organisation, *person).await? {
        return Err(Problem::NotFound("officer"));
    }
    let today = app::moment(&trace).today();
    let found = officers::absences_of(&mut conn, *person, today, ABSENCES_AT_MOST).await?;
    Ok(web::Json(AbsencesView { absences: found.iter().map(AbsenceView::from).collect() }))
}

/// Ends an absence early: the officer is given cases again. Asked again, it answers the same.
#[utoipa::path(
    tag = "casework",
    request_body = BackForm,
    params(("person" = Uuid, Path), ("absence" = Uuid, Path)),
    responses(
        (status = 200, description = "As it stands now; one that had not begun ends before it begins", body = AbsenceView),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/officers/{person}/absences/{absence}/end")]
pub(crate) async fn end_absence(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    path: web::Path<(PersonId, Uuid)>,
    body: JsonBody<BackForm>,
) -> Result<web::Json<AbsenceView>, Problem> {
    let (person, id) = path.into_inner();
    for_themselves(&app, &official, person).await?;
    let moment = app::moment(&trace);
    let today = moment.today();
    let back_on = body.value.back_on.unwrap_or(today);
    if back_on < today {
        let fault = Violation::new("/back_on", "in_the_past", "what was given meanwhile stands");
        return Err(problems::of_faults(vec![fault.expecting("today or a later day")]));
    }
    let mut conn = app.connection().await?;
    let ended = officers::end_absence(&mut conn, (person, id), back_on, official.person, &moment);
    match ended.await? {
        Ended::Over(absence) => Ok(web::Json(AbsenceView::from(&absence))),
        Ended::NoSuchAbsence => Err(Problem::NotFound("absence")),
    }
}

/// Declares that an officer is not impartial. Officers do it themselves, senior officers for anybody.
/// From then on the officer can do nothing with what it is about.
#[utoipa::path(
    tag = "casework",
    request_body = ConflictForm,
    params(
        ("person" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses(
        (status = 201, body = ConflictView),
        (status = 200, description = "It was declared before by the same request", body = ConflictView),
        (status = 403, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/officers/{person}/conflicts")]
pub(crate) async fn declare_conflict(
    app: web::Data<App>,
    official: Official,
    key: IdempotencyKey,
    trace: TraceContext,
    person: web::Path<PersonId>,
    body: JsonBody<ConflictForm>,
) -> Result<HttpResponse, Problem> {
    for_themselves(&app, &official, *person).await?;
    let ConflictForm { case, exporter, reason } = body.value;
    once::text("/reason", &reason, REASON_CHARACTERS_AT_MOST)?;
    let conflict_in = match (case, exporter) {
        (Some(case), None) => ConflictIn::Case(case),
        (None, Some(exporter)) => ConflictIn::Exporter(exporter),
        _ => {
            let fault = Violation::new("", "one_of_two", "it is about one case or one exporter");
            return Err(problems::of_faults(vec![fault.expecting("`case` or `exporter`")]));
        }
    };
    let moment = app::moment(&trace);
    let conflict = Conflict {
        id: Uuid::now_v7(),
        person: *person,
        conflict_in,
        reason,
        declared_by: official.person,
        declared_at: moment.at,
    };
    let making = Making { what: "conflicts", key: &key, hash: hash_of(*person, &body.bytes) };
    once::make(&app, &official, making, &moment, async |conn| {
        officers::declare_conflict(conn, &conflict).await?;
        Ok(ConflictView {
            id: conflict.id,
            person: person.as_uuid(),
            case: case.map(CaseId::as_uuid),
            exporter: exporter.map(OrganisationId::as_uuid),
            reason: conflict.reason.clone(),
        })
    })
    .await
}

async fn for_themselves(app: &App, official: &Official, person: PersonId) -> Result<(), Problem> {
    once::require(official, &[Role::Officer, Role::SeniorOfficer])?;
    if person == official.person {
        return Ok(());
    }
    once::require(official, &[Role::SeniorOfficer])?;
    let mut conn = app.connection().await?;
    let known = officers::is_officer(&mut conn, official.organisation, person).await?;
    known.then_some(()).ok_or(Problem::NotFound("officer"))
}

/// Whom it is about and the body, as one thing that requests are told apart by.
fn hash_of(person: PersonId, bytes: &[u8]) -> [u8; 32] {
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    fingerprint_of(&(person, body))
}

impl From<&Absence> for AbsenceView {
    fn from(absence: &Absence) -> Self {
        Self {
            id: absence.id,
            person: absence.person.as_uuid(),
            first_day: absence.first_day.to_string(),
            last_day: absence.last_day.to_string(),
        }
    }
}

impl From<Officer> for OfficerView {
    fn from(officer: Officer) -> Self {
        Self {
            person: officer.person.as_uuid(),
            teams: officer.teams.iter().map(ToString::to_string).collect(),
            cases: officer.cases,
            absent: officer.absent,
        }
    }
}
