//! Did the buyer receive what the seller sent? Lot by lot, within what both sides can measure.
//!
//! Two sides that weigh on their own never agree to the gram. The standard uncertainty of their
//! difference is the root of the sum of the squares of both (JCGM 100:2008, the GUM, 5.1.2); they
//! agree when they are no further apart than the coverage factor times that. Each side's
//! uncertainty is what it states itself, or else a published share of the mass: dated rows of the
//! law, not what officials go by when they look for something suspicious.

use crate::{
    element::{ELEMENT_COUNT, Element},
    ids::LotId,
    mass::ElementMasses,
    regime::{ParameterName, Regime},
};
use jiff::civil::Date;
use rust_decimal::{
    Decimal,
    prelude::{FromPrimitive, ToPrimitive},
};
use std::collections::BTreeMap;

/// How far two sides may be apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// By how many combined standard uncertainties.
    pub coverage_factor: Decimal,
    /// Standard uncertainty of a weighing for which its side states none, in percent of the mass.
    pub weighing_percent: Decimal,
    /// What a side may state at most, in percent of the mass: nobody states a difference away.
    pub weighing_limit_percent: Decimal,
    /// Standard uncertainty of an element's mass for which its side states none, in percent of it;
    /// that of the weighing comes on top.
    pub assay_percent: Decimal,
}

/// What one side says about a lot, a line of its filing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatedLot {
    /// The lot.
    pub lot: LotId,
    /// What was sent, or what was accepted.
    pub grams: i64,
    /// What arrived and was refused; nothing on the seller's side.
    pub refused_grams: i64,
    /// One standard uncertainty of the weighing; zero where none was stated.
    pub uncertainty_grams: i64,
    /// Rare earths in what was sent or accepted.
    pub elements: ElementMasses,
    /// One standard deviation of each; zero where none was stated.
    pub sigma_mg: [i64; ELEMENT_COUNT],
}

/// A lot as both sides see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotComparison {
    /// The lot.
    pub lot: LotId,
    /// What the seller says was sent.
    pub sent_grams: i64,
    /// What the buyer accepted.
    pub accepted_grams: i64,
    /// What arrived and was refused.
    pub refused_grams: i64,
    /// By how much the two may differ; `None` where no row of the law says.
    pub tolerance_grams: Option<i64>,
    /// Elements that differ by more than measurement explains although the mass does not.
    pub elements: Vec<ElementDifference>,
}

/// An element in which both sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementDifference {
    /// Which.
    pub element: Element,
    /// Milligrams, as sent.
    pub sent_mg: i64,
    /// Milligrams, as received.
    pub received_mg: i64,
    /// By how much the two may differ.
    pub tolerance_mg: i64,
}

/// How well both sides agree about a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreement {
    /// To the gram.
    Exact,
    /// As well as they can measure.
    WithinUncertainty,
    /// Not at all: there is something to explain.
    Beyond,
}

impl Tolerance {
    /// The tolerance on a day; `None` unless the law has all its rows.
    pub fn on(regime: &Regime, day: Date) -> Option<Self> {
        let value = |name| regime.parameter(name, day).map(|row| row.value.value);
        Some(Self {
            coverage_factor: value(ParameterName::ReceiptCoverageFactor)?,
            weighing_percent: value(ParameterName::WeighingUncertaintyPercent)?,
            weighing_limit_percent: value(ParameterName::WeighingUncertaintyLimitPercent)?,
            assay_percent: value(ParameterName::AssayUncertaintyPercent)?,
        })
    }
}

impl LotComparison {
    /// What arrived less what was sent: below zero a shortage, above zero an excess.
    pub const fn difference_grams(&self) -> i64 {
        self.accepted_grams.saturating_add(self.refused_grams).saturating_sub(self.sent_grams)
    }

    /// How well both sides agree.
    pub fn agreement(&self) -> Agreement {
        let apart = self.difference_grams().saturating_abs();
        let within = self.tolerance_grams.is_some_and(|tolerance| apart <= tolerance);
        match apart {
            _ if !self.elements.is_empty() => Agreement::Beyond,
            0 => Agreement::Exact,
            _ if within => Agreement::WithinUncertainty,
            _ => Agreement::Beyond,
        }
    }
}

