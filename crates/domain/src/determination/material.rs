//! Everything but magnets: oxides, compounds, metals, alloys, targets, ores, equipment.

use super::{
    Item,
    assay::Content,
    law::{ListedItem, percent},
    verdict::Evidence,
    wording,
};
use crate::{element::Element, regime::ItemCategory};
use rust_decimal::Decimal;

/// Oxides, compounds, their mixtures, metals, alloys and targets: whatever contains the element.
pub(super) fn judge(evidence: &mut Evidence<'_>, item: &Item) {
    let Some(assay) = &item.assay else {
        return doubt_without_assay(evidence, item);
    };
    let limit = percent(evidence.law().trace());
    let largest_first = assay.main_constituents(limit);
    let mut sorted = SortedElements::default();
    for element in Element::ALL {
        let rows = rows_for(evidence, item.category, element, &largest_first);
        evidence.examine(&rows);
        match assay.content(element.symbol(), limit) {
            Content::Absent => {}
            Content::AboveLimit => {
                for row in most_specific(&rows, element, &largest_first) {
                    evidence.reach(row);
                }
            }
            content => sorted.add(content, element, &rows),
        }
    }
    sorted.tell(evidence);
}

/// Ores: the lists name them without regard to what they contain.
pub(super) fn judge_ore(evidence: &mut Evidence<'_>) {
    for row in evidence.items(|item| item.is_about(ItemCategory::Ore)) {
        evidence.reach(row);
    }
}

/// Equipment, reagents and technology: a person compares descriptions and parameters.
pub(super) fn judge_by_description(evidence: &mut Evidence<'_>, category: ItemCategory) {
    let rows = evidence.items(|item| item.is_about(category));
    let candidates: Vec<_> = rows.iter().filter(|row| row.matters()).copied().collect();
    evidence.examine(&rows);
    if !candidates.is_empty() {
        evidence.doubt(wording::description_decides(&candidates));
    }
}

/// Scrap: no item names it, but what it contains is named.
pub(super) fn judge_scrap(evidence: &mut Evidence<'_>, item: &Item) {
    let Some(assay) = &item.assay else {
        return doubt_without_assay(evidence, item);
    };
    let mut candidates = Vec::new();
    for element in Element::ALL {
        let rows = evidence
            .of(element, |row| row.is_heading || row.value.category == ItemCategory::Magnet);
        if assay.content(element.symbol(), Decimal::ZERO) != Content::Absent {
            candidates.extend(rows.iter().filter(|row| row.matters()).copied());
        }
        evidence.examine(&rows);
    }
    if !candidates.is_empty() {
        evidence.doubt(wording::scrap(&candidates));
    }
}

/// Crystals, phosphors, fibres: named by what they do; else they may still be compounds.
pub(super) fn judge_functional(evidence: &mut Evidence<'_>, item: &Item) {
    let Some(assay) = &item.assay else {
        return doubt_without_assay(evidence, item);
    };
    let limit = percent(evidence.law().trace());
    let mut sorted = SortedElements::default();
    for element in Element::ALL {
        let named = evidence.of(element, |row| {
            row.is_about(ItemCategory::FunctionalMaterial)
                && (item.functional_form.is_none() || row.form == item.functional_form)
        });
        let compounds = evidence.of(element, |row| row.is_about(ItemCategory::Compound));
        evidence.examine(&named);
        evidence.examine(&compounds);
        match assay.content(element.symbol(), limit) {
            Content::Absent => {}
            Content::AboveLimit if !named.is_empty() && item.functional_form.is_some() => {
                for row in named {
                    evidence.reach(row);
                }
            }
            Content::AboveLimit => {
                let candidates: Vec<_> = named.into_iter().chain(compounds).collect();
                let candidates: Vec<_> =
                    candidates.into_iter().filter(|row| row.matters()).collect();
                if !candidates.is_empty() {
                    evidence.doubt(wording::functional_material(element, &candidates));
                }
            }
            content => {
                let rows: Vec<_> = named.into_iter().chain(compounds).collect();
                sorted.add(content, element, &rows);
            }
        }
    }
    sorted.tell(evidence);
}

