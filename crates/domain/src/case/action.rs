//! What somebody does with a case.

use super::{
    Slug, StateName,
    advice::{Advice, AdviceLevel},
    state::RefusalReason,
};
use crate::{
    codes::Role,
    ids::{CaseId, LicenceId, OrganisationId, PersonId, QueryId},
    licence::Condition,
    regime::{ClockExemption, ClockStop, FlagEffect},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What somebody wants to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Hand it in.
    Submit,
    /// Take it back.
    Withdraw,
    /// Take it on: the papers are complete.
    Accept,
    /// The time to say what is missing has passed: it counts as accepted.
    DeemAccepted,
    /// Say once what is missing.
    Return {
        /// What is missing.
        missing: Vec<String>,
    },
    /// Begin to examine it.
    BeginReview,
    /// Give it to another officer.
    Reassign {
        /// To whom.
        reviewer: PersonId,
    },
    /// Ask another agency.
    AskAgency {
        /// Which.
        agency: OrganisationId,
        /// What.
        question: String,
    },
    /// Go on without the agency's answer.
    Recall,
    /// Answer the authority's question.
    Advise {
        /// What the agency says.
        advice: Advice,
        /// Whether the agency says so or one of its advisers.
        #[serde(default)]
        level: AdviceLevel,
        /// In words.
        note: String,
    },
    /// All advice is in.
    BeginFinalReview,
    /// Stop the clock for a cause that the law names.
    StopClock {
        /// Which.
        cause: ClockStop,
    },
    /// The cause is gone.
    ResumeClock,
    /// Recommend that the licence be issued.
    RecommendApproval {
        /// Why, for the second person.
        note: String,
        /// What customs shall check by machine besides what is attached already.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        conditions: Vec<Condition>,
    },
    /// Recommend that it be refused.
    RecommendRefusal {
        /// Why.
        reason: RefusalReason,
        /// In words, for the second person and the applicant.
        note: String,
    },
    /// Agree, and so issue the licence.
    Countersign {
        /// The licence that comes into being.
        licence: LicenceId,
    },
    /// Agree, and so refuse.
    ConfirmRefusal,
    /// Disagree: the officer looks again.
    SendBack {
        /// Why.
        note: String,
    },
    /// Ask for a second look at a refusal.
    RequestReconsideration {
        /// Why.
        grounds: String,
    },
    /// Say who shall examine it.
    Assign {
        /// Who.
        officer: PersonId,
    },
    /// Bring it into the queue that a routing rule names.
    Route {
        /// Which queue.
        queue: Slug,
        /// The rule that said so; none when no rule did and the rest has a queue.
        rule: Option<Slug>,
        /// The version of the rules.
        routing_version: u32,
        /// Flags that the rule raises.
        flags: Vec<RaisedFlag>,
    },
    /// Bring it into another queue by hand.
    Move {
        /// Which.
        queue: Slug,
        /// Why.
        reason: String,
    },
    /// Mark it.
    RaiseFlag {
        /// As what.
        #[serde(flatten)]
        flag: RaisedFlag,
        /// Why.
        note: String,
    },
    /// What it was marked for is settled.
    ClearFlag {
        /// Which mark.
        flag: Slug,
        /// How it was settled.
        note: String,
    },
    /// Ask the applicant. The clock goes on.
    AskApplicant {
        /// The question's own id.
        query: QueryId,
        /// What.
        question: String,
    },
    /// Answer a question.
    AnswerQuery {
        /// Which.
        query: QueryId,
        /// In words.
        answer: String,
    },
    /// The question is settled.
    CloseQuery {
        /// Which.
        query: QueryId,
    },
    /// An agency that is asked asks the department back.
    AskBack {
        /// The question's own id.
        query: QueryId,
        /// What.
        question: String,
    },
    /// Answer what an agency asked back.
    AnswerAgency {
        /// Which question.
        query: QueryId,
        /// In words.
        answer: String,
    },
    /// Write something down for the next officer.
    Note {
        /// What.
        text: String,
    },
    /// Put a condition on the licence that it may become.
    AttachCondition {
        /// What customs shall check; its author is the agency, its number is given to it.
        condition: Condition,
    },
    /// Take a condition away.
    RemoveCondition {
        /// Which.
        number: u16,
    },
    /// It is of a kind that the law sets no limit for.
    Exempt {
        /// Which kind.
        exemption: ClockExemption,
        /// Why, in words.
        note: String,
    },
    /// Take back the last step.
    Undo {
        /// Why.
        reason: String,
    },
}

/// A flag as it is raised, with what it does according to the law of that day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaisedFlag {
    /// Which.
    pub flag: Slug,
    /// What it does.
    pub effect: FlagEffect,
}

/// Who acts: a person in the roles held now, or the law by the passing of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person, whatever account or key was used.
    Person {
        /// Who.
        person: PersonId,
        /// The organisation acted for.
        organisation: OrganisationId,
        /// Every role the person holds in the organisation acted for.
        roles: BTreeSet<Role>,
        /// Every organisation the person belongs to.
        organisations: BTreeSet<OrganisationId>,
    },
    /// Nobody: a deadline passed.
    Law,
}

impl Actor {
    /// The person, if it is one.
    pub const fn person(&self) -> Option<PersonId> {
        match self {
            Self::Person { person, .. } => Some(*person),
            Self::Law => None,
        }
    }

    /// The organisation acted for, if a person acts.
    pub const fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::Person { organisation, .. } => Some(*organisation),
            Self::Law => None,
        }
    }

    /// The roles acted in; none when the law acts.
    pub fn roles(&self) -> Vec<Role> {
        match self {
            Self::Person { roles, .. } => roles.iter().copied().collect(),
            Self::Law => Vec::new(),
        }
    }

    /// Whether a person acts who holds the role.
    pub fn holds(&self, role: Role) -> bool {
        matches!(self, Self::Person { roles, .. } if roles.contains(&role))
    }
}

/// What happened to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseEvent {
    /// To which.
    pub case: CaseId,
    /// What.
    pub action: Action,
    /// Where it stands now.
    pub state: StateName,
    /// By whom; nobody when the law did it.
    pub person: Option<PersonId>,
    /// When.
    pub on: Date,
}
