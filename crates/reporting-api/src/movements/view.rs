//! What is shown of movements.

use super::{Known, Leg};
use crate::filings::view::elements_mg;
use database::movements::{
    Movement,
    sides::{ToldAnswer, ToldExplanation, ToldReceipt},
};
use domain::{
    ids::{LotId, OrganisationId},
    mass::kilograms_of_grams,
    movement::{Agreement, ElementDifference, LotComparison, MovementStanding},
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Goods under way.
#[derive(Debug, Serialize, ToSchema)]
pub struct MovementView {
    /// Its id.
    pub id: Uuid,
    /// What it is called on paper and over the telephone, good for one receipt: a receipt names it
    /// by this or by the id.
    #[schema(example = "M-7A8Z-FHAX-1T5J-N")]
    pub reference: String,
    /// Who sent it.
    pub seller: Uuid,
    /// The seller's Chinese name.
    pub seller_name_zh: String,
    /// The seller's English name.
    pub seller_name_en: String,
    /// Who it was sent to.
    pub buyer: Uuid,
    /// When it left.
    pub dispatched_at: String,
    /// Whether you have filed a receipt for it.
    pub received: bool,
    /// Where it stands: `under_way`, `received`, `within_uncertainty`, `difference_open`,
    /// `explained`, `agreed`, `contested`, `refused` or `withdrawn`.
    #[schema(example = "under_way")]
    pub state: &'static str,
    /// The lots.
    pub lines: Vec<MovementLineView>,
}

/// A lot under way.
#[derive(Debug, Serialize, ToSchema)]
pub struct MovementLineView {
    /// The lot's id: what you call it from now on.
    pub lot: Uuid,
    /// What kind of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Their customs code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hs_code: Option<String>,
    /// Their grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Gross mass as announced.
    pub quantity_kg: String,
    /// Milligrams of each rare-earth element in it.
    pub elements_mg: BTreeMap<String, i64>,
}

impl MovementView {
    pub(super) fn of(movement: Movement, standing: &MovementStanding) -> Self {
        let (seller, seller_name_zh, seller_name_en) = movement.seller;
        Self {
            id: movement.id.as_uuid(),
            reference: movement.reference.to_string(),
            seller: seller.as_uuid(),
            seller_name_zh,
            seller_name_en,
            buyer: movement.buyer.as_uuid(),
            dispatched_at: movement.dispatched_at.to_string(),
            received: movement.received,
            state: standing.state.as_str(),
            lines: movement
                .lines
                .into_iter()
                .map(|line| MovementLineView {
                    lot: line.lot.as_uuid(),
                    category: line.category,
                    hs_code: line.hs_code,
                    grade: line.grade,
                    quantity_kg: line.quantity.to_string(),
                    elements_mg: elements_mg(&line.elements),
                })
                .collect(),
        }
    }
}

/// A movement with everything that both sides say about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetailView {
    /// The movement.
    #[serde(flatten)]
    pub movement: MovementView,
    /// Where it stands with the buyer that it goes to.
    #[serde(flatten)]
    pub leg: LegView,
    /// To its seller: the buyers to whom it went before the dispatch was corrected, and where it
    /// stands with each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerView>,
}

/// A buyer to whom a movement went before its dispatch was corrected.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormerView {
    /// Who.
    pub buyer: Uuid,
    /// `withdrawn`, or how far you have come about what that buyer says it received:
    /// `difference_open`, `explained`, `contested` or `agreed`.
    #[schema(example = "withdrawn")]
    pub state: &'static str,
    /// What both of you say.
    #[serde(flatten)]
    pub leg: LegView,
}

/// Where a movement stands between its seller and a buyer.
#[derive(Debug, Serialize, ToSchema)]
pub struct LegView {
    /// Since when it stands so.
    pub since: String,
    /// Since when it goes to somebody else; absent while it goes to this buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<String>,
    /// Whose turn it is; absent when nothing is left to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_of: Option<Uuid>,
    /// By when; absent where no rule says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// The buyer's receipts that stand; more than one when more of it arrived later.
    pub receipts: Vec<ReceiptView>,
    /// Both sides, lot by lot; nothing while it is under way.
    pub lots: Vec<LotView>,
    /// Why there is a difference, the oldest explanation first.
    pub explanations: Vec<ExplanationView>,
}

/// A receipt of a movement.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// The filing, to its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filing: Option<Uuid>,
    /// What its owner calls it, to its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How the goods were found.
    #[schema(example = "unsatisfactory")]
    pub outcome: String,
    /// When they arrived.
    pub happened_at: String,
    /// When that was recorded.
    pub recorded_at: String,
}

/// A lot as both sides see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LotView {
    /// The lot.
    pub lot: Uuid,
    /// What the seller says was sent.
    pub sent_kg: String,
    /// What the buyer accepted.
    pub accepted_kg: String,
    /// What arrived and was refused.
    pub refused_kg: String,
    /// By how much less arrived than was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortage_kg: Option<String>,
    /// By how much more arrived than was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excess_kg: Option<String>,
    /// By how much both may differ: twice their combined standard uncertainty, of each as stated
    /// or else the published class; absent where no rule says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_kg: Option<String>,
    /// How well both agree: `exact`, `within_uncertainty` or `beyond_uncertainty`.
    #[schema(example = "within_uncertainty")]
    pub agreement: &'static str,
    /// Elements that differ by more than measurement explains although the mass does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<ElementView>,
}

