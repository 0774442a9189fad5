//! API keys and sessions, and the one question asked with nearly every request.

use super::{role_names, roles};
use crate::{
    ChangeError, CorruptRow, Error,
    events::{self, Act},
    idempotency::{self, KeyedRequest},
    row::Reader,
    schema::{api_keys, people, sessions},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, Binary, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    codes::{OrganisationKind, Role},
    event::Event,
    ids::{CredentialId, OrganisationId, PersonId},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// Who somebody is, and for whom they may act in which roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What they showed.
    pub credential: CredentialId,
    /// What kind of credential that is.
    pub kind: CredentialKind,
    /// The person; of a key, the one who answers for it.
    pub person: PersonId,
    /// When the credential ends.
    pub expires_at: Timestamp,
    /// For whom they may act; never empty.
    pub acting: Vec<Acting>,
}

/// What a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// Somebody signed in.
    Session,
    /// A machine's.
    Key,
}

/// An organisation that somebody may act for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acting {
    /// Which.
    pub organisation: OrganisationId,
    /// What kind it is.
    pub kind: OrganisationKind,
    /// In which roles, sorted. Empty when a key's scopes leave nothing of its person's roles.
    pub roles: Vec<Role>,
    /// Whether another organisation lent these roles.
    pub delegated: bool,
}

/// Says who holds the credential with this hash; `None` when it is unknown, expired or revoked,
/// or its person is disabled or has left.
///
/// One statement, prepared once per connection. Looking a hash up tells nothing about how much
/// of a guessed secret was right: the hash of a near miss is as far away as any other.
pub async fn authenticate(
    conn: &mut AsyncPgConnection,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Identity>, Error> {
    let question = Authenticate { hash: *token_hash, at: now.to_diesel() };
    let rows: Vec<IdentityRow> = question.load(conn).await?;
    let mut identity = None::<Identity>;
    for row in rows {
        let (kind, id, person, expires_at, ..) = &row;
        let known = match &mut identity {
            Some(known) => known,
            None => identity.insert(Identity {
                credential: CredentialId::from_uuid(*id),
                kind: match kind.as_str() {
                    "key" => CredentialKind::Key,
                    _ => CredentialKind::Session,
                },
                person: PersonId::from_uuid(*person),
                expires_at: (*expires_at).into(),
                acting: Vec::new(),
            }),
        };
        known.acting.push(acting(row)?);
    }
    Ok(identity)
}

fn acting(row: IdentityRow) -> Result<Acting, CorruptRow> {
    let (_, _, _, _, organisation, kind, names, delegated) = row;
    Ok(Acting {
        organisation: OrganisationId::from_uuid(organisation),
        kind: Reader { table: "organisations", id: organisation }.word("kind", &kind)?,
        roles: roles("memberships", organisation, &names)?,
        delegated,
    })
}

type IdentityRow = (String, Uuid, Uuid, jiff_diesel::Timestamp, Uuid, String, Vec<String>, bool);

/// Members of an agent act for its principal in those delegated roles that they hold at the
/// agent themselves. A key acts for its own organisation and that one's principals only, and
/// never beyond what its person may at this moment.
const AUTHENTICATE: &str = "
    , credential as (
        select 'session' as kind, id, person, null::uuid as organisation, null::text[] as scopes, expires_at
        from sessions join asked on token_hash = hash and revoked_at is null and at < expires_at
        union all
        select 'key', id, person, organisation, scopes, expires_at
        from api_keys join asked on key_hash = hash and revoked_at is null and at < expires_at
    ), held as (
        select m.organisation, o.kind, m.role
        from credential c
        join people p on p.id = c.person and p.disabled_at is null
        join memberships m on m.person = c.person and m.ended_at is null
        join organisations o on o.id = m.organisation and o.closed_at is null
        where c.organisation is null or c.organisation = m.organisation
    ), acting as (
        select organisation, kind, role, false as delegated from held
        union
        select d.organisation, o.kind, h.role, true
        from held h
        join delegations d on d.agent_organisation = h.organisation and h.role = any (d.roles)
        join asked on d.revoked_at is null and d.valid_from <= at and at < d.valid_until
        join organisations o on o.id = d.organisation and o.closed_at is null
    )
    select c.kind, c.id, c.person, c.expires_at, a.organisation, a.kind,
        coalesce(array_agg(a.role) filter (where c.scopes is null or a.role = any (c.scopes)), '{}'),
        bool_and(a.delegated)
    from credential c cross join acting a
    group by c.kind, c.id, c.person, c.expires_at, a.organisation, a.kind
    order by bool_and(a.delegated), a.organisation";

#[derive(QueryId)]
struct Authenticate {
    hash: [u8; 32],
    at: jiff_diesel::Timestamp,
}

impl Query for Authenticate {
    type SqlType = (Text, SqlUuid, SqlUuid, Timestamptz, SqlUuid, Text, Array<Text>, Bool);
}

impl QueryFragment<Pg> for Authenticate {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // diesel numbers parameters as they are pushed and each is pushed once, so they are
        // bound under names first.
        out.push_sql("with asked as (select ");
        out.push_bind_param::<Binary, _>(&self.hash)?;
        out.push_sql(" as hash, ");
        out.push_bind_param::<Timestamptz, _>(&self.at)?;
        out.push_sql(" as at) ");
        out.push_sql(AUTHENTICATE);
        Ok(())
    }
}

