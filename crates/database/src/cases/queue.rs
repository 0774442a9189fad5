//! The officers' queue: a page of it, what it holds by state, queue and risk, and the clocks of the
//! cases on the page. A statement each.

use super::{CaseHeader, HistoryEntry, QueuePlace, list::header, row::clock_events};
use crate::{
    Error,
    row::Reader,
    schema::{cases, organisations},
    screening::ask::{Ask, Bind, Statement},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, PgArrayExpressionMethods, QueryDsl,
    QueryableByName,
    dsl::sql,
    sql_types::{BigInt, Bool, Date as SqlDate, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    case::{ActionName, ClockEvent, RiskGrade, Slug, StateName},
    ids::{CaseId, OrganisationId, PersonId},
    regime::{ClockExemption, LicenceKind},
};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// The states that wait for officials, as the indices have them: a parameter would hide from the
/// planner that they apply.
const WAITS: &str = "cases.state in ('submitted', 'accepted', 'under_review', 'agency_advice', 'under_final_review', \
     'countersign', 'under_reconsideration')";

/// Which cases to show; what is not said is not asked.
#[derive(Clone, Debug, Default)]
pub struct QueueFilter {
    /// In this state.
    pub state: Option<StateName>,
    /// In this queue.
    pub queue: Option<Slug>,
    /// Of this risk.
    pub risk: Option<RiskGrade>,
    /// For this kind of licence.
    pub kind: Option<LicenceKind>,
    /// To this country.
    pub destination: Option<String>,
    /// Of this exporter.
    pub exporter: Option<OrganisationId>,
    /// With this flag.
    pub flag: Option<Slug>,
    /// Whose they are.
    pub officer: Option<OfOfficer>,
    /// What they wait for.
    pub waits: Option<WaitsFor>,
}

/// Whose cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfOfficer {
    /// Of this one.
    Person(PersonId),
    /// Of nobody.
    Nobody,
    /// Of whoever is away on this day: they are offered for reassignment.
    Absent(Date),
}

/// What a case waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// A flag that blocks a decision.
    Flag,
    /// The applicant's answer.
    Answer,
    /// An officer who reads an answer.
    Reading,
}

/// A case as the queue shows it.
#[derive(Clone, Debug)]
pub struct QueueEntry {
    /// What every list shows.
    pub header: CaseHeader,
    /// What the applicant wrote.
    pub content: Value,
    /// The queue.
    pub queue: Option<String>,
    /// The risk when it was last worked on.
    pub risk: RiskGrade,
    /// Who shall examine it.
    pub assigned_to: Option<PersonId>,
    /// The flags that are raised.
    pub flags: Vec<String>,
    /// How many of them block.
    pub blocking_flags: i16,
    /// Questions that wait for the applicant.
    pub open_queries: i16,
    /// Answers that wait for the officer.
    pub answered_queries: i16,
    /// The signatures that a decision takes, and those that are there.
    pub signatures: (i16, usize),
}

type WorkRow =
    ((Option<String>, String, Option<Uuid>, Vec<String>, Value), (i16, i16, i16, i16, Vec<Uuid>));

