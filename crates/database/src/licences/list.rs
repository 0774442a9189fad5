//! Lists of licences, page by page.

use crate::{
    Error,
    row::Reader,
    schema::{licence_changes, licences},
};
use diesel::{BoolExpressionMethods, ExpressionMethods, HasQuery, QueryDsl, TextExpressionMethods};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    identifiers::CountryCode,
    ids::{LicenceId, OrganisationId},
    licence::{LicenceState, SerialNumber, Series},
    regime::LicenceKind,
};
use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

/// A licence as lists show it.
#[derive(Clone, Debug)]
pub struct LicenceHeader {
    /// Which.
    pub id: LicenceId,
    /// Its number.
    pub number: SerialNumber,
    /// Who holds it.
    pub organisation: OrganisationId,
    /// What kind it is.
    pub kind: LicenceKind,
    /// Where it stands.
    pub state: LicenceState,
    /// The first day.
    pub valid_from: Date,
    /// The last day.
    pub valid_until: Date,
    /// Where the goods go.
    pub destination: CountryCode,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// A licence that is not to be used, for good or while something is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// Its number.
    pub number: SerialNumber,
    /// Revoked, surrendered or superseded; otherwise suspended, or about to be changed.
    pub for_good: bool,
}

/// The licences of a year's numbers that are not to be used now.
pub async fn withdrawn(conn: &mut AsyncPgConnection, year: u16) -> Result<Vec<Withdrawn>, Error> {
    let issued = LicenceState::Issued.as_str();
    let pending = licence_changes::table
        .filter(licence_changes::licence.eq(licences::id))
        .filter(licence_changes::ended_at.is_null());
    let rows: Vec<(Uuid, String, String)> = licences::table
        .filter(licences::number.like(format!("{}-{year:04}-%", Series::Licence)))
        .filter(licences::state.ne(issued).or(diesel::dsl::exists(pending)))
        .select((licences::id, licences::number, licences::state))
        .load(conn)
        .await?;
    let withdrawn = rows.into_iter().map(|(id, number, state)| {
        let reader = Reader { table: "licences", id };
        let state: LicenceState = reader.word("state", &state)?;
        Ok(Withdrawn {
            number: reader.word("number", &number)?,
            for_good: !matches!(state, LicenceState::Issued | LicenceState::Suspended),
        })
    });
    withdrawn.collect()
}

#[derive(HasQuery)]
#[diesel(table_name = licences)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct HeaderRow {
    id: Uuid,
    number: String,
    organisation: Uuid,
    kind: String,
    state: String,
    valid_from: jiff_diesel::Date,
    valid_until: jiff_diesel::Date,
    destination: String,
    issued_at: jiff_diesel::Timestamp,
}

/// Licences, the newest first, after one of them; of one organisation, or of all.
pub async fn of_organisation(
    conn: &mut AsyncPgConnection,
    organisation: Option<OrganisationId>,
    after: Option<LicenceId>,
    limit: i64,
) -> Result<Vec<LicenceHeader>, Error> {
    let mut query = HeaderRow::query().order(licences::id.desc()).limit(limit).into_boxed();
    if let Some(organisation) = organisation {
        query = query.filter(licences::organisation.eq(organisation.as_uuid()));
    }
    if let Some(after) = after {
        query = query.filter(licences::id.lt(after.as_uuid()));
    }
    let rows: Vec<HeaderRow> = query.load(conn).await?;
    rows.iter().map(header).collect()
}

fn header(row: &HeaderRow) -> Result<LicenceHeader, Error> {
    let reader = Reader { table: "licences", id: row.id };
    Ok(LicenceHeader {
        id: LicenceId::from_uuid(row.id),
        number: reader.word("number", &row.number)?,
        organisation: OrganisationId::from_uuid(row.organisation),
        kind: reader.word("kind", &row.kind)?,
        state: reader.word("state", &row.state)?,
        valid_from: row.valid_from.into(),
        valid_until: row.valid_until.into(),
        destination: reader.word("destination", &row.destination)?,
        issued_at: row.issued_at.into(),
    })
}
