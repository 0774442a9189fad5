//! Changing a case: lock, decide, store, tell.

use super::{
    CaseRecord, HistoryEntry, facts, find, holder,
    row::{CaseRow, QueryColumns, StateColumns, WorkColumns},
    with_history,
};
use crate::{
    CorruptRow, Error,
    events::{self, Origin},
    licences,
    licensing_requests::{self, Answered, Request},
    numbers,
    schema::{case_events, cases},
};
use diesel::{
    ExpressionMethods, HasQuery, OptionalExtension, QueryDsl, SelectableHelper,
    define_sql_function, sql_types,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    application::Draft,
    calendar_month::beijing_date,
    case::{
        Acceptance, Action, Actor, Case, CaseEvent, MOVED_ON, NotAllowed, State, StateName,
        acceptance,
    },
    codes::Role,
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

define_sql_function! {
    /// Changes what an answer changes, and nothing else.
    fn note_answer(case: sql_types::Uuid, version: sql_types::Integer, open: sql_types::SmallInt, answered: sql_types::SmallInt, at: sql_types::Timestamptz) -> sql_types::Nullable<sql_types::Bool>;
}

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
    /// The licence that the application changes does not allow it.
    #[error(transparent)]
    Licence(#[from] licences::LicenceError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<diesel::result::Error> for CaseError {
    /// What a constraint refuses was true when it was judged and is no longer.
    fn from(error: diesel::result::Error) -> Self {
        let refused = match &error {
            diesel::result::Error::DatabaseError(_, information) => information.constraint_name(),
            _ => None,
        };
        match refused {
            Some("case_impartial") => Self::NotAllowed(NotAllowed::Conflicted),
            Some("case_given_to_somebody_present") => Self::NotAllowed(NotAllowed::Absent),
            _ => Self::Database(error.into()),
        }
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

/// Begins an application, once for each request; `answer` is kept for its repeats. Call it inside a
/// transaction: an error must take back what was noted of the request.
pub async fn create(
    conn: &mut AsyncPgConnection,
    request: &Request<'_>,
    new: &NewCase,
    moment: &Moment,
    answer: impl FnOnce(&CaseRecord) -> Value + Send,
) -> Result<Answered, CaseError> {
    if let Some(before) = licensing_requests::begin(conn, request, moment).await? {
        return Ok(before);
    }
    let number = numbers::next(conn, Series::Case, moment.today()).await?;
    let row: CaseRow = diesel::insert_into(cases::table)
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
        .returning(CaseRow::as_returning())
        .get_result(conn)
        .await?;
    let created = Step { id: new.id, version: 1, action: "create", state: StateName::Draft };
    let by = By { person: Some(new.person), acting_for: Some(new.organisation) };
    let detail = json!({"action": "create"});
    created.store(conn, by, moment, detail.clone()).await?;
    let record = CaseRecord::try_from((row, vec![created.entry(by, moment, detail)]));
    let answer = answer(&record.map_err(Error::from)?);
    licensing_requests::finish(conn, request, &answer).await?;
    Ok(Answered::Now(answer))
}

/// What an application is changed to.
#[derive(Clone, Debug)]
pub struct Edit {
    /// What kind of licence is asked for.
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
            let possible = domain::case::possible(state, &[Role::Exporter]);
            let action = domain::case::ActionName::Submit;
            return Err(NotAllowed::NotInThisState { state, action, possible }.into());
        }
        let version = record.version + 1;
        let by = By { person: Some(edit.person), acting_for: Some(record.case.organisation) };
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
        edited.store(conn, by, moment, json!({"action": "edit"})).await?;
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
        let mut record = opened(conn, on, moment, regime).await?;
        if !is_the_applicants(&action) {
            record = facts::known(conn, record, regime, moment.today()).await?;
        }
        check(&record)?;
        take(conn, record, action, actor, moment).await
    })
    .await
}

/// Countersigns an approval and, with the last signature, issues its licence, in one transaction.
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
        let record = facts::known(conn, record, regime, moment.today()).await?;
        // Judged before a number is taken: most refusals end here.
        let action = Action::Countersign { licence };
        let (_, event) = record.case.clone().decide(action.clone(), actor, moment.today())?;
        if !event.is_decision() {
            return take(conn, record, action, actor, moment).await;
        }
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

pub(super) async fn take(
    conn: &mut AsyncPgConnection,
    record: CaseRecord,
    action: Action,
    actor: &Actor,
    moment: &Moment,
) -> Result<CaseRecord, CaseError> {
    let (case, event) = record.case.clone().decide(action, actor, moment.today())?;
    let version = case.version;
    let submitted = (event.state == StateName::Submitted && event.action == Action::Submit)
        .then(|| cases::submitted_at.eq(moment.at.to_diesel()));
    let routed = matches!(event.action, Action::Route { .. })
        .then(|| cases::routed_at.eq(moment.at.to_diesel()));
    let worked = (!is_the_applicants(&event.action) && event.action != Action::DeemAccepted)
        .then(|| WorkColumns::of(&case));
    let asked = matches!(event.action, Action::AskApplicant { .. } | Action::CloseQuery { .. })
        .then(|| QueryColumns::of(&case));
    if matches!(event.action, Action::AnswerQuery { .. }) {
        note_answered(conn, &case, moment).await?;
    } else {
        diesel::update(cases::table.filter(cases::id.eq(case.id.as_uuid())))
            .set((
                StateColumns::of(&case.state),
                cases::version.eq(sql_version(version)),
                cases::updated_at.eq(moment.at.to_diesel()),
                submitted,
                routed,
                worked,
                asked,
            ))
            .execute(conn)
            .await?;
    }
    let name = event.action.name();
    let step = Step { id: case.id, version, action: name.as_str(), state: event.state };
    let by = By { person: event.person, acting_for: actor.organisation() };
    step.store(conn, by, moment, detail(&event, &record)).await?;
    tell(conn, &event, &record.case, version, moment).await?;
    if record.case.state.name() != event.state {
        change_licence(conn, &record, &event, moment).await?;
    }
    find(conn, case.id).await?.ok_or(CaseError::NoSuchCase)
}

