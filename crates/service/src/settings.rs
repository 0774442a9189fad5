//! What can be set, and how it is read.
//!
//! Defaults stand in [`SETTINGS`], the one table that also documents them. A TOML file named by
//! `LODESTONE_CONFIG` goes over the defaults, then `DATABASE_URL` and `AMQP_URL`, then
//! `LODESTONE_<SECTION>__<KEY>`. A name nobody knows is refused with the place it came from:
//! a misspelt setting must not silently leave its default in force.

use config::{Config, ConfigError, File, FileFormat, Map, Value, ValueKind};
use domain::canonical::sha256_hex;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};
use url::Url;

/// One setting, as documented to operators.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its dotted name, such as `http.address`.
    pub key: &'static str,
    /// What holds when nobody sets it; `None` where nothing can be assumed.
    pub default: Option<&'static str>,
    /// What it does, for the operator.
    pub description: &'static str,
}

impl Setting {
    /// The environment variable that sets it, such as `LODESTONE_HTTP__ADDRESS`.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_uppercase().replace('.', "__"))
    }
}

const fn row(
    key: &'static str,
    default: Option<&'static str>,
    description: &'static str,
) -> Setting {
    Setting { key, default, description }
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    row(
        "http.address",
        None,
        "address and port to listen on; by default 127.0.0.1 and the port of the process",
    ),
    row("http.workers", Some("0"), "HTTP worker threads; 0 means one per core"),
    row("http.body_limit_bytes", Some("1048576"), "largest JSON body accepted"),
    row(
        "http.drain_seconds",
        Some("15"),
        "how long requests and tasks may take to finish at shutdown",
    ),
    row(
        "database.url",
        None,
        "PostgreSQL; the host, port and database count, the user is the role of the service (also DATABASE_URL)",
    ),
    row(
        "database.pool_connections",
        Some("8"),
        "connections for ordinary reads and writes, per process",
    ),
    row("amqp.url", None, "RabbitMQ (also AMQP_URL)"),
    row(
        "amqp.prefix",
        Some(""),
        "what the names of exchanges and queues begin with, so that several systems share a broker",
    ),
    row(
        "role_password",
        None,
        "password of the service's database role, where the server asks for one",
    ),
    row("log.format", Some("text"), "text for people, json for machines"),
    row(
        "log.filter",
        Some("info,actix_server=warn"),
        "what is logged, in the syntax of tracing's EnvFilter",
    ),
    row(
        "secrets.key_file",
        None,
        "file with the server's secret, 32 bytes in hexadecimal; it authenticates cursors and tokens",
    ),
    row(
        "signing.key_file",
        None,
        "file with the Ed25519 key, PKCS#8 PEM; it signs licences, determinations and the log",
    ),
    row("auth.session_minutes", Some("60"), "how long a person stays signed in"),
    row(
        "ratelimit.requests_per_second",
        Some("2000"),
        "sustained requests a second for each credential or, without one, each address; 0 turns the limit off",
    ),
    row("ratelimit.burst", Some("4000"), "requests a credential or address may make at once"),
    row(
        "ratelimit.sign_ins_per_minute",
        Some("20"),
        "failed or anonymous sign-ins a minute for each address; 0 turns the limit off",
    ),
    row(
        "bulk.folder",
        None,
        "where files of many filings lie until they are dealt with; by default a folder among the system's temporary files, which does not outlive a restart of the machine",
    ),
    row(
        "traces.memory_mib",
        Some("512"),
        "memory in which reporting-api keeps what traces are made of, once somebody asks for one: about 100 MiB a million edges between lots; with more than fits, or with 0, the database is asked each time",
    ),
    row(
        "documents.folder",
        None,
        "where the papers of applications lie, unless a bucket is named; by default a folder among the system's temporary files, which does not outlive a restart of the machine",
    ),
    row(
        "documents.s3_bucket",
        None,
        "bucket of an S3 service in which the papers of applications lie instead of in a folder",
    ),
    row("documents.s3_endpoint", None, "address of the S3 service, such as http://127.0.0.1:9000"),
    row("documents.s3_region", Some("us-east-1"), "region of the bucket"),
    row("documents.s3_access_key_id", None, "access key of the bucket"),
    row("documents.s3_secret_access_key", None, "secret of the access key"),
    row("documents.limit_bytes", Some("26214400"), "largest paper accepted"),
    row(
        "documents.clamd",
        None,
        "clamd that looks at every paper before it is taken in: tcp://host:port or unix:/path; without it nothing is scanned, and the papers say so",
    ),
    row(
        "sealed.key_file",
        None,
        "file with the keys that wrap the keys of sealed channels, 32 bytes in hexadecimal each, the current one first; never in the database. Without it there is no sealed channel",
    ),
    row("consumer.batch_messages", Some("100"), "messages handled in one transaction at most"),
    row(
        "consumer.prefetch_messages",
        Some("200"),
        "messages a consumer holds unacknowledged at most",
    ),
    row("consumer.attempts", Some("5"), "attempts at a message before it is a dead letter"),
    row("relay.batch_events", Some("1000"), "events sequenced, and published, at a time"),
    row(
        "relay.poll_milliseconds",
        Some("50"),
        "how often the relay looks for events nobody announced",
    ),
    row("relay.checkpoint_seconds", Some("5"), "how often the log's tree is signed when it grew"),
    row(
        "relay.log_origin",
        Some("lodestone.example/log"),
        "name of the log on its signed checkpoints",
    ),
    row(
        "notifications.sweep_seconds",
        Some("3600"),
        "how often the relay looks for open items that somebody is to be told about",
    ),
    row(
        "mail.smtp_url",
        None,
        "mail server that notifications are handed in at: smtp://127.0.0.1:25 in the clear, smtp://mail.example:587?tls=required with STARTTLS, smtps://mail.example with TLS from the beginning; without it they are in the portal only",
    ),
    row("mail.username", None, "who signs in at the mail server, which then must speak TLS"),
    row("mail.password_file", None, "file with the password of `mail.username`"),
    row(
        "mail.ca_file",
        None,
        "file with certificates in PEM that the mail server's is trusted by, beside the system's",
    ),
    row("mail.from", Some("lodestone@localhost"), "who mails come from"),
    row(
        "mail.retry_seconds",
        Some("60"),
        "how long after a failed attempt a mail is tried again; doubled each time, up to six hours",
    ),
    row(
        "webhooks.retry_seconds",
        Some("5"),
        "how long after a failed attempt a webhook is called again; doubled each time, up to six hours",
    ),
    row(
        "webhooks.allow_private_addresses",
        Some("false"),
        "lets webhooks be called over plain http and at addresses that the internet does not reach: for development",
    ),
    row(
        "pdf.font_file",
        Some("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
        "font with Chinese and Latin letters that licences are written with; Debian's fonts-noto-cjk has it",
    ),
    row(
        "portal.reporting_url",
        Some("http://127.0.0.1:8081"),
        "where the portal finds reporting-api",
    ),
    row("portal.licensing_url", Some("http://127.0.0.1:8082"), "where the portal finds licensing"),
    row(
        "portal.assets_folder",
        Some("/usr/lib/lodestone/portal-assets"),
        "folder with the portal's styles and scripts, as scripts/lib/assets builds them",
    ),
    row(
        "portal.secure_cookies",
        Some("true"),
        "whether browsers send the portal's cookies over TLS only; false is for a machine of one's own",
    ),
    row(
        "relay.delete_before_publish",
        Some("false"),
        "EXPERIMENTS ONLY: forgets events before they are confirmed, to show that the chaos test notices; refused unless LODESTONE_EXPERIMENT=yes",
    ),
    row(
        "worker.skip_inbox",
        Some("false"),
        "EXPERIMENTS ONLY: takes every repeat of a message for a new one, to show that the chaos test notices; refused unless LODESTONE_EXPERIMENT=yes",
    ),
];

const PREFIX: &str = "LODESTONE_";
/// Variables with our prefix that are no settings: read here, by experiments or by the scripts.
const NOT_SETTINGS: &[&str] = &["LODESTONE_CONFIG", "LODESTONE_EXPERIMENT"];

/// Everything a process was told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Settings {
    pub http: Http,
    pub database: Database,
    #[serde(default)]
    pub amqp: Amqp,
    pub role_password: Option<SecretString>,
    pub log: Log,
    #[serde(default)]
    pub secrets: KeyFile,
    #[serde(default)]
    pub signing: KeyFile,
    pub auth: Auth,
    pub ratelimit: RateLimit,
    #[serde(default)]
    pub bulk: Bulk,
    pub traces: Traces,
    pub documents: Documents,
    #[serde(default)]
    pub sealed: KeyFile,
    pub consumer: Consumer,
    pub relay: Relay,
    pub notifications: Notifications,
    pub mail: Mail,
    pub webhooks: Webhooks,
    pub pdf: Pdf,
    pub portal: Portal,
    pub worker: Worker,
}

