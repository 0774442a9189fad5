//! Did the buyer receive what the seller sent?

use crate::{
    Abstention, Evidence, FilingContext, MovedLot, MovementStand, Outcome, ParameterName, Subject,
    balance::metrology, finding::Opinion, statistics::stated,
};
use domain::{
    codes::Severity,
    element::Element,
    ids::{LotId, MovementId},
    mass::kilograms_of_grams,
    metrology::{Sum, real},
    regime::Sentence,
};
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// A receipt that does not agree with its dispatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferentReceipt {
    /// Which movement.
    pub movement: MovementId,
    /// All lots together, as sent.
    pub dispatched_grams: i64,
    /// All lots together, as received.
    pub received_grams: i64,
    /// Lots that differ, the gravest first.
    pub lots: Vec<LotDifference>,
}

/// A lot that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LotDifference {
    /// Which.
    pub lot: LotId,
    /// As sent.
    pub dispatched_grams: i64,
    /// As received.
    pub received_grams: i64,
    /// The element that differs, where gross mass does not.
    pub element: Option<Element>,
    /// By how many standard deviations, stated or assumed, of both sides together.
    pub sigmas: Decimal,
}

/// Flags a movement whose two sides differ beyond their combined uncertainty, lot by lot.
///
/// Typology 4, and the report of receipt of EMCS. Each side weighs and assays on its own:
/// uncertainties as stated, else the class `typical`, on both sides. Until both sides have filed:
/// abstains.
pub(crate) fn differs(context: &FilingContext) -> Vec<Opinion> {
    let Some(movement) = &context.movement else { return Vec::new() };
    let subject = Subject::Movement(movement.movement);
    let outcome = if movement.dispatched.is_empty() || movement.receipts == 0 {
        Outcome::Abstained(Abstention::NoCounterpart)
    } else {
        judge(context, movement)
    };
    let seller = movement.seller.or(Some(context.filing.organisation));
    vec![Opinion::new(subject, seller, outcome)]
}

fn judge(context: &FilingContext, movement: &MovementStand) -> Outcome<(Severity, Evidence)> {
    let (sent, received) = (by_lot(&movement.dispatched), by_lot(&movement.received));
    let nothing: Vec<&MovedLot> = Vec::new();
    let lots: std::collections::BTreeSet<LotId> =
        sent.keys().chain(received.keys()).copied().collect();
    let mut differences: Vec<LotDifference> = lots
        .into_iter()
        .filter_map(|lot| {
            let one = sent.get(&lot).unwrap_or(&nothing);
            let other = received.get(&lot).unwrap_or(&nothing);
            difference(context, lot, one, other)
        })
        .collect();
    if differences.is_empty() {
        return Outcome::Clean;
    }
    differences.sort_by_key(|difference| {
        std::cmp::Reverse(difference.dispatched_grams.abs_diff(difference.received_grams))
    });
    let (dispatched_grams, received_grams) =
        (total(&movement.dispatched), total(&movement.received));
    let tenth = dispatched_grams.unsigned_abs() / 10;
    let large = tenth < dispatched_grams.abs_diff(received_grams);
    let severity = if large { Severity::Alert } else { Severity::Warning };
    let evidence = DifferentReceipt {
        movement: movement.movement,
        dispatched_grams,
        received_grams,
        lots: differences,
    };
    Outcome::Found((severity, Evidence::DifferentReceipt(evidence)))
}

fn by_lot(lots: &[MovedLot]) -> BTreeMap<LotId, Vec<&MovedLot>> {
    let mut map: BTreeMap<LotId, Vec<&MovedLot>> = BTreeMap::new();
    for moved in lots {
        map.entry(moved.lot).or_default().push(moved);
    }
    map
}

fn total(lots: &[MovedLot]) -> i64 {
    lots.iter().fold(0, |sum, moved| sum.saturating_add(moved.grams))
}

fn difference(
    context: &FilingContext,
    lot: LotId,
    sent: &[&MovedLot],
    received: &[&MovedLot],
) -> Option<LotDifference> {
    let parameters = &context.law.parameters;
    let limit = parameters.real(ParameterName::ReceiptSigmas);
    let grams =
        |lots: &[&MovedLot]| lots.iter().fold(0_i64, |sum, moved| sum.saturating_add(moved.grams));
    let found = |element, sigmas| LotDifference {
        lot,
        dispatched_grams: grams(sent),
        received_grams: grams(received),
        element,
        sigmas,
    };
    let gross = apart(context, sent, received, 1.0, |moved| (moved.grams, 0));
    if let Some(sigmas) = gross.filter(|sigmas| limit < *sigmas) {
        return Some(found(None, stated(sigmas)?));
    }
    let floor = parameters.real(ParameterName::ElementFloorMg);
    Element::ALL.into_iter().find_map(|element| {
        let index = element.index();
        let measured = |moved: &MovedLot| (moved.elements.0[index], moved.sigma_mg[index]);
        let sigmas = apart(context, sent, received, floor, measured)?;
        if limit < sigmas { Some(found(Some(element), stated(sigmas)?)) } else { None }
    })
}

/// How many standard deviations the two sides are apart; none within the floor.
fn apart(
    context: &FilingContext,
    sent: &[&MovedLot],
    received: &[&MovedLot],
    floor: f64,
    measured: impl Fn(&MovedLot) -> (i64, i64),
) -> Option<f64> {
    let metrology = metrology(&context.law.parameters);
    let side = |lots: &[&MovedLot]| {
        let mut side = Sum::NOTHING;
        for moved in lots {
            let (mass, sigma) = measured(moved);
            side.add(mass, sigma);
        }
        side
    };
    let (one, other) = (side(sent), side(received));
    let apart = (real(one.mass_mg) - real(other.mass_mg)).abs();
    let sigma = (one.variance(&metrology) + other.variance(&metrology)).sqrt();
    let sigmas = apart / sigma.max(1.0);
    (floor < apart && sigmas.is_finite()).then_some(sigmas)
}

impl DifferentReceipt {
    pub(crate) fn sentence(&self) -> Sentence {
        let sent = kilograms_of_grams(self.dispatched_grams);
        let received = kilograms_of_grams(self.received_grams);
        match self.lots.first().and_then(|lot| lot.element) {
            Some(element) => Sentence::new(
                format!("收发双方申报的{}含量之差超出测量不确定度。", element.name_zh()),
                format!(
                    "Seller and buyer differ in the {} of the goods beyond measurement uncertainty.",
                    element.symbol()
                ),
            ),
            None => Sentence::new(
                format!("发货 {sent} 千克，收货 {received} 千克，差额超出测量不确定度。"),
                format!(
                    "{sent} kg were dispatched and {received} kg received: more apart than measurement explains."
                ),
            ),
        }
    }
}
