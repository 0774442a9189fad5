//! Who may not, although the step is possible.

use super::{
    Action, ActionName, Actor, AdviceLevel, Case, NotAllowed, Recommendation, State, Transition,
    work::Query,
};
use crate::{codes::Role, ids::PersonId, licence::CONDITIONS_AT_MOST};

pub(super) fn check(
    case: &Case,
    action: &Action,
    actor: &Actor,
    step: Transition,
) -> Result<(), NotAllowed> {
    let needs = step.by;
    let (person, organisations) = match actor {
        Actor::Law if needs.is_empty() => return Ok(()),
        Actor::Person { person, roles, organisations, .. }
            if needs.iter().any(|role| roles.contains(role)) =>
        {
            (*person, organisations)
        }
        _ => return Err(NotAllowed::WrongRole { action: step.action, needs }),
    };
    let of_the_applicant = organisations.contains(&case.organisation);
    if needs.contains(&Role::Exporter) {
        if !of_the_applicant {
            return Err(NotAllowed::NotTheApplicant);
        }
        return check_query(case, action);
    }
    if of_the_applicant {
        return Err(NotAllowed::OwnOrganisation);
    }
    if case.work.prepared_by.contains(&person) {
        return Err(NotAllowed::OwnApplication);
    }
    if case.conflicted.contains(&person) {
        return Err(NotAllowed::Conflicted);
    }
    check_official(case, action, actor, person)
}

fn check_official(
    case: &Case,
    action: &Action,
    actor: &Actor,
    person: PersonId,
) -> Result<(), NotAllowed> {
    let (work, reviewer) = (&case.work, case.state.reviewer());
    let of_the_reviewer =
        || if reviewer == Some(person) { Ok(()) } else { Err(NotAllowed::NotTheReviewer) };
    let clock_runs = || match work.clock_stopped_for {
        Some(stopped_for) => Err(NotAllowed::ClockStopped(stopped_for)),
        None => Ok(()),
    };
    match action {
        Action::Assign { officer } => {
            if *officer != person && !actor.holds(Role::SeniorOfficer) {
                return Err(NotAllowed::AssignsOthers);
            }
            can_take_over(case, *officer)
        }
        Action::BeginReview => {
            let for_another = work.assigned_to.is_some_and(|assigned| assigned != person);
            if for_another {
                return Err(NotAllowed::AssignedToAnother);
            }
            of_somebody_new(case, person)
        }
        Action::Reassign { reviewer } => can_take_over(case, *reviewer),
        Action::Recall | Action::BeginFinalReview => of_the_reviewer(),
        Action::AskAgency { agency, .. } => {
            of_the_reviewer()?;
            let asked = work.asked.iter().any(|asked| asked.agency == *agency);
            if asked { Err(NotAllowed::AskedAlready) } else { Ok(()) }
        }
        Action::Advise { .. } => {
            let asked = work.asked.iter().any(|asked| Some(asked.agency) == actor.organisation());
            if asked { Ok(()) } else { Err(NotAllowed::NotAsked) }
        }
        Action::AskBack { .. } => {
            let asked = work.asked.iter().any(|asked| Some(asked.agency) == actor.organisation());
            if asked { Ok(()) } else { Err(NotAllowed::NotAsked) }
        }
        Action::AnswerAgency { query, .. } => {
            of_the_reviewer()?;
            let asked = work.asked_back.iter().find(|asked| asked.id == *query);
            let asked = asked.ok_or(NotAllowed::NoSuchQuery)?;
            let open = asked.answer.is_none();
            open.then_some(()).ok_or(NotAllowed::QueryIs("answered"))
        }
        Action::StopClock { .. } => of_the_reviewer().and_then(|()| clock_runs()),
        Action::ResumeClock => {
            of_the_reviewer()?;
            work.clock_stopped_for.map(drop).ok_or(NotAllowed::ClockRuns)
        }
        Action::RecommendApproval { .. } | Action::RecommendRefusal { .. } => {
            of_the_reviewer()?;
            clock_runs()?;
            if let Action::RecommendApproval { conditions, .. } = action {
                fits(case, conditions.len())?;
            }
            nothing_blocks(case)
        }
        Action::Countersign { .. } | Action::ConfirmRefusal => {
            of_another_than_the_reviewer(case, person)?;
            same_direction(case, action)?;
            nothing_blocks(case)?;
            is_their_turn(case, actor, person)
        }
        Action::SendBack { .. } => of_another_than_the_reviewer(case, person),
        Action::Undo { .. } => {
            let undone = work.undoable.last().ok_or(NotAllowed::NothingToUndo)?;
            if undone.person == person {
                return Err(NotAllowed::OwnStep);
            }
            of_somebody_new(case, person)
        }
        _ => check_beside(case, action, actor, reviewer.is_none_or(|reviewer| reviewer == person)),
    }
}

