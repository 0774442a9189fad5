//! What may happen to a case: the table.

use super::{Action, NotAllowed, State};
use crate::codes::{Role, words};
use serde::Serialize;

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
    /// In which role; none when only the passing of time does it.
    pub by: Option<Role>,
}

const fn step(from: StateName, action: ActionName, to: StateName, by: Role) -> Transition {
    Transition { from, action, to, by: Some(by) }
}

use ActionName as A;
use Role::{AgencyAdviser, Exporter, Officer, SeniorOfficer};
use StateName as S;

/// Everything that may happen to a case. What is not here may not happen.
#[rustfmt::skip]
pub const TRANSITIONS: &[Transition] = &[
    step(S::Draft,                A::Submit,                 S::Submitted,            Exporter),
    step(S::Draft,                A::Withdraw,               S::Withdrawn,            Exporter),
    step(S::Submitted,            A::Accept,                 S::Accepted,             Officer),
    Transition { from: S::Submitted, action: A::DeemAccepted, to: S::Accepted, by: None },
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
    step(S::AgencyAdvice,         A::Advise,                 S::UnderFinalReview,     AgencyAdviser),
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
    step(S::Countersign,          A::Countersign,            S::Approved,             SeniorOfficer),
    step(S::Countersign,          A::ConfirmRefusal,         S::Refused,              SeniorOfficer),
    step(S::Countersign,          A::SendBack,               S::UnderFinalReview,     SeniorOfficer),
    step(S::Countersign,          A::Withdraw,               S::Withdrawn,            Exporter),
    step(S::Refused,              A::RequestReconsideration, S::UnderReconsideration, Exporter),
    step(S::UnderReconsideration, A::BeginReview,            S::UnderReview,          Officer),
];

/// The step that an action is in a state.
pub(super) fn find(state: StateName, action: ActionName) -> Result<Transition, NotAllowed> {
    let from_here = || TRANSITIONS.iter().filter(move |row| row.from == state);
    from_here().find(|row| row.action == action).copied().ok_or_else(|| {
        NotAllowed::NotInThisState {
            state,
            action,
            possible: from_here().map(|row| row.action).collect(),
        }
    })
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
        }
    }
}
