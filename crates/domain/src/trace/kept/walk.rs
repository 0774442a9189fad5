//! From lot to lot through what is kept, as the database would go.
//!
//! It walks over versions that no longer stand, too, and leaves them out: what only they lead to is
//! then reached from nowhere.

use super::{FilingRow, Kept, NONE, Pool, index, pack};
use crate::{
    codes::LineRole,
    ids::{FilingId, LotId},
    trace::{Direction, Recorded, RecordedLine, Traced},
};
use hashbrown::HashSet;

struct Walk<'a> {
    kept: &'a Kept,
    direction: Direction,
    before: FilingId,
    /// Lots to go on from, and all that ever were.
    waiting: Vec<u32>,
    seen: HashSet<u32>,
    /// Filings that were walked through, standing or not.
    walked: HashSet<u32>,
    found: Vec<u32>,
    is_found: HashSet<u32>,
    pooled: HashSet<Pool>,
}

impl Kept {
    /// What surrounds a lot, of what was filed before this id. `None` when there was no such lot.
    ///
    /// Follows no more than about `most` filings; whether that was all stands in the answer.
    pub fn around(
        &self,
        lot: LotId,
        direction: Direction,
        before: FilingId,
        most: usize,
    ) -> Option<Traced> {
        let asked = self.place_of(lot)?;
        let elements = self.elements(asked, before)?;
        let mut walk = Walk {
            kept: self,
            direction,
            before,
            waiting: vec![asked],
            seen: HashSet::from_iter([asked]),
            walked: HashSet::new(),
            found: Vec::new(),
            is_found: HashSet::new(),
            pooled: HashSet::new(),
        };
        walk.go(most);
        let is_complete = walk.found.len() <= most;
        let mut found: Vec<&FilingRow> =
            walk.found.into_iter().map(|filing| &self.filings[index(filing)]).collect();
        found.sort_unstable_by_key(|filing| filing.id);
        let recorded = found.into_iter().map(|filing| self.recorded(filing)).collect();
        Some(Traced { elements, recorded, is_complete })
    }

    fn recorded(&self, filing: &FilingRow) -> Recorded {
        let mut packed = self.packed.read(filing.lines);
        let lines = (0..packed.number()).map(|_| {
            let lot = usize::try_from(packed.number()).ok().and_then(|lot| lot.checked_sub(1));
            let role = pack::role_of(packed.number());
            let lot = lot.map(|lot| self.lots[lot].id);
            RecordedLine { role, lot, elements: packed.masses() }
        });
        Recorded {
            lines: lines.collect(),
            filing: filing.id,
            organisation: self.organisations.all[index(filing.organisation)],
            site: self.sites.all[index(filing.site)],
            process: filing.process.expect("only transformations have lines"),
            month: filing.month,
        }
    }

    /// Whether no later version was filed before this id.
    fn stands(&self, filing: &FilingRow, before: FilingId) -> bool {
        self.replaced.get(&filing.id).is_none_or(|newer| before <= *newer)
    }
}

impl Walk<'_> {
    fn go(&mut self, most: usize) {
        while let Some(lot) = self.waiting.pop() {
            let row = &self.kept.lots[index(lot)];
            let mut next = match self.direction {
                Direction::Backward => row.made,
                Direction::Forward => row.used,
            };
            while next != NONE {
                let step = self.kept.uses[index(next)];
                next = step.earlier;
                self.pass(step.filing);
            }
            if most < self.found.len() {
                return;
            }
        }
    }

    fn pass(&mut self, filing: u32) {
        let row = &self.kept.filings[index(filing)];
        if row.id < self.before && self.walked.insert(filing) {
            self.go_on_from(row);
            self.find(filing);
        }
    }

    /// Notes a filing that stands, and what else went through the same continuous process.
    fn find(&mut self, filing: u32) {
        let row = &self.kept.filings[index(filing)];
        if !self.kept.stands(row, self.before) || !self.is_found.insert(filing) {
            return;
        }
        self.found.push(filing);
        let Some(pool) = row.pool().filter(|pool| self.pooled.insert(*pool)) else { return };
        let kept = self.kept;
        for other in kept.months.get(&pool).into_iter().flatten() {
            let row = &kept.filings[index(*other)];
            let counts = row.id < self.before && kept.stands(row, self.before);
            if counts && self.is_found.insert(*other) {
                self.found.push(*other);
                self.go_on_from(row);
            }
        }
    }

    fn go_on_from(&mut self, filing: &FilingRow) {
        let far = match self.direction {
            Direction::Backward => LineRole::Input,
            Direction::Forward => LineRole::Output,
        };
        let mut packed = self.kept.packed.read(filing.lines);
        for _ in 0..packed.number() {
            let lot = u32::try_from(packed.number()).ok().and_then(|lot| lot.checked_sub(1));
            let role = pack::role_of(packed.number());
            packed.skip_masses();
            if let Some(lot) = lot.filter(|lot| role == far && self.seen.insert(*lot)) {
                self.waiting.push(lot);
            }
        }
    }
}
