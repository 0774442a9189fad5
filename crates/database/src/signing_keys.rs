//! The public halves of every key that ever signed. The private half is never here.

use crate::{Error, schema::signing_keys};
use diesel::{BoolExpressionMethods, ExpressionMethods, HasQuery, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;

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
    Ok(rows
        .into_iter()
        .map(|row| SigningKeyRecord {
            key_id: row.key_id,
            public_key: row.public_key,
            valid_from: row.valid_from.into(),
            retired_at: row.retired_at.map(Into::into),
        })
        .collect())
}