/// An element in which both sides differ.
#[derive(Debug, Serialize, ToSchema)]
pub struct ElementView {
    /// Its symbol.
    #[schema(example = "Dy")]
    pub element: &'static str,
    /// As sent.
    pub sent_mg: i64,
    /// As received.
    pub received_mg: i64,
    /// By how much both may differ.
    pub tolerance_mg: i64,
}

/// Why there is a difference, in the words of one side.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationView {
    /// Its id, for the answer.
    pub id: Uuid,
    /// Which party explains.
    pub by: Uuid,
    /// Who of its people, to its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Uuid>,
    /// Which lot; absent when it is about all that differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<Uuid>,
    /// The explanation.
    pub reason: String,
    /// When it was given.
    pub explained_at: String,
    /// What the other party says to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerView>,
}

/// What the other party says to an explanation.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerView {
    /// Which party answers.
    pub by: Uuid,
    /// Who of its people, to its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Uuid>,
    /// `accepted` or `contested`.
    #[schema(example = "accepted")]
    pub verdict: &'static str,
    /// Why not, or what else is to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub answered_at: String,
}

impl Known {
    pub(super) fn shown_to(self, reader: OrganisationId) -> DetailView {
        let former = self.former.into_iter().map(|leg| FormerView {
            buyer: leg.told.sides.buyer.as_uuid(),
            state: leg.standing.state.as_str(),
            leg: LegView::of(leg, reader),
        });
        DetailView {
            former: former.collect(),
            movement: MovementView::of(self.movement, &self.leg.standing),
            leg: LegView::of(self.leg, reader),
        }
    }
}

impl LegView {
    fn of(leg: Leg, reader: OrganisationId) -> Self {
        let Leg { told, standing, due } = leg;
        let is_buyer = reader == told.sides.buyer;
        Self {
            since: standing.since.to_string(),
            withdrawn_at: told.sides.withdrawn_at.map(|at| at.to_string()),
            turn_of: standing.owner.map(OrganisationId::as_uuid),
            due: due.map(|due| due.to_string()),
            receipts: told.receipts.iter().map(|it| ReceiptView::of(it, is_buyer)).collect(),
            lots: standing.lots.iter().map(LotView::from).collect(),
            explanations: told
                .explanations
                .into_iter()
                .map(|explanation| ExplanationView::of(explanation, reader))
                .collect(),
        }
    }
}

impl ReceiptView {
    fn of(receipt: &ToldReceipt, is_own: bool) -> Self {
        Self {
            filing: is_own.then(|| receipt.filing.as_uuid()),
            reference: is_own.then(|| receipt.reference.clone()),
            outcome: receipt.outcome.to_string(),
            happened_at: receipt.happened_at.to_string(),
            recorded_at: receipt.recorded_at.to_string(),
        }
    }
}

impl From<&LotComparison> for LotView {
    fn from(lot: &LotComparison) -> Self {
        let difference = lot.difference_grams();
        Self {
            lot: lot.lot.as_uuid(),
            sent_kg: kilograms_of_grams(lot.sent_grams),
            accepted_kg: kilograms_of_grams(lot.accepted_grams),
            refused_kg: kilograms_of_grams(lot.refused_grams),
            shortage_kg: (difference < 0).then(|| kilograms_of_grams(difference.saturating_neg())),
            excess_kg: (0 < difference).then(|| kilograms_of_grams(difference)),
            tolerance_kg: lot.tolerance_grams.map(kilograms_of_grams),
            agreement: match lot.agreement() {
                Agreement::Exact => "exact",
                Agreement::WithinUncertainty => "within_uncertainty",
                Agreement::Beyond => "beyond_uncertainty",
            },
            elements: lot.elements.iter().map(ElementView::from).collect(),
        }
    }
}

impl From<&ElementDifference> for ElementView {
    fn from(difference: &ElementDifference) -> Self {
        Self {
            element: difference.element.symbol(),
            sent_mg: difference.sent_mg,
            received_mg: difference.received_mg,
            tolerance_mg: difference.tolerance_mg,
        }
    }
}

impl ExplanationView {
    pub(super) fn of(explanation: ToldExplanation, reader: OrganisationId) -> Self {
        Self {
            id: explanation.id.as_uuid(),
            by: explanation.by.as_uuid(),
            person: (explanation.by == reader).then(|| explanation.person.as_uuid()),
            lot: explanation.lot.map(LotId::as_uuid),
            reason: explanation.reason,
            explained_at: explanation.at.to_string(),
            answer: explanation.answer.map(|answer| AnswerView::of(answer, reader)),
        }
    }
}

impl AnswerView {
    pub(super) fn of(answer: ToldAnswer, reader: OrganisationId) -> Self {
        Self {
            by: answer.by.as_uuid(),
            person: (answer.by == reader).then(|| answer.person.as_uuid()),
            verdict: answer.verdict.as_str(),
            reason: answer.reason,
            answered_at: answer.at.to_string(),
        }
    }
}
