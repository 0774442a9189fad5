//! What applicants do: write, hand in, take back, ask again. They see their own and nothing else.

pub(crate) mod complete;
mod patch;
mod view;

pub(crate) use view::{ApplicationHeader, ApplicationView};

use crate::{
    app::{self, App},
    if_match::{IfMatch, etag},
    page::{self, PageQuery},
    problems,
};
use actix_web::{HttpResponse, get, patch, post, web};
use database::{
    Connection,
    cases::{self, CaseError, CaseRecord, CaseVersion, Edit, NewCase},
    licensing_requests::{Answered, Request},
};
use domain::{
    application::{self, Draft, HandedIn},
    case::{Action, Actor},
    ids::CaseId,
    regime::LicenceKind,
    violation::Violation,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{
    body::{self, JsonBody},
    cursor,
    idempotency::{IdempotencyKey, fingerprint},
    identity::Exporter,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of applications.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApplicationPage {
    /// The newest first.
    applications: Vec<ApplicationHeader>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Why a refusal should be looked at again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reconsider {
    /// In words.
    grounds: String,
}

/// Begins an application; it may lack anything but the kind of licence.
#[utoipa::path(
    tag = "applications",
    request_body(content = Object, example = json!({
        "kind": "single", "destination": "DE",
        "consignees": [{"name": "Beispiel Motoren GmbH", "country": "DE"}],
        "end_users": [{"name": "Beispiel Motoren GmbH", "country": "DE"}],
        "end_use": {"category": "civil", "description": "traction motors for trains"},
        "valid_from": "2026-12-01", "valid_until": "2027-11-30",
        "lines": [{
            "description": "sintered NdFeB magnets 42SH",
            "goods": {"category": "magnet", "composition": {
                "percent": {"Nd": "27", "Fe": "69", "B": "1", "Dy": "3"}, "completeness": "complete"}},
            "control_code": "1C905.a.4", "hs_code": "8505111000", "quantity_kg": "1000.000"
        }],
        "documents": [{"kind": "application_form", "name": "form.pdf", "sha256": "64 hexadecimal digits"}]
    })),
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = ApplicationView),
        (status = 200, description = "It was begun before by the same request", body = ApplicationView),
        (status = 400, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/applications")]
pub(crate) async fn create(
    app: web::Data<App>,
    exporter: Exporter,
    key: IdempotencyKey,
    trace: TraceContext,
    body: JsonBody<Draft>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let kind = kind_of(&body.value)?;
    let content = stored(&body.value)?;
    let id = CaseId::from_uuid(Uuid::now_v7());
    let (organisation, person) = (exporter.organisation, exporter.person);
    let new = NewCase { id, organisation, kind, content, person };
    let key = format!("applications {}", key.as_str());
    let request = Request { organisation, key: &key, hash: fingerprint(&body.bytes) };
    let answered = app.own(organisation, async |conn| {
        let regime = app.regimes.in_force(conn, moment.at).await?;
        let answer = |record: &CaseRecord| {
            let view = ApplicationView::of(record, &regime, moment.today());
            serde_json::to_value(view).expect("a view is plain JSON")
        };
        cases::create(conn, &request, &new, &moment, answer).await.map_err(problems::of_case)
    });
    match answered.await? {
        Answered::Now(view) => Ok(HttpResponse::Created().insert_header(etag(1)).json(view)),
        Answered::Before(view) => {
            // The ETag of then is stale by now if it was changed since: read it again.
            Ok(HttpResponse::Ok().insert_header(etag(1)).json(view))
        }
        Answered::KeyReused => Err(Problem::IdempotencyKeyReused),
    }
}

/// Your applications, the newest first.
#[utoipa::path(
    tag = "applications",
    params(PageQuery),
    responses((status = 200, body = ApplicationPage), (status = 400, body = ProblemDetails))
)]
#[get("/v1/applications")]
pub(crate) async fn list(
    app: web::Data<App>,
    exporter: Exporter,
    query: web::Query<PageQuery>,
) -> Result<web::Json<ApplicationPage>, Problem> {
    let limit = page::limit(query.limit)?;
    let name = format!("applications of {}", exporter.organisation);
    let after: Option<CaseId> =
        query.cursor.as_deref().map(|place| cursor::open(&app.secret, &name, place)).transpose()?;
    let organisation = exporter.organisation;
    let found = app
        .own(organisation, async |conn| {
            Ok(cases::of_organisation(conn, organisation, after, limit + 1).await?)
        })
        .await?;
    let (found, goes_on) = page::cut(found, limit);
    let last = found.last().filter(|_| goes_on);
    let next = last.map(|header| cursor::seal(&app.secret, &name, &header.id));
    let applications = found.iter().map(ApplicationHeader::from).collect();
    Ok(web::Json(ApplicationPage { applications, next }))
}

/// One of your applications.
#[utoipa::path(
    tag = "applications",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = ApplicationView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/applications/{id}")]
pub(crate) async fn find(
    app: web::Data<App>,
    exporter: Exporter,
    trace: TraceContext,
    id: web::Path<CaseId>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    app.own(exporter.organisation, async |conn| {
        let record = existing(conn, *id).await?;
        shown(&app, conn, &record, &moment).await
    })
    .await
}

/// Changes a draft or a returned application: a JSON Merge Patch (RFC 7396).
#[utoipa::path(
    tag = "applications",
    request_body(content = Object, content_type = "application/merge-patch+json"),
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag you read")),
    responses(
        (status = 200, body = ApplicationView),
        (status = 400, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "It is handed in", body = ProblemDetails),
        (status = 412, body = ProblemDetails),
        (status = 428, body = ProblemDetails),
    )
)]
#[patch("/v1/applications/{id}")]
pub(crate) async fn edit(
    app: web::Data<App>,
    exporter: Exporter,
    trace: TraceContext,
    id: web::Path<CaseId>,
    if_match: IfMatch,
    body: JsonBody<Value>,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(&trace);
    let on = CaseVersion { id: *id, version: if_match.0 };
    app.own(exporter.organisation, async |conn| {
        let record = existing(conn, on.id).await?;
        if record.version != on.version {
            return Err(Problem::StaleVersion);
        }
        let patched = patch::merged(record.content, &body.value);
        let bytes = serde_json::to_vec(&patched).map_err(anyhow::Error::from)?;
        let draft: Draft = body::parse(&bytes)?;
        let (kind, content) = (kind_of(&draft)?, stored(&draft)?);
        let edit = Edit { kind, content, person: exporter.person };
        let record = cases::edit(conn, on, &edit, &moment).await.map_err(problems::of_case)?;
        shown(&app, conn, &record, &moment).await
    })
    .await
}

