//! Licensed against exported: what is applied for, decided, licensed, and what customs confirmed to
//! have left, so that anybody who may can see exports fall and rebound as licences issue.
//!
//! Element masses are worked out from what the application says the goods are made of. Goods of
//! which nothing is said of rare earths are told apart, never guessed.

use crate::{
    application::{StatedComposition, StatedGoods},
    calendar_month::Month,
    codes::words,
    disclosure::{Contribution, Contributor, ReleasedTable},
    element::Element,
    ids::CaseId,
    mass::{ElementMasses, Kilograms},
};
use std::collections::{BTreeMap, BTreeSet};

words! {
    /// What happened to goods of an application.
    Happened {
        /// Somebody applied to export them.
        Applied = "applied",
        /// The application was approved.
        Approved = "approved",
        /// It was refused.
        Refused = "refused",
        /// A licence for them was issued.
        Licensed = "licensed",
        /// Customs confirmed that they left.
        Exported = "exported",
    }
}

/// One thing that happened to one line of goods in a month.
#[derive(Clone, Debug)]
pub struct LicensingFact {
    /// What.
    pub happened: Happened,
    /// In which month, in Beijing.
    pub month: Month,
    /// The exporter's group, or the exporter.
    pub by: Contributor,
    /// The application.
    pub case: CaseId,
    /// The item of the control list; empty where none is named.
    pub control_code: String,
    /// Where the goods go; empty where that is not said.
    pub destination: String,
    /// How much.
    pub grams: i64,
    /// What they are made of, as the application says.
    pub goods: Option<StatedGoods>,
}

/// What is told apart; everything else is added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each dimension is asked for or not")]
pub struct LicensedBy {
    /// By month.
    pub month: bool,
    /// By item of the control list.
    pub item: bool,
    /// By destination.
    pub destination: bool,
    /// By element.
    pub element: bool,
}

/// Which element a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ElementOf {
    /// This one.
    Element(Element),
    /// Goods of which nothing is said of rare earths.
    NotStated,
}

/// A mass, whole and by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Gross.
    pub gross_grams: i64,
    /// Rare earths in it: of a row about an element, of that one.
    pub elements: ElementMasses,
}

/// A row; absent members were not asked apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicensedRow {
    /// The month.
    pub month: Option<Month>,
    /// The item.
    pub control_code: Option<String>,
    /// The destination.
    pub destination: Option<String>,
    /// The element.
    pub element: Option<ElementOf>,
    /// Applications that name such goods.
    pub applications: usize,
    /// Of those decided in the month, how many were approved.
    pub approved: usize,
    /// And refused.
    pub refused: usize,
    /// What licences of the month allow.
    pub licensed: Amount,
    /// What customs confirmed in the month.
    pub exported: Amount,
}

type Key = (Option<Month>, Option<String>, Option<String>, Option<ElementOf>);

#[derive(Default)]
struct Sums {
    cases: BTreeMap<Happened, BTreeSet<CaseId>>,
    licensed: Option<Amount>,
    exported: Option<Amount>,
}

const NOTHING: Amount = Amount { gross_grams: 0, elements: ElementMasses::ZERO };

/// Adds facts up, in the order of what is told apart. An application counts once in each row that it
/// has goods in.
pub fn tabulate(facts: &[LicensingFact], by: LicensedBy) -> Vec<LicensedRow> {
    let mut rows: BTreeMap<Key, Sums> = BTreeMap::new();
    for fact in facts {
        let elements = fact.elements();
        for element in told_apart(&elements, by.element) {
            let key = (
                by.month.then_some(fact.month),
                by.item.then(|| fact.control_code.clone()),
                by.destination.then(|| fact.destination.clone()),
                element,
            );
            let sums = rows.entry(key).or_default();
            let told = match element {
                Some(ElementOf::Element(element)) => elements.only(element),
                Some(ElementOf::NotStated) | None => elements,
            };
            let amount = match fact.happened {
                Happened::Licensed => &mut sums.licensed,
                Happened::Exported => &mut sums.exported,
                Happened::Applied | Happened::Approved | Happened::Refused => {
                    sums.cases.entry(fact.happened).or_default().insert(fact.case);
                    continue;
                }
            };
            let sum = amount.get_or_insert(NOTHING);
            sum.gross_grams = sum.gross_grams.saturating_add(fact.grams);
            sum.elements = sum.elements.plus(&told);
        }
    }
    rows.into_iter()
        .map(|((month, control_code, destination, element), sums)| {
            let cases = |happened| sums.cases.get(&happened).map_or(0, BTreeSet::len);
            LicensedRow {
                month,
                control_code,
                destination,
                element,
                applications: cases(Happened::Applied),
                approved: cases(Happened::Approved),
                refused: cases(Happened::Refused),
                licensed: sums.licensed.unwrap_or(NOTHING),
                exported: sums.exported.unwrap_or(NOTHING),
            }
        })
        .collect()
}

fn told_apart(elements: &ElementMasses, asked: bool) -> Vec<Option<ElementOf>> {
    if !asked {
        return vec![None];
    }
    if elements.is_zero() {
        return vec![Some(ElementOf::NotStated)];
    }
    elements.present().map(|(element, _)| Some(ElementOf::Element(element))).collect()
}

