//! Items of the control lists, and which goods their wording reaches.

use crate::{
    codes::{Category, words},
    element::Element,
    identifiers::HsCode,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The code of an item or heading, such as `1C904.a.4`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ControlCode(pub String);

impl ControlCode {
    /// How deep below its number the item stands.
    pub fn depth(&self) -> usize {
        self.0.matches('.').count()
    }
}

impl fmt::Display for ControlCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

words! {
    /// What kind of goods a control item, or a question about one, is about.
    ItemCategory {
        /// Ore as mined.
        Ore = "ore",
        /// Ore after beneficiation.
        Concentrate = "concentrate",
        /// Oxides and their mixtures.
        Oxide = "oxide",
        /// Other compounds.
        Compound = "compound",
        /// Mixtures of oxides and compounds.
        Mixture = "mixture",
        /// Metal, pure or nearly so.
        Metal = "metal",
        /// Alloys.
        Alloy = "alloy",
        /// Sputtering targets.
        Target = "target",
        /// Permanent magnets and magnet powder.
        Magnet = "magnet",
        /// Crystals, phosphors, fibres, ceramics and the like.
        FunctionalMaterial = "functional_material",
        /// Goods that contain magnets.
        Assembly = "assembly",
        /// Scrap, swarf and end-of-life material.
        Scrap = "scrap",
        /// Machines.
        Equipment = "equipment",
        /// Flotation reagents and extractants.
        Reagent = "reagent",
        /// Knowledge and its carriers.
        Technology = "technology",
    }
}

impl From<Category> for ItemCategory {
    fn from(category: Category) -> Self {
        match category {
            Category::Ore => Self::Ore,
            Category::Concentrate => Self::Concentrate,
            Category::Oxide => Self::Oxide,
            Category::Compound => Self::Compound,
            Category::Metal => Self::Metal,
            Category::Alloy => Self::Alloy,
            Category::Target => Self::Target,
            Category::Magnet => Self::Magnet,
            Category::Assembly => Self::Assembly,
            Category::Scrap => Self::Scrap,
        }
    }
}

words! {
    /// What a functional material does.
    FunctionalForm {
        /// Stays magnetic.
        PermanentMagnet = "permanent_magnet",
        /// Laser and scintillator crystals.
        Crystal = "crystal",
        /// Cools by magnetisation.
        MagneticRefrigeration = "magnetic_refrigeration",
        /// Stretches in a magnetic field.
        Magnetostrictive = "magnetostrictive",
        /// Carries light.
        OpticalFibre = "optical_fibre",
        /// Stores hydrogen.
        HydrogenStorage = "hydrogen_storage",
        /// Ceramics.
        Ceramic = "ceramic",
        /// Phosphors.
        Luminescent = "luminescent",
    }
}

words! {
    /// The alloy system of a permanent magnet.
    MagnetFamily {
        /// Neodymium-iron-boron.
        NdFeB = "ndfeb",
        /// Samarium-cobalt.
        SmCo = "smco",
        /// Ferrite, alnico, samarium-iron-nitride and whatever else.
        Other = "other",
    }
}

/// One item of a control list. Its row holds from the day it takes effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlItem {
    /// The code.
    pub code: ControlCode,
    /// The rare earth it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<Element>,
    /// What kind of goods.
    pub category: ItemCategory,
    /// The English wording.
    pub description_en: String,
    /// The Chinese wording, which is the one that counts; empty where it was not seen.
    pub description_zh: String,
    /// Tariff codes the announcement refers to.
    pub hs_reference: Vec<HsCode>,
    /// Tariff codes that are our own guess.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hs_working: Vec<HsCode>,
    /// The announcement it stands in.
    pub announcement: String,
    /// What else is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Characters of the lists' wording, and the constituents they stand for.
const CONSTITUENTS: [(char, &str); 8] = [
    ('钴', "Co"),
    ('铁', "Fe"),
    ('硼', "B"),
    ('镍', "Ni"),
    ('铝', "Al"),
    ('镁', "Mg"),
    ('铜', "Cu"),
    ('锆', "Zr"),
];

const FORMS: [(&str, FunctionalForm); 9] = [
    ("永磁", FunctionalForm::PermanentMagnet),
    ("晶体", FunctionalForm::Crystal),
    ("磁制冷", FunctionalForm::MagneticRefrigeration),
    ("磁致伸缩", FunctionalForm::Magnetostrictive),
    ("光纤", FunctionalForm::OpticalFibre),
    ("储氢", FunctionalForm::HydrogenStorage),
    ("吸氢", FunctionalForm::HydrogenStorage),
    ("陶瓷", FunctionalForm::Ceramic),
    ("发光", FunctionalForm::Luminescent),
];

impl ControlItem {
    /// A number kept free: it reaches nothing.
    pub fn is_reserved(&self) -> bool {
        self.description_zh.contains("保留")
    }

    /// "Alloys containing ..", "targets containing ..": reaches whatever its sub-items do not name.
    pub fn is_heading(&self) -> bool {
        matches!(self.category, ItemCategory::Alloy | ItemCategory::Target)
            && self.description_zh.starts_with('含')
    }

    /// Whether its wording is about goods of this category.
    pub fn is_about(&self, category: ItemCategory) -> bool {
        !self.is_reserved()
            && (self.category == category
                // 1C913.a names metal and targets in one line.
                || (category == ItemCategory::Target && self.description_zh.contains('靶')))
    }

    /// The constituents its wording names beside its own element.
    pub fn partners(&self) -> Vec<&'static str> {
        let rare_earths = Element::ALL
            .into_iter()
            .filter(|element| Some(*element) != self.element)
            .filter(|element| self.description_zh.contains(element.name_zh()))
            .map(Element::symbol);
        let others = CONSTITUENTS
            .into_iter()
            .filter(|(character, _)| self.description_zh.contains(*character))
            .map(|(_, symbol)| symbol);
        rare_earths.chain(others).collect()
    }

    /// What the functional material does, where the wording says so.
    pub fn form(&self) -> Option<FunctionalForm> {
        FORMS.into_iter().find(|(word, _)| self.description_zh.contains(word)).map(|(_, form)| form)
    }

    /// The alloy system, for items about magnets.
    pub fn magnet_family(&self) -> Option<MagnetFamily> {
        if self.description_zh.contains("钕铁硼") {
            Some(MagnetFamily::NdFeB)
        } else if self.description_zh.contains("钐钴") {
            Some(MagnetFamily::SmCo)
        } else {
            None
        }
    }
}
