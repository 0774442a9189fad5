//! Teams, and the queues they work off.

use crate::{
    app::{self, App},
    once::{self, Making},
    problems,
};
use actix_web::{HttpResponse, get, post, put, web};
use database::{
    cases,
    teams::{self, Queue, Team, TeamError},
};
use domain::{case::Slug, codes::Role, ids::PersonId, regime::Sentence, violation::Violation};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    idempotency::{IdempotencyKey, fingerprint},
    identity::Official,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) const READERS: &[Role] = &[Role::Officer, Role::SeniorOfficer, Role::Auditor];
const NAME_CHARACTERS_AT_MOST: usize = 120;
const MEMBERS_AT_MOST: usize = 500;

/// A team to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamForm {
    /// Lower-case letters, digits and underscores.
    #[schema(value_type = String, example = "magnets")]
    code: Slug,
    /// What it is called in Chinese.
    name_zh: String,
    /// What it is called in English.
    name_en: String,
    /// Who is in it.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    members: Vec<PersonId>,
}

/// Who is in a team from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MembersForm {
    /// Everybody who is in it.
    #[schema(value_type = Vec<Uuid>)]
    members: Vec<PersonId>,
}

/// A queue to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueForm {
    /// Lower-case letters, digits and underscores.
    #[schema(value_type = String, example = "magnets_fast")]
    code: Slug,
    /// What it is called in Chinese.
    name_zh: String,
    /// What it is called in English.
    name_en: String,
    /// The team that works it off.
    #[schema(value_type = String)]
    team: Slug,
}

/// A team.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeamView {
    /// Its code.
    code: String,
    /// What it is called in Chinese.
    name_zh: String,
    /// What it is called in English.
    name_en: String,
    /// Who is in it.
    members: Vec<Uuid>,
}

/// Every team.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeamsView {
    /// By code.
    teams: Vec<TeamView>,
}

/// A queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueView {
    /// Its code.
    code: String,
    /// What it is called in Chinese.
    name_zh: String,
    /// What it is called in English.
    name_en: String,
    /// The team that works it off.
    team: String,
    /// Cases that wait in it.
    cases: i64,
    /// How many of them nobody has.
    unassigned: i64,
}

/// Every queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueuesView {
    /// By code.
    queues: Vec<QueueView>,
    /// Cases that wait in no queue.
    cases_without_a_queue: i64,
}

/// The queues, with how many cases wait in each.
#[utoipa::path(
    tag = "casework",
    responses((status = 200, body = QueuesView), (status = 403, body = ProblemDetails))
)]
#[get("/v1/queues")]
pub(crate) async fn list(
    app: web::Data<App>,
    official: Official,
) -> Result<web::Json<QueuesView>, Problem> {
    once::require(&official, READERS)?;
    let mut conn = app.connection().await?;
    let queues = teams::queues(&mut conn).await?;
    let counts = cases::queue_counts(&mut conn).await?;
    let of = |code: Option<&str>| {
        let here = counts.iter().filter(move |count| count.queue.as_deref() == code);
        here.fold((0, 0), |(cases, unassigned), count| {
            (cases + count.cases, unassigned + count.unassigned)
        })
    };
    let queues = queues.iter().map(|queue| QueueView::of(queue, of(Some(queue.code.as_str()))));
    Ok(web::Json(QueuesView { queues: queues.collect(), cases_without_a_queue: of(None).0 }))
}

/// Makes a queue.
#[utoipa::path(
    tag = "casework",
    request_body = QueueForm,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = QueueView),
        (status = 200, description = "It was made before by the same request", body = QueueView),
        (status = 403, body = ProblemDetails),
        (status = 409, description = "The code is taken", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/queues")]
pub(crate) async fn make(
    app: web::Data<App>,
    official: Official,
    key: IdempotencyKey,
    trace: TraceContext,
    body: JsonBody<QueueForm>,
) -> Result<HttpResponse, Problem> {
    once::require(&official, &[Role::SeniorOfficer])?;
    let QueueForm { code, name_zh, name_en, team } = body.value;
    let name = named(name_zh, name_en)?;
    let queue = Queue { code, name, team };
    let moment = app::moment(&trace);
    let making = Making { what: "queues", key: &key, hash: fingerprint(&body.bytes) };
    once::make(&app, &official, making, &moment, async |conn| {
        let made = teams::make_queue(conn, &queue, official.person, &moment).await;
        made.map_err(of_team)?;
        Ok(QueueView::of(&queue, (0, 0)))
    })
    .await
}

/// The teams with their members.
#[utoipa::path(
    tag = "casework",
    responses((status = 200, body = TeamsView), (status = 403, body = ProblemDetails))
)]
#[get("/v1/teams")]
pub(crate) async fn list_teams(
    app: web::Data<App>,
    official: Official,
) -> Result<web::Json<TeamsView>, Problem> {
    once::require(&official, READERS)?;
    let mut conn = app.connection().await?;
    let teams = teams::all(&mut conn).await?;
    Ok(web::Json(TeamsView { teams: teams.iter().map(TeamView::from).collect() }))
}

