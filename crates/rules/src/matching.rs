//! Do invoices and customs declarations say what was filed?

use crate::{
    Abstention, Evidence, FilingContext, Outcome, ParameterName, Parameters, Subject,
    balance::metrology, finding::Opinion, statistics::stated,
};
use domain::{
    codes::Severity,
    element::Element,
    ids::{FilingId, MovementId},
    mass::kilograms_of_grams,
    movement::{Difference, Leg, LegState, MatchTerms, Quantities},
    regime::Sentence,
};
use rust_decimal::Decimal;
use serde::Serialize;

/// A dispatch that its invoices do not agree with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferentInvoice {
    /// Which movement.
    pub movement: MovementId,
    /// The numbers of the invoices.
    pub invoices: Vec<String>,
    /// In what they differ.
    pub differences: Vec<Difference>,
    /// The elements in which they differ.
    pub elements: Vec<Element>,
    /// What was dispatched, in oxide equivalent; absent where nothing could be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatched_oxide_grams: Option<i64>,
    /// What was invoiced for it, in oxide equivalent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoiced_oxide_grams: Option<i64>,
    /// How far the two are apart, in standard deviations of both together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigmas: Option<Decimal>,
    /// Other movements that the same invoices settle.
    pub settled_with: Vec<MovementId>,
}

/// An export that its customs declaration does not agree with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferentDeclaration {
    /// The filing.
    pub filing: FilingId,
    /// The number of the declaration.
    pub declaration: Vec<String>,
    /// In what it differs.
    pub differences: Vec<Difference>,
    /// What was filed, over all exports of the declaration; absent where nothing could be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filed_grams: Option<i64>,
    /// What was declared, net.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_grams: Option<i64>,
    /// How far the two are apart, in standard deviations of both together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigmas: Option<Decimal>,
    /// Other exports under the same declaration.
    pub declared_with: Vec<FilingId>,
}

/// What matches are judged by, from the numbers that hold.
pub fn match_terms(parameters: &Parameters) -> MatchTerms {
    let days = |name| i32::try_from(parameters.whole(name)).unwrap_or(i32::MAX).min(36_500);
    MatchTerms {
        sigmas: parameters.real(ParameterName::MatchSigmas),
        floor_mg: parameters.real(ParameterName::ElementFloorMg),
        class: metrology(parameters),
        amount_percent: parameters.get(ParameterName::MatchAmountPercent),
        window_days: days(ParameterName::MatchWindowDays),
        due_days: days(ParameterName::MatchDueDays),
    }
}

/// Flags movements that differ from the invoices which the tax authority handed in for them, with
/// all others that the same invoices settle.
///
/// Row 9 of the domain's facts: invoices state oxide equivalents. Until one is there: abstains.
pub(crate) fn invoice(context: &FilingContext) -> Vec<Opinion> {
    let Some(settlement) = &context.settlement else { return Vec::new() };
    let terms = match_terms(&context.law.parameters);
    let matches = settlement.matches(&terms, context.day());
    let movements: Vec<MovementId> = matches.iter().map(|matched| matched.movement).collect();
    let opinion = |matched: domain::movement::InvoiceMatch| {
        let movement = matched.movement;
        let leg = matched.leg;
        let outcome = outcome(&leg, |leg| {
            let (filed, invoiced, sigmas) = figures(leg.quantities);
            Evidence::DifferentInvoice(DifferentInvoice {
                movement,
                invoices: leg.papers.clone(),
                differences: leg.differences.clone(),
                elements: leg.elements.clone(),
                dispatched_oxide_grams: filed,
                invoiced_oxide_grams: invoiced,
                sigmas,
                settled_with: movements.iter().copied().filter(|it| *it != movement).collect(),
            })
        });
        Opinion::new(Subject::Movement(movement), Some(matched.seller), outcome)
    };
    matches.into_iter().map(opinion).collect()
}

/// Flags exports that differ from the customs declaration they name, with all others that name it.
///
/// Typologies 6 and 7. Until the customs handed the declaration in: abstains.
pub(crate) fn declaration(context: &FilingContext) -> Vec<Opinion> {
    let Some(declared) = &context.declared else { return Vec::new() };
    let terms = match_terms(&context.law.parameters);
    let matches = declared.matches(&terms, context.day());
    let filings: Vec<FilingId> = matches.iter().map(|(filing, ..)| *filing).collect();
    let opinion = |(filing, exporter, leg): (FilingId, _, Leg)| {
        let outcome = outcome(&leg, |leg| {
            let (filed_grams, declared_grams, sigmas) = figures(leg.quantities);
            Evidence::DifferentDeclaration(DifferentDeclaration {
                filing,
                declaration: leg.papers.clone(),
                differences: leg.differences.clone(),
                filed_grams,
                declared_grams,
                sigmas,
                declared_with: filings.iter().copied().filter(|it| *it != filing).collect(),
            })
        });
        Opinion::new(Subject::Filing(filing), Some(exporter), outcome)
    };
    matches.into_iter().map(opinion).collect()
}

