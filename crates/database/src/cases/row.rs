//! How a case lies in its columns, and how it is read out of them.

use crate::{
    CorruptRow, Error,
    row::Reader,
    schema::{application_assessments, case_events, cases},
};
use diesel::HasQuery;
use domain::{
    calendar_month::beijing_date,
    case::{ActionName, Case, ClockEvent, FourEyes, Recommendation, State, StateName},
    ids::{CaseId, LicenceId, OrganisationId, PersonId},
    licence::{Condition, SerialNumber},
    regime::{ClockStop, LicenceKind},
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use std::collections::BTreeSet;
use uuid::Uuid;

/// An application with everything that is stored of it.
#[derive(Clone, Debug)]
pub struct CaseRecord {
    /// Its life so far.
    pub case: Case,
    /// The number people know it by.
    pub number: SerialNumber,
    /// How often it was changed; its `ETag`.
    pub version: u32,
    /// What kind of licence is asked for.
    pub kind: LicenceKind,
    /// Who began it.
    pub created_by: PersonId,
    /// When.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was last handed in.
    pub submitted_at: Option<Timestamp>,
    /// What the applicant wrote.
    pub content: serde_json::Value,
    /// What happened to it, first thing first.
    pub history: Vec<HistoryEntry>,
}

/// One step of a case.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// The version it led to.
    pub version: u32,
    /// What was done: an action of the workflow, `create` or `edit`.
    pub action: String,
    /// Where the case stood afterwards.
    pub state: String,
    /// By whom; nobody when the law did it.
    pub person: Option<PersonId>,
    /// When.
    pub at: Timestamp,
    /// The day that counts.
    pub on: Date,
    /// What belongs to the action.
    pub detail: serde_json::Value,
}

/// The worker's assessment of an application.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// Which version of the case it is about.
    pub case_version: u32,
    /// `low`, `medium` or `high`.
    pub risk: String,
    /// Why, as the worker stored it.
    pub reasons: serde_json::Value,
    /// When.
    pub assessed_at: Timestamp,
}

impl CaseRecord {
    /// What the decision clock takes notice of.
    pub fn clock_events(&self) -> Vec<ClockEvent> {
        let mut events = Vec::new();
        let mut submitted_on = None;
        let mut reconsidered = false;
        for entry in &self.history {
            let Ok(action) = entry.action.parse::<ActionName>() else { continue };
            match action {
                ActionName::Submit => submitted_on = Some(entry.on),
                ActionName::Accept => events.push(ClockEvent::Accepted(entry.on)),
                ActionName::DeemAccepted => {
                    events.push(ClockEvent::Accepted(submitted_on.unwrap_or(entry.on)));
                }
                ActionName::RequestReconsideration => reconsidered = true,
                ActionName::BeginReview if reconsidered => {
                    events.push(ClockEvent::Accepted(entry.on));
                    reconsidered = false;
                }
                ActionName::StopClock => {
                    let cause = entry.detail["cause"].as_str().and_then(|c| c.parse().ok());
                    events.extend(cause.map(|cause| ClockEvent::Stopped { cause, on: entry.on }));
                }
                ActionName::ResumeClock => events.push(ClockEvent::Resumed { on: entry.on }),
                ActionName::Countersign | ActionName::ConfirmRefusal | ActionName::Withdraw => {
                    events.push(ClockEvent::Ended(entry.on));
                }
                _ => {}
            }
        }
        events
    }

    /// The conditions of the last recommendation to approve; the licence is issued with them.
    pub fn recommended_conditions(&self) -> Result<Vec<Condition>, Error> {
        let recommended =
            self.history.iter().rev().find(|entry| entry.action == "recommend_approval");
        let Some(conditions) = recommended.and_then(|entry| entry.detail.get("conditions")) else {
            return Ok(Vec::new());
        };
        let reader = Reader { table: "case_events", id: self.case.id.as_uuid() };
        // A condition that cannot be read must not be left out in silence.
        Ok(Vec::deserialize(conditions).map_err(|_| reader.corrupt("detail"))?)
    }

    /// The agency that was asked last, while its answer is awaited.
    pub fn asked_agency(&self) -> Option<OrganisationId> {
        if self.case.state.name() != StateName::AgencyAdvice {
            return None;
        }
        let asked = self.history.iter().rev().find(|entry| entry.action == "ask_agency")?;
        asked.detail["agency"].as_str()?.parse().ok()
    }
}

