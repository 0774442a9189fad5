//! Whether a document and its events are EPCIS 2.0: GS1's JSON Schema, and what it cannot say.
//!
//! An event that is right costs one walk through the compiled schema; only one that is wrong is
//! walked through again, to say what is wrong in plain sentences.

mod sentence;

use crate::{
    document::{Document, Event, Kind},
    fault::{Fault, member},
};
use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// So many faults are named of one event or envelope; more help nobody.
const FAULTS_LIMIT: usize = 10;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/EPCIS-JSON-Schema.json"))
        .expect("GS1's schema is valid JSON")
});

/// For envelopes and bare events.
static WHOLE: LazyLock<Validator> = LazyLock::new(|| compile(&SCHEMA));

/// For an event within a document.
static EVENT: LazyLock<Validator> = LazyLock::new(|| {
    let schema = json!({
        "$schema": SCHEMA["$schema"],
        "$ref": "#/definitions/EPCIS-Document-Event",
        "definitions": SCHEMA["definitions"],
    });
    compile(&schema)
});

fn compile(schema: &Value) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .expect("GS1's schema compiles")
}

/// What is wrong with the envelope of a document.
pub fn envelope(document: &Document<'_>) -> Vec<Fault> {
    if document.kind == Kind::Event {
        return Vec::new();
    }
    let mut faults = schema_faults(&WHOLE, &document.envelope, "");
    let version = document.envelope.get("schemaVersion").and_then(Value::as_str);
    if let Some(version) = version
        && version != "2.0"
        && !version.starts_with("2.0.")
    {
        let detail = format!("version {version:?} of EPCIS is not supported");
        faults.push(Fault::new("/schemaVersion", "unsupported_version", detail).expecting("2.0"));
    }
    faults
}

/// What is wrong with an event.
pub fn event(kind: Kind, event: &Event) -> Vec<Fault> {
    let pointer = event.pointer.as_str();
    if let Some(fault) = plain(event) {
        return vec![fault];
    }
    let validator = if kind == Kind::Event { &*WHOLE } else { &*EVENT };
    let value = Value::Object(event.members.clone());
    let mut faults = schema_faults(validator, &value, pointer);
    if !faults.is_empty() {
        return faults;
    }
    time(pointer, &event.members, "eventTime", &mut faults);
    time(pointer, &event.members, "recordTime", &mut faults);
    if let Some(Value::Object(declaration)) = event.members.get("errorDeclaration") {
        time(&member(pointer, "errorDeclaration"), declaration, "declarationTime", &mut faults);
    }
    prefixes(event, &mut faults);
    faults
}

/// Faults for which the schema has too many words, or none.
fn plain(event: &Event) -> Option<Fault> {
    let members = &event.members;
    let Some(kind) = members.get("type").and_then(Value::as_str) else {
        let fault = Fault::new(member(&event.pointer, "type"), "missing", "`type` is missing");
        return Some(fault.expecting("ObjectEvent or another type of event"));
    };
    let adds = members.get("action").and_then(Value::as_str) == Some("ADD");
    if kind == "ObjectEvent" && members.contains_key("ilmd") && !adds {
        let detail = "`ilmd` describes what an event makes; this one makes nothing";
        let fault = Fault::new(member(&event.pointer, "ilmd"), "out_of_place", detail);
        return Some(fault.expecting("leave it out, or the action ADD"));
    }
    None
}

/// Whether a time is one: the schema takes 24:00 and leap seconds that never were.
fn time(pointer: &str, members: &Map<String, Value>, name: &str, faults: &mut Vec<Fault>) {
    let Some(Value::String(text)) = members.get(name) else { return };
    if let Err(error) = text.parse::<Timestamp>() {
        let detail = format!("{text:?} is no point in time: {error}");
        let fault = Fault::new(member(pointer, name), "invalid_time", detail);
        faults.push(fault.expecting("a time such as 2026-10-03T09:30:00.000+08:00"));
    }
}

/// Whether every extension says whose it is.
fn prefixes(event: &Event, faults: &mut Vec<Fault>) {
    let unknown = event.members.keys().filter(|name| event.context.split(name).is_none());
    for name in unknown.take(FAULTS_LIMIT) {
        let prefix = name.split(':').next().unwrap_or_default();
        let detail = format!("no @context declares the prefix {prefix:?} of this extension");
        let fault = Fault::new(member(&event.pointer, name), "undeclared_prefix", detail);
        faults.push(fault.expecting(format!("{{\"{prefix}\": \"<namespace>\"}} in @context")));
    }
}

fn schema_faults(validator: &Validator, value: &Value, pointer: &str) -> Vec<Fault> {
    if validator.is_valid(value) {
        return Vec::new();
    }
    let mut faults: Vec<Fault> = Vec::new();
    for error in validator.iter_errors(value) {
        for fault in sentence::faults(&error, pointer) {
            if !faults.iter().any(|known| known.pointer == fault.pointer) {
                faults.push(fault);
            }
        }
        if FAULTS_LIMIT <= faults.len() {
            break;
        }
    }
    // What is wrong with a member explains why the whole fits none of its forms.
    if faults.iter().any(|fault| fault.pointer != pointer) {
        faults.retain(|fault| fault.pointer != pointer);
    }
    faults.truncate(FAULTS_LIMIT);
    faults
}
