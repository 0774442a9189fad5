//! Goods that had left before the register was asked, and goods that arrived.
//!
//! What has left is never denied. It is drawn from what the licence still allows; the rest is
//! excess use, and the balance stops at nothing.

use super::Balance;
use crate::codes::words;

words! {
    /// How far goods have come that left under a licence (decree 792, article 18).
    ArrivalStage {
        /// They are on their way.
        Transported = "transported",
        /// They reached the consignee.
        Arrived = "arrived",
        /// They were built in.
        Installed = "installed",
        /// They are used for what they were licensed for.
        Used = "used",
    }
}

words! {
    /// How an application to change a licence ended.
    ChangeOutcome {
        /// A new licence takes the place of the old one.
        Approved = "approved",
        /// The old terms hold on.
        Refused = "refused",
        /// The old terms hold on.
        Withdrawn = "withdrawn",
    }
}

/// What one declaration and line has taken from a line of a licence so far, in grams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnUse {
    /// Reserved and not settled.
    pub reserved_grams: u64,
    /// Confirmed.
    pub confirmed_grams: u64,
}

/// What becomes of goods that had left before the register was asked, in grams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// What the declaration and line has taken afterwards, all of it confirmed.
    pub confirmed_grams: u64,
    /// What the licence does not cover.
    pub excess_grams: u64,
}

/// Draws goods that have left from a line: first from what was reserved for them, then from what is
/// left. What was confirmed before stays confirmed even if less is said to have left now.
pub fn reconcile(balance: Balance, own: OwnUse, departed_grams: u64) -> Reconciled {
    let missing_grams = departed_grams.saturating_sub(own.confirmed_grams);
    let free_grams = balance.left_grams().saturating_add(own.reserved_grams);
    let drawn_grams = missing_grams.min(free_grams);
    Reconciled {
        confirmed_grams: own.confirmed_grams.saturating_add(drawn_grams),
        excess_grams: missing_grams - drawn_grams,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::within_what_is_left((100, 20, 30), (0, 0), 50, (50, 0))]
    #[case::a_gram_more((100, 20, 30), (0, 0), 51, (50, 1))]
    #[case::what_was_reserved_for_it_counts((100, 20, 30), (20, 0), 70, (70, 0))]
    #[case::nothing_left((100, 0, 100), (0, 0), 7, (0, 7))]
    #[case::confirmed_before((100, 0, 40), (0, 40), 40, (40, 0))]
    #[case::more_left_than_was_confirmed((100, 0, 40), (0, 40), 110, (100, 10))]
    #[case::less_left_than_was_confirmed((100, 0, 40), (0, 40), 30, (40, 0))]
    fn what_left_is_drawn_until_nothing_is_left(
        #[case] balance: (u64, u64, u64),
        #[case] own: (u64, u64),
        #[case] departed: u64,
        #[case] expected: (u64, u64),
    ) {
        let balance = Balance {
            licensed_grams: balance.0,
            reserved_grams: balance.1,
            confirmed_grams: balance.2,
        };
        let own = OwnUse { reserved_grams: own.0, confirmed_grams: own.1 };
        let Reconciled { confirmed_grams, excess_grams } = reconcile(balance, own, departed);
        assert_eq!((confirmed_grams, excess_grams), expected);
    }

    proptest! {
        /// Nothing that left is denied or counted twice, and the balance never falls below nothing.
        #[test]
        fn mass_that_left_is_drawn_or_excess(
            others_reserved in 0_u64..1_000, others_confirmed in 0_u64..1_000,
            reserved in 0_u64..1_000, confirmed in 0_u64..1_000, left in 0_u64..1_000,
            departed in 0_u64..5_000,
        ) {
            let balance = Balance {
                licensed_grams: others_reserved + others_confirmed + reserved + confirmed + left,
                reserved_grams: others_reserved + reserved,
                confirmed_grams: others_confirmed + confirmed,
            };
            let own = OwnUse { reserved_grams: reserved, confirmed_grams: confirmed };
            let after = reconcile(balance, own, departed);
            prop_assert_eq!(after.confirmed_grams + after.excess_grams, departed.max(confirmed));
            let taken = others_reserved + others_confirmed + after.confirmed_grams;
            prop_assert!(taken <= balance.licensed_grams);
            prop_assert!(after.excess_grams == 0 || taken == balance.licensed_grams);
        }
    }
}
