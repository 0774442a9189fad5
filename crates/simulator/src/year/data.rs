//! The generator's own figures, read from `data/year/`.

use domain::{
    codes::{Category, Stage},
    composition::Basis,
    element::Element,
};
use std::{str::FromStr, sync::LazyLock};

/// A kind of goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ware(usize);

/// What everybody knows about a ware.
#[derive(Clone, Debug)]
pub(crate) struct WareFacts {
    pub(crate) code: &'static str,
    pub(crate) name_zh: &'static str,
    pub(crate) name_en: &'static str,
    pub(crate) category: Category,
    pub(crate) form: &'static str,
    pub(crate) hs_code: &'static str,
    pub(crate) grade: &'static str,
    pub(crate) basis: Basis,
    /// Rare earths, on its basis, in millionths of its mass.
    pub(crate) content_ppm: Vec<(Element, u64)>,
    pub(crate) price_fen: u64,
    /// Which price index it follows.
    pub(crate) follows: &'static str,
}

const CODES: [&str; 18] = [
    "W-ORE", "W-CLAY", "W-CON", "W-PRE", "W-PRND", "W-LACE", "W-DYOX", "W-TBOX", "W-MIX",
    "W-PRNDM", "W-DYM", "W-FLN", "W-FLS", "W-MGN", "W-MGS", "W-SWARF", "W-EOL", "W-ROTOR",
];

// In the order of the table, which a test compares.
impl Ware {
    pub(crate) const ORE: Self = Self(0);
    pub(crate) const CLAY: Self = Self(1);
    pub(crate) const CONCENTRATE: Self = Self(2);
    pub(crate) const PRECIPITATE: Self = Self(3);
    pub(crate) const PRND_OXIDE: Self = Self(4);
    pub(crate) const LACE_OXIDE: Self = Self(5);
    pub(crate) const DY_OXIDE: Self = Self(6);
    pub(crate) const TB_OXIDE: Self = Self(7);
    pub(crate) const MIXED_OXIDE: Self = Self(8);
    pub(crate) const PRND_METAL: Self = Self(9);
    pub(crate) const DY_METAL: Self = Self(10);
    pub(crate) const FLAKES_N: Self = Self(11);
    pub(crate) const FLAKES_SH: Self = Self(12);
    pub(crate) const MAGNETS_N: Self = Self(13);
    pub(crate) const MAGNETS_SH: Self = Self(14);
    pub(crate) const SWARF: Self = Self(15);
    pub(crate) const END_OF_LIFE: Self = Self(16);
    pub(crate) const ROTORS: Self = Self(17);
}

impl Ware {
    /// What everybody knows about it.
    pub(crate) fn facts(self) -> &'static WareFacts {
        &WARES[self.0]
    }

    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..CODES.len()).map(Self)
    }

    /// Rare earths, on its basis, in millionths of its mass.
    pub(crate) fn pure_ppm(self) -> u64 {
        self.facts().content_ppm.iter().map(|(_, ppm)| ppm).sum()
    }
}

static WARES: LazyLock<Vec<WareFacts>> = LazyLock::new(|| {
    rows(include_str!("../../data/year/wares.csv"))
        .map(|row| WareFacts {
            code: row[0],
            name_zh: row[1],
            name_en: row[2],
            category: parsed(row[3]),
            form: row[4],
            hs_code: row[5],
            grade: row[6],
            basis: if row[7] == "oxide" { Basis::Oxide } else { Basis::Element },
            content_ppm: row[8]
                .split(' ')
                .filter_map(|part| part.split_once(':'))
                .map(|(symbol, ppm)| (parsed(symbol), parsed(ppm)))
                .collect(),
            price_fen: parsed(row[9]),
            follows: row[10],
        })
        .collect()
});

/// What an organisation of the year lives of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table in data/year/trades.csv describes them")]
pub enum Line {
    RockMine,
    IonMine,
    Separator,
    Smelter,
    AlloyMaker,
    MagnetMaker,
    ProductMaker,
    Recycler,
    Trader,
    Exporter,
}

impl Line {
    /// In the order of the chain and of the table.
    pub const ALL: [Self; 10] = [
        Self::RockMine,
        Self::IonMine,
        Self::Separator,
        Self::Smelter,
        Self::AlloyMaker,
        Self::MagnetMaker,
        Self::ProductMaker,
        Self::Recycler,
        Self::Trader,
        Self::Exporter,
    ];

    /// Its row.
    pub(crate) fn facts(self) -> &'static LineFacts {
        &LINES[self as usize]
    }

    /// The line of that name.
    pub(crate) fn named(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|line| line.facts().name == name);
        found.unwrap_or_else(|| panic!("no line of business is called {name}"))
    }
}

/// A row of `trades.csv`.
#[derive(Clone, Debug)]
pub(crate) struct LineFacts {
    pub(crate) name: &'static str,
    pub(crate) share_permille: u64,
    pub(crate) kg_a_month: u64,
    pub(crate) acts_permille: u64,
    pub(crate) word_zh: &'static str,
    pub(crate) word_en: &'static str,
    pub(crate) stages: Vec<Stage>,
    pub(crate) divisions: Vec<&'static str>,
}

static LINES: LazyLock<Vec<LineFacts>> = LazyLock::new(|| {
    rows(include_str!("../../data/year/trades.csv"))
        .map(|row| LineFacts {
            name: row[0],
            share_permille: parsed(row[1]),
            kg_a_month: parsed(row[2]),
            acts_permille: parsed(row[3]),
            word_zh: row[4],
            word_en: row[5],
            stages: row[6].split(' ').map(parsed).collect(),
            divisions: row[7].split(' ').collect(),
        })
        .collect()
});

