//! The schema's versions: migrating it, and refusing to work on one that is too old.

use crate::{Error, Role, Target};
use anyhow::{Context, anyhow};
use diesel::{
    migration::{Migration, MigrationSource},
    pg::Pg,
    sql_types::Text,
};
use diesel_async::{
    AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use jiff::civil::Date;
use secrecy::ExposeSecret;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
/// Partitions are made this far ahead; the relay keeps it so.
const MONTHS_AHEAD: i32 = 3;
/// diesel looks for its table of versions where new tables are made: in a migrated database that
/// would be our own schema, where the table is not.
const WHERE_VERSIONS_ARE: &str = "set search_path = public";

/// How the database's schema stands to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// Everything this program needs is there.
    Current,
    /// These migrations are still to be run: a service refuses to start.
    Behind(Vec<String>),
}

/// Brings the schema up to date as the owner, and gives the service roles their password.
///
/// Two at once wait for each other. Needs the multi-threaded runtime. Answers what it ran.
pub async fn migrate(target: &Target, today: Date) -> anyhow::Result<Vec<String>> {
    let mut conn = AsyncPgConnection::establish(target.owner_url())
        .await
        .context("cannot connect as the owner of the schema")?;
    conn.batch_execute("select pg_advisory_lock(hashtext('lodestone.migrate'))").await?;
    conn.batch_execute(WHERE_VERSIONS_ARE).await?;
    make_roles(&mut conn).await?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let ran = harness
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| anyhow!(error))
        .context("a migration failed")?
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut conn = harness.into_inner();
    let roles = Role::ALL.map(Role::name).join(", ");
    conn.batch_execute(&format!(
        "grant select on public.__diesel_schema_migrations to {roles};
         select lodestone.create_partitions('{today}', {MONTHS_AHEAD});"
    ))
    .await?;
    if let Some(password) = target.role_password() {
        for role in Role::ALL {
            set_password(&mut conn, role, password.expose_secret()).await?;
        }
    }
    conn.batch_execute("select pg_advisory_unlock(hashtext('lodestone.migrate'))").await?;
    Ok(ran)
}

/// Undoes every migration, newest first; for tests of the way back.
pub async fn revert_all(target: &Target) -> anyhow::Result<()> {
    let mut conn = AsyncPgConnection::establish(target.owner_url()).await?;
    conn.batch_execute(WHERE_VERSIONS_ARE).await?;
    let mut harness = AsyncMigrationHarness::new(conn);
    harness.revert_all_migrations(MIGRATIONS).map_err(|error| anyhow!(error))?;
    Ok(())
}

/// Compares the schema with what this program was built for; any role may ask.
pub async fn schema_state(conn: &mut AsyncPgConnection) -> Result<SchemaState, Error> {
    #[derive(diesel::QueryableByName)]
    struct Ran {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let ran = diesel::sql_query("select version from public.__diesel_schema_migrations")
        .load::<Ran>(conn)
        .await;
    let ran = match ran {
        Ok(ran) => ran,
        // Nothing has been migrated at all: the table, or our right to read it, is not there.
        Err(diesel::result::Error::DatabaseError(
            diesel::result::DatabaseErrorKind::Unknown,
            ref information,
        )) if information.message().contains("__diesel_schema_migrations") => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let needed: Vec<Box<dyn Migration<Pg>>> =
        MIGRATIONS.migrations().expect("embedded migrations are read at build time");
    let missing: Vec<String> = needed
        .iter()
        .filter(|migration| {
            let version = migration.name().version().to_string();
            !ran.iter().any(|row| row.version == version)
        })
        .map(|migration| migration.name().to_string())
        .collect();
    Ok(if missing.is_empty() { SchemaState::Current } else { SchemaState::Behind(missing) })
}

/// Makes the roles that are missing, each in a statement of its own.
///
/// Roles belong to the whole cluster, so another database's migration may make them at the same
/// moment. Within one transaction, "it is there already" may be known before the role is seen; from
/// one statement to the next it is.
async fn make_roles(conn: &mut AsyncPgConnection) -> anyhow::Result<()> {
    for role in Role::ALL.map(Role::name) {
        let make = format!(
            "do $$ begin
                if not exists (select from pg_roles where rolname = '{role}') then
                    create role {role} login nosuperuser nocreatedb nocreaterole nobypassrls;
                end if;
            exception when duplicate_object or unique_violation then null;
            end $$"
        );
        conn.batch_execute(&make).await.with_context(|| format!("cannot make the role {role}"))?;
    }
    Ok(())
}

async fn set_password(
    conn: &mut AsyncPgConnection,
    role: Role,
    password: &str,
) -> anyhow::Result<()> {
    #[derive(diesel::QueryableByName)]
    struct Statement {
        #[diesel(sql_type = Text)]
        statement: String,
    }
    // ALTER ROLE takes no parameters: Postgres itself does the quoting.
    let statement: Statement =
        diesel::sql_query("select format('alter role %I password %L', $1, $2) as statement")
            .bind::<Text, _>(role.name())
            .bind::<Text, _>(password)
            .get_result(conn)
            .await?;
    conn.batch_execute(&statement.statement).await?;
    Ok(())
}
