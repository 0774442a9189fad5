//! What every part of the relay works with.

use crate::{calling::Telephone, mailing::Post};
use broker::{Broker, Topology};
use database::{Connection, Pool, Role, Target};
use ed25519_dalek::SigningKey;
use service::{process::Context, retry, secret::ServerSecret, settings, signing};
use std::{future::Future, sync::Arc};
use tokio_util::sync::CancellationToken;

/// One for publishing, one for everything that happens now and then.
const POOL_CONNECTIONS: usize = 2;
/// One for the sweep, one for mails: neither waits for events, nor they for it.
const NOTIFIER_CONNECTIONS: usize = 2;

/// Calls are noted as they end: publishing must not wait for that.
const CALLER_CONNECTIONS: usize = 2;

/// What every part of the relay works with.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) target: Target,
    pub(crate) pool: Pool,
    pub(crate) broker: Broker,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) settings: settings::Relay,
    pub(crate) notifications: settings::Notifications,
    pub(crate) post: Option<Post>,
    pub(crate) telephone: Telephone,
    notifier: Pool,
    caller: Pool,
    pub(crate) shutdown: CancellationToken,
}

impl Relay {
    pub(crate) fn new(process: &'static str, context: &Context) -> anyhow::Result<Self> {
        let settings = &context.settings;
        let target = settings.database_target()?;
        Ok(Self {
            pool: target.pool(Role::Relay, POOL_CONNECTIONS),
            notifier: target.pool(Role::Notifier, NOTIFIER_CONNECTIONS),
            caller: target.pool(Role::Relay, CALLER_CONNECTIONS),
            target,
            broker: Broker {
                url: settings.amqp_url()?.clone(),
                topology: Topology::prefixed(settings.amqp.prefix.clone()),
                process,
            },
            key: Arc::new(signing::read_key(settings.signing_key_file()?)?),
            settings: settings.relay.clone(),
            notifications: settings.notifications.clone(),
            post: Post::of(&settings.mail)?,
            telephone: Telephone::new(
                &settings.webhooks,
                ServerSecret::read(settings.secret_key_file()?)?,
            )?,
            shutdown: context.shutdown.clone(),
        })
    }

    /// Does something in the database, trying until it succeeds; `None` when told to stop first.
    pub(crate) async fn in_database<T, F>(
        &self,
        what: &str,
        work: impl Fn(Connection) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, database::Error>>,
    {
        self.through(&self.pool, what, work).await
    }

    /// The same as the role that looks for what is open.
    pub(crate) async fn as_notifier<T, F>(
        &self,
        what: &str,
        work: impl Fn(Connection) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, database::Error>>,
    {
        self.through(&self.notifier, what, work).await
    }

    /// The same on connections of those who call webhooks.
    pub(crate) async fn as_caller<T, F>(
        &self,
        what: &str,
        work: impl Fn(Connection) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, database::Error>>,
    {
        self.through(&self.caller, what, work).await
    }

    async fn through<T, F>(
        &self,
        pool: &Pool,
        what: &str,
        work: impl Fn(Connection) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, database::Error>>,
    {
        let attempt = || async {
            let conn = pool.get().await?;
            Ok::<_, anyhow::Error>(work(conn).await?)
        };
        retry::until_it_succeeds(what, &self.shutdown, attempt).await
    }
}
