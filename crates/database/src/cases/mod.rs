//! Applications in Postgres: every change locks the row, lets the domain decide, and stores the
//! new state, its history and its event in one transaction.
//!
//! Who may do what is not decided here: [`domain::case`] is asked, and the table's own checks
//! stand behind it. Nor whose it is: officials ask as `lodestone_licensing`, which sees every case,
//! applicants as `lodestone_applicant`, to which another organisation's do not exist.

mod change;
mod decided;
mod facts;
mod list;
mod lots;
mod page;
mod queue;
mod routing;
mod row;

pub use change::{
    CaseError, CaseVersion, Edit, Issued, Moment, NewCase, accept_overdue, countersign, create,
    edit, transition,
};
pub use decided::decided_since;
pub use list::{CaseHeader, QueuePlace, of_organisation};
pub use lots::{CitedClaim, CitedLots, cited_lots};
pub use page::{
    CaseFinding, CasePage, Compliance, Precedent, QueueName, exporter, page, precedents,
};
pub use queue::{
    ClockFacts, OfOfficer, QueueCount, QueueEntry, QueueFilter, WaitsFor, clocks, queue,
    queue_counts,
};
pub use routing::{
    NewRouting, RoutingVersion, make_routing, route, routing_in_force, routing_versions, unrouted,
};
pub use row::{Assessment, CaseRecord, HistoryEntry};

use crate::{
    Error,
    schema::{application_assessments, case_events, cases, memberships, organisations},
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    ids::{CaseId, OrganisationId, PersonId},
    licence::Holder,
};
use row::{AssessmentRow, CaseRow, HistoryRow};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Finds a case. `None` is an ordinary answer.
pub async fn find(conn: &mut AsyncPgConnection, id: CaseId) -> Result<Option<CaseRecord>, Error> {
    let row: Option<CaseRow> =
        CaseRow::query().filter(cases::id.eq(id.as_uuid())).first(conn).await.optional()?;
    match row {
        Some(row) => Ok(Some(with_history(conn, row).await?)),
        None => Ok(None),
    }
}

/// What happened to a case, first thing first.
pub async fn history(conn: &mut AsyncPgConnection, id: CaseId) -> Result<Vec<HistoryEntry>, Error> {
    let rows: Vec<HistoryRow> = HistoryRow::query()
        .filter(case_events::case_id.eq(id.as_uuid()))
        .order(case_events::version)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(HistoryEntry::from).collect())
}

/// The worker's latest assessment of a case.
pub async fn assessment(
    conn: &mut AsyncPgConnection,
    id: CaseId,
) -> Result<Option<Assessment>, Error> {
    let row: Option<AssessmentRow> = AssessmentRow::query()
        .filter(application_assessments::case_id.eq(id.as_uuid()))
        .order((
            application_assessments::case_version.desc(),
            application_assessments::assessed_at.desc(),
        ))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Assessment::from))
}

/// An organisation as licences name it.
pub async fn holder(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
) -> Result<Option<Holder>, Error> {
    type Row = (Option<String>, Option<String>, Option<String>, String, String);
    let row: Option<Row> = organisations::table
        .filter(organisations::id.eq(organisation.as_uuid()))
        .select((
            organisations::uscc,
            organisations::lei,
            organisations::registration,
            organisations::name_zh,
            organisations::name_en,
        ))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(uscc, lei, registration, name_zh, name_en)| Holder {
        organisation,
        identifier: uscc.or(lei).or(registration).unwrap_or_default(),
        name_zh,
        name_en,
    }))
}

/// Every organisation that a person belongs to, whatever account or key is used.
pub async fn organisations_of(
    conn: &mut AsyncPgConnection,
    person: PersonId,
) -> Result<BTreeSet<OrganisationId>, Error> {
    let ids: Vec<Uuid> = memberships::table
        .filter(memberships::person.eq(person.as_uuid()))
        .filter(memberships::ended_at.is_null())
        .select(memberships::organisation)
        .load(conn)
        .await?;
    Ok(ids.into_iter().map(OrganisationId::from_uuid).collect())
}

async fn with_history(conn: &mut AsyncPgConnection, row: CaseRow) -> Result<CaseRecord, Error> {
    let history = history(conn, CaseId::from_uuid(row.id)).await?;
    Ok(CaseRecord::try_from((row, history))?)
}
