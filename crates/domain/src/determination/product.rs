//! Products as filers register them, and the question that they are.

use super::{Assay, Completeness, EndUse, Item, Share, Symbol};
use crate::{
    codes::Category,
    composition::Composition,
    element::Element,
    identifiers::HsCode,
    regime::{ItemCategory, MagnetFamily},
};
use std::collections::BTreeMap;

/// The question whether a registered product is controlled.
///
/// A catalogue states rare earths and nothing else: those it does not name are not there, what
/// else is in the goods is not known.
pub fn of_product(
    category: Category,
    composition: &Composition,
    grade: Option<&str>,
    hs: Option<HsCode>,
) -> Item {
    let stated = composition.present().next().is_some();
    let shares = || -> Option<BTreeMap<Symbol, Share>> {
        let share = |element: Element| {
            let percent = composition.percent(element);
            let uncertainty_percent = composition.uncertainty_percent(element);
            Some((element.symbol().parse().ok()?, Share { percent, uncertainty_percent }))
        };
        Element::ALL.into_iter().map(share).collect()
    };
    let assay = stated.then(shares).flatten();
    let assay = assay.and_then(|shares| Assay::new(shares, Completeness::Partial).ok());
    let leading = Element::ALL.into_iter().max_by_key(|element| composition.percent(*element));
    let magnet_family = leading
        .filter(|_| stated && category == Category::Magnet)
        .and_then(|leading| magnet_family_of(leading, grade));
    Item {
        assay,
        magnet_family,
        hs,
        end_use: EndUse::NotStated,
        ..Item::of(ItemCategory::from(category))
    }
}

/// The alloy system of a magnet, where its leading rare earth or its grade leaves no doubt:
/// neodymium magnets are of one system, samarium ones of two.
pub fn magnet_family_of(leading: Element, grade: Option<&str>) -> Option<MagnetFamily> {
    let names_samarium_cobalt =
        || grade.is_some_and(|grade| grade.to_ascii_lowercase().contains("smco"));
    match leading {
        Element::Nd | Element::Pr => Some(MagnetFamily::NdFeB),
        Element::Sm if names_samarium_cobalt() => Some(MagnetFamily::SmCo),
        _ => None,
    }
}
