//! Transactions that a process holds while it judges between reading and writing.

use crate::{Connection, Error, Pool, connect::uuid_list};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use domain::ids::OrganisationId;
use std::ops::{Deref, DerefMut};

/// An open transaction. Dropped without [`Transaction::commit`] it never happened: the pool throws
/// a connection away that comes back with a transaction open, and Postgres rolls it back.
pub struct Transaction {
    conn: Connection,
}

impl Transaction {
    /// Begins one on a connection from the pool.
    pub async fn begin(pool: &Pool) -> Result<Self, Error> {
        let mut conn = pool.get().await?;
        AnsiTransactionManager::begin_transaction(&mut *conn).await?;
        Ok(Self { conn })
    }

    /// Makes it true.
    pub async fn commit(mut self) -> Result<(), Error> {
        Ok(AnsiTransactionManager::commit_transaction(&mut *self.conn).await?)
    }

    /// Takes it all back, and gives the connection back to the pool in order.
    pub async fn roll_back(mut self) -> Result<(), Error> {
        Ok(AnsiTransactionManager::rollback_transaction(&mut *self.conn).await?)
    }
}

impl Deref for Transaction {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.conn
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.conn
    }
}

/// Does all of `work` in one transaction that acts for one organisation; what it refuses never
/// happened.
pub async fn acting_for<T, E: From<Error>>(
    pool: &Pool,
    organisation: OrganisationId,
    work: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
) -> Result<T, E> {
    let mut conn = pool.get().await.map_err(Error::from)?;
    let list = uuid_list(&[organisation]);
    let begin = format!("begin; set local lodestone.organisations = '{list}'");
    AnsiTransactionManager::begin_transaction_sql(&mut *conn, &begin).await.map_err(Error::from)?;
    let done = work(&mut conn).await;
    let ended = if done.is_ok() {
        AnsiTransactionManager::commit_transaction(&mut *conn).await
    } else {
        AnsiTransactionManager::rollback_transaction(&mut *conn).await
    };
    // A rollback that fails changes nothing about why: the pool throws the connection away.
    match ended {
        Err(error) if done.is_ok() => Err(Error::from(error).into()),
        _ => done,
    }
}
