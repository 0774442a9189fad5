//! Masses that cannot be wrong: gross mass exact to the gram, elements exact to the milligram.

use crate::{
    composition::Composition,
    element::{ELEMENT_COUNT, Element},
};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A gross mass, exact to the gram. Written as a decimal string of kilograms: `"1200.5"`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Kilograms {
    /// At most [`Kilograms::MAX`]: so a thousand of the largest lines still add up in an `i64`.
    grams: u64,
}

/// The text is no mass that can be filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMass {
    /// Not digits with an optional decimal point.
    #[error("not a decimal number of kilograms such as \"1200.5\"")]
    NotANumber,
    /// Below zero.
    #[error("a mass cannot be negative")]
    Negative,
    /// A fourth decimal is refused, not rounded.
    #[error("finer than a gram: at most three decimals")]
    TooFine,
    /// Above what any plant on earth could move at once.
    #[error("more than 100000000 kg in one line: check the unit")]
    TooLarge,
}

impl Kilograms {
    /// The largest mass that can be filed in one line: a hundred thousand tonnes.
    pub const MAX: Self = Self { grams: 100_000_000_000 };
    /// Nothing.
    pub const ZERO: Self = Self { grams: 0 };

    /// A mass of whole grams; more than [`Kilograms::MAX`] is refused.
    pub const fn from_grams(grams: u64) -> Option<Self> {
        if grams <= Self::MAX.grams { Some(Self { grams }) } else { None }
    }

    /// The mass in grams.
    pub const fn grams(self) -> u64 {
        self.grams
    }

    /// The mass in grams, signed, for sums.
    pub const fn grams_signed(self) -> i64 {
        self.grams.cast_signed()
    }
}

impl FromStr for Kilograms {
    type Err = InvalidMass;

    fn from_str(text: &str) -> Result<Self, InvalidMass> {
        let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
        let kilograms = Decimal::from_str_exact(text).ok().filter(|_| plain);
        let kilograms = kilograms.ok_or(InvalidMass::NotANumber)?;
        if kilograms.is_sign_negative() && !kilograms.is_zero() {
            return Err(InvalidMass::Negative);
        }
        let grams = kilograms.checked_mul(dec!(1_000)).ok_or(InvalidMass::TooLarge)?;
        if !grams.is_integer() {
            return Err(InvalidMass::TooFine);
        }
        grams.to_u64().and_then(Self::from_grams).ok_or(InvalidMass::TooLarge)
    }
}

impl TryFrom<String> for Kilograms {
    type Error = InvalidMass;

    fn try_from(text: String) -> Result<Self, InvalidMass> {
        text.parse()
    }
}

impl From<Kilograms> for String {
    fn from(mass: Kilograms) -> Self {
        mass.to_string()
    }
}

impl fmt::Display for Kilograms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.grams / 1_000, self.grams % 1_000)
    }
}

/// Writes grams, which may be a negative difference, as kilograms.
pub fn kilograms_of_grams(grams: i64) -> String {
    let sign = if grams < 0 { "-" } else { "" };
    let grams = grams.unsigned_abs();
    format!("{sign}{}.{:03}", grams / 1_000, grams % 1_000)
}

/// Milligrams of each rare-earth element, in the order of [`Element::ALL`].
///
/// Signed, because differences and balances are of this type too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ElementMasses(pub [i64; ELEMENT_COUNT]);

impl ElementMasses {
    /// No rare earths at all.
    pub const ZERO: Self = Self([0; ELEMENT_COUNT]);

    /// The elements in `gross` of a material of this composition.
    ///
    /// The total is rounded down to the milligram and handed out by largest remainder, so that
    /// no element is ever conjured up by rounding each one on its own.
    pub fn in_mass(gross: Kilograms, composition: &Composition) -> Self {
        let gross_mg = Decimal::from(gross.grams()) * dec!(1_000);
        let exact = Element::ALL.map(|element| gross_mg * composition.fraction(element));
        let total = exact.iter().sum::<Decimal>().floor();
        let mut masses = exact.map(|mass| whole(mass.floor()));
        let missing = usize::try_from(whole(total) - masses.iter().sum::<i64>()).unwrap_or(0);
        for index in by_remainder(&exact.map(|mass| mass - mass.floor())).into_iter().take(missing)
        {
            masses[index] += 1;
        }
        Self(masses)
    }

    /// The elements in `part` grams taken from `whole` grams of a material with these elements.
    ///
    /// Taking all of it gives exactly these masses. A `whole` of nothing has no parts.
    #[must_use]
    pub fn share(&self, part: Kilograms, whole: Kilograms) -> Self {
        if whole.grams() == 0 {
            return Self::ZERO;
        }
        let (part, whole) = (i128::from(part.grams()), i128::from(whole.grams()));
        let exact = self.0.map(|mass| i128::from(mass) * part);
        let total = exact.iter().sum::<i128>().div_euclid(whole);
        let mut masses = exact.map(|mass| mass.div_euclid(whole));
        let missing = usize::try_from(total - masses.iter().sum::<i128>()).unwrap_or(0);
        let order = by_remainder(&exact.map(|mass| mass.rem_euclid(whole)));
        for index in order.into_iter().take(missing) {
            masses[index] += 1;
        }
        Self(masses.map(|mass| i64::try_from(mass).unwrap_or(i64::MAX)))
    }

    /// Milligrams of one element.
    pub const fn get(&self, element: Element) -> i64 {
        self.0[element.index()]
    }

