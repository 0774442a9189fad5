//! The database at start: waited for while it is away, refused when it is too old.

use crate::retry;
use anyhow::bail;
use database::{Pool, SchemaState};
use tokio_util::sync::CancellationToken;

/// Waits for the database, and refuses to work on a schema older than this program. `false` when
/// told to stop first.
pub async fn require(pool: &Pool, shutdown: &CancellationToken) -> anyhow::Result<bool> {
    let state = retry::until_it_succeeds("reach the database", shutdown, || state(pool)).await;
    match state {
        None => Ok(false),
        Some(SchemaState::Current) => Ok(true),
        Some(SchemaState::Behind(missing)) => bail!(
            "the schema is older than this program: run `lodestone migrate` (missing: {})",
            missing.join(", ")
        ),
    }
}

/// Whether the database answers and has the schema this program needs; for its health.
pub async fn check(pool: &Pool) -> anyhow::Result<()> {
    match state(pool).await? {
        SchemaState::Current => Ok(()),
        SchemaState::Behind(missing) => bail!("the schema lacks {}", missing.join(", ")),
    }
}

async fn state(pool: &Pool) -> anyhow::Result<SchemaState> {
    let mut conn = pool.get().await?;
    Ok(database::schema_state(&mut conn).await?)
}
