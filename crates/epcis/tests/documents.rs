//! GS1's examples are accepted; what is wrong is named with its place.

use epcis::{
    Fault, check,
    document::{Document, Kind},
};
use serde_json::{Value, json};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

fn examples() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the examples are there") {
            let path = entry.expect("an entry of the folder").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "jsonld") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    // Tests run in the folder of their crate.
    collect(Path::new("data/examples"), &mut found);
    found.sort();
    found
}

fn faults(text: &str) -> Vec<Fault> {
    let document = match Document::read(text, 100) {
        Ok(document) => document,
        Err(fault) => return vec![fault],
    };
    let mut faults = check::envelope(&document);
    for event in document.events() {
        match event {
            Ok(event) => faults.extend(check::event(document.kind, &event)),
            Err(fault) => faults.push(fault),
        }
    }
    faults
}

#[test]
fn every_example_of_gs1_is_accepted() {
    let examples = examples();
    assert_eq!(examples.len(), 47);
    for path in examples {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(faults(&text), [], "{}", path.display());
    }
}

fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut document = json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-10-03T09:30:00+08:00",
        "epcisBody": { "eventList": [{
            "type": "ObjectEvent", "eventTime": "2026-10-03T09:30:00+08:00",
            "eventTimeZoneOffset": "+08:00", "action": "OBSERVE", "bizStep": "shipping",
            "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
        }] },
    });
    change(&mut document);
    document.to_string()
}

#[test]
fn every_fault_is_named_with_its_place_and_in_plain_words() {
    let event = "/epcisBody/eventList/0";
    let set = |pointer: &'static str, value: Value| {
        with(move |document| {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = document.pointer_mut(parent).unwrap();
            if value.is_null() {
                parent.as_object_mut().unwrap().remove(name);
            } else {
                parent[name] = value;
            }
        })
    };
    let cases = [
        set("/schemaVersion", json!("1.2")),
        set("/schemaVersion", Value::Null),
        set("/creationDate", json!("yesterday")),
        set("/sender", json!(7)),
        set("/extra", json!(1)),
        set("/epcisBody/eventList/0/type", json!("FooEvent")),
        set("/epcisBody/eventList/0/type", Value::Null),
        set("/epcisBody/eventList/0/eventTime", json!("2026-02-30T00:00:00Z")),
        set("/epcisBody/eventList/0/eventTime", json!("2026-10-03T09:30:00")),
        set("/epcisBody/eventList/0/eventTime", Value::Null),
        set("/epcisBody/eventList/0/eventTimeZoneOffset", json!("+25:00")),
        set("/epcisBody/eventList/0/action", json!("SEND")),
        set("/epcisBody/eventList/0/bizStep", json!("milling")),
        set("/epcisBody/eventList/0/epcList", Value::Null),
        set("/epcisBody/eventList/0/epcList", json!(["no uri"])),
        set(
            "/epcisBody/eventList/0/quantityList",
            json!([{ "epcClass": "urn:x:y", "quantity": "5", "uom": "kilogram" }]),
        ),
        set("/epcisBody/eventList/0/quantity", json!(5)),
        set("/epcisBody/eventList/0/ilmd", json!({ "cbvmda:lotNumber": "1" })),
        set("/epcisBody/eventList/0/nobody:knows", json!(5)),
        set(
            "/epcisBody/eventList/0/sensorElementList",
            json!([{ "sensorReport": [{ "value": 1 }] }]),
        ),
        set("/epcisBody/eventList/0/errorDeclaration", json!({ "reason": "incorrect_data" })),
        set("/epcisBody/eventList", json!([7])),
    ];
    let mut table = String::new();
    for case in cases {
        let faults = faults(&case);
        assert!(!faults.is_empty(), "{case}");
        for Fault { pointer, code, detail, expected } in faults {
            let pointer = pointer.replace(event, "…");
            writeln!(table, "{pointer}: {code}: {detail} [{}]", expected.unwrap_or_default())
                .unwrap();
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_bare_event_needs_its_context() {
    let document: Value = serde_json::from_str(&with(|_| {})).unwrap();
    let mut event = document["epcisBody"]["eventList"][0].clone();
    assert_eq!(faults(&event.to_string())[0].pointer, "/@context");
    event["@context"] = document["@context"].clone();
    assert_eq!(faults(&event.to_string()), []);
    assert_eq!(Document::read(&event.to_string(), 1).unwrap().kind, Kind::Event);
}
