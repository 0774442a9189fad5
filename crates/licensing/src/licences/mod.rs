//! Licences: read by their holders and by officials, checked by anybody, used by customs.

pub(crate) mod amendments;
pub(crate) mod arrivals;
pub(crate) mod conditions;
mod declared;
pub(crate) mod document;
pub(crate) mod reconciliation;
pub(crate) mod usage;
pub(crate) mod verify;
pub(crate) mod view;

use crate::{
    app::{self, App},
    cases::log_read,
    if_match::{IfMatch, etag},
    page::{self, PageQuery},
    problems,
};
use actix_web::{HttpResponse, get, post, web};
use database::{
    Connection,
    cases::Moment,
    licences::{self, LicenceRecord},
};
use domain::{
    codes::Role,
    ids::LicenceId,
    licence::{LICENCE_TRANSITIONS, LicenceAction, SerialNumber, Series},
    violation::Violation,
};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    cursor,
    identity::Signed,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;
use view::{LicenceHeaderView, LicenceView};

const REASON_CHARACTERS_AT_MOST: usize = 2_000;

/// A page of licences.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LicencePage {
    /// The newest first.
    licences: Vec<LicenceHeaderView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Why a licence changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    /// In words.
    reason: String,
}

/// Your licences; for officials, everybody's. The newest first.
#[utoipa::path(
    tag = "licences",
    params(PageQuery),
    responses((status = 200, body = LicencePage), (status = 400, body = ProblemDetails))
)]
#[get("/v1/licences")]
pub(crate) async fn list(
    app: web::Data<App>,
    signed: Signed,
    query: web::Query<PageQuery>,
) -> Result<web::Json<LicencePage>, Problem> {
    may_read(&signed)?;
    let limit = page::limit(query.limit)?;
    let of = (!signed.is_official()).then_some(signed.organisation);
    let name = format!("licences of {of:?}");
    let after: Option<LicenceId> =
        query.cursor.as_deref().map(|place| cursor::open(&app.secret, &name, place)).transpose()?;
    let found = app
        .seen_by(&signed, async |conn| {
            Ok(licences::of_organisation(conn, of, after, limit + 1).await?)
        })
        .await?;
    let (found, goes_on) = page::cut(found, limit);
    let last = found.last().filter(|_| goes_on);
    let next = last.map(|header| cursor::seal(&app.secret, &name, &header.id));
    let licences = found.iter().map(LicenceHeaderView::from).collect();
    Ok(web::Json(LicencePage { licences, next }))
}

/// One licence with its signature and balances.
#[utoipa::path(
    tag = "licences",
    params(("number" = String, Path, example = "LS-2026-000123-W")),
    responses((status = 200, body = LicenceView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/licences/{number}")]
pub(crate) async fn find(
    app: web::Data<App>,
    signed: Signed,
    trace: TraceContext,
    number: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    may_read(&signed)?;
    let moment = app::moment(&trace);
    let record =
        app.seen_by(&signed, async |conn| visible(conn, &signed, &number, &moment).await).await?;
    let view = LicenceView::of(&record, moment.today());
    Ok(HttpResponse::Ok().insert_header(etag(record.version)).json(view))
}

/// Suspends, reinstates, revokes or surrenders a licence; `/v1/workflow` says who may do which.
#[utoipa::path(
    tag = "licences",
    request_body = Reason,
    params(
        ("number" = String, Path, example = "LS-2026-000123-W"),
        ("action" = String, Path, description = "suspend, reinstate, revoke or surrender"),
        ("If-Match" = String, Header, description = "The ETag you read"),
    ),
    responses(
        (status = 200, body = LicenceView),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
        (status = 409, body = ProblemDetails),
        (status = 412, body = ProblemDetails),
    )
)]
#[post("/v1/licences/{number}/{action}")]
pub(crate) async fn act(
    app: web::Data<App>,
    signed: Signed,
    trace: TraceContext,
    path: web::Path<(String, String)>,
    if_match: IfMatch,
    body: JsonBody<Reason>,
) -> Result<HttpResponse, Problem> {
    let (number, action) = path.into_inner();
    let action: LicenceAction = action.parse().map_err(|_| Problem::NotFound("action"))?;
    // Another licence takes a licence's place only when it is issued, never by itself.
    if action == LicenceAction::Supersede {
        return Err(Problem::NotFound("action"));
    }
    let role = role_for(&signed, action)?;
    let number = known(&number)?;
    let reason = checked(body.value.reason)?;
    let (moment, person, version) = (app::moment(&trace), signed.person, if_match.0);
    let take = async |conn: &mut Connection| {
        licences::transition(conn, number, version, action, role, person, &reason, &moment)
            .await
            .map_err(problems::of_licence)
    };
    let record = if role == Role::Exporter {
        app.own(signed.organisation, take).await?
    } else {
        take(&mut app.connection().await?).await?
    };
    let view = LicenceView::of(&record, moment.today());
    Ok(HttpResponse::Ok().insert_header(etag(record.version)).json(view))
}

/// The role in which this person may take an action.
fn role_for(signed: &Signed, action: LicenceAction) -> Result<Role, Problem> {
    let mut roles = LICENCE_TRANSITIONS.iter().filter(|row| row.action == action).map(|row| row.by);
    let held = roles.find(|role| signed.has(*role));
    held.ok_or_else(|| Problem::Forbidden(format!("{action} is for another role").into()))
}

fn checked(reason: String) -> Result<String, Problem> {
    let length = reason.trim().chars().count();
    if (1..=REASON_CHARACTERS_AT_MOST).contains(&length) {
        return Ok(reason);
    }
    let fault = Violation::new("/reason", "invalid_reason", "a reason is needed");
    let expected = format!("1 to {REASON_CHARACTERS_AT_MOST} characters");
    Err(problems::of_faults(vec![fault.expecting(expected)]))
}

/// A licence that this person may see, on a connection that sees no other. Every look of an
/// official is logged.
pub(crate) async fn visible(
    conn: &mut Connection,
    signed: &Signed,
    number: &str,
    moment: &Moment,
) -> Result<LicenceRecord, Problem> {
    let found = licences::find(conn, known(number)?).await?;
    let record = found.ok_or(Problem::NotFound("licence"))?;
    if signed.is_official() {
        log_read(conn, signed, record.organisation, record.number, moment).await?;
    }
    Ok(record)
}

/// Holders read through their exporters and reporters, the state through its officials.
fn may_read(signed: &Signed) -> Result<(), Problem> {
    const READERS: [Role; 7] = [
        Role::Exporter,
        Role::Reporter,
        Role::Officer,
        Role::SeniorOfficer,
        Role::Customs,
        Role::Inspector,
        Role::Auditor,
    ];
    if READERS.iter().any(|role| signed.has(*role)) {
        return Ok(());
    }
    Err(Problem::Forbidden("it takes a role that works with licences".into()))
}

/// A number that can be one; what cannot is answered like a licence that does not exist.
pub(crate) fn known(number: &str) -> Result<SerialNumber, Problem> {
    let number = number.parse::<SerialNumber>().ok();
    number.filter(|number| number.series() == Series::Licence).ok_or(Problem::NotFound("licence"))
}
