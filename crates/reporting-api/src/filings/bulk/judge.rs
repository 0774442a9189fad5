//! Judges the filings of a chunk, one after the other, by the same checks as a single filing.
//!
//! Pure but for new ids: what had to be looked up was looked up for the whole chunk.

use super::{
    order::Waiting,
    overlay::{Overlay, key},
    unit::{Fault, Unit},
};
use crate::filings::{
    check::{Filer, Found, check, lot_id, needs},
    desk::{Sender, content_hash, entry, first_receipt},
    form::FilingForm,
};
use database::{
    bulk_context::{Looked, UsualSize, Wanted},
    filing_context::Replaced,
    filing_writer::Entry,
};
use domain::{
    codes::{FilingKind, LineRole},
    filing::Filing,
    ids::{FilingId, LotId},
    mass::kilograms_of_grams,
};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Fewer lines than this say nothing about what is usual.
const USUAL_LINES: i64 = 20;
/// Tonnes typed as kilograms, or the other way round, are off by a thousand; trades vary by less
/// than this.
const UNUSUAL_FACTOR: i64 = 300;

/// What a filing of a file is found to be.
#[derive(Debug)]
pub(super) enum Judged {
    /// It can be recorded.
    Ready { entry: Box<Entry>, warnings: Vec<Fault> },
    /// Its reference was filed before, by `filing` or by an earlier `line`.
    Before { filing: Option<FilingId>, line: Option<u32>, same_content: bool },
    /// It cannot be recorded.
    Faulty(Vec<Fault>),
    /// It needs lots, or a version to correct, that may still come.
    Waits(Waiting),
}

/// What is known about a chunk.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) looked: Looked,
    /// Versions to be corrected, by reference and the version that corrects.
    pub(super) replaced: HashMap<(String, u16), Replaced>,
}

/// Judges filings of one sender.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) sender: Sender,
    pub(super) overlay: Overlay,
    pub(super) usual: HashMap<String, UsualSize>,
}

/// What must be looked up before these filings can be judged.
pub(super) fn wanted(units: &[Unit], sender: &Sender) -> Wanted {
    let (mut sites, mut products, mut filers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut lots, mut movements) = (BTreeSet::new(), BTreeSet::new());
    let mut references = BTreeSet::new();
    for form in units.iter().filter_map(|unit| unit.form.as_deref().ok()) {
        let needs = needs(form, sender.organisation);
        sites.insert(form.site.clone());
        products.extend(needs.products);
        lots.extend(needs.lots);
        movements.extend(needs.movement);
        filers.extend(needs.client);
        references.insert((form.reference.clone(), version(form)));
    }
    // What Postgres could not read is in no row either.
    let storable = |text: &String| !text.contains('\0');
    Wanted {
        sites: sites.into_iter().filter(storable).collect(),
        products: products.into_iter().filter(storable).collect(),
        lots: lots.into_iter().collect(),
        movements: movements.into_iter().collect(),
        filers: filers.into_iter().filter(storable).collect(),
        references: references.into_iter().filter(|(text, _)| storable(text)).collect(),
    }
}

impl Judge {
    /// Judges one filing. The `last` time nothing waits any more.
    pub(super) fn judge(&mut self, unit: &Unit, known: &Known, last: bool) -> Judged {
        let form = match &unit.form {
            Ok(form) => form,
            Err(faults) => return Judged::Faulty(faults.clone()),
        };
        let content_hash = content_hash(form);
        if let Some(before) = self.before(form, known, &content_hash) {
            return before;
        }
        let filer = Filer {
            id: FilingId::from_uuid(Uuid::now_v7()),
            organisation: self.sender.organisation,
            person: self.sender.person,
            channel: self.sender.channel,
            recorded_at: self.sender.at,
        };
        let found = self.found(form, known);
        if form.correction.is_some() && found.replaced.is_none() && !last {
            return Judged::Waits(self.waiting(form, &found));
        }
        match check(form, &found, filer) {
            Ok(filing) => {
                let warnings = self.warnings(&filing, form);
                self.overlay.add(&filing, unit.place.number, content_hash);
                let traceparent = self.sender.traceparent.clone();
                let first_receipt = first_receipt(form, &found);
                let mut entry = entry(filing, found.replaced, content_hash, traceparent);
                entry.first_receipt = first_receipt;
                Judged::Ready { entry: Box::new(entry), warnings }
            }
            Err(violations) => {
                let may_come = violations.iter().any(|fault| fault.code == "unknown_lot")
                    && form.kind != FilingKind::Receipt;
                if may_come && !last {
                    return Judged::Waits(self.waiting(form, &found));
                }
                Judged::Faulty(violations.into_iter().map(Fault::from).collect())
            }
        }
    }

