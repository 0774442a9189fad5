//! A case as officials see it.

mod beside;
mod lots;

pub(crate) use beside::Shown;
pub(crate) use lots::LotsOfLines;

use super::history::forecast;
use crate::{
    applications::draft_of, determinations::list_hits, licences::conditions::ConditionView,
};
use beside::{
    AdviceView, ExporterView, FlagView, GoodsView, OrderView, PartyView, PrecedentView, UndoView,
};
use database::cases::{Assessment, CaseHeader, CasePage, CaseRecord, HistoryEntry};
use domain::{
    application::Draft,
    case::{Acceptance, Clock, DecidedCase, NoLimit, State, acceptance, decision_clock, possible},
    codes::Role,
    ids::PersonId,
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
    /// When cases like it were decided, as far as that tells.
    #[schema(value_type = Option<Object>)]
    forecast: Option<Value>,
    /// The worker's assessment; absent until it is made.
    assessment: Option<AssessmentView>,
    /// The queue it lies in.
    queue: Option<String>,
    /// What that is called in Chinese.
    queue_name_zh: Option<String>,
    /// What that is called in English.
    queue_name_en: Option<String>,
    /// Who shall examine it, before anybody does.
    assigned_to: Option<Uuid>,
    /// Officials who are not impartial in it.
    conflicted: Vec<Uuid>,
    /// Whether whoever has it is away.
    officer_absent: bool,
    /// The goods, each with what they are under the law of today.
    goods: Vec<GoodsView>,
    /// Who is in it, and on which lists.
    parties: Vec<PartyView>,
    /// Flags that are raised.
    flags: Vec<FlagView>,
    /// Questions to the applicant.
    #[schema(value_type = Vec<Object>)]
    queries: Value,
    /// What agencies were asked and said, and where they contradict each other.
    advice: AdviceView,
    /// Conditions of the licence that it may become.
    conditions: Vec<ConditionView>,
    /// Notes of officials.
    #[schema(value_type = Vec<Object>)]
    notes: Value,
    /// Who signs a decision.
    order: OrderView,
    /// The step that a second person may take back.
    undoable: Option<UndoView>,
    /// What is known of the exporter; for those who decide.
    exporter: Option<ExporterView>,
    /// Cases that were decided for the same end user; for those who decide.
    precedents: Vec<PrecedentView>,
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
        page: &CasePage,
        shown: Shown,
        decided: &[DecidedCase],
        regime: &Regime,
        today: Date,
    ) -> Self {
        let record = &page.record;
        let (case, work) = (&record.case, &record.case.work);
        let state = case.state.name();
        let (identifier, name_zh, name_en) =
            page.holder.as_ref().map_or_else(Default::default, |holder| {
                (holder.identifier.clone(), holder.name_zh.clone(), holder.name_en.clone())
            });
        let clock = decision_clock_of(record, regime, today);
        let running = clock.as_ref().filter(|_| {
            !matches!(case.state, State::Approved { .. } | State::Refused { .. } | State::Withdrawn)
        });
        let destination = record.content["destination"].as_str();
        let forecast = running.map(|clock| {
            plain(&forecast(decided, (record.kind, destination), regime, clock.started_on, today))
        });
        let officer = case.state.reviewer().or(work.assigned_to);
        Self {
            id: case.id.as_uuid(),
            number: record.number.to_string(),
            organisation: case.organisation.as_uuid(),
            organisation_identifier: identifier,
            organisation_name_zh: name_zh,
            organisation_name_en: name_en,
            kind: record.kind.as_str(),
            state: state.as_str(),
            version: record.version,
            possible: possible(state, Role::ALL)
                .into_iter()
                .map(domain::case::ActionName::as_str)
                .collect(),
            content: record.content.clone(),
            submitted_at: record.submitted_at.map(|at| at.to_string()),
            reviewer: case.state.reviewer().map(PersonId::as_uuid),
            recommendation: recommendation(&case.state),
            licence: match case.state {
                State::Approved { licence, .. } => Some(licence.as_uuid()),
                _ => None,
            },
            acceptance: AcceptanceView::of(&case.state, regime, today),
            forecast,
            clock: clock.map(ClockView::from),
            assessment: page.assessment.clone().map(AssessmentView::from),
            queue: work.queue.as_ref().map(ToString::to_string),
            queue_name_zh: page.queue.as_ref().map(|queue| queue.zh.clone()),
            queue_name_en: page.queue.as_ref().map(|queue| queue.en.clone()),
            assigned_to: work.assigned_to.map(PersonId::as_uuid),
            conflicted: case.conflicted.iter().map(|person| person.as_uuid()).collect(),
            officer_absent: officer.is_some_and(|person| case.absent.contains(&person)),
            goods: shown.goods,
            parties: shown.parties,
            flags: work.flags.iter().map(FlagView::of).collect(),
            queries: plain(&work.queries),
            advice: AdviceView::of(work),
            conditions: work.conditions.iter().map(ConditionView::from).collect(),
            notes: plain(&work.notes),
            order: OrderView::of(case),
            undoable: work.undoable.last().map(UndoView::from),
            exporter: shown.exporter,
            precedents: shown.precedents,
            history: record.history.iter().map(StepView::from).collect(),
        }
    }
}

/// Facts of the domain as JSON.
fn plain(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("facts are plain JSON")
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
    decision_clock_of(record, regime, today).map(ClockView::from)
}

fn decision_clock_of(record: &CaseRecord, regime: &Regime, today: Date) -> Option<Clock> {
    let draft: Draft = draft_of(record).unwrap_or_default();
    let exemption = record.case.work.exemption.or_else(|| watched(&draft, regime, today));
    let limit = draft.purpose.decision_limit();
    decision_clock(&record.clock_events(), regime, limit, exemption, today)
}

/// A case with a watch-listed party has no time limit.
pub(super) fn watched(draft: &Draft, regime: &Regime, today: Date) -> Option<ClockExemption> {
    let hits = list_hits(draft.parties().map(|(_, party)| party), regime, today);
    let watched = hits.iter().any(|hit| hit.list == PartyList::Watch);
    watched.then_some(ClockExemption::WatchListedParty)
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
