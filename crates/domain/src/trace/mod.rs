//! Where the elements of a lot came from, and where they went.
//!
//! A lot's elements are followed through *steps*: places where lots became lots. What is exact and
//! what is only bounded is decided there.
//!
//! **Batch.** What goes into a batch is mixed, so every output inherits every input by its mass
//! share of each element: of an element, the share of input `i` in any output is `b_i / M`.
//!
//! **Continuous** (separation, metal reduction, recycling). Feeds are mixed over time, so all of a
//! site's month is one step, and only its totals are known: the inputs `b_i`, the outputs `a_o`, and
//! `M = max(sum of inputs, sum of outputs and losses)`; what one side has less than the other has
//! no account and stands as one more party on that side. Attribution is by mass share again. How
//! far off it can be is the question which tables have these margins, whose answer is the bounds of
//! Fréchet and Hoeffding (M. Fréchet, *Sur les tableaux de corrélation dont les marges sont
//! données*, Ann. Univ. Lyon, 1951): of output `o`, the mass from input `i` lies in
//!
//! ```text
//! max(0, a_o + b_i - M)  <=  a_o b_i / M  <=  min(a_o, b_i)
//! ```
//!
//! below it what cannot have come from elsewhere, above it all there was of that source and of
//! that output. Seen forward, the same bounds hold with the sides exchanged.
//!
//! **Along a path** shares multiply, and where paths meet they add; so do their bounds, which stay
//! bounds because a lot is taken to be the same throughout. A share is never more than one.
//!
//! **Round in circles.** Scrap of a magnet goes back into the separation that the magnet came
//! from. Each lot and step is expanded once; what comes back to one is carried on in a further
//! round until less than [`NEGLIGIBLE`] is under way, or until [`ROUNDS`] are over: what is then
//! still going round is stated as the remainder. Where upper bounds do not settle they are one.
//!
//! Per element: the ends of all lots, what is unattributed, what is lost and the remainder add up
//! to one. Real numbers on purpose: a share is a measure, never a stored mass.

mod flow;
mod graph;
mod kept;
mod order;
mod origin;
#[cfg(test)]
mod tests;

pub use flow::{NEGLIGIBLE, ROUNDS, attribute};
pub use graph::{Graph, Mixing, Part, Recorded, RecordedLine, Step, StepKey, Traced};
pub use kept::{Claimed, Filed, Kept, KeptLot};
pub use origin::{Maker, Origin, OriginKind, Separated, Shares, origins, separations};

use crate::{
    codes::Process,
    element::{ELEMENT_COUNT, Element},
};

/// Which way to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From a lot to what it was made from.
    Backward,
    /// From a lot to what was made from it.
    Forward,
}

/// A share between bounds, each from 0 to 1: `lower <= best <= upper`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// At least this much.
    pub lower: f64,
    /// By mass share.
    pub best: f64,
    /// At most this much.
    pub upper: f64,
}

/// A share of a mass, to the milligram.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a share of a mass is no larger than the mass, and no finer than a measure"
)]
pub fn part_mg(whole_mg: i64, share: f64) -> i64 {
    (whole_mg as f64 * share).round() as i64
}

/// How the asked lot's elements spread over a graph.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// The elements of the asked lot, in storage order: the columns of what follows.
    elements: Vec<Element>,
    /// Lots reached, nearest first and then as the graph has them; the asked lot is the first.
    reached: Vec<(usize, u32)>,
    /// Per lot of the graph and element: what passed through it. Ordered within each.
    passed: Vec<Interval>,
    /// Per lot of the graph and element: what ends there.
    ends: Vec<f64>,
    /// Per element; see the accessors.
    unattributed: Vec<f64>,
    lost: Vec<f64>,
    remainder: Vec<f64>,
}

impl Direction {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backward => "backward",
            Self::Forward => "forward",
        }
    }
}

impl Process {
    /// How what goes into this process is mixed.
    pub const fn mixing(self) -> Mixing {
        match self {
            Self::Separation | Self::MetalReduction | Self::Recycling => Mixing::Continuous,
            Self::Beneficiation
            | Self::Alloying
            | Self::MagnetMaking
            | Self::Machining
            | Self::Assembly => Mixing::Batch,
        }
    }
}

impl Attribution {
    /// The elements that the asked lot has.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The lots that were reached, with how many steps away: nearest first, the asked lot leading.
    pub fn reached(&self) -> &[(usize, u32)] {
        &self.reached
    }

    /// The share of the asked lot's element that passed through a lot.
    pub fn share(&self, lot: usize, element: Element) -> Interval {
        self.column(element).map_or_else(Interval::default, |column| {
            self.passed[lot * self.elements.len() + column]
        })
    }

    /// The shares of all elements that passed through a lot, in the order of [`Self::elements`].
    pub fn shares(&self, lot: usize) -> &[Interval] {
        &self.passed[lot * self.elements.len()..(lot + 1) * self.elements.len()]
    }

    /// The shares of all elements that end at a lot, in the same order; see [`Self::end`].
    pub fn ends(&self, lot: usize) -> &[f64] {
        &self.ends[lot * self.elements.len()..(lot + 1) * self.elements.len()]
    }

    /// The share that ends at a lot: backward it was made from nothing that is told of, forward it
    /// was not worked on any further.
    pub fn end(&self, lot: usize, element: Element) -> f64 {
        self.column(element).map_or(0.0, |column| self.ends[lot * self.elements.len() + column])
    }

    /// The share that inputs do not explain (backward) or outputs and losses do not (forward).
    pub fn unattributed(&self, element: Element) -> f64 {
        self.column(element).map_or(0.0, |column| self.unattributed[column])
    }

    /// Forward: the share that was stated as lost.
    pub fn lost(&self, element: Element) -> f64 {
        self.column(element).map_or(0.0, |column| self.lost[column])
    }

    /// The share that was still going round in a circle when it was cut.
    pub fn remainder(&self, element: Element) -> f64 {
        self.column(element).map_or(0.0, |column| self.remainder[column])
    }

    fn column(&self, element: Element) -> Option<usize> {
        debug_assert!(self.elements.len() <= ELEMENT_COUNT);
        self.elements.iter().position(|present| *present == element)
    }
}
