//! What may happen to a case: the table.

use super::{Action, Actor, Case, NotAllowed, State, guards};
use crate::codes::{Role, words};
use serde::Serialize;
use std::fmt;

words! {
    /// Where an application stands.
    StateName {
        /// The applicant is writing it.
        Draft = "draft",
        /// It waits to be accepted.
        Submitted = "submitted",
        /// Its papers are complete (受理).
        Accepted = "accepted",
        /// An officer examines it.
        UnderReview = "under_review",
        /// Another agency was asked.
        AgencyAdvice = "agency_advice",
        /// All advice is in.
        UnderFinalReview = "under_final_review",
        /// It waits for a second person.
        Countersign = "countersign",
        /// A licence was issued.
        Approved = "approved",
        /// No licence.
        Refused = "refused",
        /// The applicant was told what is missing.
        Returned = "returned",
        /// The applicant took it back.
        Withdrawn = "withdrawn",
        /// A second look at a refusal.
        UnderReconsideration = "under_reconsideration",
    }
}

words! {
    /// What can be done with a case, as it is written in paths.
    ActionName {
        /// Hand it in.
        Submit = "submit",
        /// Take it back.
        Withdraw = "withdraw",
        /// Take it on.
        Accept = "accept",
        /// Count it as accepted by the passing of time.
        DeemAccepted = "deem_accepted",
        /// Say once what is missing.
        Return = "return",
        /// Begin to examine it.
        BeginReview = "begin_review",
        /// Give it to another officer.
        Reassign = "reassign",
        /// Ask another agency.
        AskAgency = "ask_agency",
        /// Go on without the agency's answer.
        Recall = "recall",
        /// Answer the authority's question.
        Advise = "advise",
        /// All advice is in.
        BeginFinalReview = "begin_final_review",
        /// Stop the clock.
        StopClock = "stop_clock",
        /// Let it run again.
        ResumeClock = "resume_clock",
        /// Recommend that the licence be issued.
        RecommendApproval = "recommend_approval",
        /// Recommend that it be refused.
        RecommendRefusal = "recommend_refusal",
        /// Agree, and so issue the licence.
        Countersign = "countersign",
        /// Agree, and so refuse.
        ConfirmRefusal = "confirm_refusal",
        /// Disagree.
        SendBack = "send_back",
        /// Ask for a second look at a refusal.
        RequestReconsideration = "request_reconsideration",
        /// Say who shall examine it.
        Assign = "assign",
        /// Bring it into a queue by a rule.
        Route = "route",
        /// Bring it into another queue.
        Move = "move",
        /// Mark it.
        RaiseFlag = "raise_flag",
        /// What it was marked for is settled.
        ClearFlag = "clear_flag",
        /// Ask the applicant.
        AskApplicant = "ask_applicant",
        /// Answer a question.
        AnswerQuery = "answer_query",
        /// The question is settled.
        CloseQuery = "close_query",
        /// An agency that is asked asks the department back.
        AskBack = "ask_back",
        /// The department answers what an agency asked back.
        AnswerAgency = "answer_agency",
        /// Write something down.
        Note = "note",
        /// Put a condition on the licence.
        AttachCondition = "attach_condition",
        /// Take a condition away.
        RemoveCondition = "remove_condition",
        /// The law sets no limit for it.
        Exempt = "exempt",
        /// Take back the last step.
        Undo = "undo",
    }
}

/// On what it depends where a step leads, if the table has more than one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Others are still to answer or to sign.
    MoreToCome,
    /// Nobody else is waited for.
    Last,
    /// The step that is taken back is this one.
    Undoes(ActionName),
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MoreToCome => f.write_str("others are waited for"),
            Self::Last => f.write_str("nobody else is waited for"),
            Self::Undoes(action) => write!(f, "the last step is {action}"),
        }
    }
}

/// One step that may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// From where.
    pub from: StateName,
    /// By which action.
    pub action: ActionName,
    /// To where.
    pub to: StateName,
    /// In which roles; none when only the law does it, by the passing of time or by a rule.
    pub by: &'static [Role],
    /// When it leads there, if the table has more than one answer.
    pub when: Option<When>,
}

const fn step(from: StateName, action: ActionName, to: StateName, by: Role) -> Transition {
    Transition { from, action, to, by: alone(by), when: None }
}

const fn depending(
    from: StateName,
    action: ActionName,
    to: StateName,
    by: &'static [Role],
    when: When,
) -> Transition {
    Transition { from, action, to, by, when: Some(when) }
}

const fn alone(role: Role) -> &'static [Role] {
    match role {
        Exporter => &[Exporter],
        SeniorOfficer => &[SeniorOfficer],
        AgencyAdviser => &[AgencyAdviser],
        _ => &[Officer],
    }
}

