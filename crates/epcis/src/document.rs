//! A capture's body taken apart: its envelope, and its events one after the other.
//!
//! The body is read once. Events are kept as the text they came as and parsed when their turn
//! comes, so that a large document needs the memory of one event at a time.

use crate::{context::Context, fault::Fault};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

/// What kind of body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An `EPCISDocument`.
    Document,
    /// An `EPCISQueryDocument`: the results of somebody's query.
    QueryDocument,
    /// One event by itself.
    Event,
}

/// A body, read as far as its events.
#[derive(Debug)]
pub struct Document<'a> {
    /// What it is.
    pub kind: Kind,
    /// Everything but the events; of a bare event, nothing.
    pub envelope: Value,
    /// The prefixes of `@context`.
    pub context: Context,
    /// The `@context` itself, which stored events take along.
    pub context_value: Value,
    events: Vec<&'a RawValue>,
}

/// One event of a document.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where it stands in the body.
    pub pointer: String,
    /// What it says.
    pub members: Map<String, Value>,
    /// The prefixes in force in it.
    pub context: Context,
}

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(rename = "type", default)]
    kind: Option<Value>,
    #[serde(rename = "epcisBody", borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(rename = "@context", default)]
    context: Option<Value>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "eventList", borrow, default)]
    events: Option<&'a RawValue>,
    #[serde(rename = "queryResults", borrow, default)]
    results: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Results<'a> {
    #[serde(rename = "resultsBody", borrow, default)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ResultsBody<'a> {
    #[serde(rename = "eventList", borrow, default)]
    events: Option<&'a RawValue>,
}

const EVENTS: &str = "/epcisBody/eventList";
const RESULTS: &str = "/epcisBody/queryResults/resultsBody/eventList";

impl<'a> Document<'a> {
    /// Reads a body of at most `events_limit` events.
    pub fn read(text: &'a str, events_limit: usize) -> Result<Self, Fault> {
        let malformed = |error: serde_json::Error| {
            let detail = format!("this is no JSON object: {error}");
            Fault::new("", "malformed_json", detail).expecting("one JSON object")
        };
        // A struct would also be read from an array of its members.
        if !text.trim_start().starts_with('{') {
            let fault = Fault::new("", "malformed_json", "this is no JSON object");
            return Err(fault.expecting("one JSON object"));
        }
        let parts: Parts<'a> = serde_json::from_str(text).map_err(malformed)?;
        let kind = match parts.kind.as_ref().and_then(Value::as_str) {
            Some("EPCISDocument") => Kind::Document,
            Some("EPCISQueryDocument") => Kind::QueryDocument,
            Some(_) => Kind::Event,
            None => {
                let fault = Fault::new("/type", "missing", "this does not say what it is");
                return Err(fault.expecting("EPCISDocument, EPCISQueryDocument or a type of event"));
            }
        };
        let context = Context::read(parts.context.as_ref());
        let (envelope, events) = match kind {
            // The event itself is checked as an event.
            Kind::Event => (Value::Null, vec![serde_json::from_str(text).map_err(malformed)?]),
            Kind::Document | Kind::QueryDocument => {
                let list = event_list(kind, parts.body);
                let events = match list {
                    Some(list) => events_of(kind, list, events_limit)?,
                    None => Vec::new(),
                };
                (envelope(kind, text, list.is_some()).map_err(malformed)?, events)
            }
        };
        let context_value = parts.context.unwrap_or(Value::Null);
        Ok(Self { kind, envelope, context, context_value, events })
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether it holds no event at all.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Its events in their order, each parsed when it is asked for.
    pub fn events(&self) -> impl Iterator<Item = Result<Event, Fault>> + '_ {
        self.events.iter().enumerate().map(|(index, text)| {
            let pointer = self.pointer(index);
            match serde_json::from_str::<Value>(text.get()) {
                Ok(Value::Object(members)) => {
                    let context = match members.get("@context") {
                        own @ Some(_) if self.kind != Kind::Event => self.context.with(own),
                        _ => self.context.clone(),
                    };
                    Ok(Event { pointer, members, context })
                }
                Ok(_) => {
                    let fault = Fault::new(pointer, "wrong_type", "an event is an object");
                    Err(fault.expecting("an object"))
                }
                Err(error) => Err(Fault::new(pointer, "malformed_json", error.to_string())),
            }
        })
    }