/// Compares both sides, one entry for each lot that either names.
pub fn compare(
    sent: &[StatedLot],
    received: &[StatedLot],
    tolerance: Option<&Tolerance>,
) -> Vec<LotComparison> {
    let mut lots: BTreeMap<LotId, (Side, Side)> = BTreeMap::new();
    for lot in sent {
        lots.entry(lot.lot).or_default().0.add(lot, tolerance);
    }
    for lot in received {
        lots.entry(lot.lot).or_default().1.add(lot, tolerance);
    }
    lots.into_iter()
        .map(|(lot, (sent, received))| {
            let mut comparison = LotComparison {
                lot,
                sent_grams: sent.grams,
                accepted_grams: received.grams,
                refused_grams: received.refused_grams,
                tolerance_grams: tolerance
                    .map(|tolerance| expanded(tolerance, sent.variance + received.variance)),
                elements: Vec::new(),
            };
            let mass_agrees = comparison.agreement() != Agreement::Beyond;
            if let Some(tolerance) = tolerance.filter(|_| mass_agrees)
                && received.refused_grams == 0
            {
                comparison.elements = element_differences(&sent, &received, tolerance);
            }
            comparison
        })
        .collect()
}

/// The sum of one side's lines about a lot, each measured on its own.
#[derive(Default)]
struct Side {
    grams: i64,
    refused_grams: i64,
    /// Of all that was weighed, in square grams.
    variance: f64,
    elements: ElementMasses,
    /// In square milligrams.
    element_variances: [f64; ELEMENT_COUNT],
}

impl Side {
    fn add(&mut self, line: &StatedLot, tolerance: Option<&Tolerance>) {
        self.grams = self.grams.saturating_add(line.grams);
        self.refused_grams = self.refused_grams.saturating_add(line.refused_grams);
        self.elements = self.elements.plus(&line.elements);
        let Some(tolerance) = tolerance else { return };
        let weighed = real(line.grams.saturating_add(line.refused_grams));
        let weighing = match line.uncertainty_grams {
            0 => weighed * share(tolerance.weighing_percent),
            stated => real(stated).min(weighed * share(tolerance.weighing_limit_percent)),
        };
        self.variance += weighing * weighing;
        let relative = if 0.0 < weighed { weighing / weighed } else { 0.0 };
        for (index, variance) in self.element_variances.iter_mut().enumerate() {
            let mass = real(line.elements.0[index]);
            let assay = match line.sigma_mg[index] {
                0 => mass * share(tolerance.assay_percent),
                stated => real(stated),
            };
            *variance += assay * assay + (mass * relative) * (mass * relative);
        }
    }
}

fn element_differences(
    sent: &Side,
    received: &Side,
    tolerance: &Tolerance,
) -> Vec<ElementDifference> {
    Element::ALL
        .into_iter()
        .filter_map(|element| {
            let index = element.index();
            let variance = sent.element_variances[index] + received.element_variances[index];
            let (sent_mg, received_mg) = (sent.elements.0[index], received.elements.0[index]);
            let tolerance_mg = expanded(tolerance, variance);
            let apart = sent_mg.saturating_sub(received_mg).saturating_abs();
            (tolerance_mg < apart).then_some(ElementDifference {
                element,
                sent_mg,
                received_mg,
                tolerance_mg,
            })
        })
        .collect()
}

/// The expanded uncertainty of a variance (JCGM 100:2008, 6.2.1), in whole units.
fn expanded(tolerance: &Tolerance, variance: f64) -> i64 {
    let factor = tolerance.coverage_factor.to_f64().unwrap_or(0.0);
    let expanded = Decimal::from_f64(factor * variance.sqrt());
    expanded.and_then(|expanded| expanded.floor().to_i64()).unwrap_or(i64::MAX)
}

fn share(percent: Decimal) -> f64 {
    percent.to_f64().unwrap_or(0.0) / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "a measure of doubt needs no more than 53 bits")]
