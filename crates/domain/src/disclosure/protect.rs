//! The search for cells to suppress so that no sensitive one can be brought back.
//!
//! Greedy and without promise of the fewest: what it finds is proven, not optimal. A *box* spans
//! between a finest cell within the sensitive one and a finest cell outside of it, in one, two or
//! three dimensions; its corners, shifted up and down by turns, cancel in all totals that hold two
//! of them, and every total that holds one of them must be suppressed. Where one box cannot carry enough, several are laid over one another.

use super::{
    rules::{DisclosureRules, Reason},
    table::{Contributor, Place, Table},
};
use std::collections::{BTreeMap, BTreeSet};

/// Who tries to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Against {
    /// Somebody who knows what is published.
    Outsider,
    /// A group that knows its own contributions as well.
    Insider(Contributor),
}

/// That a sensitive cell may as well be larger or smaller, for all that somebody can know.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Which cell.
    pub cell: Place,
    /// For whom.
    pub against: Against,
    /// What could be shifted between the finest cells, and as well the other way round.
    pub shifts: BTreeMap<Place, i64>,
}

/// Why a cell is not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppression(
    /// `secondary` for a cell that is not sensitive itself.
    pub Reason,
);

/// What must not be published, with the proofs that this is enough.
#[derive(Clone, Debug, Default)]
pub struct Protected {
    /// Suppressed cells.
    pub suppressed: BTreeMap<Place, Suppression>,
    /// For every sensitive cell, against everybody.
    pub proofs: Vec<Proof>,
}

/// No way was found to protect this cell at this level of detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sensitive cell cannot be protected")]
pub struct Unprotectable(
    /// Which.
    pub Place,
);

/// Boxes laid over one another for one cell, at most.
const BOXES: usize = 48;
/// Cells within a sensitive one, and outside of it, that boxes are tried between.
const NEAR: usize = 12;
const FAR: usize = 120;

/// Finds what to suppress. Cells outside of `allowed` stay published: an earlier release told them.
pub fn protect(
    table: &Table,
    rules: &DisclosureRules,
    allowed: Option<&BTreeSet<Place>>,
) -> Result<Protected, Unprotectable> {
    let mut protected = Protected::default();
    let reasons = table
        .cells
        .iter()
        .filter_map(|(place, cell)| Some((*place, rules.required(cell), rules.reason(cell)?)));
    let mut sensitive: Vec<(Place, u64, Reason)> = reasons.collect();
    for (place, _, reason) in &sensitive {
        if allowed.is_some_and(|allowed| !allowed.contains(place)) {
            return Err(Unprotectable(*place));
        }
        protected.suppressed.insert(*place, Suppression(*reason));
    }
    // What was suppressed before stays so: two releases of one month must not complement each other.
    for place in allowed.into_iter().flatten().filter(|place| table.cells.contains_key(*place)) {
        protected.suppressed.entry(*place).or_insert(Suppression(Reason::Secondary));
    }
    // The hardest first: what it needs serves the others.
    sensitive.sort_by_key(|(place, required, _)| (std::cmp::Reverse(*required), *place));
    for (cell, required, _) in sensitive {
        let mut search = Search { table, allowed, cell, required, protected: &mut protected };
        search.against(Against::Outsider)?;
        for insider in search.insiders_who_see_through() {
            search.against(Against::Insider(insider))?;
        }
    }
    Ok(protected)
}

/// Corners of a box, each with whether it is shifted up when the sensitive cell is.
type Corners = Vec<(Place, bool)>;

struct Search<'a> {
    table: &'a Table,
    allowed: Option<&'a BTreeSet<Place>>,
    cell: Place,
    required: u64,
    protected: &'a mut Protected,
}

