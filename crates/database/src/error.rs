//! What can go wrong between us and Postgres.

use uuid::Uuid;

/// A failure of the database, or of a row in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres cannot be reached, is starting or is stopping: worth trying again.
    #[error("the database is not available")]
    Unavailable(#[source] anyhow::Error),
    /// A statement failed.
    #[error("a statement failed")]
    Statement(#[source] diesel::result::Error),
    /// The hot writer's statement failed.
    #[error("a statement of the filing writer failed")]
    Writer(#[source] tokio_postgres::Error),
    /// A row says something impossible.
    #[error(transparent)]
    Corrupt(#[from] CorruptRow),
}

/// A row that no service could have written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("corrupt row in {table}, column {column}, id {id}")]
pub struct CorruptRow {
    /// Which table.
    pub table: &'static str,
    /// Which column.
    pub column: &'static str,
    /// Which row.
    pub id: Uuid,
}

impl Error {
    /// Whether the same call may succeed later without anything being changed.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error as Diesel};
        match error {
            Diesel::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            )
            | Diesel::BrokenTransactionManager => Self::Unavailable(error.into()),
            // Postgres says why it stops or starts only in words: class 57 (operator
            // intervention) reaches diesel as an unknown kind.
            Diesel::DatabaseError(DatabaseErrorKind::Unknown, ref information)
                if is_shutdown(information.message()) =>
            {
                Self::Unavailable(error.into())
            }
            error => Self::Statement(error),
        }
    }
}

impl From<diesel_async::pooled_connection::deadpool::PoolError> for Error {
    fn from(error: diesel_async::pooled_connection::deadpool::PoolError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let class = error.code().map(|code| &code.code()[..2]);
        match class {
            // Connection exceptions, insufficient resources, operator intervention.
            None | Some("08" | "53" | "57") => Self::Unavailable(error.into()),
            Some(_) => Self::Writer(error),
        }
    }
}

fn is_shutdown(message: &str) -> bool {
    ["shutting down", "starting up", "terminating connection", "recovery mode", "closed"]
        .iter()
        .any(|words| message.contains(words))
}
