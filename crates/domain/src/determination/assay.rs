//! What an item is made of, as far as it was stated, and what that says about one constituent.

use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// The chemical elements by symbol, in order of atomic number.
const SYMBOLS: [&str; 118] = [
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl",
    "Ar", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As",
    "Se", "Br", "Kr", "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In",
    "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb",
    "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl",
    "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk",
    "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh",
    "Fl", "Mc", "Lv", "Ts", "Og",
];

/// A chemical element, rare earth or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(
    /// A position in [`SYMBOLS`].
    u8,
);

/// The text is no chemical symbol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the symbol of a chemical element such as \"Dy\" or \"Fe\"")]
pub struct UnknownSymbol(String);

impl Symbol {
    /// The symbol as written.
    pub const fn as_str(self) -> &'static str {
        SYMBOLS[self.0 as usize]
    }
}

impl FromStr for Symbol {
    type Err = UnknownSymbol;

    fn from_str(text: &str) -> Result<Self, UnknownSymbol> {
        let position = (0..).zip(SYMBOLS).find(|(_, symbol)| *symbol == text);
        position.map(|(position, _)| Self(position)).ok_or_else(|| UnknownSymbol(text.to_owned()))
    }
}

impl TryFrom<String> for Symbol {
    type Error = UnknownSymbol;

    fn try_from(text: String) -> Result<Self, UnknownSymbol> {
        text.parse()
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.as_str().to_owned()
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stated content, in mass percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// How much.
    pub percent: Decimal,
    /// One standard deviation; zero where none was stated.
    #[serde(default)]
    pub uncertainty_percent: Decimal,
}

/// Whether what is not named is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// The analysis covered everything: what it does not name is not there.
    Complete,
    /// What is not named could be anything up to what is missing to 100 %.
    #[default]
    Partial,
}

/// The composition of an item as stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assay {
    /// Each from 0 to 100, together at most 100.5 %: analyses round.
    shares: BTreeMap<Symbol, Share>,
    completeness: Completeness,
}

/// The stated shares cannot be those of a material.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAssay {
    /// Below 0 or above 100 %.
    #[error("the share of {0} is below 0 or above 100 percent")]
    OutOfRange(Symbol),
    /// A negative uncertainty, or one above 100 %.
    #[error("the uncertainty of {0} is below 0 or above 100 percent")]
    Uncertainty(Symbol),
    /// More than everything.
    #[error("the shares add up to {0} percent")]
    MoreThanAll(Decimal),
}

/// The largest sum of shares that rounding explains.
const MOST: Decimal = dec!(100.5);

/// Standard deviations to either side that a content is taken to lie within.
const COVERAGE: Decimal = dec!(2);

/// What an assay says about one constituent, against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// It is not there.
    Absent,
    /// It may be there, but at or below the limit.
    UpToLimit,
    /// It is above the limit, within the stated uncertainty.
    AboveLimit,
    /// The limit lies within the stated uncertainty.
    Straddles,
    /// It was not stated, and that much is unaccounted for.
    NotStated,
}

impl Assay {
    /// Takes the shares as stated.
    pub fn new(
        shares: BTreeMap<Symbol, Share>,
        completeness: Completeness,
    ) -> Result<Self, InvalidAssay> {
        let within = |percent: Decimal| (Decimal::ZERO..=dec!(100)).contains(&percent);
        for (symbol, share) in &shares {
            if !within(share.percent) {
                return Err(InvalidAssay::OutOfRange(*symbol));
            }
            if !within(share.uncertainty_percent) {
                return Err(InvalidAssay::Uncertainty(*symbol));
            }
        }
        let assay = Self { shares, completeness };
        let total = assay.total();
        if MOST < total { Err(InvalidAssay::MoreThanAll(total)) } else { Ok(assay) }
    }

    /// The stated shares.
    pub const fn shares(&self) -> &BTreeMap<Symbol, Share> {
        &self.shares
    }

    fn total(&self) -> Decimal {
        self.shares.values().map(|share| share.percent).sum()
    }

    /// What was stated of a constituent, at least and at most; none where it could be anything.
    pub(super) fn range(&self, symbol: &str) -> Option<(Decimal, Decimal)> {
        match self.share(symbol) {
            Some(share) => {
                let margin = share.uncertainty_percent * COVERAGE;
                Some(((share.percent - margin).max(Decimal::ZERO), share.percent + margin))
            }
            None if self.completeness == Completeness::Complete => Some((dec!(0), dec!(0))),
            None if dec!(100) <= self.total() => Some((dec!(0), dec!(0))),
            None => None,
        }
    }

    pub(super) fn content(&self, symbol: &str, limit: Decimal) -> Content {
        match self.range(symbol) {
            None => Content::NotStated,
            Some((_, most)) if most.is_zero() => Content::Absent,
            Some((least, _)) if limit < least => Content::AboveLimit,
            Some((_, most)) if most <= limit => Content::UpToLimit,
            Some(_) => Content::Straddles,
        }
    }

    /// The stated percent; zero where it was not stated.
    pub(super) fn percent(&self, symbol: &str) -> Decimal {
        self.share(symbol).map_or(Decimal::ZERO, |share| share.percent)
    }

    /// The constituents with more than `limit` percent, most of it first.
    pub(super) fn main_constituents(&self, limit: Decimal) -> Vec<&'static str> {
        let above = self.shares.iter().filter(|(_, share)| limit < share.percent);
        let mut symbols: Vec<_> =
            above.map(|(symbol, share)| (share.percent, symbol.as_str())).collect();
        symbols.sort_by(|a, b| b.cmp(a));
        symbols.into_iter().map(|(_, symbol)| symbol).collect()
    }

    fn share(&self, symbol: &str) -> Option<&Share> {
        self.shares.iter().find(|(stated, _)| stated.as_str() == symbol).map(|(_, share)| share)
    }
}