impl Search<'_> {
    /// Finds and keeps one proof.
    fn against(&mut self, against: Against) -> Result<(), Unprotectable> {
        let (near, far) = self.candidates(against);
        let mut shifts: BTreeMap<Place, i64> = BTreeMap::new();
        let mut found = 0_u64;
        for _ in 0..BOXES {
            if self.required <= found {
                break;
            }
            let best = near
                .iter()
                .flat_map(|inside| far.iter().map(move |outside| (*inside, *outside)))
                .filter_map(|pair| self.rate(against, pair, self.required - found, &shifts))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            let Some((_, amount, corners)) = best else { return Err(Unprotectable(self.cell)) };
            found += amount;
            for (corner, is_up) in corners {
                let amount = i64::try_from(amount).unwrap_or(i64::MAX);
                *shifts.entry(corner).or_default() += if is_up { amount } else { -amount };
            }
        }
        if found < self.required {
            return Err(Unprotectable(self.cell));
        }
        for place in self.table.moved(&shifts).into_keys() {
            self.protected.suppressed.entry(place).or_insert(Suppression(Reason::Secondary));
        }
        self.protected.proofs.push(Proof { cell: self.cell, against, shifts });
        Ok(())
    }

    /// The finest cells within the sensitive one and those outside, the largest of each.
    fn candidates(&self, against: Against) -> (Vec<Place>, Vec<Place>) {
        let usable = |place: Place| self.slack(against, place).is_some_and(|slack| 0 < slack);
        let mut leaves: Vec<(Place, u64)> = self
            .table
            .leaves()
            .map(|(place, cell)| (place, cell.total))
            .filter(|(place, _)| usable(*place))
            .collect();
        leaves.sort_by_key(|(place, total)| (std::cmp::Reverse(*total), *place));
        let mut near = Vec::new();
        let mut far = Vec::new();
        for (place, _) in leaves {
            if self.table.is_within(place, self.cell) { near.push(place) } else { far.push(place) }
        }
        near.truncate(NEAR);
        far.truncate(FAR);
        (near, far)
    }

    /// How much others than the adversary put into a finest cell. Outside of the sensitive cell the
    /// one it protects does not count either: shifting one's own mass about hides nothing.
    fn slack(&self, against: Against, place: Place) -> Option<u64> {
        let leaf = self.table.cells.get(&place)?;
        let mut slack = leaf.total;
        if let Against::Insider(insider) = against {
            slack -= leaf.of(insider);
        }
        if !self.table.is_within(place, self.cell) {
            slack -= self.largest().map_or(0, |largest| leaf.of(largest));
        }
        Some(slack)
    }

    fn largest(&self) -> Option<Contributor> {
        DisclosureRules::protected(&self.table.cells[&self.cell])
    }

    /// What a box costs for what it can carry, how much that is, and its corners.
    fn rate(
        &self,
        against: Against,
        (inside, outside): (Place, Place),
        wanted: u64,
        before: &BTreeMap<Place, i64>,
    ) -> Option<(f64, u64, Corners)> {
        let corners = self.corners(inside, outside)?;
        let mut amount = wanted;
        for (corner, _) in &corners {
            let used = before.get(corner).map_or(0, |shift| shift.unsigned_abs());
            amount = amount.min(self.slack(against, *corner)?.saturating_sub(used));
        }
        if amount == 0 {
            return None;
        }
        let unit = corners.iter().map(|(corner, is_up)| (*corner, if *is_up { 1 } else { -1 }));
        let mut cost = 0.0;
        for place in self.table.moved(&unit.collect()).into_keys() {
            if self.protected.suppressed.contains_key(&place) {
                continue;
            }
            if self.allowed.is_some() || place == [0; 3] {
                return None;
            }
            #[expect(clippy::cast_precision_loss, reason = "only to compare boxes")]
            let lost = self.table.cells[&place].total as f64;
            cost += lost + 1.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "only to compare boxes")]
        let carried = amount as f64;
        Some((cost / carried, amount, corners))
    }

    /// The corners of a box, each with whether it is shifted up when the sensitive cell is.
    ///
    /// The box spans the dimensions in which its two ends differ. In each of them the far end must
    /// lie outside of the sensitive cell, so that only the near end is within.
    fn corners(&self, inside: Place, outside: Place) -> Option<Corners> {
        let varied: Vec<usize> = (0..3).filter(|index| inside[*index] != outside[*index]).collect();
        let is_outside = |index: &usize| {
            !self.table.dimensions[*index].is_within(outside[*index], self.cell[*index])
        };
        if varied.is_empty() || !varied.iter().all(is_outside) {
            return None;
        }
        let corners = (0..1_u32 << varied.len()).map(|chosen| {
            let mut corner = inside;
            for (bit, index) in varied.iter().enumerate() {
                if chosen >> bit & 1 == 1 {
                    corner[*index] = outside[*index];
                }
            }
            (corner, chosen.count_ones() % 2 == 0)
        });
        Some(corners.collect())
    }

    /// Groups that know enough of the last proof's cells to see through it.
    fn insiders_who_see_through(&self) -> Vec<Contributor> {
        let Some(proof) = self.protected.proofs.last() else { return Vec::new() };
        let known = proof.shifts.keys().filter_map(|place| self.table.cells.get(place));
        let insiders: BTreeSet<Contributor> =
            known.flat_map(|cell| cell.by_contributor.keys().copied()).collect();
        let sees_through = |insider: &Contributor| {
            proof.shifts.iter().any(|(place, shift)| {
                let slack = self.slack(Against::Insider(*insider), *place).unwrap_or(0);
                slack < shift.unsigned_abs()
            })
        };
        let largest = self.largest();
        insiders.into_iter().filter(|it| Some(*it) != largest).filter(sees_through).collect()
    }
}
