//! `event_hash_per_second_core` and `epcis_events_per_second`: identity, and capture over HTTP.

use super::Bench;
use crate::{
    connection::Connection,
    filers::{self, Filer},
    measure::Figure,
    work::socket,
};
use anyhow::ensure;
use epcis::{context::Context as Prefixes, hash::Prehasher};
use serde_json::{Value, json};
use std::{
    fmt::Write,
    net::SocketAddr,
    time::{Duration, Instant},
};

const EVENTS_IN_DOCUMENT: usize = 100;
const CONNECTIONS: usize = 4;
/// What was promised on two cores.
const EVENTS_PROMISED: f64 = 5_000.0;
const HASHES_PROMISED: f64 = 50_000.0;

/// Hashes of a typical event in one thread, the event being parsed already.
pub fn hashes(bench: &Bench) -> Figure {
    let (runs, seconds) = if bench.quick { (3, 1) } else { (5, 3) };
    let Value::Object(event) = typical("hash", 1) else { unreachable!("an event is an object") };
    let context = Prefixes::default();
    let mut prehasher = Prehasher::default();
    let mut rates = Vec::with_capacity(runs);
    for _ in 0..runs {
        let (begun, mut count) = (Instant::now(), 0_u32);
        while begun.elapsed() < Duration::from_secs(seconds) {
            for _ in 0..100 {
                std::hint::black_box(prehasher.hash(std::hint::black_box(&event), &context));
            }
            count += 100;
        }
        rates.push(f64::from(count) / begun.elapsed().as_secs_f64());
    }
    Figure::of_runs("event_hash_per_second_core", "per_second", Some(HASHES_PROMISED), &rates)
}

/// Events captured durably a second, in documents of a hundred.
pub async fn captures(bench: &Bench) -> anyhow::Result<Figure> {
    let (runs, seconds) = if bench.quick { (3, 4) } else { (5, 8) };
    let stack = bench.stack(vec!["reporting-api"]).await;
    let address = socket(&stack.url("reporting-api"))?;
    let filers = filers::register(stack.database(), CONNECTIONS).await;
    run(address, &filers, "warm", Duration::from_secs(2)).await?;
    let mut rates = Vec::with_capacity(runs);
    for turn in 0..runs {
        let time = Duration::from_secs(seconds);
        rates.push(run(address, &filers, &format!("run{turn}"), time).await?);
    }
    let figure =
        Figure::of_runs("epcis_events_per_second", "per_second", Some(EVENTS_PROMISED), &rates);
    Ok(figure.with("events_in_document", EVENTS_IN_DOCUMENT).with("connections", CONNECTIONS))
}

/// Every connection sends a document, waits for the answer and sends the next.
async fn run(
    address: SocketAddr,
    filers: &[Filer],
    series: &str,
    time: Duration,
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut tasks = Vec::with_capacity(filers.len());
    for filer in filers {
        let (filer, series) = (filer.clone(), series.to_owned());
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut captured = 0_u64;
            for number in 0_usize.. {
                if time < begun.elapsed() {
                    break;
                }
                let body = document(&series, number);
                let answer =
                    connection.post("/v1/epcis/capture", &filer.token, "bench", &body).await?;
                ensure!(answer.status == 202, "refused with {}: {}", answer.status, answer.json());
                captured += answer.json()["captured"].as_u64().unwrap_or(0);
            }
            anyhow::Ok(captured)
        }));
    }
    let mut captured = 0;
    for task in tasks {
        captured += task.await??;
    }
    let captured = u32::try_from(captured).unwrap_or(u32::MAX);
    Ok(f64::from(captured) / begun.elapsed().as_secs_f64())
}

fn document(series: &str, number: usize) -> String {
    let mut text = r#"{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-10-03T09:30:00Z","epcisBody":{"eventList":["#.to_owned();
    for index in 0..EVENTS_IN_DOCUMENT {
        let comma = if index == 0 { "" } else { "," };
        let event = typical(series, number * EVENTS_IN_DOCUMENT + index);
        write!(text, "{comma}{event}").expect("a string takes everything");
    }
    text.push_str("]}}");
    text
}

/// An event as supply chains send them by the million: two items move on with an order.
fn typical(series: &str, number: usize) -> Value {
    json!({
        "type": "ObjectEvent", "eventTime": format!("2026-10-{:02}T{:02}:30:00.000+08:00", 1 + number % 28, number % 24),
        "eventTimeZoneOffset": "+08:00", "action": "OBSERVE", "bizStep": "departing",
        "disposition": "in_transit",
        "epcList": [
            format!("urn:epc:id:sgtin:4012345.011111.{series}{number}a"),
            format!("urn:epc:id:sgtin:4012345.011111.{series}{number}b"),
        ],
        "readPoint": { "id": "urn:epc:id:sgln:4012345.00005.0" },
        "bizTransactionList": [
            { "type": "po", "bizTransaction": format!("urn:epcglobal:cbv:bt:4012345000009:{series}{number}") },
        ],
    })
}
