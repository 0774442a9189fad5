//! The public halves of every key that ever signed. The private half is never here.

use crate::{
    Error,
    events::{self, Origin},
    schema::{key_compromises, signing_keys},
};
use diesel::{BoolExpressionMethods, ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{event::Event, ids::PersonId};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use std::collections::HashMap;
use uuid::Uuid;

/// A key to check signatures with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// Its name.
    pub key_id: String,
    /// The 32 bytes of the public key (Ed25519).
    pub public_key: Vec<u8>,
    /// Since when it signs.
    pub valid_from: Timestamp,
    /// When another key took its place, if one did.
    pub retired_at: Option<Timestamp>,
    /// Since when others may have it, if they may: what it signed from then on proves nothing.
    pub compromised_since: Option<Timestamp>,
}

/// That others may have a key since a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compromise {
    /// Which key.
    pub key_id: String,
    /// Since when.
    pub since: Timestamp,
    /// How that is known.
    pub reason: String,
    /// Who says so.
    pub declared_by: PersonId,
    /// When it was said.
    pub declared_at: Timestamp,
}

/// What became of saying so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declared {
    /// It is said, now or before.
    Now(Compromise),
    /// Something else was said of the key before.
    Otherwise(Compromise),
    /// No such key ever signed.
    NoSuchKey,
}

#[derive(HasQuery)]
#[diesel(table_name = signing_keys)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    key_id: String,
    public_key: Vec<u8>,
    valid_from: jiff_diesel::Timestamp,
    retired_at: Option<jiff_diesel::Timestamp>,
}

/// Notes which key signs from now on; those before it are retired. A repeat changes nothing.
pub async fn use_key(
    conn: &mut AsyncPgConnection,
    key_id: &str,
    public_key: &[u8],
    now: Timestamp,
) -> Result<(), Error> {
    conn.transaction(async |conn| {
        diesel::insert_into(signing_keys::table)
            .values((
                signing_keys::key_id.eq(key_id),
                signing_keys::public_key.eq(public_key),
                signing_keys::valid_from.eq(now.to_diesel()),
            ))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        diesel::update(signing_keys::table.find(key_id))
            .set(signing_keys::retired_at.eq(None::<jiff_diesel::Timestamp>))
            .execute(conn)
            .await?;
        let others = signing_keys::key_id.ne(key_id).and(signing_keys::retired_at.is_null());
        diesel::update(signing_keys::table.filter(others))
            .set(signing_keys::retired_at.eq(now.to_diesel()))
            .execute(conn)
            .await?;
        Ok(())
    })
    .await
}

/// Every key that ever signed, the newest first.
pub async fn all(conn: &mut AsyncPgConnection) -> Result<Vec<SigningKeyRecord>, Error> {
    let rows: Vec<Row> = Row::query()
        .order((signing_keys::valid_from.desc(), signing_keys::key_id))
        .load(conn)
        .await?;
    let compromises: Vec<(String, jiff_diesel::Timestamp)> = key_compromises::table
        .select((key_compromises::key_id, key_compromises::since))
        .load(conn)
        .await?;
    let since: HashMap<String, jiff_diesel::Timestamp> = compromises.into_iter().collect();
    Ok(rows
        .into_iter()
        .map(|row| SigningKeyRecord {
            compromised_since: since.get(&row.key_id).map(|since| (*since).into()),
            key_id: row.key_id,
            public_key: row.public_key,
            valid_from: row.valid_from.into(),
            retired_at: row.retired_at.map(Into::into),
        })
        .collect())
}

/// Since when others may have a key, if they may.
pub async fn compromise_of(
    conn: &mut AsyncPgConnection,
    key_id: &str,
) -> Result<Option<Compromise>, Error> {
    let row: Option<CompromiseRow> =
        CompromiseRow::query().find(key_id).first(conn).await.optional()?;
    Ok(row.map(Compromise::from))
}

/// Says that others may have a key since a moment. Said once; the same again changes nothing.
pub async fn declare_compromise(
    conn: &mut AsyncPgConnection,
    new: &Compromise,
    origin: &Origin,
) -> Result<Declared, Error> {
    conn.transaction(async |conn| {
        let known: Option<String> = signing_keys::table
            .find(&new.key_id)
            .select(signing_keys::key_id)
            .first(conn)
            .await
            .optional()?;
        if known.is_none() {
            return Ok(Declared::NoSuchKey);
        }
        let stored = diesel::insert_into(key_compromises::table)
            .values((
                key_compromises::key_id.eq(&new.key_id),
                key_compromises::since.eq(new.since.to_diesel()),
                key_compromises::reason.eq(&new.reason),
                key_compromises::declared_by.eq(new.declared_by.as_uuid()),
                key_compromises::declared_at.eq(new.declared_at.to_diesel()),
            ))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        let Some(said) = compromise_of(conn, &new.key_id).await? else {
            return Ok(Declared::NoSuchKey);
        };
        if stored == 1 {
            let (key_id, since) = (said.key_id.clone(), said.since.to_string());
            let event = Event::KeyCompromised { key_id, since, person: said.declared_by };
            events::append(conn, origin, origin.id.as_uuid(), &event).await?;
            return Ok(Declared::Now(said));
        }
        let is_the_same = (said.since, &said.reason) == (new.since, &new.reason);
        Ok(if is_the_same { Declared::Now(said) } else { Declared::Otherwise(said) })
    })
    .await
}

#[derive(HasQuery)]
#[diesel(table_name = key_compromises)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct CompromiseRow {
    key_id: String,
    since: jiff_diesel::Timestamp,
    reason: String,
    declared_by: Uuid,
    declared_at: jiff_diesel::Timestamp,
}

impl From<CompromiseRow> for Compromise {
    fn from(row: CompromiseRow) -> Self {
        Self {
            key_id: row.key_id,
            since: row.since.into(),
            reason: row.reason,
            declared_by: PersonId::from_uuid(row.declared_by),
            declared_at: row.declared_at.into(),
        }
    }
}