/// What leaves a case where it stands. Questions to the applicant are the reviewer's, where there
/// is one.
fn check_beside(
    case: &Case,
    action: &Action,
    actor: &Actor,
    is_the_reviewer: bool,
) -> Result<(), NotAllowed> {
    match action {
        Action::Move { queue, .. } if case.work.queue.as_ref() == Some(queue) => {
            Err(NotAllowed::SameQueue)
        }
        Action::RaiseFlag { flag, .. } if case.work.flags.contains_key(&flag.flag) => {
            Err(NotAllowed::FlagIsRaised(flag.flag.clone()))
        }
        Action::ClearFlag { flag, .. } => {
            let raised = case.work.flags.get(flag);
            let raised = raised.ok_or_else(|| NotAllowed::FlagIsNotRaised(flag.clone()))?;
            let theirs = raised.agency.is_none() || raised.agency == actor.organisation();
            if theirs { Ok(()) } else { Err(NotAllowed::OfAnotherAgency) }
        }
        Action::AttachCondition { .. } => fits(case, 1),
        Action::RemoveCondition { number } => {
            let attached = case.work.conditions.iter().find(|it| it.number == *number);
            let attached = attached.ok_or(NotAllowed::NoSuchCondition(*number))?;
            let theirs = Some(attached.author) == actor.organisation();
            if theirs { Ok(()) } else { Err(NotAllowed::OfAnotherAgency) }
        }
        Action::AskApplicant { .. } | Action::CloseQuery { .. } if !is_the_reviewer => {
            Err(NotAllowed::NotTheReviewer)
        }
        Action::CloseQuery { .. } => check_query(case, action),
        _ => Ok(()),
    }
}

/// A licence has only so many conditions.
fn fits(case: &Case, more: usize) -> Result<(), NotAllowed> {
    if case.work.conditions.len() + more <= CONDITIONS_AT_MOST {
        Ok(())
    } else {
        Err(NotAllowed::TooManyConditions)
    }
}

fn check_query(case: &Case, action: &Action) -> Result<(), NotAllowed> {
    let found = |id| case.work.queries.iter().find(|query| query.id == id);
    let open = |query: &Query| {
        if query.closed_on.is_some() { Err(NotAllowed::QueryIs("closed")) } else { Ok(()) }
    };
    match action {
        Action::CloseQuery { query } => open(found(*query).ok_or(NotAllowed::NoSuchQuery)?),
        Action::AnswerQuery { query, .. } => {
            let query = found(*query).ok_or(NotAllowed::NoSuchQuery)?;
            open(query)?;
            query.answer.is_none().then_some(()).ok_or(NotAllowed::QueryIs("answered"))
        }
        _ => Ok(()),
    }
}

fn of_somebody_new(case: &Case, person: PersonId) -> Result<(), NotAllowed> {
    if case.work.decided_before.contains(&person) { Err(NotAllowed::DecidedBefore) } else { Ok(()) }
}

/// Nobody is given a case that they could not act on.
fn can_take_over(case: &Case, officer: PersonId) -> Result<(), NotAllowed> {
    of_somebody_new(case, officer)?;
    if case.work.prepared_by.contains(&officer) {
        return Err(NotAllowed::OwnApplication);
    }
    if case.conflicted.contains(&officer) {
        return Err(NotAllowed::Conflicted);
    }
    if case.absent.contains(&officer) { Err(NotAllowed::Absent) } else { Ok(()) }
}

fn of_another_than_the_reviewer(case: &Case, person: PersonId) -> Result<(), NotAllowed> {
    of_somebody_new(case, person)?;
    if case.state.reviewer() == Some(person) { Err(NotAllowed::SamePerson) } else { Ok(()) }
}

fn nothing_blocks(case: &Case) -> Result<(), NotAllowed> {
    let blocking = case.work.blocking();
    if blocking.is_empty() { Ok(()) } else { Err(NotAllowed::Blocked(blocking)) }
}

/// As many persons as signatures, each in the role that the risk asks for.
fn is_their_turn(case: &Case, actor: &Actor, person: PersonId) -> Result<(), NotAllowed> {
    if case.work.signed.contains(&person) {
        return Err(NotAllowed::SignedAlready);
    }
    let needs = case.order.next(&case.work.signed);
    if actor.holds(needs) { Ok(()) } else { Err(NotAllowed::SignatureOfAnotherRole { needs }) }
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

/// Whether this action, taken now, is the last one of its kind that is waited for.
pub(super) fn is_last(case: &Case, action: &Action, actor: &Actor) -> bool {
    match action {
        Action::Advise { level: AdviceLevel::Agency, .. } => {
            case.work.asked.iter().all(|asked| Some(asked.agency) == actor.organisation())
        }
        Action::Advise { level: AdviceLevel::Adviser, .. } => false,
        _ => case.order.ends_with_next(&case.work.signed),
    }
}

/// The step that would be taken back, and from where it came.
pub(super) fn undone(case: &Case) -> Option<(ActionName, super::StateName)> {
    case.work.undoable.last().map(|step| (step.action, step.before.name()))
}
