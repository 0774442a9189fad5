//! The little statistics that detectors need.
//!
//! Floats on purpose: these are measures of doubt, never masses or money. Nothing here can
//! panic, and what is not a number counts as no evidence.

use rust_decimal::{Decimal, prelude::FromPrimitive};

/// Makes the median absolute deviation an estimate of the standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// A real number as evidence: two decimals, or nothing when it is none.
pub(crate) fn stated(number: f64) -> Option<Decimal> {
    Decimal::from_f64(number.clamp(-1e9, 1e9)).map(|number| number.round_dp(2).normalize())
}

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
    fn what_is_not_a_number_is_no_evidence() {
        assert_eq!(stated(f64::NAN), None);
        assert_eq!(stated(f64::INFINITY), Some(1_000_000_000.into()));
    }
}
