//! Every transformation and every lot, kept at hand: packed, and in the order they were taken in.
//!
//! What the database would be asked for each trace stands here in a few arrays: filings, claims of
//! lots, and for each lot the filings that made or used it. Words are stored once, masses only where
//! there are any. Nothing is ever changed: a correction is one more filing, and what stood at a
//! moment is what was filed before it.
//!
//! It crosses organisations and knows no reader. Whoever asks it decides what may be shown.

mod pack;
#[cfg(test)]
mod tests;
mod walk;

use super::{Mixing, RecordedLine};
use crate::{
    calendar_month::Month,
    codes::{FilingKind, LineRole, Process},
    ids::{FilingId, LotId, OrganisationId, SiteId},
    mass::{ElementMasses, Kilograms},
};
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use jiff::Timestamp;
use pack::Packed;
use std::{hash::BuildHasher, sync::Arc};

/// Stands where there is no place.
const NONE: u32 = u32::MAX;

/// A filing, as far as traces rest on it.
#[derive(Clone, Debug)]
pub struct Filed {
    /// The filing.
    pub filing: FilingId,
    /// Who filed it.
    pub organisation: OrganisationId,
    /// Where it happened, with the site's code.
    pub site: (SiteId, Option<String>),
    /// Its kind.
    pub kind: FilingKind,
    /// By which process, if it is a transformation.
    pub process: Option<Process>,
    /// In which month.
    pub month: Month,
    /// Which version it corrects.
    pub replaces: Option<FilingId>,
    /// What went in, came out and was lost, if it is a transformation.
    pub lines: Vec<RecordedLine>,
    /// What it says of the lots that it made.
    pub claims: Vec<Claimed>,
    /// The lots that it sent to another filer.
    pub moved: Vec<LotId>,
}

/// What a filing says of a lot that it made.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The lot.
    pub lot: LotId,
    /// Its maker's number for it.
    pub number: String,
    /// What kind of goods.
    pub category: String,
    /// Its grade.
    pub grade: Option<String>,
    /// Gross mass when it was made.
    pub quantity: Kilograms,
    /// When it was made.
    pub happened_at: Timestamp,
    /// What it holds.
    pub elements: ElementMasses,
}

/// A lot as it was claimed before a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLot {
    /// Who made it.
    pub maker: OrganisationId,
    /// The code of the site where it was made.
    pub site: Option<Arc<str>>,
    /// Its maker's number for it.
    pub number: String,
    /// What kind of goods.
    pub category: Arc<str>,
    /// Its grade.
    pub grade: Option<Arc<str>>,
    /// Gross mass when it was made.
    pub quantity: Kilograms,
    /// When it was made.
    pub happened_at: Timestamp,
    /// The kind of filing that made it.
    pub made_by: FilingKind,
}

/// All of it. Empty, it takes no memory.
#[derive(Debug, Default)]
pub struct Kept {
    filings: Vec<FilingRow>,
    lots: Vec<LotRow>,
    claims: Vec<ClaimRow>,
    uses: Vec<UseRow>,
    /// Lines of transformations and claims of lots, to which the rows point.
    packed: Packed,
    /// Where each lot stands in `lots`.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
    organisations: Names<OrganisationId>,
    sites: Names<SiteId>,
    /// Codes of the sites, in their order.
    codes: Vec<Option<Arc<str>>>,
    words: Names<Arc<str>>,
    /// What went through a continuous process in the same month.
    months: HashMap<Pool, Vec<u32>>,
    /// Which version came after which.
    replaced: HashMap<FilingId, FilingId>,
}

/// A continuous process of a site in a month; organisation and site by their places.
type Pool = (u32, u32, Process, Month);

#[derive(Clone, Copy, Debug)]
struct FilingRow {
    id: FilingId,
    organisation: u32,
    site: u32,
    month: Month,
    kind: FilingKind,
    process: Option<Process>,
    /// Where its lines are packed, if it is a transformation.
    lines: u32,
}

#[derive(Clone, Copy, Debug)]
struct LotRow {
    id: LotId,
    /// The last claim of it that was taken in; the others follow from there.
    claim: u32,
    /// The last use of it as an output of something, and as an input.
    made: u32,
    used: u32,
    is_moved: bool,
}

#[derive(Clone, Copy, Debug)]
struct ClaimRow {
    filing: u32,
    earlier: u32,
    packed: u32,
}

#[derive(Clone, Copy, Debug)]
struct UseRow {
    filing: u32,
    earlier: u32,
}

/// Values that are stored once and known by their place.
#[derive(Debug)]
struct Names<T> {
    all: Vec<T>,
    places: HashMap<T, u32>,
}

impl Kept {
    /// Beyond this, places would not fit: whoever keeps it must stop before.
    pub const BYTES_LIMIT: usize = 8 << 30;

