//! The law that the worker judges by.

use crate::{CorruptRow, Error, parameters, regime, row::Reader, schema::listed_parties};
use diesel::{HasQuery, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::beijing_date,
    regime::{Regime, RegimeVersion},
};
use jiff::{Timestamp, civil::Date};
use rules::{Law, Listed, normalised_name};
use std::sync::Arc;
use uuid::Uuid;

/// Parties entered one by one that are read at most.
const MOST_LISTED: i64 = 100_000;

#[derive(HasQuery)]
#[diesel(table_name = listed_parties)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct ListedRow {
    id: Uuid,
    list: String,
    name: String,
    identifier: Option<String>,
    country: Option<String>,
    valid_from: jiff_diesel::Date,
    valid_until: Option<jiff_diesel::Date>,
    announcement: Option<String>,
    source: String,
    verification: String,
}

/// The law as it was read last: read anew only when it has changed.
#[derive(Debug, Default)]
pub(super) struct Lawbook {
    /// What it was read from, and the law.
    read: Option<(Sources, Arc<Law>)>,
}

/// While these are the same, so is the law.
#[derive(Debug, PartialEq)]
struct Sources {
    version: Option<RegimeVersion>,
    entered: Vec<Listed>,
    day: Date,
}

impl Lawbook {
    /// The law in force. Before any was imported it is empty: detectors then abstain.
    pub(super) async fn in_force(
        &mut self,
        conn: &mut AsyncPgConnection,
        now: Timestamp,
    ) -> Result<Arc<Law>, Error> {
        let version = regime::version_in_force(conn, now).await?;
        let rows: Vec<ListedRow> = ListedRow::query().limit(MOST_LISTED).load(conn).await?;
        let mut entered = rows.into_iter().map(listed).collect::<Result<Vec<_>, _>>()?;
        entered.sort_by(|one, other| (&one.name, &one.source).cmp(&(&other.name, &other.source)));
        let sources = Sources { version, entered, day: beijing_date(now) };
        if let Some((read_from, law)) = &self.read
            && *read_from == sources
        {
            return Ok(Arc::clone(law));
        }
        let regime = match &sources.version {
            Some(version) => regime::load(conn, version).await?,
            None => None,
        };
        let regime = match regime {
            Some(regime) => regime,
            None => Regime::from_rows(&[]).map_err(|_| no_regime())?,
        };
        let parameters = parameters::of(&regime, sources.day)?;
        // Names that were listed before are not indexed anew.
        let named = self.read.take().map(|(_, law)| Arc::unwrap_or_clone(law).into_named());
        let entered = sources.entered.clone();
        let law = Arc::new(Law::after(named.unwrap_or_default(), regime, entered, parameters));
        self.read = Some((sources, Arc::clone(&law)));
        Ok(law)
    }
}

fn no_regime() -> CorruptRow {
    CorruptRow { table: "regime_versions", column: "version", id: Uuid::nil() }
}

fn listed(row: ListedRow) -> Result<Listed, CorruptRow> {
    let reader = Reader { table: "listed_parties", id: row.id };
    Ok(Listed {
        list: reader.word("list", &row.list)?,
        normalised: normalised_name(&row.name),
        name: row.name,
        identifier: row.identifier,
        country: row.country,
        valid_from: Some(row.valid_from.into()),
        valid_until: row.valid_until.map(Into::into),
        source: row.announcement.unwrap_or(row.source),
        verification: reader.word("verification", &row.verification)?,
    })
}
