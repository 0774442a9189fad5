//! The private PostgreSQL and RabbitMQ, as something that can be killed and started again.

use anyhow::{Context, ensure};
use std::{fs, path::PathBuf, process::Stdio, time::Duration};
use tokio::process::Command;

const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Where the servers live and how they are started.
#[derive(Clone, Debug)]
pub struct Servers {
    /// The directory of `scripts/lib`.
    pub scripts: PathBuf,
    /// The directory of the private PostgreSQL.
    pub postgres: PathBuf,
    /// The directory of the private RabbitMQ.
    pub rabbitmq: PathBuf,
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// `PostgreSQL`.
    Postgres,
    /// `RabbitMQ`.
    RabbitMq,
}

impl Servers {
    /// Kills a server at once and waits until it is gone: the next one needs its lock.
    pub async fn kill(&self, server: Server) -> anyhow::Result<()> {
        let file = match server {
            Server::Postgres => self.postgres.join("data/postmaster.pid"),
            Server::RabbitMq => self.rabbitmq.join("pid"),
        };
        let text = fs::read_to_string(&file).with_context(|| format!("{server:?} is not up"))?;
        let pid: u32 = text.split_whitespace().next().unwrap_or_default().parse()?;
        let killed = Command::new("kill").arg("-KILL").arg(pid.to_string()).status().await?;
        ensure!(killed.success(), "{server:?} cannot be killed");
        while is_alive(pid) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Starts a server on the port it had.
    pub async fn start(&self, server: Server) -> anyhow::Result<()> {
        let (script, directory) = match server {
            Server::Postgres => ("postgres-up", &self.postgres),
            Server::RabbitMq => ("rabbitmq-up", &self.rabbitmq),
        };
        let port = fs::read_to_string(directory.join("port"))?;
        let started = Command::new(self.scripts.join(script))
            .arg(directory)
            .arg(port.trim())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .await?;
        ensure!(started.success(), "{server:?} cannot be started again");
        Ok(())
    }
}

/// Whether a process still runs; one that nobody has waited for yet does not.
pub(super) fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| !rest.starts_with(['Z', 'X'])))
        .unwrap_or(false)
}
