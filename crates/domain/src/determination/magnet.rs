//! Permanent magnets: the alloy system decides first, then dysprosium and terbium.

use super::{
    Item,
    assay::{Assay, Content},
    law::{ListedItem, percent},
    material,
    verdict::Evidence,
    wording,
};
use crate::{
    element::Element,
    regime::{FunctionalForm, ItemCategory, MagnetFamily},
};
use rust_decimal::{Decimal, dec};

/// Elements whose presence brings a neodymium magnet under control.
const DECISIVE: [Element; 2] = [Element::Dy, Element::Tb];

pub(super) fn judge(evidence: &mut Evidence<'_>, item: &Item) {
    let found = item.assay.as_ref().and_then(family_of);
    let family = match (item.magnet_family, found) {
        (Some(stated), Some(found)) if stated != found => {
            return evidence.doubt(wording::family_contradicts(stated, found));
        }
        (Some(family), _) | (None, Some(family)) => family,
        (None, None) => return material::doubt_without_assay(evidence, item),
    };
    match family {
        MagnetFamily::SmCo => {
            evidence.reason(wording::any_samarium_cobalt());
            for row in rows_of_family(evidence, MagnetFamily::SmCo) {
                evidence.reach(row);
            }
        }
        MagnetFamily::NdFeB => judge_neodymium(evidence, item),
        MagnetFamily::Other => {}
    }
    if let Some(assay) = &item.assay {
        judge_other_elements(evidence, family, assay);
    }
}

/// Neodymium-iron-boron: listed when it contains dysprosium or terbium, in any amount; at or
/// below the practised threshold a person decides.
fn judge_neodymium(evidence: &mut Evidence<'_>, item: &Item) {
    let rows = rows_of_family(evidence, MagnetFamily::NdFeB);
    evidence.examine(&rows);
    let mattering: Vec<_> = rows.iter().filter(|row| row.matters()).copied().collect();
    if mattering.is_empty() {
        return;
    }
    let Some(assay) = &item.assay else {
        return evidence.doubt(wording::neodymium_composition_missing(&mattering));
    };
    let missing: Vec<Element> =
        DECISIVE.into_iter().filter(|element| assay.range(element.symbol()).is_none()).collect();
    let ranges = DECISIVE.map(|element| assay.range(element.symbol()).unwrap_or_default());
    let least: Decimal = ranges.iter().map(|(least, _)| *least).sum();
    let most: Decimal = ranges.iter().map(|(_, most)| *most).sum();
    let threshold = percent(evidence.law().practice());
    if threshold < least {
        evidence.reason(wording::contains_dysprosium_or_terbium());
        let there = |row: &&ListedItem<'_>| {
            row.value.element.is_some_and(|element| {
                assay.content(element.symbol(), Decimal::ZERO) == Content::AboveLimit
            })
        };
        for row in rows.into_iter().filter(there) {
            evidence.reach(row);
        }
    } else if !missing.is_empty() {
        evidence.doubt(wording::content_not_stated(&missing, &mattering));
    } else if most.is_zero() {
        evidence.reason(wording::neither_dysprosium_nor_terbium());
    } else {
        rest_on_threshold(evidence);
        evidence.doubt(if most <= threshold {
            wording::at_or_below_practice(threshold, &mattering)
        } else {
            wording::straddles_practice(threshold, &mattering)
        });
    }
}

/// Holmium has an item of its own; other listed elements may be reached as alloys.
fn judge_other_elements(evidence: &mut Evidence<'_>, family: MagnetFamily, assay: &Assay) {
    let limit = percent(evidence.law().trace());
    for element in Element::ALL {
        let decided = match family {
            MagnetFamily::SmCo => element == Element::Sm,
            MagnetFamily::NdFeB => DECISIVE.contains(&element),
            MagnetFamily::Other => false,
        };
        if decided || assay.content(element.symbol(), limit) != Content::AboveLimit {
            continue;
        }
        let named = evidence.of(element, |row| {
            row.is_about(ItemCategory::FunctionalMaterial)
                && row.form == Some(FunctionalForm::PermanentMagnet)
        });
        if !named.is_empty() {
            for row in named {
                evidence.reach(row);
            }
            continue;
        }
        let alloys = evidence.of(element, |row| row.is_heading);
        evidence.examine(&alloys);
        let alloys: Vec<_> = alloys
            .into_iter()
            .filter(|row| row.value.category == ItemCategory::Alloy && row.matters())
            .collect();
        if !alloys.is_empty() {
            evidence.doubt(wording::magnet_as_alloy(element, &alloys));
        }
    }
}

fn rows_of_family<'a>(evidence: &Evidence<'a>, family: MagnetFamily) -> Vec<&'a ListedItem<'a>> {
    evidence.items(|row| row.is_about(ItemCategory::Magnet) && row.magnet_family == Some(family))
}

fn rest_on_threshold(evidence: &mut Evidence<'_>) {
    if let Some(row) = evidence.law().practice() {
        evidence.rest_on(&format!("parameter {}", row.key), &row.provenance);
    }
}

/// The alloy system that a composition shows; none where it shows no system clearly.
fn family_of(assay: &Assay) -> Option<MagnetFamily> {
    let percent = |symbol| assay.percent(symbol);
    let (iron, cobalt) = (percent("Fe"), percent("Co"));
    let rare_earths: Decimal = Element::ALL.iter().map(|element| percent(element.symbol())).sum();
    let leading = Element::ALL.into_iter().max_by_key(|element| percent(element.symbol()))?;
    if rare_earths.is_zero() {
        // Ferrite or alnico, if enough of it was stated to say so.
        let stated: Decimal = assay.shares().values().map(|share| share.percent).sum();
        return (dec!(50) < stated).then_some(MagnetFamily::Other);
    }
    if leading == Element::Sm {
        return match () {
            () if iron < cobalt => Some(MagnetFamily::SmCo),
            () if cobalt.is_zero() && dec!(50) < iron => Some(MagnetFamily::Other),
            () => None,
        };
    }
    let boron_possible = assay.range("B").is_none_or(|(_, most)| !most.is_zero());
    let neodymium = percent("Nd") + percent("Pr");
    (boron_possible && !neodymium.is_zero() && dec!(50) < iron).then_some(MagnetFamily::NdFeB)
}