/// A session to open.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: CredentialId,
    /// SHA-256 of its token.
    pub token_hash: [u8; 32],
    /// Who signed in.
    pub person: PersonId,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Opens a session.
pub async fn open_session(
    conn: &mut AsyncPgConnection,
    session: &NewSession,
    act: &Act,
) -> Result<(), Error> {
    conn.transaction(async |conn| {
        diesel::insert_into(sessions::table)
            .values((
                sessions::id.eq(session.id.as_uuid()),
                sessions::token_hash.eq(session.token_hash.as_slice()),
                sessions::person.eq(session.person.as_uuid()),
                sessions::created_at.eq(act.at.to_diesel()),
                sessions::expires_at.eq(session.expires_at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        credential_changed(conn, session.id, session.person, None, "session_opened", act).await
    })
    .await
}

/// Ends a session. `false` if it had ended before.
pub async fn close_session(
    conn: &mut AsyncPgConnection,
    id: CredentialId,
    person: PersonId,
    act: &Act,
) -> Result<bool, Error> {
    conn.transaction(async |conn| {
        let open = sessions::id
            .eq(id.as_uuid())
            .and(sessions::person.eq(person.as_uuid()))
            .and(sessions::revoked_at.is_null());
        let closed = diesel::update(sessions::table.filter(open))
            .set(sessions::revoked_at.eq(act.at.to_diesel()))
            .execute(conn)
            .await?;
        if closed == 1 {
            credential_changed(conn, id, person, None, "session_closed", act).await?;
        }
        Ok(closed == 1)
    })
    .await
}

/// A key to create.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id, which is also part of the key.
    pub id: CredentialId,
    /// SHA-256 of the key.
    pub key_hash: [u8; 32],
    /// For whom it acts.
    pub organisation: OrganisationId,
    /// Who answers for it.
    pub person: PersonId,
    /// What people call it.
    pub name: String,
    /// The roles it may use, as far as its person has them.
    pub scopes: Vec<Role>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Creates a key.
pub async fn create_key(
    conn: &mut AsyncPgConnection,
    key: &NewKey,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        idempotency::claim(conn, request, act.at).await?;
        insert_key(conn, key, act).await?;
        Ok(())
    })
    .await
}

/// Stores a key and its event; call it inside a transaction.
pub(crate) async fn insert_key(
    conn: &mut AsyncPgConnection,
    key: &NewKey,
    act: &Act,
) -> Result<(), Error> {
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(key.id.as_uuid()),
            api_keys::organisation.eq(key.organisation.as_uuid()),
            api_keys::person.eq(key.person.as_uuid()),
            api_keys::name.eq(&key.name),
            api_keys::key_hash.eq(key.key_hash.as_slice()),
            api_keys::scopes.eq(role_names(&key.scopes)),
            api_keys::created_at.eq(act.at.to_diesel()),
            api_keys::expires_at.eq(key.expires_at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    credential_changed(conn, key.id, key.person, Some(key.organisation), "key_created", act).await
}

/// Which keys to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyFilter {
    /// Of this organisation.
    pub organisation: Option<OrganisationId>,
    /// Of this person.
    pub person: Option<PersonId>,
    /// After this key, in the order of their ids.
    pub after: Option<CredentialId>,
}

/// A key as it is listed: everything but the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: CredentialId,
    /// For whom it acts.
    pub organisation: OrganisationId,
    /// Who answers for it.
    pub person: PersonId,
    /// That person's name.
    pub person_name: String,
    /// What people call it.
    pub name: String,
    /// The roles it may use.
    pub scopes: Vec<Role>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Keys, oldest first.
pub async fn keys(
    conn: &mut AsyncPgConnection,
    filter: &KeyFilter,
    limit: u16,
) -> Result<Vec<ApiKey>, Error> {
    let mut found = api_keys::table
        .inner_join(people::table.on(people::id.eq(api_keys::person)))
        .select((
            (
                api_keys::id,
                api_keys::organisation,
                api_keys::person,
                people::name,
                api_keys::name,
                api_keys::scopes,
            ),
            (api_keys::created_at, api_keys::expires_at, api_keys::revoked_at),
        ))
        .into_boxed();
    if let Some(organisation) = filter.organisation {
        found = found.filter(api_keys::organisation.eq(organisation.as_uuid()));
    }
    if let Some(person) = filter.person {
        found = found.filter(api_keys::person.eq(person.as_uuid()));
    }
    if let Some(after) = filter.after {
        found = found.filter(api_keys::id.gt(after.as_uuid()));
    }
    let rows: Vec<KeyRow> = found.order(api_keys::id).limit(limit.into()).load(conn).await?;
    rows.into_iter().map(|row| Ok(key(row)?)).collect()
}

/// Ends a key. `false` if there is no such key, or it had ended before.
pub async fn revoke_key(
    conn: &mut AsyncPgConnection,
    id: CredentialId,
    filter: &KeyFilter,
    act: &Act,
) -> Result<bool, Error> {
    conn.transaction(async |conn| {
        let found: Option<(Uuid, Uuid)> = api_keys::table
            .find(id.as_uuid())
            .filter(api_keys::revoked_at.is_null())
            .select((api_keys::organisation, api_keys::person))
            .for_update()
            .first(conn)
            .await
            .optional()?;
        let Some((organisation, person)) = found else { return Ok(false) };
        let (organisation, person) =
            (OrganisationId::from_uuid(organisation), PersonId::from_uuid(person));
        let is_asked_for = filter.organisation.is_none_or(|asked| asked == organisation)
            && filter.person.is_none_or(|asked| asked == person);
        if !is_asked_for {
            return Ok(false);
        }
        diesel::update(api_keys::table.find(id.as_uuid()))
            .set(api_keys::revoked_at.eq(act.at.to_diesel()))
            .execute(conn)
            .await?;
        credential_changed(conn, id, person, Some(organisation), "key_revoked", act).await?;
        Ok(true)
    })
    .await
}

async fn credential_changed(
    conn: &mut AsyncPgConnection,
    credential: CredentialId,
    person: PersonId,
    organisation: Option<OrganisationId>,
    change: &str,
    act: &Act,
) -> Result<(), Error> {
    let change = change.to_owned();
    let event = Event::CredentialChanged { credential, person, organisation, change };
    events::append(conn, &act.origin(), credential.as_uuid(), &event).await
}

type KeyRow = (
    (Uuid, Uuid, Uuid, String, String, Vec<String>),
    (jiff_diesel::Timestamp, jiff_diesel::Timestamp, Option<jiff_diesel::Timestamp>),
);

fn key(row: KeyRow) -> Result<ApiKey, CorruptRow> {
    let ((id, organisation, person, person_name, name, scopes), times) = row;
    let (created_at, expires_at, revoked_at) = times;
    Ok(ApiKey {
        id: CredentialId::from_uuid(id),
        organisation: OrganisationId::from_uuid(organisation),
        person: PersonId::from_uuid(person),
        person_name,
        name,
        scopes: roles("api_keys", id, &scopes)?,
        created_at: created_at.into(),
        expires_at: expires_at.into(),
        revoked_at: revoked_at.map(Into::into),
    })
}
