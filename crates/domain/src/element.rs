//! The seventeen rare-earth elements and how their trade oxides convert.
//!
//! Factors are those of `data/elements.csv`, computed there from standard atomic weights; a test
//! holds this table and that file together.

use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A rare-earth element, in the order that masses are stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "chemical symbols")]
pub enum Element {
    La,
    Ce,
    Pr,
    Nd,
    Pm,
    Sm,
    Eu,
    Gd,
    Tb,
    Dy,
    Ho,
    Er,
    Tm,
    Yb,
    Lu,
    Sc,
    Y,
}

/// How many elements are accounted for.
pub const ELEMENT_COUNT: usize = 17;

struct Facts {
    symbol: &'static str,
    name_en: &'static str,
    name_zh: &'static str,
    oxide: &'static str,
    oxide_to_element: Decimal,
}

#[rustfmt::skip]
const FACTS: [Facts; ELEMENT_COUNT] = [
    Facts { symbol: "La", name_en: "lanthanum",    name_zh: "镧", oxide: "La2O3",  oxide_to_element: dec!(0.852683) },
    Facts { symbol: "Ce", name_en: "cerium",       name_zh: "铈", oxide: "CeO2",   oxide_to_element: dec!(0.814088) },
    Facts { symbol: "Pr", name_en: "praseodymium", name_zh: "镨", oxide: "Pr6O11", oxide_to_element: dec!(0.827704) },
    Facts { symbol: "Nd", name_en: "neodymium",    name_zh: "钕", oxide: "Nd2O3",  oxide_to_element: dec!(0.857356) },
    Facts { symbol: "Pm", name_en: "promethium",   name_zh: "钷", oxide: "Pm2O3",  oxide_to_element: dec!(0.857922) },
    Facts { symbol: "Sm", name_en: "samarium",     name_zh: "钐", oxide: "Sm2O3",  oxide_to_element: dec!(0.862361) },
    Facts { symbol: "Eu", name_en: "europium",     name_zh: "铕", oxide: "Eu2O3",  oxide_to_element: dec!(0.863616) },
    Facts { symbol: "Gd", name_en: "gadolinium",   name_zh: "钆", oxide: "Gd2O3",  oxide_to_element: dec!(0.867593) },
    Facts { symbol: "Tb", name_en: "terbium",      name_zh: "铽", oxide: "Tb4O7",  oxide_to_element: dec!(0.850216) },
    Facts { symbol: "Dy", name_en: "dysprosium",   name_zh: "镝", oxide: "Dy2O3",  oxide_to_element: dec!(0.871321) },
    Facts { symbol: "Ho", name_en: "holmium",      name_zh: "钬", oxide: "Ho2O3",  oxide_to_element: dec!(0.872976) },
    Facts { symbol: "Er", name_en: "erbium",       name_zh: "铒", oxide: "Er2O3",  oxide_to_element: dec!(0.874523) },
    Facts { symbol: "Tm", name_en: "thulium",      name_zh: "铥", oxide: "Tm2O3",  oxide_to_element: dec!(0.875612) },
    Facts { symbol: "Yb", name_en: "ytterbium",    name_zh: "镱", oxide: "Yb2O3",  oxide_to_element: dec!(0.878207) },
    Facts { symbol: "Lu", name_en: "lutetium",     name_zh: "镥", oxide: "Lu2O3",  oxide_to_element: dec!(0.879383) },
    Facts { symbol: "Sc", name_en: "scandium",     name_zh: "钪", oxide: "Sc2O3",  oxide_to_element: dec!(0.651966) },
    Facts { symbol: "Y",  name_en: "yttrium",      name_zh: "钇", oxide: "Y2O3",   oxide_to_element: dec!(0.787444) },
];

impl Element {
    /// All elements, in storage order.
    #[rustfmt::skip]
    pub const ALL: [Self; ELEMENT_COUNT] = [
        Self::La, Self::Ce, Self::Pr, Self::Nd, Self::Pm, Self::Sm, Self::Eu, Self::Gd, Self::Tb,
        Self::Dy, Self::Ho, Self::Er, Self::Tm, Self::Yb, Self::Lu, Self::Sc, Self::Y,
    ];

    /// The position of this element's mass in storage, from 0.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The chemical symbol, such as `Dy`.
    pub const fn symbol(self) -> &'static str {
        self.facts().symbol
    }

    /// The English name, such as `dysprosium`.
    pub const fn name_en(self) -> &'static str {
        self.facts().name_en
    }

    /// The Chinese name, such as `镝`.
    pub const fn name_zh(self) -> &'static str {
        self.facts().name_zh
    }

    /// The oxide that is traded, such as `Pr6O11`.
    pub const fn oxide(self) -> &'static str {
        self.facts().oxide
    }

    /// Mass of the element in one unit mass of its trade oxide.
    pub const fn oxide_to_element(self) -> Decimal {
        self.facts().oxide_to_element
    }

    const fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

/// The text is not the symbol of a rare-earth element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the symbol of a rare-earth element")]
pub struct UnknownElement;

impl FromStr for Element {
    type Err = UnknownElement;

    fn from_str(text: &str) -> Result<Self, UnknownElement> {
        Self::ALL.into_iter().find(|element| element.symbol() == text).ok_or(UnknownElement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_data_file() {
        let mut reader = csv::Reader::from_reader(include_str!("../data/elements.csv").as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), ELEMENT_COUNT);
        for (element, row) in Element::ALL.into_iter().zip(&rows) {
            assert_eq!(element.symbol(), &row[0]);
            assert_eq!(element.name_en(), &row[2]);
            assert_eq!(element.name_zh(), &row[3]);
            assert_eq!(element.oxide(), &row[5]);
            assert_eq!(element.oxide_to_element(), row[7].parse().unwrap());
        }
    }

    #[test]
    fn an_element_is_stored_where_its_index_says() {
        for (index, element) in Element::ALL.into_iter().enumerate() {
            assert_eq!(element.index(), index);
            assert_eq!(element.symbol().parse(), Ok(element));
        }
    }
}
