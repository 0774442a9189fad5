//! From a schema's failure to plain sentences: which member, what is wrong, what would be right.

use crate::fault::{Fault, member};
use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::Value;

const WORDS_SHOWN: usize = 8;
const VALUE_LENGTH_LIMIT: usize = 80;

/// What a failure says to the one who sent the document.
pub(super) fn faults(error: &ValidationError<'_>, pointer: &str) -> Vec<Fault> {
    let at = format!("{pointer}{}", error.instance_path().as_str());
    let value = shown(error.instance());
    let fault = match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let detail = format!("`{name}` is missing");
            Fault::new(member(&at, name), "missing", detail)
        }
        Kind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default().to_owned();
            let detail = format!("there is no member `{name}` here");
            Fault::new(member(&at, &name), "unknown_member", detail)
                .expecting("a member of EPCIS 2.0, or an extension with a prefix")
        }
        Kind::AdditionalProperties { unexpected } => {
            return unexpected
                .iter()
                .map(|name| {
                    let detail = format!("there is no member `{name}` here");
                    Fault::new(member(&at, name), "unknown_member", detail)
                        .expecting("leave it out")
                })
                .collect();
        }
        Kind::Enum { options } => {
            Fault::new(at, "unknown_value", format!("{value} is not known here"))
                .expecting(words(options))
        }
        Kind::Format { format } => format_fault(at, format, &value),
        Kind::Type { kind } => {
            let kind = format!("{kind:?}").to_lowercase();
            let kind = ["array", "object", "string", "number", "integer", "boolean"]
                .into_iter()
                .find(|known| kind.contains(known))
                .unwrap_or("another type");
            Fault::new(at, "wrong_type", format!("{value} has the wrong type")).expecting(kind)
        }
        Kind::Pattern { pattern } => {
            Fault::new(at, "invalid_value", format!("{value} does not have the right form"))
                .expecting(format!("text that matches {pattern}"))
        }
        Kind::AnyOf { context } => return any_of(at, &value, context),
        Kind::MinItems { limit } => Fault::new(at, "too_few", "this list is too short")
            .expecting(format!("at least {limit}")),
        Kind::UniqueItems => {
            Fault::new(at, "repeated", "something stands in this list twice").expecting("each once")
        }
        _ => Fault::new(at, "invalid_value", format!("{value} is not allowed here")),
    };
    vec![fault]
}

fn format_fault(at: String, format: &str, value: &str) -> Fault {
    match format {
        "date-time" => Fault::new(at, "invalid_time", format!("{value} is no point in time"))
            .expecting("a time with its offset, such as 2026-10-03T09:30:00.000+08:00"),
        "uri" => Fault::new(at, "invalid_uri", format!("{value} is no URI"))
            .expecting("a URI with its scheme, such as urn:epc:id:… or https://…"),
        other => Fault::new(at, "invalid_value", format!("{value} is no {other}")),
    }
}

/// A value that fits none of several: a word of a list or a URI, or one of several members.
fn any_of(at: String, value: &str, branches: &[Vec<ValidationError<'static>>]) -> Vec<Fault> {
    let errors = || branches.iter().flatten();
    if let Some(options) = errors().find_map(|error| match error.kind() {
        Kind::Enum { options } if error.instance().is_string() => Some(options),
        _ => None,
    }) {
        let fault = Fault::new(
            at,
            "unknown_value",
            format!("{value} is neither a word of the vocabulary nor a URI"),
        );
        return vec![fault.expecting(format!("{}, or a URI of your own", words(options)))];
    }
    let missing: Vec<&str> = errors()
        .filter_map(|error| match error.kind() {
            Kind::Required { property } => property.as_str(),
            _ => None,
        })
        .collect();
    if !missing.is_empty() {
        let names = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return vec![
            Fault::new(at, "missing", "this says of nothing what happened to it")
                .expecting(format!("at least one of {names}")),
        ];
    }
    vec![Fault::new(at, "invalid_value", format!("{value} fits none of the forms allowed here"))]
}

fn words(options: &Value) -> String {
    let all: Vec<&str> =
        options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut shown = all[..all.len().min(WORDS_SHOWN)].join(", ");
    if WORDS_SHOWN < all.len() {
        shown.push_str(" and others");
    }
    shown
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "this object".to_owned(),
        Value::Array(_) => "this list".to_owned(),
        scalar => {
            let text = scalar.to_string();
            let end =
                text.char_indices().nth(VALUE_LENGTH_LIMIT).map_or(text.len(), |(end, _)| end);
            if end < text.len() { format!("{}…", &text[..end]) } else { text }
        }
    }
}
