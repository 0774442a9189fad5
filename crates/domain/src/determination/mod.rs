//! Is this item controlled? Judged by form and composition, as of a date, under a named version.
//!
//! [`determine`] is a function of its arguments alone, so an answer can be given again years
//! later. It never guesses: what the rows do not settle is `undetermined`, with who can settle
//! it. The control lists name no threshold; what traders practise is a dated parameter, and an
//! answer never says "not controlled" on the strength of it.

mod assay;
mod catalogue;
mod law;
mod magnet;
mod material;
mod product;
#[cfg(test)]
mod tests;
mod verdict;
mod wording;

pub use assay::{Assay, Completeness, InvalidAssay, Share, Symbol, UnknownSymbol};
pub use catalogue::{Catalogue, Counts, Said, ShortDoubt, Verdict, VerdictAnswer};
pub use law::Judge;
pub use product::{magnet_family_of, of_product};
pub use verdict::{
    Binding, Determination, Doubt, DoubtKind, LicenceNeeded, Outcome, RestsOn, WhoDecides,
};

use crate::{
    codes::words,
    identifiers::{CountryCode, HsCode},
    regime::{FunctionalForm, ItemCategory, MagnetFamily, PartyList, Regime},
};
use jiff::civil::Date;
use serde::Serialize;
use verdict::Evidence;

words! {
    /// What the goods are for, as far as it decides anything.
    EndUse {
        /// Civil use.
        Civil = "civil",
        /// Military users or uses.
        Military = "military",
        /// Weapons of mass destruction and their carriers.
        WeaponsOfMassDestruction = "weapons_of_mass_destruction",
        /// Terrorism.
        Terrorism = "terrorism",
        /// Nobody said.
        NotStated = "not_stated",
    }
}

/// A party of the transaction that stands on a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListHit {
    /// Which list.
    pub list: PartyList,
    /// The name on the list.
    pub name: String,
}

/// The question: what is it, where does it go, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What kind of goods.
    pub category: ItemCategory,
    /// What it is made of, if that was stated.
    pub assay: Option<Assay>,
    /// The alloy system of a magnet, if it was stated.
    pub magnet_family: Option<MagnetFamily>,
    /// What a functional material does, if it was stated.
    pub functional_form: Option<FunctionalForm>,
    /// The tariff code. A hint for candidates, never a reason: form and composition decide.
    pub hs: Option<HsCode>,
    /// Where it goes.
    pub destination: Option<CountryCode>,
    /// What it is for.
    pub end_use: EndUse,
    /// Parties of the transaction that stand on a list.
    pub list_hits: Vec<ListHit>,
}

impl Item {
    /// An item of which nothing but the category is known.
    pub const fn of(category: ItemCategory) -> Self {
        Self {
            category,
            assay: None,
            magnet_family: None,
            functional_form: None,
            hs: None,
            destination: None,
            end_use: EndUse::NotStated,
            list_hits: Vec::new(),
        }
    }
}

/// Judges an item as of a day. Whoever asks about many keeps a [`Judge`].
pub fn determine(regime: &Regime, item: &Item, day: Date) -> Determination {
    Judge::on(regime, day).determine(item)
}

fn judge(law: &Judge<'_>, item: &Item) -> Determination {
    let mut evidence = Evidence::new(law);
    match item.category {
        ItemCategory::Magnet => magnet::judge(&mut evidence, item),
        ItemCategory::Ore | ItemCategory::Concentrate => {
            material::judge_ore(&mut evidence);
        }
        ItemCategory::Equipment | ItemCategory::Reagent | ItemCategory::Technology => {
            material::judge_by_description(&mut evidence, item.category);
        }
        ItemCategory::Assembly => evidence.doubt(wording::assembly()),
        ItemCategory::Scrap => material::judge_scrap(&mut evidence, item),
        ItemCategory::FunctionalMaterial => material::judge_functional(&mut evidence, item),
        ItemCategory::Oxide
        | ItemCategory::Compound
        | ItemCategory::Mixture
        | ItemCategory::Metal
        | ItemCategory::Alloy
        | ItemCategory::Target => material::judge(&mut evidence, item),
    }
    evidence.conclude(item)
}
