//! Where a movement stands, by everything that seller and buyer have said so far.
//!
//! Nothing here is stored: a later claim, explanation or answer changes what follows from all of
//! them. What was said before a side filed its latest version was about another difference and no
//! longer counts.

use super::comparison::{Agreement, LotComparison, StatedLot, Tolerance, compare};
use crate::{
    codes::{Outcome, words},
    ids::{ExplanationId, LotId, OrganisationId},
};
use jiff::Timestamp;

words! {
    /// Where a movement stands.
    MovementState {
        /// Nobody has said that it arrived.
        UnderWay = "under_way",
        /// It arrived as it was sent, to the gram.
        Received = "received",
        /// It arrived as it was sent, as well as both sides can measure.
        WithinUncertainty = "within_uncertainty",
        /// There is a shortage or an excess that nobody has explained.
        DifferenceOpen = "difference_open",
        /// What differs is explained; the other side has not answered yet.
        Explained = "explained",
        /// The other side accepted the explanation.
        Agreed = "agreed",
        /// The other side did not.
        Contested = "contested",
        /// The buyer refused all of it.
        Refused = "refused",
        /// The dispatch was corrected to somebody else, and nothing of it is with this buyer.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// What the other side says to an explanation.
    AnswerVerdict {
        /// So it was.
        Accepted = "accepted",
        /// It was not.
        Contested = "contested",
    }
}

/// Everything that both sides said about a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BothSides {
    /// Who sent it.
    pub seller: OrganisationId,
    /// Who it was sent to.
    pub buyer: OrganisationId,
    /// When the latest version of the dispatch was recorded.
    pub dispatch_recorded_at: Timestamp,
    /// Since when it goes to somebody else; `None` while it goes to this buyer.
    pub withdrawn_at: Option<Timestamp>,
    /// What it says was sent.
    pub sent: Vec<StatedLot>,
    /// The receipts that stand.
    pub receipts: Vec<StatedReceipt>,
    /// What was explained, the oldest first.
    pub explanations: Vec<Explanation>,
}

/// A receipt in its latest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedReceipt {
    /// How the goods were found.
    pub outcome: Outcome,
    /// When that version was recorded.
    pub recorded_at: Timestamp,
    /// What was received.
    pub lots: Vec<StatedLot>,
}

/// Why there is a difference, in the words of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Its id.
    pub id: ExplanationId,
    /// Which side explains.
    pub by: OrganisationId,
    /// Which lot; `None` for all that differ.
    pub lot: Option<LotId>,
    /// When.
    pub at: Timestamp,
    /// What the other side says to it, and when.
    pub answer: Option<(AnswerVerdict, Timestamp)>,
}

/// Where a movement stands, and who is to do what about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementStanding {
    /// Where it stands.
    pub state: MovementState,
    /// Since when.
    pub since: Timestamp,
    /// Whose turn it is; `None` when nothing is left to be done.
    pub owner: Option<OrganisationId>,
    /// Both sides, lot by lot; empty while it is under way.
    pub lots: Vec<LotComparison>,
}

/// What was said about one lot that differs.
#[derive(Clone, Copy)]
enum Talk {
    Unexplained,
    Contested(Explanation, Timestamp),
    Unanswered(Explanation),
    Accepted(Timestamp),
}

impl BothSides {
    /// The other party of the movement; `None` for who is no party.
    pub fn other_than(&self, party: OrganisationId) -> Option<OrganisationId> {
        match party {
            _ if party == self.seller => Some(self.buyer),
            _ if party == self.buyer => Some(self.seller),
            _ => None,
        }
    }

    /// When a side last said what was sent or received.
    fn last_claim(&self) -> Timestamp {
        let receipts = self.receipts.iter().map(|receipt| receipt.recorded_at);
        receipts.fold(self.withdrawn_at.unwrap_or(self.dispatch_recorded_at), Timestamp::max)
    }

    /// Where it stands with a buyer to whom it no longer goes: what that buyer says arrived is a
    /// difference with a dispatch of nothing, for its seller to explain.
    fn withdrawn(
        &self,
        withdrawn_at: Timestamp,
        tolerance: Option<&Tolerance>,
    ) -> MovementStanding {
        let received: Vec<StatedLot> = self
            .receipts
            .iter()
            .flat_map(|receipt| &receipt.lots)
            .map(|lot| StatedLot { refused_grams: 0, ..*lot })
            .collect();
        let lots = compare(&[], &received, tolerance);
        if lots.iter().all(|lot| lot.agreement() != Agreement::Beyond) {
            let (state, since) = (MovementState::Withdrawn, withdrawn_at);
            return MovementStanding { state, since, owner: None, lots };
        }
        let (state, since, owner) = self.talked_about(&lots, self.last_claim());
        MovementStanding { state, since, owner, lots }
    }

