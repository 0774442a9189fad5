//! The little statistics that detectors need.
//!
//! Floats on purpose: these are measures of doubt, never masses or money. Nothing here can
//! panic, and what is not a number counts as no evidence.

use domain::element::ELEMENT_COUNT;
use rust_decimal::{Decimal, prelude::FromPrimitive};

/// Makes the median absolute deviation an estimate of the standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// A mass as a real number.
#[expect(clippy::cast_precision_loss, reason = "a measure of doubt needs no more than 53 bits")]
pub(crate) fn real(mass: i64) -> f64 {
    mass as f64
}

/// A real number as evidence: two decimals, or nothing when it is none.
pub(crate) fn stated(number: f64) -> Option<Decimal> {
    Decimal::from_f64(number.clamp(-1e9, 1e9)).map(|number| number.round_dp(2).normalize())
}

/// How sure a measurement is for which nothing was stated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metrology {
    /// Independent from one measurement to the next, as a share.
    pub(crate) random: f64,
    /// The same for all measurements on one side, as a share.
    pub(crate) systematic: f64,
}

/// Measured masses on one side of a balance.
///
/// Random errors of lines add up in squares; the systematic error is one instrument's and adds
/// up in full, so it is taken of the sum of what had no stated uncertainty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    pub(crate) mass: i64,
    variance: f64,
    unstated: f64,
}

impl Side {
    pub(crate) const NOTHING: Self = Self { mass: 0, variance: 0.0, unstated: 0.0 };

    /// Adds a line: its mass and its stated standard deviation, 0 where none was stated.
    pub(crate) fn add(&mut self, metrology: Metrology, mass: i64, sigma: i64) {
        self.mass = self.mass.saturating_add(mass);
        if 0 < sigma {
            self.variance += real(sigma) * real(sigma);
        } else {
            let random = metrology.random * real(mass);
            self.variance += random * random;
            self.unstated += real(mass).abs();
        }
    }

    /// The variance of the sum.
    pub(crate) fn variance(&self, metrology: Metrology) -> f64 {
        let systematic = metrology.systematic * self.unstated;
        self.variance + systematic * systematic
    }
}

/// One side for each element.
pub(crate) type Sides = [Side; ELEMENT_COUNT];

/// The median; none of nothing.
pub(crate) fn median(numbers: &mut [f64]) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    let upper = *numbers.get(middle)?;
    if numbers.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *numbers.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

/// Where the middle of some numbers lies and how far they spread, both robustly.
pub(crate) fn robust(numbers: &mut [f64]) -> Option<(f64, f64)> {
    let middle = median(numbers)?;
    let mut deviations: Vec<f64> = numbers.iter().map(|number| (number - middle).abs()).collect();
    Some((middle, median(&mut deviations)? * MAD_TO_SIGMA))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_numbers_ignores_one_that_is_far_off() {
        let (middle, spread) = robust(&mut [1.0, 2.0, 3.0, 4.0, 1e6]).unwrap();
        assert!((middle - 3.0).abs() < 1e-9);
        assert!((spread - 1.4826).abs() < 1e-9);
        assert_eq!(robust(&mut []), None);
    }

    #[test]
    fn a_stated_uncertainty_replaces_the_assumed_one() {
        let metrology = Metrology { random: 0.01, systematic: 0.005 };
        let (mut assumed, mut exact) = (Side::NOTHING, Side::NOTHING);
        assumed.add(metrology, 1_000_000, 0);
        exact.add(metrology, 1_000_000, 100);
        assert!((assumed.variance(metrology).sqrt() - 11_180.34).abs() < 0.01);
        assert!((exact.variance(metrology).sqrt() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_a_number_is_no_evidence() {
        assert_eq!(stated(f64::NAN), None);
        assert_eq!(stated(f64::INFINITY), Some(1_000_000_000.into()));
    }
}