/// How the process listens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Http {
    pub address: SocketAddr,
    pub workers: usize,
    pub body_limit_bytes: usize,
    pub drain_seconds: u64,
}

/// Where the database is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Database {
    pub url: Option<SecretString>,
    pub pool_connections: usize,
}

/// Where the broker is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Amqp {
    pub url: Option<SecretString>,
    #[serde(default)]
    pub prefix: String,
}

/// What is logged, and how it looks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

/// Whom the log is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("expected text or json"),
        }
    }
}

/// Where a key is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct KeyFile {
    pub key_file: Option<PathBuf>,
}

/// How long people stay signed in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Auth {
    pub session_minutes: u32,
}

/// How much one caller may ask.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct RateLimit {
    pub requests_per_second: u32,
    pub burst: u32,
    pub sign_ins_per_minute: u32,
}

/// How files of many filings are kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Bulk {
    pub folder: Option<PathBuf>,
}

/// How lots are followed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Traces {
    pub memory_mib: usize,
}

/// Where the papers of applications lie, and what is done before one is taken in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Documents {
    pub folder: Option<PathBuf>,
    pub s3_bucket: Option<String>,
    pub s3_endpoint: Option<String>,
    pub s3_region: String,
    pub s3_access_key_id: Option<String>,
    pub s3_secret_access_key: Option<SecretString>,
    pub limit_bytes: usize,
    pub clamd: Option<String>,
}

