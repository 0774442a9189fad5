//! The whole plan: who registers, and what is filed in which order.

use crate::{
    calendar::{Round, return_moment, rounds},
    chain::{Chain, Stock},
    chance::Chance,
    filing::{Filing, LotName},
    goods::Good,
    irregularities::{Planted, Schemers},
    nation::{Nation, Trade},
    quotas::{Quota, quotas},
    trades::{Practice, act},
};
use domain::{calendar_month::Month, codes::FilingKind};
use jiff::civil::Date;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Another seed, another nation.
    pub seed: u64,
    /// How many organisations file.
    pub organisations: usize,
    /// At least so many filings.
    pub filings: usize,
    /// The plan ends before this day.
    pub until: Date,
}

/// A nation and what it files.
#[derive(Debug)]
pub struct Plan {
    /// Who takes part.
    pub nation: Nation,
    /// What is filed; nothing stands before what it needs.
    pub filings: Vec<Filing>,
    /// What is wrong on purpose.
    pub planted: Vec<Planted>,
    /// The months it covers.
    pub months: Vec<Month>,
    /// What the groups may mine and separate.
    pub quotas: Vec<Quota>,
    /// What a licence can be used for at the end.
    pub controlled: Option<ControlledStock>,
}

/// Magnets with dysprosium that somebody holds when the plan ends.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlledStock {
    /// Who.
    pub organisation: usize,
    /// Which lot.
    pub lot: LotName,
    /// How much of it.
    pub grams: u64,
}

/// Months of a plan; a short one covers fewer.
const MONTHS: u32 = 6;
const MONTHS_OF_A_SHORT_PLAN: u32 = 2;
const FILINGS_OF_A_SHORT_PLAN: usize = 5_000;
/// Filings that one organisation makes in a round, about: only where the search begins.
const FILINGS_IN_A_ROUND: usize = 5;
const ROUNDS_LIMIT: u32 = 700;

impl Plan {
    /// Writes a plan down. The same wishes give the same plan, to the byte.
    pub fn of(wanted: &Wanted) -> Self {
        let months =
            if wanted.filings < FILINGS_OF_A_SHORT_PLAN { MONTHS_OF_A_SHORT_PLAN } else { MONTHS };
        let a_round =
            wanted.organisations * FILINGS_IN_A_ROUND * usize::try_from(months).unwrap_or(1);
        let mut per_month =
            u32::try_from(wanted.filings / a_round.max(1)).unwrap_or(ROUNDS_LIMIT).max(4);
        loop {
            let plan = Self::with_rounds(wanted, months, per_month);
            if wanted.filings <= plan.filings.len() || ROUNDS_LIMIT <= per_month {
                return plan;
            }
            // Nearly proportional, so that few attempts are needed.
            let lacking = wanted.filings - plan.filings.len();
            let more =
                lacking * usize::try_from(per_month).unwrap_or(1) / plan.filings.len().max(1);
            per_month = (per_month + u32::try_from(more).unwrap_or(1).max(1)).min(ROUNDS_LIMIT);
        }
    }

    fn with_rounds(wanted: &Wanted, months: u32, per_month: u32) -> Self {
        let mut chance = Chance::of_seed(wanted.seed);
        let nation = Nation::found(&mut chance, wanted.organisations);
        let rounds = rounds(wanted.until, months, per_month);
        let practice = Practice::published(per_month);
        let mut chain = Chain::new(nation, chance, rounds[0]);
        let mut schemers = Schemers::new();
        // By then everybody holds and sells something, and prices have their peers.
        let schemes_begin = rounds.len() * 3 / 5;
        for (number, round) in rounds.iter().enumerate() {
            chain.begin(number, *round);
            if schemes_begin <= number {
                schemers.act(&mut chain, &practice);
            }
            for who in 0..chain.nation.organisations.len() {
                act(&mut chain, &practice, who);
            }
            if round.closes_month {
                close_month(&mut chain, round, wanted.until);
            }
        }
        let mut covered: Vec<Month> = rounds.iter().map(|round| round.month).collect();
        covered.dedup();
        let (quotas, overrun) = quotas(&chain.nation, &chain.filings);
        let mut planted = schemers.planted;
        planted.extend(overrun);
        let controlled = controlled(&chain);
        Self {
            nation: chain.nation,
            filings: chain.filings,
            planted,
            months: covered,
            quotas,
            controlled,
        }
    }
}

/// The largest such lot; an exporter's, if any has one.
fn controlled(chain: &Chain) -> Option<ControlledStock> {
    let of = |who: usize| {
        let lots = chain.stock[who].iter().filter(|stock| stock.good == Good::MagnetsSh);
        lots.max_by_key(|stock| stock.grams).map(|stock: &Stock| ControlledStock {
            organisation: who,
            lot: stock.lot.clone(),
            grams: stock.grams,
        })
    };
    let largest =
        |trade| chain.everybody(trade).into_iter().filter_map(of).max_by_key(|stock| stock.grams);
    largest(Trade::Exporter).or_else(|| largest(Trade::MagnetMaker))
}

/// Everybody measures what it holds, and closes the month in the first days of the next.
fn close_month(chain: &mut Chain, round: &Round, until: Date) {
    for who in 0..chain.nation.organisations.len() {
        let nil = !chain.active[who];
        chain.take_stock(who);
        chain.active[who] = false;
        let seconds = chain.chance.between(0, 3 * 24 * 3_600).cast_signed();
        let moment = return_moment(round.month, seconds);
        if crate::calendar::midnight(until) <= moment {
            continue;
        }
        let reference = format!("RET-{}", round.month);
        let mut filing = Filing::new(who, FilingKind::MonthlyReturn, reference, moment);
        filing.month = Some((round.month.to_string(), nil));
        // A return is the last word on its month.
        filing.after =
            chain.filings.iter().rposition(|other| other.filer == who).into_iter().collect();
        chain.file(filing);
    }
}
