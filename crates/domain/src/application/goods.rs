//! Goods as people state them, and as they are judged.

use crate::{
    composition::{Basis, Composition},
    determination::{Assay, Completeness, EndUse, InvalidAssay, Item, ListHit, Share, Symbol},
    element::Element,
    identifiers::{CountryCode, HsCode},
    regime::{FunctionalForm, ItemCategory, MagnetFamily},
};
use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What goods are made of and look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatedGoods {
    /// What kind of goods.
    pub category: ItemCategory,
    /// What they are made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composition: Option<StatedComposition>,
    /// The alloy system of a magnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magnet_family: Option<MagnetFamily>,
    /// What a functional material does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functional_form: Option<FunctionalForm>,
}

/// A composition in mass percent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatedComposition {
    /// Whether rare earths are stated as element or as trade oxide.
    #[serde(default)]
    pub basis: StatedBasis,
    /// How much of each element.
    pub percent: BTreeMap<Symbol, Decimal>,
    /// One standard deviation of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uncertainty_percent: BTreeMap<Symbol, Decimal>,
    /// Whether what is not named is absent.
    #[serde(default)]
    pub completeness: Completeness,
}

/// How rare earths are stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatedBasis {
    /// As element.
    #[default]
    Element,
    /// As trade oxide, the way assays of ores and oxides are written.
    Oxide,
}

impl From<StatedBasis> for Basis {
    fn from(basis: StatedBasis) -> Self {
        match basis {
            StatedBasis::Element => Self::Element,
            StatedBasis::Oxide => Self::Oxide,
        }
    }
}

/// Goods that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGoods {
    /// The composition is impossible.
    #[error(transparent)]
    Assay(#[from] InvalidAssay),
    /// An uncertainty of something that was not stated.
    #[error("an uncertainty of {0} was stated, but no content")]
    UncertaintyAlone(Symbol),
}

impl StatedComposition {
    /// The rare earths of it alone; `None` where they cannot be.
    pub fn rare_earths(&self) -> Option<Composition> {
        let shares = self.percent.iter().filter_map(|(symbol, percent)| {
            Some((symbol.as_str().parse::<Element>().ok()?, *percent))
        });
        Composition::new(self.basis.into(), shares, []).ok()
    }

    /// The composition as element contents.
    pub fn assay(&self) -> Result<Assay, InvalidGoods> {
        if let Some(symbol) =
            self.uncertainty_percent.keys().find(|symbol| !self.percent.contains_key(symbol))
        {
            return Err(InvalidGoods::UncertaintyAlone(*symbol));
        }
        let as_element = |symbol: Symbol, percent: Decimal| match self.basis {
            StatedBasis::Element => percent,
            StatedBasis::Oxide => {
                let element = symbol.as_str().parse::<Element>();
                let factor = element.map_or(Decimal::ONE, Element::oxide_to_element);
                // What cannot be multiplied is far out of range, and refused as such.
                percent.checked_mul(factor).unwrap_or(percent)
            }
        };
        let mut shares = BTreeMap::new();
        let mut oxygen = Decimal::ZERO;
        for (symbol, percent) in &self.percent {
            let uncertainty = self.uncertainty_percent.get(symbol).copied().unwrap_or_default();
            let share = Share {
                percent: as_element(*symbol, *percent),
                uncertainty_percent: as_element(*symbol, uncertainty),
            };
            oxygen = oxygen.saturating_add(percent.saturating_sub(share.percent));
            shares.insert(*symbol, share);
        }
        // The oxygen of stated oxides is accounted for: it leaves no room for anything else.
        let stated_oxygen = "O".parse().expect("oxygen is a chemical element");
        if (dec!(0)..=dec!(100)).contains(&oxygen) && !oxygen.is_zero() {
            let share = Share { percent: oxygen, uncertainty_percent: Decimal::ZERO };
            shares.entry(stated_oxygen).or_insert(share);
        }
        Ok(Assay::new(shares, self.completeness)?)
    }
}

impl StatedGoods {
    /// The goods as an item to be judged.
    pub fn item(
        &self,
        hs: Option<HsCode>,
        destination: Option<CountryCode>,
        end_use: EndUse,
        list_hits: Vec<ListHit>,
    ) -> Result<Item, InvalidGoods> {
        let assay = self.composition.as_ref().map(StatedComposition::assay).transpose()?;
        Ok(Item {
            category: self.category,
            assay,
            magnet_family: self.magnet_family,
            functional_form: self.functional_form,
            hs,
            destination,
            end_use,
            list_hits,
        })
    }
}
