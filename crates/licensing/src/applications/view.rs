//! An application as its applicant sees it: where it stands and what was said to the applicant.
//!
//! What officials recommend, ask agencies or suspect is theirs and never part of this.

use crate::cases::view::{AcceptanceView, ClockView, clock_of};
use database::cases::{CaseHeader, CaseRecord, HistoryEntry};
use domain::{
    case::{ActionName, State},
    regime::Regime,
};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// An application as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApplicationHeader {
    /// Its id.
    id: Uuid,
    /// The number people know it by.
    #[schema(example = "LA-2026-000123-K")]
    number: String,
    /// What kind of licence is asked for.
    kind: &'static str,
    /// Where it stands.
    state: &'static str,
    /// Its version, which is its `ETag`.
    version: u32,
    /// When it was handed in.
    submitted_at: Option<String>,
    /// When it was begun.
    created_at: String,
    /// When it was last changed.
    updated_at: String,
}

/// An application as its applicant sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApplicationView {
    /// Its id.
    id: Uuid,
    /// The number people know it by.
    #[schema(example = "LA-2026-000123-K")]
    number: String,
    /// Where it stands; see `/v1/workflow`.
    state: &'static str,
    /// Its version, which is its `ETag`.
    version: u32,
    /// What you wrote.
    #[schema(value_type = Object)]
    content: Value,
    /// When it was handed in.
    submitted_at: Option<String>,
    /// Whether missing papers can still be notified.
    #[serde(skip_serializing_if = "Option::is_none")]
    acceptance: Option<AcceptanceView>,
    /// The decision's clock, from acceptance on.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<ClockView>,
    /// What was missing when it was returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Value>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<RefusalView>,
    /// The licence it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<Uuid>,
    /// What happened to it, first thing first.
    history: Vec<ApplicationStep>,
}

/// Why an application was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusalView {
    /// The factor of Export Control Law, article 13.
    reason: &'static str,
    /// In words.
    note: Option<String>,
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApplicationStep {
    /// What.
    action: String,
    /// Where it stood afterwards.
    state: String,
    /// The day that counts.
    on: String,
}

impl From<&CaseHeader> for ApplicationHeader {
    fn from(header: &CaseHeader) -> Self {
        Self {
            id: header.id.as_uuid(),
            number: header.number.to_string(),
            kind: header.kind.as_str(),
            state: header.state.as_str(),
            version: header.version,
            submitted_at: header.submitted_at.map(|at| at.to_string()),
            created_at: header.created_at.to_string(),
            updated_at: header.updated_at.to_string(),
        }
    }
}

impl ApplicationView {
    /// What the applicant may see of a case.
    pub(crate) fn of(record: &CaseRecord, regime: &Regime, today: Date) -> Self {
        let last = |action: ActionName| {
            record.history.iter().rev().find(|entry| entry.action == action.as_str())
        };
        let missing = match record.case.state {
            State::Returned => {
                last(ActionName::Return).map(|entry| entry.detail["missing"].clone())
            }
            _ => None,
        };
        let refusal = match record.case.state {
            State::Refused { reason, .. } | State::UnderReconsideration { refused_for: reason } => {
                let entry = last(ActionName::RecommendRefusal);
                let note = entry.and_then(|entry| Some(entry.detail["note"].as_str()?.to_owned()));
                Some(RefusalView { reason: reason.as_str(), note })
            }
            _ => None,
        };
        let licence = match record.case.state {
            State::Approved { licence, .. } => Some(licence.as_uuid()),
            _ => None,
        };
        Self {
            id: record.case.id.as_uuid(),
            number: record.number.to_string(),
            state: record.case.state.name().as_str(),
            version: record.version,
            content: record.content.clone(),
            submitted_at: record.submitted_at.map(|at| at.to_string()),
            acceptance: AcceptanceView::of(&record.case.state, regime, today),
            clock: clock_of(record, regime, today),
            missing,
            refusal,
            licence,
            history: record.history.iter().filter_map(step).collect(),
        }
    }
}

/// What officials note, recommend and take back, and by whom a case was passed on, is no business of
/// the applicant.
fn step(entry: &HistoryEntry) -> Option<ApplicationStep> {
    let action = match entry.action.parse::<ActionName>() {
        Ok(ActionName::Countersign | ActionName::ConfirmRefusal) | Err(_) => entry.action.clone(),
        Ok(action) if action.is_told_to_the_applicant() => entry.action.clone(),
        Ok(_) => return None,
    };
    Some(ApplicationStep { action, state: entry.state.clone(), on: entry.on.to_string() })
}