    /// Where it stands.
    pub fn standing(&self, tolerance: Option<&Tolerance>) -> MovementStanding {
        let standing = |state, since, owner, lots| MovementStanding { state, since, owner, lots };
        if let Some(withdrawn_at) = self.withdrawn_at {
            return self.withdrawn(withdrawn_at, tolerance);
        }
        let since = self.last_claim();
        if self.receipts.is_empty() {
            return standing(MovementState::UnderWay, since, Some(self.buyer), Vec::new());
        }
        let received: Vec<StatedLot> =
            self.receipts.iter().flat_map(|receipt| &receipt.lots).copied().collect();
        let lots = compare(&self.sent, &received, tolerance);
        if self.receipts.iter().all(|receipt| receipt.outcome == Outcome::Refused) {
            return standing(MovementState::Refused, since, None, lots);
        }
        let worst = lots.iter().map(LotComparison::agreement).max().unwrap_or(Agreement::Exact);
        match worst {
            Agreement::Exact => return standing(MovementState::Received, since, None, lots),
            Agreement::WithinUncertainty => {
                return standing(MovementState::WithinUncertainty, since, None, lots);
            }
            Agreement::Beyond => {}
        }
        let (state, since, owner) = self.talked_about(&lots, since);
        standing(state, since, owner, lots)
    }

    /// How far talking about the lots that differ has come: as far as for the lot that is behind.
    fn talked_about(
        &self,
        lots: &[LotComparison],
        since: Timestamp,
    ) -> (MovementState, Timestamp, Option<OrganisationId>) {
        let apart = lots.iter().filter(|lot| lot.agreement() == Agreement::Beyond);
        let talks: Vec<Talk> = apart.map(|lot| self.talk_about(lot.lot, since)).collect();
        if talks.iter().any(|talk| matches!(talk, Talk::Unexplained)) {
            // Whoever sent the goods said first how much they are.
            return (MovementState::DifferenceOpen, since, Some(self.seller));
        }
        let contested = talks.iter().filter_map(|talk| match talk {
            Talk::Contested(explanation, at) => Some((explanation.by, *at)),
            _ => None,
        });
        if let Some((by, at)) = contested.min_by_key(|(_, at)| *at) {
            return (MovementState::Contested, at, Some(by));
        }
        let unanswered = talks.iter().filter_map(|talk| match talk {
            Talk::Unanswered(explanation) => Some(explanation),
            _ => None,
        });
        if let Some(explanation) = unanswered.min_by_key(|explanation| explanation.at) {
            let owner = self.other_than(explanation.by);
            return (MovementState::Explained, explanation.at, owner);
        }
        let accepted = talks.iter().filter_map(|talk| match talk {
            Talk::Accepted(at) => Some(*at),
            _ => None,
        });
        (MovementState::Agreed, accepted.fold(since, Timestamp::max), None)
    }