use ActionName as A;
use Role::{AgencyAdviser, Exporter, Officer, SeniorOfficer};
use StateName as S;

/// What moves a case on.
#[rustfmt::skip]
const STEPS: &[Transition] = &[
    step(S::Draft,                A::Submit,                 S::Submitted,            Exporter),
    step(S::Draft,                A::Withdraw,               S::Withdrawn,            Exporter),
    step(S::Submitted,            A::Accept,                 S::Accepted,             Officer),
    Transition { from: S::Submitted, action: A::DeemAccepted, to: S::Accepted, by: &[], when: None },
    step(S::Submitted,            A::Return,                 S::Returned,             Officer),
    step(S::Submitted,            A::Withdraw,               S::Withdrawn,            Exporter),
    step(S::Returned,             A::Submit,                 S::Submitted,            Exporter),
    step(S::Returned,             A::Withdraw,               S::Withdrawn,            Exporter),
    step(S::Accepted,             A::BeginReview,            S::UnderReview,          Officer),
    step(S::Accepted,             A::Withdraw,               S::Withdrawn,            Exporter),
    step(S::UnderReview,          A::AskAgency,              S::AgencyAdvice,         Officer),
    step(S::UnderReview,          A::BeginFinalReview,       S::UnderFinalReview,     Officer),
    step(S::UnderReview,          A::RecommendApproval,      S::Countersign,          Officer),
    step(S::UnderReview,          A::RecommendRefusal,       S::Countersign,          Officer),
    step(S::UnderReview,          A::StopClock,              S::UnderReview,          Officer),
    step(S::UnderReview,          A::ResumeClock,            S::UnderReview,          Officer),
    step(S::UnderReview,          A::Reassign,               S::UnderReview,          SeniorOfficer),
    step(S::UnderReview,          A::Withdraw,               S::Withdrawn,            Exporter),
    depending(S::AgencyAdvice,    A::Advise,                 S::AgencyAdvice,         &[AgencyAdviser], When::MoreToCome),
    depending(S::AgencyAdvice,    A::Advise,                 S::UnderFinalReview,     &[AgencyAdviser], When::Last),
    step(S::AgencyAdvice,         A::AskAgency,              S::AgencyAdvice,         Officer),
    step(S::AgencyAdvice,         A::Recall,                 S::UnderReview,          Officer),
    step(S::AgencyAdvice,         A::StopClock,              S::AgencyAdvice,         Officer),
    step(S::AgencyAdvice,         A::ResumeClock,            S::AgencyAdvice,         Officer),
    step(S::AgencyAdvice,         A::Reassign,               S::AgencyAdvice,         SeniorOfficer),
    step(S::AgencyAdvice,         A::Withdraw,               S::Withdrawn,            Exporter),
    step(S::UnderFinalReview,     A::AskAgency,              S::AgencyAdvice,         Officer),
    step(S::UnderFinalReview,     A::RecommendApproval,      S::Countersign,          Officer),
    step(S::UnderFinalReview,     A::RecommendRefusal,       S::Countersign,          Officer),
    step(S::UnderFinalReview,     A::StopClock,              S::UnderFinalReview,     Officer),
    step(S::UnderFinalReview,     A::ResumeClock,            S::UnderFinalReview,     Officer),
    step(S::UnderFinalReview,     A::Reassign,               S::UnderFinalReview,     SeniorOfficer),
    step(S::UnderFinalReview,     A::Withdraw,               S::Withdrawn,            Exporter),
    depending(S::Countersign,     A::Countersign,            S::Countersign,          SIGNERS, When::MoreToCome),
    depending(S::Countersign,     A::Countersign,            S::Approved,             SIGNERS, When::Last),
    depending(S::Countersign,     A::ConfirmRefusal,         S::Countersign,          SIGNERS, When::MoreToCome),
    depending(S::Countersign,     A::ConfirmRefusal,         S::Refused,              SIGNERS, When::Last),
    step(S::Countersign,          A::SendBack,               S::UnderFinalReview,     SeniorOfficer),
    step(S::Countersign,          A::Withdraw,               S::Withdrawn,            Exporter),
    step(S::Refused,              A::RequestReconsideration, S::UnderReconsideration, Exporter),
    step(S::UnderReconsideration, A::BeginReview,            S::UnderReview,          Officer),
];

