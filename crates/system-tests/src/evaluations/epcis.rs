//! GS1's own examples and vectors, and documents that must be refused, on the real service.

use super::count;
use crate::{
    connection::{Answer, Connection},
    filers::{self, Filer},
    measure::Figure,
    work::socket,
};
use anyhow::{Context, ensure};
use epcis::{
    context::Context as Prefixes,
    hash::{EventHash, Prehasher},
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};
use testkit::{Binaries, Stack, StackOptions};

/// What GS1 published, as the crate `epcis` keeps it.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../epcis/data");
const CAPTURE: &str = "/v1/epcis/capture";

/// Everything about EPCIS.
pub async fn evaluate(binaries: &Binaries) -> anyhow::Result<Vec<Figure>> {
    let options = StackOptions {
        binaries: binaries.clone(),
        services: vec!["reporting-api"],
        ..Default::default()
    };
    let stack = Stack::start_with(options).await;
    let address = socket(&stack.url("reporting-api"))?;
    let (documents, queries): (Vec<_>, Vec<_>) =
        examples()?.into_iter().partition(|(_, example)| example["type"] == "EPCISDocument");
    // A filer sees nothing of the others: each is a fresh store.
    let filers = filers::register(stack.database(), documents.len() + 2).await;
    let (together, rest) = filers.split_first().context("filers are registered")?;
    let mut figures = vec![hashes()?];
    figures.push(alone(address, rest, &documents).await?);
    figures.push(all_in_one(address, together, &documents).await?);
    let last = rest.last().context("filers are registered")?;
    figures.push(imported(address, last, &queries).await?);
    figures.push(refused(address, last).await?);
    Ok(figures)
}

async fn send(address: SocketAddr, filer: &Filer, body: &str) -> anyhow::Result<Answer> {
    let mut connection = Connection::open(address).await?;
    Ok(connection.post(CAPTURE, &filer.token, "evaluate", body).await?)
}

fn events(example: &Value) -> usize {
    let body = &example["epcisBody"];
    let results = &body["queryResults"]["resultsBody"];
    [body, results].iter().find_map(|it| it["eventList"].as_array()).map_or(0, Vec::len)
}

/// Each example by itself: accepted, and every event of it stored.
async fn alone(
    address: SocketAddr,
    filers: &[Filer],
    examples: &[(PathBuf, Value)],
) -> anyhow::Result<Figure> {
    let mut accepted = 0;
    for ((path, example), filer) in examples.iter().zip(filers) {
        let answer = send(address, filer, &example.to_string()).await?;
        let job = answer.json();
        if answer.status == 202 && job["success"] == true && job["captured"] == events(example) {
            accepted += 1;
        } else {
            eprintln!("evaluate: {} is not accepted: {job}", path.display());
        }
    }
    Ok(count("epcis_examples_accepted", accepted, examples.len()))
}

/// All examples, twice, in one store: each event is new or known, and the second time known.
async fn all_in_one(
    address: SocketAddr,
    filer: &Filer,
    examples: &[(PathBuf, Value)],
) -> anyhow::Result<Figure> {
    let (mut accounted, mut promised, mut known) = (0, 0, 0);
    for round in 0..2 {
        for (path, example) in examples {
            let job = send(address, filer, &example.to_string()).await?.json();
            let counted = |name: &str| job[name].as_u64().and_then(|it| usize::try_from(it).ok());
            let (captured, duplicates) =
                (counted("captured").unwrap_or(0), counted("duplicates").unwrap_or(0));
            ensure!(round == 0 || captured == 0, "{} is stored twice", path.display());
            promised += events(example);
            accounted += captured + duplicates;
            known += duplicates;
        }
    }
    Ok(count("epcis_events_accounted_for", accounted, promised).with("duplicates", known))
}

async fn imported(
    address: SocketAddr,
    filer: &Filer,
    queries: &[(PathBuf, Value)],
) -> anyhow::Result<Figure> {
    let mut imported = 0;
    for (_, query) in queries {
        let job = send(address, filer, &query.to_string()).await?.json();
        if job["success"] == true && job["captured"] == events(query) {
            imported += 1;
        } else {
            eprintln!("evaluate: a query document is not imported: {job}");
        }
    }
    Ok(count("epcis_query_documents_imported", imported, queries.len()))
}

