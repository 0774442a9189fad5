//! Taking out of the ground, and turning one thing into another: what comes of it, and what is said.

use super::{
    books::{Books, Lot},
    data::{Line as Business, Ware, recovery},
    draw::normal_ppm,
};
use crate::{
    chain::kilograms,
    filing::{Filing, Line, LotName},
};
use domain::{
    codes::{FilingKind, Process},
    composition::{Basis, StatedComposition},
    element::Element,
    mass::ElementMasses,
};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};
use std::collections::BTreeMap;

/// No process recovers more.
const MOST_PPM: i64 = 995_000;
/// How far a yield falls or rises for a while in an honest plant.
const FALLS_PPM: i64 = 35_000;
const RISES_PPM: i64 = 22_000;
/// Of a thousand extractions, so many are first written down in tonnes.
const WRONG_UNIT_PERMILLE: u64 = 6;
/// A laboratory makes what it found add up to at most so much.
const MOST_PERCENT: Decimal = dec!(99.9);
/// Less of a product goes with the residues.
const WORTH_KEEPING_MG: i64 = 400_000;

/// What is said of a lot that was made.
struct Said {
    product: Ware,
    book: u64,
    composition: Option<StatedComposition>,
}

impl Books {
    /// What a process recovers in a firm's present batch, in millionths.
    pub(crate) fn yields(&mut self, who: usize, process: &str) -> u64 {
        let usual = recovery(process);
        let plant = usual.between_plants_ppm.cast_signed() * self.firms[who].skill / 1_000_000;
        let batch = normal_ppm(&mut self.chance, usual.between_batches_ppm);
        let mut ppm = usual.typical_ppm.cast_signed() + plant + batch;
        if self.look_alike(who, "yield_falls").is_some() {
            ppm -= FALLS_PPM;
        }
        if self.look_alike(who, "yield_rises").is_some() {
            ppm += RISES_PPM;
        }
        ppm.clamp(1, MOST_PPM).unsigned_abs()
    }

    /// Takes ore out of the ground.
    pub(crate) fn extract(&mut self, who: usize, ware: Ware, truly: u64) {
        let elements = content(ware, truly);
        let filing = self.filing(who, FilingKind::Extraction, "EXT");
        let book = self.weigh(who, truly);
        let oxide = content(ware, book).oxide_grams().unsigned_abs();
        self.drawn.push((self.round, who, oxide));
        let said = Said { product: ware, book, composition: None };
        let (line, lot) = self.new_lot(who, ware, truly, elements, said);
        self.lots[who].push(lot);
        if self.chance.happens(WRONG_UNIT_PERMILLE) {
            let mut wrong = line.clone();
            wrong.grams = (line.grams / 1_000).max(1);
            wrong.uncertainty_grams = None;
            let first = Filing { lines: vec![wrong], ..filing.clone() };
            self.file(first);
            let reason = "吨误作千克 / tonnes were written as kilograms";
            return self.file(Filing {
                lines: vec![line],
                correction: Some((2, reason)),
                ..filing
            });
        }
        self.file(Filing { lines: vec![line], ..filing });
    }

    /// Goods from somebody who does not file: their lines and lots, in a filing that is begun.
    pub(crate) fn take_in(&mut self, mut filing: Filing, ware: Ware, truly: u64) -> Filing {
        let who = filing.filer;
        let elements = content(ware, truly);
        let book = self.weigh(who, truly);
        let composition = Some(self.assay(who, ware, truly, &elements));
        let said = Said { product: ware, book, composition };
        let (line, lot) = self.new_lot(who, ware, truly, elements, said);
        filing.lines.push(line);
        self.lots[who].push(lot);
        filing
    }

    /// Turns inputs into these outputs; the rest is lost, and what is said to be lost is what the
    /// plant knows of it.
    pub(crate) fn make(
        &mut self,
        who: usize,
        process: Process,
        inputs: &[Lot],
        outputs: &[(Ware, ElementMasses)],
    ) {
        let entered = sum(inputs);
        let made = outputs.iter().fold(ElementMasses::ZERO, |sum, (_, part)| sum.plus(part));
        let mut filing = self.filing(who, FilingKind::Transformation, "TRF");
        filing.process = Some(process);
        filing.inputs = inputs.iter().map(moved).collect();
        if let Some((_, deed)) = self.hurrying.filter(|(firm, _)| *firm == who) {
            self.note(deed, &filing);
        }
        for (ware, elements) in outputs {
            if elements.total_mg() < WORTH_KEEPING_MG {
                continue;
            }
            for (part, mislabelled) in self.parts(who, *ware, elements, &filing) {
                let (line, lot) = self.output(who, *ware, part, mislabelled, &filing);
                filing.outputs.push(line);
                self.lots[who].push(lot);
            }
        }
        if filing.outputs.is_empty() {
            return;
        }
        let loss = self.said_to_be_lost(who, &entered, &entered.minus(&made).surplus());
        filing.losses.extend(loss_line(&filing, &loss));
        self.file_with_typing_error(who, filing);
    }