/// Hands an application in, if it says enough; every field that stands in the way is named.
#[utoipa::path(
    tag = "applications",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag you read")),
    responses(
        (status = 200, body = ApplicationView),
        (status = 404, body = ProblemDetails),
        (status = 409, body = ProblemDetails),
        (status = 412, body = ProblemDetails),
        (status = 422, description = "Not complete; see `violations`", body = ProblemDetails),
    )
)]
#[post("/v1/applications/{id}/submit")]
pub(crate) async fn submit(
    app: web::Data<App>,
    exporter: Exporter,
    trace: TraceContext,
    id: web::Path<CaseId>,
    if_match: IfMatch,
) -> Result<HttpResponse, Problem> {
    let step = Step { id: *id, version: if_match.0, action: Action::Submit };
    act(&app, &exporter, &trace, step).await
}

/// Takes an application back.
#[utoipa::path(
    tag = "applications",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag you read")),
    responses(
        (status = 200, body = ApplicationView),
        (status = 404, body = ProblemDetails),
        (status = 409, body = ProblemDetails),
        (status = 412, body = ProblemDetails),
    )
)]
#[post("/v1/applications/{id}/withdraw")]
pub(crate) async fn withdraw(
    app: web::Data<App>,
    exporter: Exporter,
    trace: TraceContext,
    id: web::Path<CaseId>,
    if_match: IfMatch,
) -> Result<HttpResponse, Problem> {
    let step = Step { id: *id, version: if_match.0, action: Action::Withdraw };
    act(&app, &exporter, &trace, step).await
}