    /// The latest explanation of a lot decides.
    fn talk_about(&self, lot: LotId, since: Timestamp) -> Talk {
        let explains = |explanation: &&Explanation| {
            since <= explanation.at && explanation.lot.is_none_or(|about| about == lot)
        };
        let Some(latest) = self.explanations.iter().rev().find(explains) else {
            return Talk::Unexplained;
        };
        match latest.answer {
            None => Talk::Unanswered(*latest),
            Some((AnswerVerdict::Accepted, at)) => Talk::Accepted(at),
            Some((AnswerVerdict::Contested, at)) => Talk::Contested(*latest, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{element::ELEMENT_COUNT, mass::ElementMasses};
    use rust_decimal::dec;
    use std::fmt::Write;
    use uuid::Uuid;

    const TOLERANCE: Tolerance = Tolerance {
        coverage_factor: dec!(2),
        weighing_percent: dec!(0.5),
        weighing_limit_percent: dec!(2),
        assay_percent: dec!(1),
    };

    fn seller() -> OrganisationId {
        OrganisationId::from_uuid(Uuid::from_u128(1))
    }

    fn buyer() -> OrganisationId {
        OrganisationId::from_uuid(Uuid::from_u128(2))
    }

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).unwrap()
    }

    fn lot(number: u128) -> LotId {
        LotId::from_uuid(Uuid::from_u128(number))
    }

    fn lots(kilograms: [i64; 2]) -> Vec<StatedLot> {
        let stated = |(number, kilograms): (u128, i64)| StatedLot {
            lot: lot(number),
            grams: kilograms * 1_000,
            refused_grams: 0,
            uncertainty_grams: 0,
            elements: ElementMasses::ZERO,
            sigma_mg: [0; ELEMENT_COUNT],
        };
        (1..).zip(kilograms).map(stated).collect()
    }

    /// Two lots of 1,000 kg, received at hour 10.
    fn received(kilograms: [i64; 2], outcome: Outcome) -> BothSides {
        let receipt = StatedReceipt { outcome, recorded_at: hour(10), lots: lots(kilograms) };
        BothSides {
            seller: seller(),
            buyer: buyer(),
            dispatch_recorded_at: hour(1),
            withdrawn_at: None,
            sent: lots([1_000, 1_000]),
            receipts: vec![receipt],
            explanations: Vec::new(),
        }
    }

    fn explanation(
        number: u128,
        by: OrganisationId,
        about: Option<u128>,
        answer: Option<AnswerVerdict>,
    ) -> Explanation {
        let at = hour(10 + i64::try_from(number).unwrap());
        Explanation {
            id: ExplanationId::from_uuid(Uuid::from_u128(number)),
            by,
            lot: about.map(lot),
            at,
            answer: answer.map(|verdict| (verdict, hour(100 + i64::try_from(number).unwrap()))),
        }
    }

    #[test]
    fn the_state_follows_from_what_was_said() {
        use AnswerVerdict::{Accepted, Contested};
        let short = |explanations: &[Explanation]| BothSides {
            explanations: explanations.to_vec(),
            ..received([900, 1_000], Outcome::Unsatisfactory)
        };
        let both_short = |explanations: &[Explanation]| BothSides {
            explanations: explanations.to_vec(),
            ..received([900, 900], Outcome::Unsatisfactory)
        };
        let under_way =
            BothSides { receipts: Vec::new(), ..received([0, 0], Outcome::Satisfactory) };
        let mut corrected = short(&[explanation(1, seller(), None, Some(Accepted))]);
        corrected.dispatch_recorded_at = hour(50);
        let withdrawn = |sides: BothSides| BothSides { withdrawn_at: Some(hour(20)), ..sides };
        let explained = |answer| short(&[explanation(15, seller(), None, answer)]);
        let mut all_refused = received([0, 0], Outcome::PartiallyRefused);
        for lot in &mut all_refused.receipts[0].lots {
            lot.refused_grams = 1_000_000;
        }
        let cases = [
            ("sent", under_way.clone()),
            ("arrived", received([1_000, 1_000], Outcome::Satisfactory)),
            ("weighed a little less", received([1_000, 995], Outcome::Satisfactory)),
            ("refused", received([0, 0], Outcome::Refused)),
            ("short", short(&[])),
            ("explained by the seller", short(&[explanation(1, seller(), None, None)])),
            ("explained by the buyer", short(&[explanation(1, buyer(), Some(1), None)])),
            ("another lot was explained", short(&[explanation(1, seller(), Some(2), None)])),
            ("accepted", short(&[explanation(1, seller(), None, Some(Accepted))])),
            ("contested", short(&[explanation(1, seller(), None, Some(Contested))])),
            (
                "explained anew",
                short(&[
                    explanation(1, seller(), None, Some(Contested)),
                    explanation(2, seller(), Some(1), None),
                ]),
            ),
            (
                "one of two lots explained",
                both_short(&[explanation(1, seller(), Some(1), Some(Accepted))]),
            ),
            (
                "one contested, the other unanswered",
                both_short(&[
                    explanation(1, buyer(), Some(1), Some(Contested)),
                    explanation(2, seller(), Some(2), None),
                ]),
            ),
            (
                "one accepted, the other unanswered",
                both_short(&[
                    explanation(1, seller(), Some(1), Some(Accepted)),
                    explanation(2, seller(), Some(2), None),
                ]),
            ),
            ("the dispatch was corrected after the explanation", corrected),
            ("withdrawn before anything arrived", withdrawn(under_way.clone())),
            ("withdrawn, and all that arrived was refused", withdrawn(all_refused)),
            ("withdrawn, but it arrived", withdrawn(short(&[]))),
            ("withdrawn, and that it arrived is explained", withdrawn(explained(None))),
            ("withdrawn, and the explanation is accepted", withdrawn(explained(Some(Accepted)))),
        ];
        let mut table = String::new();
        for (what, sides) in cases {
            let standing = sides.standing(Some(&TOLERANCE));
            let owner = match standing.owner {
                Some(owner) if owner == seller() => "the seller's turn",
                Some(_) => "the buyer's turn",
                None => "done",
            };
            let hours = standing.since.as_second() / 3_600;
            writeln!(table, "{what}: {} since hour {hours}, {owner}", standing.state).unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn who_is_no_party_has_no_other_side() {
        let sides = received([0, 0], Outcome::Refused);
        assert_eq!(sides.other_than(seller()), Some(buyer()));
        assert_eq!(sides.other_than(buyer()), Some(seller()));
        assert_eq!(sides.other_than(OrganisationId::from_uuid(Uuid::from_u128(3))), None);
    }
}