/// Pauses, resumes or ends the licence that an application is to change.
async fn change_licence(
    conn: &mut AsyncPgConnection,
    record: &CaseRecord,
    event: &CaseEvent,
    moment: &Moment,
) -> Result<(), CaseError> {
    let corrupt = |_| CorruptRow { table: "cases", column: "content", id: event.case.as_uuid() };
    let draft: Draft =
        serde_json::from_value(record.content.clone()).map_err(corrupt).map_err(Error::from)?;
    let (Some(number), Some(effect)) = (draft.earlier_licence, draft.purpose.effect(event.state))
    else {
        return Ok(());
    };
    licences::follow(conn, number, (event.case, effect), event.person, moment).await?;
    Ok(())
}

/// Applicants bring no case into the states in which they answer: all that an answer changes is
/// changed by a function that changes nothing else.
async fn note_answered(
    conn: &mut AsyncPgConnection,
    case: &Case,
    moment: &Moment,
) -> Result<(), CaseError> {
    let QueryColumns { open_queries, answered_queries } = QueryColumns::of(case);
    let noted: Option<bool> = diesel::select(note_answer(
        case.id.as_uuid(),
        sql_version(case.version),
        open_queries,
        answered_queries,
        moment.at.to_diesel(),
    ))
    .get_result(conn)
    .await?;
    noted.map(drop).ok_or(CaseError::NoSuchCase)
}

/// What applicants do: nothing that officials know of a case has a say in it.
const fn is_the_applicants(action: &Action) -> bool {
    matches!(
        action,
        Action::Submit
            | Action::Withdraw
            | Action::AnswerQuery { .. }
            | Action::RequestReconsideration { .. }
    )
}

async fn tell(
    conn: &mut AsyncPgConnection,
    event: &CaseEvent,
    before: &Case,
    version: u32,
    moment: &Moment,
) -> Result<(), Error> {
    let (case, organisation, person) = (event.case, before.organisation, event.person);
    let state = event.state.to_string();
    let action = event.action.name().to_string();
    if event.action == Action::Submit {
        let told = Event::ApplicationSubmitted { case, organisation, version };
        return events::append(conn, &moment.origin(person), case.as_uuid(), &told).await;
    }
    if event.is_told_to_the_applicant() {
        let told = Event::CaseMoved { case, organisation, action, state, person, version };
        return events::append(conn, &moment.origin(person), case.as_uuid(), &told).await;
    }
    if before.state.name() != event.state {
        // Where it stands is the applicant's to know, not what brought it there, nor who.
        let (action, state) = (MOVED_ON.to_owned(), state.clone());
        let told = Event::CaseMoved { case, organisation, action, state, person: None, version };
        events::append(conn, &moment.origin(None), case.as_uuid(), &told).await?;
    }
    let worked = Event::CaseWorked { case, action, state, person, version };
    events::append(conn, &moment.origin(person), case.as_uuid(), &worked).await
}

/// What belongs to an action; with a submission, what was submitted, as it may change later.
fn detail(event: &CaseEvent, record: &CaseRecord) -> Value {
    let mut detail = serde_json::to_value(&event.action).expect("an action is plain JSON");
    if event.action == Action::Submit {
        detail["content"] = record.content.clone();
    }
    if let (Action::Undo { .. }, Some(undone)) = (&event.action, record.case.work.undoable.last()) {
        detail["undone"] = undone.action.as_str().into();
        detail["undone_version"] = undone.version.into();
    }
    detail
}

/// Who took a step, acting for whom.
#[derive(Clone, Copy)]
struct By {
    person: Option<PersonId>,
    acting_for: Option<OrganisationId>,
}

struct Step {
    id: CaseId,
    version: u32,
    action: &'static str,
    state: StateName,
}

impl Step {
    /// The step as it is read back.
    fn entry(&self, by: By, moment: &Moment, detail: Value) -> HistoryEntry {
        // As Postgres keeps it: to the microsecond.
        let at = Timestamp::from_microsecond(moment.at.as_microsecond());
        HistoryEntry {
            version: self.version,
            action: self.action.to_owned(),
            state: self.state.to_string(),
            person: by.person,
            acting_for: by.acting_for,
            at: at.expect("it was a moment before"),
            on: moment.today(),
            detail,
        }
    }

    async fn store(
        &self,
        conn: &mut AsyncPgConnection,
        by: By,
        moment: &Moment,
        detail: Value,
    ) -> Result<(), Error> {
        diesel::insert_into(case_events::table)
            .values((
                case_events::case_id.eq(self.id.as_uuid()),
                case_events::version.eq(sql_version(self.version)),
                case_events::action.eq(self.action),
                case_events::state.eq(self.state.as_str()),
                case_events::person.eq(by.person.map(PersonId::as_uuid)),
                case_events::acting_for.eq(by.acting_for.map(OrganisationId::as_uuid)),
                case_events::occurred_at.eq(moment.at.to_diesel()),
                case_events::occurred_on.eq(moment.today().to_diesel()),
                case_events::detail.eq(detail),
            ))
            .execute(conn)
            .await?;
        Ok(())
    }
}

pub(super) async fn locked(
    conn: &mut AsyncPgConnection,
    id: CaseId,
) -> Result<CaseRecord, CaseError> {
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

fn sql_version(version: u32) -> i32 {
    i32::try_from(version).expect("no case is changed two thousand million times")
}
