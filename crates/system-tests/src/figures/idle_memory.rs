//! `idle_rss_mib`: how much memory each service keeps while nothing happens.

use super::Bench;
use crate::measure::{Figure, resident_mib};
use std::time::Duration;

const SERVICES: [&str; 4] = ["reporting-api", "licensing", "anomaly-worker", "outbox-relay"];
const IDLE: Duration = Duration::from_secs(10);
const LOOKS: u32 = 5;
/// The goal that the issue sets.
const WANTED_MIB: f64 = 40.0;

/// Measures every service that can be started; says which cannot.
pub async fn measure(bench: &Bench) -> Vec<Figure> {
    let mut figures = Vec::new();
    for service in SERVICES {
        let bench = bench.clone();
        // A service that does not start panics with its log; the others are still measured.
        match tokio::spawn(async move { measure_one(&bench, service).await }).await {
            Ok(Some(figure)) => figures.push(figure),
            Ok(None) | Err(_) => eprintln!("skipped idle_rss_mib of {service}: it does not run"),
        }
    }
    figures
}

async fn measure_one(bench: &Bench, service: &'static str) -> Option<Figure> {
    let mut stack = bench.stack(vec![service]).await;
    tokio::time::sleep(IDLE).await;
    let pid = stack.service(service).pid()?;
    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        looks.push(resident_mib(pid)?);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let figure = Figure::of_runs("idle_rss_mib", "MiB", Some(WANTED_MIB), &looks);
    Some(figure.with("service", service))
}