/// What takes the last step back: a second person does.
#[rustfmt::skip]
const UNDOING: &[(StateName, ActionName, StateName)] = &[
    (S::UnderReview,      A::BeginReview,       S::Accepted),
    (S::UnderReview,      A::BeginReview,       S::UnderReconsideration),
    (S::UnderReview,      A::Recall,            S::AgencyAdvice),
    (S::UnderReview,      A::StopClock,         S::UnderReview),
    (S::UnderReview,      A::ResumeClock,       S::UnderReview),
    (S::AgencyAdvice,     A::AskAgency,         S::UnderReview),
    (S::AgencyAdvice,     A::AskAgency,         S::UnderFinalReview),
    (S::AgencyAdvice,     A::AskAgency,         S::AgencyAdvice),
    (S::AgencyAdvice,     A::StopClock,         S::AgencyAdvice),
    (S::AgencyAdvice,     A::ResumeClock,       S::AgencyAdvice),
    (S::UnderFinalReview, A::BeginFinalReview,  S::UnderReview),
    (S::UnderFinalReview, A::SendBack,          S::Countersign),
    (S::UnderFinalReview, A::StopClock,         S::UnderFinalReview),
    (S::UnderFinalReview, A::ResumeClock,       S::UnderFinalReview),
    (S::Countersign,      A::RecommendApproval, S::UnderReview),
    (S::Countersign,      A::RecommendApproval, S::UnderFinalReview),
    (S::Countersign,      A::RecommendRefusal,  S::UnderReview),
    (S::Countersign,      A::RecommendRefusal,  S::UnderFinalReview),
    (S::Countersign,      A::Countersign,       S::Countersign),
    (S::Countersign,      A::ConfirmRefusal,    S::Countersign),
];

/// Whoever may sign; the order of the risk says whose turn it is.
const SIGNERS: &[Role] = &[Officer, SeniorOfficer];
const OFFICERS: &[Role] = &[Officer, SeniorOfficer];
const ALL_WHO_WORK: &[Role] = &[Officer, SeniorOfficer, AgencyAdviser];

const BEFORE_REVIEW: &[StateName] = &[S::Submitted, S::Accepted, S::UnderReconsideration];
const IN_REVIEW: &[StateName] = &[S::UnderReview, S::AgencyAdvice, S::UnderFinalReview];
const FROM_ACCEPTANCE: &[StateName] =
    &[S::Accepted, S::UnderReconsideration, S::UnderReview, S::AgencyAdvice, S::UnderFinalReview];
const FROM_ACCEPTANCE_TO_SIGNATURE: &[StateName] = &[
    S::Accepted,
    S::UnderReconsideration,
    S::UnderReview,
    S::AgencyAdvice,
    S::UnderFinalReview,
    S::Countersign,
];
const OPEN: &[StateName] = &[
    S::Submitted,
    S::Accepted,
    S::UnderReconsideration,
    S::UnderReview,
    S::AgencyAdvice,
    S::UnderFinalReview,
    S::Countersign,
];
const HANDED_IN: &[StateName] = &[
    S::Submitted,
    S::Accepted,
    S::UnderReconsideration,
    S::UnderReview,
    S::AgencyAdvice,
    S::UnderFinalReview,
    S::Countersign,
    S::Returned,
    S::Approved,
    S::Refused,
    S::Withdrawn,
];

/// What is done beside, and leaves a case where it stands.
#[rustfmt::skip]
const BESIDE: &[(ActionName, &[StateName], &[Role])] = &[
    (A::Assign,       BEFORE_REVIEW,                OFFICERS),
    (A::Route,        BEFORE_REVIEW,                &[]),
    (A::Move,         OPEN,                         OFFICERS),
    (A::RaiseFlag,    OPEN,                         ALL_WHO_WORK),
    (A::ClearFlag,    OPEN,                         ALL_WHO_WORK),
    (A::AskApplicant, FROM_ACCEPTANCE,              &[Officer]),
    (A::AnswerQuery,  FROM_ACCEPTANCE_TO_SIGNATURE, &[Exporter]),
    (A::CloseQuery,   FROM_ACCEPTANCE_TO_SIGNATURE, &[Officer]),
    (A::AskBack,      &[S::AgencyAdvice],           &[AgencyAdviser]),
    (A::AnswerAgency, IN_REVIEW,                    &[Officer]),
    (A::AttachCondition, IN_REVIEW,                 &[Officer, AgencyAdviser]),
    (A::RemoveCondition, IN_REVIEW,                 &[Officer, AgencyAdviser]),
    (A::Exempt,       IN_REVIEW,                    &[SeniorOfficer]),
    (A::Note,         HANDED_IN,                    ALL_WHO_WORK),
];

const fn rows() -> usize {
    let mut rows = STEPS.len() + UNDOING.len();
    let mut place = 0;
    while place < BESIDE.len() {
        rows += BESIDE[place].1.len();
        place += 1;
    }
    rows
}

