//! What is mined, made and sold.

use crate::data::{heavy_percent, oxides};
use domain::{
    codes::Category,
    composition::{Basis, Composition, StatedComposition},
    element::Element,
};
use rust_decimal::{Decimal, dec};
use std::collections::BTreeMap;

/// A kind of goods; every maker has it in its own catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table below names them")]
pub enum Good {
    RockOre,
    LightClay,
    HeavyClay,
    RockConcentrate,
    LightPrecipitate,
    HeavyPrecipitate,
    PrNdOxide,
    LaCeOxide,
    DyOxide,
    TbOxide,
    YOxide,
    GdOxide,
    MixedOxide,
    PrNdMetal,
    DyMetal,
    FlakesN,
    FlakesH,
    FlakesSh,
    BlanksN,
    BlanksH,
    BlanksSh,
    MagnetsN,
    MagnetsH,
    MagnetsSh,
    Swarf,
    EndOfLifeMagnets,
}

/// What everybody knows about a kind of goods.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The code in catalogues.
    pub code: &'static str,
    /// Its Chinese name.
    pub name_zh: &'static str,
    /// Its English name.
    pub name_en: &'static str,
    /// In the words of the control lists.
    pub category: Category,
    /// Its shape.
    pub form: &'static str,
    /// Its customs code.
    pub hs_code: &'static str,
    /// Its trade grade.
    pub grade: &'static str,
    /// An ordinary price in fen per kilogram: orders of magnitude only, assumed.
    pub price_fen: u64,
}

#[expect(clippy::too_many_arguments, reason = "one column of the table each")]
const fn row(
    code: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
    category: Category,
    form: &'static str,
    hs_code: &'static str,
    grade: &'static str,
    price_fen: u64,
) -> Facts {
    Facts { code, name_zh, name_en, category, form, hs_code, grade, price_fen }
}

#[rustfmt::skip]
const FACTS: [Facts; 26] = [
    row("ORE-ROCK",  "混合型稀土矿石",   "Mixed rock ore",               Category::Ore,         "lump",        "2530902000", "REO6",     120),
    row("ORE-ION-L", "轻型离子吸附型矿", "Ion-adsorption clay, light",   Category::Ore,         "clay",        "2530902000", "IONL",     6),
    row("ORE-ION-H", "重型离子吸附型矿", "Ion-adsorption clay, heavy",   Category::Ore,         "clay",        "2530902000", "IONH",     8),
    row("CON-ROCK",  "稀土精矿",         "Rare-earth concentrate",       Category::Concentrate, "powder",      "2530902000", "REO60",    2_600),
    row("CON-ION-L", "轻稀土富集物",     "Leach precipitate, light",     Category::Concentrate, "powder",      "2530902000", "REO92-L",  16_500),
    row("CON-ION-H", "重稀土富集物",     "Leach precipitate, heavy",     Category::Concentrate, "powder",      "2530902000", "REO92-H",  21_000),
    row("PRND-OX",   "氧化镨钕",         "Praseodymium-neodymium oxide", Category::Oxide,       "powder",      "2846901999", "PrNd-99.5", 55_000),
    row("LACE-OX",   "氧化镧铈",         "Lanthanum-cerium oxide",       Category::Oxide,       "powder",      "2846901999", "LaCe-99.5", 750),
    row("DY-OX",     "氧化镝",           "Dysprosium oxide",             Category::Oxide,       "powder",      "2846901500", "Dy-99.5",  165_000),
    row("TB-OX",     "氧化铽",           "Terbium oxide",                Category::Oxide,       "powder",      "2846901600", "Tb-99.5",  690_000),
    row("Y-OX",      "氧化钇",           "Yttrium oxide",                Category::Oxide,       "powder",      "2846901100", "Y-99.5",   4_800),
    row("GD-OX",     "氧化钆",           "Gadolinium oxide",             Category::Oxide,       "powder",      "2846901930", "Gd-99.5",  16_000),
    row("MIX-OX",    "中重稀土混合氧化物", "Mixed medium and heavy oxides", Category::Oxide,     "powder",      "2846901992", "MIX-95",   9_000),
    row("PRND-MET",  "金属镨钕",         "Praseodymium-neodymium metal", Category::Metal,       "ingot",       "280530",     "PrNd-M",   68_000),
    row("DY-MET",    "金属镝",           "Dysprosium metal",             Category::Metal,       "ingot",       "2805301200", "Dy-M",     205_000),
    row("FLAKE-N",   "钕铁硼速凝片 N",   "NdFeB strip-cast flakes N",    Category::Alloy,       "flakes",      "720299",     "flakes-N", 23_500),
    row("FLAKE-H",   "钕铁硼速凝片 H",   "NdFeB strip-cast flakes H",    Category::Alloy,       "flakes",      "720299",     "flakes-H", 27_000),
    row("FLAKE-SH",  "钕铁硼速凝片 SH",  "NdFeB strip-cast flakes SH",   Category::Alloy,       "flakes",      "720299",     "flakes-SH", 30_500),
    row("BLANK-N",   "钕铁硼毛坯 35N",   "Sintered NdFeB blanks N35",    Category::Magnet,      "blank",       "8505111000", "N35-blank", 28_000),
    row("BLANK-H",   "钕铁硼毛坯 35H",   "Sintered NdFeB blanks 35H",    Category::Magnet,      "blank",       "8505111000", "35H-blank", 33_000),
    row("BLANK-SH",  "钕铁硼毛坯 42SH",  "Sintered NdFeB blanks 42SH",   Category::Magnet,      "blank",       "8505111000", "42SH-blank", 39_000),
    row("MAG-N",     "钕铁硼磁体 35N",   "Sintered NdFeB magnets N35",   Category::Magnet,      "segment",     "8505111000", "N35",      31_000),
    row("MAG-H",     "钕铁硼磁体 35H",   "Sintered NdFeB magnets 35H",   Category::Magnet,      "segment",     "8505111000", "35H",      37_000),
    row("MAG-SH",    "钕铁硼磁体 42SH",  "Sintered NdFeB magnets 42SH",  Category::Magnet,      "segment",     "8505111000", "42SH",     46_000),
    row("SWARF",     "钕铁硼废料",       "NdFeB swarf and scrap",        Category::Scrap,       "swarf",       "382499",     "swarf",    13_500),
    row("EOL-MAG",   "报废磁体",         "End-of-life magnets",          Category::Scrap,       "pieces",      "382499",     "eol",      9_000),
];