const fn real(mass: i64) -> f64 {
    mass as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::dec;
    use std::fmt::Write;
    use uuid::Uuid;

    const TOLERANCE: Tolerance = Tolerance {
        coverage_factor: dec!(2),
        weighing_percent: dec!(0.5),
        weighing_limit_percent: dec!(2),
        assay_percent: dec!(1),
    };

    fn lot(number: u128) -> LotId {
        LotId::from_uuid(Uuid::from_u128(number))
    }

    /// So many grams with a tenth of neodymium.
    fn stated(number: u128, grams: i64, uncertainty_grams: i64) -> StatedLot {
        let mut elements = ElementMasses::ZERO;
        elements.0[Element::Nd.index()] = grams * 100;
        StatedLot {
            lot: lot(number),
            grams,
            refused_grams: 0,
            uncertainty_grams,
            elements,
            sigma_mg: [0; ELEMENT_COUNT],
        }
    }

    #[test]
    fn two_scales_may_be_apart_by_what_both_together_cannot_tell() {
        let cases = [
            ("to the gram", stated(1, 1_000_000, 0), stated(1, 1_000_000, 0)),
            // 2 x sqrt((0.5 % of 1,000 kg)^2 + (0.5 % of 986 kg)^2) = 14.043 kg
            ("within the published class", stated(1, 1_000_000, 0), stated(1, 986_000, 0)),
            ("beyond it", stated(1, 1_000_000, 0), stated(1, 985_000, 0)),
            ("both state better scales", stated(1, 1_000_000, 300), stated(1, 999_001, 400)),
            ("and agree within them", stated(1, 1_000_000, 300), stated(1, 999_000, 400)),
            ("one states a worse one", stated(1, 1_000_000, 0), stated(1, 965_000, 19_000)),
            (
                "and cannot state a shortage away",
                stated(1, 1_000_000, 0),
                stated(1, 900_000, 90_000),
            ),
            ("an excess", stated(1, 1_000_000, 300), stated(1, 1_001_001, 400)),
        ];
        let mut table = String::new();
        for (what, sent, received) in cases {
            let [only] = &compare(&[sent], &[received], Some(&TOLERANCE))[..] else { panic!() };
            let (difference, agreement) = (only.difference_grams(), only.agreement());
            let tolerance = only.tolerance_grams.unwrap();
            writeln!(table, "{what}: {difference} g of {tolerance} g: {agreement:?}").unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn what_was_refused_arrived_all_the_same() {
        let mut received = stated(1, 400_000, 0);
        received.refused_grams = 600_000;
        let [only] = &compare(&[stated(1, 1_000_000, 0)], &[received], Some(&TOLERANCE))[..] else {
            panic!()
        };
        assert_eq!((only.difference_grams(), only.agreement()), (0, Agreement::Exact));
    }

    #[test]
    fn a_lot_that_only_one_side_names_is_missing_or_too_many() {
        let both = compare(&[stated(1, 1_000, 0)], &[stated(2, 1_000, 0)], Some(&TOLERANCE));
        let differences: Vec<i64> = both.iter().map(LotComparison::difference_grams).collect();
        assert_eq!(differences, [-1_000, 1_000]);
        assert!(both.iter().all(|lot| lot.agreement() == Agreement::Beyond));
    }

    #[test]
    fn lines_of_one_lot_add_up_and_their_errors_do_not() {
        let sent = [stated(1, 500_000, 300), stated(1, 500_000, 400)];
        let [only] = &compare(&sent, &[stated(1, 999_500, 1)], Some(&TOLERANCE))[..] else {
            panic!()
        };
        assert_eq!(only.tolerance_grams, Some(1_000));
        assert_eq!(only.agreement(), Agreement::WithinUncertainty);
    }

    #[test]
    fn the_same_mass_with_other_elements_does_not_agree() {
        let mut received = stated(1, 1_000_000, 0);
        received.elements.0[Element::Nd.index()] = 90_000_000;
        let [only] = &compare(&[stated(1, 1_000_000, 0)], &[received], Some(&TOLERANCE))[..] else {
            panic!()
        };
        assert_eq!(only.agreement(), Agreement::Beyond);
        assert_eq!(only.elements[0].element, Element::Nd);
        // Both state what their laboratories can tell: then it does.
        let (mut sent, mut received) = (stated(1, 1_000_000, 0), received);
        sent.sigma_mg[Element::Nd.index()] = 4_000_000;
        received.sigma_mg[Element::Nd.index()] = 4_000_000;
        let [only] = &compare(&[sent], &[received], Some(&TOLERANCE))[..] else { panic!() };
        assert_eq!(only.agreement(), Agreement::Exact);
    }

    #[test]
    fn without_a_rule_only_the_gram_agrees() {
        let [only] = &compare(&[stated(1, 1_000, 0)], &[stated(1, 999, 0)], None)[..] else {
            panic!()
        };
        assert_eq!((only.tolerance_grams, only.agreement()), (None, Agreement::Beyond));
    }

    #[test]
    fn absurd_masses_break_nothing() {
        let mut huge = stated(1, 1, 0);
        huge.grams = i64::MAX;
        huge.refused_grams = i64::MAX;
        huge.uncertainty_grams = i64::MAX;
        huge.elements = ElementMasses([i64::MAX; ELEMENT_COUNT]);
        for tolerance in [Some(&TOLERANCE), None] {
            assert_eq!(compare(&[huge, huge], &[huge], tolerance).len(), 1);
        }
    }
}