    /// Whether the reference was filed before, in this file or earlier.
    fn before(&self, form: &FilingForm, known: &Known, hash: &[u8; 32]) -> Option<Judged> {
        let version = version(form);
        if let Some(same) = self.overlay.reference(&form.reference, version, hash) {
            let (filing, line) = (same.filing, Some(same.line));
            return Some(Judged::Before { filing, line, same_content: same.same_content });
        }
        let (filing, content) = known.looked.references.get(&(form.reference.clone(), version))?;
        let same_content = content.as_slice() == hash;
        Some(Judged::Before { filing: Some(*filing), line: None, same_content })
    }

    fn found(&self, form: &FilingForm, known: &Known) -> Found {
        let needs = needs(form, self.sender.organisation);
        let looked = &known.looked;
        let lots = needs.lots.iter().filter_map(|lot| {
            let claim = looked.lots.get(lot).cloned().or_else(|| self.overlay.lot(*lot))?;
            Some((*lot, claim))
        });
        let products = needs.products.iter();
        Found {
            site: looked.sites.get(&form.site).copied(),
            lots: lots.collect(),
            products: products
                .filter_map(|code| Some((code.clone(), looked.products.get(code)?.clone())))
                .collect(),
            movement: needs
                .movement
                .and_then(|name| looked.movements.get(&name).cloned())
                .map(|movement| self.overlay.received(movement)),
            client: needs.client.and_then(|client| looked.filers.get(&client).copied()),
            replaced: known.replaced.get(&(form.reference.clone(), version(form))).cloned(),
        }
    }

    fn waiting(&self, form: &FilingForm, found: &Found) -> Waiting {
        let lot = |text: &String| lot_id(self.sender.organisation, text);
        let made: BTreeSet<LotId> =
            made_by(form).filter_map(|line| line.as_ref().map(lot)).collect();
        let needs = needs(form, self.sender.organisation).lots;
        let missing = needs.into_iter().filter(|lot| !found.lots.contains_key(lot));
        let used: BTreeSet<LotId> =
            used_by(form).filter_map(|line| line.as_ref().map(lot)).collect();
        Waiting {
            needs: missing.filter(|lot| used.contains(lot)).map(key).collect(),
            makes: made.into_iter().map(key).collect(),
        }
    }

    /// Masses that look like a slip of the unit, by what this organisation usually files.
    fn warnings(&self, filing: &Filing, form: &FilingForm) -> Vec<Fault> {
        let mut pointers = pointers(form);
        let mut warnings = Vec::new();
        for line in &filing.lines {
            let Some(pointer) = pointers.next() else { break };
            let (Some(category), grams) = (line.category, line.quantity.grams_signed()) else {
                continue;
            };
            let Some(usual) = self.usual.get(category.as_str()) else { continue };
            let median = usual.median_grams.max(1);
            let unusual = grams.checked_div(median).is_some_and(|times| UNUSUAL_FACTOR <= times)
                || grams.saturating_mul(UNUSUAL_FACTOR) <= median;
            if line.role == LineRole::Measured
                || grams == 0
                || !unusual
                || usual.lines < USUAL_LINES
            {
                continue;
            }
            let detail = format!(
                "{} kg; your lines of {category} are usually about {} kg",
                line.quantity,
                kilograms_of_grams(usual.median_grams)
            );
            warnings.push(
                Fault::new(format!("{pointer}/quantity_kg"), "unusual_magnitude", detail)
                    .expecting(
                        "kilograms: check that the quantity was not typed in tonnes or grams",
                    ),
            );
        }
        warnings
    }
}

/// The version a form will be.
pub(super) fn version(form: &FilingForm) -> u16 {
    form.correction.as_ref().map_or(1, |correction| correction.version)
}

/// Lots as written in lines that make them.
fn made_by(form: &FilingForm) -> impl Iterator<Item = &Option<String>> {
    let makes = matches!(form.kind, FilingKind::Extraction | FilingKind::Import)
        || form.kind == FilingKind::Receipt && form.movement.is_none();
    let lines = form.lines.iter().filter(move |_| makes);
    form.outputs.iter().chain(lines).map(|line| &line.lot)
}

/// Lots as written in lines that use them.
fn used_by(form: &FilingForm) -> impl Iterator<Item = &Option<String>> {
    let makes = matches!(form.kind, FilingKind::Extraction | FilingKind::Import)
        || form.kind == FilingKind::Receipt && form.movement.is_none();
    let lines = form.lines.iter().filter(move |_| !makes);
    form.inputs.iter().chain(lines).map(|line| &line.lot)
}

/// JSON Pointers of a form's lines, in the order in which a filing has them.
fn pointers(form: &FilingForm) -> impl Iterator<Item = String> {
    let parts = [
        ("inputs", form.inputs.len()),
        ("outputs", form.outputs.len()),
        ("losses", form.losses.len()),
        ("lines", form.lines.len()),
    ];
    parts
        .into_iter()
        .flat_map(|(member, count)| (0..count).map(move |index| format!("/{member}/{index}")))
}
