//! `POST /v1/cases/assignments`: many cases for one officer, such as those of somebody who is away.

use super::act::actor;
use crate::{
    app::{self, App},
    once, problems,
};
use actix_web::{post, web};
use database::cases::{self, CaseError, CaseVersion};
use domain::{
    case::{Action, StateName},
    codes::Role,
    ids::{CaseId, PersonId},
    violation::Violation,
};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    identity::Official,
    problem::{Problem, ProblemDetails},
    trace::TraceContext,
};
use utoipa::ToSchema;
use uuid::Uuid;

const CASES_AT_MOST: usize = 100;

/// Who shall examine which cases.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignmentsForm {
    /// Who.
    #[schema(value_type = Uuid)]
    officer: PersonId,
    /// Which, as they were read.
    cases: Vec<AssignedCase>,
}

/// A case as it was read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignedCase {
    /// Which.
    #[schema(value_type = Uuid)]
    id: CaseId,
    /// Its version, as in its `ETag`.
    version: u32,
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentsView {
    /// In the order they were asked for.
    cases: Vec<AssignmentView>,
}

/// What became of one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentView {
    /// Which.
    id: Uuid,
    /// Its version now, if it was assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// Why it was not: a word for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'static str>,
    /// The same, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Assigns many cases to one officer: each that can be, whatever becomes of the others.
#[utoipa::path(
    tag = "cases",
    request_body = AssignmentsForm,
    responses(
        (status = 200, description = "What became of each", body = AssignmentsView),
        (status = 403, body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/cases/assignments")]
pub(crate) async fn assign(
    app: web::Data<App>,
    official: Official,
    trace: TraceContext,
    body: JsonBody<AssignmentsForm>,
) -> Result<web::Json<AssignmentsView>, Problem> {
    once::require(&official, &[Role::SeniorOfficer])?;
    let AssignmentsForm { officer, cases: asked } = body.value;
    if asked.is_empty() || CASES_AT_MOST < asked.len() {
        let fault = Violation::new("/cases", "out_of_range", "no such number at once");
        return Err(problems::of_faults(vec![fault.expecting(format!("1 to {CASES_AT_MOST}"))]));
    }
    let moment = app::moment(&trace);
    let mut conn = app.connection().await?;
    once::officer_of(&mut conn, &official, "/officer", officer).await?;
    let regime = app.regimes.in_force(&mut conn, moment.at).await?;
    let actor = actor(&mut conn, &official).await?;
    let mut became = Vec::with_capacity(asked.len());
    for AssignedCase { id, version } in asked {
        let seen = cases::find(&mut conn, id).await?;
        let handed_in = seen.filter(|record| record.submitted_at.is_some());
        // Whoever has begun is replaced; before that somebody is named.
        let action = match handed_in.map(|record| record.case.state.name()) {
            Some(
                StateName::UnderReview | StateName::AgencyAdvice | StateName::UnderFinalReview,
            ) => Action::Reassign { reviewer: officer },
            _ => Action::Assign { officer },
        };
        let on = CaseVersion { id, version };
        let done = cases::transition(&mut conn, on, action, &actor, &moment, &regime, |record| {
            record.submitted_at.map(drop).ok_or(CaseError::NoSuchCase)
        })
        .await;
        became.push(AssignmentView::of(id, done.map(|record| record.version))?);
    }
    Ok(web::Json(AssignmentsView { cases: became }))
}

impl AssignmentView {
    fn of(id: CaseId, done: Result<u32, CaseError>) -> Result<Self, Problem> {
        let (version, refused) = match done {
            Ok(version) => (Some(version), None),
            Err(CaseError::NoSuchCase) => {
                (None, Some(("no_such_case", "there is no such case".to_owned())))
            }
            Err(CaseError::Stale) => {
                (None, Some(("stale", "it was changed since it was read".to_owned())))
            }
            Err(CaseError::NotAllowed(refusal)) => {
                (None, Some((refusal.code(), refusal.to_string())))
            }
            Err(error) => return Err(problems::of_case(error)),
        };
        let (refused, detail) = refused.unzip();
        Ok(Self { id: id.as_uuid(), version, refused, detail })
    }
}
