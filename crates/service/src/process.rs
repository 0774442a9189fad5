//! The life of a process: settings, logging, the work, and a bounded farewell.

use crate::{metrics, settings::Settings, telemetry};
use anyhow::Context as _;
use std::{
    future::Future,
    process::ExitCode,
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A process of the system.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Its name, as in its binary and unit.
    pub name: &'static str,
    /// The port it listens on unless told otherwise.
    pub port: u16,
}

/// What a process is given to work with.
#[derive(Clone)]
pub struct Context {
    /// What it was told.
    pub settings: Settings,
    /// Cancelled when it is to stop.
    pub shutdown: CancellationToken,
    tasks: TaskTracker,
    failed: Arc<AtomicBool>,
}

impl Context {
    /// Starts work in the background. It must end soon after `shutdown`; when it fails, or ends
    /// earlier, the process stops, for its supervisor to start it anew.
    pub fn spawn<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (shutdown, failed) = (self.shutdown.clone(), Arc::clone(&self.failed));
        let work = tokio::spawn(work);
        self.tasks.spawn(async move {
            let outcome = work.await.unwrap_or_else(|panic| Err(panic.into()));
            match outcome {
                Ok(()) if shutdown.is_cancelled() => return,
                Ok(()) => tracing::error!(task = name, "background work ended too early"),
                Err(error) => {
                    tracing::error!(task = name, error = %format!("{error:#}"), "background work failed");
                }
            }
            failed.store(true, Ordering::Relaxed);
            shutdown.cancel();
        });
    }
}

/// Runs a process from `main` to its exit code.
pub fn run(process: Process, work: impl AsyncFnOnce(Context) -> anyhow::Result<()>) -> ExitCode {
    let settings = match Settings::load(process.port) {
        Ok(settings) => settings,
        Err(error) => return refuse_to_start(process, &error.into()),
    };
    if let Err(error) = telemetry::init(&settings.log) {
        return refuse_to_start(process, &error);
    }
    metrics::init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse_to_start(process, &error.into()),
    };
    let outcome = runtime.block_on(live(process, settings, work));
    // Blocking work that is still stuck must not hold the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(process = process.name, error = %format!("{error:#}"), "stopped");
            ExitCode::FAILURE
        }
    }
}

/// Nothing is logged yet where this is said, so it goes to standard error as it is.
fn refuse_to_start(process: Process, error: &anyhow::Error) -> ExitCode {
    eprintln!("{} cannot start: {error:#}", process.name);
    ExitCode::FAILURE
}

async fn live(
    process: Process,
    settings: Settings,
    work: impl AsyncFnOnce(Context) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let context = Context {
        settings,
        shutdown: stop_on_signal()?,
        tasks: TaskTracker::new(),
        failed: Arc::new(AtomicBool::new(false)),
    };
    tracing::info!(process = process.name, version = env!("CARGO_PKG_VERSION"), "starting");
    tokio::spawn(metrics::upkeep(context.shutdown.clone()));
    let outcome = work(context.clone()).await;
    context.shutdown.cancel();
    context.tasks.close();
    let drain = Duration::from_secs(context.settings.http.drain_seconds);
    if tokio::time::timeout(drain, context.tasks.wait()).await.is_err() {
        tracing::warn!("background work did not end within {drain:?}; leaving it");
    }
    outcome?;
    anyhow::ensure!(!context.failed.load(Ordering::Relaxed), "background work failed");
    tracing::info!(process = process.name, "stopped");
    Ok(())
}

/// A token that SIGTERM and SIGINT cancel.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot hear SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot hear SIGINT")?;
    let heard = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("told to stop");
        heard.cancel();
    });
    Ok(shutdown)
}
