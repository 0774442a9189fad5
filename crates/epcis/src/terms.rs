//! What an event can be found by: each thing it names, in canonical form.
//!
//! A term is the name of a query parameter (EPCIS 2.0, 8.2.7) and a value. Whether an event or a
//! question writes it bare, as a compact name, a URN or a link, the term is the same.

use crate::{context::Context, identifier, vocabulary::Vocabulary};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// What an event is asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// `eventType`.
    EventType,
    /// `EQ_action`.
    Action,
    /// `EQ_bizStep`.
    BusinessStep,
    /// `EQ_disposition`.
    Disposition,
    /// `EQ_readPoint`.
    ReadPoint,
    /// `EQ_bizLocation`.
    BusinessLocation,
    /// `MATCH_epc`.
    Epc,
    /// `MATCH_parentID`.
    Parent,
    /// `MATCH_inputEPC`.
    InputEpc,
    /// `MATCH_outputEPC`.
    OutputEpc,
    /// `MATCH_epcClass`.
    Class,
    /// `MATCH_inputEPCClass`.
    InputClass,
    /// `MATCH_outputEPCClass`.
    OutputClass,
    /// `EQ_bizTransaction_<type>`.
    Transaction,
    /// `EQ_source_<type>`.
    Source,
    /// `EQ_destination_<type>`.
    Destination,
    /// `EQ_transformationID`.
    Transformation,
    /// `EQ_eventID`.
    EventId,
}

/// A field, its kind where it has one, and its value; as a number that is the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(i64);

/// The terms of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Everything that the event can be found by.
    pub all: BTreeSet<Term>,
    /// Those that few events share: what a search begins with.
    pub selective: BTreeSet<Term>,
}

impl Field {
    /// Whether few events share a value of it.
    pub const fn is_selective(self) -> bool {
        !matches!(self, Self::EventType | Self::Action | Self::BusinessStep | Self::Disposition)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::EventType => "eventType",
            Self::Action => "action",
            Self::BusinessStep => "bizStep",
            Self::Disposition => "disposition",
            Self::ReadPoint => "readPoint",
            Self::BusinessLocation => "bizLocation",
            Self::Epc => "epc",
            Self::Parent => "parentID",
            Self::InputEpc => "inputEPC",
            Self::OutputEpc => "outputEPC",
            Self::Class => "epcClass",
            Self::InputClass => "inputEPCClass",
            Self::OutputClass => "outputEPCClass",
            Self::Transaction => "bizTransaction",
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Transformation => "transformationID",
            Self::EventId => "eventID",
        }
    }

    const fn vocabulary(self) -> Option<Vocabulary> {
        match self {
            Self::BusinessStep => Some(Vocabulary::BusinessStep),
            Self::Disposition => Some(Vocabulary::Disposition),
            _ => None,
        }
    }

    const fn kinds(self) -> Option<Vocabulary> {
        match self {
            Self::Transaction => Some(Vocabulary::TransactionType),
            Self::Source | Self::Destination => Some(Vocabulary::SourceOrDestination),
            _ => None,
        }
    }
}

impl Term {
    /// The term of a value; `kind` is the type of a transaction, source or destination.
    pub fn new(field: Field, kind: Option<&str>, value: &str, context: &Context) -> Self {
        let mut hash = Sha256::new();
        hash.update(field.name());
        hash.update([0]);
        if let (Some(vocabulary), Some(kind)) = (field.kinds(), kind) {
            hash.update(vocabulary.in_full(kind, context).as_bytes());
        }
        hash.update([0]);
        match field.vocabulary() {
            Some(vocabulary) => hash.update(vocabulary.in_full(value, context).as_bytes()),
            None => hash.update(identifier::canonical(value).as_bytes()),
        }
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_first_chunk().expect("a digest has more than eight bytes");
        Self(i64::from_be_bytes(*first))
    }

    /// As it is stored.
    pub const fn to_i64(self) -> i64 {
        self.0
    }
}

impl Terms {
    /// The terms of an event.
    pub fn of(event: &Map<String, Value>, context: &Context) -> Self {
        let mut terms = Self::default();
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        for (name, field) in [
            ("type", Field::EventType),
            ("action", Field::Action),
            ("bizStep", Field::BusinessStep),
            ("disposition", Field::Disposition),
            ("parentID", Field::Parent),
            ("transformationID", Field::Transformation),
            ("eventID", Field::EventId),
        ] {
            if let Some(value) = text(name) {
                terms.add(field, None, value, context);
            }
        }
        for (name, field) in
            [("readPoint", Field::ReadPoint), ("bizLocation", Field::BusinessLocation)]
        {
            let id = event.get(name).and_then(|place| place.get("id")?.as_str());
            if let Some(value) = id {
                terms.add(field, None, value, context);
            }
        }
        for (name, field) in [
            ("epcList", Field::Epc),
            ("childEPCs", Field::Epc),
            ("inputEPCList", Field::InputEpc),
            ("outputEPCList", Field::OutputEpc),
        ] {
            let values = list(event, name).filter_map(Value::as_str);
            values.for_each(|value| terms.add(field, None, value, context));
        }
        for (name, member, field) in [
            ("quantityList", "epcClass", Field::Class),
            ("childQuantityList", "epcClass", Field::Class),
            ("inputQuantityList", "epcClass", Field::InputClass),
            ("outputQuantityList", "epcClass", Field::OutputClass),
            ("bizTransactionList", "bizTransaction", Field::Transaction),
            ("sourceList", "source", Field::Source),
            ("destinationList", "destination", Field::Destination),
        ] {
            for item in list(event, name) {
                let kind = item.get("type").and_then(Value::as_str);
                let value = item.get(member).and_then(Value::as_str);
                if let Some(value) = value {
                    terms.add(field, kind, value, context);
                }
            }
        }
        terms
    }

    fn add(&mut self, field: Field, kind: Option<&str>, value: &str, context: &Context) {
        let term = Term::new(field, kind, value, context);
        self.all.insert(term);
        if field.is_selective() {
            self.selective.insert(term);
        }
    }
}

fn list<'a>(
    event: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a Value> + use<'a> {
    event.get(name).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_found_however_it_and_the_question_are_written() {
        let Value::Object(event) = json!({
            "type": "ObjectEvent", "bizStep": "shipping",
            "readPoint": { "id": "urn:epc:id:sgln:4012345.00005.0" },
            "quantityList": [{ "epcClass": "urn:epc:class:lgtin:4012345.012345.998877" }],
            "bizTransactionList": [{ "type": "inv", "bizTransaction": "urn:acme:inv:7" }],
        }) else {
            panic!()
        };
        let context = Context::default();
        let terms = Terms::of(&event, &context);
        let questions = [
            (Field::BusinessStep, None, "https://ref.gs1.org/cbv/BizStep-shipping"),
            (Field::ReadPoint, None, "https://example.com/414/4012345000054"),
            (Field::Class, None, "https://id.gs1.org/01/04012345123456/10/998877"),
            (Field::Transaction, Some("urn:epcglobal:cbv:btt:inv"), "urn:acme:inv:7"),
        ];
        for (field, kind, value) in questions {
            assert!(terms.all.contains(&Term::new(field, kind, value, &context)), "{field:?}");
        }
        assert!(!terms.all.contains(&Term::new(
            Field::Transaction,
            Some("po"),
            "urn:acme:inv:7",
            &context
        )));
        assert_eq!((terms.all.len(), terms.selective.len()), (5, 3));
    }
}
