//! One event, many ways to write it: the hash is the same; another event has another.

use epcis::{
    context::Context,
    hash::{EventHash, Prehasher},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NAMESPACE: &str = "https://ns.example.com/epcis/";

/// What happened, apart from how it is written.
#[derive(Clone, Debug)]
struct Happening {
    serials: Vec<u32>,
    lots: Vec<(u32, f64)>,
    steps: usize,
    millisecond: i64,
    grades: Vec<(String, String)>,
}

const STEPS: [&str; 3] = ["shipping", "receiving", "inspecting"];

fn happening() -> impl Strategy<Value = Happening> {
    (
        prop::collection::vec(0..9_999_u32, 1..5),
        prop::collection::vec((1..999_u32, 0.001..9_999.0), 0..4),
        0..STEPS.len(),
        0..2_000_000_000_000_i64,
        prop::collection::vec(("[a-z]{1,6}", "[a-zA-Z][a-zA-Z ]{0,8}[a-z]"), 0..4),
    )
        .prop_map(|(serials, lots, steps, millisecond, grades)| Happening {
            serials,
            lots,
            steps,
            millisecond,
            grades,
        })
}

fn moment(it: &Happening) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(it.millisecond).expect("the strategy stays within time")
}

/// Short names, bare words and URNs, as they come.
fn short(it: &Happening) -> (Value, Context) {
    let time = moment(it);
    let mut event = json!({
        "type": "ObjectEvent", "eventTime": time.to_string(), "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE", "bizStep": STEPS[it.steps],
        "epcList": it.serials.iter().map(|serial| format!("urn:epc:id:sgtin:4012345.011111.{serial}")).collect::<Vec<_>>(),
        "quantityList": it.lots.iter().map(|(lot, quantity)| json!({
            "epcClass": format!("urn:epc:class:lgtin:4012345.012345.{lot}"), "quantity": quantity, "uom": "KGM",
        })).collect::<Vec<_>>(),
        "readPoint": { "id": "urn:epc:id:sgln:4012345.00005.0" },
    });
    for (name, value) in &it.grades {
        event[format!("ex:{name}")] = json!(value);
    }
    (event, Context::read(Some(&json!([{ "ex": NAMESPACE }]))))
}

/// Names in full, links on another host, lists turned round, another time zone, an id of its own.
fn long(it: &Happening) -> (Value, Context) {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(-5));
    let time = moment(it).to_zoned(zone);
    let mut event = json!({
        "eventID": "urn:x:1", "recordTime": "2026-01-01T00:00:00Z", "rdfs:comment": "nothing to do with it",
        "type": "ObjectEvent", "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string(),
        "eventTimeZoneOffset": "+08:00", "action": "OBSERVE",
        "bizStep": format!("https://ref.gs1.org/cbv/BizStep-{}", STEPS[it.steps]),
        "epcList": it.serials.iter().rev().map(|serial| format!("https://example.com/gtin/4012345111118/ser/{serial}?x=y")).collect::<Vec<_>>(),
        "quantityList": it.lots.iter().rev().map(|(lot, quantity)| json!({
            "uom": "KGM", "quantity": quantity, "epcClass": format!("http://id.gs1.de/01/04012345123456/10/{lot}"),
        })).collect::<Vec<_>>(),
        "readPoint": { "id": "https://example.com/414/4012345000054" },
    });
    for (name, value) in &it.grades {
        event[format!("{NAMESPACE}{name}")] = json!(format!(" {value} "));
    }
    (event, Context::read(Some(&json!({ "other": NAMESPACE }))))
}

fn hash((event, context): (Value, Context)) -> EventHash {
    let Value::Object(members) = event else { panic!("an event is an object") };
    Prehasher::default().hash(&members, &context)
}

proptest! {
    #[test]
    fn an_event_has_one_hash_however_it_is_written(it in happening()) {
        prop_assert_eq!(hash(short(&it)), hash(long(&it)));
    }

    #[test]
    fn whatever_is_changed_changes_the_hash(it in happening(), pick in 0..4_usize) {
        let (mut event, context) = short(&it);
        let before = hash((event.clone(), context.clone()));
        match pick {
            0 => event["action"] = json!("DELETE"),
            1 => event["bizStep"] = json!(STEPS[(it.steps + 1) % STEPS.len()]),
            2 => event["epcList"].as_array_mut().unwrap().push(json!("urn:epc:id:sgtin:4012345.011111.10000")),
            _ => event["ex:another"] = json!("007"),
        }
        prop_assert_ne!(before, hash((event, context)));
    }

    #[test]
    fn no_json_is_too_odd_to_be_hashed(text in "\\PC*", number in any::<f64>()) {
        let mut members = Map::new();
        members.insert("eventTime".to_owned(), json!(text));
        members.insert("epcList".to_owned(), json!([text, number, null, [text], { "id": text }]));
        members.insert(text.clone(), json!({ "bizStep": text, "a": [[number], text] }));
        Prehasher::default().hash(&members, &Context::default());
        epcis::identifier::canonical(&text);
        epcis::identifier::canonical(&format!("urn:epc:{text}"));
        epcis::identifier::canonical(&format!("https://x/01/{text}"));
    }
}