/// Rare-earth oxide in the ores. Assumed: of the order reported for such deposits.
const ROCK_ORE_REO_PERCENT: Decimal = dec!(6);
const CLAY_REO_PERCENT: Decimal = dec!(0.08);
/// Rare-earth oxide in what the mines sell. Assumed.
const CONCENTRATE_REO_PERCENT: Decimal = dec!(60);
const PRECIPITATE_REO_PERCENT: Decimal = dec!(92);
/// All rare earths in NdFeB (`ndfeb_generic`, REE total, typical).
pub(crate) const MAGNET_REE_PERCENT: Decimal = dec!(31.5);

impl Good {
    /// Every kind.
    #[rustfmt::skip]
    pub const ALL: [Self; 26] = [
        Self::RockOre, Self::LightClay, Self::HeavyClay,
        Self::RockConcentrate, Self::LightPrecipitate, Self::HeavyPrecipitate,
        Self::PrNdOxide, Self::LaCeOxide, Self::DyOxide, Self::TbOxide, Self::YOxide, Self::GdOxide, Self::MixedOxide,
        Self::PrNdMetal, Self::DyMetal,
        Self::FlakesN, Self::FlakesH, Self::FlakesSh,
        Self::BlanksN, Self::BlanksH, Self::BlanksSh,
        Self::MagnetsN, Self::MagnetsH, Self::MagnetsSh,
        Self::Swarf, Self::EndOfLifeMagnets,
    ];

    /// What everybody knows about it.
    pub const fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    /// Whether its assays are written as oxides.
    pub fn basis(self) -> Basis {
        match self.facts().category {
            Category::Ore | Category::Concentrate | Category::Oxide => Basis::Oxide,
            _ => Basis::Element,
        }
    }

