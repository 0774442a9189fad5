//! The whole system for one test: a database, queues and processes of its own.

use crate::{
    Binaries, Running, TestDatabase,
    environment::{amqp_url, database_url},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

/// Who administers the authority of an installed stack.
pub const ADMINISTRATOR_EMAIL: &str = "administrator@authority.example";
/// Their password.
pub const ADMINISTRATOR_PASSWORD: &str = "correct horse battery staple";

/// Every process of the system that serves.
const SERVICES: [&str; 4] = ["reporting-api", "licensing", "anomaly-worker", "outbox-relay"];

/// What is in a stack's database before its processes start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contents {
    /// The schema and nothing else.
    #[default]
    Bare,
    /// The law that ships, and an administrator of the authority ([`ADMINISTRATOR_EMAIL`]).
    Installed,
}

/// What a stack is made of; [`StackOptions::default`] is what tests want.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// The PostgreSQL to make a database in, as a superuser.
    pub postgres: Url,
    /// The RabbitMQ to have queues in.
    pub amqp: String,
    /// Where the binaries are.
    pub binaries: Binaries,
    /// What is in the database.
    pub contents: Contents,
    /// Which processes to start.
    pub services: Vec<&'static str>,
    /// Further environment for every process.
    pub environment: Vec<(String, String)>,
}

impl Default for StackOptions {
    fn default() -> Self {
        Self {
            postgres: database_url(),
            amqp: amqp_url(),
            binaries: Binaries::beside_this_program(),
            contents: Contents::Bare,
            services: SERVICES.to_vec(),
            environment: Vec::new(),
        }
    }
}

/// A running system. Its processes are killed and its database dropped with this value.
#[derive(Debug)]
pub struct Stack {
    // Processes end before their database is dropped and their files are removed.
    services: Vec<Running>,
    database: TestDatabase,
    binaries: Binaries,
    environment: Vec<(String, String)>,
    files: TempDir,
}

impl Stack {
    /// Starts every process and waits until all are ready.
    pub async fn start() -> Self {
        Self::start_with(StackOptions::default()).await
    }

    /// Starts every process of a system that was installed, and waits until all are ready.
    pub async fn installed() -> Self {
        Self::start_with(StackOptions { contents: Contents::Installed, ..StackOptions::default() })
            .await
    }

    /// Starts what is asked for and waits until all of it is ready.
    pub async fn start_with(options: StackOptions) -> Self {
        let database = TestDatabase::create_in(options.postgres).await;
        let files = tempfile::tempdir().expect("a temporary directory can be made");
        let mut environment = vec![
            ("DATABASE_URL".to_owned(), database.url().to_string()),
            ("AMQP_URL".to_owned(), options.amqp),
            ("LODESTONE_AMQP__PREFIX".to_owned(), format!("test-{}.", Uuid::now_v7().simple())),
            (
                "LODESTONE_SECRETS__KEY_FILE".to_owned(),
                written(files.path(), "server.key", &server_key()),
            ),
            (
                "LODESTONE_SEALED__KEY_FILE".to_owned(),
                written(files.path(), "sealed.keys", &server_key()),
            ),
            (
                "LODESTONE_SIGNING__KEY_FILE".to_owned(),
                written(files.path(), "signing.pem", &signing_key()),
            ),
            ("LODESTONE_BULK__FOLDER".to_owned(), files.path().join("bulk").display().to_string()),
            ("LODESTONE_LOG__FILTER".to_owned(), "info".to_owned()),
        ];
        environment.extend(options.environment);
        if options.contents == Contents::Installed {
            install(&options.binaries.path("lodestone"), &environment);
        }
        let mut services: Vec<_> = options
            .services
            .iter()
            .map(|name| Running::start(name, &options.binaries, &environment, files.path()))
            .collect();
        for service in &mut services {
            service.becomes_ready().await;
        }
        Self { services, database, binaries: options.binaries, environment, files }
    }

    /// Runs the command line tool against this system; what it printed.
    pub fn lodestone(&self, arguments: &[&str]) -> String {
        administer(&self.binary("lodestone"), &self.environment, arguments, "")
    }

    /// Its database.
    pub const fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The address of a process, such as `http://127.0.0.1:40123`.
    pub fn url(&self, service: &str) -> String {
        let running = self.services.iter().find(|running| running.name() == service);
        running.unwrap_or_else(|| panic!("{service} is not part of this stack")).url()
    }

    /// A process, to be killed and started again.
    pub fn service(&mut self, service: &str) -> &mut Running {
        let running = self.services.iter_mut().find(|running| running.name() == service);
        running.unwrap_or_else(|| panic!("{service} is not part of this stack"))
    }

    /// Every process.
    pub fn services(&mut self) -> &mut [Running] {
        &mut self.services
    }

    /// The path of a binary.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.binaries.path(name)
    }

    /// The environment that its processes were started with.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// A directory that lives as long as this stack.
    pub fn files(&self) -> &Path {
        self.files.path()
    }
}

/// Installs what a new system needs, as an operator would.
fn install(lodestone: &Path, environment: &[(String, String)]) {
    administer(lodestone, environment, &["regime", "import", "--default"], "");
    let create = ["administrator", "create", "--email", ADMINISTRATOR_EMAIL];
    let create = [&create[..], &["--name", "Administrator", "--password-stdin"]].concat();
    administer(lodestone, environment, &create, ADMINISTRATOR_PASSWORD);
}

/// Runs the command line tool; panics with what it said when it fails.
fn administer(
    program: &Path,
    environment: &[(String, String)],
    arguments: &[&str],
    input: &str,
) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command line tool can be started");
    let mut stdin = child.stdin.take().expect("it was asked for");
    // A tool that reads nothing may be gone before it is written to.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("a child can be waited for");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "lodestone {}: {said}{complained}", arguments.join(" "));
    said
}

fn written(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).expect("a temporary directory can be written to");
    path.to_str().expect("temporary paths are text").to_owned()
}

fn server_key() -> String {
    "5a".repeat(32)
}

/// An Ed25519 key in PKCS#8: the fixed beginning of such a file, then the secret, known to all.
fn signing_key() -> String {
    const PKCS8_ED25519: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let der: Vec<u8> = PKCS8_ED25519.into_iter().chain([0x4c; 32]).collect();
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        BASE64_STANDARD.encode(der)
    )
}
