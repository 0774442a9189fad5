//! Versions of the law in Postgres: stored once, never changed, in force from a stated moment.

use crate::{
    CorruptRow, Error,
    events::{self, Origin},
    schema::{regime_rows, regime_versions},
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    ids::PersonId,
    regime::{Provenance, Regime, RegimeRow, RegimeVersion, RowKind},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// Rows are inserted this many at a time: Postgres takes 65,535 parameters in one statement.
const ROWS_AT_ONCE: usize = 1_000;

/// One version as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// Its name.
    pub version: RegimeVersion,
    /// SHA-256 of its rows, in hexadecimal.
    pub content_hash: String,
    /// When it was imported.
    pub imported_at: Timestamp,
    /// By whom; nobody when it came with the installation.
    pub imported_by: Option<PersonId>,
    /// From when judgements use it.
    pub takes_effect_at: Timestamp,
}

/// What became of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Import {
    /// The version is new and stored.
    Stored,
    /// The same rows were stored before; nothing was changed.
    AlreadyThere,
}

/// Stores a regime that takes effect at a moment, with its event. The same rows twice are one
/// version, and keep the moment they were given first.
pub async fn import(
    conn: &mut AsyncPgConnection,
    regime: &Regime,
    takes_effect_at: Timestamp,
    origin: &Origin,
) -> Result<Import, Error> {
    conn.transaction(async |conn| {
        let version = regime.version().as_str();
        let stored = diesel::insert_into(regime_versions::table)
            .values((
                regime_versions::version.eq(version),
                regime_versions::content_hash.eq(hash_bytes(regime.content_hash())),
                regime_versions::imported_at.eq(origin.occurred_at.to_diesel()),
                regime_versions::imported_by.eq(origin.person.map(PersonId::as_uuid)),
                regime_versions::takes_effect_at.eq(takes_effect_at.to_diesel()),
            ))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        if stored == 0 {
            return Ok(Import::AlreadyThere);
        }
        let rows: Vec<_> = regime.rows().iter().map(|row| insertable(version, row)).collect();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            diesel::insert_into(regime_rows::table).values(rows).execute(conn).await?;
        }
        let event = Event::RegimeImported { version: version.to_owned(), person: origin.person };
        events::append(conn, origin, Uuid::nil(), &event).await?;
        Ok(Import::Stored)
    })
    .await
}

/// Every version, the one that takes effect last first.
pub async fn versions(conn: &mut AsyncPgConnection) -> Result<Vec<StoredVersion>, Error> {
    let rows: Vec<VersionRow> = VersionRow::query()
        .order((regime_versions::takes_effect_at.desc(), regime_versions::version))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(StoredVersion::from).collect())
}

/// The version that judgements use at a moment; none before the first has taken effect.
pub async fn version_in_force(
    conn: &mut AsyncPgConnection,
    at: Timestamp,
) -> Result<Option<RegimeVersion>, Error> {
    let version: Option<String> = regime_versions::table
        .filter(regime_versions::takes_effect_at.le(at.to_diesel()))
        .order((
            regime_versions::takes_effect_at.desc(),
            regime_versions::imported_at.desc(),
            regime_versions::version,
        ))
        .select(regime_versions::version)
        .first(conn)
        .await
        .optional()?;
    Ok(version.map(|version| named(&version)))
}

/// Reads a version. `None` where there is none of this name.
pub async fn load(
    conn: &mut AsyncPgConnection,
    version: &RegimeVersion,
) -> Result<Option<Regime>, Error> {
    let rows: Vec<Row> = Row::query()
        .filter(regime_rows::version.eq(version.as_str()))
        .order((regime_rows::kind, regime_rows::key))
        .load(conn)
        .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some(read(rows)?))
}