/// Documents that are wrong, each with the place where it must be said.
async fn refused(address: SocketAddr, filer: &Filer) -> anyhow::Result<Figure> {
    let documents = wrong_documents();
    let (mut refused, mut reasons) = (0, Vec::new());
    for (pointer, body) in &documents {
        let answer = send(address, filer, body).await?;
        let said = answer.json();
        let faults = ["violations", "errors"].iter().find_map(|name| said[name].as_array());
        let fault = faults.and_then(|faults| faults.first()).cloned().unwrap_or_default();
        let stored = said["captured"].as_u64().unwrap_or(0);
        if answer.status < 500 && stored == 0 && fault["pointer"] == *pointer {
            refused += 1;
            reasons.push(json!({ "pointer": pointer, "reason": fault["detail"] }));
        } else {
            eprintln!("evaluate: not refused at {pointer:?}: {} {said}", answer.status);
        }
    }
    Ok(count("epcis_documents_refused", refused, documents.len()).with("reasons", reasons))
}

fn wrong_documents() -> Vec<(&'static str, String)> {
    let right = json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-10-03T09:30:00+08:00",
        "epcisBody": { "eventList": [{
            "type": "ObjectEvent", "eventTime": "2026-10-03T09:30:00+08:00",
            "eventTimeZoneOffset": "+08:00", "action": "OBSERVE", "bizStep": "shipping",
            "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
        }] },
    });
    let changes = [
        ("/schemaVersion", json!("1.2")),
        ("/creationDate", json!("yesterday")),
        ("/unknown", json!(1)),
        ("/epcisBody/eventList", json!(7)),
        ("/epcisBody/eventList/0/type", json!("FooEvent")),
        ("/epcisBody/eventList/0/eventTime", json!("2026-02-30T00:00:00Z")),
        ("/epcisBody/eventList/0/eventTimeZoneOffset", json!("+25:00")),
        ("/epcisBody/eventList/0/action", json!("SEND")),
        ("/epcisBody/eventList/0/bizStep", json!("milling")),
        ("/epcisBody/eventList/0/ilmd", json!({})),
        ("/epcisBody/eventList/0/nobody:knows", json!(1)),
    ];
    let mut documents: Vec<(&str, String)> = changes
        .into_iter()
        .map(|(pointer, value)| {
            let mut document = right.clone();
            let (parent, member) = pointer.rsplit_once('/').expect("a pointer has a member");
            document.pointer_mut(parent).expect("the parent is there")[member] = value;
            (pointer, document.to_string())
        })
        .collect();
    documents.push(("", "{\"type\":\"EPCISDocument\"".to_owned()));
    documents.push(("/type", "{}".to_owned()));
    documents
}

/// The published hashes, computed again.
fn hashes() -> anyhow::Result<Figure> {
    let (mut reproduced, mut published) = (0, 0);
    for path in files(&Path::new(DATA).join("hash-vectors"), "hashes")? {
        let document = read(&path.with_extension("jsonld"))?;
        let context = Prefixes::read(document.get("@context"));
        let events = document["epcisBody"]["eventList"].as_array().context("a list of events")?;
        let hashes = std::fs::read_to_string(&path)?;
        for (event, hash) in events.iter().zip(hashes.lines()) {
            published += 1;
            let members = event.as_object().context("an event is an object")?;
            let computed: EventHash = Prehasher::default().hash(members, &context);
            reproduced += usize::from(computed.to_string() == hash);
        }
    }
    Ok(count("epcis_hash_vectors_reproduced", reproduced, published))
}

fn examples() -> anyhow::Result<Vec<(PathBuf, Value)>> {
    let paths = files(&Path::new(DATA).join("examples"), "jsonld")?;
    paths.into_iter().map(|path| Ok((path.clone(), read(&path)?))).collect()
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

/// Files with this ending, in the folder and those within it.
fn files(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
