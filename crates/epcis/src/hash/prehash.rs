//! The canonical text of an event, written in one pass.

use super::{
    EventHash,
    order::{EVENT, Form, Property},
    value::{write_scalar, write_time},
};
use crate::context::Context;
use serde_json::{Map, Value};

/// Members that are no part of what happened, at the top of an event.
const LEFT_OUT: [&str; 5] = ["@context", "type", "recordTime", "eventID", "errorDeclaration"];
const RDFS: &str = "http://www.w3.org/2000/01/rdf-schema#";

/// Writes canonical texts; one is used for many events.
#[derive(Debug, Default)]
pub struct Prehasher {
    out: Vec<u8>,
    /// What is sorted goes through here.
    scratch: Vec<u8>,
    /// Where the items of the lists that are being written begin and end.
    items: Vec<(usize, usize)>,
}

impl Prehasher {
    /// The hash of an event.
    pub fn hash(&mut self, event: &Map<String, Value>, context: &Context) -> EventHash {
        EventHash::of(self.prehash(event, context))
    }

    /// The canonical text of an event.
    pub fn prehash(&mut self, event: &Map<String, Value>, context: &Context) -> &[u8] {
        self.out.clear();
        if let Some(Value::String(kind)) = event.get("type") {
            self.out.extend_from_slice(b"eventType=");
            self.out.extend_from_slice(kind.trim().as_bytes());
        }
        self.members(EVENT, event, &LEFT_OUT, context);
        &self.out
    }

    /// The hash of what an `errorDeclaration` says: which of several this one is.
    pub fn declaration(
        &mut self,
        declaration: &Map<String, Value>,
        context: &Context,
    ) -> EventHash {
        self.out.clear();
        self.members(&[], declaration, &[], context);
        EventHash::of(&self.out)
    }

    /// Members in order, then everything else as extensions.
    fn members(
        &mut self,
        order: &[Property],
        object: &Map<String, Value>,
        left_out: &[&str],
        context: &Context,
    ) {
        let mut known = 0;
        for property in order {
            if let Some(value) = object.get(property.name) {
                known += 1;
                self.property(property, value, context);
            }
        }
        if known < object.len() {
            let is_more = |name: &str| {
                !left_out.contains(&name) && !order.iter().any(|property| property.name == name)
            };
            self.extensions(object, is_more, context);
        }
    }

    fn property(&mut self, property: &Property, value: &Value, context: &Context) {
        let name = property.name;
        match property.form {
            Form::Text => self.sorted(several(value), |me, value| {
                me.named(name, |out| write_scalar(out, value, context));
            }),
            Form::Time => {
                if let Value::String(text) = value {
                    self.named(name, |out| write_time(out, text));
                }
            }
            Form::Word(vocabulary) => self.sorted(several(value), |me, value| {
                if let Value::String(text) = value {
                    let full = vocabulary.in_full(text.trim(), context);
                    me.named(name, |out| out.extend_from_slice(full.as_bytes()));
                }
            }),
            Form::Identifiers => self.headed(name, |me| {
                me.sorted(several(value), |me, value| {
                    me.named("epc", |out| write_scalar(out, value, context));
                });
            }),
            Form::Objects(item, order) => self.headed(name, |me| {
                me.sorted(several(value), |me, value| me.object(item, order, value, context));
            }),
            Form::Object(order) => self.object(name, order, value, context),
            Form::Each(order) => {
                self.sorted(several(value), |me, value| me.object(name, order, value, context));
            }
            Form::Extensions => {
                if let Value::Object(object) = value {
                    self.headed(name, |me| me.extensions(object, |_| true, context));
                }
            }
        }
    }

    fn object(&mut self, name: &str, order: &[Property], value: &Value, context: &Context) {
        if let Value::Object(object) = value {
            self.headed(name, |me| me.members(order, object, &[], context));
        }
    }

    /// `name=value`, or nothing when there is no value.
    fn named(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.out.len();
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'=');
        let start = self.out.len();
        write(&mut self.out);
        if self.out.len() == start {
            self.out.truncate(before);
        }
    }

    /// A name and what it heads, or nothing when it heads nothing.
    fn headed(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        let before = self.out.len();
        self.out.extend_from_slice(name.as_bytes());
        let start = self.out.len();
        write(self);
        if self.out.len() == start {
            self.out.truncate(before);
        }
    }

    /// Extensions: `{namespace}name=value`, sorted; comments say nothing about what happened.
    fn extensions(
        &mut self,
        object: &Map<String, Value>,
        is_one: impl Fn(&str) -> bool,
        context: &Context,
    ) {
        let members = object.iter().filter(|(name, _)| is_one(name)).filter(|(name, _)| {
            *name != "comment"
                && !context
                    .split(name)
                    .is_some_and(|name| name.namespace == RDFS && name.local == "comment")
        });
        let values = members
            .flat_map(|(name, value)| several(value).map(move |value| (name.as_str(), value)));
        self.sorted(values, |me, (name, value)| me.extension(name, value, context));
    }

    fn extension(&mut self, name: &str, value: &Value, context: &Context) {
        if value.is_null() {
            return;
        }
        match context.split(name) {
            Some(split) if !split.namespace.is_empty() => {
                self.out.push(b'{');
                self.out.extend_from_slice(split.namespace.as_bytes());
                self.out.push(b'}');
                self.out.extend_from_slice(split.local.as_bytes());
            }
            _ => self.out.extend_from_slice(name.as_bytes()),
        }
        match value {
            Value::Object(object) => self.extensions(object, |_| true, context),
            // A list within a list has no names of its own.
            Value::Array(values) => {
                self.sorted(values.iter(), |me, value| me.extension(name, value, context));
            }
            scalar => {
                let before = self.out.len();
                self.out.push(b'=');
                write_scalar(&mut self.out, scalar, context);
                if self.out.len() == before + 1 {
                    self.out.truncate(before);
                }
            }
        }
    }

    /// Writes each item and brings what was written into the order of its bytes.
    fn sorted<T>(&mut self, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        let (start, first) = (self.out.len(), self.items.len());
        for item in items {
            let from = self.out.len();
            write(self, item);
            if from < self.out.len() {
                self.items.push((from, self.out.len()));
            }
        }
        let Self { out, scratch, items } = self;
        let written = &mut items[first..];
        if !written.is_sorted_by(|a, b| out[a.0..a.1] <= out[b.0..b.1]) {
            written.sort_unstable_by(|a, b| out[a.0..a.1].cmp(&out[b.0..b.1]));
            scratch.clear();
            for (from, to) in written {
                scratch.extend_from_slice(&out[*from..*to]);
            }
            out[start..].copy_from_slice(scratch);
        }
        items.truncate(first);
    }
}

/// The values of an array, or the one value.
fn several(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    }
    .iter()
}
