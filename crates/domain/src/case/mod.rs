//! The life of an application: who may decide what, and what follows.
//!
//! [`Case::decide`] is the whole law of the workflow. It reads no clock, touches no database and
//! sends nothing: it answers, and the caller stores the answer. [`TRANSITIONS`] is the one table
//! of what may happen; it decides, it is published, and the snapshot test prints it.

mod clock;
mod guards;
mod table;
#[cfg(test)]
mod tests;

pub use clock::{Acceptance, Clock, ClockEvent, NoLimit, Pause, acceptance, decision_clock};
pub use table::{ActionName, StateName, TRANSITIONS, Transition};

use crate::{
    codes::{Role, words},
    ids::{CaseId, LicenceId, OrganisationId, PersonId},
    licence::Condition,
    regime::ClockStop,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

words! {
    /// Why an application is refused: the factors of Export Control Law, article 13.
    RefusalReason {
        /// National security and interests.
        NationalSecurity = "national_security",
        /// International obligations.
        InternationalObligations = "international_obligations",
        /// The type of export.
        ExportType = "export_type",
        /// The sensitivity of the items.
        Sensitivity = "sensitivity",
        /// The destination country or region.
        Destination = "destination",
        /// The end user or the end use.
        EndUserOrEndUse = "end_user_or_end_use",
        /// The exporter's credit record.
        ExporterCreditRecord = "exporter_credit_record",
        /// Another factor provided by law.
        OtherByLaw = "other_by_law",
    }
}

words! {
    /// What an agency advises.
    Advice {
        /// No objection.
        Approve = "approve",
        /// No objection on a condition.
        Proviso = "proviso",
        /// Objection.
        Refuse = "refuse",
        /// The goods need no licence.
        NoLicenceRequired = "no_licence_required",
    }
}

/// What the reviewing officer recommends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recommendation {
    /// Issue the licence.
    Approve,
    /// Refuse, for this reason.
    Refuse(RefusalReason),
}

/// Two different persons: the one who recommended and the one who confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourEyes {
    /// Who recommended.
    recommended_by: PersonId,
    /// Who confirmed; never the same person.
    confirmed_by: PersonId,
}

impl FourEyes {
    /// Two persons, if they are two.
    pub fn new(recommended_by: PersonId, confirmed_by: PersonId) -> Option<Self> {
        (recommended_by != confirmed_by).then_some(Self { recommended_by, confirmed_by })
    }

    /// Who recommended.
    pub const fn recommended_by(self) -> PersonId {
        self.recommended_by
    }

    /// Who confirmed.
    pub const fn confirmed_by(self) -> PersonId {
        self.confirmed_by
    }
}

/// Where an application stands, with what only that state knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The applicant is writing it.
    Draft,
    /// It waits to be accepted (受理).
    Submitted {
        /// The day it came in.
        on: Date,
    },
    /// Its papers are complete; the clock runs.
    Accepted {
        /// The day that counts as acceptance.
        on: Date,
    },
    /// An officer examines it.
    UnderReview {
        /// The day that counts as acceptance.
        accepted_on: Date,
        /// Who examines it.
        reviewer: PersonId,
    },
    /// Another agency was asked.
    AgencyAdvice {
        /// The day that counts as acceptance.
        accepted_on: Date,
        /// Who examines it.
        reviewer: PersonId,
    },
    /// All advice is in.
    UnderFinalReview {
        /// The day that counts as acceptance.
        accepted_on: Date,
        /// Who examines it.
        reviewer: PersonId,
    },
    /// It waits for a second person.
    Countersign {
        /// The day that counts as acceptance.
        accepted_on: Date,
        /// Who examined it and recommended.
        reviewer: PersonId,
        /// What was recommended.
        recommendation: Recommendation,
    },
    /// A licence was issued.
    Approved {
        /// Which.
        licence: LicenceId,
        /// By whom.
        decided_by: FourEyes,
    },
    /// No licence.
    Refused {
        /// Why.
        reason: RefusalReason,
        /// By whom.
        decided_by: FourEyes,
    },
    /// The applicant was told once what is missing.
    Returned,
    /// The applicant took it back.
    Withdrawn,
    /// The applicant asked for a second look at a refusal.
    UnderReconsideration {
        /// Why it was refused.
        refused_for: RefusalReason,
    },
}

/// An application, as far as its life is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Which.
    pub id: CaseId,
    /// The applicant.
    pub organisation: OrganisationId,
    /// Whoever wrote or submitted it: they never decide on it.
    pub prepared_by: BTreeSet<PersonId>,
    /// Whoever took part in an earlier decision on it: a reconsideration is for others.
    pub decided_before: BTreeSet<PersonId>,
    /// The cause that has stopped the clock, while it is stopped.
    pub clock_stopped_for: Option<ClockStop>,
    /// Where it stands.
    pub state: State,
}

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
        /// What customs shall check by machine.
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
}

