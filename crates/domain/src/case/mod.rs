//! The life of an application: who may decide what, and what follows.
//!
//! [`Case::decide`] is the whole law of the workflow. It reads no clock, touches no database and
//! sends nothing: it answers, and the caller stores the answer. [`TRANSITIONS`] is the one table
//! of what may happen; it decides, it is published, and the snapshot test prints it.

mod action;
mod advice;
mod clock;
mod forecast;
mod guards;
mod order;
mod refusal;
mod routing;
mod slug;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod times;
mod work;

pub use action::{Action, Actor, CaseEvent, RaisedFlag};
pub use advice::{Advice, AdviceConflict, AdviceLevel, GivenAdvice, advice_conflicts};
pub use clock::{Acceptance, Clock, ClockEvent, NoLimit, Pause, acceptance, decision_clock};
pub use forecast::{CASES_NEEDED, Forecast, expected};
pub use order::{CountersignOrder, RiskGrade};
pub use refusal::NotAllowed;
pub use routing::{
    Repeat, Routed, RoutingFacts, RoutingRule, RoutingRules, RoutingWhen, ShippedQueue,
    ShippedRouting, ShippedTeam, routing_faults, shipped_routing,
};
pub use slug::{NoSlug, Slug};
pub use state::{FourEyes, Recommendation, RefusalReason, State};
pub use table::{ActionName, StateName, TRANSITIONS, Transition, When, possible};
pub use times::{DecidedCase, Quarter, Times, TimesCell, processing_times};
pub use work::{AskedAgency, AskedBack, Flag, Note, Query, TakenStep, Undoable, Work};

use crate::ids::{CaseId, OrganisationId, PersonId};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// An application, as far as its life is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Which.
    pub id: CaseId,
    /// The applicant.
    pub organisation: OrganisationId,
    /// How often it was changed.
    pub version: u32,
    /// Where it stands.
    pub state: State,
    /// What was done with it beside that.
    pub work: Work,
    /// Who signs a decision on it.
    pub order: CountersignOrder,
    /// Officials who are not impartial in it.
    pub conflicted: BTreeSet<PersonId>,
    /// Officials who are away today.
    pub absent: BTreeSet<PersonId>,
}

impl Case {
    /// Takes an action: the case as it now stands, and what happened.
    pub fn decide(
        self,
        action: Action,
        actor: &Actor,
        on: Date,
    ) -> Result<(Self, CaseEvent), NotAllowed> {
        let transition = table::find(&self, &action, actor)?;
        guards::check(&self, &action, actor, transition)?;
        let (person, agency, version) = (actor.person(), actor.organisation(), self.version + 1);
        let step = TakenStep { action: &action, person, agency, on, version };
        let case = self.after(step, transition.to);
        let (id, state) = (case.id, case.state.name());
        Ok((case, CaseEvent { case: id, action, state, person, on }))
    }

    /// The case after a step that leads to a state.
    fn after(mut self, step: TakenStep<'_>, to: StateName) -> Self {
        let before = self.state;
        self.state = match (&before, step.action, self.work.undoable.last()) {
            (_, Action::Undo { .. }, Some(undone)) => undone.before.clone(),
            _ => follow(before.clone(), step, to),
        };
        self.work.note(&before, step);
        if work::has_decided(self.state.name()) {
            self.work.undoable.clear();
        }
        self.version = step.version;
        self
    }

    /// Notes a step that was read back: one that was possible when it was taken.
    #[must_use]
    pub fn read_back(self, step: TakenStep<'_>, to: StateName) -> Self {
        self.after(step, to)
    }
}

/// What applicants hear of a step that is the officers' own and moves the case on.
pub const MOVED_ON: &str = "moved_on";

impl CaseEvent {
    /// Whether the applicant is told: of what happens to the application and of decisions, not of
    /// what officials note, suspect, recommend or sign one after the other.
    pub const fn is_told_to_the_applicant(&self) -> bool {
        self.action.name().is_told_to_the_applicant() || self.is_decision()
    }

    /// Whether it was decided by this.
    pub const fn is_decision(&self) -> bool {
        work::has_decided(self.state)
            && matches!(self.action, Action::Countersign { .. } | Action::ConfirmRefusal)
    }
}

/// The next state. The table has allowed the step and the guards have let it pass, so whatever
/// does not change what a state knows falls through to the state as it was. Two persons are told
/// apart by the guards; were they one, nothing would be decided.
fn follow(state: State, step: TakenStep<'_>, to: StateName) -> State {
    let on = step.on;
    match (state, step.action, step.person) {
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
        ) if to == StateName::Approved => FourEyes::new(reviewer, second)
            .map_or(State::UnderFinalReview { accepted_on: on, reviewer }, |decided_by| {
                State::Approved { licence: *licence, decided_by }
            }),
        (
            State::Countersign { reviewer, recommendation: Recommendation::Refuse(reason), .. },
            Action::ConfirmRefusal,
            Some(second),
        ) if to == StateName::Refused => FourEyes::new(reviewer, second)
            .map_or(State::UnderFinalReview { accepted_on: on, reviewer }, |decided_by| {
                State::Refused { reason, decided_by }
            }),
        (State::Refused { reason, .. }, Action::RequestReconsideration { .. }, _) => {
            State::UnderReconsideration { refused_for: reason }
        }
        (state, action, _) => reviewed(state, action, to),
    }
}

/// The states that share a reviewer and the day of acceptance.
fn reviewed(state: State, action: &Action, to: StateName) -> State {
    if state.name() == to && !matches!(action, Action::Reassign { .. }) {
        return state;
    }
    let (accepted_on, reviewer) = match state {
        State::UnderReview { accepted_on, reviewer }
        | State::AgencyAdvice { accepted_on, reviewer }
        | State::UnderFinalReview { accepted_on, reviewer }
        | State::Countersign { accepted_on, reviewer, .. } => (accepted_on, reviewer),
        other => return other,
    };
    let reviewer = if let Action::Reassign { reviewer } = action { *reviewer } else { reviewer };
    match (to, action) {
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
