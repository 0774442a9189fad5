//! Are the goods of a line controlled?

use crate::GoodsStatus;
use domain::{
    codes::Category,
    determination::{Assay, Completeness, EndUse, Item, Outcome, Share, Symbol, determine},
    element::Element,
    filing::Line,
    identifiers::CountryCode,
    regime::{ItemCategory, MagnetFamily, Regime},
};
use jiff::civil::Date;
use rust_decimal::{Decimal, dec};
use std::collections::BTreeMap;

/// Whether the goods of a line are controlled on a day, by what the line claims they contain.
///
/// A line states all seventeen rare earths, and nothing else: what it does not name of them is
/// not there, what else is in the goods is not known.
pub fn status_of(regime: &Regime, line: &Line, destination: CountryCode, day: Date) -> GoodsStatus {
    let Some(category) = line.category.filter(|_| !regime.control_items().is_empty()) else {
        return GoodsStatus::Undetermined;
    };
    let item = Item {
        assay: assay(line),
        magnet_family: if category == Category::Magnet { family(line) } else { None },
        hs: line.hs_code.clone(),
        destination: Some(destination),
        end_use: EndUse::NotStated,
        ..Item::of(ItemCategory::from(category))
    };
    match determine(regime, &item, day).outcome {
        Outcome::Controlled { codes } => {
            GoodsStatus::Controlled(codes.into_iter().map(|code| code.0).collect())
        }
        Outcome::NotControlled => GoodsStatus::NotControlled,
        Outcome::Undetermined { .. } => GoodsStatus::Undetermined,
    }
}

fn assay(line: &Line) -> Option<Assay> {
    let gross_mg = Decimal::from(line.quantity.grams()) * dec!(1_000);
    if gross_mg.is_zero() || line.elements.is_zero() {
        return None;
    }
    let percent = |mg: i64| Decimal::from(mg).checked_mul(dec!(100)).map(|mg| mg / gross_mg);
    let shares: Option<BTreeMap<Symbol, Share>> = Element::ALL
        .into_iter()
        .map(|element| {
            let symbol: Symbol = element.symbol().parse().ok()?;
            let share = Share {
                percent: percent(line.elements.get(element))?,
                uncertainty_percent: percent(line.elements_sigma_mg[element.index()])?,
            };
            Some((symbol, share))
        })
        .collect();
    Assay::new(shares?, Completeness::Partial).ok()
}

/// The alloy system, where the rare earths or the grade leave no doubt: neodymium magnets are of
/// one system, samarium ones of two.
fn family(line: &Line) -> Option<MagnetFamily> {
    let leading = Element::ALL.into_iter().max_by_key(|element| line.elements.get(*element))?;
    match leading {
        _ if line.elements.is_zero() => None,
        Element::Nd | Element::Pr => Some(MagnetFamily::NdFeB),
        Element::Sm if names_samarium_cobalt(line) => Some(MagnetFamily::SmCo),
        _ => None,
    }
}

fn names_samarium_cobalt(line: &Line) -> bool {
    line.grade.as_ref().is_some_and(|grade| grade.to_ascii_lowercase().contains("smco"))
}