/// Asks for a second look at a refusal, by others than those who refused.
#[utoipa::path(
    tag = "applications",
    request_body = Reconsider,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag you read")),
    responses(
        (status = 200, body = ApplicationView),
        (status = 404, body = ProblemDetails),
        (status = 409, body = ProblemDetails),
        (status = 412, body = ProblemDetails),
    )
)]
#[post("/v1/applications/{id}/reconsideration")]
pub(crate) async fn reconsider(
    app: web::Data<App>,
    exporter: Exporter,
    trace: TraceContext,
    id: web::Path<CaseId>,
    if_match: IfMatch,
    body: JsonBody<Reconsider>,
) -> Result<HttpResponse, Problem> {
    let action = Action::RequestReconsideration { grounds: body.value.grounds };
    let step = Step { id: *id, version: if_match.0, action };
    act(&app, &exporter, &trace, step).await
}

struct Step {
    id: CaseId,
    version: u32,
    action: Action,
}

/// Everything an applicant does with a whole application.
async fn act(
    app: &App,
    exporter: &Exporter,
    trace: &TraceContext,
    step: Step,
) -> Result<HttpResponse, Problem> {
    let moment = app::moment(trace);
    let today = moment.today();
    let on = CaseVersion { id: step.id, version: step.version };
    let submits = step.action == Action::Submit;
    let actor = Actor::Person {
        person: exporter.person,
        organisation: exporter.organisation,
        roles: exporter.roles.iter().copied().collect(),
        organisations: BTreeSet::from([exporter.organisation]),
    };
    app.own(exporter.organisation, async |conn| {
        let regime = app.regimes.in_force(conn, moment.at).await?;
        let handed_in = if submits {
            let record = existing(conn, on.id).await?;
            complete::with_it(conn, &record).await?
        } else {
            HandedIn::default()
        };
        let check = |record: &CaseRecord| {
            if submits {
                let draft = draft_of(record)?;
                application::complete(&draft, &handed_in, &regime, today)
                    .map_err(CaseError::Incomplete)?;
            }
            Ok(())
        };
        let record = cases::transition(conn, on, step.action, &actor, &moment, &regime, check)
            .await
            .map_err(problems::of_case)?;
        let view = ApplicationView::of(&record, &regime, today);
        Ok(HttpResponse::Ok().insert_header(etag(record.version)).json(view))
    })
    .await
}

/// Somebody else's application is answered like one that does not exist: here it does not.
pub(crate) async fn existing(conn: &mut Connection, id: CaseId) -> Result<CaseRecord, Problem> {
    cases::find(conn, id).await?.ok_or(Problem::NotFound("application"))
}

async fn shown(
    app: &App,
    conn: &mut Connection,
    record: &CaseRecord,
    moment: &cases::Moment,
) -> Result<HttpResponse, Problem> {
    let regime = app.regimes.in_force(conn, moment.at).await?;
    let view = ApplicationView::of(record, &regime, moment.today());
    Ok(HttpResponse::Ok().insert_header(etag(record.version)).json(view))
}

/// What the applicant wrote, as it was checked when it was stored.
pub(crate) fn draft_of(record: &CaseRecord) -> Result<Draft, CaseError> {
    serde_json::from_value(record.content.clone()).map_err(|_| {
        let id = record.case.id.as_uuid();
        CaseError::Database(database::CorruptRow { table: "cases", column: "content", id }.into())
    })
}

fn kind_of(draft: &Draft) -> Result<LicenceKind, Problem> {
    draft.kind.ok_or_else(|| {
        let fault = Violation::new("/kind", "missing_field", "say first what kind of licence");
        problems::of_faults(vec![fault.expecting("single, general or registration_voucher")])
    })
}

fn stored(draft: &Draft) -> Result<Value, Problem> {
    Ok(serde_json::to_value(draft).map_err(anyhow::Error::from)?)
}
