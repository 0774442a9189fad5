//! `POST /v1/epcis/capture`: takes a document of events in, and answers the job that did it.
//!
//! Everything is judged before anything is stored. With `rollback` (the default) one fault keeps
//! the whole document out; with `proceed` what is right is stored and what is wrong is listed.
//! Filings, events, the job and what announces them are one transaction: nothing of a document can
//! be read until all of it is durable. Whoever hears no answer sends the document again: filings
//! answer as before, each under a key made of its event's hash, and events are stored once.

use super::{
    view::CaptureJob,
    violation,
    work::{ErrorBehaviour, Work},
};
use crate::{
    filings::desk::{Desk, Sender},
    reading::{Reading, ReadingQuery},
};
use ::epcis::{check, document::Document};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use database::epcis::find_capture;
use domain::codes::Channel;
use serde_json::value::RawValue;
use service::{
    body::JsonBody,
    clock,
    identity::Reporter,
    problem::{Location, Problem, ProblemDetails, Violation},
    trace::TraceContext,
};
use uuid::Uuid;

const EVENTS_LIMIT: usize = 1_000;

/// Takes in a GS1 EPCIS 2.0 document, the results of a query, or one event.
///
/// Answered when everything is durable. Events that say what a filing says are recorded as filings
/// (docs/epcis.md); the job tells which, and why others are none. The same event twice is stored
/// once; one sent again with an `errorDeclaration` stands beside the first. At most 1,000 events
/// and 1 MiB.
#[utoipa::path(
    tag = "epcis",
    request_body(content = Object, content_type = "application/json",
        description = "EPCISDocument, EPCISQueryDocument or an event"),
    params(
        ("GS1-Capture-Error-Behaviour" = Option<String>, Header, description = "`rollback` (the default) or `proceed`"),
        ("GS1-EPCIS-Version" = Option<String>, Header, description = "`2.0`"),
        ("GS1-CBV-Version" = Option<String>, Header, description = "`2.0`"),
    ),
    responses(
        (status = 202, description = "See the job at `Location`", body = CaptureJob),
        (status = 400, description = "No EPCIS 2.0 document", body = ProblemDetails),
        (status = 413, description = "Too large", body = ProblemDetails),
        (status = 503, description = "Busy; see Retry-After", body = ProblemDetails),
    )
)]
#[post("/v1/epcis/capture")]
pub async fn capture(
    request: HttpRequest,
    desk: web::Data<Desk>,
    reporter: Reporter,
    trace: TraceContext,
    body: JsonBody<Box<RawValue>>,
) -> Result<HttpResponse, Problem> {
    let behaviour = read_headers(&request)?;
    let refused = |fault| Problem::InvalidBody(Box::new(violation(fault)));
    let document = Document::read(body.value.get(), EVENTS_LIMIT).map_err(refused)?;
    if let Some(fault) = check::envelope(&document).into_iter().next() {
        return Err(refused(fault));
    }
    let sender = Sender {
        organisation: reporter.organisation,
        person: reporter.person,
        channel: Channel::Epcis,
        at: clock::now(),
        traceparent: Some(trace.to_string()),
    };
    let mut work = Work::new(&desk, &sender, behaviour);
    work.read(&document);
    let job = work.write().await?;
    Ok(HttpResponse::Accepted()
        .insert_header(("Location", format!("/v1/epcis/capture/{}", job.id)))
        .insert_header(("GS1-EPCIS-Version", "2.0"))
        .json(CaptureJob::from(job)))
}

/// What became of a captured document: counts, faults, and which events are filings.
#[utoipa::path(
    tag = "epcis",
    params(("id" = Uuid, Path), ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = CaptureJob), (status = 404, body = ProblemDetails))
)]
#[get("/v1/epcis/capture/{id}")]
pub async fn find_job(
    reading: Reading,
    id: web::Path<Uuid>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<CaptureJob>, Problem> {
    let mut access = reading.of(&query.about(format!("EPCIS capture {id}"))).await?;
    let organisation = access.organisation;
    let found = find_capture(&mut access.conn, organisation, *id).await?;
    found.map(|found| web::Json(found.into())).ok_or(Problem::NotFound("capture"))
}

/// What a fault does. Headers of GS1 that are not known here are refused.
fn read_headers(request: &HttpRequest) -> Result<ErrorBehaviour, Problem> {
    let mut behaviour = ErrorBehaviour::Rollback;
    for (name, value) in request.headers() {
        let name = name.as_str();
        if !name.starts_with("gs1-") {
            continue;
        }
        let value = value.to_str().unwrap_or_default();
        match (name, value) {
            ("gs1-capture-error-behaviour", "rollback")
            | (
                "gs1-epcis-version" | "gs1-cbv-version" | "gs1-epcis-min" | "gs1-epcis-max",
                "2.0",
            )
            | ("gs1-extensions", _) => {}
            ("gs1-capture-error-behaviour", "proceed") => behaviour = ErrorBehaviour::Proceed,
            _ => {
                let expected = match name {
                    "gs1-capture-error-behaviour" => "rollback or proceed",
                    "gs1-epcis-version" | "gs1-cbv-version" => "2.0",
                    _ => "leave it out",
                };
                return Err(Problem::InvalidParameter(Box::new(Violation {
                    location: Location::Parameter { parameter: name.to_owned() },
                    code: "unsupported_header".into(),
                    detail: format!("{name}: {value:?} is not supported"),
                    expected: Some(expected.to_owned()),
                })));
            }
        }
    }
    Ok(behaviour)
}