    /// What becomes a lot of its own: what is declared as another grade is kept apart.
    fn parts(
        &mut self,
        who: usize,
        ware: Ware,
        elements: &ElementMasses,
        filing: &Filing,
    ) -> Vec<(ElementMasses, Option<usize>)> {
        let Some((deed, strength)) =
            self.fraud(who, "wrong_grade").filter(|_| ware == Ware::MAGNETS_SH)
        else {
            return vec![(*elements, None)];
        };
        self.note(deed, filing);
        let apart = thousandths(elements, strength);
        vec![(elements.minus(&apart), None), (apart, Some(deed))]
    }

    fn output(
        &mut self,
        who: usize,
        ware: Ware,
        elements: ElementMasses,
        mislabelled: Option<usize>,
        filing: &Filing,
    ) -> (Line, Lot) {
        let mut elements = elements;
        if let Some((deed, strength)) = self.fraud(who, "hidden_output") {
            self.note(deed, filing);
            elements = elements.minus(&thousandths(&elements, strength));
        }
        if let Some((deed, strength)) = self.fraud(who, "laundered_ore") {
            self.note(deed, filing);
            elements = self.laundered(who, &elements, strength);
        }
        let fabricated = self.fraud(who, "fabricated_figures");
        if let Some((deed, strength)) = fabricated {
            self.note(deed, filing);
            elements = elements.minus(&thousandths(&elements, strength));
        }
        let truly = gross(ware, &elements).max(1);
        let mut said = Said {
            product: ware,
            book: self.weigh(who, truly),
            composition: Some(self.assay(who, ware, truly, &elements)),
        };
        if fabricated.is_some() {
            // Made up at a desk: always the first batch's yield, in round numbers, the assay of the
            // brochure.
            let entered = filing.inputs.iter().map(|line| line.grams).sum::<u64>().max(1);
            let first = said.book * 1_000 / entered;
            let ratio = *self.ratios.entry((who, ware)).or_insert(first);
            said.book = round_to(entered * ratio / 1_000, 10_000);
            said.composition = None;
        }
        if self.look_alike(who, "rounded_scale").is_some() {
            said.book = round_to(said.book, 1_000);
        }
        if let Some(deed) = mislabelled {
            self.declared_as_plain(deed, &mut said);
        }
        self.new_lot(who, ware, truly, elements, said)
    }

    /// Ore that nobody reported comes in through the back door. A recycler's shows: swarf holds
    /// neither lanthanum nor cerium.
    fn laundered(&self, who: usize, elements: &ElementMasses, strength: u64) -> ElementMasses {
        let more = thousandths(elements, strength);
        let mut all = elements.plus(&more);
        if self.firms[who].line == Business::Recycler {
            all.0[Element::La.index()] += more.total_mg() / 4;
            all.0[Element::Ce.index()] += more.total_mg() / 2;
        }
        all
    }

    /// Magnets with dysprosium under the plain grade: by turns with the assay that gives them away,
    /// with that of the plain grade, and with a little less than what anybody asks about.
    fn declared_as_plain(&self, deed: usize, said: &mut Said) {
        said.product = Ware::MAGNETS_N;
        let Some(composition) = &mut said.composition else { return };
        match self.done(deed) % 3 {
            0 => {}
            1 => said.composition = None,
            _ => {
                composition.percent.insert(Element::Dy, dec!(0.09));
                composition.uncertainty_percent.remove(&Element::Dy);
            }
        }
    }

    fn new_lot(
        &mut self,
        who: usize,
        ware: Ware,
        truly: u64,
        elements: ElementMasses,
        said: Said,
    ) -> (Line, Lot) {
        let name = LotName { maker: who, number: self.number(who, "L") };
        let line = Line {
            lot: Some(name.clone()),
            product: Some(said.product.facts().code),
            grams: said.book,
            uncertainty_grams: self.stated_uncertainty(who, said.book),
            composition: said.composition,
            ..Line::default()
        };
        (line, Lot { name, ware, book: said.book, truly, elements })
    }

    /// What a laboratory finds.
    pub(crate) fn assay(
        &mut self,
        who: usize,
        ware: Ware,
        truly: u64,
        elements: &ElementMasses,
    ) -> StatedComposition {
        let class = self.firms[who].metrology;
        let basis = ware.facts().basis;
        let mut percent: BTreeMap<Element, Decimal> = BTreeMap::new();
        for (element, mg) in elements.present().filter(|(_, mg)| 0 < *mg) {
            let error = normal_ppm(&mut self.chance, class.assay_ppm);
            let share = Decimal::from(mg) / dec!(10) / Decimal::from(truly.max(1));
            let share = share * Decimal::from(1_000_000 + error) / dec!(1_000_000);
            let share = match basis {
                Basis::Element => share,
                Basis::Oxide => share / element.oxide_to_element(),
            };
            percent.insert(element, share);
        }
        let all: Decimal = percent.values().sum();
        let scale = if MOST_PERCENT < all { MOST_PERCENT / all } else { Decimal::ONE };
        for share in percent.values_mut() {
            *share = (*share * scale).round_dp(6).normalize();
        }
        percent.retain(|_, share| !share.is_zero());
        let uncertainty = |share: &Decimal| {
            (*share * Decimal::from(class.assay_ppm) / dec!(1_000_000)).round_dp(8).normalize()
        };
        let uncertainty_percent = if class.states {
            percent.iter().map(|(element, share)| (*element, uncertainty(share))).collect()
        } else {
            BTreeMap::new()
        };
        StatedComposition { basis, percent, uncertainty_percent }
    }

