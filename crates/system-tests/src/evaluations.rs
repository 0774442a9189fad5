//! What must stay true, counted on real services: `scripts/evaluate TOPIC`, one module a topic.
//!
//! A figure measures how fast, an evaluation how much of what was promised holds. Each falls short
//! when its value is below its baseline, or above its `at_most`, and then `evaluate` fails.

pub mod epcis;
pub mod year;

use crate::measure::Figure;

/// A count that must reach what was promised.
pub(crate) fn count(figure: &'static str, reached: usize, promised: usize) -> Figure {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    Figure::of_runs(figure, "of_baseline", Some(number(promised)), &[number(reached)])
}

/// Whether a figure is below what was promised, or above what was.
pub fn falls_short(figure: &Figure) -> bool {
    let at_most = figure.more.get("at_most").and_then(serde_json::Value::as_f64);
    figure.baseline.is_some_and(|promised| figure.value < promised)
        || at_most.is_some_and(|promised| promised < figure.value)
}