    /// Takes in a filing. Each may be taken in once only.
    pub fn add(&mut self, filed: &Filed) {
        if let Some(replaced) = filed.replaces {
            self.replaced.insert(replaced, filed.filing);
        }
        for lot in &filed.moved {
            let place = self.place_or_new(*lot);
            self.lots[index(place)].is_moved = true;
        }
        if filed.process.is_none() && filed.claims.is_empty() {
            return;
        }
        let filing = place(self.filings.len());
        let organisation = self.organisations.place_or_new(&filed.organisation);
        let site = self.site_or_new(&filed.site);
        let row = FilingRow {
            id: filed.filing,
            organisation,
            site,
            month: filed.month,
            kind: filed.kind,
            process: filed.process,
            lines: if filed.process.is_some() { self.keep_lines(filing, filed) } else { NONE },
        };
        push(&mut self.filings, row);
        for claim in &filed.claims {
            self.keep_claim(filing, claim);
        }
        if let Some(pool) = row.pool() {
            self.months.entry(pool).or_default().push(filing);
        }
    }

    /// How many filings it holds.
    pub fn filings(&self) -> usize {
        self.filings.len()
    }

    /// How much memory it takes, nearly.
    pub fn bytes(&self) -> usize {
        let pooled: usize = self.months.values().map(|filings| filings.capacity() * 4 + 64).sum();
        self.filings.capacity() * size_of::<FilingRow>()
            + self.lots.capacity() * size_of::<LotRow>()
            + self.claims.capacity() * size_of::<ClaimRow>()
            + self.uses.capacity() * size_of::<UseRow>()
            + self.packed.bytes()
            + self.places.capacity() * 8
            + self.replaced.capacity() * 40
            + self.words.all.iter().map(|word| word.len() + 64).sum::<usize>()
            + (self.organisations.all.len() + self.sites.all.len()) * 120
            + pooled
    }

    /// Whether this organisation made the lot, whenever it said so.
    pub fn is_made_by(&self, lot: LotId, organisation: OrganisationId) -> bool {
        self.place_of(lot)
            .is_some_and(|lot| self.claims_of(lot).any(|claim| self.maker(claim) == organisation))
    }

    /// Whether the lot was ever sent to another filer.
    pub fn is_moved(&self, lot: LotId) -> bool {
        self.place_of(lot).is_some_and(|place| self.lots[index(place)].is_moved)
    }

    /// The lot as it was claimed by what was filed before this id; `None` if it was not.
    pub fn lot(&self, lot: LotId, before: FilingId) -> Option<KeptLot> {
        let claim = self.standing_claim(self.place_of(lot)?, before)?;
        let filing = &self.filings[index(claim.filing)];
        let mut packed = self.packed.read(claim.packed);
        let number = packed.text().to_owned();
        let category = self.word(packed.number()).expect("a lot has a category");
        let grade = self.word(packed.number());
        let quantity = Kilograms::from_grams(packed.number()).unwrap_or(Kilograms::MAX);
        let happened_at = Timestamp::from_microsecond(packed.signed()).unwrap_or(Timestamp::MAX);
        Some(KeptLot {
            maker: self.maker(claim),
            site: self.codes[index(filing.site)].clone(),
            number,
            category,
            grade,
            quantity,
            happened_at,
            made_by: filing.kind,
        })
    }

    /// What the lot holds, as it was claimed by what was filed before this id.
    fn elements(&self, lot: u32, before: FilingId) -> Option<ElementMasses> {
        let claim = self.standing_claim(lot, before)?;
        let mut packed = self.packed.read(claim.packed);
        packed.text();
        for _ in 0..4 {
            packed.number();
        }
        Some(packed.masses())
    }

    fn site_or_new(&mut self, (site, code): &(SiteId, Option<String>)) -> u32 {
        let place = self.sites.place_or_new(site);
        self.codes.resize(self.sites.all.len(), None);
        let known = &mut self.codes[index(place)];
        if known.as_deref() != code.as_deref() {
            *known = code.as_deref().map(Arc::from);
        }
        place
    }

    fn keep_claim(&mut self, filing: u32, claimed: &Claimed) {
        let lot = index(self.place_or_new(claimed.lot));
        let category = self.words.place_or_new(&Arc::from(claimed.category.as_str()));
        let grade =
            claimed.grade.as_deref().map(|grade| self.words.place_or_new(&Arc::from(grade)));
        let packed = self.packed.begin();
        self.packed.text(&claimed.number);
        self.packed.number(u64::from(category) + 1);
        self.packed.number(grade.map_or(0, |grade| u64::from(grade) + 1));
        self.packed.number(claimed.quantity.grams());
        self.packed.signed(claimed.happened_at.as_microsecond());
        self.packed.masses(&claimed.elements);
        let earlier = std::mem::replace(&mut self.lots[lot].claim, place(self.claims.len()));
        push(&mut self.claims, ClaimRow { filing, earlier, packed });
    }

