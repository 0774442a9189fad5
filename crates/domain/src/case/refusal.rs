//! Why something may not be done.

use super::{ActionName, Slug, StateName};
use crate::{codes::Role, licence::CONDITIONS_AT_MOST, regime::ClockStop};

/// Why something may not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Not in this state.
    #[error("{action} is not possible while the case is {state}")]
    NotInThisState {
        /// Where it stands.
        state: StateName,
        /// What was wanted.
        action: ActionName,
        /// What is possible instead.
        possible: Vec<ActionName>,
    },
    /// Not in this role.
    #[error("{action} is for {}", spoken(needs))]
    WrongRole {
        /// What was wanted.
        action: ActionName,
        /// The roles that may; none when only the law does it.
        needs: &'static [Role],
    },
    /// Only the applicant may do this.
    #[error("only the applicant may do this")]
    NotTheApplicant,
    /// Officials keep away from applications of their own organisation.
    #[error("nobody decides on an application of an organisation they belong to")]
    OwnOrganisation,
    /// Whoever wrote it does not decide on it.
    #[error("nobody decides on an application they prepared")]
    OwnApplication,
    /// Four eyes.
    #[error("whoever recommended cannot confirm the recommendation")]
    SamePerson,
    /// A reconsideration is for others.
    #[error("whoever took part in the first decision takes no part in the reconsideration")]
    DecidedBefore,
    /// Somebody else examines this case.
    #[error("only the reviewing officer may do this")]
    NotTheReviewer,
    /// The recommendation says the opposite.
    #[error("the recommendation is the opposite: confirm it, or send it back")]
    RecommendationDiffers,
    /// The clock is already stopped.
    #[error("the clock is stopped for {0}")]
    ClockStopped(ClockStop),
    /// The clock is not stopped.
    #[error("the clock is not stopped")]
    ClockRuns,
    /// The officer is not impartial.
    #[error("this person has a conflict of interest in this case")]
    Conflicted,
    /// The officer is away.
    #[error("this person is absent")]
    Absent,
    /// Somebody else was told to examine it.
    #[error("it is assigned to somebody else")]
    AssignedToAnother,
    /// Only a senior officer says what others do.
    #[error("an officer assigns a case only to themselves")]
    AssignsOthers,
    /// A second signature takes a second person.
    #[error("this person has signed already")]
    SignedAlready,
    /// The signature that is due takes another role.
    #[error("the signature that is due is for the role {needs}")]
    SignatureOfAnotherRole {
        /// Which.
        needs: Role,
    },
    /// Something must be settled first.
    #[error("these flags block a decision: {}", listed(.0))]
    Blocked(Vec<Slug>),
    /// The flag is up.
    #[error("the flag {0} is raised already")]
    FlagIsRaised(Slug),
    /// There is no such flag.
    #[error("the flag {0} is not raised")]
    FlagIsNotRaised(Slug),
    /// What an agency put there, it removes itself.
    #[error("only the agency that put it there may remove it")]
    OfAnotherAgency,
    /// There is no such condition.
    #[error("there is no condition {0}")]
    NoSuchCondition(u16),
    /// A licence has only so many conditions.
    #[error("a licence has at most {CONDITIONS_AT_MOST} conditions")]
    TooManyConditions,
    /// There is no such question.
    #[error("there is no such question")]
    NoSuchQuery,
    /// The question is answered or closed.
    #[error("the question is {0}")]
    QueryIs(&'static str),
    /// The agency was not asked, or has answered.
    #[error("this agency is not asked for advice")]
    NotAsked,
    /// The agency is asked, and has not answered.
    #[error("this agency is asked already")]
    AskedAlready,
    /// The last step is none that can be taken back.
    #[error("there is no step that can be taken back: what was told the applicant stands")]
    NothingToUndo,
    /// Undoing takes a second person.
    #[error("whoever took the step does not take it back")]
    OwnStep,
    /// It is in that queue.
    #[error("it is in that queue already")]
    SameQueue,
}

fn spoken(roles: &[Role]) -> String {
    if roles.is_empty() {
        return "the law".to_owned();
    }
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    format!("the role {}", names.join(" or "))
}

fn listed(codes: &[Slug]) -> String {
    codes.iter().map(Slug::as_str).collect::<Vec<_>>().join(", ")
}

impl NotAllowed {
    /// A stable word for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotInThisState { .. } => "not_in_this_state",
            Self::WrongRole { .. } => "wrong_role",
            Self::NotTheApplicant => "not_the_applicant",
            Self::OwnOrganisation => "own_organisation",
            Self::OwnApplication => "own_application",
            Self::SamePerson => "four_eyes",
            Self::DecidedBefore => "decided_before",
            Self::NotTheReviewer => "not_the_reviewer",
            Self::RecommendationDiffers => "recommendation_differs",
            Self::ClockStopped(_) => "clock_stopped",
            Self::ClockRuns => "clock_runs",
            Self::Conflicted => "conflict_of_interest",
            Self::Absent => "absent",
            Self::AssignedToAnother => "assigned_to_another",
            Self::AssignsOthers => "assigns_others",
            Self::SignedAlready => "signed_already",
            Self::SignatureOfAnotherRole { .. } => "signature_of_another_role",
            Self::Blocked(_) => "blocked_by_flags",
            Self::FlagIsRaised(_) => "flag_is_raised",
            Self::FlagIsNotRaised(_) => "flag_is_not_raised",
            Self::OfAnotherAgency => "of_another_agency",
            Self::NoSuchCondition(_) => "no_such_condition",
            Self::TooManyConditions => "too_many_conditions",
            Self::NoSuchQuery => "no_such_query",
            Self::QueryIs(_) => "query_is_settled",
            Self::NotAsked => "not_asked",
            Self::AskedAlready => "asked_already",
            Self::NothingToUndo => "nothing_to_undo",
            Self::OwnStep => "own_step",
            Self::SameQueue => "same_queue",
        }
    }
}
