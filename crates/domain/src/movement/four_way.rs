//! What a movement is matched with beside the receipt: the tax authority's invoices and the
//! customs' declarations.
//!
//! For officials alone: what they go by never reaches those who file. Each leg says that it
//! matches, in what it differs, that it is missing (and whether it is overdue) or that several
//! papers fit equally well. Nothing is refused here, and nothing is guessed.

use super::{
    comparison::StatedLot,
    oxide::{OxideContent, grams},
    standing::BothSides,
};
use crate::{
    codes::words,
    element::Element,
    metrology::{Metrology, Sum},
};
use jiff::{ToSpan, civil::Date};
use rust_decimal::Decimal;

words! {
    /// How a leg of the match stands.
    LegState {
        /// It says the same, as well as it can be measured.
        Matched = "matched",
        /// It says something else.
        Differs = "differs",
        /// It is missing, and there is time yet.
        NotYetDue = "not_yet_due",
        /// It is missing and should be there.
        Overdue = "overdue",
        /// Several papers fit, and nothing tells which one is meant.
        Ambiguous = "ambiguous",
        /// There is no such leg.
        NotApplicable = "not_applicable",
    }
}

words! {
    /// In what a paper differs from the filings it is about.
    Difference {
        /// How much it is, beyond what both can measure.
        Quantity = "quantity",
        /// Which elements it is.
        Elements = "elements",
        /// What it cost.
        Amount = "amount",
        /// In which currency.
        Currency = "currency",
        /// Who sold it.
        Seller = "seller",
        /// Who bought it.
        Buyer = "buyer",
        /// Who exported it.
        Exporter = "exporter",
        /// When.
        Date = "date",
        /// Where it goes.
        Destination = "destination",
        /// What it is, by its customs code.
        HsCode = "hs_code",
        /// Under which licence.
        Licence = "licence",
    }
}

/// What a match is judged by: numbers that officials use, dated elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchTerms {
    /// By how many standard deviations quantities may be apart.
    pub sigmas: f64,
    /// Quantities apart by no more are rounding, in milligrams.
    pub floor_mg: f64,
    /// How sure quantities are for which nothing was stated.
    pub class: Metrology,
    /// By how much amounts may be apart, in percent of the larger.
    pub amount_percent: Decimal,
    /// How far the day of a paper may be from that of the goods.
    pub window_days: i32,
    /// Within how many days of the goods a paper should be there.
    pub due_days: i32,
}

/// What two sides say a quantity is, in oxide equivalent or in kilograms of goods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantities {
    /// As filed.
    pub filed_grams: i64,
    /// As the paper says.
    pub stated_grams: i64,
    /// How far they are apart, in standard deviations of both together.
    pub sigmas: f64,
}

/// What two sides say goods cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// As filed.
    pub filed: Decimal,
    /// As the paper says.
    pub stated: Decimal,
    /// In which currency, of both.
    pub currency: String,
}

/// How a leg stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// Whether it is there, and agrees.
    pub state: LegState,
    /// By when it should be there; only of one that is missing.
    pub due: Option<Date>,
    /// The quantities compared, where there is something to compare.
    pub quantities: Option<Quantities>,
    /// The amounts compared, where both sides say any.
    pub amounts: Option<Amounts>,
    /// In what it differs, each once.
    pub differences: Vec<Difference>,
    /// The elements in which it differs.
    pub elements: Vec<Element>,
    /// The papers: their numbers.
    pub papers: Vec<String>,
}

impl Leg {
    /// A leg with nothing in it yet.
    pub const fn empty(state: LegState) -> Self {
        Self {
            state,
            due: None,
            quantities: None,
            amounts: None,
            differences: Vec::new(),
            elements: Vec::new(),
            papers: Vec::new(),
        }
    }

    /// A leg that is not there, of goods that left on a day.
    pub fn missing(terms: &MatchTerms, left_on: Date, today: Date) -> Self {
        let due = left_on.saturating_add(terms.due_days.days());
        let state = if due < today { LegState::Overdue } else { LegState::NotYetDue };
        Self { due: Some(due), ..Self::empty(state) }
    }

    /// The leg of the receipt: all that arrived against all that was sent, in oxide equivalent, and
    /// in mass as well, of which what was refused is part.
    pub fn of_receipt(terms: &MatchTerms, sides: &BothSides) -> Self {
        let received: Vec<&StatedLot> =
            sides.receipts.iter().flat_map(|receipt| &receipt.lots).collect();
        let sent: Vec<&StatedLot> = sides.sent.iter().collect();
        let mut leg = Self::empty(LegState::Matched);
        let (masses, mass_differs) = terms.compare(&weighed(&sent), &weighed(&received));
        leg.quantities = Some(masses);
        let mut differs = mass_differs;
        if received.iter().all(|lot| lot.refused_grams == 0) {
            let (oxides, differ) = terms.compare(&content(&sent).total, &content(&received).total);
            leg.quantities = Some(oxides);
            differs |= differ;
        }
        if differs {
            leg.differs_in(Difference::Quantity);
        }
        leg.judged()
    }

    pub(super) fn differs_in(&mut self, difference: Difference) {
        if !self.differences.contains(&difference) {
            self.differences.push(difference);
        }
    }

    /// The leg, once everything was compared.
    pub(super) fn judged(mut self) -> Self {
        self.differences.sort_unstable();
        let agrees = self.differences.is_empty();
        self.state = if agrees { LegState::Matched } else { LegState::Differs };
        self
    }
}

impl MatchTerms {
    /// Whether two quantities are further apart than measurement explains, and by how much.
    pub(super) fn compare(&self, filed: &Sum, stated: &Sum) -> (Quantities, bool) {
        let sigmas = super::oxide::sigmas_apart(filed, stated, &self.class);
        let apart_mg = filed.mass_mg.saturating_sub(stated.mass_mg);
        let beyond = self.floor_mg < crate::metrology::real(apart_mg).abs() && self.sigmas < sigmas;
        let quantities =
            Quantities { filed_grams: grams(filed), stated_grams: grams(stated), sigmas };
        (quantities, beyond)
    }

    /// Whether amounts are further apart than rounding and rebates explain, once the filed one is
    /// taken at the paper's quantity: what two scales cannot tell is no other price.
    pub(super) fn amounts_differ(&self, amounts: &Amounts, filed: &Sum, stated: &Sum) -> bool {
        if filed.mass_mg <= 0 {
            return false;
        }
        let ratio = Decimal::from(stated.mass_mg) / Decimal::from(filed.mass_mg);
        let expected = amounts.filed.saturating_mul(ratio);
        let allowed = expected.max(amounts.stated).saturating_mul(self.amount_percent);
        let apart = expected.saturating_sub(amounts.stated).abs();
        allowed < apart.saturating_mul(Decimal::ONE_HUNDRED)
    }

    /// Whether a paper's day is too far from the goods'.
    pub(super) fn days_differ(&self, goods: Date, paper: Date) -> bool {
        let days = goods.until(paper).map_or(i32::MAX, |span| span.get_days().abs());
        self.window_days < days
    }
}

fn weighed(lots: &[&StatedLot]) -> Sum {
    let mut sum = Sum::NOTHING;
    for lot in lots {
        let grams = lot.grams.saturating_add(lot.refused_grams);
        sum.add(grams.saturating_mul(1_000), lot.uncertainty_grams.saturating_mul(1_000));
    }
    sum
}

fn content(lots: &[&StatedLot]) -> OxideContent {
    let mut content = OxideContent::NOTHING;
    for lot in lots {
        content.add(&lot.elements, &lot.sigma_mg);
    }
    content
}
