//! A labelled year of a whole nation, to measure detection with: `simulator year`.
//!
//! From mine to magnet to product and export, in rounds of ten days from May 2024 to April 2025, with
//! everything that honest firms get wrong, and with every typology at a known rate and strength. The
//! generator has its own figures (`data/year/`) and shares none with any detector. The same seed
//! gives the same year, to the byte. Seeds below [`FIRST_EVALUATION_SEED`] are for development,
//! the others for reports only.

mod books;
mod counting;
mod data;
mod deeds;
mod draw;
mod firms;
pub mod labels;
mod making;
mod moving;
mod quotas;
pub mod registration;
mod schemes;
mod trade;
pub mod writing;

pub use books::{Entry, recorded_on};
pub use data::Line;
pub use deeds::{Deed, Kind, STRENGTHS_PERMILLE};
pub use firms::Firm;
pub use labels::Label;
pub use quotas::YearQuota;

use crate::{
    chance::Chance,
    filing::{LotName, Party},
};
use books::{Books, ROUNDS_A_MONTH, ROUNDS_AFTER};
use deeds::Activity;
use domain::codes::FilingKind;
use jiff::civil::{Date, date};
use std::collections::BTreeSet;

/// Seeds from here on were never looked at while anything was built or tuned.
pub const FIRST_EVALUATION_SEED: u64 = 1_000;
/// The first day of the year.
pub const FIRST_DAY: Date = date(2024, 5, 1);
/// Rounds in which filings reach the register: those of the year, and a month in which the last
/// returns and what is late come in.
pub const ROUNDS: usize = 12 * ROUNDS_A_MONTH + ROUNDS_AFTER;
/// The number of the month in which controls on medium and heavy rare earths hold: April 2025
/// (announcement 18 of 2025).
const CONTROLS: usize = 11;
/// Fewer firms do not make every line of business.
pub const FEWEST_FIRMS: usize = 60;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct YearWanted {
    /// Another seed, another year.
    pub seed: u64,
    /// How many firms file.
    pub firms: usize,
}

/// A year of a nation, before it is sent.
#[derive(Debug)]
pub struct Year {
    /// What it was made from.
    pub wanted: YearWanted,
    /// Who files.
    pub firms: Vec<Firm>,
    /// What is filed, in the order in which it reaches the register.
    pub entries: Vec<Entry>,
    /// Tax invoices by round, as the tax authority hands them in.
    pub invoices: Vec<(usize, serde_json::Value)>,
    /// Customs declarations by round, as customs hand them in.
    pub declarations: Vec<(usize, serde_json::Value)>,
    /// Who stands on the control list all year.
    pub listed: Vec<Party>,
    /// What each group may mine and separate.
    pub quotas: Vec<YearQuota>,
    /// Everything that was injected: frauds, and what only looks like them.
    pub labels: Vec<Label>,
    /// Deeds for which there was never an opportunity.
    pub not_carried_out: usize,
}

impl Year {
    /// Writes a year down.
    pub fn of(wanted: &YearWanted) -> Self {
        let mut chance = Chance::of_seed(wanted.seed);
        let mut firms = firms::found(&mut chance, wanted.firms.max(FEWEST_FIRMS));
        let mut honest = Books::new(chance.clone(), firms.clone(), Vec::new());
        live(&mut honest);
        let activity = activity(&honest);
        let deeds = deeds::lay_down(&mut chance, &mut firms, &activity, wanted.seed);
        let mut books = Books::new(chance, firms, deeds);
        books.listed = schemes::listed_parties(&mut books);
        live(&mut books);
        let quotas = quotas::grant(&mut books);
        let labels = labels::of(&books);
        let not_carried_out = books.deeds.len() - labels.len();
        let mut entries = books.entries;
        for entry in &mut entries {
            entry.round = entry.round.min(ROUNDS - 1);
        }
        // Stable: what a firm files within a round stays in its order.
        entries.sort_by_key(|entry| entry.round);
        Self {
            wanted: *wanted,
            firms: books.firms,
            entries,
            invoices: books.invoices,
            declarations: books.declarations,
            listed: books.listed,
            quotas,
            labels,
            not_carried_out,
        }
    }

    /// What is filed in a round.
    pub fn in_round(&self, round: usize) -> &[Entry] {
        let begin = self.entries.partition_point(|entry| entry.round < round);
        let end = self.entries.partition_point(|entry| entry.round <= round);
        &self.entries[begin..end]
    }
}

/// Everybody's twelve months.
fn live(books: &mut Books) {
    for round in 0..12 * ROUNDS_A_MONTH {
        books.begin(round);
        for who in 0..books.firms.len() {
            // Whoever has something in mind does that first.
            if trade::is_open(books, who) {
                trade::begin(books, who);
                schemes::act(books, who);
                trade::act(books, who);
            }
        }
        if round % ROUNDS_A_MONTH == ROUNDS_A_MONTH - 1 {
            counting::close(books);
        }
    }
}

/// What everybody did.
fn activity(books: &Books) -> Vec<Activity> {
    let mut activity = vec![Activity::default(); books.firms.len()];
    let codes: BTreeSet<String> = books.firms.iter().map(|firm| firm.uscc.to_string()).collect();
    let controlled_lots: BTreeSet<&LotName> = books
        .entries
        .iter()
        .flat_map(|entry| &entry.filing.outputs)
        .filter(|line| line.product == Some(data::Ware::MAGNETS_SH.facts().code))
        .filter_map(|line| line.lot.as_ref())
        .collect();
    for entry in &books.entries {
        let (filing, month) = (&entry.filing, (entry.round / ROUNDS_A_MONTH).min(11));
        let of = &mut activity[filing.filer];
        let controlled = data::Ware::MAGNETS_SH.facts().code;
        of.made_controlled[month] +=
            u32::from(filing.outputs.iter().any(|line| line.product == Some(controlled)));
        match filing.kind {
            FilingKind::Extraction | FilingKind::Transformation => of.made[month] += 1,
            FilingKind::Dispatch => {
                let buyer = filing.party.as_ref().and_then(|party| party.identifier.as_ref());
                of.delivered[month] += u32::from(buyer.is_some_and(|code| codes.contains(code)));
                of.sold[month] += 1;
            }
            FilingKind::Export => of.sold[month] += 1,
            _ => {}
        }
        let sells = matches!(filing.kind, FilingKind::Dispatch);
        let of_magnets = |name: &LotName| controlled_lots.contains(name);
        // What is sold at home in the last month could have been sent abroad.
        of.holds_controlled |= sells
            && month == CONTROLS
            && filing.lines.iter().filter_map(|line| line.lot.as_ref()).any(of_magnets);
    }
    activity
}

#[cfg(test)]
mod tests;