/// A page of cases that wait for officials, the longest waiting first.
pub async fn queue(
    conn: &mut AsyncPgConnection,
    filter: &QueueFilter,
    after: Option<QueuePlace>,
    limit: i64,
) -> Result<Vec<QueueEntry>, Error> {
    let mut query = cases::table
        .inner_join(organisations::table.on(organisations::id.eq(cases::organisation)))
        .filter(cases::submitted_at.is_not_null())
        .order((cases::submitted_at, cases::id))
        .limit(limit)
        .select((
            super::list::columns!(),
            (
                (cases::queue, cases::risk, cases::assigned_to, cases::flags, cases::content),
                (
                    cases::blocking_flags,
                    cases::open_queries,
                    cases::answered_queries,
                    cases::signatures_required,
                    cases::signed_by,
                ),
            ),
        ))
        .into_boxed();
    if filter.state.is_none_or(waits_for_officials) {
        query = query.filter(sql::<Bool>(WAITS));
    }
    if let Some(state) = filter.state {
        query = query.filter(cases::state.eq(state.as_str()));
    }
    if let Some(queue) = &filter.queue {
        query = query.filter(cases::queue.eq(queue.as_str()));
    }
    if let Some(risk) = filter.risk {
        query = query.filter(cases::risk.eq(risk.as_str()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(cases::kind.eq(kind.as_str()));
    }
    if let Some(destination) = &filter.destination {
        query = query.filter(cases::destination.eq(destination));
    }
    if let Some(exporter) = filter.exporter {
        query = query.filter(cases::organisation.eq(exporter.as_uuid()));
    }
    if let Some(flag) = &filter.flag {
        query = query.filter(cases::flags.contains(vec![flag.as_str()]));
    }
    let officer = || sql::<Nullable<SqlUuid>>("coalesce(cases.reviewer, cases.assigned_to)");
    query = match filter.officer {
        None => query,
        // The officer comes first in the order, where all have the same: as in the index, so that a
        // page of one with thousands of cases is not sorted out of all of them.
        Some(OfOfficer::Person(person)) => query
            .filter(officer().eq(person.as_uuid()))
            .order((officer(), cases::submitted_at, cases::id)),
        Some(OfOfficer::Nobody) => query
            .filter(officer().is_null())
            .order((officer(), cases::submitted_at, cases::id)),
        Some(OfOfficer::Absent(day)) => query.filter(
            sql::<Bool>(
                "coalesce(cases.reviewer, cases.assigned_to) in (select person from officer_absences where ",
            )
            .bind::<SqlDate, _>(jiff_diesel::Date::from(day))
            .sql(" between first_day and last_day)"),
        ),
    };
    query = match filter.waits {
        None => query,
        Some(WaitsFor::Flag) => query.filter(cases::blocking_flags.gt(0)),
        Some(WaitsFor::Answer) => query.filter(cases::open_queries.gt(0)),
        Some(WaitsFor::Reading) => query.filter(cases::answered_queries.gt(0)),
    };
    if let Some(place) = after {
        let (at, id) = (place.submitted_at.to_diesel(), place.id.as_uuid());
        query = query.filter(
            cases::submitted_at.gt(at).or(cases::submitted_at.eq(at).and(cases::id.gt(id))),
        );
    }
    let rows: Vec<(super::list::Columns, WorkRow)> = query.load(conn).await?;
    rows.into_iter().map(entry).collect()
}

/// Whether it is officials who do the next thing.
const fn waits_for_officials(state: StateName) -> bool {
    use StateName as S;
    match state {
        S::Submitted
        | S::Accepted
        | S::UnderReview
        | S::AgencyAdvice
        | S::UnderFinalReview
        | S::Countersign
        | S::UnderReconsideration => true,
        S::Draft | S::Approved | S::Refused | S::Returned | S::Withdrawn => false,
    }
}

fn entry((columns, work): (super::list::Columns, WorkRow)) -> Result<QueueEntry, Error> {
    let header = header(columns)?;
    let ((queue, risk, assigned_to, flags, content), counts) = work;
    let (blocking_flags, open_queries, answered_queries, required, signed_by) = counts;
    let reader = Reader { table: "cases", id: header.id.as_uuid() };
    Ok(QueueEntry {
        header,
        content,
        queue,
        risk: reader.word("risk", &risk)?,
        assigned_to: assigned_to.map(PersonId::from_uuid),
        flags,
        blocking_flags,
        open_queries,
        answered_queries,
        signatures: (required, signed_by.len()),
    })
}

/// How many cases wait, of one state, queue and risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueCount {
    /// The state.
    pub state: StateName,
    /// The queue.
    pub queue: Option<String>,
    /// The risk.
    pub risk: RiskGrade,
    /// How many.
    pub cases: i64,
    /// How many of them nobody has.
    pub unassigned: i64,
    /// How many of them a flag blocks.
    pub blocked: i64,
    /// How many of them have an answer that nobody has read.
    pub answered: i64,
}

struct Counted;

impl Statement for Counted {
    const TEXT: &'static str = "
        select state, queue, risk, count(*) as cases,
            count(*) filter (where reviewer is null and assigned_to is null) as unassigned,
            count(*) filter (where blocking_flags > 0) as blocked,
            count(*) filter (where answered_queries > 0) as answered
        from cases
        where state in ('submitted', 'accepted', 'under_review', 'agency_advice', 'under_final_review', 'countersign',
            'under_reconsideration')
        group by state, queue, risk
        order by state, queue, risk";
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    queue: Option<String>,
    #[diesel(sql_type = Text)]
    risk: String,
    #[diesel(sql_type = BigInt)]
    cases: i64,
    #[diesel(sql_type = BigInt)]
    unassigned: i64,
    #[diesel(sql_type = BigInt)]
    blocked: i64,
    #[diesel(sql_type = BigInt)]
    answered: i64,
}

/// What waits, by state, queue and risk.
pub async fn queue_counts(conn: &mut AsyncPgConnection) -> Result<Vec<QueueCount>, Error> {
    let rows: Vec<CountRow> = Ask::<Counted>::with(Vec::new()).load(conn).await?;
    let reader = Reader { table: "cases", id: Uuid::nil() };
    rows.into_iter()
        .map(|row| {
            Ok(QueueCount {
                state: reader.word("state", &row.state)?,
                queue: row.queue,
                risk: reader.word("risk", &row.risk)?,
                cases: row.cases,
                unassigned: row.unassigned,
                blocked: row.blocked,
                answered: row.answered,
            })
        })
        .collect()
}

/// What clocks take notice of, without what was submitted.
struct ClockSteps;

impl Statement for ClockSteps {
    const TEXT: &'static str = "
        select case_id, version, action, state, occurred_on,
            case when action in ('stop_clock', 'undo', 'exempt') then detail else '{}' end as detail
        from case_events
        where case_id = any (?::uuid[]) and action in ('submit', 'accept', 'deem_accepted', 'begin_review', 'stop_clock',
            'resume_clock', 'undo', 'exempt', 'request_reconsideration', 'withdraw', 'countersign', 'confirm_refusal')
        order by case_id, version";
}

#[derive(QueryableByName)]
struct StepRow {
    #[diesel(sql_type = SqlUuid)]
    case_id: Uuid,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = SqlDate)]
    occurred_on: jiff_diesel::Date,
    #[diesel(sql_type = Jsonb)]
    detail: Value,
}

