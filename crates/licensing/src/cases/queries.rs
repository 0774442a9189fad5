//! `/v1/applications/{id}/queries`: what officers ask an applicant, and the answers. The clock goes
//! on meanwhile.

use crate::{
    app::{self, App},
    if_match::{IfMatch, etag},
    once, problems,
};
use actix_web::{HttpResponse, get, post, web};
use database::cases::{self, CaseRecord, CaseVersion};
use domain::{
    case::{Action, Actor, Query},
    ids::{CaseId, QueryId},
};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    identity::Exporter,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

const ANSWER_CHARACTERS_AT_MOST: usize = 20_000;

/// An answer to a question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerForm {
    /// Which question.
    #[schema(value_type = Uuid)]
    query: QueryId,
    /// In words.
    answer: String,
}

/// The questions about an application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueriesView {
    /// The first one first.
    queries: Vec<QueryView>,
}

/// A question.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryView {
    /// Its id.
    query: Uuid,
    /// What was asked.
    question: String,
    /// When.
    asked_on: String,
    /// What was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_on: Option<String>,
    /// When it was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_on: Option<String>,
}

/// What officers asked about one of your applications.
#[utoipa::path(
    tag = "applications",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = QueriesView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/applications/{id}/queries")]
pub(crate) async fn list(
    app: web::Data<App>,
    exporter: Exporter,
    id: web::Path<CaseId>,
) -> Result<HttpResponse, Problem> {
    app.own(exporter.organisation, async |conn| {
        let record = cases::find(conn, *id).await?.ok_or(Problem::NotFound("application"))?;
        Ok(shown(&record))
    })
    .await
}

/// Answers a question, once.
#[utoipa::path(
    tag = "applications",
    request_body = AnswerForm,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag you read")),
    responses(
        (status = 200, body = QueriesView),
        (status = 404, body = ProblemDetails),
        (status = 409, description = "It is answered or settled, or the application is", body = ProblemDetails),
        (status = 412, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
        (status = 428, body = ProblemDetails),
    )
)]
#[post("/v1/applications/{id}/queries")]
pub(crate) async fn answer(
    app: web::Data<App>,
    exporter: Exporter,
    trace: TraceContext,
    id: web::Path<CaseId>,
    if_match: IfMatch,
    body: JsonBody<AnswerForm>,
) -> Result<HttpResponse, Problem> {
    let AnswerForm { query, answer } = body.value;
    once::text("/answer", &answer, ANSWER_CHARACTERS_AT_MOST)?;
    let moment = app::moment(&trace);
    let on = CaseVersion { id: *id, version: if_match.0 };
    let actor = Actor::Person {
        person: exporter.person,
        organisation: exporter.organisation,
        roles: exporter.roles.iter().copied().collect(),
        organisations: BTreeSet::from([exporter.organisation]),
    };
    app.own(exporter.organisation, async |conn| {
        let regime = app.regimes.in_force(conn, moment.at).await?;
        let action = Action::AnswerQuery { query, answer };
        let record =
            cases::transition(conn, on, action, &actor, &moment, &regime, |_| Ok(())).await;
        Ok(shown(&record.map_err(problems::of_case)?))
    })
    .await
}

fn shown(record: &CaseRecord) -> HttpResponse {
    let queries = record.case.work.queries.iter().map(QueryView::from).collect();
    HttpResponse::Ok().insert_header(etag(record.version)).json(QueriesView { queries })
}

impl From<&Query> for QueryView {
    /// Who asked is the officers' own.
    fn from(query: &Query) -> Self {
        Self {
            query: query.id.as_uuid(),
            question: query.question.clone(),
            asked_on: query.asked_on.to_string(),
            answer: query.answer.clone(),
            answered_on: query.answered_on.map(|day| day.to_string()),
            closed_on: query.closed_on.map(|day| day.to_string()),
        }
    }
}
