//! Lists of cases, page by page.

use crate::{
    Error,
    row::Reader,
    schema::{cases, organisations},
};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    case::StateName,
    ids::{CaseId, OrganisationId, PersonId},
    licence::SerialNumber,
    regime::LicenceKind,
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
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

type Columns = (
    (Uuid, String, Uuid, String, String, String, String, i32),
    (
        Option<jiff_diesel::Timestamp>,
        Option<jiff_diesel::Date>,
        Option<Uuid>,
        jiff_diesel::Timestamp,
        jiff_diesel::Timestamp,
    ),
);

macro_rules! headers {
    () => {
        cases::table
            .inner_join(organisations::table.on(organisations::id.eq(cases::organisation)))
            .select((
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
            ))
    };
}

/// An organisation's applications, the newest first, after one of them.
pub async fn of_organisation(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    after: Option<CaseId>,
    limit: i64,
) -> Result<Vec<CaseHeader>, Error> {
    let mut query = headers!()
        .filter(cases::organisation.eq(organisation.as_uuid()))
        .order(cases::id.desc())
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(cases::id.lt(after.as_uuid()));
    }
    parsed(query.load(conn).await?)
}

/// The officers' queue: cases in one of these states, the longest waiting first.
pub async fn queue(
    conn: &mut AsyncPgConnection,
    states: &[StateName],
    after: Option<QueuePlace>,
    limit: i64,
) -> Result<Vec<CaseHeader>, Error> {
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let mut query = headers!()
        .filter(cases::state.eq_any(states))
        .filter(cases::submitted_at.is_not_null())
        .order((cases::submitted_at, cases::id))
        .limit(limit)
        .into_boxed();
    if let Some(place) = after {
        let (at, id) = (place.submitted_at.to_diesel(), place.id.as_uuid());
        query = query.filter(
            cases::submitted_at.gt(at).or(cases::submitted_at.eq(at).and(cases::id.gt(id))),
        );
    }
    parsed(query.load(conn).await?)
}

fn parsed(rows: Vec<Columns>) -> Result<Vec<CaseHeader>, Error> {
    rows.into_iter().map(header).collect()
}

fn header(columns: Columns) -> Result<CaseHeader, Error> {
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