/// How messages are handled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Consumer {
    pub batch_messages: usize,
    pub prefetch_messages: u16,
    pub attempts: u32,
}

/// How the outbox is emptied.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Relay {
    pub batch_events: u32,
    pub poll_milliseconds: u64,
    pub checkpoint_seconds: u64,
    pub log_origin: String,
    pub delete_before_publish: bool,
}

/// How open items are looked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Notifications {
    pub sweep_seconds: u64,
}

/// Where mails are handed in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Mail {
    pub smtp_url: Option<String>,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub from: String,
    pub retry_seconds: u32,
}

/// How systems of applicants are called.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Webhooks {
    pub retry_seconds: u32,
    pub allow_private_addresses: bool,
}

/// How licences are written as documents.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Pdf {
    pub font_file: PathBuf,
}

/// How the portal finds what it shows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Portal {
    pub reporting_url: String,
    pub licensing_url: String,
    pub assets_folder: PathBuf,
    pub secure_cookies: bool,
}

/// How the worker takes messages into account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is described in `SETTINGS`")]
pub struct Worker {
    pub skip_inbox: bool,
}

/// Why a process cannot start with what it was told.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SettingsError {
    #[error("{place} sets `{key}`, which is no setting{}; `lodestone settings` lists them all", did_you_mean(.hint.as_deref()))]
    Unknown { place: String, key: String, hint: Option<String> },
    #[error("a setting is malformed: {0}")]
    Malformed(ConfigError),
    #[error("`{key}` is not set: give {variable} or set it in the file named by LODESTONE_CONFIG")]
    Missing { key: &'static str, variable: String },
    #[error("the settings file named by LODESTONE_CONFIG cannot be read: {0}")]
    File(ConfigError),
    #[error("`{key}` {harm} on purpose; it is refused unless LODESTONE_EXPERIMENT=yes")]
    ExperimentRefused { key: &'static str, harm: &'static str },
}

