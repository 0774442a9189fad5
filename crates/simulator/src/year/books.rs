//! What truly is where, and what is said of it.
//!
//! Every lot has two masses: what is there, and what the books say. They part by the errors of
//! scales and laboratories, and by what somebody hides. Grams and milligrams are whole numbers.

use super::{
    data::{MONTHS, MonthFacts, Ware},
    deeds::{Deed, Kind},
    draw::{changed, normal_ppm},
    firms::Firm,
};
use crate::{
    calendar::midnight,
    chain::kilograms,
    chance::Chance,
    filing::{Filing, LotName, MovementName},
};
use domain::{calendar_month::Month, codes::FilingKind, mass::ElementMasses};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use std::collections::BTreeMap;

/// Rounds of a month: the first, second and last third of it.
pub(crate) const ROUNDS_A_MONTH: usize = 3;
/// Rounds after the last month, in which its returns and what is late come in.
pub(crate) const ROUNDS_AFTER: usize = 3;
/// Less is not worth a line.
const DUST_GRAMS: u64 = 500;

/// A lot, or what is left of it, in somebody's hands.
#[derive(Clone, Debug)]
pub(crate) struct Lot {
    pub(crate) name: LotName,
    pub(crate) ware: Ware,
    /// What the books say, in grams.
    pub(crate) book: u64,
    /// What is there, in grams.
    pub(crate) truly: u64,
    /// The rare earths that are there.
    pub(crate) elements: ElementMasses,
    /// The rare earths that the papers say are there: every paper on the lot says the same.
    pub(crate) said: ElementMasses,
}

impl Lot {
    /// So many grams of it, by the books.
    pub(crate) fn part(&self, book: u64) -> Self {
        let truly = u128::from(self.truly) * u128::from(book) / u128::from(self.book.max(1));
        Self {
            name: self.name.clone(),
            ware: self.ware,
            book,
            truly: u64::try_from(truly).unwrap_or(u64::MAX),
            elements: self.elements.share(kilograms(book), kilograms(self.book)),
            said: self.said.share(kilograms(book), kilograms(self.book)),
        }
    }
}

/// Goods between two firms.
#[derive(Clone, Debug)]
pub(crate) struct UnderWay {
    pub(crate) movement: MovementName,
    pub(crate) lots: Vec<Lot>,
    pub(crate) arrives_in: usize,
}

/// A lot that goes in a circle.
#[derive(Clone, Debug)]
pub(crate) struct Circling {
    pub(crate) deed: usize,
    pub(crate) lot: LotName,
    /// How often it was passed on.
    pub(crate) legs: usize,
    /// Who has it, or to whom it is on its way.
    pub(crate) holder: usize,
}

/// A filing, and the round in which it reaches the register.
#[derive(Clone, Debug)]
pub struct Entry {
    /// In which round.
    pub round: usize,
    /// What is filed.
    pub filing: Filing,
}

/// What was done of a deed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    /// Firm and reference of each filing.
    pub(crate) references: Vec<(usize, String)>,
    pub(crate) first_at: Option<Timestamp>,
    /// The group whose quota it is about, and its firms.
    pub(crate) group: Option<usize>,
    pub(crate) members: Vec<usize>,
}

/// Everything so far.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) chance: Chance,
    pub(crate) firms: Vec<Firm>,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) traces: Vec<Trace>,
    pub(crate) round: usize,
    pub(crate) entries: Vec<Entry>,
    /// Tax invoices with the round in which they are handed in.
    pub(crate) invoices: Vec<(usize, serde_json::Value)>,
    /// Customs declarations with the round in which they are handed in.
    pub(crate) declarations: Vec<(usize, serde_json::Value)>,
    pub(crate) lots: Vec<Vec<Lot>>,
    /// What is on its way to each firm.
    pub(crate) under_way: Vec<Vec<UnderWay>>,
    /// Whether a firm did anything this month.
    pub(crate) active: Vec<bool>,
    /// Oxide that a firm mined or put into separation: round, firm, grams.
    pub(crate) drawn: Vec<(usize, usize, u64)>,
    /// Yields that somebody made up once, in thousandths of what went in.
    pub(crate) ratios: BTreeMap<(usize, Ware), u64>,
    /// Lots that go in circles.
    pub(crate) circling: Vec<Circling>,
    /// Who files one batch after the other within minutes, and for which deed.
    pub(crate) hurrying: Option<(usize, usize)>,
    /// Listed parties, as published.
    pub(crate) listed: Vec<crate::filing::Party>,
    /// What a firm sold or exported so far, in grams.
    pub(crate) sold: Vec<u64>,
    clocks: Vec<Timestamp>,
    deeds_of: Vec<Vec<usize>>,
    numbers: Vec<BTreeMap<&'static str, u32>>,
}

