//! Which events are which filings, and what their members become, as tables.

use domain::codes::FilingKind;
use serde_json::{Map, Value};

/// One row: an event of this type, action and business step is a filing of this kind.
pub(super) struct Row {
    pub(super) event: &'static str,
    pub(super) actions: &'static [&'static str],
    pub(super) steps: &'static [&'static str],
    pub(super) kind: FilingKind,
}

/// A transformation has no action, and any step.
#[rustfmt::skip]
pub(super) const KINDS: [Row; 7] = [
    Row { event: "ObjectEvent",         actions: &["ADD"],            steps: &["commissioning", "creating_class_instance"], kind: FilingKind::Extraction },
    Row { event: "TransformationEvent", actions: &[],                 steps: &[],                                           kind: FilingKind::Transformation },
    Row { event: "ObjectEvent",         actions: &["OBSERVE"],        steps: &["shipping"],                                 kind: FilingKind::Dispatch },
    Row { event: "AggregationEvent",    actions: &["OBSERVE"],        steps: &["shipping"],                                 kind: FilingKind::Dispatch },
    Row { event: "ObjectEvent",         actions: &["OBSERVE", "ADD"], steps: &["receiving"],                                kind: FilingKind::Receipt },
    Row { event: "AggregationEvent",    actions: &["OBSERVE"],        steps: &["receiving"],                                kind: FilingKind::Receipt },
    Row { event: "ObjectEvent",         actions: &["OBSERVE"],        steps: &["stock_taking", "cycle_counting"],           kind: FilingKind::Stocktake },
];

/// Extensions that go into the form as they are, under their own name.
pub(super) const AS_THEY_ARE: [&str; 20] = [
    "site",
    "reference",
    "correction",
    "process",
    "inputs",
    "outputs",
    "losses",
    "lines",
    "client",
    "supplier",
    "end_user",
    "contract",
    "invoice",
    "movement",
    "outcome",
    "from",
    "to",
    "declaration",
    "origin",
    "destination",
];

/// Which filing an event of this type, action and step is.
pub(super) fn kind_of(event: &Map<String, Value>, step: Option<&str>) -> Option<FilingKind> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let fits = |row: &&Row| {
        text("type") == Some(row.event)
            && (row.actions.is_empty()
                || text("action").is_some_and(|it| row.actions.contains(&it)))
            && (row.steps.is_empty() || step.is_some_and(|it| row.steps.contains(&it)))
    };
    KINDS.iter().find(fits).map(|row| row.kind)
}

/// How a receipt found goods of this disposition.
pub(super) fn outcome_of(disposition: Option<&str>) -> &'static str {
    match disposition {
        Some("damaged" | "non_conformant" | "mismatch_quantity" | "mismatch_class") => {
            "unsatisfactory"
        }
        _ => "satisfactory",
    }
}

/// Kilograms in a unit of UN/ECE Recommendation 20, in units of a thousandth.
pub(super) fn grams_in(unit: &str) -> Option<u32> {
    match unit {
        "GRM" => Some(1),
        "KGM" => Some(1_000),
        "TNE" => Some(1_000_000),
        _ => None,
    }
}
