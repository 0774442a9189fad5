//! A private database, copied from a template that is migrated once for all tests.

use crate::environment::database_url;
use anyhow::Context;
use database::{Pool, Role, Target};
use domain::{canonical::sha256_hex, ids::OrganisationId};
use jiff::civil::Date;
use std::{fmt::Display, path::Path};
use tokio_postgres::{Client, NoTls};
use url::Url;
use uuid::Uuid;

/// A migrated database of one test's own; dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    admin: Url,
    url: Url,
}

impl TestDatabase {
    /// A new database in the server that `DATABASE_URL` names.
    pub async fn create() -> Self {
        Self::create_in(database_url()).await
    }

    /// A new database in the server of this address, which must be a superuser's.
    pub async fn create_in(admin: Url) -> Self {
        let name = format!("lodestone_test_{}", Uuid::now_v7().simple());
        let mut url = admin.clone();
        url.set_path(&name);
        make(&admin, &name).await.expect("the server of DATABASE_URL can make a test database");
        Self { admin, url }
    }

    /// Its address, as the owner.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The database as services are told of it.
    pub fn target(&self) -> Target {
        Target::new(self.url.clone(), None)
    }

    /// A small pool of connections as a role.
    pub fn pool(&self, role: Role) -> Pool {
        self.target().pool(role, 4)
    }

    /// A connection as the owner, who sees and may do everything.
    pub async fn owner(&self) -> Client {
        connect(&self.url).await.expect("the test database can be reached")
    }

    /// A connection as a role, acting for nobody.
    pub async fn as_role(&self, role: Role) -> Client {
        let mut url = self.url.clone();
        url.set_username(role.name()).expect("a database URL has a host");
        url.set_password(None).expect("a database URL has a host");
        connect(&url).await.expect("a role can connect")
    }

    /// A connection as a role on which every later statement acts for these organisations.
    pub async fn acting_for(&self, role: Role, organisations: &[OrganisationId]) -> Client {
        let client = self.as_role(role).await;
        let list = organisations.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        client
            .execute(
                "select set_config('lodestone.organisations', $1, false)",
                &[&format!("{{{list}}}")],
            )
            .await
            .expect("anybody may say whom it acts for");
        client
    }

    /// Counts rows as the owner: `count("filings where kind = 'export'")`.
    pub async fn count(&self, rows: &str) -> i64 {
        let client = self.owner().await;
        let row = client.query_one(&format!("select count(*) from {rows}"), &[]).await;
        row.unwrap_or_else(|error| panic!("cannot count {rows}: {}", described(&error))).get(0)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (admin, name) =
            (self.admin.clone(), self.url.path().trim_start_matches('/').to_owned());
        // A runtime of its own: this may be dropped inside one, or after it ended.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let admin = connect(&admin).await?;
                admin
                    .batch_execute(&format!("drop database if exists {name} with (force)"))
                    .await?;
                anyhow::Ok(())
            })
        })
        .join();
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("a test database was left behind: {}", self.url);
        }
    }
}

/// The one text that a query answers.
pub async fn rendered(client: &Client, query: &str) -> String {
    let row = client.query_one(query, &[]).await;
    row.unwrap_or_else(|error| panic!("the query failed: {}", described(&error))).get(0)
}

/// What Postgres said, not only that it said something.
fn described(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}

async fn connect(url: &Url) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn make(admin: &Url, name: &str) -> anyhow::Result<()> {
    let client = connect(admin).await?;
    let template = template(&client, admin).await?;
    // Copying waits for others who copy the same template, and fails while somebody is in it.
    client.batch_execute(&format!("create database {name} template {template}")).await?;
    set_search_path(&client, name).await
}

/// Settings of a database are not copied with it.
async fn set_search_path(client: &Client, database: impl Display) -> anyhow::Result<()> {
    let statement = format!("alter database {database} set search_path = lodestone, public");
    Ok(client.batch_execute(&statement).await?)
}

/// The name of the migrated template, made by whoever comes first.
async fn template(client: &Client, admin: &Url) -> anyhow::Result<String> {
    let today: Date = client
        .query_one("select to_char(now() at time zone 'Asia/Shanghai', 'YYYY-MM-DD')", &[])
        .await?
        .get::<_, String>(0)
        .parse()?;
    let fingerprint = sha256_hex(format!("{today}{}", migrations()?).as_bytes());
    let name = format!("lodestone_template_{}", &fingerprint[..16]);
    client.batch_execute("select pg_advisory_lock(hashtext('lodestone.testkit.template'))").await?;
    let made = make_template(client, admin, &name, today).await;
    client
        .batch_execute("select pg_advisory_unlock(hashtext('lodestone.testkit.template'))")
        .await?;
    made.map(|()| name)
}

async fn make_template(
    client: &Client,
    admin: &Url,
    name: &str,
    today: Date,
) -> anyhow::Result<()> {
    if client.query_opt("select from pg_database where datname = $1", &[&name]).await?.is_some() {
        return Ok(());
    }
    let unfinished = format!("{name}_unfinished");
    client.batch_execute(&format!("drop database if exists {unfinished} with (force)")).await?;
    client.batch_execute(&format!("create database {unfinished}")).await?;
    let mut url = admin.clone();
    url.set_path(&unfinished);
    // Migrating needs a runtime of several threads, which a test's own may not be.
    let migrated = tokio::task::spawn_blocking(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(database::migrate(&Target::new(url, None), today))
    });
    migrated.await?.context("the template cannot be migrated")?;
    client.batch_execute(&format!("alter database {unfinished} rename to {name}")).await?;
    Ok(())
}

/// The text of all migrations: another text, another template.
fn migrations() -> anyhow::Result<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../database/migrations");
    let mut names: Vec<_> = std::fs::read_dir(&directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    names.sort();
    let mut text = String::new();
    for name in names {
        text.push_str(&std::fs::read_to_string(name.join("up.sql"))?);
    }
    Ok(text)
}
