//! Chance that repeats itself: the same seed draws the same numbers on every machine.
//!
//! Whole numbers only. A float could be rounded differently elsewhere, and masses are exact.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A source of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    generator: ChaCha8Rng,
}

impl Chance {
    /// The numbers of this seed.
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self { generator: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        if high <= low { low } else { self.generator.random_range(low..=high) }
    }

    /// An index below `length`, which must not be 0.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.generator.random_range(0..length)
    }

    /// Whether something happens that happens in so many of a thousand cases.
    pub(crate) fn happens(&mut self, per_thousand: u64) -> bool {
        self.between(1, 1_000) <= per_thousand
    }

    /// The value, off by at most so many millionths of itself; small errors are likelier.
    pub(crate) fn about(&mut self, value: u64, millionths: u64) -> u64 {
        let (one, other) = (self.between(0, millionths), self.between(0, millionths));
        let scaled = u128::from(value) * u128::from(1_000_000 + one);
        let scaled = scaled.saturating_sub(u128::from(value) * u128::from(other));
        u64::try_from(scaled / 1_000_000).unwrap_or(u64::MAX)
    }

    /// One of several.
    pub(crate) fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }
}