    /// This element of them, and nothing of the others.
    #[must_use]
    pub fn only(&self, element: Element) -> Self {
        let mut only = Self::ZERO;
        only.0[element.index()] = self.get(element);
        only
    }

    /// Milligrams of all elements together; saturates.
    pub fn total_mg(&self) -> i64 {
        self.0.iter().fold(0, |sum: i64, mass| sum.saturating_add(*mass))
    }

    /// These elements as their trade oxides, all together, rounded down to the gram; saturates.
    pub fn oxide_grams(&self) -> i64 {
        let oxides = Element::ALL
            .map(|element| Decimal::from(self.get(element)) / element.oxide_to_element());
        let grams = oxides.iter().sum::<Decimal>() / dec!(1_000);
        grams.floor().to_i64().unwrap_or(i64::MAX)
    }

    /// Element by element; saturates, so a sum that large breaks every limit.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.pairwise(other, i64::saturating_add)
    }

    /// Element by element; saturates.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.pairwise(other, i64::saturating_sub)
    }

    /// Keeps what is above zero.
    #[must_use]
    pub fn surplus(&self) -> Self {
        Self(self.0.map(|mass| mass.max(0)))
    }

    /// Keeps what is below zero, as positive masses.
    #[must_use]
    pub fn deficit(&self) -> Self {
        Self(self.0.map(|mass| mass.saturating_neg().max(0)))
    }

    /// Nothing of any element.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// The elements that are there, with their milligrams.
    pub fn present(&self) -> impl Iterator<Item = (Element, i64)> + '_ {
        Element::ALL.into_iter().zip(self.0).filter(|(_, mass)| *mass != 0)
    }

    fn pairwise(&self, other: &Self, join: fn(i64, i64) -> i64) -> Self {
        Self(std::array::from_fn(|index| join(self.0[index], other.0[index])))
    }
}

/// Indices by falling remainder, ties in storage order.
fn by_remainder<T: Ord>(remainders: &[T; ELEMENT_COUNT]) -> [usize; ELEMENT_COUNT] {
    let mut order: [usize; ELEMENT_COUNT] = std::array::from_fn(|index| index);
    order.sort_by(|a, b| remainders[*b].cmp(&remainders[*a]));
    order
}

fn whole(mass: Decimal) -> i64 {
    mass.to_i64().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_counted_as_their_oxides() {
        let mut elements = ElementMasses::ZERO;
        elements.0[Element::Nd.index()] = 857_356_000;
        assert_eq!(elements.oxide_grams(), 1_000_000);
    }
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("0", Ok(0))]
    #[case("12", Ok(12_000))]
    #[case("12.345", Ok(12_345))]
    #[case("12.3450", Ok(12_345))]
    #[case("12.3456", Err(InvalidMass::TooFine))]
    #[case("-1", Err(InvalidMass::Negative))]
    #[case("1e3", Err(InvalidMass::NotANumber))]
    #[case("1,200", Err(InvalidMass::NotANumber))]
    #[case("", Err(InvalidMass::NotANumber))]
    #[case("100000000", Ok(100_000_000_000))]
    #[case("100000000.001", Err(InvalidMass::TooLarge))]
    #[case("99999999999999999999999999999999", Err(InvalidMass::NotANumber))]
    fn a_mass_is_read_to_the_gram(#[case] text: &str, #[case] grams: Result<u64, InvalidMass>) {
        assert_eq!(text.parse::<Kilograms>().map(Kilograms::grams), grams);
    }

    #[test]
    fn a_small_magnet_with_a_trace_of_dysprosium_does_not_round_to_nothing() {
        let composition = Composition::of_elements([(Element::Dy, dec!(0.1))]).unwrap();
        let magnet = Kilograms::from_grams(20).unwrap();
        assert_eq!(ElementMasses::in_mass(magnet, &composition).get(Element::Dy), 20);
    }

    proptest! {
        #[test]
        fn rounding_never_conjures_up_matter(
            grams in 0_u64..10_000_000, nd in 0_u32..500_000, dy in 0_u32..300_000, y in 0_u32..200_000,
        ) {
            let percent = |parts| Decimal::new(i64::from(parts), 4);
            let composition = Composition::of_elements([
                (Element::Nd, percent(nd)), (Element::Dy, percent(dy)), (Element::Y, percent(y)),
            ]).unwrap();
            let gross = Kilograms::from_grams(grams).unwrap();
            let masses = ElementMasses::in_mass(gross, &composition);
            let exact = Decimal::from(grams) * dec!(1000) * percent(nd + dy + y) / dec!(100);
            prop_assert_eq!(Decimal::from(masses.total_mg()), exact.floor());
        }

        #[test]
        fn parts_of_a_lot_never_hold_more_than_the_lot(
            whole in 1_u64..1_000_000, cut in 0.0_f64..1.0, nd in 0_i64..1_000_000, dy in 0_i64..10_000,
        ) {
            let mut elements = ElementMasses::ZERO;
            elements.0[Element::Nd.index()] = nd;
            elements.0[Element::Dy.index()] = dy;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a cut anywhere will do")]
            let part = (whole as f64 * cut) as u64;
            let mass = |grams| Kilograms::from_grams(grams).unwrap();
            let share = elements.share(mass(part), mass(whole));
            prop_assert!(share.total_mg() <= elements.total_mg());
            prop_assert_eq!(elements.share(mass(whole), mass(whole)), elements);
        }
    }
}
