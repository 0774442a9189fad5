//! Receipts of movements that nobody has announced yet: they become filings when somebody does.

use crate::{Error, act_for, schema::epcis_waiting, transaction::acting_for};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName,
    sql_types::{Integer, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::ids::{OrganisationId, PersonId};
use serde_json::Value;
use uuid::Uuid;

/// A receipt that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Who sent it.
    pub person: PersonId,
    /// The form of the filing.
    pub form: Value,
    /// The key that makes recording it twice harmless.
    pub key: String,
}

#[derive(QueryableByName)]
struct ReadyRow {
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    event: Uuid,
}

/// Receipts whose movement was announced to whoever sent them, the first first: whose they are,
/// and the events that they came by. The one look across organisations, and it shows ids only.
pub async fn ready(
    conn: &mut AsyncPgConnection,
    most: u16,
) -> Result<Vec<(OrganisationId, Uuid)>, Error> {
    let rows: Vec<ReadyRow> = diesel::sql_query("select * from lodestone.epcis_ready($1)")
        .bind::<Integer, _>(i32::from(most))
        .load(conn)
        .await?;
    let named = |row: ReadyRow| (OrganisationId::from_uuid(row.organisation), row.event);
    Ok(rows.into_iter().map(named).collect())
}

/// A receipt that waits; `None` when it does no longer.
pub async fn find(
    pool: &crate::Pool,
    organisation: OrganisationId,
    event: Uuid,
) -> Result<Option<Waiting>, Error> {
    acting_for(pool, organisation, async |conn| {
        let row: Option<(Uuid, Value, String)> = epcis_waiting::table
            .find((organisation.as_uuid(), event))
            .filter(epcis_waiting::refused.is_null())
            .select((epcis_waiting::person, epcis_waiting::form, epcis_waiting::key))
            .first(conn)
            .await
            .optional()?;
        let waiting =
            |(person, form, key)| Waiting { person: PersonId::from_uuid(person), form, key };
        Ok(row.map(waiting))
    })
    .await
}

/// What became of a receipt that waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// A filing.
    Filed,
    /// No filing, for a reason that waiting does not change.
    Refused(String),
}

/// Notes what became of a receipt that waited.
pub async fn settle(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    event: Uuid,
    became: &Became,
) -> Result<(), Error> {
    use diesel_async::AsyncConnection;
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let waiting = epcis_waiting::table.find((organisation.as_uuid(), event));
        match became {
            Became::Filed => diesel::delete(waiting).execute(conn).await?,
            Became::Refused(reason) => {
                diesel::update(waiting).set(epcis_waiting::refused.eq(reason)).execute(conn).await?
            }
        };
        Ok(())
    })
    .await
}