/// Makes a team.
#[utoipa::path(
    tag = "casework",
    request_body = TeamForm,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = TeamView),
        (status = 200, description = "It was made before by the same request", body = TeamView),
        (status = 403, body = ProblemDetails),
        (status = 409, description = "The code is taken", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/teams")]
pub(crate) async fn make_team(
    app: web::Data<App>,
    official: Official,
    key: IdempotencyKey,
    trace: TraceContext,
    body: JsonBody<TeamForm>,
) -> Result<HttpResponse, Problem> {
    once::require(&official, &[Role::SeniorOfficer])?;
    let TeamForm { code, name_zh, name_en, members } = body.value;
    let members = known_members(&app, &official, members).await?;
    let team =
        Team { code, name: named(name_zh, name_en)?, members: members.into_iter().collect() };
    let moment = app::moment(&trace);
    let making = Making { what: "teams", key: &key, hash: fingerprint(&body.bytes) };
    once::make(&app, &official, making, &moment, async |conn| {
        teams::make(conn, &team, official.person, &moment).await.map_err(of_team)?;
        Ok(TeamView::from(&team))
    })
    .await
}

/// Says who is in a team from now on.
#[utoipa::path(
    tag = "casework",
    request_body = MembersForm,
    params(("code" = String, Path)),
    responses(
        (status = 200, body = TeamView),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[put("/v1/teams/{code}/members")]
pub(crate) async fn set_members(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    code: web::Path<String>,
    body: JsonBody<MembersForm>,
) -> Result<web::Json<TeamView>, Problem> {
    once::require(&official, &[Role::SeniorOfficer])?;
    let code: Slug = code.parse().map_err(|_| Problem::NotFound("team"))?;
    let members = known_members(&app, &official, body.value.members).await?;
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    let set = teams::set_members(&mut conn, &code, &members, official.person, &moment).await;
    set.map_err(|error| match error {
        TeamError::NoSuchTeam => Problem::NotFound("team"),
        error => of_team(error),
    })?;
    let team = teams::all(&mut conn).await?.into_iter().find(|team| team.code == code);
    team.map(|team| web::Json(TeamView::from(&team))).ok_or(Problem::NotFound("team"))
}

async fn known_members(
    app: &App,
    official: &Official,
    members: Vec<PersonId>,
) -> Result<BTreeSet<PersonId>, Problem> {
    if MEMBERS_AT_MOST < members.len() {
        let fault = Violation::new("/members", "too_many", "too many members");
        let expected = format!("at most {MEMBERS_AT_MOST}");
        return Err(problems::of_faults(vec![fault.expecting(expected)]));
    }
    let mut conn = app.connection().await?;
    for (place, member) in members.iter().enumerate() {
        let pointer = format!("/members/{place}");
        once::officer_of(&mut conn, official, &pointer, *member).await?;
    }
    Ok(members.into_iter().collect())
}

fn named(zh: String, en: String) -> Result<Sentence, Problem> {
    once::text("/name_zh", &zh, NAME_CHARACTERS_AT_MOST)?;
    once::text("/name_en", &en, NAME_CHARACTERS_AT_MOST)?;
    Ok(Sentence { zh, en })
}

fn of_team(error: TeamError) -> Problem {
    match error {
        TeamError::Taken => Problem::Conflict("this code is taken".into()),
        TeamError::NoSuchTeam => {
            let fault = Violation::new("/team", "no_such_team", "there is no such team");
            problems::of_faults(vec![fault])
        }
        TeamError::Database(error) => error.into(),
    }
}

impl QueueView {
    fn of(queue: &Queue, (cases, unassigned): (i64, i64)) -> Self {
        Self {
            code: queue.code.to_string(),
            name_zh: queue.name.zh.clone(),
            name_en: queue.name.en.clone(),
            team: queue.team.to_string(),
            cases,
            unassigned,
        }
    }
}

impl From<&Team> for TeamView {
    fn from(team: &Team) -> Self {
        Self {
            code: team.code.to_string(),
            name_zh: team.name.zh.clone(),
            name_en: team.name.en.clone(),
            members: team.members.iter().map(|person| person.as_uuid()).collect(),
        }
    }
}