fn did_you_mean(hint: Option<&str>) -> String {
    hint.map(|hint| format!(" (did you mean {hint}?)")).unwrap_or_default()
}

impl Settings {
    /// Reads the settings of a process whose default port is `port`.
    pub fn load(port: u16) -> Result<Self, SettingsError> {
        Self::from_environment(port, &environment())
    }

    /// Reads the settings from the given variables instead of the process's own.
    pub fn from_environment(
        port: u16,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut builder = Config::builder();
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                builder =
                    builder.set_default(setting.key, default).map_err(SettingsError::Malformed)?;
            }
        }
        builder = builder
            .set_default("http.address", format!("127.0.0.1:{port}"))
            .map_err(SettingsError::Malformed)?;
        if let Some(path) = variables.get("LODESTONE_CONFIG") {
            let file = Config::builder()
                .add_source(File::new(path, FileFormat::Toml))
                .build()
                .map_err(SettingsError::File)?;
            refuse_unknown_keys(path, &file)?;
            builder = builder.add_source(file);
        }
        for (key, variable) in [("database.url", "DATABASE_URL"), ("amqp.url", "AMQP_URL")] {
            let value = variables.get(variable).cloned();
            builder = builder.set_override_option(key, value).map_err(SettingsError::Malformed)?;
        }
        for (key, value) in settings_in(variables)? {
            builder = builder.set_override(key, value).map_err(SettingsError::Malformed)?;
        }
        let settings: Self =
            builder.build().and_then(Config::try_deserialize).map_err(SettingsError::Malformed)?;
        let experiment = variables.get("LODESTONE_EXPERIMENT").is_some_and(|value| value == "yes");
        let experiments = [
            (settings.relay.delete_before_publish, "relay.delete_before_publish", "loses events"),
            (settings.worker.skip_inbox, "worker.skip_inbox", "doubles effects"),
        ];
        for (on, key, harm) in experiments {
            if on && !experiment {
                return Err(SettingsError::ExperimentRefused { key, harm });
            }
        }
        Ok(settings)
    }

    /// The database's address; an error where a process cannot do without.
    pub fn database_url(&self) -> Result<&SecretString, SettingsError> {
        required(self.database.url.as_ref(), "database.url", "DATABASE_URL")
    }

    /// The database to connect to as a role.
    pub fn database_target(&self) -> Result<database::Target, SettingsError> {
        let url = Url::parse(self.database_url()?.expose_secret());
        let url = url.map_err(|error| ConfigError::Message(format!("`database.url`: {error}")));
        let url = url.map_err(SettingsError::Malformed)?;
        if !url.has_host() {
            let reason =
                "`database.url` names no host, such as postgres://127.0.0.1:5432/lodestone";
            return Err(SettingsError::Malformed(ConfigError::Message(reason.to_owned())));
        }
        Ok(database::Target::new(url, self.role_password.clone()))
    }

    /// Where files of many filings lie until they are dealt with; one folder for each database.
    pub fn bulk_folder(&self) -> Result<PathBuf, SettingsError> {
        self.folder_or_temporary(self.bulk.folder.as_ref(), "bulk")
    }

    /// Where the papers of applications lie; one folder for each database.
    pub fn documents_folder(&self) -> Result<PathBuf, SettingsError> {
        self.folder_or_temporary(self.documents.folder.as_ref(), "documents")
    }

    fn folder_or_temporary(
        &self,
        set: Option<&PathBuf>,
        what: &str,
    ) -> Result<PathBuf, SettingsError> {
        if let Some(folder) = set {
            return Ok(folder.clone());
        }
        let target = self.database_target()?;
        let database = sha256_hex(target.owner_url().as_bytes());
        Ok(std::env::temp_dir().join(format!("lodestone-{what}-{}", &database[..16])))
    }

    /// The broker's address; an error where a process cannot do without.
    pub fn amqp_url(&self) -> Result<&SecretString, SettingsError> {
        required(self.amqp.url.as_ref(), "amqp.url", "AMQP_URL")
    }

    /// Where the server's secret is; an error where a process cannot do without.
    pub fn secret_key_file(&self) -> Result<&PathBuf, SettingsError> {
        required(self.secrets.key_file.as_ref(), "secrets.key_file", "LODESTONE_SECRETS__KEY_FILE")
    }

    /// Where the signing key is; an error where a process cannot do without.
    pub fn signing_key_file(&self) -> Result<&PathBuf, SettingsError> {
        required(self.signing.key_file.as_ref(), "signing.key_file", "LODESTONE_SIGNING__KEY_FILE")
    }
}