/// What the clock of a case takes notice of.
#[derive(Clone, Debug, Default)]
pub struct ClockFacts {
    /// What happened.
    pub events: Vec<ClockEvent>,
    /// The kind of case without a time limit that it was found to be.
    pub exemption: Option<ClockExemption>,
}

/// What the clocks of these cases take notice of.
pub async fn clocks(
    conn: &mut AsyncPgConnection,
    of: &[CaseId],
) -> Result<HashMap<CaseId, ClockFacts>, Error> {
    let ids = of.iter().map(|case| case.as_uuid()).collect();
    let rows: Vec<StepRow> = Ask::<ClockSteps>::with(vec![Bind::Uuids(ids)]).load(conn).await?;
    let mut steps: HashMap<CaseId, Vec<HistoryEntry>> = HashMap::new();
    for row in rows {
        let on: Date = row.occurred_on.into();
        steps.entry(CaseId::from_uuid(row.case_id)).or_default().push(HistoryEntry {
            version: row.version.unsigned_abs(),
            action: row.action,
            state: row.state,
            person: None,
            acting_for: None,
            at: jiff::Timestamp::UNIX_EPOCH,
            on,
            detail: row.detail,
        });
    }
    let facts = steps.into_iter().map(|(case, steps)| {
        let exempt = steps.iter().rev().find(|step| step.action == ActionName::Exempt.as_str());
        let exemption = exempt.and_then(|step| step.detail["exemption"].as_str()?.parse().ok());
        (case, ClockFacts { events: clock_events(&steps), exemption })
    });
    Ok(facts.collect())
}