/// Reads the rows of one kind alone, of a version that is there: for who needs no others.
pub async fn load_kind(
    conn: &mut AsyncPgConnection,
    version: &RegimeVersion,
    kind: RowKind,
) -> Result<Regime, Error> {
    let rows: Vec<Row> = Row::query()
        .filter(regime_rows::version.eq(version.as_str()))
        .filter(regime_rows::kind.eq(kind.as_str()))
        .order(regime_rows::key)
        .load(conn)
        .await?;
    Ok(read(rows)?)
}

fn read(rows: Vec<Row>) -> Result<Regime, CorruptRow> {
    let rows = rows.into_iter().map(RegimeRow::try_from).collect::<Result<Vec<_>, _>>()?;
    Regime::from_rows(&rows).map_err(|_| corrupt("content"))
}

/// Reads the regime that judgements use at a moment.
pub async fn in_force(
    conn: &mut AsyncPgConnection,
    at: Timestamp,
) -> Result<Option<Regime>, Error> {
    match version_in_force(conn, at).await? {
        Some(version) => load(conn, &version).await,
        None => Ok(None),
    }
}

#[derive(HasQuery)]
#[diesel(table_name = regime_versions)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct VersionRow {
    version: String,
    content_hash: Vec<u8>,
    imported_at: jiff_diesel::Timestamp,
    imported_by: Option<Uuid>,
    takes_effect_at: jiff_diesel::Timestamp,
}

impl From<VersionRow> for StoredVersion {
    fn from(row: VersionRow) -> Self {
        Self {
            version: named(&row.version),
            content_hash: hash_text(&row.content_hash),
            imported_at: row.imported_at.into(),
            imported_by: row.imported_by.map(PersonId::from_uuid),
            takes_effect_at: row.takes_effect_at.into(),
        }
    }
}

#[derive(HasQuery)]
#[diesel(table_name = regime_rows)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    kind: String,
    key: String,
    valid_from: Option<jiff_diesel::Date>,
    valid_until: Option<jiff_diesel::Date>,
    content: serde_json::Value,
    source: String,
    verification: String,
}

impl TryFrom<Row> for RegimeRow {
    type Error = CorruptRow;

    fn try_from(row: Row) -> Result<Self, CorruptRow> {
        Ok(Self {
            kind: row.kind.parse().map_err(|_| corrupt("kind"))?,
            key: row.key,
            from: row.valid_from.map(Into::into),
            until: row.valid_until.map(Into::into),
            content: row.content,
            provenance: Provenance {
                source: row.source,
                verification: row.verification.parse().map_err(|_| corrupt("verification"))?,
            },
        })
    }
}

#[derive(diesel::Insertable)]
#[diesel(table_name = regime_rows)]
struct NewRow<'a> {
    version: &'a str,
    kind: &'static str,
    key: String,
    valid_from: Option<jiff_diesel::Date>,
    valid_until: Option<jiff_diesel::Date>,
    content: serde_json::Value,
    source: String,
    verification: &'static str,
}

fn insertable<'a>(version: &'a str, row: &RegimeRow) -> NewRow<'a> {
    NewRow {
        version,
        kind: row.kind.as_str(),
        key: row.key.clone(),
        valid_from: row.from.map(Into::into),
        valid_until: row.until.map(Into::into),
        content: row.content.clone(),
        source: row.provenance.source.clone(),
        verification: row.provenance.verification.as_str(),
    }
}

fn named(version: &str) -> RegimeVersion {
    version.parse().unwrap_or_else(|never| match never {})
}

fn hash_bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.chars().collect();
    let byte =
        |pair: &[char]| pair.iter().filter_map(|c| c.to_digit(16)).fold(0, |sum, d| sum * 16 + d);
    digits.chunks(2).filter_map(|pair| u8::try_from(byte(pair)).ok()).collect()
}

fn hash_text(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes whatever is written to it");
        text
    })
}

/// Rows of the regime have no uuid; the version and key are in the log of the import.
fn corrupt(column: &'static str) -> CorruptRow {
    CorruptRow { table: "regime_rows", column, id: Uuid::nil() }
}
