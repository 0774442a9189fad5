//! The dated numbers that judgements use, from the law in force.

use crate::{CorruptRow, Error, regime};
use diesel_async::AsyncPgConnection;
use domain::{
    calendar_month::beijing_date,
    regime::{Regime, RowKind},
};
use jiff::{Timestamp, civil::Date};
use rules::{Parameter, Parameters};
use uuid::Uuid;

/// The numbers of a moment. Before any law was imported they are the defaults.
pub async fn in_force(conn: &mut AsyncPgConnection, now: Timestamp) -> Result<Parameters, Error> {
    let Some(version) = regime::version_in_force(conn, now).await? else {
        return Ok(Parameters::default());
    };
    let rows = regime::load_kind(conn, &version, RowKind::DetectorParameter).await?;
    Ok(of(&rows, beijing_date(now))?)
}

/// The numbers of a day. A row that nobody can use does not stop anything: the default
/// stays, and the log says so.
pub(crate) fn of(regime: &Regime, day: Date) -> Result<Parameters, CorruptRow> {
    let mut usable = Vec::new();
    for row in regime.detector_parameters(day) {
        let parameter = Parameter {
            value: row.value.value,
            source: row.provenance.source.clone(),
            verification: row.provenance.verification,
        };
        match Parameters::with_rows([(row.key.as_str(), parameter.clone())]) {
            Ok(_) => usable.push((row.key.as_str(), parameter)),
            Err(error) => tracing::error!(error = %error, "a detector's parameter is not used"),
        }
    }
    Parameters::with_rows(usable).map_err(|_| CorruptRow {
        table: "regime_rows",
        column: "content",
        id: Uuid::nil(),
    })
}
