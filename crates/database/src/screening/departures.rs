//! Goods that left before the register was asked, as they are judged.

use crate::{Error, schema::licence_departures};
use diesel::{ExpressionMethods, HasQuery, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::ids::{DepartureId, OrganisationId};
use rules::DepartureContext;
use uuid::Uuid;

#[derive(HasQuery)]
#[diesel(table_name = licence_departures)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    organisation: Option<Uuid>,
    number: String,
    declaration: String,
    departed_on: jiff_diesel::Date,
    grams: i64,
    excess_grams: i64,
    irregularity: Option<String>,
}

/// These departures, in the order they were recorded.
pub async fn departures(
    conn: &mut AsyncPgConnection,
    ids: &[DepartureId],
) -> Result<Vec<DepartureContext>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Row> = Row::query()
        .filter(licence_departures::id.eq_any(ids))
        .order(licence_departures::id)
        .load(conn)
        .await?;
    let contexts = rows.into_iter().map(|row| DepartureContext {
        departure: DepartureId::from_uuid(row.id),
        organisation: row.organisation.map(OrganisationId::from_uuid),
        licence: row.number,
        declaration: row.declaration,
        departed_on: row.departed_on.into(),
        grams: row.grams,
        excess_grams: row.excess_grams,
        irregularity: row.irregularity,
    });
    Ok(contexts.collect())
}
