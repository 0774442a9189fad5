//! What is counted of applications, from their history.

use crate::{
    Error,
    row::Reader,
    schema::{case_events, cases},
};
use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{application::FirstSubmission, case::ActionName, regime::LicenceKind};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What became of the papers of applications that were first handed in within these days.
pub async fn first_submissions(
    conn: &mut AsyncPgConnection,
    from: Date,
    until: Date,
) -> Result<Vec<FirstSubmission>, Error> {
    let judging =
        [ActionName::Submit, ActionName::Return, ActionName::Accept, ActionName::DeemAccepted];
    let rows: Vec<(Uuid, String, String, jiff_diesel::Date)> = case_events::table
        .inner_join(cases::table.on(cases::id.eq(case_events::case_id)))
        .filter(case_events::action.eq_any(judging.map(ActionName::as_str)))
        // Whoever was handed in before these days is not handed in for the first time in them.
        .filter(case_events::occurred_on.ge(from.to_diesel()))
        .order((case_events::case_id, case_events::version))
        .select((cases::id, cases::kind, case_events::action, case_events::occurred_on))
        .load(conn)
        .await?;
    let before: Vec<Uuid> = case_events::table
        .filter(case_events::action.eq(ActionName::Submit.as_str()))
        .filter(case_events::occurred_on.lt(from.to_diesel()))
        .filter(case_events::case_id.eq_any(rows.iter().map(|(id, ..)| *id).collect::<Vec<_>>()))
        .select(case_events::case_id)
        .load(conn)
        .await?;
    let mut first: BTreeMap<Uuid, FirstSubmission> = BTreeMap::new();
    for (id, kind, action, on) in rows {
        if before.contains(&id) {
            continue;
        }
        let kind: LicenceKind = Reader { table: "cases", id }.word("kind", &kind)?;
        let known = first.get_mut(&id);
        match (action.parse::<ActionName>(), known) {
            (Ok(ActionName::Submit), None) if Date::from(on) <= until => {
                first.insert(id, FirstSubmission { kind, returned: false, accepted: false });
            }
            (Ok(ActionName::Return), Some(submission)) => submission.returned = true,
            (Ok(ActionName::Accept | ActionName::DeemAccepted), Some(submission)) => {
                submission.accepted = true;
            }
            _ => {}
        }
    }
    Ok(first.into_values().collect())
}
