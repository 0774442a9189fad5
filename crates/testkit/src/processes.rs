//! The real processes of the system, started from their binaries and never left behind.

use crate::ports::free_port;
use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const READY_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const LOG_LINES_SHOWN: usize = 30;

/// Where the built binaries are.
#[derive(Clone, Debug)]
pub struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// Those built in the same target directory as this program.
    pub fn beside_this_program() -> Self {
        let program = std::env::current_exe().expect("a running program has a path");
        let directory = program.parent().expect("a program is in a directory");
        // Tests lie in target/debug/deps, the binaries one above.
        let directory = if directory.ends_with("deps") {
            directory.parent().unwrap_or(directory)
        } else {
            directory
        };
        Self { directory: directory.to_owned() }
    }

    /// Those in a directory, such as `target/release`.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The path of one.
    pub fn path(&self, name: &str) -> PathBuf {
        let path = self.directory.join(name);
        assert!(
            path.is_file(),
            "{} is not built: run scripts/test, or `cargo build --workspace --bins` first",
            path.display()
        );
        path
    }
}

/// A process with an HTTP port, and how to start it again. Killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    program: PathBuf,
    environment: Vec<(String, String)>,
    address: SocketAddr,
    log: PathBuf,
    child: Option<Child>,
}

impl Running {
    /// Starts a process on a free port with this environment and nothing else of ours.
    pub fn start(
        name: &str,
        binaries: &Binaries,
        environment: &[(String, String)],
        logs: &Path,
    ) -> Self {
        let mut running = Self {
            name: name.to_owned(),
            program: binaries.path(name),
            environment: environment.to_vec(),
            address: free_port(),
            log: logs.join(format!("{name}.log")),
            child: None,
        };
        running.start_again();
        running
    }

    /// Starts it again after [`Running::kill`] or [`Running::stop`], on the same port.
    pub fn start_again(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("the log can be written");
        let errors = log.try_clone().expect("a file can be opened twice");
        let inherited = std::env::vars_os().filter(|(name, _)| {
            name == "PATH" || name == "HOME" || name == "TMPDIR" || name == "LLVM_PROFILE_FILE"
        });
        let child = Command::new(&self.program)
            .env_clear()
            .envs(inherited)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("LODESTONE_HTTP__ADDRESS", self.address.to_string())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn();
        self.child =
            Some(child.unwrap_or_else(|error| panic!("{} cannot be started: {error}", self.name)));
    }

    /// Its name, as in its binary.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already; what counts is that nobody is left to wait for.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to stop and waits until it did; killed when it does not.
    pub fn stop(&mut self) {
        let Some(child) = &mut self.child else { return };
        let asked = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
        let deadline = Instant::now() + STOP_TIMEOUT;
        if asked.is_ok_and(|status| status.success()) {
            while Instant::now() < deadline {
                if matches!(child.try_wait(), Ok(Some(_))) {
                    self.child = None;
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.kill();
    }

    /// Waits until it answers that it is ready; panics with its log when it ends or takes too long.
    pub async fn becomes_ready(&mut self) {
        let url = format!("{}/health/ready", self.url());
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                panic!(
                    "{} ended with {status} instead of becoming ready:\n{}",
                    self.name,
                    self.last_of_log()
                );
            }
            assert!(
                Instant::now() < deadline,
                "{} did not become ready:\n{}",
                self.name,
                self.last_of_log()
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// The end of its log.
    pub fn last_of_log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the end of {}'s log ---\n{}", self.name, self.last_of_log());
        }
    }
}

/// Waits until the condition gives something; panics when it does not within `timeout`.
pub async fn wait_until<T>(
    what: &str,
    timeout: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(result) = condition().await {
            return result;
        }
        assert!(Instant::now() < deadline, "waited {timeout:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
