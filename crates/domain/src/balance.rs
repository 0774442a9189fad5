//! Material balances: what is missing, how sure that is, and whether it adds up over months.
//!
//! For a site and an element, between one measured stocktake and the next,
//!
//! ```text
//! MUF = opening + in - out - closing
//! ```
//!
//! is the material unaccounted for. A closing is measured once and is the next opening, so
//! neighbouring balances err together. With random errors `r` (independent from one measurement to
//! the next, variances add up) and systematic errors `s` (one instrument's, in step on a side and
//! from month to month; openings and closings are measured by one), the covariance of the balances
//! of periods `i` and `j` is
//!
//! ```text
//! (s(I[i-1]) - s(I[i])) (s(I[j-1]) - s(I[j])) + s(in i) s(in j) + s(out i) s(out j)
//!   + r(I[i-1]) + r(in i) + r(out i) + r(I[i])     when i = j
//!   - r(the shared stocktake)                      when they are neighbours
//! ```
//!
//! Balances that are correlated cannot be tested one by one. With the Cholesky factor `L` of that
//! matrix, `L z = MUF` makes of them the standardised independent transformed sequence SITMUF
//! (R. R. Picard, *Sequential analysis of material balances*, JNMM 15(2), 1987; after Pike and
//! Woods), which is standard normal while nothing is missing and never changes when months follow.
//! Page's test (E. S. Page, *Continuous inspection schemes*, Biometrika 41, 1954) sums it up, for
//! losses and for gains apart. Thresholds are not here: what is suspicious is for `rules` to say.
//!
//! Real numbers for what is a measure of doubt; masses stay whole milligrams.

mod books;
mod segments;

pub use books::{BalanceSide, ElementBook, MonthBook, SegmentSums, books};
pub use segments::{Segment, WINDOW_DAYS_LIMIT, segments};

use crate::metrology::real;

/// A measured total, with how far it can be off.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// How much, in milligrams.
    pub mass_mg: i64,
    /// The variance of its independent errors, in square milligrams.
    pub random_variance: f64,
    /// One standard deviation of its instrument's error, in milligrams.
    pub systematic_mg: f64,
}

/// What happened between a stocktake and the next, and that one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Period {
    /// What came in.
    pub inflow: Measured,
    /// What went out, known losses included.
    pub outflow: Measured,
    /// What was counted at the end.
    pub closing: Measured,
}

/// What a period's balance says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Balance {
    /// Material unaccounted for; above zero it is missing. Saturates.
    pub muf_mg: i64,
    /// One standard deviation of that.
    pub sigma_mg: f64,
    /// The sum of all balances so far.
    pub cumuf_mg: i64,
    /// One standard deviation of that.
    pub cumuf_sigma_mg: f64,
    /// The balance, standardised, given those before it.
    pub sitmuf: f64,
}

/// Page's sums after a period.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Page {
    /// Grows while material goes missing.
    pub loss: f64,
    /// Grows while material appears.
    pub gain: f64,
}

/// No balance is surer than a milligram: masses are whole ones.
const LEAST_VARIANCE: f64 = 1.0;

/// The balances of consecutive periods after a first stocktake.
pub fn balances(opening: Measured, periods: &[Period]) -> Vec<Balance> {
    let covariance = covariance(opening, periods);
    let factor = cholesky(&covariance);
    let (mut cumuf_mg, mut cumuf_variance) = (0_i64, 0.0);
    let mut sitmuf: Vec<f64> = Vec::with_capacity(periods.len());
    let mut before = opening;
    let mut balances = Vec::with_capacity(periods.len());
    for (at, period) in periods.iter().enumerate() {
        let muf_mg = before
            .mass_mg
            .saturating_add(period.inflow.mass_mg)
            .saturating_sub(period.outflow.mass_mg)
            .saturating_sub(period.closing.mass_mg);
        let explained: f64 = factor[at].iter().zip(&sitmuf).map(|(l, z)| l * z).sum();
        let standardised = (real(muf_mg) - explained) / factor[at][at];
        sitmuf.push(standardised);
        let earlier: f64 = covariance[at][..at].iter().sum();
        cumuf_mg = cumuf_mg.saturating_add(muf_mg);
        cumuf_variance += 2.0 * earlier + covariance[at][at];
        balances.push(Balance {
            muf_mg,
            sigma_mg: covariance[at][at].sqrt(),
            cumuf_mg,
            cumuf_sigma_mg: f64::max(cumuf_variance, LEAST_VARIANCE).sqrt(),
            sitmuf: standardised,
        });
        before = period.closing;
    }
    balances
}

