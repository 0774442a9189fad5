//! What `@context` says about prefixes: a member may be written short or in full.
//!
//! Only what identity needs is read of JSON-LD: prefixes and the namespaces they stand for. A
//! context that is only named, such as GS1's own, is not fetched; its prefixes are known here.
//! Term definitions, `@vocab` and `@base` are passed over.

use serde_json::Value;

/// Prefixes of GS1's EPCIS 2.0 context (`epcis-context.jsonld`), which every document refers to.
const STANDARD: [(&str, &str); 8] = [
    ("cbv", "https://ref.gs1.org/cbv/"),
    ("cbvmda", "urn:epcglobal:cbv:mda:"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("epcis", "https://ref.gs1.org/epcis/"),
    ("gs1", "https://gs1.org/voc/"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// The prefixes in force for an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    declared: Vec<(String, String)>,
}

/// A member's name, split into the namespace it belongs to and its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The namespace; empty for a member of EPCIS itself.
    pub namespace: &'a str,
    /// The name within it.
    pub local: &'a str,
}

impl Context {
    /// Reads the prefixes that `@context` declares; a later one takes precedence.
    pub fn read(context: Option<&Value>) -> Self {
        Self::default().with(context)
    }

    /// The same prefixes and, before them, those of an event's own `@context`.
    #[must_use]
    pub fn with(&self, context: Option<&Value>) -> Self {
        let mut all = self.clone();
        match context {
            Some(Value::Array(parts)) => parts.iter().for_each(|part| all.declare(part)),
            Some(part) => all.declare(part),
            None => {}
        }
        all
    }

    fn declare(&mut self, part: &Value) {
        let Value::Object(members) = part else { return };
        for (prefix, namespace) in members {
            let namespace = match namespace {
                Value::String(namespace) => namespace,
                Value::Object(definition) => match definition.get("@id") {
                    Some(Value::String(namespace)) => namespace,
                    _ => continue,
                },
                _ => continue,
            };
            if !prefix.starts_with('@') && !prefix.contains(':') {
                self.declared.retain(|(known, _)| known != prefix);
                self.declared.push((prefix.clone(), namespace.clone()));
            }
        }
    }

    /// The namespace that a prefix stands for.
    pub fn namespace(&self, prefix: &str) -> Option<&str> {
        let declared = self.declared.iter().find(|(known, _)| known == prefix);
        declared.map(|(_, namespace)| namespace.as_str()).or_else(|| {
            STANDARD.iter().find(|(known, _)| *known == prefix).map(|(_, namespace)| *namespace)
        })
    }

    /// Splits a member's name. `None` when its prefix is declared nowhere.
    ///
    /// A name written in full is split where a declared namespace ends, else after its last
    /// `/`, `#` or `:`, so that both ways of writing it mean the same.
    pub fn split<'a>(&'a self, name: &'a str) -> Option<Name<'a>> {
        let Some((prefix, local)) = name.split_once(':') else {
            return Some(Name { namespace: "", local: name });
        };
        if let Some(namespace) = self.namespace(prefix) {
            return Some(Name { namespace, local });
        }
        let longest = self
            .declared
            .iter()
            .map(|(_, namespace)| namespace.as_str())
            .chain(STANDARD.iter().map(|(_, namespace)| *namespace))
            .filter(|namespace| namespace.len() < name.len() && name.starts_with(namespace))
            .max_by_key(|namespace| namespace.len());
        if let Some(namespace) = longest {
            return Some(Name { namespace, local: &name[namespace.len()..] });
        }
        let is_full = local.starts_with("//") || prefix == "urn";
        let end = is_full.then(|| name.rfind(['/', '#', ':'])).flatten()?;
        Some(Name { namespace: &name[..=end], local: &name[end + 1..] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_means_the_same_short_and_in_full() {
        let context = Context::read(Some(&json!([
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            { "ex": "https://ns.example.com/epcis/", "rail": { "@id": "urn:gs1:rail:" } },
        ])));
        let names = [
            "ex:grade",
            "https://ns.example.com/epcis/grade",
            "rail:axle",
            "urn:gs1:rail:axle",
            "cbvmda:lotNumber",
            "https://other.example/terms#x",
            "bizStep",
        ];
        let split: Vec<_> = names
            .iter()
            .map(|name| {
                context
                    .split(name)
                    .map_or("?".to_owned(), |n| format!("{{{}}}{}", n.namespace, n.local))
            })
            .collect();
        assert_eq!(
            split,
            [
                "{https://ns.example.com/epcis/}grade",
                "{https://ns.example.com/epcis/}grade",
                "{urn:gs1:rail:}axle",
                "{urn:gs1:rail:}axle",
                "{urn:epcglobal:cbv:mda:}lotNumber",
                "{https://other.example/terms#}x",
                "{}bizStep",
            ]
        );
        assert_eq!(context.split("nobody:knows"), None);
    }

    #[test]
    fn an_event_may_declare_more_and_otherwise() {
        let document = Context::read(Some(&json!({ "a": "https://one/" })));
        let event = document.with(Some(&json!({ "a": "https://two/", "b": "https://b/" })));
        assert_eq!(event.namespace("a"), Some("https://two/"));
        assert_eq!(event.namespace("b"), Some("https://b/"));
        assert_eq!(document.namespace("a"), Some("https://one/"));
    }
}