/// How well a plant measures, in millionths.
#[derive(Clone, Debug)]
pub(crate) struct Metrology {
    pub(crate) class: &'static str,
    pub(crate) share_permille: u64,
    /// Of one weighing.
    pub(crate) random_ppm: u64,
    /// Of the scale, the same all year.
    pub(crate) systematic_ppm: u64,
    /// Of what is said to be lost, in parts of what went in.
    pub(crate) yield_known_ppm: u64,
    /// Of one assay, in parts of what is found.
    pub(crate) assay_ppm: u64,
    /// Whether filings state the uncertainty.
    pub(crate) states: bool,
}

pub(crate) static METROLOGY: LazyLock<Vec<Metrology>> = LazyLock::new(|| {
    rows(include_str!("../../data/year/metrology.csv"))
        .map(|row| Metrology {
            class: row[0],
            share_permille: parsed(row[1]),
            random_ppm: parsed(row[2]),
            systematic_ppm: parsed(row[3]),
            yield_known_ppm: parsed(row[4]),
            assay_ppm: parsed(row[5]),
            states: row[6] == "yes",
        })
        .collect()
});

/// What a process recovers, in millionths: typically, between plants, between batches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovery {
    pub(crate) typical_ppm: u64,
    pub(crate) between_plants_ppm: u64,
    pub(crate) between_batches_ppm: u64,
}

/// The row of a process.
pub(crate) fn recovery(process: &str) -> Recovery {
    let row = rows(include_str!("../../data/year/processes.csv"))
        .find(|row| row[0] == process)
        .expect("the table has this process, a test says so");
    Recovery {
        typical_ppm: parsed(row[1]),
        between_plants_ppm: parsed(row[2]),
        between_batches_ppm: parsed(row[3]),
    }
}

/// A month of the year.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MonthFacts {
    pub(crate) busy_permille: u64,
    light: u64,
    heavy: u64,
    plain: u64,
}

impl MonthFacts {
    /// A ware's price in fen a kilogram.
    pub(crate) fn price_fen(&self, ware: Ware) -> u64 {
        let facts = ware.facts();
        let index = match facts.follows {
            "light" => self.light,
            "heavy" => self.heavy,
            _ => self.plain,
        };
        (facts.price_fen * index / 1_000).max(1)
    }
}

/// The twelve months, in order.
pub(crate) static MONTHS: LazyLock<Vec<MonthFacts>> = LazyLock::new(|| {
    rows(include_str!("../../data/year/months.csv"))
        .map(|row| MonthFacts {
            busy_permille: parsed(row[1]),
            light: parsed(row[2]),
            heavy: parsed(row[3]),
            plain: parsed(row[4]),
        })
        .collect()
});

/// A country that is exported to, and who buys there.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) country: &'static str,
    pub(crate) permille: u64,
    pub(crate) names: Vec<&'static str>,
    pub(crate) hub: bool,
}

pub(crate) static DESTINATIONS: LazyLock<Vec<Destination>> = LazyLock::new(|| {
    rows(include_str!("../../data/year/destinations.csv"))
        .map(|row| Destination {
            country: row[0],
            permille: parsed(row[1]),
            names: row[2].split('|').collect(),
            hub: row[3] == "yes",
        })
        .collect()
});

/// A row of `typologies.csv`.
#[derive(Clone, Debug)]
pub(crate) struct TypologyFacts {
    pub(crate) name: &'static str,
    pub(crate) lines: Vec<Line>,
    pub(crate) found_by: &'static str,
    pub(crate) days_to_find: i64,
    pub(crate) look_alikes: Vec<&'static str>,
}

pub(crate) static TYPOLOGIES: LazyLock<Vec<TypologyFacts>> = LazyLock::new(|| {
    rows(include_str!("../../data/year/typologies.csv"))
        .map(|row| TypologyFacts {
            name: row[0],
            lines: row[2].split(' ').map(Line::named).collect(),
            found_by: row[3],
            days_to_find: parsed(row[4]),
            look_alikes: row[5].split(' ').collect(),
        })
        .collect()
});

/// The rows of a table without its heading. The tables hold no quotes and no commas in cells.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().skip(1).filter(|line| !line.is_empty()).map(|line| line.split(',').collect())
}

fn parsed<T: FromStr>(text: &str) -> T {
    text.parse().ok().unwrap_or_else(|| panic!("{text:?} stands in a table of the year"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_fit_together() {
        for (index, ware) in Ware::all().enumerate() {
            assert_eq!(ware.facts().code, CODES[index]);
            assert!((1..=1_000_000).contains(&ware.pure_ppm()), "{ware:?}");
        }
        assert_eq!(WARES.len(), CODES.len());
        assert_eq!(Ware::ROTORS.facts().code, "W-ROTOR");
        assert_eq!(Ware::MAGNETS_SH.facts().code, "W-MGS");
        assert_eq!(LINES.len(), Line::ALL.len());
        let thousand =
            |shares: &mut dyn Iterator<Item = u64>| assert_eq!(shares.sum::<u64>(), 1_000);
        thousand(&mut Line::ALL.iter().map(|line| line.facts().share_permille));
        thousand(&mut METROLOGY.iter().map(|class| class.share_permille));
        thousand(&mut DESTINATIONS.iter().map(|destination| destination.permille));
        assert_eq!(MONTHS.len(), 12);
        for process in [
            "rock_beneficiation",
            "leaching",
            "separation",
            "electrolysis",
            "metallothermic",
            "casting",
            "magnet_making",
            "assembly",
            "recycling",
        ] {
            assert!(recovery(process).typical_ppm < 1_000_000);
        }
        for typology in TYPOLOGIES.iter() {
            assert!(!typology.lines.is_empty() && !typology.look_alikes.is_empty());
        }
    }
}
