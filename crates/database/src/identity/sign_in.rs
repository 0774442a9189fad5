//! Signing in with a password: attempts are counted before they are judged.
//!
//! Each attempt is charged as a failure in one statement that locks the row, and forgiven when
//! the password was right. So a thousand guesses at once are a thousand failures, and not one
//! more of them is judged than the lock-out allows.

use crate::{Error, schema::people};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::ids::PersonId;
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// Failures in a row before the first lock-out.
const FREE_ATTEMPTS: i32 = 5;
const FIRST_LOCK_OUT: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_LOCK_OUT: SignedDuration = SignedDuration::from_hours(1);

/// An attempt that may be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Who it would be.
    pub person: PersonId,
    /// What their password must match.
    pub password_hash: String,
}

/// Charges an attempt to sign in. `None` when there is nobody who could: the address is unknown
/// or locked out, the person disabled or without a password. The caller must not tell which.
pub async fn begin_sign_in(
    conn: &mut AsyncPgConnection,
    email: &str,
    now: Timestamp,
) -> Result<Option<Attempt>, Error> {
    type Row = (Uuid, Option<String>, i32, Option<jiff_diesel::Timestamp>);
    conn.transaction(async |conn| {
        let row: Option<Row> = people::table
            .filter(super::people::lower(people::email).eq(super::people::lower(email)))
            .filter(people::disabled_at.is_null())
            .select((
                people::id,
                people::password_hash,
                people::failed_sign_ins,
                people::locked_until,
            ))
            .for_update()
            .first(conn)
            .await
            .optional()?;
        let Some((id, Some(password_hash), failed, locked_until)) = row else { return Ok(None) };
        if locked_until.is_some_and(|until| now < until.to_jiff()) {
            return Ok(None);
        }
        let failed = failed.saturating_add(1);
        let locked_until = lock_out(failed).map(|duration| now + duration);
        diesel::update(people::table.find(id))
            .set((
                people::failed_sign_ins.eq(failed),
                people::locked_until.eq(locked_until.map(ToDiesel::to_diesel)),
            ))
            .execute(conn)
            .await?;
        Ok(Some(Attempt { person: PersonId::from_uuid(id), password_hash }))
    })
    .await
}

/// Forgives the attempts: the password was right.
pub async fn sign_in_succeeded(
    conn: &mut AsyncPgConnection,
    person: PersonId,
) -> Result<(), Error> {
    diesel::update(people::table.find(person.as_uuid()))
        .set((
            people::failed_sign_ins.eq(0),
            people::locked_until.eq(None::<jiff_diesel::Timestamp>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// How long nobody can sign in after this many failures in a row: 30 s, doubling to an hour.
fn lock_out(failed: i32) -> Option<SignedDuration> {
    let doublings = u32::try_from(failed - FREE_ATTEMPTS).ok()?.min(16);
    Some((FIRST_LOCK_OUT * 2_i32.pow(doublings)).min(LONGEST_LOCK_OUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_out_grows_with_each_failure_to_an_hour() {
        let seconds: Vec<_> = [1, 4, 5, 6, 7, 11, 12, i32::MAX]
            .map(|failed| lock_out(failed).map(|duration| duration.as_secs()))
            .to_vec();
        let expected =
            [None, None, Some(30), Some(60), Some(120), Some(1920), Some(3600), Some(3600)];
        assert_eq!(seconds, expected);
    }
}
