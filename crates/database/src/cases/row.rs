//! How a case lies in its columns, and how it is read out of them.

use crate::{
    CorruptRow,
    row::Reader,
    schema::{application_assessments, case_events, cases},
};
use diesel::HasQuery;
use domain::{
    calendar_month::beijing_date,
    case::{
        Action, ActionName, Case, ClockEvent, CountersignOrder, FourEyes, Recommendation,
        RiskGrade, State, StateName, TakenStep, Work,
    },
    ids::{CaseId, LicenceId, OrganisationId, PersonId},
    licence::SerialNumber,
    regime::LicenceKind,
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
    /// Acting for which organisation.
    pub acting_for: Option<OrganisationId>,
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
        clock_events(&self.history)
    }

    /// Whether an agency takes part: it is asked, or has said something.
    pub fn involves(&self, agency: OrganisationId) -> bool {
        let work = &self.case.work;
        work.asked.iter().any(|asked| asked.agency == agency)
            || work.advice.iter().any(|given| given.agency == agency)
    }
}

/// What the decision clock takes notice of among these steps; what was taken back never was.
pub(super) fn clock_events(history: &[HistoryEntry]) -> Vec<ClockEvent> {
    let mut events = Vec::new();
    let mut submitted_on = None;
    let mut reconsidered = false;
    let taken_back: Vec<u64> = history
        .iter()
        .filter(|entry| entry.action == ActionName::Undo.as_str())
        .filter_map(|entry| entry.detail["undone_version"].as_u64())
        .collect();
    for entry in history {
        if taken_back.contains(&entry.version.into()) {
            continue;
        }
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
            ActionName::Withdraw => events.push(ClockEvent::Ended(entry.on)),
            ActionName::Countersign | ActionName::ConfirmRefusal
                if ["approved", "refused"].contains(&entry.state.as_str()) =>
            {
                events.push(ClockEvent::Ended(entry.on));
            }
            _ => {}
        }
    }
    events
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
    acting_for: Option<Uuid>,
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
            acting_for: row.acting_for.map(OrganisationId::from_uuid),
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
        let case = Case {
            id: CaseId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation),
            version: 0,
            state: State::Draft,
            work: Work::begun_by(created_by),
            order: CountersignOrder::of_one(RiskGrade::Unassessed),
            conflicted: BTreeSet::new(),
            absent: BTreeSet::new(),
        };
        let mut case =
            history.iter().try_fold(case, |case, entry| read_back(reader, case, entry))?;
        // The columns are what counts; an applicant does not see every step.
        case.state = state;
        case.version = row.version.unsigned_abs();
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

/// Notes a step that was stored. Whoever edits prepares, too.
fn read_back(reader: Reader, mut case: Case, entry: &HistoryEntry) -> Result<Case, CorruptRow> {
    if entry.action.parse::<ActionName>().is_err() {
        case.work.prepared_by.extend(entry.person.filter(|_| entry.action == "edit"));
        return Ok(case);
    }
    let action = Action::deserialize(&entry.detail).map_err(|_| reader.corrupt("detail"))?;
    let to: StateName = reader.word("state", &entry.state)?;
    let (person, agency) = (entry.person, entry.acting_for);
    let (on, version) = (entry.on, entry.version);
    Ok(case.read_back(TakenStep { action: &action, person, agency, on, version }, to))
}

/// What officials' work leaves in columns, for the queue and for the constraints.
#[derive(diesel::AsChangeset)]
#[diesel(table_name = cases, treat_none_as_null = true)]
pub(super) struct WorkColumns {
    queue: Option<String>,
    assigned_to: Option<Uuid>,
    risk: String,
    flags: Vec<String>,
    blocking_flags: i16,
    signatures_required: i16,
    signed_by: Vec<Uuid>,
}

/// What questions leave in columns.
#[derive(diesel::AsChangeset)]
#[diesel(table_name = cases)]
pub(super) struct QueryColumns {
    pub(super) open_queries: i16,
    pub(super) answered_queries: i16,
}

impl WorkColumns {
    pub(super) fn of(case: &Case) -> Self {
        let work = &case.work;
        // While it is signed, whoever has signed stands here; afterwards so does the last one.
        Self {
            queue: work.queue.as_ref().map(ToString::to_string),
            assigned_to: work.assigned_to.map(PersonId::as_uuid),
            risk: case.order.risk.to_string(),
            flags: work.flags.keys().map(ToString::to_string).collect(),
            blocking_flags: counted(work.blocking().len()),
            signatures_required: counted(case.order.signatures().len()),
            signed_by: work.signed.iter().map(|person| person.as_uuid()).collect(),
        }
    }
}

impl QueryColumns {
    pub(super) fn of(case: &Case) -> Self {
        Self {
            open_queries: counted(case.work.open_queries()),
            answered_queries: counted(case.work.answered_queries()),
        }
    }
}

fn counted(count: usize) -> i16 {
    i16::try_from(count).unwrap_or(i16::MAX)
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
