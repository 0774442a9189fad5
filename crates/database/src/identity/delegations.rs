//! Delegations: an organisation lets an agent's people act for it, in named roles, for a time.

use super::{role_names, roles};
use crate::{
    ChangeError, CorruptRow, Error,
    events::{self, Act},
    idempotency::{self, KeyedRequest},
    schema::delegations,
};
use diesel::{BoolExpressionMethods, ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    codes::Role,
    event::Event,
    ids::{DelegationId, OrganisationId, PersonId},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// A delegation to make.
#[derive(Clone, Debug)]
pub struct NewDelegation {
    /// Its id.
    pub id: DelegationId,
    /// For whom the agent may act.
    pub organisation: OrganisationId,
    /// Whose people may.
    pub agent: OrganisationId,
    /// In which roles.
    pub roles: Vec<Role>,
    /// Who decided so.
    pub granted_by: PersonId,
    /// From when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Timestamp,
}

/// A delegation as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// Its id.
    pub id: DelegationId,
    /// For whom the agent may act.
    pub organisation: OrganisationId,
    /// Whose people may.
    pub agent: OrganisationId,
    /// In which roles.
    pub roles: Vec<Role>,
    /// From when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Makes a delegation.
pub async fn delegate(
    conn: &mut AsyncPgConnection,
    delegation: &NewDelegation,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        idempotency::claim(conn, request, act.at).await?;
        diesel::insert_into(delegations::table)
            .values((
                delegations::id.eq(delegation.id.as_uuid()),
                delegations::organisation.eq(delegation.organisation.as_uuid()),
                delegations::agent_organisation.eq(delegation.agent.as_uuid()),
                delegations::roles.eq(role_names(&delegation.roles)),
                delegations::granted_by.eq(delegation.granted_by.as_uuid()),
                delegations::valid_from.eq(delegation.valid_from.to_diesel()),
                delegations::valid_until.eq(delegation.valid_until.to_diesel()),
            ))
            .execute(conn)
            .await?;
        let NewDelegation { id, organisation, agent, .. } = *delegation;
        Ok(changed(conn, id, organisation, agent, "granted", act).await?)
    })
    .await
}

/// Delegations that an organisation gave or was given, newest first.
pub async fn delegations(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    before: Option<DelegationId>,
    limit: u16,
) -> Result<Vec<Delegation>, Error> {
    let own = organisation.as_uuid();
    let rows: Vec<DelegationRow> = DelegationRow::query()
        .filter(delegations::organisation.eq(own).or(delegations::agent_organisation.eq(own)))
        .filter(delegations::id.lt(before.map_or(Uuid::max(), DelegationId::as_uuid)))
        .order(delegations::id.desc())
        .limit(limit.into())
        .load(conn)
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// Ends a delegation; either side may. `false` if there is none that could be ended.
pub async fn revoke_delegation(
    conn: &mut AsyncPgConnection,
    id: DelegationId,
    by: OrganisationId,
    act: &Act,
) -> Result<bool, Error> {
    conn.transaction(async |conn| {
        let own = by.as_uuid();
        let either_side =
            delegations::organisation.eq(own).or(delegations::agent_organisation.eq(own));
        let open = delegations::id.eq(id.as_uuid()).and(delegations::revoked_at.is_null());
        let sides: Option<(Uuid, Uuid)> =
            diesel::update(delegations::table.filter(open).filter(either_side))
                .set(delegations::revoked_at.eq(act.at.to_diesel()))
                .returning((delegations::organisation, delegations::agent_organisation))
                .get_result(conn)
                .await
                .optional()?;
        let Some((organisation, agent)) = sides else { return Ok(false) };
        let (organisation, agent) =
            (OrganisationId::from_uuid(organisation), OrganisationId::from_uuid(agent));
        changed(conn, id, organisation, agent, "revoked", act).await?;
        Ok(true)
    })
    .await
}

async fn changed(
    conn: &mut AsyncPgConnection,
    delegation: DelegationId,
    organisation: OrganisationId,
    agent: OrganisationId,
    change: &str,
    act: &Act,
) -> Result<(), Error> {
    let change = change.to_owned();
    let event = Event::DelegationChanged { delegation, organisation, agent, change };
    events::append(conn, &act.origin(), delegation.as_uuid(), &event).await
}

#[derive(HasQuery)]
#[diesel(table_name = delegations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct DelegationRow {
    id: Uuid,
    organisation: Uuid,
    agent_organisation: Uuid,
    roles: Vec<String>,
    valid_from: jiff_diesel::Timestamp,
    valid_until: jiff_diesel::Timestamp,
    revoked_at: Option<jiff_diesel::Timestamp>,
}

impl TryFrom<DelegationRow> for Delegation {
    type Error = CorruptRow;

    fn try_from(row: DelegationRow) -> Result<Self, CorruptRow> {
        Ok(Self {
            id: DelegationId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation),
            agent: OrganisationId::from_uuid(row.agent_organisation),
            roles: roles("delegations", row.id, &row.roles)?,
            valid_from: row.valid_from.into(),
            valid_until: row.valid_until.into(),
            revoked_at: row.revoked_at.map(Into::into),
        })
    }
}
