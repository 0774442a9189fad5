//! From contributions to a release, and from a release to its revision.
//!
//! A release is frozen. Late filings do not trickle into it: a revision replaces it as a whole, and
//! only once every published cell that changes was changed by enough groups, so that subtracting
//! one release from the other tells no more than a cell of its own would. Where a table cannot be
//! protected at full detail it is published coarser.

use super::{
    audit::audit,
    protect::protect,
    rules::{DisclosureRules, Reason},
    table::{Cell, Contribution, Contributor, Place, Table},
};
use std::collections::{BTreeMap, BTreeSet};

/// A cell of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedCell {
    /// A code of each dimension.
    pub names: [String; 3],
    /// How much, rounded; or why that is not said.
    pub value: Result<u64, Reason>,
}

/// What is published, cell by cell, totals first.
#[derive(Clone, Debug)]
pub struct Published {
    /// How many levels below the total each dimension shows.
    pub levels: [usize; 3],
    /// Every cell in which there is anything.
    pub cells: Vec<PublishedCell>,
}

/// The release that a revision would replace.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// What it was made from.
    pub contributions: Vec<Contribution>,
    /// The detail it was published in.
    pub levels: [usize; 3],
    /// The cells it did not tell.
    pub suppressed: BTreeSet<[String; 3]>,
}

/// Why a release is not revised yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRevisable {
    /// Nothing changed.
    #[error("nothing has changed")]
    Unchanged,
    /// Too few groups changed what is in this cell.
    #[error("too few changed {}", .0.join(", "))]
    TooFew([String; 3]),
    /// What became sensitive was told before, or could be told from both releases together.
    #[error("the earlier release told too much about {}", .0.join(", "))]
    ToldBefore([String; 3]),
}

/// From full detail to the bare total.
const LADDER: [[usize; 3]; 7] =
    [[9, 9, 9], [9, 1, 9], [9, 1, 1], [9, 1, 0], [9, 0, 0], [1, 0, 0], [0, 0, 0]];

/// What may be published of these contributions, at the finest detail that can be protected.
/// Values are multiples of `base`.
pub fn publish(contributions: &[Contribution], rules: &DisclosureRules, base: u64) -> Published {
    let finest = LADDER.into_iter().find_map(|levels| {
        let table = Table::of(contributions, levels);
        let protected = protect(&table, rules, None).ok()?;
        audit(&table, rules, &protected).ok()?;
        Some(shown(&table, base, |place| protected.suppressed.get(&place).map(|it| it.0)))
    });
    finest.unwrap_or_else(|| {
        // Even the total is somebody's secret.
        let table = Table::of(contributions, [0; 3]);
        let reason = |place| table.cells.get(&place).and_then(|cell| rules.reason(cell));
        shown(&table, base, |place| Some(reason(place).unwrap_or(Reason::Secondary)))
    })
}

/// What a revision of a frozen release may publish, at that release's detail.
pub fn revise(
    frozen: &Frozen,
    contributions: &[Contribution],
    rules: &DisclosureRules,
    base: u64,
) -> Result<Published, NotRevisable> {
    let table = Table::of(contributions, frozen.levels);
    let is_suppressed = |names: &[String; 3]| frozen.suppressed.contains(names);
    let changes = changes(&frozen.contributions, contributions, frozen.levels);
    if changes.is_empty() {
        return Err(NotRevisable::Unchanged);
    }
    for (names, cell) in changes {
        if !is_suppressed(&names) && rules.reason(&cell).is_some() {
            return Err(NotRevisable::TooFew(names));
        }
    }
    let allowed: BTreeSet<Place> =
        table.cells.keys().copied().filter(|place| is_suppressed(&table.names(*place))).collect();
    let told = |place| NotRevisable::ToldBefore(table.names(place));
    let protected = protect(&table, rules, Some(&allowed)).map_err(|it| told(it.0))?;
    audit(&table, rules, &protected).map_err(|breach| told(breach.cell))?;
    Ok(shown(&table, base, |place| protected.suppressed.get(&place).map(|it| it.0)))
}

/// What each group changed in each cell, as far as anything did.
fn changes(
    before: &[Contribution],
    now: &[Contribution],
    levels: [usize; 3],
) -> BTreeMap<[String; 3], Cell> {
    let amounts = |contributions| {
        let table = Table::of(contributions, levels);
        let mut amounts: BTreeMap<([String; 3], Contributor), u64> = BTreeMap::new();
        for (place, cell) in &table.cells {
            for (by, amount) in &cell.by_contributor {
                amounts.insert((table.names(*place), *by), *amount);
            }
        }
        amounts
    };
    let (before, now) = (amounts(before), amounts(now));
    let keys: BTreeSet<_> = before.keys().chain(now.keys()).collect();
    let mut changes: BTreeMap<[String; 3], Cell> = BTreeMap::new();
    for key in keys {
        let of = |amounts: &BTreeMap<_, u64>| amounts.get(key).copied().unwrap_or(0);
        let change = of(&before).abs_diff(of(&now));
        if change != 0 {
            let cell = changes.entry(key.0.clone()).or_default();
            cell.total = cell.total.saturating_add(change);
            cell.by_contributor.insert(key.1, change);
        }
    }
    changes
}

fn shown(table: &Table, base: u64, reason: impl Fn(Place) -> Option<Reason>) -> Published {
    let cells = table.cells.iter().map(|(place, cell)| PublishedCell {
        names: table.names(*place),
        value: reason(*place).map_or_else(|| Ok(rounded(cell.total, base)), Err),
    });
    Published { levels: table.levels, cells: cells.collect() }
}

/// To the nearest multiple of the base, halves up.
fn rounded(amount: u64, base: u64) -> u64 {
    let base = base.max(1);
    (amount / base + u64::from(base.div_ceil(2) <= amount % base)).saturating_mul(base)
}