/// What each group put into a released table: by item, destination and element, in grams of oxide.
pub fn contributions(facts: &[LicensingFact], table: ReleasedTable) -> Vec<Contribution> {
    let counted = match table {
        ReleasedTable::Licensed => Happened::Licensed,
        ReleasedTable::LicensedExports => Happened::Exported,
        ReleasedTable::Production
        | ReleasedTable::Trade
        | ReleasedTable::Exports
        | ReleasedTable::Stock => return Vec::new(),
    };
    let mut sums: BTreeMap<(Contributor, &str, &str), ElementMasses> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.happened == counted) {
        let key = (fact.by, fact.control_code.as_str(), fact.destination.as_str());
        let sum = sums.entry(key).or_insert(ElementMasses::ZERO);
        *sum = sum.plus(&fact.elements());
    }
    let mut contributions = Vec::new();
    for ((by, code, destination), masses) in sums {
        for (element, _) in masses.present() {
            let amount = u64::try_from(masses.only(element).oxide_grams()).unwrap_or(0);
            if 0 < amount {
                let path = [code, destination, element.symbol()].map(|name| vec![name.to_owned()]);
                contributions.push(Contribution { path, by, amount });
            }
        }
    }
    contributions
}

impl LicensingFact {
    /// Rare earths in the goods, as the application says; nothing where it says nothing usable.
    pub fn elements(&self) -> ElementMasses {
        let grams = u64::try_from(self.grams).ok().and_then(Kilograms::from_grams);
        let stated = self.goods.as_ref().and_then(|goods| goods.composition.as_ref());
        let composition = stated.and_then(StatedComposition::rare_earths);
        match (grams, composition) {
            (Some(grams), Some(composition)) => ElementMasses::in_mass(grams, &composition),
            _ => ElementMasses::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::{RULES, release};
    use serde_json::json;
    use uuid::Uuid;

    fn fact(happened: Happened, month: &str, case: u128, code: &str, grams: i64) -> LicensingFact {
        let goods = json!({"category": "magnet", "composition": {"percent": {"Nd": "30", "Dy": "1", "Fe": "68", "B": "1"}}});
        LicensingFact {
            happened,
            month: month.parse().unwrap(),
            by: Uuid::from_u128(case),
            case: CaseId::from_uuid(Uuid::from_u128(case)),
            control_code: code.to_owned(),
            destination: "DE".to_owned(),
            grams,
            goods: (!code.is_empty()).then(|| serde_json::from_value(goods).unwrap()),
        }
    }

    fn facts() -> Vec<LicensingFact> {
        vec![
            fact(Happened::Applied, "2026-09", 1, "1C905.a.4", 1_000),
            // The same application again: another line of it.
            fact(Happened::Applied, "2026-09", 1, "1C904.a.4", 2_000),
            fact(Happened::Applied, "2026-09", 2, "", 5_000),
            fact(Happened::Approved, "2026-10", 1, "1C905.a.4", 1_000),
            fact(Happened::Refused, "2026-10", 2, "", 5_000),
            fact(Happened::Licensed, "2026-10", 1, "1C905.a.4", 1_000),
            fact(Happened::Exported, "2026-11", 1, "1C905.a.4", 400),
        ]
    }

    #[test]
    fn an_application_counts_once_and_masses_add_up() {
        let all = tabulate(&facts(), LicensedBy::default());
        let [row] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((row.applications, row.approved, row.refused), (2, 1, 1));
        assert_eq!((row.licensed.gross_grams, row.exported.gross_grams), (1_000, 400));
        assert_eq!(row.exported.elements.get(Element::Dy), 4_000);
    }

    #[test]
    fn what_is_asked_apart_stands_in_rows_of_its_own() {
        let by_month = tabulate(&facts(), LicensedBy { month: true, ..LicensedBy::default() });
        let told: Vec<_> = by_month
            .iter()
            .map(|row| (row.month.unwrap().to_string(), row.applications, row.licensed.gross_grams))
            .collect();
        let expected = [("2026-09", 2, 0), ("2026-10", 0, 1_000), ("2026-11", 0, 0)];
        assert_eq!(told, expected.map(|(month, cases, grams)| (month.to_owned(), cases, grams)));
        let by_element = tabulate(&facts(), LicensedBy { element: true, ..LicensedBy::default() });
        let told: Vec<_> = by_element
            .iter()
            .map(|row| (row.element.unwrap(), row.applications, row.licensed.elements.total_mg()))
            .collect();
        let expected = [
            (ElementOf::Element(Element::Nd), 1, 300_000),
            (ElementOf::Element(Element::Dy), 1, 10_000),
            (ElementOf::NotStated, 1, 0),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_public_is_told_what_enough_groups_were_licensed() {
        let licensed = |groups: u128| -> Vec<LicensingFact> {
            let each = |case| fact(Happened::Licensed, "2026-10", case, "1C905.a.4", 10_000_000);
            (1..=groups).map(each).collect()
        };
        let told = |facts: &[LicensingFact]| {
            let contributions = contributions(facts, ReleasedTable::Licensed);
            let released = release(&[], &contributions, &RULES[0]).unwrap();
            released.cells.iter().filter(|cell| cell.value.is_ok()).count()
        };
        assert!(0 < told(&licensed(4)));
        assert_eq!(told(&licensed(2)), 0, "two could tell each other");
        assert!(contributions(&facts(), ReleasedTable::Production).is_empty());
        assert_eq!(contributions(&facts(), ReleasedTable::LicensedExports).len(), 2);
    }
}
