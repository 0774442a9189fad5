//! What groups may mine and separate: enough, nearly all of what they use, or less than that.

use super::{
    books::{Books, ROUNDS_A_MONTH, first_day, opening},
    data::Line,
    deeds::Kind,
};

/// What a group may do in a calendar year: made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YearQuota {
    /// Which group.
    pub group: usize,
    /// The calendar year.
    pub year: i16,
    /// `mining` or `separation`.
    pub scope: &'static str,
    /// How much, as oxide.
    pub granted_reo_grams: u64,
}

/// Rounds of 2024.
const ROUNDS_OF_2024: usize = 8 * ROUNDS_A_MONTH;
/// What an ordinary group is granted, in thousandths of what it uses.
const AMPLE_PERMILLE: (u64, u64) = (1_080, 1_350);
/// What one is granted that uses nearly all.
const NEARLY_ALL_PERMILLE: u64 = 1_020;

/// Grants quotas, and notes when those who go beyond theirs do so.
pub(crate) fn grant(books: &mut Books) -> Vec<YearQuota> {
    let groups = books.firms.iter().filter_map(|firm| firm.group).max().map_or(0, |last| last + 1);
    let mut quotas = Vec::new();
    for group in 0..groups {
        for scope in ["mining", "separation"] {
            for year in [2024, 2025] {
                quotas.extend(one(books, group, scope, year));
            }
        }
    }
    quotas
}

fn one(books: &mut Books, group: usize, scope: &'static str, year: i16) -> Option<YearQuota> {
    let of_scope = |line: Line| (line == Line::Separator) == (scope == "separation");
    let uses: Vec<(usize, usize, u64)> = books
        .drawn
        .iter()
        .copied()
        .filter(|(round, who, _)| {
            let firm = &books.firms[*who];
            let in_year = (*round < ROUNDS_OF_2024) == (year == 2024);
            firm.group == Some(group) && of_scope(firm.line) && in_year
        })
        .collect();
    let used: u64 = uses.iter().map(|(.., grams)| grams).sum();
    if used == 0 {
        return None;
    }
    // The first year is the longer one; there the deeds are done.
    let deed = books.deeds.iter().position(|deed| {
        let firm = &books.firms[deed.firm];
        let here = firm.group == Some(group) && of_scope(firm.line) && year == 2024;
        here && deed.typology == "quota_overrun"
    });
    let kind = deed.map(|deed| books.deeds[deed].kind);
    let granted = match kind {
        Some(Kind::Fraud(strength)) => used * 1_000 / (1_000 + strength),
        Some(Kind::LookAlike(_)) => used * NEARLY_ALL_PERMILLE / 1_000,
        None => used * books.chance.between(AMPLE_PERMILLE.0, AMPLE_PERMILLE.1) / 1_000,
    };
    if let Some(deed) = deed {
        let mut total = 0;
        let crossing = uses.iter().find(|(.., grams)| {
            total += grams;
            granted < total
        });
        let round = crossing.map_or(ROUNDS_OF_2024 - 1, |(round, ..)| *round);
        let everybody: Vec<usize> = uses.iter().map(|(_, who, _)| *who).collect();
        let trace = &mut books.traces[deed];
        trace.first_at = Some(opening(round));
        trace.group = Some(group);
        trace.members = everybody;
        trace.members.sort_unstable();
        trace.members.dedup();
        debug_assert!(first_day(round).year() == year);
    }
    Some(YearQuota { group, year, scope, granted_reo_grams: granted })
}