#[derive(HasQuery)]
#[diesel(table_name = cases)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct CaseRow {
    pub(super) id: Uuid,
    number: String,
    organisation: Uuid,
    version: i32,
    kind: String,
    state: String,
    submitted_at: Option<jiff_diesel::Timestamp>,
    accepted_on: Option<jiff_diesel::Date>,
    reviewer: Option<Uuid>,
    recommended_outcome: Option<String>,
    recommended_by: Option<Uuid>,
    countersigned_by: Option<Uuid>,
    refusal_reason: Option<String>,
    licence: Option<Uuid>,
    created_by: Uuid,
    created_at: jiff_diesel::Timestamp,
    updated_at: jiff_diesel::Timestamp,
    content: serde_json::Value,
}

#[derive(HasQuery)]
#[diesel(table_name = case_events)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct HistoryRow {
    version: i32,
    action: String,
    state: String,
    person: Option<Uuid>,
    occurred_at: jiff_diesel::Timestamp,
    occurred_on: jiff_diesel::Date,
    detail: serde_json::Value,
}

#[derive(HasQuery)]
#[diesel(table_name = application_assessments)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct AssessmentRow {
    case_version: i32,
    risk: String,
    reasons: serde_json::Value,
    assessed_at: jiff_diesel::Timestamp,
}

/// What only some states know, as columns.
#[derive(Default, diesel::AsChangeset)]
#[diesel(table_name = cases, treat_none_as_null = true)]
pub(super) struct StateColumns {
    state: String,
    accepted_on: Option<jiff_diesel::Date>,
    reviewer: Option<Uuid>,
    recommended_outcome: Option<String>,
    recommended_by: Option<Uuid>,
    countersigned_by: Option<Uuid>,
    refusal_reason: Option<String>,
    licence: Option<Uuid>,
}

impl From<HistoryRow> for HistoryEntry {
    fn from(row: HistoryRow) -> Self {
        Self {
            version: row.version.unsigned_abs(),
            action: row.action,
            state: row.state,
            person: row.person.map(PersonId::from_uuid),
            at: row.occurred_at.into(),
            on: row.occurred_on.into(),
            detail: row.detail,
        }
    }
}

impl From<AssessmentRow> for Assessment {
    fn from(row: AssessmentRow) -> Self {
        Self {
            case_version: row.case_version.unsigned_abs(),
            risk: row.risk,
            reasons: row.reasons,
            assessed_at: row.assessed_at.into(),
        }
    }
}

impl TryFrom<(CaseRow, Vec<HistoryEntry>)> for CaseRecord {
    type Error = CorruptRow;

    fn try_from((row, history): (CaseRow, Vec<HistoryEntry>)) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "cases", id: row.id };
        let state = state(reader, &row)?;
        let created_by = PersonId::from_uuid(row.created_by);
        let mut prepared_by = BTreeSet::from([created_by]);
        let preparing = |entry: &&HistoryEntry| matches!(entry.action.as_str(), "submit" | "edit");
        prepared_by.extend(history.iter().filter(preparing).filter_map(|entry| entry.person));
        let case = Case {
            id: CaseId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation),
            prepared_by,
            decided_before: decided_before(&history),
            clock_stopped_for: clock_stopped_for(&history),
            state,
        };
        Ok(Self {
            case,
            number: reader.word("number", &row.number)?,
            version: row.version.unsigned_abs(),
            kind: reader.word("kind", &row.kind)?,
            created_by,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            submitted_at: row.submitted_at.map(Into::into),
            content: row.content,
            history,
        })
    }
}