fn outcome(leg: &Leg, evidence: impl FnOnce(&Leg) -> Evidence) -> Outcome<(Severity, Evidence)> {
    match leg.state {
        LegState::Matched => Outcome::Clean,
        LegState::Differs => Outcome::Found((severity(leg), evidence(leg))),
        LegState::Ambiguous | LegState::NotApplicable | LegState::NotYetDue | LegState::Overdue => {
            Outcome::Abstained(Abstention::NoCounterpart)
        }
    }
}

/// Another party, other elements or a quantity that is off by more than a tenth is worth a visit.
fn severity(leg: &Leg) -> Severity {
    use Difference::{Elements, Exporter, Seller};
    let grave = leg.differences.iter().any(|it| matches!(it, Elements | Exporter | Seller));
    let large = leg.differences.contains(&Difference::Quantity)
        && leg.quantities.is_some_and(|it| {
            it.filed_grams.unsigned_abs() / 10 < it.filed_grams.abs_diff(it.stated_grams)
        });
    if grave || large { Severity::Alert } else { Severity::Warning }
}

fn figures(quantities: Option<Quantities>) -> (Option<i64>, Option<i64>, Option<Decimal>) {
    let grams = |pick: fn(Quantities) -> i64| quantities.map(pick);
    let sigmas = quantities.and_then(|it| stated(it.sigmas));
    (grams(|it| it.filed_grams), grams(|it| it.stated_grams), sigmas)
}

const fn word(difference: Difference) -> (&'static str, &'static str) {
    match difference {
        Difference::Quantity => ("数量", "quantity"),
        Difference::Elements => ("元素", "elements"),
        Difference::Amount => ("金额", "amount"),
        Difference::Currency => ("币种", "currency"),
        Difference::Seller => ("销售方", "seller"),
        Difference::Buyer => ("购买方", "buyer"),
        Difference::Exporter => ("出口方", "exporter"),
        Difference::Date => ("日期", "date"),
        Difference::Destination => ("目的地", "destination"),
        Difference::HsCode => ("商品编码", "customs code"),
        Difference::Licence => ("许可证", "licence"),
    }
}

fn words(differences: &[Difference]) -> (String, String) {
    let zh: Vec<_> = differences.iter().map(|it| word(*it).0).collect();
    let en: Vec<_> = differences.iter().map(|it| word(*it).1).collect();
    (zh.join("、"), en.join(", "))
}

impl DifferentInvoice {
    pub(crate) fn sentence(&self) -> Sentence {
        let (zh, en) = words(&self.differences);
        let papers = self.invoices.join(", ");
        let quantities = self.dispatched_oxide_grams.zip(self.invoiced_oxide_grams);
        let quantities = quantities.filter(|_| self.differences.contains(&Difference::Quantity));
        let (zh_kg, en_kg) = quantities.map_or_else(Default::default, |(sent, invoiced)| {
            let (sent, invoiced) = (kilograms_of_grams(sent), kilograms_of_grams(invoiced));
            (
                format!("：发货折氧化物 {sent} 千克，开票 {invoiced} 千克"),
                format!(": {sent} kg of oxides were dispatched and {invoiced} kg invoiced"),
            )
        });
        Sentence::new(
            format!("发票 {papers} 与发货申报不一致（{zh}）{zh_kg}。"),
            format!("Invoice {papers} does not agree with the dispatch ({en}){en_kg}."),
        )
    }
}

impl DifferentDeclaration {
    pub(crate) fn sentence(&self) -> Sentence {
        let (zh, en) = words(&self.differences);
        let paper = self.declaration.join(", ");
        let quantities = self.filed_grams.zip(self.declared_grams);
        let quantities = quantities.filter(|_| self.differences.contains(&Difference::Quantity));
        let (zh_kg, en_kg) = quantities.map_or_else(Default::default, |(filed, declared)| {
            let (filed, declared) = (kilograms_of_grams(filed), kilograms_of_grams(declared));
            (
                format!("：申报出口 {filed} 千克，报关净重 {declared} 千克"),
                format!(": {filed} kg were filed and {declared} kg declared net"),
            )
        });
        Sentence::new(
            format!("报关单 {paper} 与出口申报不一致（{zh}）{zh_kg}。"),
            format!(
                "Customs declaration {paper} does not agree with the export filed ({en}){en_kg}."
            ),
        )
    }
}
