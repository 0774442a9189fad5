//! What may be released of a table's month after everything that was released of it before.

use super::{
    publish::{Frozen, NotRevisable, Published, publish, revise},
    rules::DisclosureRules,
    table::Contribution,
};
use crate::{codes::words, flow::FlowKind};

words! {
    /// A table of national statistics that is released.
    ReleasedTable {
        /// What was extracted, collected and made.
        Production = "production",
        /// What was sent to domestic clients.
        Trade = "trade",
        /// What was sent abroad.
        Exports = "exports",
        /// What is in stock at the end of the month, by the books. What a group's books show below
        /// zero counts as nothing. Two months' stocks differ by what moved between them, so every
        /// release must stand against all others, whatever their months.
        Stock = "stock",
        /// What licences of the month allow, by item of the control list and destination.
        Licensed = "licensed",
        /// What customs confirmed to have left under licences, likewise.
        LicensedExports = "licensed_exports",
    }
}

impl ReleasedTable {
    /// Whether its months are one series, each comparable with every other.
    pub const fn is_series(self) -> bool {
        matches!(self, Self::Stock)
    }

    /// Whether it is made from licences, by item and destination, and not from filings.
    pub const fn is_of_licences(self) -> bool {
        matches!(self, Self::Licensed | Self::LicensedExports)
    }

    /// The flows that it adds up; none where it is made from licences.
    pub const fn flows(self) -> &'static [FlowKind] {
        match self {
            Self::Production => &[FlowKind::Extracted, FlowKind::Collected, FlowKind::Produced],
            Self::Trade => &[FlowKind::Dispatched],
            Self::Exports => &[FlowKind::Exported],
            Self::Stock => FlowKind::ALL,
            Self::Licensed | Self::LicensedExports => &[],
        }
    }
}

/// What may be released, in grams, given every earlier release of the same month, the first first.
///
/// A revision must stand against each of them, not only against the last: what several groups
/// changed and changed back again may be the change of a single one between the first and the
/// third.
pub fn release(
    earlier: &[Frozen],
    contributions: &[Contribution],
    rules: &DisclosureRules,
) -> Result<Published, NotRevisable> {
    let base = rules.rounding_base_kg.saturating_mul(1_000);
    let Some((last, before)) = earlier.split_last() else {
        return Ok(publish(contributions, rules, base));
    };
    let revised = revise(last, contributions, rules, base)?;
    for frozen in before {
        match revise(frozen, contributions, rules, base) {
            // As it was in the beginning: comparing these two tells nothing.
            Ok(_) | Err(NotRevisable::Unchanged) => {}
            Err(reason) => return Err(reason),
        }
    }
    Ok(revised)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::RULES;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    /// What each company made of one thing in one place, in tonnes.
    fn tonnes(amounts: &[u64]) -> Vec<Contribution> {
        let contribution = |(number, tonnes): (usize, &u64)| Contribution {
            path: ["oxide", "36", "Dy"].map(|name| vec![name.to_owned()]),
            by: Uuid::from_u128(number as u128 + 1),
            amount: tonnes * 1_000_000,
        };
        amounts.iter().enumerate().map(contribution).collect()
    }

    fn frozen(amounts: &[u64]) -> Frozen {
        let contributions = tonnes(amounts);
        let published = release(&[], &contributions, &RULES[0]).unwrap();
        let suppressed: BTreeSet<_> = published
            .cells
            .iter()
            .filter(|cell| cell.value.is_err())
            .map(|cell| cell.names.clone())
            .collect();
        Frozen { contributions, levels: published.levels, suppressed }
    }

    #[test]
    fn a_first_release_tells_what_enough_contributed_to() {
        let published = release(&[], &tonnes(&[40, 30, 30, 20]), &RULES[0]).unwrap();
        assert!(published.cells.iter().all(|cell| cell.value == Ok(120_000_000)));
    }

    #[test]
    fn a_months_stock_that_only_one_changed_is_not_told_after_the_month_before() {
        let september = frozen(&[40, 30, 30, 20]);
        let told = release(std::slice::from_ref(&september), &tonnes(&[40, 30, 30, 90]), &RULES[0]);
        assert!(matches!(told, Err(NotRevisable::TooFew(_))), "{told:?}");
        let many = release(&[september], &tonnes(&[55, 40, 45, 30]), &RULES[0]).unwrap();
        assert!(many.cells.iter().all(|cell| cell.value == Ok(170_000_000)));
    }

    #[test]
    fn what_is_changed_back_by_all_but_one_is_that_ones_secret() {
        let first = frozen(&[40, 30, 30, 20]);
        // Four change, then three change back: each step is told by enough.
        let second = frozen(&[50, 40, 40, 30]);
        let third = tonnes(&[40, 30, 30, 30]);
        assert!(release(std::slice::from_ref(&second), &third, &RULES[0]).is_ok());
        let told = release(&[first, second], &third, &RULES[0]);
        assert!(matches!(told, Err(NotRevisable::TooFew(_))), "{told:?}");
    }
}