/// Page's sums over a standardised sequence, each reduced by `reference` a period and never below
/// zero.
pub fn page(sitmuf: impl IntoIterator<Item = f64>, reference: f64) -> Vec<Page> {
    let mut sums = Page::default();
    sitmuf
        .into_iter()
        .map(|standardised| {
            sums = sums.after(standardised, reference);
            sums
        })
        .collect()
}

impl Page {
    /// The sums one period later.
    #[must_use]
    pub fn after(self, standardised: f64, reference: f64) -> Self {
        Self {
            loss: (self.loss + standardised - reference).max(0.0),
            gain: (self.gain - standardised - reference).max(0.0),
        }
    }
}

/// The lower half of the covariance matrix, row by row.
fn covariance(opening: Measured, periods: &[Period]) -> Vec<Vec<f64>> {
    let stocktake = |place: usize| match place.checked_sub(1) {
        None => opening,
        Some(before) => periods[before].closing,
    };
    let change = |place: usize| stocktake(place).systematic_mg - stocktake(place + 1).systematic_mg;
    let cell = |i: usize, j: usize| {
        let systematic = change(i) * change(j)
            + periods[i].inflow.systematic_mg * periods[j].inflow.systematic_mg
            + periods[i].outflow.systematic_mg * periods[j].outflow.systematic_mg;
        let random = match i - j {
            0 => [stocktake(i), periods[i].inflow, periods[i].outflow, periods[i].closing]
                .iter()
                .map(|measured| measured.random_variance)
                .sum::<f64>()
                .max(LEAST_VARIANCE),
            1 => -stocktake(i).random_variance,
            _ => 0.0,
        };
        systematic + random
    };
    (0..periods.len()).map(|i| (0..=i).map(|j| cell(i, j)).collect()).collect()
}

