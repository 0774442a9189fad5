//! An event as it is stored: its identity, its time, its terms, and itself.

use ::epcis::{
    document::{Document, Event, Kind},
    hash::Prehasher,
    terms::{Field, Term, Terms},
    vocabulary::Vocabulary,
};
use database::epcis::NewEvent;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// An event as it is stored. `None` when its time cannot be read, which the check has refused.
pub(super) fn new_event(
    event: &Event,
    document: &Document<'_>,
    prehasher: &mut Prehasher,
) -> Option<NewEvent> {
    let members = &event.members;
    let hash = prehasher.hash(members, &event.context);
    let declaration = members.get("errorDeclaration").and_then(Value::as_object);
    let declaration = declaration.map(|it| *prehasher.declaration(it, &event.context).as_bytes());
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let event_id = text("eventID").map_or_else(|| hash.to_string(), str::to_owned);
    let mut terms = Terms::of(members, &event.context);
    for id in [event_id.as_str(), &hash.to_string()] {
        let term = Term::new(Field::EventId, None, id, &event.context);
        terms.all.insert(term);
        terms.selective.insert(term);
    }
    let numbers = |terms: BTreeSet<Term>| terms.into_iter().map(Term::to_i64);
    Some(NewEvent {
        id: Uuid::now_v7(),
        event_id,
        hash: *hash.as_bytes(),
        declaration,
        biz_step: text("bizStep")
            .map(|step| Vocabulary::BusinessStep.in_full(step, &event.context).into_owned()),
        event_time: text("eventTime")?.parse().ok()?,
        terms: numbers(terms.all).collect(),
        selective_terms: numbers(terms.selective).collect(),
        body: with_context(event, document),
    })
}

/// The event with the context it was sent in, so that it stands by itself.
fn with_context(event: &Event, document: &Document<'_>) -> Vec<u8> {
    let outer = match &document.context_value {
        Value::Array(parts) => parts.clone(),
        Value::Null => Vec::new(),
        part => vec![part.clone()],
    };
    let mut members = event.members.clone();
    if document.kind != Kind::Event {
        let own = match members.remove("@context") {
            Some(Value::Array(parts)) => parts,
            Some(part) => vec![part],
            None => Vec::new(),
        };
        let mut all = outer;
        for part in own {
            if !all.contains(&part) {
                all.push(part);
            }
        }
        members.insert("@context".to_owned(), json!(all));
    }
    serde_json::to_vec(&members).expect("a map of JSON values is always valid JSON")
}
