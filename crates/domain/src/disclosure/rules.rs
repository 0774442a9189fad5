//! When a cell is sensitive: dated numbers with their source.

use super::table::{Cell, Contributor};
use crate::{codes::words, regime::Verification};
use jiff::civil::{Date, date};

words! {
    /// Why a cell is suppressed.
    Reason {
        /// Fewer groups contribute than must.
        FewContributors = "few_contributors",
        /// The two largest make up too much of it.
        Dominated = "dominated",
        /// The second largest could tell the largest too closely (p % rule).
        TooClose = "too_close",
        /// It would bring back another by subtraction.
        Secondary = "secondary",
    }
}

/// The numbers of disclosure control, from a day on.
#[derive(Clone, Copy, Debug)]
pub struct DisclosureRules {
    /// Their name, kept with every release made under them.
    pub version: &'static str,
    /// The first day they hold.
    pub from: Date,
    /// Groups of companies that must contribute to a cell.
    pub minimum_contributors: usize,
    /// Share of a cell, in percent, that the two largest may make up together.
    pub dominance_percent: u128,
    /// How closely, in percent of it, the largest contribution may not be told.
    pub closeness_percent: u128,
    /// What published masses are rounded to.
    pub rounding_base_kg: u64,
    /// Where the numbers come from.
    pub source: &'static str,
    /// How well that was checked.
    pub verification: Verification,
}

/// All rules there were, the latest last.
pub const RULES: &[DisclosureRules] = &[DisclosureRules {
    version: "2026-01",
    from: date(2026, 1, 1),
    minimum_contributors: 3,
    dominance_percent: 85,
    closeness_percent: 10,
    rounding_base_kg: 10,
    source: "common practice of statistical offices (A. Hundepool et al., Statistical Disclosure \
             Control, 2012, chapter 4: threshold 3, (2, 85) dominance, p = 10); no Chinese text read",
    verification: Verification::OwnAssumption,
}];

/// The rules of a day; before the first ones, those.
pub fn rules_on(day: Date) -> &'static DisclosureRules {
    let in_force = RULES.iter().rev().find(|rules| rules.from <= day);
    in_force.unwrap_or(&RULES[0])
}

impl DisclosureRules {
    /// Why this cell is sensitive in itself, if it is. A cell without contributors is not.
    pub fn reason(&self, cell: &Cell) -> Option<Reason> {
        if cell.total == 0 {
            return None;
        }
        let (total, (first, second)) = (u128::from(cell.total), cell.two_largest());
        let (first, second) = (u128::from(first), u128::from(second));
        if cell.contributors() < self.minimum_contributors {
            Some(Reason::FewContributors)
        } else if total * self.dominance_percent < (first + second) * 100 {
            Some(Reason::Dominated)
        } else if (total - first - second) * 100 < first * self.closeness_percent {
            Some(Reason::TooClose)
        } else {
            None
        }
    }

    /// How uncertain, up and down, the value of a sensitive cell must stay: at least 1.
    pub fn required(&self, cell: &Cell) -> u64 {
        let (first, _) = cell.two_largest();
        let required = (u128::from(first) * self.closeness_percent).div_ceil(100);
        u64::try_from(required).unwrap_or(u64::MAX).max(1)
    }

    /// The largest contributor of a cell: whom the uncertainty protects.
    pub fn protected(cell: &Cell) -> Option<Contributor> {
        let largest = cell.by_contributor.iter().max_by_key(|(_, amount)| **amount);
        largest.map(|(contributor, _)| *contributor)
    }
}