fn required<'a, T>(
    value: Option<&'a T>,
    key: &'static str,
    variable: &str,
) -> Result<&'a T, SettingsError> {
    value.ok_or_else(|| SettingsError::Missing { key, variable: variable.to_owned() })
}

/// The process's environment, as far as it is text.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The variables that are settings, under their dotted names.
fn settings_in(
    variables: &BTreeMap<String, String>,
) -> Result<Vec<(&'static str, String)>, SettingsError> {
    let mut found = Vec::new();
    for (name, value) in variables {
        if !name.starts_with(PREFIX) || NOT_SETTINGS.contains(&name.as_str()) {
            continue;
        }
        match SETTINGS.iter().find(|setting| setting.variable() == *name) {
            Some(setting) => found.push((setting.key, value.clone())),
            None => refuse_if_meant_as_setting(name)?,
        }
    }
    Ok(found)
}

/// Refuses what looks like a setting. Other variables with our prefix belong to the scripts.
fn refuse_if_meant_as_setting(name: &str) -> Result<(), SettingsError> {
    let squeezed = |name: &str| name.replace('_', "").to_uppercase();
    let meant = SETTINGS.iter().find(|setting| squeezed(&setting.variable()) == squeezed(name));
    if meant.is_none() && !name.contains("__") {
        return Ok(());
    }
    Err(SettingsError::Unknown {
        place: "the environment".to_owned(),
        key: name.to_owned(),
        hint: meant.map(Setting::variable),
    })
}

fn refuse_unknown_keys(path: &str, file: &Config) -> Result<(), SettingsError> {
    let mut keys = Vec::new();
    let root = file.cache.clone().into_table().map_err(SettingsError::File)?;
    collect_keys("", root, &mut keys);
    keys.sort();
    let unknown = keys.into_iter().find(|key| SETTINGS.iter().all(|setting| setting.key != key));
    match unknown {
        Some(key) => Err(SettingsError::Unknown { place: path.to_owned(), key, hint: None }),
        None => Ok(()),
    }
}

