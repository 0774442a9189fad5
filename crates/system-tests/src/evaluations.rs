//! What must stay true, counted on real services: `scripts/evaluate TOPIC`, one module a topic.
//!
//! A figure measures how fast, an evaluation how much of what was promised holds. Each falls short
//! when its value is below its baseline, and then `evaluate` fails.

pub mod epcis;

use crate::measure::Figure;

/// A count that must reach what was promised.
pub(crate) fn count(figure: &'static str, reached: usize, promised: usize) -> Figure {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    Figure::of_runs(figure, "of_baseline", Some(number(promised)), &[number(reached)])
}

/// Whether a figure is below what was promised.
pub fn falls_short(figure: &Figure) -> bool {
    figure.baseline.is_some_and(|promised| figure.value < promised)
}
