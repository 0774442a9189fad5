//! What may still be open, across all filers: read by the notifier, in the order of ids.
//!
//! Movements are looked at while they may be open: whoever says something about one puts it among
//! them (again), and a sweep that finds it settled takes it away. A sweep costs what is open and
//! what was said since the last one, however much has moved.

use crate::{
    Error,
    movements::sides::{self, Told},
    row::Reader,
    schema::{chasing_state, open_movements, organisations, sites},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, QueryableByName,
    sql_types::{Array, Date as SqlDate, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    codes::{OrganisationKind, Stage},
    ids::{FilingId, MovementId, OrganisationId, SiteId},
};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel;
use std::collections::HashSet;
use uuid::Uuid;

/// A movement that may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Its id.
    pub id: MovementId,
    /// The latest version of its dispatch.
    pub dispatch: FilingId,
}

/// A site for which returns may be owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwingSite {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The site.
    pub site: SiteId,
    /// Its code.
    pub code: String,
    /// The stages it is registered for.
    pub stages: Vec<Stage>,
    /// When its organisation was registered.
    pub registered_at: Timestamp,
}

/// A place in the list of sites.
pub type SitePlace = (OrganisationId, SiteId);

/// How far back what was said is looked at again: by then it is committed.
const COMMITTED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// Takes note of the movements that were touched since the last time, and forgets those whose
/// dispatch is older than `oldest`. Call it before a sweep.
pub async fn look(
    conn: &mut AsyncPgConnection,
    oldest: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    conn.transaction(async |conn| {
        let until: Option<jiff_diesel::Timestamp> = chasing_state::table
            .select(chasing_state::looked_until)
            .for_update()
            .first(conn)
            .await?;
        let since = until.map_or(oldest, |until| (until.to_jiff() - COMMITTED_WITHIN).max(oldest));
        diesel::sql_query(
            "insert into lodestone.open_movements (movement, dispatch)
            select touched.movement, touched.dispatch from lodestone.movements_touched($1) touched
            where touched.dispatch >= lodestone.first_id_of($2)
            on conflict (movement) do update set dispatch = excluded.dispatch
                where open_movements.dispatch <> excluded.dispatch",
        )
        .bind::<Timestamptz, _>(since.to_diesel())
        .bind::<Timestamptz, _>(oldest.to_diesel())
        .execute(conn)
        .await?;
        diesel::sql_query(
            "delete from lodestone.open_movements where dispatch < lodestone.first_id_of($1)",
        )
        .bind::<Timestamptz, _>(oldest.to_diesel())
        .execute(conn)
        .await?;
        diesel::update(chasing_state::table)
            .set(chasing_state::looked_until.eq(now.to_diesel()))
            .execute(conn)
            .await?;
        Ok(())
    })
    .await
}

/// Forgets movements that were found settled, until something is said about them again.
pub async fn settled(
    conn: &mut AsyncPgConnection,
    movements: &[(MovementId, FilingId)],
) -> Result<(), Error> {
    // With the dispatch that was looked at: a later one is not settled with it.
    let (movements, dispatches): (Vec<Uuid>, Vec<Uuid>) =
        movements.iter().map(|(movement, filing)| (movement.as_uuid(), filing.as_uuid())).unzip();
    diesel::sql_query(
        "delete from lodestone.open_movements settled
        using unnest($1::uuid[], $2::uuid[]) looked (movement, dispatch)
        where settled.movement = looked.movement and settled.dispatch = looked.dispatch",
    )
    .bind::<Array<SqlUuid>, _>(movements)
    .bind::<Array<SqlUuid>, _>(dispatches)
    .execute(conn)
    .await?;
    Ok(())
}

/// The next movements after one that may be open, the oldest first, with what both sides say about
/// them: for each the buyers that it was announced to, one after the other.
pub async fn movements_after(
    conn: &mut AsyncPgConnection,
    after: Uuid,
    most: u16,
) -> Result<Vec<(Movement, Vec<Told>)>, Error> {
    conn.transaction(async |conn| {
        let rows: Vec<(Uuid, Uuid)> = open_movements::table
            .filter(open_movements::dispatch.gt(after))
            .order(open_movements::dispatch)
            .limit(most.into())
            .select((open_movements::movement, open_movements::dispatch))
            .load(conn)
            .await?;
        let ids: Vec<Uuid> = rows.iter().map(|(movement, _)| *movement).collect();
        let mut told = sides::read(conn, &ids).await?;
        let found = rows.into_iter().map(|(movement, dispatch)| {
            let id = MovementId::from_uuid(movement);
            let dispatch = FilingId::from_uuid(dispatch);
            (Movement { id, dispatch }, told.remove(&id).unwrap_or_default())
        });
        Ok(found.collect())
    })
    .await
}

/// The next sites of filers that have not closed, after one.
pub async fn sites_after(
    conn: &mut AsyncPgConnection,
    after: Option<SitePlace>,
    most: u16,
) -> Result<Vec<OwingSite>, Error> {
    type Columns = (Uuid, Uuid, String, Vec<String>, jiff_diesel::Timestamp);
    let mut query = sites::table
        .inner_join(organisations::table.on(organisations::id.eq(sites::organisation)))
        .filter(organisations::kind.eq(OrganisationKind::Filer.as_str()))
        .filter(organisations::closed_at.is_null())
        .into_boxed();
    if let Some((organisation, site)) = after {
        let (organisation, site) = (organisation.as_uuid(), site.as_uuid());
        let later = sites::organisation.eq(organisation).and(sites::id.gt(site));
        query = query.filter(sites::organisation.gt(organisation).or(later));
    }
    let rows: Vec<Columns> = query
        .order((sites::organisation, sites::id))
        .limit(most.into())
        .select((
            sites::organisation,
            sites::id,
            sites::code,
            sites::stages,
            organisations::registered_at,
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(organisation, site, code, stages, registered_at)| {
            let reader = Reader { table: "sites", id: site };
            let stages = stages.iter().map(|stage| reader.word("stages", stage));
            Ok(OwingSite {
                organisation: OrganisationId::from_uuid(organisation),
                site: SiteId::from_uuid(site),
                code,
                stages: stages.collect::<Result<_, _>>()?,
                registered_at: registered_at.to_jiff(),
            })
        })
        .collect()
}

#[derive(QueryableByName)]
struct FiledRow {
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    site: Uuid,
    #[diesel(sql_type = SqlDate)]
    month: jiff_diesel::Date,
}

/// For which sites and months from the first to the last a return was filed.
pub async fn returns_filed(
    conn: &mut AsyncPgConnection,
    first: Month,
    last: Month,
) -> Result<HashSet<(OrganisationId, SiteId, Month)>, Error> {
    let rows: Vec<FiledRow> = diesel::sql_query("select * from lodestone.returns_filed($1, $2)")
        .bind::<SqlDate, _>(jiff_diesel::Date::from(first.first_day()))
        .bind::<SqlDate, _>(jiff_diesel::Date::from(last.first_day()))
        .load(conn)
        .await?;
    let filed = rows.into_iter().map(|row| {
        let month = Month::of(row.month.to_jiff());
        (OrganisationId::from_uuid(row.organisation), SiteId::from_uuid(row.site), month)
    });
    Ok(filed.collect())
}
