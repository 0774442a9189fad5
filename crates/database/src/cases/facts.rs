//! What the law of the workflow asks about a case and about officials beside its own steps.

use super::CaseRecord;
use crate::{
    Error,
    row::Reader,
    screening::ask::{Ask, Bind, Statement},
};
use diesel::{
    QueryableByName,
    sql_types::{Array, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    case::{CountersignOrder, RiskGrade},
    ids::PersonId,
    regime::Regime,
};
use jiff::civil::Date;
use uuid::Uuid;

/// The latest assessment, who is not impartial, and who is away.
struct OfCase;

impl Statement for OfCase {
    const TEXT: &'static str = "
        select (select a.risk from application_assessments a where a.case_id = asked.id
                order by a.case_version desc, a.assessed_at desc limit 1) as risk,
            array(select distinct c.person from officer_conflicts c
                where c.case_id = asked.id or c.exporter = asked.exporter) as conflicted,
            array(select distinct a.person from officer_absences a
                where asked.today between a.first_day and a.last_day) as absent
        from (select ?::uuid as id, ?::uuid as exporter, ?::date as today) asked";
}

#[derive(QueryableByName)]
struct FactsRow {
    #[diesel(sql_type = Nullable<Text>)]
    risk: Option<String>,
    #[diesel(sql_type = Array<SqlUuid>)]
    conflicted: Vec<Uuid>,
    #[diesel(sql_type = Array<SqlUuid>)]
    absent: Vec<Uuid>,
}

/// The case with what officials' steps are judged by.
pub(super) async fn known(
    conn: &mut AsyncPgConnection,
    mut record: CaseRecord,
    regime: &Regime,
    today: Date,
) -> Result<CaseRecord, Error> {
    let id = record.case.id.as_uuid();
    let exporter = record.case.organisation.as_uuid();
    let binds = vec![Bind::Uuid(Some(id)), Bind::Uuid(Some(exporter)), Bind::Date(today.into())];
    let row: FactsRow = Ask::<OfCase>::with(binds).get_result(conn).await?;
    let reader = Reader { table: "application_assessments", id };
    let risk = reader.optional_word("risk", row.risk.as_deref())?;
    let risk = risk.unwrap_or(RiskGrade::Unassessed);
    record.case.order = CountersignOrder::of(regime, risk, today);
    record.case.conflicted = row.conflicted.into_iter().map(PersonId::from_uuid).collect();
    record.case.absent = row.absent.into_iter().map(PersonId::from_uuid).collect();
    Ok(record)
}