impl Books {
    pub(crate) fn new(chance: Chance, firms: Vec<Firm>, deeds: Vec<Deed>) -> Self {
        let count = firms.len();
        let mut deeds_of = vec![Vec::new(); count];
        for (index, deed) in deeds.iter().enumerate() {
            deeds_of[deed.firm].push(index);
        }
        Self {
            chance,
            traces: vec![Trace::default(); deeds.len()],
            firms,
            deeds,
            round: 0,
            entries: Vec::new(),
            invoices: Vec::new(),
            declarations: Vec::new(),
            lots: vec![Vec::new(); count],
            under_way: vec![Vec::new(); count],
            active: vec![false; count],
            drawn: Vec::new(),
            ratios: BTreeMap::new(),
            circling: Vec::new(),
            hurrying: None,
            listed: Vec::new(),
            sold: vec![0; count],
            clocks: vec![Timestamp::UNIX_EPOCH; count],
            deeds_of,
            numbers: vec![BTreeMap::new(); count],
        }
    }

    /// Begins a round: everybody starts somewhere in its first days.
    pub(crate) fn begin(&mut self, round: usize) {
        self.round = round;
        let opening = opening(round);
        for clock in &mut self.clocks {
            let hours = self.chance.between(8, 90).cast_signed();
            *clock = opening + SignedDuration::from_hours(hours);
        }
    }

    /// The number of the month, the last one for what comes after it.
    pub(crate) fn month(&self) -> usize {
        (self.round / ROUNDS_A_MONTH).min(MONTHS.len() - 1)
    }