/// Without a composition nothing is settled; the tariff code narrows the candidates.
pub(super) fn doubt_without_assay(evidence: &mut Evidence<'_>, item: &Item) {
    let of_category = |row: &ListedItem<'_>| {
        row.is_about(item.category)
            || (item.category == ItemCategory::Mixture
                && (row.is_about(ItemCategory::Oxide) || row.is_about(ItemCategory::Compound)))
    };
    let fits = |row: &ListedItem<'_>| {
        item.hs.as_ref().is_some_and(|hs| {
            row.value
                .hs_reference
                .iter()
                .chain(&row.value.hs_working)
                .any(|code| code.agrees_with(hs))
        })
    };
    let rows = evidence.items(|row| of_category(row) && fits(row));
    let candidates: Vec<_> = rows.into_iter().filter(|row| row.matters()).collect();
    evidence.doubt(wording::composition_missing(&candidates));
}

/// The items about an element in goods of a category.
fn rows_for<'a>(
    evidence: &Evidence<'a>,
    category: ItemCategory,
    element: Element,
    largest_first: &[&'static str],
) -> Vec<&'a ListedItem<'a>> {
    let principal = largest_first.first() == Some(&element.symbol());
    let categories: &[ItemCategory] = match category {
        ItemCategory::Mixture => &[ItemCategory::Oxide, ItemCategory::Compound],
        // A metal with more than a trace of another one is intermixed: an alloy of that one.
        ItemCategory::Metal if !principal => &[ItemCategory::Alloy],
        _ => &[category],
    };
    evidence.of(element, |row| categories.iter().any(|category| row.is_about(*category)))
}

/// Of the items about one element, those whose wording fits best.
pub(super) fn most_specific<'a>(
    rows: &[&'a ListedItem<'a>],
    element: Element,
    largest_first: &[&'static str],
) -> Vec<&'a ListedItem<'a>> {
    // "X-Y alloy" names what the alloy mainly consists of, not every alloy with both in it.
    let fits = |row: &&&'a ListedItem<'a>| {
        let mut named = row.partners.clone();
        named.push(element.symbol());
        let sole = named.len() == 1;
        !row.is_heading
            && named.len() <= largest_first.len()
            && largest_first[..named.len()].iter().all(|symbol| named.contains(symbol))
            && (!sole || largest_first.len() == 1 || !is_divided(row))
    };
    let fitting: Vec<_> = rows.iter().filter(fits).copied().collect();
    let most = fitting.iter().map(|row| row.partners.len()).max();
    if let Some(most) = most {
        return fitting.into_iter().filter(|row| row.partners.len() == most).collect();
    }
    // A heading reaches what its sub-items do not name; oxides and compounds have no sub-items.
    rows.iter().filter(|row| row.is_heading || !is_divided(row)).copied().collect()
}

/// Alloys and targets are divided into a heading and named systems.
fn is_divided(row: &ListedItem<'_>) -> bool {
    matches!(row.value.category, ItemCategory::Alloy | ItemCategory::Target)
}

/// Elements that are neither surely absent nor surely there, by what is the matter.
#[derive(Default)]
pub(super) struct SortedElements<'a> {
    traces: Vec<Element>,
    straddling: Vec<Element>,
    not_stated: Vec<Element>,
    candidates: Vec<&'a ListedItem<'a>>,
}

impl<'a> SortedElements<'a> {
    /// Takes note of an element, unless no item about it matters today.
    pub(super) fn add(&mut self, content: Content, element: Element, rows: &[&'a ListedItem<'a>]) {
        let mattering: Vec<_> = rows.iter().filter(|row| row.matters()).copied().collect();
        if mattering.is_empty() {
            return;
        }
        match content {
            Content::UpToLimit => self.traces.push(element),
            Content::Straddles => self.straddling.push(element),
            Content::NotStated => self.not_stated.push(element),
            Content::Absent | Content::AboveLimit => return,
        }
        self.candidates.extend(mattering);
    }

    /// Says what is the matter, once for each kind.
    pub(super) fn tell(self, evidence: &mut Evidence<'_>) {
        let of = |elements: &[Element]| -> Vec<_> {
            let about = |row: &&&ListedItem<'_>| {
                row.value.element.is_some_and(|element| elements.contains(&element))
            };
            self.candidates.iter().filter(about).copied().collect()
        };
        if !self.not_stated.is_empty() {
            evidence.doubt(wording::content_not_stated(&self.not_stated, &of(&self.not_stated)));
        }
        if !self.straddling.is_empty() {
            let doubt = wording::straddles_trace(&self.straddling, &of(&self.straddling));
            evidence.doubt(doubt);
        }
        if !self.traces.is_empty() {
            evidence.doubt(wording::trace(&self.traces, &of(&self.traces)));
        }
        if let Some(row) = evidence.law().trace()
            && !(self.traces.is_empty() && self.straddling.is_empty())
        {
            evidence.rest_on(&format!("parameter {}", row.key), &row.provenance);
        }
    }
}
