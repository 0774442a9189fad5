//! What the bodies of actions say.

use crate::{
    licences::conditions::{self, ConditionForm},
    once, problems,
};
use domain::{
    case::{Action, ActionName, Advice, AdviceLevel, RaisedFlag, RefusalReason, Slug},
    ids::{LicenceId, OrganisationId, PersonId, QueryId},
    regime::{ClockExemption, ClockStop, FlagEffect},
    violation::Violation,
};
use serde::{Deserialize, de::DeserializeOwned};
use service::{body, identity::Official, problem::Problem};
use uuid::Uuid;

const NOTE_CHARACTERS_AT_MOST: usize = 4_000;

/// A body without fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A remark for the next person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recommended {
    note: String,
    #[serde(default)]
    conditions: Vec<ConditionForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Removed {
    number: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Missing {
    missing: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reviewer {
    reviewer: PersonId,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Assigned {
    officer: PersonId,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moved {
    queue: Slug,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flagged {
    flag: Slug,
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    question: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closed {
    query: QueryId,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    query: QueryId,
    answer: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exempted {
    exemption: ClockExemption,
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Undone {
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    agency: OrganisationId,
    question: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advised {
    advice: Advice,
    #[serde(default)]
    level: AdviceLevel,
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cause {
    cause: ClockStop,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    reason: RefusalReason,
    note: String,
}

/// The action that a path and a body mean. What applicants and the law do has no path here.
pub(super) fn parsed(name: &str, bytes: &[u8], official: &Official) -> Result<Action, Problem> {
    let name: ActionName = name.parse().map_err(|_| Problem::NotFound("action"))?;
    let action = match name {
        ActionName::Submit
        | ActionName::Withdraw
        | ActionName::DeemAccepted
        | ActionName::Route
        | ActionName::AnswerQuery
        | ActionName::RequestReconsideration => return Err(Problem::NotFound("action")),
        ActionName::Return => returned(bytes)?,
        ActionName::Reassign => {
            let Reviewer { reviewer } = body::parse(bytes)?;
            Action::Reassign { reviewer }
        }
        ActionName::AskAgency => {
            let Question { agency, question } = body::parse(bytes)?;
            within_bounds("/question", &question)?;
            Action::AskAgency { agency, question }
        }
        ActionName::Advise => {
            let Advised { advice, level, note } = body::parse(bytes)?;
            within_bounds("/note", &note)?;
            Action::Advise { advice, level, note }
        }
        ActionName::StopClock => {
            let Cause { cause } = body::parse(bytes)?;
            Action::StopClock { cause }
        }
        ActionName::RecommendRefusal => {
            let Refusal { reason, note } = body::parse(bytes)?;
            within_bounds("/note", &note)?;
            Action::RecommendRefusal { reason, note }
        }
        ActionName::RecommendApproval => {
            let Recommended { note, conditions } = body::parse(bytes)?;
            within_bounds("/note", &note)?;
            let conditions = conditions::authored(conditions, official.organisation)?;
            Action::RecommendApproval { note, conditions }
        }
        ActionName::AttachCondition => attached(bytes, official)?,
        ActionName::RemoveCondition => {
            let Removed { number } = body::parse(bytes)?;
            Action::RemoveCondition { number }
        }
        ActionName::SendBack => Action::SendBack { note: note(bytes)? },
        ActionName::Assign
        | ActionName::Move
        | ActionName::RaiseFlag
        | ActionName::ClearFlag
        | ActionName::AskApplicant
        | ActionName::CloseQuery
        | ActionName::AskBack
        | ActionName::AnswerAgency
        | ActionName::Note
        | ActionName::Exempt
        | ActionName::Undo => beside(name, bytes)?,
        ActionName::Accept => without_body(bytes, Action::Accept)?,
        ActionName::BeginReview => without_body(bytes, Action::BeginReview)?,
        ActionName::Recall => without_body(bytes, Action::Recall)?,
        ActionName::BeginFinalReview => without_body(bytes, Action::BeginFinalReview)?,
        ActionName::ResumeClock => without_body(bytes, Action::ResumeClock)?,
        ActionName::ConfirmRefusal => without_body(bytes, Action::ConfirmRefusal)?,
        ActionName::Countersign => {
            let licence = LicenceId::from_uuid(Uuid::now_v7());
            without_body(bytes, Action::Countersign { licence })?
        }
    };
    Ok(action)
}

/// What leaves a case where it stands, and what takes a step back.
fn beside(name: ActionName, bytes: &[u8]) -> Result<Action, Problem> {
    Ok(match name {
        ActionName::Assign => {
            let Assigned { officer } = body::parse(bytes)?;
            Action::Assign { officer }
        }
        ActionName::Move => {
            let Moved { queue, reason } = said(bytes, "/reason", |it: &Moved| &it.reason)?;
            Action::Move { queue, reason }
        }
        ActionName::RaiseFlag => {
            let Flagged { flag, note } = said(bytes, "/note", |it: &Flagged| &it.note)?;
            // What it does is looked up before it is raised.
            let flag = RaisedFlag { flag, effect: FlagEffect::BlocksDecision };
            Action::RaiseFlag { flag, note }
        }
        ActionName::ClearFlag => {
            let Flagged { flag, note } = said(bytes, "/note", |it: &Flagged| &it.note)?;
            Action::ClearFlag { flag, note }
        }
        ActionName::AskApplicant => {
            let Asked { question } = said(bytes, "/question", |it: &Asked| &it.question)?;
            Action::AskApplicant { query: QueryId::from_uuid(Uuid::now_v7()), question }
        }
        ActionName::CloseQuery => {
            let Closed { query } = body::parse(bytes)?;
            Action::CloseQuery { query }
        }
        ActionName::AskBack => {
            let Asked { question } = said(bytes, "/question", |it: &Asked| &it.question)?;
            Action::AskBack { query: QueryId::from_uuid(Uuid::now_v7()), question }
        }
        ActionName::AnswerAgency => {
            let Answered { query, answer } = said(bytes, "/answer", |it: &Answered| &it.answer)?;
            Action::AnswerAgency { query, answer }
        }
        ActionName::Exempt => {
            let Exempted { exemption, note } = said(bytes, "/note", |it: &Exempted| &it.note)?;
            Action::Exempt { exemption, note }
        }
        ActionName::Undo => {
            let Undone { reason } = said(bytes, "/reason", |it: &Undone| &it.reason)?;
            Action::Undo { reason }
        }
        _ => {
            let Written { text } = said(bytes, "/text", |it: &Written| &it.text)?;
            Action::Note { text }
        }
    })
}

fn returned(bytes: &[u8]) -> Result<Action, Problem> {
    let Missing { missing } = body::parse(bytes)?;
    if missing.is_empty() || missing.iter().any(|paper| paper.trim().is_empty()) {
        let fault = Violation::new("/missing", "empty", "say what is missing");
        return Err(problems::of_faults(vec![fault]));
    }
    missing.iter().try_for_each(|paper| within_bounds("/missing", paper))?;
    Ok(Action::Return { missing })
}

/// One condition, of the agency that attaches it.
fn attached(bytes: &[u8], official: &Official) -> Result<Action, Problem> {
    let form: ConditionForm = body::parse(bytes)?;
    let condition = conditions::of_one(form, official.organisation)?;
    Ok(Action::AttachCondition { condition })
}

fn without_body(bytes: &[u8], action: Action) -> Result<Action, Problem> {
    let Nothing {} = body::parse(bytes)?;
    Ok(action)
}

/// A body in which something must be said.
fn said<T: DeserializeOwned>(
    bytes: &[u8],
    pointer: &str,
    of: impl Fn(&T) -> &String,
) -> Result<T, Problem> {
    let form: T = body::parse(bytes)?;
    once::text(pointer, of(&form), NOTE_CHARACTERS_AT_MOST)?;
    Ok(form)
}

fn note(bytes: &[u8]) -> Result<String, Problem> {
    let Note { note } = body::parse(bytes)?;
    within_bounds("/note", &note)?;
    Ok(note)
}

fn within_bounds(pointer: &str, text: &str) -> Result<(), Problem> {
    if text.chars().count() <= NOTE_CHARACTERS_AT_MOST {
        return Ok(());
    }
    let expected = format!("at most {NOTE_CHARACTERS_AT_MOST} characters");
    let fault = Violation::new(pointer, "too_long", "this is too long").expecting(expected);
    Err(problems::of_faults(vec![fault]))
}
