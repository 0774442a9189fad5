//! Has more of a lot been used than there was?

use crate::{
    Abstention, Evidence, FilingContext, LotStock, Outcome, ParameterName, Subject,
    finding::Opinion,
};
use domain::{
    codes::Severity,
    element::Element,
    ids::{LotId, SiteId},
    mass::kilograms_of_grams,
    metrology::real,
    regime::Sentence,
};
use serde::Serialize;

/// A lot of which more was taken than there was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NegativeStock {
    /// Which lot.
    pub lot: LotId,
    /// Its maker's number for it.
    pub lot_number: Option<String>,
    /// Where.
    pub site: SiteId,
    /// What ever came in.
    pub came_in_grams: i64,
    /// What is left of it: below zero, unless only elements are.
    pub left_grams: i64,
    /// Elements that are below zero.
    pub elements: Vec<Element>,
}

/// Flags a lot whose stock at a site is below zero, gross or in an element.
///
/// Typologies 16 (a lot sold beyond what was produced) and 17 (invented stock). Gross mass is
/// judged to the gram. An element is judged beyond measurement uncertainty, because uses may
/// carry an assay of their own. Goods on their way whose receipt is not filed yet: abstains.
pub(crate) fn drawn_below_zero(context: &FilingContext) -> Vec<Opinion> {
    context.stocks.iter().map(|stock| opinion(context, stock)).collect()
}

fn opinion(context: &FilingContext, stock: &LotStock) -> Opinion {
    let subject = Subject::Lot { lot: stock.lot, site: stock.site };
    let elements = elements_below_zero(context, stock);
    let lacking = stock.left_grams < 0 || !elements.is_empty();
    let on_the_way = stock.in_transit_grams.max(0);
    let outcome = if !lacking {
        Outcome::Clean
    } else if 0 < on_the_way && 0 <= stock.left_grams.saturating_add(on_the_way) {
        Outcome::Abstained(Abstention::ReceiptNotYetFiled)
    } else {
        Outcome::Found((
            severity(stock),
            Evidence::NegativeStock(NegativeStock {
                lot: stock.lot,
                lot_number: stock.number.clone(),
                site: stock.site,
                came_in_grams: stock.came_in_grams,
                left_grams: stock.left_grams,
                elements,
            }),
        ))
    };
    Opinion::new(subject, Some(context.filing.organisation), outcome)
}

fn elements_below_zero(context: &FilingContext, stock: &LotStock) -> Vec<Element> {
    let parameters = &context.law.parameters;
    let floor = parameters.real(ParameterName::ElementFloorMg);
    let sigmas = parameters.real(ParameterName::BalanceSigmas);
    let error = parameters
        .real(ParameterName::RandomErrorPercent)
        .hypot(parameters.real(ParameterName::SystematicErrorPercent))
        / 100.0;
    Element::ALL
        .into_iter()
        .filter(|element| {
            let tolerance = (sigmas * error * real(stock.came_in.get(*element)).abs()).max(floor);
            real(stock.left.get(*element)) < -tolerance
        })
        .collect()
}

/// Up to a tenth of the lot is a slip; a stock that never was is a matter of its own.
fn severity(stock: &LotStock) -> Severity {
    let missing = stock.left_grams.saturating_neg();
    let tenth = stock.came_in_grams.max(0) / 10;
    if stock.left_grams < 0 && tenth < missing { Severity::Warning } else { Severity::Notice }
}

impl NegativeStock {
    pub(crate) fn sentence(&self) -> Sentence {
        let lot = self.lot_number.clone().unwrap_or_else(|| self.lot.to_string());
        if 0 <= self.left_grams {
            let symbols: Vec<&str> = self.elements.iter().map(|element| element.symbol()).collect();
            let names: Vec<&str> = self.elements.iter().map(|element| element.name_zh()).collect();
            return Sentence::new(
                format!("批次 {lot} 已用出的{}多于其所含。", names.join("、")),
                format!("More {} was taken from lot {lot} than it contained.", symbols.join(", ")),
            );
        }
        let missing = kilograms_of_grams(self.left_grams.saturating_neg());
        let came_in = kilograms_of_grams(self.came_in_grams);
        Sentence::new(
            format!("批次 {lot} 入库 {came_in} 千克，用出量比入库多 {missing} 千克。"),
            format!(
                "Of lot {lot} {came_in} kg came in; {missing} kg more than that were taken out."
            ),
        )
    }
}
