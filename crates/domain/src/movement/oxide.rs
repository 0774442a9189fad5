//! Goods in oxide equivalent, the one measure that filings and tax invoices have in common.

use crate::{
    element::{ELEMENT_COUNT, Element},
    mass::ElementMasses,
    metrology::{Metrology, Sum, real},
};
use rust_decimal::{Decimal, prelude::ToPrimitive};

/// What goods hold, each element as its trade oxide, with how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OxideContent {
    /// All elements together.
    pub total: Sum,
    /// Each of them, in the order of [`Element::ALL`].
    pub elements: [Sum; ELEMENT_COUNT],
}

impl OxideContent {
    /// Of nothing.
    pub const NOTHING: Self = Self { total: Sum::NOTHING, elements: [Sum::NOTHING; ELEMENT_COUNT] };

    /// Adds what a line of a filing states: elements in milligrams, and one standard deviation of
    /// each, 0 where none was stated.
    pub fn add(&mut self, elements: &ElementMasses, sigma_mg: &[i64; ELEMENT_COUNT]) {
        for (element, mass_mg) in elements.present() {
            let sigma = sigma_mg[element.index()];
            self.add_oxide(element, as_oxide(element, mass_mg), as_oxide(element, sigma));
        }
    }

    fn add_oxide(&mut self, element: Element, oxide_mg: i64, sigma_mg: i64) {
        self.total.add(oxide_mg, sigma_mg);
        self.elements[element.index()].add(oxide_mg, sigma_mg);
    }

    /// The grams of all oxides together.
    pub const fn grams(&self) -> i64 {
        grams(&self.total)
    }
}

/// A sum in grams, to the nearest.
pub(super) const fn grams(sum: &Sum) -> i64 {
    sum.mass_mg.saturating_add(500).div_euclid(1_000)
}

/// By how many standard deviations of both together two sums are apart. Without a doubt of either,
/// by a milligram's.
pub fn sigmas_apart(one: &Sum, other: &Sum, class: &Metrology) -> f64 {
    let apart = (real(one.mass_mg) - real(other.mass_mg)).abs();
    apart / (one.variance(class) + other.variance(class)).sqrt().max(1.0)
}

/// Milligrams of an element as milligrams of its trade oxide; saturates.
fn as_oxide(element: Element, mass_mg: i64) -> i64 {
    let oxide = Decimal::from(mass_mg) / element.oxide_to_element();
    oxide.round().to_i64().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrology::Errors;

    #[test]
    fn an_element_counts_as_its_oxide_with_its_own_doubt() {
        let (mut elements, mut sigma) = (ElementMasses::ZERO, [0; ELEMENT_COUNT]);
        elements.0[Element::Dy.index()] = 871_321;
        elements.0[Element::Nd.index()] = 857_356;
        sigma[Element::Dy.index()] = 8_713;
        let mut content = OxideContent::NOTHING;
        content.add(&elements, &sigma);
        assert_eq!(content.total.mass_mg, 2_000_000);
        assert_eq!(content.grams(), 2_000);
        let class = Metrology {
            unstated: Errors { random: 0.02, systematic: 0.0 },
            weighing: Errors::default(),
        };
        // 1 % stated of the dysprosium, 2 % assumed of the neodymium.
        let sigma = content.total.variance(&class).sqrt();
        assert!((sigma - 10_000.0_f64.hypot(20_000.0)).abs() < 1.0, "{sigma}");
        let mut nothing_else = Sum::NOTHING;
        nothing_else.add(2_000_000, 0);
        assert!(sigmas_apart(&content.total, &nothing_else, &class) < 1e-9);
    }
}
