//! How sure a measured mass is: one account of it for detectors and for material balances.
//!
//! A line states one standard deviation of an element's mass, or nothing. What is stated is the
//! assay's, independent from line to line; weighing and sampling come on top where the class says
//! so. Where nothing is stated the class stands for all three: a random part, independent from one
//! measurement to the next, and a systematic one, which is one instrument's and adds up in full.
//!
//! A [`Sum`] keeps what does not depend on the class, so that stored sums stay right when the
//! class changes. Real numbers on purpose: measures of doubt, never masses.

use crate::balance::Measured;

/// Errors of a measurement, as shares of what is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// One standard deviation, independent from one measurement to the next.
    pub random: f64,
    /// One standard deviation of what all measurements by one instrument have in common.
    pub systematic: f64,
}

/// A class of measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrology {
    /// Of a measurement for which nothing was stated: weighing, sampling and assay together.
    pub unstated: Errors,
    /// Of weighing and sampling, where the uncertainty of the assay was stated.
    pub weighing: Errors,
}

/// Measured masses of one element that are added up, with what their doubt depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// How much, in milligrams. Saturates.
    pub mass_mg: i64,
    /// How much of it had no stated uncertainty, in milligrams, whatever its sign.
    pub unstated_mg: f64,
    /// The sum of the squares of those masses, in square milligrams.
    pub unstated_squared: f64,
    /// How much of it had one, in milligrams, whatever its sign.
    pub stated_mg: f64,
    /// The sum of the squares of those masses, in square milligrams.
    pub stated_squared: f64,
    /// The sum of the squares of what was stated, in square milligrams.
    pub stated_variance: f64,
}

/// A mass as a real number.
#[expect(clippy::cast_precision_loss, reason = "a measure of doubt needs no more than 53 bits")]
pub const fn real(mass: i64) -> f64 {
    mass as f64
}

impl Sum {
    /// Of nothing.
    pub const NOTHING: Self = Self {
        mass_mg: 0,
        unstated_mg: 0.0,
        unstated_squared: 0.0,
        stated_mg: 0.0,
        stated_squared: 0.0,
        stated_variance: 0.0,
    };

    /// Adds a measurement: its mass and its stated standard deviation, 0 where none was stated.
    pub fn add(&mut self, mass_mg: i64, sigma_mg: i64) {
        let mass = real(mass_mg);
        self.mass_mg = self.mass_mg.saturating_add(mass_mg);
        if 0 < sigma_mg {
            self.stated_mg += mass.abs();
            self.stated_squared += mass * mass;
            self.stated_variance += real(sigma_mg) * real(sigma_mg);
        } else {
            self.unstated_mg += mass.abs();
            self.unstated_squared += mass * mass;
        }
    }

    /// Adds so many measurements, taken as alike, of which only the sum is known and nothing was
    /// stated: their random errors average out, the systematic ones stay.
    pub fn add_alike(&mut self, mass_mg: i64, measurements: u32) {
        let mass = real(mass_mg);
        self.mass_mg = self.mass_mg.saturating_add(mass_mg);
        self.unstated_mg += mass.abs();
        self.unstated_squared += mass * mass / f64::from(measurements.max(1));
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            mass_mg: self.mass_mg.saturating_add(other.mass_mg),
            unstated_mg: self.unstated_mg + other.unstated_mg,
            unstated_squared: self.unstated_squared + other.unstated_squared,
            stated_mg: self.stated_mg + other.stated_mg,
            stated_squared: self.stated_squared + other.stated_squared,
            stated_variance: self.stated_variance + other.stated_variance,
        }
    }

    /// The sum with how far it can be off.
    ///
    /// The balance of the scales and that of the assays are different instruments; as one
    /// systematic error they are taken to move in step from month to month, which doubts more,
    /// never less.
    pub fn measured(&self, metrology: &Metrology) -> Measured {
        let Metrology { unstated, weighing } = metrology;
        let systematic =
            (unstated.systematic * self.unstated_mg).hypot(weighing.systematic * self.stated_mg);
        Measured {
            mass_mg: self.mass_mg,
            random_variance: self.stated_variance
                + unstated.random * unstated.random * self.unstated_squared
                + weighing.random * weighing.random * self.stated_squared,
            systematic_mg: systematic,
        }
    }

    /// The variance of the sum on its own, in square milligrams.
    pub fn variance(&self, metrology: &Metrology) -> f64 {
        let measured = self.measured(metrology);
        measured.random_variance + measured.systematic_mg * measured.systematic_mg
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TYPICAL: Metrology = Metrology {
        unstated: Errors { random: 0.01, systematic: 0.005 },
        weighing: Errors { random: 0.001, systematic: 0.0005 },
    };

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() <= 1e-9 * other.abs().max(1.0)
    }

    #[test]
    fn a_stated_uncertainty_replaces_the_assumed_one() {
        let class = Metrology { weighing: Errors::default(), ..TYPICAL };
        let (mut assumed, mut stated) = (Sum::NOTHING, Sum::NOTHING);
        assumed.add(1_000_000, 0);
        stated.add(1_000_000, 100);
        assert!((assumed.variance(&class).sqrt() - 11_180.34).abs() < 0.01);
        assert!(near(stated.variance(&class).sqrt(), 100.0));
    }

    #[test]
    fn weighing_comes_on_top_of_a_stated_assay() {
        let mut sum = Sum::NOTHING;
        sum.add(1_000_000, 2_000);
        let measured = sum.measured(&TYPICAL);
        assert!(near(measured.random_variance, 2_000.0_f64.powi(2) + 1_000.0_f64.powi(2)));
        assert!(near(measured.systematic_mg, 500.0));
    }

    #[test]
    fn four_alike_are_as_sure_as_each_of_them_measured() {
        let (mut each, mut alike) = (Sum::NOTHING, Sum::NOTHING);
        for _ in 0..4 {
            each.add(250_000, 0);
        }
        alike.add_alike(1_000_000, 4);
        assert!(near(alike.variance(&TYPICAL), each.variance(&TYPICAL)));
        // Random errors shrink against the sum, the instrument's does not.
        assert!(near(each.measured(&TYPICAL).random_variance.sqrt(), 5_000.0));
        assert!(near(each.measured(&TYPICAL).systematic_mg, 5_000.0));
    }

    proptest! {
        #[test]
        fn sums_can_be_added_up_in_any_parts(
            lines in prop::collection::vec((0_i64..1_000_000_000_000, 0_i64..1_000_000), 1..40), cut in 0_usize..40,
        ) {
            let of = |lines: &[(i64, i64)]| {
                let mut sum = Sum::NOTHING;
                for (mass, sigma) in lines {
                    sum.add(*mass, *sigma);
                }
                sum
            };
            let cut = cut.min(lines.len());
            let (whole, parts) = (of(&lines), of(&lines[..cut]).plus(of(&lines[cut..])));
            prop_assert_eq!(whole.mass_mg, parts.mass_mg);
            prop_assert!(near(whole.variance(&TYPICAL), parts.variance(&TYPICAL)));
        }
    }
}
