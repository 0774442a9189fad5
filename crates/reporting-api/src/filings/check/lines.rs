//! The lines of a form: lots that are made, lots that are known, what was refused.

use super::{CODE_LENGTH_LIMIT, Check, lot_id};
use crate::filings::form::LineForm;
use domain::{
    codes::{FilingKind, LineRole, Outcome},
    composition::Composition,
    element::Element,
    filing::Line,
    ids::LotId,
    mass::{ElementMasses, Kilograms},
};
use rust_decimal::{Decimal, RoundingStrategy, dec, prelude::ToPrimitive};
use std::collections::HashSet;
use uuid::Uuid;

const LINES_LIMIT: usize = 1_000;
const EDGES_LIMIT: usize = 10_000;

impl Check<'_> {
    pub(super) fn lines(&mut self) -> Vec<Line> {
        let form = self.form;
        let count = form.inputs.len() + form.outputs.len() + form.losses.len() + form.lines.len();
        if LINES_LIMIT < count {
            let expected = format!("at most {LINES_LIMIT} lines in one filing");
            self.fault("", "too_many_lines", format!("{count} lines"), Some(&expected));
            return Vec::new();
        }
        if EDGES_LIMIT < form.inputs.len() * form.outputs.len() {
            let expected = format!("at most {EDGES_LIMIT} pairs of an input and an output");
            self.fault(
                "/inputs",
                "too_many_pairs",
                "too many lots for one process",
                Some(&expected),
            );
        }
        let role = match form.kind {
            FilingKind::Extraction | FilingKind::Import => LineRole::Output,
            FilingKind::Receipt if form.movement.is_none() => LineRole::Output,
            FilingKind::Stocktake => LineRole::Measured,
            _ => LineRole::Item,
        };
        let parts = [
            ("inputs", LineRole::Input, &form.inputs),
            ("outputs", LineRole::Output, &form.outputs),
            ("losses", LineRole::Loss, &form.losses),
            ("lines", role, &form.lines),
        ];
        let mut lines = Vec::with_capacity(count);
        let mut seen = HashSet::new();
        for (member, role, forms) in parts {
            for (index, line) in forms.iter().enumerate() {
                let pointer = format!("/{member}/{index}");
                let number = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX);
                let line = self.line(&pointer, role, number, line);
                let once = role == LineRole::Output;
                if once && line.lot.is_some_and(|lot| !seen.insert(lot)) {
                    let detail = "this lot stands in another line already";
                    self.fault(
                        &format!("{pointer}/lot"),
                        "lot_twice",
                        detail,
                        Some("one line per lot"),
                    );
                }
                lines.push(line);
            }
        }
        lines
    }

    fn line(&mut self, pointer: &str, role: LineRole, number: u16, form: &LineForm) -> Line {
        let quantity = self.mass(&format!("{pointer}/quantity_kg"), &form.quantity_kg);
        let mut line = Line {
            number,
            role,
            lot: None,
            lot_number: None,
            product: None,
            category: None,
            hs_code: None,
            grade: None,
            quantity: quantity.unwrap_or_default(),
            refused: Kilograms::ZERO,
            uncertainty: self.uncertainty(pointer, form).unwrap_or_default(),
            elements: ElementMasses::ZERO,
            elements_sigma_mg: Default::default(),
            unit_price: self.money(&format!("{pointer}/unit_price"), form.unit_price.as_ref()),
        };
        let stated = form.composition.as_ref().and_then(|stated| {
            let composition = Composition::try_from(stated);
            composition
                .map_err(|error| {
                    let pointer = format!("{pointer}/composition");
                    self.fault(&pointer, "invalid_composition", error.to_string(), None);
                })
                .ok()
        });
        match role {
            LineRole::Output => self.new_lot(pointer, form, &mut line, stated.as_ref()),
            LineRole::Loss => self.not_here(
                pointer,
                &[("lot", form.lot.is_some()), ("product", form.product.is_some())],
            ),
            LineRole::Input | LineRole::Item | LineRole::Measured => {
                self.known_lot(pointer, form, &mut line);
            }
        }
        if let Some(composition) = &stated {
            line.elements = ElementMasses::in_mass(line.quantity, composition);
            line.elements_sigma_mg = sigma_mg(line.quantity, composition);
        }
        self.refused(pointer, form, &mut line);
        let may_be_nothing = role == LineRole::Measured || self.form.kind == FilingKind::Receipt;
        if quantity == Some(Kilograms::ZERO) && !may_be_nothing {
            let detail = "nothing was moved";
            self.fault(&format!("{pointer}/quantity_kg"), "nothing", detail, Some("more than 0"));
        }
        line
    }

    fn uncertainty(&mut self, pointer: &str, form: &LineForm) -> Option<Kilograms> {
        let text = form.uncertainty_kg.as_ref()?;
        self.mass(&format!("{pointer}/uncertainty_kg"), text)
    }

    fn new_lot(
        &mut self,
        pointer: &str,
        form: &LineForm,
        line: &mut Line,
        stated: Option<&Composition>,
    ) {
        let lot_pointer = format!("{pointer}/lot");
        match form.lot.as_deref() {
            None => self.fault(&lot_pointer, "missing", "a new lot needs a number of yours", None),
            Some(number) if Uuid::try_parse(number).is_ok() => {
                let detail = "a new lot has a number of yours, not an id";
                self.fault(&lot_pointer, "not_a_number", detail, None);
            }
            Some(number) => {
                line.lot_number = self.text(&lot_pointer, number, CODE_LENGTH_LIMIT);
                let lot = LotId::of(self.filer.organisation, number);
                line.lot = Some(lot);
                let corrected = self.found.replaced.as_ref();
                let made_before = corrected
                    .is_some_and(|replaced| replaced.lots.iter().any(|(id, ..)| *id == lot));
                if self.found.lots.contains_key(&lot) && !made_before {
                    let detail = format!("you have filed a lot {number:?} before");
                    self.fault(&lot_pointer, "lot_number_taken", detail, Some("a new number"));
                }
            }
        }
        let product = form.product.as_ref().and_then(|code| self.found.products.get(code));
        let Some(product) = product else {
            let detail = match &form.product {
                Some(code) => format!("you have no product with the code {code:?}"),
                None => "a new lot needs a product".to_owned(),
            };
            let expected = Some("the code of a product in your catalogue");
            return self.fault(&format!("{pointer}/product"), "unknown_product", detail, expected);
        };
        line.product = Some(product.id);
        line.category = Some(product.category);
        line.hs_code = Some(product.hs_code.clone());
        line.grade.clone_from(&product.grade);
        if stated.is_none() {
            line.elements = ElementMasses::in_mass(line.quantity, &product.composition);
            line.elements_sigma_mg = sigma_mg(line.quantity, &product.composition);
        }
    }

    fn known_lot(&mut self, pointer: &str, form: &LineForm, line: &mut Line) {
        self.not_here(pointer, &[("product", form.product.is_some())]);
        let lot_pointer = format!("{pointer}/lot");
        let Some(text) = form.lot.as_deref() else {
            return self.fault(&lot_pointer, "missing", "say which lot", None);
        };
        let lot = lot_id(self.filer.organisation, text);
        let of_movement = self.form.kind == FilingKind::Receipt;
        let claim = if of_movement {
            let moved = self.found.movement.iter().flat_map(|movement| &movement.lots);
            moved.into_iter().find(|claim| claim.id == lot)
        } else {
            self.found.lots.get(&lot)
        };
        let Some(claim) = claim else {
            let detail = if of_movement {
                format!("no lot {text:?} is in this movement")
            } else {
                format!("there is no lot {text:?} that you made or were sent")
            };
            let expected = Some("a lot number of yours, or the id of a lot sent to you");
            return self.fault(&lot_pointer, "unknown_lot", detail, expected);
        };
        line.lot = Some(lot);
        line.category = Some(claim.category);
        line.hs_code.clone_from(&claim.hs_code);
        line.grade.clone_from(&claim.grade);
        line.elements = claim.elements.share(line.quantity, claim.quantity);
    }

    fn refused(&mut self, pointer: &str, form: &LineForm, line: &mut Line) {
        let refused_pointer = format!("{pointer}/refused_kg");
        let is_receipt = self.form.kind == FilingKind::Receipt && self.form.movement.is_some();
        if !is_receipt {
            return self.not_here(pointer, &[("refused_kg", form.refused_kg.is_some())]);
        }
        if let Some(text) = &form.refused_kg {
            line.refused = self.mass(&refused_pointer, text).unwrap_or_default();
        }
        let (accepted, refused) = (line.quantity.grams(), line.refused.grams());
        match self.form.outcome {
            Some(Outcome::Satisfactory) if 0 < refused => {
                let detail = "goods that were refused were not satisfactory";
                self.fault(
                    &refused_pointer,
                    "outcome_differs",
                    detail,
                    Some("0, or another outcome"),
                );
            }
            Some(Outcome::Refused) if 0 < accepted => {
                let detail = "refused goods do not come into stock";
                let pointer = format!("{pointer}/quantity_kg");
                self.fault(&pointer, "outcome_differs", detail, Some("0, or partially_refused"));
            }
            _ => {}
        }
    }

    fn not_here(&mut self, pointer: &str, members: &[(&str, bool)]) {
        for (member, _) in members.iter().filter(|(_, present)| *present) {
            let detail = format!("this line has no `{member}`");
            self.fault(
                &format!("{pointer}/{member}"),
                "out_of_place",
                detail,
                Some("leave it out"),
            );
        }
    }
}

/// One standard deviation of each element's mass, in milligrams.
fn sigma_mg(quantity: Kilograms, composition: &Composition) -> [i64; 17] {
    Element::ALL.map(|element| {
        let share = composition.uncertainty_percent(element) / dec!(100);
        let sigma = Decimal::from(quantity.grams()) * dec!(1_000) * share;
        sigma.round_dp_with_strategy(0, RoundingStrategy::AwayFromZero).to_i64().unwrap_or(i64::MAX)
    })
}
