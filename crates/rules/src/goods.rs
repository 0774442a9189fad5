//! Are the goods of a line controlled?

use crate::GoodsStatus;
use domain::{
    codes::Category,
    determination::{
        Assay, Completeness, EndUse, Item, Outcome, Share, Symbol, determine, magnet_family_of,
    },
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

fn family(line: &Line) -> Option<MagnetFamily> {
    let leading = Element::ALL.into_iter().max_by_key(|element| line.elements.get(*element))?;
    if line.elements.is_zero() {
        return None;
    }
    magnet_family_of(leading, line.grade.as_deref())
}
