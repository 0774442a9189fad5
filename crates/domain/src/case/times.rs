//! How long decisions take, for anybody to see.
//!
//! Recomputed from what happened, never counted along. Only quarters that have ended are told, so
//! that no two readings differ by one case, and a cell of few cases or few exporters is hidden: it
//! would tell how long a known company's case took. There are no totals to subtract from.

use super::{StateName, forecast::quantile};
use crate::{
    ids::OrganisationId,
    regime::{Calendar, LicenceKind},
};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Cells of fewer cases are hidden.
const CASES_AT_LEAST: usize = 10;
/// Cells of fewer exporters are hidden.
const EXPORTERS_AT_LEAST: usize = 3;

/// A case that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedCase {
    /// Whose.
    pub organisation: OrganisationId,
    /// What kind of licence was asked for.
    pub kind: LicenceKind,
    /// Where the goods were to go.
    pub destination: Option<String>,
    /// The day that counts as acceptance.
    pub accepted_on: Date,
    /// When.
    pub decided_on: Date,
    /// Approved or refused.
    pub outcome: StateName,
}

impl DecidedCase {
    /// From acceptance to decision, pauses included.
    pub fn working_days(&self, calendar: &Calendar) -> u32 {
        calendar.working_days_between(self.accepted_on, self.decided_on).value()
    }
}

/// Three months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Quarter {
    /// The year.
    pub year: i16,
    /// From 1 to 4.
    pub quarter: i8,
}

impl Quarter {
    /// The quarter that a day lies in.
    pub fn of(day: Date) -> Self {
        Self { year: day.year(), quarter: (day.month() + 2) / 3 }
    }
}

/// How long the decisions of one cell took, in working days from acceptance, pauses included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Times {
    /// How many were decided.
    pub cases: usize,
    /// Half of them took at most this long.
    pub median_working_days: u32,
    /// Nine in ten took at most this long.
    pub ninety_percent_working_days: u32,
}

/// One kind of licence in one quarter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimesCell {
    /// The quarter of the decisions.
    pub quarter: Quarter,
    /// The kind of licence.
    pub kind: LicenceKind,
    /// How long they took; none where too few cases or exporters would be told apart.
    pub times: Option<Times>,
}

/// The processing times of every quarter that has ended by a day, by kind of licence, the latest
/// first.
pub fn processing_times(
    decided: &[DecidedCase],
    calendar: &Calendar,
    today: Date,
) -> Vec<TimesCell> {
    type Cell = (Vec<u32>, BTreeSet<OrganisationId>);
    let this_quarter = Quarter::of(today);
    let mut cells: BTreeMap<(Quarter, LicenceKind), Cell> = BTreeMap::new();
    for case in decided.iter().filter(|case| Quarter::of(case.decided_on) < this_quarter) {
        let (days, exporters) = cells.entry((Quarter::of(case.decided_on), case.kind)).or_default();
        days.push(case.working_days(calendar));
        exporters.insert(case.organisation);
    }
    let told = cells.into_iter().rev().map(|((quarter, kind), (mut days, exporters))| {
        days.sort_unstable();
        let shown = CASES_AT_LEAST <= days.len() && EXPORTERS_AT_LEAST <= exporters.len();
        let times = shown.then(|| Times {
            cases: days.len(),
            median_working_days: quantile(&days, 50),
            ninety_percent_working_days: quantile(&days, 90),
        });
        TimesCell { quarter, kind, times }
    });
    told.collect()
}