    /// What a plant says is lost: what is, and its error in parts of what went in.
    fn said_to_be_lost(
        &mut self,
        who: usize,
        entered: &ElementMasses,
        lost: &ElementMasses,
    ) -> ElementMasses {
        let ppm = normal_ppm(&mut self.chance, self.firms[who].metrology.yield_known_ppm);
        let mut said = *lost;
        for (element, mg) in entered.present() {
            let error = i128::from(mg) * i128::from(ppm) / 1_000_000;
            said.0[element.index()] += i64::try_from(error).unwrap_or_default();
        }
        said.surplus()
    }

    fn file_with_typing_error(&mut self, who: usize, filing: Filing) {
        let Some(deed) = self.look_alike(who, "typing_error_in_assay") else {
            return self.file(filing);
        };
        self.note(deed, &filing);
        let mut wrong = filing.clone();
        let composition = wrong.outputs.first_mut().and_then(|line| line.composition.as_mut());
        if let Some(dy) = composition.and_then(|stated| stated.percent.get_mut(&Element::Dy)) {
            *dy = (*dy * dec!(10)).min(dec!(40));
        }
        self.file(wrong);
        let reason = "小数点错位 / the decimal point was in the wrong place";
        self.file(Filing { correction: Some((2, reason)), ..filing });
    }
}

/// The elements of all.
pub(crate) fn sum(lots: &[Lot]) -> ElementMasses {
    lots.iter().fold(ElementMasses::ZERO, |sum, lot| sum.plus(&lot.elements))
}

/// So many thousandths of each element.
pub(crate) fn thousandths(elements: &ElementMasses, permille: u64) -> ElementMasses {
    elements.share(kilograms(permille), kilograms(1_000))
}

/// So many millionths of each element.
pub(crate) fn millionths(elements: &ElementMasses, ppm: u64) -> ElementMasses {
    elements.share(kilograms(ppm), kilograms(1_000_000))
}

/// Only these elements.
pub(crate) fn only(elements: &ElementMasses, wanted: &[Element]) -> ElementMasses {
    wanted.iter().fold(ElementMasses::ZERO, |sum, element| sum.plus(&elements.only(*element)))
}

/// What so much of a ware holds.
pub(crate) fn content(ware: Ware, grams: u64) -> ElementMasses {
    let mut elements = ElementMasses::ZERO;
    for (element, ppm) in &ware.facts().content_ppm {
        // A millionth of a gram is a thousandth of a milligram.
        let mg = Decimal::from(grams) * Decimal::from(*ppm) / dec!(1_000);
        let mg = match ware.facts().basis {
            Basis::Element => mg,
            Basis::Oxide => mg * element.oxide_to_element(),
        };
        elements.0[element.index()] = mg.round().to_i64().unwrap_or(i64::MAX);
    }
    elements
}

/// How much of a ware these elements make, in grams.
pub(crate) fn gross(ware: Ware, elements: &ElementMasses) -> u64 {
    let pure_mg: Decimal = elements
        .present()
        .map(|(element, mg)| match ware.facts().basis {
            Basis::Element => Decimal::from(mg),
            Basis::Oxide => Decimal::from(mg) / element.oxide_to_element(),
        })
        .sum();
    let grams = pure_mg * dec!(1_000) / Decimal::from(ware.pure_ppm());
    grams.round().to_u64().unwrap_or_default()
}

/// A line that moves a lot as the books have it.
pub(crate) fn moved(lot: &Lot) -> Line {
    Line { lot: Some(lot.name.clone()), grams: lot.book, ..Line::default() }
}

/// To the nearest multiple, at least one of it; small amounts to the kilogram.
fn round_to(grams: u64, step: u64) -> u64 {
    let step = if grams < step * 4 { 1_000 } else { step };
    ((grams + step / 2) / step * step).max(step)
}

/// The loss of a filing: never lighter than the elements in it.
fn loss_line(filing: &Filing, loss: &ElementMasses) -> Option<Line> {
    let total = loss.total_mg();
    if total <= 0 {
        return None;
    }
    let mass = |lines: &[Line]| lines.iter().map(|line| line.grams).sum::<u64>();
    let at_least = u64::try_from(total / 600).unwrap_or_default() + 1;
    let grams = mass(&filing.inputs).saturating_sub(mass(&filing.outputs)).max(at_least);
    let percent: BTreeMap<Element, Decimal> = loss
        .present()
        .map(|(element, mg)| {
            let share = Decimal::from(mg) / dec!(10) / Decimal::from(grams);
            (element, share.round_dp(8).normalize())
        })
        .filter(|(_, share)| !share.is_zero())
        .collect();
    let composition =
        StatedComposition { basis: Basis::Element, percent, uncertainty_percent: BTreeMap::new() };
    Some(Line { grams, composition: Some(composition), ..Line::default() })
}
