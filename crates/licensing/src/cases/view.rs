//! A case as officials see it.

use crate::{applications::draft_of, determinations::list_hits};
use database::cases::{Assessment, CaseHeader, CaseRecord, HistoryEntry};
use domain::{
    application::Draft,
    case::{Acceptance, Clock, NoLimit, State, TRANSITIONS, acceptance, decision_clock},
    licence::Holder,
    regime::{ClockExemption, PartyList, Regime},
};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A case as the queue shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseHeaderView {
    /// Its id.
    id: Uuid,
    /// The number people know it by.
    #[schema(example = "LA-2026-000123-K")]
    number: String,
    /// The applicant.
    organisation: Uuid,
    /// The applicant's Chinese name.
    organisation_name_zh: String,
    /// The applicant's English name.
    organisation_name_en: String,
    /// What kind of licence is asked for.
    kind: &'static str,
    /// Where it stands.
    state: &'static str,
    /// Its version.
    version: u32,
    /// When it was handed in.
    submitted_at: Option<String>,
    /// The day that counts as acceptance.
    accepted_on: Option<String>,
    /// Who examines it.
    reviewer: Option<Uuid>,
}

/// A case, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseView {
    /// Its id.
    id: Uuid,
    /// The number people know it by.
    #[schema(example = "LA-2026-000123-K")]
    number: String,
    /// The applicant.
    organisation: Uuid,
    /// The applicant's identifier, such as its unified social credit code.
    organisation_identifier: String,
    /// The applicant's Chinese name.
    organisation_name_zh: String,
    /// The applicant's English name.
    organisation_name_en: String,
    /// What kind of licence is asked for.
    kind: &'static str,
    /// Where it stands.
    state: &'static str,
    /// Its version, which is its `ETag`.
    version: u32,
    /// What may happen next, as far as the state goes.
    possible: Vec<&'static str>,
    /// What the applicant wrote.
    #[schema(value_type = Object)]
    content: Value,
    /// When it was handed in.
    submitted_at: Option<String>,
    /// Who examines it.
    reviewer: Option<Uuid>,
    /// What was recommended, and by whom.
    recommendation: Option<RecommendationView>,
    /// The licence it became.
    licence: Option<Uuid>,
    /// Whether missing papers can still be notified.
    acceptance: Option<AcceptanceView>,
    /// The decision's clock, from acceptance on.
    clock: Option<ClockView>,
    /// The worker's assessment; absent until it is made.
    assessment: Option<AssessmentView>,
    /// What happened to it, first thing first.
    history: Vec<StepView>,
}

/// A recommendation that waits for a second person, or was decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecommendationView {
    /// `approve` or `refuse`.
    outcome: &'static str,
    /// Why it should be refused.
    reason: Option<&'static str>,
    /// By whom.
    by: Uuid,
    /// Who confirmed it.
    confirmed_by: Option<Uuid>,
}

/// The worker's assessment of an application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssessmentView {
    /// `low`, `medium` or `high`.
    risk: String,
    /// Why.
    #[schema(value_type = Object)]
    reasons: Value,
    /// Which version of the case it is about.
    case_version: u32,
    /// When.
    assessed_at: String,
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepView {
    /// The version it led to.
    version: u32,
    /// What.
    action: String,
    /// Where the case stood afterwards.
    state: String,
    /// By whom; absent when the law did it.
    person: Option<Uuid>,
    /// When.
    at: String,
    /// The day that counts.
    on: String,
    /// What belongs to it.
    #[schema(value_type = Object)]
    detail: Value,
}

/// Whether missing papers can still be notified (Administrative Licensing Law, article 32).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptanceView {
    /// The last day; from the next day on it counts as accepted.
    notice_until: String,
    /// It passes through a year whose holidays are not announced.
    provisional: bool,
}

/// A clock in working days.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClockView {
    /// The day that counts as acceptance.
    started_on: String,
    /// The last day for a decision.
    due_on: Option<String>,
    /// Why there is none: `exempt`, `stopped` or `no_rule`.
    no_due_date: Option<&'static str>,
    /// It passes through a year whose holidays are not announced.
    provisional: bool,
    /// Working days used.
    working_days_used: u32,
    /// Working days allowed.
    working_days_allowed: Option<u32>,
    /// The article the limit stands in.
    source: Option<String>,
    /// How well that was checked.
    verification: Option<&'static str>,
    /// Every pause with its cause.
    pauses: Vec<PauseView>,
    /// Past the due date.
    overdue: bool,
}

/// A time during which the clock stood still.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PauseView {
    /// Why.
    cause: &'static str,
    /// The first day it stood still.
    from: String,
    /// The first day it ran again.
    until: Option<String>,
    /// Working days that were not counted.
    working_days: u32,
}

impl From<&CaseHeader> for CaseHeaderView {
    fn from(header: &CaseHeader) -> Self {
        Self {
            id: header.id.as_uuid(),
            number: header.number.to_string(),
            organisation: header.organisation.as_uuid(),
            organisation_name_zh: header.name_zh.clone(),
            organisation_name_en: header.name_en.clone(),
            kind: header.kind.as_str(),
            state: header.state.as_str(),
            version: header.version,
            submitted_at: header.submitted_at.map(|at| at.to_string()),
            accepted_on: header.accepted_on.map(|day| day.to_string()),
            reviewer: header.reviewer.map(domain::ids::PersonId::as_uuid),
        }
    }
}

