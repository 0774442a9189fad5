//! `month_close_lines_per_second`: the ninth of the month, when everybody files at once.
//!
//! Each organisation sends its month as one file of 200 filings, on 32 connections, as fast as it
//! is answered. What is there afterwards is counted, and then everybody sends the same file again.

use super::{Bench, bulk};
use crate::{
    filers,
    measure::{Figure, percentile, real},
    work::socket,
};
use anyhow::{Context, ensure};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::task::JoinSet;

const CONNECTIONS: usize = 32;
/// Filings of one organisation, in pairs.
const PAIRS: u64 = 100;

/// Measures it.
pub async fn measure(bench: &Bench) -> anyhow::Result<Figure> {
    let organisations = if bench.quick { 200 } else { 2_000 };
    let stack = bench.stack(vec!["reporting-api"]).await;
    let address = socket(&stack.url("reporting-api"))?;
    let filers = Arc::new(filers::register_many(stack.database(), organisations).await);
    let lines = u64::try_from(organisations)? * 2 * PAIRS;
    let mut rates = Vec::new();
    let mut waits = Vec::new();
    for outcome in ["accepted", "unchanged"] {
        let (next, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (filers, next) = (Arc::clone(&filers), Arc::clone(&next));
            connections.spawn(async move {
                let mut waited = Vec::new();
                while let Some(filer) = filers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let file = month()?;
                    let length = u64::try_from(file.len())?;
                    let media = "application/x-ndjson";
                    let sent =
                        bulk::send(address, &filer.token, media, "commit", file.as_bytes(), length);
                    let sent = sent.await.with_context(|| filer.name.clone())?;
                    ensure!(sent.summary[outcome] == 2 * PAIRS, "{}", sent.summary);
                    waited.push(sent.seconds * 1_000.0);
                }
                anyhow::Ok(waited)
            });
        }
        while let Some(waited) = connections.join_next().await {
            waits.extend(waited??);
        }
        rates.push(real(lines) / began.elapsed().as_secs_f64());
        let stored = stack.database().count("filings").await;
        ensure!(u64::try_from(stored)? == lines, "{stored} filings are there, not {lines}");
        if outcome == "accepted" {
            eprintln!("p99 of a file while all were new: {:.0} ms", percentile(&waits, 99));
            waits.truncate(organisations);
        }
    }
    waits.truncate(organisations);
    Ok(Figure::of_runs("month_close_lines_per_second", "lines/s", None, &rates[..1])
        .with("organisations", organisations)
        .with("lines", lines)
        .with("file_p50_ms", percentile(&waits, 50).round())
        .with("file_p99_ms", percentile(&waits, 99).round())
        .with("again_lines_per_second", rates[1].round()))
}

fn month() -> anyhow::Result<String> {
    let mut file = String::new();
    for pair in 0..PAIRS {
        bulk::ndjson_pair(&mut file, "m", pair)?;
    }
    Ok(file)
}