const fn table() -> [Transition; rows()] {
    let mut all = [STEPS[0]; rows()];
    let (mut row, mut place) = (0, 0);
    while place < STEPS.len() {
        all[row] = STEPS[place];
        (row, place) = (row + 1, place + 1);
    }
    place = 0;
    while place < UNDOING.len() {
        let (from, undone, to) = UNDOING[place];
        all[row] = depending(from, A::Undo, to, &[SeniorOfficer], When::Undoes(undone));
        (row, place) = (row + 1, place + 1);
    }
    place = 0;
    while place < BESIDE.len() {
        let (action, states, by) = BESIDE[place];
        let mut state = 0;
        while state < states.len() {
            all[row] =
                Transition { from: states[state], action, to: states[state], by, when: None };
            (row, state) = (row + 1, state + 1);
        }
        place += 1;
    }
    all
}

const TABLE: [Transition; rows()] = table();

/// Everything that may happen to a case. What is not here may not happen.
pub const TRANSITIONS: &[Transition] = &TABLE;

/// The step that an action of somebody is in the present state.
pub(super) fn find(case: &Case, action: &Action, actor: &Actor) -> Result<Transition, NotAllowed> {
    let (state, name) = (case.state.name(), action.name());
    let from_here = || TRANSITIONS.iter().filter(move |row| row.from == state);
    let mut candidates = from_here().filter(|row| row.action == name).peekable();
    if candidates.peek().is_none() {
        let possible = possible(state, &actor.roles());
        return Err(NotAllowed::NotInThisState { state, action: name, possible });
    }
    let last = guards::is_last(case, action, actor);
    let leads_there = |row: &&Transition| match row.when {
        None => true,
        Some(When::Last) => last,
        Some(When::MoreToCome) => !last,
        Some(When::Undoes(undone)) => guards::undone(case) == Some((undone, row.to)),
    };
    candidates.find(leads_there).copied().ok_or(NotAllowed::NothingToUndo)
}

/// What may be done in a state in one of these roles, each action once.
pub fn possible(state: StateName, roles: &[Role]) -> Vec<ActionName> {
    let mut possible: Vec<ActionName> = Vec::new();
    let theirs = |row: &&Transition| row.by.iter().any(|role| roles.contains(role));
    for row in TRANSITIONS.iter().filter(|row| row.from == state).filter(theirs) {
        if !possible.contains(&row.action) {
            possible.push(row.action);
        }
    }
    possible
}

impl State {
    /// The word for this state.
    pub const fn name(&self) -> StateName {
        match self {
            Self::Draft => S::Draft,
            Self::Submitted { .. } => S::Submitted,
            Self::Accepted { .. } => S::Accepted,
            Self::UnderReview { .. } => S::UnderReview,
            Self::AgencyAdvice { .. } => S::AgencyAdvice,
            Self::UnderFinalReview { .. } => S::UnderFinalReview,
            Self::Countersign { .. } => S::Countersign,
            Self::Approved { .. } => S::Approved,
            Self::Refused { .. } => S::Refused,
            Self::Returned => S::Returned,
            Self::Withdrawn => S::Withdrawn,
            Self::UnderReconsideration { .. } => S::UnderReconsideration,
        }
    }
}

impl Action {
    /// The word for this action.
    pub const fn name(&self) -> ActionName {
        match self {
            Self::Submit => A::Submit,
            Self::Withdraw => A::Withdraw,
            Self::Accept => A::Accept,
            Self::DeemAccepted => A::DeemAccepted,
            Self::Return { .. } => A::Return,
            Self::BeginReview => A::BeginReview,
            Self::Reassign { .. } => A::Reassign,
            Self::AskAgency { .. } => A::AskAgency,
            Self::Recall => A::Recall,
            Self::Advise { .. } => A::Advise,
            Self::BeginFinalReview => A::BeginFinalReview,
            Self::StopClock { .. } => A::StopClock,
            Self::ResumeClock => A::ResumeClock,
            Self::RecommendApproval { .. } => A::RecommendApproval,
            Self::RecommendRefusal { .. } => A::RecommendRefusal,
            Self::Countersign { .. } => A::Countersign,
            Self::ConfirmRefusal => A::ConfirmRefusal,
            Self::SendBack { .. } => A::SendBack,
            Self::RequestReconsideration { .. } => A::RequestReconsideration,
            Self::Assign { .. } => A::Assign,
            Self::Route { .. } => A::Route,
            Self::Move { .. } => A::Move,
            Self::RaiseFlag { .. } => A::RaiseFlag,
            Self::ClearFlag { .. } => A::ClearFlag,
            Self::AskApplicant { .. } => A::AskApplicant,
            Self::AnswerQuery { .. } => A::AnswerQuery,
            Self::CloseQuery { .. } => A::CloseQuery,
            Self::AskBack { .. } => A::AskBack,
            Self::AnswerAgency { .. } => A::AnswerAgency,
            Self::Note { .. } => A::Note,
            Self::AttachCondition { .. } => A::AttachCondition,
            Self::RemoveCondition { .. } => A::RemoveCondition,
            Self::Exempt { .. } => A::Exempt,
            Self::Undo { .. } => A::Undo,
        }
    }
}