impl CaseView {
    /// Everything about a case.
    pub(crate) fn of(
        record: &CaseRecord,
        holder: Option<Holder>,
        assessment: Option<Assessment>,
        regime: &Regime,
        today: Date,
    ) -> Self {
        let state = record.case.state.name();
        let steps = TRANSITIONS.iter().filter(|row| row.from == state && row.by.is_some());
        let (identifier, name_zh, name_en) = holder.map_or_else(Default::default, |holder| {
            (holder.identifier, holder.name_zh, holder.name_en)
        });
        Self {
            id: record.case.id.as_uuid(),
            number: record.number.to_string(),
            organisation: record.case.organisation.as_uuid(),
            organisation_identifier: identifier,
            organisation_name_zh: name_zh,
            organisation_name_en: name_en,
            kind: record.kind.as_str(),
            state: state.as_str(),
            version: record.version,
            possible: steps.map(|row| row.action.as_str()).collect(),
            content: record.content.clone(),
            submitted_at: record.submitted_at.map(|at| at.to_string()),
            reviewer: reviewer(&record.case.state),
            recommendation: recommendation(&record.case.state),
            licence: match record.case.state {
                State::Approved { licence, .. } => Some(licence.as_uuid()),
                _ => None,
            },
            acceptance: AcceptanceView::of(&record.case.state, regime, today),
            clock: clock_of(record, regime, today),
            assessment: assessment.map(AssessmentView::from),
            history: record.history.iter().map(StepView::from).collect(),
        }
    }
}

fn reviewer(state: &State) -> Option<Uuid> {
    match state {
        State::UnderReview { reviewer, .. }
        | State::AgencyAdvice { reviewer, .. }
        | State::UnderFinalReview { reviewer, .. }
        | State::Countersign { reviewer, .. } => Some(reviewer.as_uuid()),
        _ => None,
    }
}

fn recommendation(state: &State) -> Option<RecommendationView> {
    use domain::case::Recommendation;
    let (outcome, reason, by, confirmed_by) = match state {
        State::Countersign { reviewer, recommendation: Recommendation::Approve, .. } => {
            ("approve", None, *reviewer, None)
        }
        State::Countersign { reviewer, recommendation: Recommendation::Refuse(reason), .. } => {
            ("refuse", Some(*reason), *reviewer, None)
        }
        State::Approved { decided_by, .. } => {
            ("approve", None, decided_by.recommended_by(), Some(decided_by.confirmed_by()))
        }
        State::Refused { reason, decided_by } => {
            ("refuse", Some(*reason), decided_by.recommended_by(), Some(decided_by.confirmed_by()))
        }
        _ => return None,
    };
    Some(RecommendationView {
        outcome,
        reason: reason.map(domain::case::RefusalReason::as_str),
        by: by.as_uuid(),
        confirmed_by: confirmed_by.map(domain::ids::PersonId::as_uuid),
    })
}

impl From<Assessment> for AssessmentView {
    fn from(assessment: Assessment) -> Self {
        Self {
            risk: assessment.risk,
            reasons: assessment.reasons,
            case_version: assessment.case_version,
            assessed_at: assessment.assessed_at.to_string(),
        }
    }
}

impl From<&HistoryEntry> for StepView {
    fn from(entry: &HistoryEntry) -> Self {
        Self {
            version: entry.version,
            action: entry.action.clone(),
            state: entry.state.clone(),
            person: entry.person.map(domain::ids::PersonId::as_uuid),
            at: entry.at.to_string(),
            on: entry.on.to_string(),
            detail: entry.detail.clone(),
        }
    }
}

impl AcceptanceView {
    /// The last day for a notice, while there is one.
    pub(crate) fn of(state: &State, regime: &Regime, today: Date) -> Option<Self> {
        let State::Submitted { on } = state else { return None };
        match acceptance(*on, today, regime) {
            Acceptance::Open { until, provisional } => {
                Some(Self { notice_until: until.to_string(), provisional })
            }
            Acceptance::Deemed { .. } | Acceptance::NoRule => None,
        }
    }
}

/// The clock of a case as it stands today; none before acceptance.
pub(crate) fn clock_of(record: &CaseRecord, regime: &Regime, today: Date) -> Option<ClockView> {
    let draft: Draft = draft_of(record).unwrap_or_default();
    let hits = list_hits(draft.parties().map(|(_, party)| party), regime, today);
    let watched = hits.iter().any(|hit| hit.list == PartyList::Watch);
    let exemption = watched.then_some(ClockExemption::WatchListedParty);
    decision_clock(&record.clock_events(), regime, exemption, today).map(ClockView::from)
}

impl From<Clock> for ClockView {
    fn from(clock: Clock) -> Self {
        let pauses = clock.pauses.into_iter().map(|pause| PauseView {
            cause: pause.cause.as_str(),
            from: pause.from.to_string(),
            until: pause.until.map(|day| day.to_string()),
            working_days: pause.working_days,
        });
        Self {
            started_on: clock.started_on.to_string(),
            due_on: clock.due_on.map(|day| day.to_string()),
            no_due_date: clock.no_due_date.map(|reason| match reason {
                NoLimit::Exempt { .. } => "exempt",
                NoLimit::Stopped { .. } => "stopped",
                NoLimit::NoRule => "no_rule",
            }),
            provisional: clock.provisional,
            working_days_used: clock.working_days_used,
            working_days_allowed: clock.working_days_allowed,
            source: clock.provenance.as_ref().map(|provenance| provenance.source.clone()),
            verification: clock.provenance.map(|provenance| provenance.verification.as_str()),
            pauses: pauses.collect(),
            overdue: clock.overdue,
        }
    }
}