fn collect_keys(prefix: &str, table: Map<String, Value>, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value.kind {
            ValueKind::Table(inner) => collect_keys(&key, inner, keys),
            _ => keys.push(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::from_environment(8081, &variables.collect())
    }

    fn a_file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn nothing_set_gives_the_defaults_and_the_port_of_the_process() {
        let settings = load(&[]).unwrap();
        assert_eq!(settings.http.address.to_string(), "127.0.0.1:8081");
        assert_eq!(settings.log.format, LogFormat::Text);
        assert_eq!(settings.consumer.attempts, 5);
        assert!(settings.database.url.is_none());
    }

    #[test]
    fn the_environment_goes_over_the_plain_addresses_and_these_over_the_file() {
        let file = a_file(
            "[database]\nurl = \"postgres://file\"\n[http]\nworkers = 3\n[log]\nfilter = \"debug\"",
        );
        let path = file.path().to_str().unwrap();
        let settings = load(&[
            ("LODESTONE_CONFIG", path),
            ("DATABASE_URL", "postgres://plain"),
            ("LODESTONE_LOG__FILTER", "warn"),
        ])
        .unwrap();
        assert_eq!(settings.database_url().unwrap().expose_secret(), "postgres://plain");
        assert_eq!(settings.http.workers, 3);
        assert_eq!(settings.log.filter, "warn");
        let settings = load(&[
            ("DATABASE_URL", "postgres://plain"),
            ("LODESTONE_DATABASE__URL", "postgres://own"),
        ])
        .unwrap();
        assert_eq!(settings.database_url().unwrap().expose_secret(), "postgres://own");
    }

    #[test]
    fn a_password_of_digits_stays_as_it_was_written() {
        let settings = load(&[("LODESTONE_ROLE_PASSWORD", "0123")]).unwrap();
        assert_eq!(settings.role_password.unwrap().expose_secret(), "0123");
    }

    #[test]
    fn what_nobody_knows_is_refused_with_its_place() {
        let said = |result: Result<Settings, SettingsError>| result.unwrap_err().to_string();
        insta::assert_snapshot!(said(load(&[("LODESTONE_HTTP__ADRESS", "x")])), @"the environment sets `LODESTONE_HTTP__ADRESS`, which is no setting; `lodestone settings` lists them all");
        insta::assert_snapshot!(said(load(&[("LODESTONE_HTTP_ADDRESS", "x")])), @"the environment sets `LODESTONE_HTTP_ADDRESS`, which is no setting (did you mean LODESTONE_HTTP__ADDRESS?); `lodestone settings` lists them all");
        let file = a_file("[http]\nadress = \"x\"");
        let path = file.path().to_str().unwrap();
        let refusal = said(load(&[("LODESTONE_CONFIG", path)])).replace(path, "FILE");
        insta::assert_snapshot!(refusal, @"FILE sets `http.adress`, which is no setting; `lodestone settings` lists them all");
    }

    #[test]
    fn what_is_malformed_is_refused_by_name() {
        let said = |name, value| load(&[(name, value)]).unwrap_err().to_string();
        insta::assert_snapshot!(said("LODESTONE_HTTP__WORKERS", "many"), @r#"a setting is malformed: invalid type: string "many", expected an integer for key `http.workers`"#);
        insta::assert_snapshot!(said("LODESTONE_HTTP__ADDRESS", "here"), @"a setting is malformed: invalid socket address syntax for key `http.address`");
        insta::assert_snapshot!(said("LODESTONE_LOG__FORMAT", "xml"), @"a setting is malformed: expected text or json for key `log.format`");
    }

    #[test]
    fn the_ablations_are_refused_outside_an_experiment() {
        for name in ["LODESTONE_RELAY__DELETE_BEFORE_PUBLISH", "LODESTONE_WORKER__SKIP_INBOX"] {
            let on = (name, "true");
            assert!(matches!(load(&[on]), Err(SettingsError::ExperimentRefused { .. })));
            assert!(load(&[on, ("LODESTONE_EXPERIMENT", "yes")]).is_ok());
        }
    }

    #[test]
    fn a_missing_address_names_the_variable_to_give() {
        let missing = load(&[]).unwrap();
        insta::assert_snapshot!(missing.amqp_url().unwrap_err(), @"`amqp.url` is not set: give AMQP_URL or set it in the file named by LODESTONE_CONFIG");
    }
}