    pub(crate) fn month_facts(&self) -> &'static MonthFacts {
        &MONTHS[self.month()]
    }

    /// The present moment of a firm, a little later each time it is asked for.
    pub(crate) fn moment(&mut self, who: usize) -> Timestamp {
        let hurried = self.hurrying.is_some_and(|(firm, _)| firm == who);
        let minutes = self.chance.between(20, if hurried { 25 } else { 260 }).cast_signed()
            / if hurried { 8 } else { 1 };
        let last = opening(self.round + 1) - SignedDuration::from_hours(2);
        let next = self.clocks[who] + SignedDuration::from_mins(minutes);
        // A firm that does very much does the last of it late in the evening.
        self.clocks[who] =
            if last < next { self.clocks[who] + SignedDuration::from_secs(1) } else { next };
        self.clocks[who]
    }

    /// The next number of a series of a firm's.
    pub(crate) fn number(&mut self, who: usize, prefix: &'static str) -> String {
        let last = self.numbers[who].entry(prefix).or_default();
        *last += 1;
        format!("{prefix}-{:05}", *last)
    }

    /// A filing of a firm's, now.
    pub(crate) fn filing(&mut self, who: usize, kind: FilingKind, prefix: &'static str) -> Filing {
        self.active[who] = true;
        let moment = self.moment(who);
        let reference = self.number(who, prefix);
        Filing::new(who, kind, reference, moment)
    }

    /// Records it at once.
    pub(crate) fn file(&mut self, filing: Filing) {
        self.file_in(self.round, filing);
    }

    /// Records it in a later round.
    pub(crate) fn file_in(&mut self, round: usize, filing: Filing) {
        self.entries.push(Entry { round, filing });
    }

    /// The fraud of this typology that a firm is committing, and how strong it is.
    pub(crate) fn fraud(&self, who: usize, typology: &str) -> Option<(usize, u64)> {
        self.deeds_of[who].iter().find_map(|index| {
            let deed = &self.deeds[*index];
            let now = (deed.from..=deed.until).contains(&self.month());
            match deed.kind {
                Kind::Fraud(strength) if deed.typology == typology && now => {
                    Some((*index, strength))
                }
                _ => None,
            }
        })
    }

    /// The look-alike of this kind that a firm is in.
    pub(crate) fn look_alike(&self, who: usize, kind: &str) -> Option<usize> {
        self.deeds_of[who].iter().copied().find(|index| {
            let deed = &self.deeds[*index];
            let now = (deed.from..=deed.until).contains(&self.month());
            now && matches!(deed.kind, Kind::LookAlike(of) if of == kind)
        })
    }

    /// How often something was done already for a deed.
    pub(crate) fn done(&self, deed: usize) -> usize {
        self.traces[deed].references.len()
    }

    /// Notes a filing that a deed consists of.
    pub(crate) fn note(&mut self, deed: usize, filing: &Filing) {
        let trace = &mut self.traces[deed];
        trace.references.push((filing.filer, filing.reference.clone()));
        trace.first_at.get_or_insert(filing.happened_at);
    }

    /// What a firm's scale shows.
    pub(crate) fn weigh(&mut self, who: usize, grams: u64) -> u64 {
        let firm = &self.firms[who];
        let error = firm.scale_ppm + normal_ppm(&mut self.chance, firm.metrology.random_ppm);
        changed(grams, error).max(1)
    }

    /// One standard uncertainty of such a weighing, where the firm states it.
    pub(crate) fn stated_uncertainty(&self, who: usize, grams: u64) -> Option<u64> {
        let class = self.firms[who].metrology;
        let square = class.random_ppm.pow(2) + class.systematic_ppm.pow(2);
        let grams = u128::from(grams) * u128::from(square.isqrt()) / 1_000_000;
        class.states.then(|| u64::try_from(grams).unwrap_or(u64::MAX).max(1))
    }

    /// How much of a ware a firm holds by its books.
    pub(crate) fn held(&self, who: usize, ware: Ware) -> u64 {
        let there = |lot: &&Lot| lot.ware == ware && 0 < lot.truly;
        self.lots[who].iter().filter(there).map(|lot| lot.book).sum()
    }

    /// Takes up to so much of a ware, oldest first; no crumbs are left.
    pub(crate) fn take(&mut self, who: usize, ware: Ware, most: u64) -> Vec<Lot> {
        let mut wanted = most;
        let mut taken = Vec::new();
        // What is there by the books only cannot be loaded on a lorry.
        let there = |lot: &&mut Lot| lot.ware == ware && 0 < lot.truly;
        for lot in self.lots[who].iter_mut().filter(there) {
            if wanted < DUST_GRAMS {
                break;
            }
            let whole = lot.book <= wanted.saturating_add(lot.book / 40 + DUST_GRAMS);
            let part = lot.part(if whole { lot.book } else { wanted });
            lot.book -= part.book;
            lot.truly = lot.truly.saturating_sub(part.truly);
            lot.elements = lot.elements.minus(&part.elements);
            lot.said = lot.said.minus(&part.said);
            wanted = wanted.saturating_sub(part.book);
            taken.push(part);
        }
        self.lots[who].retain(|lot| 0 < lot.book);
        taken
    }

    /// Puts back what was taken and not used.
    pub(crate) fn put_back(&mut self, who: usize, lots: Vec<Lot>) {
        for part in lots {
            match self.lots[who].iter_mut().find(|lot| lot.name == part.name) {
                Some(lot) => {
                    lot.book += part.book;
                    lot.truly += part.truly;
                    lot.elements = lot.elements.plus(&part.elements);
                    lot.said = lot.said.plus(&part.said);
                }
                None => self.lots[who].push(part),
            }
        }
    }
}

/// The first day of a round.
pub(crate) fn first_day(round: usize) -> Date {
    let month = i64::try_from(round / ROUNDS_A_MONTH).unwrap_or_default();
    let day = i64::try_from(round % ROUNDS_A_MONTH * 10).unwrap_or_default();
    super::FIRST_DAY + month.months() + day.days()
}

/// The day on which what is filed in a round is all in: the last before the next round.
pub fn recorded_on(round: usize) -> Date {
    first_day(round + 1).yesterday().unwrap_or(super::FIRST_DAY)
}

/// When a round begins.
pub(crate) fn opening(round: usize) -> Timestamp {
    midnight(first_day(round))
}

/// The calendar month of a month's number.
pub(crate) fn calendar_month(number: usize) -> Month {
    Month::of(first_day(number * ROUNDS_A_MONTH))
}
