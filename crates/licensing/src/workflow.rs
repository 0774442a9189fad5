//! `GET /v1/workflow`: everything that may happen to a case or a licence, from the very tables
//! that decide it.

use actix_web::{get, web};
use domain::{
    case::{RefusalReason, StateName, TRANSITIONS},
    licence::{LICENCE_TRANSITIONS, LicenceState},
    regime::ClockStop,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Both workflows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkflowView {
    /// Of applications.
    case: TableView,
    /// Of licences.
    licence: TableView,
    /// Why an application can be refused (Export Control Law, article 13).
    refusal_reasons: Vec<&'static str>,
    /// What stops the decision clock.
    clock_stops: Vec<&'static str>,
}

/// One table of transitions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableView {
    /// Every state.
    states: Vec<&'static str>,
    /// Every step; what is not here may not happen.
    transitions: Vec<StepView>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepView {
    /// From where.
    from: &'static str,
    /// By which action.
    action: &'static str,
    /// To where.
    to: &'static str,
    /// In which roles; none when only the law does it, by the passing of time or by a rule.
    by: Vec<&'static str>,
    /// When it leads there, if it may lead elsewhere too.
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<String>,
}

/// What may happen to applications and licences, and who may do it.
#[utoipa::path(
    tag = "workflow", security(()),
    responses((status = 200, body = WorkflowView))
)]
#[get("/v1/workflow")]
pub(crate) async fn read() -> web::Json<WorkflowView> {
    let case_steps = TRANSITIONS.iter().map(|row| StepView {
        from: row.from.as_str(),
        action: row.action.as_str(),
        to: row.to.as_str(),
        by: row.by.iter().map(|role| role.as_str()).collect(),
        when: row.when.map(|when| when.to_string()),
    });
    let licence_steps = LICENCE_TRANSITIONS.iter().map(|row| StepView {
        from: row.from.as_str(),
        action: row.action.as_str(),
        to: row.to.as_str(),
        by: vec![row.by.as_str()],
        when: None,
    });
    web::Json(WorkflowView {
        case: TableView {
            states: StateName::ALL.iter().map(|state| state.as_str()).collect(),
            transitions: case_steps.collect(),
        },
        licence: TableView {
            states: LicenceState::ALL.iter().map(|state| state.as_str()).collect(),
            transitions: licence_steps.collect(),
        },
        refusal_reasons: RefusalReason::ALL.iter().map(|reason| reason.as_str()).collect(),
        clock_stops: ClockStop::ALL.iter().map(|stop| stop.as_str()).collect(),
    })
}
