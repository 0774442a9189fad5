//! The published vectors of the CBV 2.0 event hash.

use epcis::{
    context::Context,
    hash::{EventHash, Prehasher},
};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    // Tests run in the folder of their crate.
    PathBuf::from("data/hash-vectors")
}

fn events(path: &Path) -> (Vec<Map<String, Value>>, Context) {
    let document: Value = {
        let bytes = std::fs::read(path).expect("the vector is there");
        serde_json::from_slice(&bytes).expect("the vector is JSON")
    };
    let context = Context::read(document.get("@context"));
    let events = document["epcisBody"]["eventList"].as_array().expect("a list of events");
    let object = |event: &Value| event.as_object().expect("an event is an object").clone();
    (events.iter().map(object).collect(), context)
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_published_hash_is_reproduced_and_every_prehash_that_has_it() {
    let mut counts = (0, 0, Vec::new());
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "hashes") {
            continue;
        }
        let (events, context) = events(&path.with_extension("jsonld"));
        let hashes = lines(&path);
        let prehashes = lines(&path.with_extension("prehashes"));
        assert_eq!(events.len(), hashes.len(), "{}", path.display());
        for (index, (event, hash)) in events.iter().zip(&hashes).enumerate() {
            let mut prehasher = Prehasher::default();
            let text = String::from_utf8(prehasher.prehash(event, &context).to_vec()).unwrap();
            let name = format!("{} {index}", path.file_stem().unwrap().to_string_lossy());
            if let Some(published) = prehashes.get(index) {
                if EventHash::of(published.as_bytes()).to_string() == *hash {
                    assert_eq!(&text, published, "{name}");
                    counts.1 += 1;
                } else {
                    counts.2.push(name.clone());
                }
            }
            assert_eq!(EventHash::of(text.as_bytes()).to_string(), *hash, "{name}: {text}");
            counts.0 += 1;
        }
    }
    counts.2.sort();
    // Two published prehashes are not those of the hashes published beside them.
    let expected = ["epcisDocWithAllGS1Keys 0", "epcisDocWithCustomSchemaInContext 1"];
    assert_eq!((counts.0, counts.1), (13, 10));
    assert_eq!(counts.2, expected);
}

#[test]
fn events_that_are_the_same_have_the_same_hash() {
    let (events, context) = events(&folder().join("expected_equal.json"));
    let mut prehasher = Prehasher::default();
    let hashes: Vec<_> = events.iter().map(|event| prehasher.hash(event, &context)).collect();
    assert!(1 < hashes.len() && hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[test]
fn a_hash_reads_back() {
    let hash = EventHash::of(b"anything");
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert!("ni:///sha-256;00?ver=CBV2.0".parse::<EventHash>().is_err());
}
