//! Cases that were decided, worked out from what happened.

use super::{HistoryEntry, row::clock_events};
use crate::{
    Error,
    row::Reader,
    screening::ask::{Ask, Bind, Statement},
};
use diesel::{
    QueryableByName,
    sql_types::{Date as SqlDate, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    case::{ClockEvent, DecidedCase, StateName},
    ids::OrganisationId,
};
use jiff::civil::Date;
use serde_json::Value;
use uuid::Uuid;

/// The steps of decided cases that say when they were accepted and decided.
struct Steps;

impl Statement for Steps {
    const TEXT: &'static str = "
        select e.case_id, e.version, e.action, e.state, e.occurred_on,
            case when e.action = 'undo' then e.detail else '{}' end as detail,
            c.organisation, c.kind, c.destination
        from cases c
        join case_events e on e.case_id = c.id
        where c.id in (select d.case_id from case_events d
                where d.action in ('countersign', 'confirm_refusal') and d.occurred_on >= ?::date)
            and e.action in ('submit', 'accept', 'deem_accepted', 'begin_review', 'undo', 'request_reconsideration',
                'countersign', 'confirm_refusal')
        order by e.case_id, e.version";
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
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    destination: Option<String>,
}

/// Every decision since a day, from the events themselves; a case that was reconsidered is two.
pub async fn decided_since(
    conn: &mut AsyncPgConnection,
    since: Date,
) -> Result<Vec<DecidedCase>, Error> {
    let rows: Vec<StepRow> = Ask::<Steps>::with(vec![Bind::Date(since.into())]).load(conn).await?;
    let mut decided = Vec::new();
    for of_case in rows.chunk_by(|one, other| one.case_id == other.case_id) {
        decisions(of_case, &mut decided)?;
    }
    decided.retain(|case| since <= case.decided_on);
    Ok(decided)
}

fn decisions(steps: &[StepRow], decided: &mut Vec<DecidedCase>) -> Result<(), Error> {
    let Some(first) = steps.first() else { return Ok(()) };
    let reader = Reader { table: "cases", id: first.case_id };
    let kind = reader.word("kind", &first.kind)?;
    let entries: Vec<HistoryEntry> = steps
        .iter()
        .map(|row| HistoryEntry {
            version: row.version.unsigned_abs(),
            action: row.action.clone(),
            state: row.state.clone(),
            person: None,
            acting_for: None,
            at: jiff::Timestamp::UNIX_EPOCH,
            on: row.occurred_on.into(),
            detail: row.detail.clone(),
        })
        .collect();
    let outcomes = steps.iter().filter(|row| ["approved", "refused"].contains(&row.state.as_str()));
    let mut outcomes = outcomes.filter(|row| row.action != "request_reconsideration");
    let mut accepted = None;
    for event in clock_events(&entries) {
        match event {
            ClockEvent::Accepted(on) => accepted = Some(on),
            ClockEvent::Ended(decided_on) => {
                let outcome: Option<StateName> =
                    outcomes.next().map(|row| reader.word("state", &row.state)).transpose()?;
                decided.extend(accepted.take().zip(outcome).map(|(accepted_on, outcome)| {
                    DecidedCase {
                        organisation: OrganisationId::from_uuid(first.organisation),
                        kind,
                        destination: first.destination.clone(),
                        accepted_on,
                        decided_on,
                        outcome,
                    }
                }));
            }
            ClockEvent::Stopped { .. } | ClockEvent::Resumed { .. } => {}
        }
    }
    Ok(())
}