    /// What it typically contains.
    pub fn typical(self) -> StatedComposition {
        let percent = match self {
            Self::RockOre => diluted("bayan_obo_bastnaesite", ROCK_ORE_REO_PERCENT),
            Self::RockConcentrate => diluted("bayan_obo_bastnaesite", CONCENTRATE_REO_PERCENT),
            Self::LightClay => diluted("xunwu_ion_adsorption_light", CLAY_REO_PERCENT),
            Self::LightPrecipitate => {
                diluted("xunwu_ion_adsorption_light", PRECIPITATE_REO_PERCENT)
            }
            Self::HeavyClay => diluted("longnan_ion_adsorption_heavy", CLAY_REO_PERCENT),
            Self::HeavyPrecipitate => {
                diluted("longnan_ion_adsorption_heavy", PRECIPITATE_REO_PERCENT)
            }
            Self::PrNdOxide => shares(&[(Element::Pr, dec!(24.9)), (Element::Nd, dec!(74.6))]),
            Self::LaCeOxide => shares(&[(Element::La, dec!(31.4)), (Element::Ce, dec!(68.1))]),
            Self::DyOxide | Self::DyMetal => shares(&[(Element::Dy, dec!(99.5))]),
            Self::TbOxide => shares(&[(Element::Tb, dec!(99.5))]),
            Self::YOxide => shares(&[(Element::Y, dec!(99.5))]),
            Self::GdOxide => shares(&[(Element::Gd, dec!(99.5))]),
            Self::MixedOxide => shares(&[
                (Element::Sm, dec!(38)),
                (Element::Eu, dec!(9)),
                (Element::Gd, dec!(33)),
                (Element::Ho, dec!(3)),
                (Element::Er, dec!(6)),
                (Element::Yb, dec!(4)),
                (Element::Y, dec!(2)),
            ]),
            Self::PrNdMetal => shares(&[(Element::Pr, dec!(25)), (Element::Nd, dec!(74.5))]),
            Self::FlakesN | Self::BlanksN | Self::MagnetsN => magnet("ndfeb_grade_N"),
            Self::FlakesH
            | Self::BlanksH
            | Self::MagnetsH
            | Self::Swarf
            | Self::EndOfLifeMagnets => magnet("ndfeb_grade_H"),
            Self::FlakesSh | Self::BlanksSh | Self::MagnetsSh => magnet("ndfeb_grade_SH"),
        };
        StatedComposition { basis: self.basis(), percent, uncertainty_percent: BTreeMap::new() }
    }

    /// The same, as it is calculated with.
    pub fn composition(self) -> Composition {
        Composition::try_from(&self.typical()).expect("a test checks every kind")
    }
}

/// An ore's oxides, thinned to this much rare-earth oxide in all.
fn diluted(material: &str, reo_percent: Decimal) -> BTreeMap<Element, Decimal> {
    let oxides = oxides(material);
    let sum: Decimal = oxides.values().sum();
    oxides
        .into_iter()
        .map(|(element, percent)| (element, (percent * reo_percent / sum).round_dp(8)))
        .collect()
}

/// A magnet alloy with the grade's Dy; the rest of its rare earths is Pr and Nd, one to three.
fn magnet(grade: &str) -> BTreeMap<Element, Decimal> {
    let dy = heavy_percent(grade);
    let light = MAGNET_REE_PERCENT - dy;
    let pr = light * dec!(0.25);
    let all = [(Element::Pr, pr), (Element::Nd, light - pr), (Element::Dy, dy)];
    all.into_iter().filter(|(_, percent)| !percent.is_zero()).collect()
}

fn shares(shares: &[(Element, Decimal)]) -> BTreeMap<Element, Decimal> {
    shares.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_facts_of_its_own_and_a_composition_that_can_be() {
        for (position, good) in Good::ALL.into_iter().enumerate() {
            assert_eq!(good as usize, position);
            assert!(good.composition().present().count() > 0);
            assert!(FACTS.iter().filter(|facts| facts.code == good.facts().code).count() == 1);
        }
    }

    #[test]
    fn an_uncontrolled_magnet_has_no_trace_of_heavy_rare_earths() {
        assert!(Good::MagnetsN.composition().percent(Element::Dy).is_zero());
        assert_eq!(Good::MagnetsSh.composition().percent(Element::Dy), dec!(3.0));
    }
}