    fn pointer(&self, index: usize) -> String {
        match self.kind {
            Kind::Document => format!("{EVENTS}/{index}"),
            Kind::QueryDocument => format!("{RESULTS}/{index}"),
            Kind::Event => String::new(),
        }
    }
}

/// The text of the list of events, if the body has one where it belongs.
fn event_list(kind: Kind, body: Option<&RawValue>) -> Option<&RawValue> {
    let body: Body = serde_json::from_str(body?.get()).ok()?;
    match kind {
        Kind::QueryDocument => {
            let results: Results = serde_json::from_str(body.results?.get()).ok()?;
            let body: ResultsBody = serde_json::from_str(results.body?.get()).ok()?;
            body.events
        }
        Kind::Document | Kind::Event => body.events,
    }
}

fn events_of(kind: Kind, list: &RawValue, limit: usize) -> Result<Vec<&RawValue>, Fault> {
    let pointer = if kind == Kind::Document { EVENTS } else { RESULTS };
    let events: Vec<&RawValue> = serde_json::from_str(list.get()).map_err(|_| {
        Fault::new(pointer, "wrong_type", "the events are no list").expecting("an array of events")
    })?;
    if limit < events.len() {
        let detail = format!("{} events in one capture", events.len());
        let fault = Fault::new(pointer, "too_many_events", detail);
        return Err(fault.expecting(format!("at most {limit}; send the rest by themselves")));
    }
    Ok(events)
}

/// The document without its events, so that it can be checked without holding them all.
fn envelope(kind: Kind, text: &str, has_list: bool) -> Result<Value, serde_json::Error> {
    let mut parts: Map<String, Value> =
        serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(text)?
            .into_iter()
            .filter(|(name, _)| name != "epcisBody" || !has_list)
            .map(|(name, value)| Ok((name, serde_json::from_str(value.get())?)))
            .collect::<Result<_, serde_json::Error>>()?;
    if has_list {
        let body = match kind {
            Kind::Document => serde_json::json!({ "eventList": [] }),
            _ => serde_json::json!({ "queryResults": {
                "queryName": query_name(text), "resultsBody": { "eventList": [] } } }),
        };
        parts.insert("epcisBody".to_owned(), body);
    }
    Ok(Value::Object(parts))
}

/// What the query was called: the one thing of a query's results that is asked for beside them.
fn query_name(text: &str) -> Value {
    #[derive(Deserialize)]
    struct Outer {
        #[serde(rename = "epcisBody")]
        body: Middle,
    }
    #[derive(Deserialize)]
    struct Middle {
        #[serde(rename = "queryResults")]
        results: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(rename = "queryName", default)]
        name: Value,
    }
    serde_json::from_str::<Outer>(text).map_or(Value::Null, |outer| outer.body.results.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_event_and_a_document_hold_the_same_event() {
        let event = r#"{"type":"ObjectEvent","@context":{"ex":"https://ns/"},"ex:a":1}"#;
        let document = format!(
            r#"{{"type":"EPCISDocument","@context":{{"ex":"https://ns/"}},"epcisBody":{{"eventList":[{event}]}}}}"#
        );
        let bare = Document::read(event, 10).unwrap();
        let full = Document::read(&document, 10).unwrap();
        assert_eq!((bare.kind, full.kind), (Kind::Event, Kind::Document));
        let bare = bare.events().next().unwrap().unwrap();
        let full = full.events().next().unwrap().unwrap();
        assert_eq!((bare.pointer.as_str(), full.pointer.as_str()), ("", "/epcisBody/eventList/0"));
        assert_eq!(bare.members, full.members);
        assert_eq!(bare.context, full.context);
    }

    #[test]
    fn what_cannot_be_taken_apart_is_refused_with_its_place() {
        let cases = [
            ("", ""),
            ("[]", ""),
            ("{}", "/type"),
            (r#"{"type":"EPCISDocument","epcisBody":{"eventList":7}}"#, "/epcisBody/eventList"),
            (
                r#"{"type":"EPCISDocument","epcisBody":{"eventList":[1,2,3]}}"#,
                "/epcisBody/eventList",
            ),
        ];
        for (text, pointer) in cases {
            assert_eq!(Document::read(text, 2).unwrap_err().pointer, pointer, "{text}");
        }
        let list = Document::read(r#"{"type":"EPCISDocument","epcisBody":{"eventList":[1]}}"#, 2);
        let fault = list.unwrap().events().next().unwrap().unwrap_err();
        assert_eq!((fault.pointer.as_str(), fault.code), ("/epcisBody/eventList/0", "wrong_type"));
    }
}