    /// Packs the lines of a transformation, and notes at its lots what became of them.
    fn keep_lines(&mut self, filing: u32, filed: &Filed) -> u32 {
        let mut lines = filed.lines.clone();
        lines.sort_unstable_by_key(|line| (line.role, line.lot));
        let places: Vec<Option<u32>> =
            lines.iter().map(|line| line.lot.map(|lot| self.place_or_new(lot))).collect();
        let packed = self.packed.begin();
        self.packed.number(lines.len() as u64);
        for (line, place) in lines.iter().zip(&places) {
            self.packed.number(place.map_or(0, |place| u64::from(place) + 1));
            self.packed.number(pack::code_of(line.role));
            self.packed.masses(&line.elements);
        }
        let side = |role| -> Vec<u32> {
            let lots = lines.iter().zip(&places).filter(|(line, _)| line.role == role);
            let mut lots: Vec<u32> = lots.filter_map(|(_, place)| *place).collect();
            lots.dedup();
            lots
        };
        let (inputs, outputs) = (side(LineRole::Input), side(LineRole::Output));
        // A lot that only became itself leads nowhere.
        let leads = |from: u32, to: &[u32]| to.iter().any(|lot| *lot != from);
        for lot in outputs.iter().filter(|lot| leads(**lot, &inputs)) {
            let earlier =
                std::mem::replace(&mut self.lots[index(*lot)].made, place(self.uses.len()));
            push(&mut self.uses, UseRow { filing, earlier });
        }
        for lot in inputs.iter().filter(|lot| leads(**lot, &outputs)) {
            let earlier =
                std::mem::replace(&mut self.lots[index(*lot)].used, place(self.uses.len()));
            push(&mut self.uses, UseRow { filing, earlier });
        }
        packed
    }

    fn claims_of(&self, lot: u32) -> impl Iterator<Item = &ClaimRow> {
        let claim = |place: u32| (place != NONE).then(|| &self.claims[index(place)]);
        std::iter::successors(claim(self.lots[index(lot)].claim), move |row| claim(row.earlier))
    }

    fn standing_claim(&self, lot: u32, before: FilingId) -> Option<&ClaimRow> {
        let id = |claim: &&ClaimRow| self.filings[index(claim.filing)].id;
        self.claims_of(lot).filter(|claim| id(claim) < before).max_by_key(id)
    }

    fn maker(&self, claim: &ClaimRow) -> OrganisationId {
        self.organisations.all[index(self.filings[index(claim.filing)].organisation)]
    }

    /// The word that a packed number stands for; 0 stands for none.
    fn word(&self, number: u64) -> Option<Arc<str>> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        self.words.all.get(place).cloned()
    }

    fn place_of(&self, lot: LotId) -> Option<u32> {
        let hash = self.hasher.hash_one(lot);
        self.places.find(hash, |place| self.lots[index(*place)].id == lot).copied()
    }

    fn place_or_new(&mut self, lot: LotId) -> u32 {
        if let Some(place) = self.place_of(lot) {
            return place;
        }
        let new = place(self.lots.len());
        let row = LotRow { id: lot, claim: NONE, made: NONE, used: NONE, is_moved: false };
        push(&mut self.lots, row);
        let (lots, hasher) = (&self.lots, &self.hasher);
        let hash = hasher.hash_one(lot);
        self.places.insert_unique(hash, new, |place| hasher.hash_one(lots[index(*place)].id));
        new
    }
}

impl FilingRow {
    fn pool(&self) -> Option<Pool> {
        let process = self.process?;
        let is_pooled = process.mixing() == Mixing::Continuous;
        is_pooled.then_some((self.organisation, self.site, process, self.month))
    }
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::default() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Names<T> {
    fn place_or_new(&mut self, value: &T) -> u32 {
        if let Some(place) = self.places.get(value) {
            return *place;
        }
        let new = place(self.all.len());
        self.all.push(value.clone());
        self.places.insert(value.clone(), new);
        new
    }
}

/// Grows by a quarter: doubling would keep up to half of the memory empty.
fn push<T>(rows: &mut Vec<T>, row: T) {
    if rows.len() == rows.capacity() {
        rows.reserve_exact(rows.len() / 4 + 64);
    }
    rows.push(row);
}

fn place(length: usize) -> u32 {
    u32::try_from(length).expect("`BYTES_LIMIT` is reached long before")
}

fn index(place: u32) -> usize {
    usize::try_from(place).expect("a place is in memory")
}
