//! Changing a case: lock, decide, store, tell.

use super::{
    CaseRecord, find, holder,
    row::{CaseRow, StateColumns},
    with_history,
};
use crate::{
    Error,
    events::{self, Origin},
    licences,
    licensing_requests::{self, Answered, Request},
    numbers,
    schema::{case_events, cases},
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::beijing_date,
    case::{Acceptance, Action, Actor, CaseEvent, NotAllowed, State, StateName, acceptance},
    event::Event,
    ids::{CaseId, EventId, LicenceId, OrganisationId, PersonId},
    licence::{Holder, LicenceContent, SerialNumber, Series},
    regime::{LicenceKind, Regime},
    violation::Violation,
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use serde_json::{Value, json};
use uuid::Uuid;

/// Overdue submissions are taken on at most this many at a time.
const OVERDUE_AT_ONCE: i64 = 200;
/// Five working days are never shorter than this many days.
const SHORTEST_NOTICE_DAYS: i64 = 5;

/// When something is done, and as part of which request.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// The request's W3C trace context.
    pub traceparent: Option<String>,
}

impl Moment {
    /// The day in Beijing.
    pub fn today(&self) -> Date {
        beijing_date(self.at)
    }

    /// What surrounds an event of this moment.
    pub fn origin(&self, person: Option<PersonId>) -> Origin {
        Origin {
            id: EventId::from_uuid(Uuid::now_v7()),
            occurred_at: self.at,
            person,
            traceparent: self.traceparent.clone(),
        }
    }
}

/// A case as somebody read it: changed since then, it is not changed by them.
#[derive(Clone, Copy, Debug)]
pub struct CaseVersion {
    /// Which case.
    pub id: CaseId,
    /// The version that was read.
    pub version: u32,
}

/// Why a case was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// There is no such case, or not for whoever asked.
    #[error("there is no such case")]
    NoSuchCase,
    /// It was changed since it was read.
    #[error("the case was changed in the meantime")]
    Stale,
    /// The law of the workflow says no.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// What the applicant wrote does not suffice.
    #[error("the application is not complete")]
    Incomplete(Vec<Violation>),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<diesel::result::Error> for CaseError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A licence as it came out of the signature.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What it says.
    pub content: LicenceContent,
    /// The bytes that were signed.
    pub signed_content: Vec<u8>,
    /// The key that signed them.
    pub signing_key: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// An application that is begun.
#[derive(Clone, Debug)]
pub struct NewCase {
    /// Its id, made by the caller.
    pub id: CaseId,
    /// The applicant.
    pub organisation: OrganisationId,
    /// What kind of licence is asked for.
    pub kind: LicenceKind,
    /// What the applicant wrote.
    pub content: Value,
    /// Who wrote it.
    pub person: PersonId,
}

/// Begins an application, once for each request; `answer` is kept for its repeats.
pub async fn create(
    conn: &mut AsyncPgConnection,
    request: &Request<'_>,
    new: &NewCase,
    moment: &Moment,
    answer: impl FnOnce(&CaseRecord) -> Value + Send,
) -> Result<Answered, CaseError> {
    conn.transaction(async |conn| {
        if let Some(before) = licensing_requests::begin(conn, request, moment).await? {
            return Ok(before);
        }
        let number = numbers::next(conn, Series::Case, moment.today()).await?;
        diesel::insert_into(cases::table)
            .values((
                cases::id.eq(new.id.as_uuid()),
                cases::number.eq(number.to_string()),
                cases::organisation.eq(new.organisation.as_uuid()),
                cases::version.eq(1),
                cases::kind.eq(new.kind.as_str()),
                cases::state.eq(StateName::Draft.as_str()),
                cases::created_by.eq(new.person.as_uuid()),
                cases::created_at.eq(moment.at.to_diesel()),
                cases::updated_at.eq(moment.at.to_diesel()),
                cases::content.eq(&new.content),
            ))
            .execute(conn)
            .await?;
        let created = Step { id: new.id, version: 1, action: "create", state: StateName::Draft };
        created.store(conn, Some(new.person), moment, json!({"action": "create"})).await?;
        let record = find(conn, new.id).await?.ok_or(CaseError::NoSuchCase)?;
        let answer = answer(&record);
        licensing_requests::finish(conn, request, &answer).await?;
        Ok(Answered::Now(answer))
    })
    .await
}

/// What an application is changed to.
#[derive(Clone, Debug)]
pub struct Edit {
    /// What kind of licence is asked for now.
    pub kind: LicenceKind,
    /// What the applicant wrote.
    pub content: Value,
    /// Who wrote it.
    pub person: PersonId,
}

