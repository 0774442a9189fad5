//! What a material is made of: mass shares per rare-earth element, with their uncertainty.

use crate::element::{ELEMENT_COUNT, Element};
use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a share was stated.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// As mass of the element.
    #[default]
    Element,
    /// As mass of its trade oxide, the way assays of ores and oxides are written.
    Oxide,
}

/// A composition as it is written down: by people, in requests and in the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatedComposition {
    /// What the percentages are of.
    #[serde(default)]
    pub basis: Basis,
    /// Percent of the gross mass, by element symbol, as decimal strings.
    pub percent: BTreeMap<Element, Decimal>,
    /// One standard deviation in the same unit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uncertainty_percent: BTreeMap<Element, Decimal>,
}

impl TryFrom<&StatedComposition> for Composition {
    type Error = InvalidComposition;

    fn try_from(stated: &StatedComposition) -> Result<Self, InvalidComposition> {
        let pairs = |shares: &BTreeMap<Element, Decimal>| {
            shares.iter().map(|(element, percent)| (*element, *percent)).collect::<Vec<_>>()
        };
        Self::new(stated.basis, pairs(&stated.percent), pairs(&stated.uncertainty_percent))
    }
}

/// Decimals of a percentage, at most: a hundredth of a part per billion.
const MOST_DECIMALS: u32 = 8;

/// Mass percent of each element in the gross mass, always as element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composition {
    /// Each from 0 to 100, together at most 100.
    percent: [Decimal; ELEMENT_COUNT],
    /// One standard deviation in the same unit; zero where it was not stated.
    uncertainty_percent: [Decimal; ELEMENT_COUNT],
}

/// The shares cannot be those of a material.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidComposition {
    /// A share below 0 or above 100 %.
    #[error("{0} is below 0 or above 100 percent")]
    OutOfRange(Element),
    /// More than everything.
    #[error("the shares add up to more than 100 percent")]
    MoreThanAll,
    /// Finer than any assay, and too fine to multiply exactly.
    #[error("{0} has more than eight decimals")]
    TooFine(Element),
    /// An uncertainty of something that is not there, or below zero.
    #[error("the uncertainty of {0} is negative or larger than 100 percent")]
    Uncertainty(Element),
}

impl Composition {
    /// A material without rare earths.
    pub const NONE: Self = Self {
        percent: [Decimal::ZERO; ELEMENT_COUNT],
        uncertainty_percent: [Decimal::ZERO; ELEMENT_COUNT],
    };

    /// Takes shares stated as `basis`, in percent of the gross mass.
    pub fn new(
        basis: Basis,
        shares: impl IntoIterator<Item = (Element, Decimal)>,
        uncertainties: impl IntoIterator<Item = (Element, Decimal)>,
    ) -> Result<Self, InvalidComposition> {
        let within = |percent: Decimal| (Decimal::ZERO..=dec!(100)).contains(&percent);
        let factor = |element: Element| match basis {
            Basis::Element => Decimal::ONE,
            Basis::Oxide => element.oxide_to_element(),
        };
        let mut composition = Self::NONE;
        let mut stated = Decimal::ZERO;
        for (element, percent) in shares {
            if !within(percent) {
                return Err(InvalidComposition::OutOfRange(element));
            }
            if MOST_DECIMALS < percent.normalize().scale() {
                return Err(InvalidComposition::TooFine(element));
            }
            stated += percent;
            composition.percent[element.index()] += percent * factor(element);
        }
        if dec!(100) < stated {
            return Err(InvalidComposition::MoreThanAll);
        }
        for (element, percent) in uncertainties {
            if !within(percent) || MOST_DECIMALS < percent.normalize().scale() {
                return Err(InvalidComposition::Uncertainty(element));
            }
            composition.uncertainty_percent[element.index()] = percent * factor(element);
        }
        Ok(composition)
    }

    /// Takes shares stated as element, without uncertainty.
    pub fn of_elements(
        shares: impl IntoIterator<Item = (Element, Decimal)>,
    ) -> Result<Self, InvalidComposition> {
        Self::new(Basis::Element, shares, [])
    }

    /// Mass percent of the element.
    pub const fn percent(&self, element: Element) -> Decimal {
        self.percent[element.index()]
    }

    /// One standard deviation of [`Composition::percent`]; zero where none was stated.
    pub const fn uncertainty_percent(&self, element: Element) -> Decimal {
        self.uncertainty_percent[element.index()]
    }

    /// Mass share of the element, from 0 to 1.
    pub fn fraction(&self, element: Element) -> Decimal {
        self.percent(element) / dec!(100)
    }

    /// The elements that are there, with their percent.
    pub fn present(&self) -> impl Iterator<Item = (Element, Decimal)> + '_ {
        Element::ALL.into_iter().map(|e| (e, self.percent(e))).filter(|(_, p)| !p.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oxide_assay_is_kept_as_element() {
        let dysprosia = Composition::new(Basis::Oxide, [(Element::Dy, dec!(100))], []).unwrap();
        assert_eq!(dysprosia.percent(Element::Dy), dec!(87.1321));
    }

    #[test]
    fn more_than_everything_is_refused() {
        let shares = [(Element::Nd, dec!(60)), (Element::Dy, dec!(40.001))];
        assert_eq!(Composition::of_elements(shares), Err(InvalidComposition::MoreThanAll));
        let shares = [(Element::Nd, dec!(-1))];
        let refused = InvalidComposition::OutOfRange(Element::Nd);
        assert_eq!(Composition::of_elements(shares), Err(refused));
    }
}
