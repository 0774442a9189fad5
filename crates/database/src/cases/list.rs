//! Lists of cases, page by page.

use crate::{
    Error,
    row::Reader,
    schema::{cases, organisations},
};
use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    case::StateName,
    ids::{CaseId, OrganisationId, PersonId},
    licence::SerialNumber,
    regime::LicenceKind,
};
use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

/// A case as lists show it.
#[derive(Clone, Debug)]
pub struct CaseHeader {
    /// Which.
    pub id: CaseId,
    /// The number people know it by.
    pub number: SerialNumber,
    /// The applicant.
    pub organisation: OrganisationId,
    /// The applicant's Chinese name.
    pub name_zh: String,
    /// The applicant's English name.
    pub name_en: String,
    /// What kind of licence is asked for.
    pub kind: LicenceKind,
    /// Where it stands.
    pub state: StateName,
    /// Its version.
    pub version: u32,
    /// When it was last handed in.
    pub submitted_at: Option<Timestamp>,
    /// The day that counts as acceptance.
    pub accepted_on: Option<Date>,
    /// Who examines it.
    pub reviewer: Option<PersonId>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A place in the officers' queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct QueuePlace {
    /// When the case was handed in.
    pub submitted_at: Timestamp,
    /// Which case.
    pub id: CaseId,
}

pub(super) type Columns = (
    (Uuid, String, Uuid, String, String, String, String, i32),
    (
        Option<jiff_diesel::Timestamp>,
        Option<jiff_diesel::Date>,
        Option<Uuid>,
        jiff_diesel::Timestamp,
        jiff_diesel::Timestamp,
    ),
);

macro_rules! columns {
    () => {{
        use crate::schema::{cases, organisations};
        (
            (
                cases::id,
                cases::number,
                cases::organisation,
                organisations::name_zh,
                organisations::name_en,
                cases::kind,
                cases::state,
                cases::version,
            ),
            (
                cases::submitted_at,
                cases::accepted_on,
                cases::reviewer,
                cases::created_at,
                cases::updated_at,
            ),
        )
    }};
}
pub(super) use columns;

/// An organisation's applications, the newest first, after one of them.
pub async fn of_organisation(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    after: Option<CaseId>,
    limit: i64,
) -> Result<Vec<CaseHeader>, Error> {
    let mut query = cases::table
        .inner_join(organisations::table.on(organisations::id.eq(cases::organisation)))
        .select(columns!())
        .filter(cases::organisation.eq(organisation.as_uuid()))
        .order(cases::id.desc())
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(cases::id.lt(after.as_uuid()));
    }
    parsed(query.load(conn).await?)
}

fn parsed(rows: Vec<Columns>) -> Result<Vec<CaseHeader>, Error> {
    rows.into_iter().map(header).collect()
}

pub(super) fn header(columns: Columns) -> Result<CaseHeader, Error> {
    let (
        (id, number, organisation, name_zh, name_en, kind, state, version),
        (submitted_at, accepted_on, reviewer, created_at, updated_at),
    ) = columns;
    let reader = Reader { table: "cases", id };
    Ok(CaseHeader {
        id: CaseId::from_uuid(id),
        number: reader.word("number", &number)?,
        organisation: OrganisationId::from_uuid(organisation),
        name_zh,
        name_en,
        kind: reader.word("kind", &kind)?,
        state: reader.word("state", &state)?,
        version: version.unsigned_abs(),
        submitted_at: submitted_at.map(Into::into),
        accepted_on: accepted_on.map(Into::into),
        reviewer: reviewer.map(PersonId::from_uuid),
        created_at: created_at.into(),
        updated_at: updated_at.into(),
    })
}