/// Replaces what a draft or a returned application says.
pub async fn edit(
    conn: &mut AsyncPgConnection,
    on: CaseVersion,
    edit: &Edit,
    moment: &Moment,
) -> Result<CaseRecord, CaseError> {
    conn.transaction(async |conn| {
        let id = on.id;
        let record = locked(conn, id).await?;
        same_version(&record, on.version)?;
        let state = record.case.state.name();
        if !matches!(state, StateName::Draft | StateName::Returned) {
            let possible = possible_in(state);
            let action = domain::case::ActionName::Submit;
            return Err(NotAllowed::NotInThisState { state, action, possible }.into());
        }
        let version = record.version + 1;
        diesel::update(cases::table.filter(cases::id.eq(id.as_uuid())))
            .set((
                cases::content.eq(&edit.content),
                cases::kind.eq(edit.kind.as_str()),
                cases::version.eq(sql_version(version)),
                cases::updated_at.eq(moment.at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        let edited = Step { id, version, action: "edit", state };
        edited.store(conn, Some(edit.person), moment, json!({"action": "edit"})).await?;
        find(conn, id).await?.ok_or(CaseError::NoSuchCase)
    })
    .await
}

/// Takes an action on a case and tells everyone, or does neither.
///
/// `check` sees the case as it is while it is locked, before anything is decided.
pub async fn transition(
    conn: &mut AsyncPgConnection,
    on: CaseVersion,
    action: Action,
    actor: &Actor,
    moment: &Moment,
    regime: &Regime,
    check: impl FnOnce(&CaseRecord) -> Result<(), CaseError> + Send,
) -> Result<CaseRecord, CaseError> {
    conn.transaction(async |conn| {
        let record = opened(conn, on, moment, regime).await?;
        check(&record)?;
        take(conn, record, action, actor, moment).await
    })
    .await
}

/// Countersigns an approval and issues its licence, in one transaction.
///
/// `issue` writes and signs the licence from the application, its number and its holder.
pub async fn countersign(
    conn: &mut AsyncPgConnection,
    on: CaseVersion,
    licence: LicenceId,
    actor: &Actor,
    moment: &Moment,
    regime: &Regime,
    issue: impl FnOnce(&CaseRecord, SerialNumber, Holder) -> Result<Issued, CaseError> + Send,
) -> Result<CaseRecord, CaseError> {
    conn.transaction(async |conn| {
        let record = opened(conn, on, moment, regime).await?;
        // Judged before a number is taken: most refusals end here.
        let action = Action::Countersign { licence };
        record.case.clone().decide(action.clone(), actor, moment.today())?;
        let organisation = record.case.organisation;
        let holder = holder(conn, organisation).await?.ok_or(CaseError::NoSuchCase)?;
        let number = numbers::next(conn, Series::Licence, moment.today()).await?;
        let issued = issue(&record, number, holder)?;
        licences::insert(conn, &issued, actor.person(), moment).await?;
        take(conn, record, action, actor, moment).await
    })
    .await
}

/// Counts as accepted what has waited too long for a notice of missing papers
/// (Administrative Licensing Law, article 32). Answers how many there were.
pub async fn accept_overdue(
    conn: &mut AsyncPgConnection,
    moment: &Moment,
    regime: &Regime,
) -> Result<usize, CaseError> {
    let latest = moment.at - jiff::SignedDuration::from_hours(24 * SHORTEST_NOTICE_DAYS);
    let waiting: Vec<Uuid> = cases::table
        .filter(cases::state.eq(StateName::Submitted.as_str()))
        .filter(cases::submitted_at.lt(latest.to_diesel()))
        .order((cases::submitted_at, cases::id))
        .limit(OVERDUE_AT_ONCE)
        .select(cases::id)
        .load(conn)
        .await?;
    let mut accepted = 0;
    for id in waiting {
        let taken = conn
            .transaction(async |conn| {
                let record = locked(conn, CaseId::from_uuid(id)).await?;
                let before = record.version;
                let record = deem_accepted(conn, record, moment, regime).await?;
                Ok::<_, CaseError>(before != record.version)
            })
            .await?;
        accepted += usize::from(taken);
    }
    Ok(accepted)
}

/// Locks a case, compares its version, and lets the passing of time have its effect first.
async fn opened(
    conn: &mut AsyncPgConnection,
    on: CaseVersion,
    moment: &Moment,
    regime: &Regime,
) -> Result<CaseRecord, CaseError> {
    let record = locked(conn, on.id).await?;
    same_version(&record, on.version)?;
    deem_accepted(conn, record, moment, regime).await
}

async fn deem_accepted(
    conn: &mut AsyncPgConnection,
    record: CaseRecord,
    moment: &Moment,
    regime: &Regime,
) -> Result<CaseRecord, CaseError> {
    let State::Submitted { on } = record.case.state else { return Ok(record) };
    match acceptance(on, moment.today(), regime) {
        Acceptance::Deemed { .. } => {
            take(conn, record, Action::DeemAccepted, &Actor::Law, moment).await
        }
        Acceptance::Open { .. } | Acceptance::NoRule => Ok(record),
    }
}

async fn take(
    conn: &mut AsyncPgConnection,
    record: CaseRecord,
    action: Action,
    actor: &Actor,
    moment: &Moment,
) -> Result<CaseRecord, CaseError> {
    let (case, event) = record.case.clone().decide(action, actor, moment.today())?;
    let version = record.version + 1;
    let row = cases::table.filter(cases::id.eq(case.id.as_uuid()));
    diesel::update(row)
        .set((
            StateColumns::of(&case.state),
            cases::version.eq(sql_version(version)),
            cases::updated_at.eq(moment.at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    if event.state == StateName::Submitted {
        diesel::update(row)
            .set(cases::submitted_at.eq(moment.at.to_diesel()))
            .execute(conn)
            .await?;
    }
    let name = event.action.name();
    let step = Step { id: case.id, version, action: name.as_str(), state: event.state };
    step.store(conn, event.person, moment, detail(&event, &record)).await?;
    tell(conn, &event, case.organisation, version, moment).await?;
    find(conn, case.id).await?.ok_or(CaseError::NoSuchCase)
}

async fn tell(
    conn: &mut AsyncPgConnection,
    event: &CaseEvent,
    organisation: OrganisationId,
    version: u32,
    moment: &Moment,
) -> Result<(), Error> {
    let told = match &event.action {
        Action::Submit => Event::ApplicationSubmitted { case: event.case, organisation, version },
        action => Event::CaseMoved {
            case: event.case,
            organisation,
            action: action.name().to_string(),
            state: event.state.to_string(),
            person: event.person,
            version,
        },
    };
    events::append(conn, &moment.origin(event.person), event.case.as_uuid(), &told).await
}

/// What belongs to an action; with a submission, what was submitted, as it may change later.
fn detail(event: &CaseEvent, record: &CaseRecord) -> Value {
    let mut detail = serde_json::to_value(&event.action).expect("an action is plain JSON");
    if event.action == Action::Submit {
        detail["content"] = record.content.clone();
    }
    detail
}

struct Step {
    id: CaseId,
    version: u32,
    action: &'static str,
    state: StateName,
}

impl Step {
    async fn store(
        &self,
        conn: &mut AsyncPgConnection,
        person: Option<PersonId>,
        moment: &Moment,
        detail: Value,
    ) -> Result<(), Error> {
        diesel::insert_into(case_events::table)
            .values((
                case_events::case_id.eq(self.id.as_uuid()),
                case_events::version.eq(sql_version(self.version)),
                case_events::action.eq(self.action),
                case_events::state.eq(self.state.as_str()),
                case_events::person.eq(person.map(PersonId::as_uuid)),
                case_events::occurred_at.eq(moment.at.to_diesel()),
                case_events::occurred_on.eq(moment.today().to_diesel()),
                case_events::detail.eq(detail),
            ))
            .execute(conn)
            .await?;
        Ok(())
    }
}

async fn locked(conn: &mut AsyncPgConnection, id: CaseId) -> Result<CaseRecord, CaseError> {
    let row: Option<CaseRow> = CaseRow::query()
        .filter(cases::id.eq(id.as_uuid()))
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(with_history(conn, row.ok_or(CaseError::NoSuchCase)?).await?)
}

fn same_version(record: &CaseRecord, expected: u32) -> Result<(), CaseError> {
    if record.version == expected { Ok(()) } else { Err(CaseError::Stale) }
}

fn possible_in(state: StateName) -> Vec<domain::case::ActionName> {
    let here = domain::case::TRANSITIONS.iter().filter(|row| row.from == state);
    here.map(|row| row.action).collect()
}

fn sql_version(version: u32) -> i32 {
    i32::try_from(version).expect("no case is changed two thousand million times")
}