/// Who acts: a person in the roles held now, or the law by the passing of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person, whatever account or key was used.
    Person {
        /// Who.
        person: PersonId,
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
    #[error("{action} is for the role {}", needs.map_or("law", Role::as_str))]
    WrongRole {
        /// What was wanted.
        action: ActionName,
        /// The role it takes; none when only the law does it.
        needs: Option<Role>,
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
        }
    }
}

impl Case {
    /// Takes an action: the case as it now stands, and what happened.
    pub fn decide(
        mut self,
        action: Action,
        actor: &Actor,
        on: Date,
    ) -> Result<(Self, CaseEvent), NotAllowed> {
        let transition = table::find(self.state.name(), action.name())?;
        guards::check(&self, &action, actor, transition)?;
        self.take_part(&action, actor.person());
        self.state = follow(self.state, &action, actor, transition, on);
        let (case, state, person) = (self.id, self.state.name(), actor.person());
        Ok((self, CaseEvent { case, action, state, person, on }))
    }

    /// Notes what the action means for everybody's further part, beyond the state itself.
    fn take_part(&mut self, action: &Action, person: Option<PersonId>) {
        match action {
            Action::Submit => self.prepared_by.extend(person),
            Action::StopClock { cause } => self.clock_stopped_for = Some(*cause),
            Action::ResumeClock => self.clock_stopped_for = None,
            Action::RequestReconsideration { .. } => {
                if let State::Refused { decided_by, .. } = &self.state {
                    let both = [decided_by.recommended_by, decided_by.confirmed_by];
                    self.decided_before.extend(both);
                }
            }
            _ => {}
        }
    }
}

/// The next state. The table has allowed the step and the guards have let it pass, so whatever
/// does not change what a state knows falls through to the state as it was.
fn follow(state: State, action: &Action, actor: &Actor, to: Transition, on: Date) -> State {
    let acting = actor.person();
    match (state, action, acting) {
        (_, Action::Submit, _) => State::Submitted { on },
        (_, Action::Withdraw, _) => State::Withdrawn,
        (_, Action::Return { .. }, _) => State::Returned,
        (_, Action::Accept, _) => State::Accepted { on },
        // The law counts the day it was handed in, not the day that somebody noticed.
        (State::Submitted { on: submitted }, Action::DeemAccepted, _) => {
            State::Accepted { on: submitted }
        }
        (State::Accepted { on: accepted_on }, Action::BeginReview, Some(reviewer)) => {
            State::UnderReview { accepted_on, reviewer }
        }
        (State::UnderReconsideration { .. }, Action::BeginReview, Some(reviewer)) => {
            State::UnderReview { accepted_on: on, reviewer }
        }
        (
            State::Countersign { reviewer, recommendation: Recommendation::Approve, .. },
            Action::Countersign { licence },
            Some(second),
        ) => {
            let decided_by = FourEyes { recommended_by: reviewer, confirmed_by: second };
            State::Approved { licence: *licence, decided_by }
        }
        (
            State::Countersign { reviewer, recommendation: Recommendation::Refuse(reason), .. },
            Action::ConfirmRefusal,
            Some(second),
        ) => {
            let decided_by = FourEyes { recommended_by: reviewer, confirmed_by: second };
            State::Refused { reason, decided_by }
        }
        (State::Refused { reason, .. }, Action::RequestReconsideration { .. }, _) => {
            State::UnderReconsideration { refused_for: reason }
        }
        (state, action, _) => reviewed(state, action, to),
    }
}

/// The states that share a reviewer and the day of acceptance.
fn reviewed(state: State, action: &Action, to: Transition) -> State {
    let (accepted_on, reviewer) = match state {
        State::UnderReview { accepted_on, reviewer }
        | State::AgencyAdvice { accepted_on, reviewer }
        | State::UnderFinalReview { accepted_on, reviewer }
        | State::Countersign { accepted_on, reviewer, .. } => (accepted_on, reviewer),
        other => return other,
    };
    let reviewer = if let Action::Reassign { reviewer } = action { *reviewer } else { reviewer };
    match (to.to, action) {
        (StateName::AgencyAdvice, _) => State::AgencyAdvice { accepted_on, reviewer },
        (StateName::UnderFinalReview, _) => State::UnderFinalReview { accepted_on, reviewer },
        (StateName::Countersign, Action::RecommendRefusal { reason, .. }) => {
            let recommendation = Recommendation::Refuse(*reason);
            State::Countersign { accepted_on, reviewer, recommendation }
        }
        (StateName::Countersign, _) => {
            let recommendation = Recommendation::Approve;
            State::Countersign { accepted_on, reviewer, recommendation }
        }
        _ => State::UnderReview { accepted_on, reviewer },
    }
}