/// The lower triangle whose product with its transpose is the matrix. A pivot that rounding made
/// too small is set to the least variance there is.
fn cholesky(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
    for row in matrix {
        let mut made = Vec::with_capacity(row.len());
        for (j, cell) in row.iter().enumerate() {
            let other = factor.get(j).unwrap_or(&made);
            let known: f64 = made.iter().zip(other).take(j).map(|(one, two)| one * two).sum();
            let rest = cell - known;
            made.push(match factor.get(j) {
                Some(above) => rest / above[j],
                None => rest.max(LEAST_VARIANCE).sqrt(),
            });
        }
        factor.push(made);
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn measured(mass_mg: i64, random: f64, systematic: f64) -> Measured {
        let mass = real(mass_mg);
        Measured {
            mass_mg,
            random_variance: (random * mass).powi(2),
            systematic_mg: systematic * mass,
        }
    }

    fn assert_near(what: &str, one: f64, other: f64) {
        assert!((one - other).abs() <= 1e-6 * other.abs().max(1.0), "{what}: {one} and {other}");
    }

    /// Made by `tests/balance/independent.py`, which derives the same numbers another way.
    #[derive(serde::Deserialize)]
    struct Fixture {
        opening: [f64; 3],
        periods: Vec<[[f64; 3]; 3]>,
        sigma: Vec<f64>,
        cumuf_sigma: Vec<f64>,
        sitmuf: Vec<f64>,
        loss: Vec<f64>,
        gain: Vec<f64>,
    }

    #[test]
    fn an_independent_derivation_says_the_same() {
        let text = include_str!("../tests/balance/fixture.json");
        let fixture: Fixture = serde_json::from_str(text).unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "whole milligrams")]
        let of = |[mass, random, systematic]: [f64; 3]| measured(mass as i64, random, systematic);
        let periods: Vec<Period> = fixture
            .periods
            .iter()
            .map(|[inflow, outflow, closing]| Period {
                inflow: of(*inflow),
                outflow: of(*outflow),
                closing: of(*closing),
            })
            .collect();
        let told = balances(of(fixture.opening), &periods);
        let sums = page(told.iter().map(|balance| balance.sitmuf), 0.5);
        assert_eq!(told.len(), fixture.sitmuf.len());
        for (at, balance) in told.iter().enumerate() {
            assert_near("sigma", balance.sigma_mg, fixture.sigma[at]);
            assert_near("sigma of CUMUF", balance.cumuf_sigma_mg, fixture.cumuf_sigma[at]);
            assert_near("SITMUF", balance.sitmuf, fixture.sitmuf[at]);
            assert_near("Page's sum for losses", sums[at].loss, fixture.loss[at]);
            assert_near("Page's sum for gains", sums[at].gain, fixture.gain[at]);
        }
    }

    #[test]
    fn one_period_is_the_textbook_sum_of_squares() {
        let opening = measured(1_000_000, 0.01, 0.0);
        let period = Period {
            inflow: measured(5_000_000, 0.01, 0.0),
            outflow: measured(4_000_000, 0.01, 0.0),
            closing: measured(1_900_000, 0.01, 0.0),
        };
        let balance = balances(opening, &[period])[0];
        assert_eq!((balance.muf_mg, balance.cumuf_mg), (100_000, 100_000));
        let squares = 10_000.0_f64.powi(2)
            + 50_000.0_f64.powi(2)
            + 40_000.0_f64.powi(2)
            + 19_000.0_f64.powi(2);
        assert_near("sigma", balance.sigma_mg, squares.sqrt());
        assert_near("SITMUF", balance.sitmuf, 100_000.0 / squares.sqrt());
    }

    #[test]
    fn a_stock_that_stays_is_measured_by_one_instrument_which_cancels() {
        let stock = measured(9_000_000, 0.0, 0.05);
        let balance = balances(stock, &[Period { closing: stock, ..Period::default() }])[0];
        assert_near("only the milligram is left", balance.sigma_mg, 1.0);
    }

    #[test]
    fn a_steady_loss_is_seen_by_pages_sum_before_any_single_month_shows_it() {
        let sums = page([1.0; 12], 0.5);
        assert_near("twelve months", sums[11].loss, 6.0);
        assert_near("no gain", sums[11].gain, 0.0);
    }

    fn any_measured() -> impl Strategy<Value = Measured> {
        (0_i64..10_000_000_000, 0.0..0.05, 0.0..0.02)
            .prop_map(|(mass, random, systematic)| measured(mass, random, systematic))
    }

    fn any_period() -> impl Strategy<Value = Period> {
        (any_measured(), any_measured(), any_measured())
            .prop_map(|(inflow, outflow, closing)| Period { inflow, outflow, closing })
    }

    proptest! {
        #[test]
        fn later_months_never_change_earlier_ones(
            opening in any_measured(), periods in prop::collection::vec(any_period(), 1..24), cut in 0_usize..24,
        ) {
            let all = balances(opening, &periods);
            let cut = cut.min(periods.len());
            prop_assert_eq!(&balances(opening, &periods[..cut])[..], &all[..cut]);
            prop_assert!(all.iter().all(|balance| balance.sitmuf.is_finite() && 0.0 < balance.sigma_mg));
        }

        #[test]
        fn sums_over_months_are_first_less_last_stock_and_what_flowed_between(
            opening in any_measured(), periods in prop::collection::vec(any_period(), 1..24),
        ) {
            let flows: i64 = periods.iter().map(|it| it.inflow.mass_mg - it.outflow.mass_mg).sum();
            let last = periods[periods.len() - 1].closing.mass_mg;
            let told = balances(opening, &periods);
            prop_assert_eq!(told[periods.len() - 1].cumuf_mg, opening.mass_mg + flows - last);
        }
    }
}
