//! Who may not, although the step is possible.

use super::{Action, Actor, Case, NotAllowed, Recommendation, State, Transition};
use crate::{codes::Role, ids::PersonId};

pub(super) fn check(
    case: &Case,
    action: &Action,
    actor: &Actor,
    step: Transition,
) -> Result<(), NotAllowed> {
    let needs = step.by;
    let (person, organisations) = match (actor, needs) {
        (Actor::Law, None) => return Ok(()),
        (Actor::Person { person, roles, organisations }, Some(role)) if roles.contains(&role) => {
            (*person, organisations)
        }
        _ => return Err(NotAllowed::WrongRole { action: step.action, needs }),
    };
    let of_the_applicant = organisations.contains(&case.organisation);
    if needs == Some(Role::Exporter) {
        return if of_the_applicant { Ok(()) } else { Err(NotAllowed::NotTheApplicant) };
    }
    if of_the_applicant {
        return Err(NotAllowed::OwnOrganisation);
    }
    if case.prepared_by.contains(&person) {
        return Err(NotAllowed::OwnApplication);
    }
    check_official(case, action, person)
}

fn check_official(case: &Case, action: &Action, person: PersonId) -> Result<(), NotAllowed> {
    let reviewer = match &case.state {
        State::UnderReview { reviewer, .. }
        | State::AgencyAdvice { reviewer, .. }
        | State::UnderFinalReview { reviewer, .. }
        | State::Countersign { reviewer, .. } => Some(*reviewer),
        _ => None,
    };
    let of_the_reviewer =
        || if reviewer == Some(person) { Ok(()) } else { Err(NotAllowed::NotTheReviewer) };
    let of_somebody_new = |person: &PersonId| {
        if case.decided_before.contains(person) { Err(NotAllowed::DecidedBefore) } else { Ok(()) }
    };
    let clock_runs = || match case.clock_stopped_for {
        Some(stopped_for) => Err(NotAllowed::ClockStopped(stopped_for)),
        None => Ok(()),
    };
    match action {
        Action::BeginReview => of_somebody_new(&person),
        Action::Reassign { reviewer } => of_somebody_new(reviewer),
        Action::AskAgency { .. } | Action::Recall | Action::BeginFinalReview => of_the_reviewer(),
        Action::StopClock { .. } => of_the_reviewer().and_then(|()| clock_runs()),
        Action::ResumeClock => {
            of_the_reviewer()?;
            case.clock_stopped_for.map(drop).ok_or(NotAllowed::ClockRuns)
        }
        Action::RecommendApproval { .. } | Action::RecommendRefusal { .. } => {
            of_the_reviewer()?;
            clock_runs()
        }
        Action::Countersign { .. } | Action::ConfirmRefusal | Action::SendBack { .. } => {
            of_somebody_new(&person)?;
            if reviewer == Some(person) {
                return Err(NotAllowed::SamePerson);
            }
            same_direction(case, action)
        }
        _ => Ok(()),
    }
}

fn same_direction(case: &Case, action: &Action) -> Result<(), NotAllowed> {
    let State::Countersign { recommendation, .. } = &case.state else { return Ok(()) };
    match (recommendation, action) {
        (Recommendation::Refuse(_), Action::Countersign { .. })
        | (Recommendation::Approve, Action::ConfirmRefusal) => {
            Err(NotAllowed::RecommendationDiffers)
        }
        _ => Ok(()),
    }
}
