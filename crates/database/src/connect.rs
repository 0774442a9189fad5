//! Connections: every service logs in as a role that owns nothing.

use crate::Error;
use diesel::{define_sql_function, sql_types};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool},
};
use domain::ids::OrganisationId;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use url::Url;

/// A pool of connections of one role.
pub type Pool = deadpool::Pool<AsyncPgConnection>;
/// A connection from a pool.
pub type Connection = deadpool::Object<AsyncPgConnection>;

/// How long a caller waits for a connection before the database counts as unavailable.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The database roles; grants and policies say what each may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Writes filings of many organisations in one transaction; reads nothing back.
    FilingWriter,
    /// Reads and writes for one organisation at a time.
    Reporting,
    /// Reads across organisations for officials; every confidential read is logged.
    Official,
    /// People, keys, sessions and the import of rules.
    Identity,
    /// Everybody's cases and licences: officials, customs and the passing of time.
    Licensing,
    /// One organisation's own applications, determinations and licences.
    Applicant,
    /// The anomaly worker.
    Worker,
    /// The outbox relay.
    Relay,
    /// Looks for open items and tells whose turn it is.
    Notifier,
    /// Reads what traces are made of, across organisations, to keep it at hand.
    Tracer,
}

/// Which database, before it is known as whom.
#[derive(Clone, Debug)]
pub struct Target {
    url: Url,
    role_password: Option<SecretString>,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 10] = [
        Self::FilingWriter,
        Self::Reporting,
        Self::Official,
        Self::Identity,
        Self::Licensing,
        Self::Applicant,
        Self::Worker,
        Self::Relay,
        Self::Notifier,
        Self::Tracer,
    ];

    /// Its name in Postgres.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FilingWriter => "lodestone_filing_writer",
            Self::Reporting => "lodestone_reporting",
            Self::Official => "lodestone_official",
            Self::Identity => "lodestone_identity",
            Self::Licensing => "lodestone_licensing",
            Self::Applicant => "lodestone_applicant",
            Self::Worker => "lodestone_worker",
            Self::Relay => "lodestone_relay",
            Self::Notifier => "lodestone_notifier",
            Self::Tracer => "lodestone_tracer",
        }
    }
}

impl Target {
    /// The database at `url`; services log in there with `role_password`, if one is needed.
    pub const fn new(url: Url, role_password: Option<SecretString>) -> Self {
        Self { url, role_password }
    }

    /// The URL as the owner, who migrates.
    pub fn owner_url(&self) -> &str {
        self.url.as_str()
    }

    /// The password that the service roles log in with, if one is needed.
    pub(crate) const fn role_password(&self) -> Option<&SecretString> {
        self.role_password.as_ref()
    }

    /// The URL as `role`.
    pub fn url_as(&self, role: Role) -> SecretString {
        let mut url = self.url.clone();
        let password = self.role_password.as_ref().map(ExposeSecret::expose_secret);
        url.set_username(role.name()).expect("a database URL has a host");
        url.set_password(password).expect("a database URL has a host");
        String::from(url).into()
    }

    /// A pool of at most `size` connections as `role`; nothing is opened yet.
    pub fn pool(&self, role: Role, size: usize) -> Pool {
        let url = self.url_as(role);
        let mut config = ManagerConfig::<AsyncPgConnection>::default();
        // A connection that ended is known to have ended; asking each time whether it works would be
        // a statement more for every request.
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url.expose_secret(), config);
        Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(WAIT_TIMEOUT))
            .create_timeout(Some(WAIT_TIMEOUT))
            .runtime(::deadpool::Runtime::Tokio1)
            .build()
            .expect("a pool with timeouts has a runtime")
    }
}

define_sql_function! {
    fn set_config(name: sql_types::Text, value: sql_types::Text, is_local: sql_types::Bool) -> sql_types::Text;
}

/// Says for which organisations the rest of this transaction acts.
///
/// Outside a transaction it has no effect, and row-level security then shows nothing.
pub async fn act_for(
    conn: &mut AsyncPgConnection,
    organisations: &[OrganisationId],
) -> Result<(), Error> {
    let list = uuid_list(organisations);
    diesel::select(set_config("lodestone.organisations", list, true)).execute(conn).await?;
    Ok(())
}

/// The organisations as Postgres reads an array of them.
pub(crate) fn uuid_list(organisations: &[OrganisationId]) -> String {
    let ids: Vec<String> = organisations.iter().map(ToString::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

/// A bare connection that hears notifications on `channel`, with the task that drives it.
///
/// `heard` is told of each notification; it is closed when the connection ends.
pub async fn listen_client(
    target: &Target,
    role: Role,
    channel: &'static str,
    heard: tokio::sync::mpsc::Sender<()>,
) -> Result<tokio_postgres::Client, Error> {
    let url = target.url_as(role);
    let (client, mut connection) =
        tokio_postgres::connect(url.expose_secret(), tokio_postgres::NoTls).await?;
    tokio::spawn(async move {
        use futures_util::StreamExt;
        let mut messages =
            futures_util::stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if matches!(message, tokio_postgres::AsyncMessage::Notification(_)) {
                // A full queue already means "look": nothing is lost by dropping this one.
                let _ = heard.try_send(());
            }
        }
    });
    client.batch_execute(&format!("listen {channel}")).await?;
    Ok(client)
}
