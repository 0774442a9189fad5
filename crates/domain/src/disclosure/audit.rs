//! Checks from the table itself that what is suppressed is enough. Shares nothing with the search
//! but the table and the rules.

use super::{
    protect::{Against, Proof, Protected},
    rules::DisclosureRules,
    table::{Place, Table},
};
use std::collections::BTreeSet;

/// Somebody could tell a sensitive cell too closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sensitive cell is not protected")]
pub struct Breach {
    /// Which cell.
    pub cell: Place,
    /// From whom; `None` where it is published outright.
    pub against: Option<Against>,
}

/// Nothing, or the first sensitive cell that somebody could tell too closely.
///
/// The adversaries are the outsider and every single contributor of the table but the largest one
/// of the cell itself, which knows what is its own.
pub fn audit(table: &Table, rules: &DisclosureRules, protected: &Protected) -> Result<(), Breach> {
    let everybody: BTreeSet<_> =
        table.leaves().flat_map(|(_, cell)| cell.by_contributor.keys().copied()).collect();
    for (place, cell) in &table.cells {
        if rules.reason(cell).is_none() {
            continue;
        }
        let breach = |against| Breach { cell: *place, against };
        if !protected.suppressed.contains_key(place) {
            return Err(breach(None));
        }
        let proofs: Vec<&Proof> =
            protected.proofs.iter().filter(|proof| proof.cell == *place).collect();
        let required = rules.required(cell);
        let largest = DisclosureRules::protected(cell);
        let insiders = everybody.iter().filter(|it| Some(**it) != largest);
        let adversaries =
            std::iter::once(Against::Outsider).chain(insiders.map(|it| Against::Insider(*it)));
        for against in adversaries {
            if !proofs.iter().any(|proof| holds(table, protected, proof, required, against)) {
                return Err(breach(Some(against)));
            }
        }
    }
    Ok(())
}

/// Whether a proof leaves the adversary with a cell that may be larger or smaller by `required`.
fn holds(
    table: &Table,
    protected: &Protected,
    proof: &Proof,
    required: u64,
    against: Against,
) -> bool {
    // Nothing falls below what the adversary itself put there, whichever way it is shifted.
    let within_slack = proof.shifts.iter().all(|(place, shift)| {
        let Some(cell) = table.cells.get(place).filter(|_| table.is_leaf(*place)) else {
            return false;
        };
        let own = match against {
            Against::Outsider => 0,
            Against::Insider(insider) => cell.of(insider),
        };
        shift.unsigned_abs() <= cell.total - own
    });
    let moved = table.moved(&proof.shifts);
    let nothing_published_moves =
        moved.keys().all(|place| protected.suppressed.contains_key(place));
    let uncertain = moved.get(&proof.cell).map_or(0, |shift| shift.unsigned_abs());
    within_slack && nothing_published_moves && required <= uncertain
}