fn state(reader: Reader, row: &CaseRow) -> Result<State, CorruptRow> {
    let name: StateName = reader.word("state", &row.state)?;
    let accepted_on =
        || row.accepted_on.map(Into::into).ok_or_else(|| reader.corrupt("accepted_on"));
    let reviewer =
        || row.reviewer.map(PersonId::from_uuid).ok_or_else(|| reader.corrupt("reviewer"));
    let reason = || {
        let reason = row.refusal_reason.as_deref();
        reason
            .ok_or_else(|| reader.corrupt("refusal_reason"))
            .and_then(|reason| reader.word("refusal_reason", reason))
    };
    let decided_by = || {
        let person = |id: Option<Uuid>| id.map(PersonId::from_uuid);
        let both = person(row.recommended_by).zip(person(row.countersigned_by));
        both.and_then(|(one, other)| FourEyes::new(one, other))
            .ok_or_else(|| reader.corrupt("countersigned_by"))
    };
    Ok(match name {
        StateName::Draft => State::Draft,
        StateName::Submitted => {
            let at: Option<Timestamp> = row.submitted_at.map(Into::into);
            let at = at.ok_or_else(|| reader.corrupt("submitted_at"))?;
            State::Submitted { on: beijing_date(at) }
        }
        StateName::Accepted => State::Accepted { on: accepted_on()? },
        StateName::UnderReview => {
            State::UnderReview { accepted_on: accepted_on()?, reviewer: reviewer()? }
        }
        StateName::AgencyAdvice => {
            State::AgencyAdvice { accepted_on: accepted_on()?, reviewer: reviewer()? }
        }
        StateName::UnderFinalReview => {
            State::UnderFinalReview { accepted_on: accepted_on()?, reviewer: reviewer()? }
        }
        StateName::Countersign => {
            let recommendation = match row.recommended_outcome.as_deref() {
                Some("approve") => Recommendation::Approve,
                Some("refuse") => Recommendation::Refuse(reason()?),
                _ => return Err(reader.corrupt("recommended_outcome")),
            };
            State::Countersign {
                accepted_on: accepted_on()?,
                reviewer: reviewer()?,
                recommendation,
            }
        }
        StateName::Approved => {
            let licence = row.licence.map(LicenceId::from_uuid);
            let licence = licence.ok_or_else(|| reader.corrupt("licence"))?;
            State::Approved { licence, decided_by: decided_by()? }
        }
        StateName::Refused => State::Refused { reason: reason()?, decided_by: decided_by()? },
        StateName::Returned => State::Returned,
        StateName::Withdrawn => State::Withdrawn,
        StateName::UnderReconsideration => State::UnderReconsideration { refused_for: reason()? },
    })
}

/// Whoever took part in a decision before the last request to reconsider it.
fn decided_before(history: &[HistoryEntry]) -> BTreeSet<PersonId> {
    let asked = history.iter().rposition(|entry| entry.action == "request_reconsideration");
    let earlier = &history[..asked.unwrap_or(0)];
    let deciding = |entry: &&HistoryEntry| {
        ["recommend_approval", "recommend_refusal", "countersign", "confirm_refusal", "send_back"]
            .contains(&entry.action.as_str())
    };
    earlier.iter().filter(deciding).filter_map(|entry| entry.person).collect()
}

fn clock_stopped_for(history: &[HistoryEntry]) -> Option<ClockStop> {
    let last = history
        .iter()
        .rev()
        .find(|entry| matches!(entry.action.as_str(), "stop_clock" | "resume_clock"))?;
    if last.action == "resume_clock" {
        return None;
    }
    last.detail["cause"].as_str()?.parse().ok()
}

impl StateColumns {
    /// The columns of a state; what it does not know becomes null.
    pub(super) fn of(state: &State) -> Self {
        let columns = Self { state: state.name().to_string(), ..Self::default() };
        match state {
            State::Draft | State::Submitted { .. } | State::Returned | State::Withdrawn => columns,
            State::Accepted { on } => Self { accepted_on: Some((*on).into()), ..columns },
            State::UnderReview { accepted_on, reviewer }
            | State::AgencyAdvice { accepted_on, reviewer }
            | State::UnderFinalReview { accepted_on, reviewer } => Self {
                accepted_on: Some((*accepted_on).into()),
                reviewer: Some(reviewer.as_uuid()),
                ..columns
            },
            State::Countersign { accepted_on, reviewer, recommendation } => {
                let (outcome, reason) = match recommendation {
                    Recommendation::Approve => ("approve", None),
                    Recommendation::Refuse(reason) => ("refuse", Some(reason.to_string())),
                };
                Self {
                    accepted_on: Some((*accepted_on).into()),
                    reviewer: Some(reviewer.as_uuid()),
                    recommended_outcome: Some(outcome.to_owned()),
                    recommended_by: Some(reviewer.as_uuid()),
                    refusal_reason: reason,
                    ..columns
                }
            }
            State::Approved { licence, decided_by } => Self {
                recommended_outcome: Some("approve".to_owned()),
                recommended_by: Some(decided_by.recommended_by().as_uuid()),
                countersigned_by: Some(decided_by.confirmed_by().as_uuid()),
                licence: Some(licence.as_uuid()),
                ..columns
            },
            State::Refused { reason, decided_by } => Self {
                recommended_outcome: Some("refuse".to_owned()),
                recommended_by: Some(decided_by.recommended_by().as_uuid()),
                countersigned_by: Some(decided_by.confirmed_by().as_uuid()),
                refusal_reason: Some(reason.to_string()),
                ..columns
            },
            State::UnderReconsideration { refused_for } => {
                Self { refusal_reason: Some(refused_for.to_string()), ..columns }
            }
        }
    }
}
