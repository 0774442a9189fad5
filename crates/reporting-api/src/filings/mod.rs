//! Filings: taking them in, and showing them to whoever may see them.

pub mod bulk;
mod check;
pub mod desk;
mod form;
mod members;
pub mod receipt;
pub mod templates;
#[cfg(test)]
mod tests;
pub mod view;

pub use form::FilingForm;

use crate::reading::{Reading, ReadingQuery};
use actix_web::{HttpResponse, get, post, web};
use database::filings::{self, Filter};
use desk::{Accepted, Desk, Sender};
use domain::{
    calendar_month::Month,
    codes::{Channel, FilingKind},
    ids::FilingId,
};
use serde::Deserialize;
use service::{
    body::JsonBody,
    clock, cursor,
    idempotency::IdempotencyKey,
    identity::Reporter,
    problem::{Problem, ProblemDetails, Violation},
    secret::ServerSecret,
    signer::Signer,
    trace::TraceContext,
};
use utoipa::IntoParams;
use uuid::Uuid;
use view::{FilingPage, FilingView, Receipted};

const PAGE_DEFAULT: u16 = 50;
const PAGE_LIMIT: u16 = 200;

/// Records a filing: extraction, transformation, dispatch, receipt, import, export, stocktake,
/// disposal or monthly return.
///
/// Durable, together with its lots, postings and event, when it is answered. The same
/// `Idempotency-Key` with the same body is answered again as the first time, with 200; keys are
/// kept for at least 30 days. A well-formed claim is recorded whatever it says. The answer carries
/// a signed receipt.
#[utoipa::path(
    tag = "filings",
    request_body = FilingForm,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = Receipted),
        (status = 200, description = "It was recorded before by the same request", body = Receipted),
        (status = 409, description = "The reference is taken", body = ProblemDetails),
        (status = 422, description = "See `violations`", body = ProblemDetails),
        (status = 503, description = "Busy; see Retry-After", body = ProblemDetails),
    )
)]
#[post("/v1/filings")]
pub async fn record(
    desk: web::Data<Desk>,
    signer: web::Data<Signer>,
    reporter: Reporter,
    key: IdempotencyKey,
    trace: TraceContext,
    form: JsonBody<FilingForm>,
) -> Result<HttpResponse, Problem> {
    let sender = Sender {
        organisation: reporter.organisation,
        person: reporter.person,
        channel: Channel::Api,
        at: clock::now(),
        traceparent: Some(trace.to_string()),
    };
    let accepted = desk.record(&form.value, &sender, Some(&key)).await?;
    let mut response = match &accepted {
        Accepted::New(recorded) => {
            let mut created = HttpResponse::Created();
            created.insert_header(("Location", format!("/v1/filings/{}", recorded.id)));
            created
        }
        Accepted::Before(_) => HttpResponse::Ok(),
    };
    Ok(response.json(receipt::with_receipt(&signer, &form.value, accepted)?))
}

/// Which filings to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Of this kind only.
    #[param(value_type = Option<String>, example = "dispatch")]
    kind: Option<FilingKind>,
    /// Of this month only.
    #[param(value_type = Option<String>, example = "2026-10")]
    month: Option<Month>,
    /// With this reference only, all versions.
    reference: Option<String>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
    /// Officials: whose filings.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<domain::ids::OrganisationId>,
}

/// Lists filings, newest first.
///
/// Filers see their own. Officials name an organisation and, in `Lodestone-Purpose`, why; the
/// read is logged for that organisation to see.
#[utoipa::path(
    tag = "filings",
    params(ListQuery, ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = FilingPage), (status = 400, body = ProblemDetails))
)]
#[get("/v1/filings")]
pub async fn list(
    reading: Reading,
    secret: web::Data<ServerSecret>,
    query: web::Query<ListQuery>,
) -> Result<web::Json<FilingPage>, Problem> {
    let query = query.into_inner();
    let limit = query.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_LIMIT).contains(&limit) {
        let violation = Violation::at("/limit", "out_of_range", format!("{limit} per page"));
        let violation = violation.expecting(format!("1 to {PAGE_LIMIT}"));
        return Err(Problem::InvalidParameter(Box::new(violation)));
    }
    let mut access = reading.of(&ReadingQuery::new(query.organisation, "filings")).await?;
    let list = format!(
        "filings of {} {:?} {:?} {:?}",
        access.organisation, query.kind, query.month, query.reference
    );
    let before: Option<Uuid> =
        query.cursor.as_deref().map(|sealed| cursor::open(&secret, &list, sealed)).transpose()?;
    let filter = Filter {
        kind: query.kind,
        month: query.month,
        reference: query.reference,
        before: before.map(FilingId::from_uuid),
    };
    let organisation = access.organisation;
    let found = filings::list(&mut access.conn, organisation, &filter, limit).await?;
    let next = (found.len() == usize::from(limit))
        .then(|| found.last().map(|last| cursor::seal(&secret, &list, &last.id.as_uuid())))
        .flatten();
    let shown = |header| FilingView::of(header, &access.pseudonyms);
    Ok(web::Json(FilingPage { filings: found.into_iter().map(shown).collect(), next }))
}

/// One filing with its lines, in the version asked for.
#[utoipa::path(
    tag = "filings",
    params(("id" = Uuid, Path), ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = FilingView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/filings/{id}")]
pub async fn find(
    reading: Reading,
    id: web::Path<FilingId>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<FilingView>, Problem> {
    let mut access = reading.of(&query.about(format!("filing {id}"))).await?;
    let organisation = access.organisation;
    let found = filings::find(&mut access.conn, organisation, *id, access.is_owner).await?;
    let found = found.ok_or(Problem::NotFound("filing"))?;
    Ok(web::Json(FilingView::in_detail(found, &access.pseudonyms)))
}

/// Every version of a filing, oldest first: what was told when.
#[utoipa::path(
    tag = "filings",
    params(("id" = Uuid, Path), ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = Vec<FilingView>), (status = 404, body = ProblemDetails))
)]
#[get("/v1/filings/{id}/versions")]
pub async fn versions(
    reading: Reading,
    id: web::Path<FilingId>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<Vec<FilingView>>, Problem> {
    let mut access = reading.of(&query.about(format!("versions of filing {id}"))).await?;
    let organisation = access.organisation;
    let versions = filings::versions(&mut access.conn, organisation, *id).await?;
    if versions.is_empty() {
        return Err(Problem::NotFound("filing"));
    }
    let shown = |header| FilingView::of(header, &access.pseudonyms);
    Ok(web::Json(versions.into_iter().map(shown).collect()))
}
