//! `up_warm_seconds`: how long `scripts/up` takes when everything is up already.
//!
//! It needs this checkout's own state. What ran before still runs afterwards; what did not is
//! taken down again, and a state that was not there before is removed.

use crate::measure::Figure;
use anyhow::{Context, ensure};
use std::{
    path::{Path, PathBuf},
    time::Instant,
};
use tokio::process::Command;

const RUNS: usize = 3;
/// The goal that the issue sets.
const WANTED_SECONDS: f64 = 20.0;

/// Measures it.
pub async fn measure() -> anyhow::Result<Figure> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let before = State::of(&repository);
    let measured = measure_in(&repository).await;
    match before {
        State::Running => {}
        State::Down => script(&repository, "down", &[]).await?,
        State::Absent => script(&repository, "down", &["--wipe"]).await?,
    }
    let seconds = measured?;
    Ok(Figure::of_runs("up_warm_seconds", "s", Some(WANTED_SECONDS), &seconds))
}

async fn measure_in(repository: &Path) -> anyhow::Result<Vec<f64>> {
    script(repository, "up", &[]).await?;
    let mut seconds = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        script(repository, "up", &[]).await?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

#[derive(Clone, Copy)]
enum State {
    Running,
    Down,
    Absent,
}

impl State {
    fn of(repository: &Path) -> Self {
        let state = repository.join(".lodestone");
        let runs = |name: &str| {
            let recorded = std::fs::read_to_string(state.join("run").join(name)).ok()?;
            let pid: u32 = recorded.split(' ').next()?.parse().ok()?;
            PathBuf::from(format!("/proc/{pid}")).exists().then_some(())
        };
        if !state.exists() {
            Self::Absent
        } else if runs("reporting-api.pid").is_some() {
            Self::Running
        } else {
            Self::Down
        }
    }
}

/// Runs a script of this checkout with private services of its own.
async fn script(repository: &Path, name: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(repository.join("scripts").join(name))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env_remove("AMQP_URL")
        .output()
        .await
        .with_context(|| format!("scripts/{name} cannot be started"))?;
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "scripts/{name} failed: {}", complained.trim());
    Ok(())
}
