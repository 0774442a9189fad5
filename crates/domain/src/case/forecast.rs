//! When a case will be decided, as far as those decided before tell.
//!
//! No promise and no law: the clock says by when a case must be decided, this says when cases like
//! it were. Empirical quantiles with the finite-sample correction of split conformal prediction
//! (V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World, 2005): of later cases
//! from the same procedure at least nine in ten are decided by the later of the two days.

use crate::regime::Calendar;
use jiff::civil::Date;
use serde::Serialize;

/// Of fewer decided cases nothing is said.
pub const CASES_NEEDED: usize = 20;

/// When a case may be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "forecast", rename_all = "snake_case")]
pub enum Forecast {
    /// Half of the cases that took at least as long as this one has were decided by the first day,
    /// nine in ten by the second.
    Expected {
        /// The day for one half.
        median_on: Date,
        /// The day for nine in ten.
        ninety_percent_on: Date,
        /// The days pass through a year whose holidays are not announced.
        provisional: bool,
        /// How many decided cases that rests on.
        cases: usize,
    },
    /// Too few cases were decided to say anything.
    NoHistory {
        /// How many were.
        cases: usize,
        /// How many it takes.
        needed: usize,
    },
    /// It has taken longer than nearly all before it.
    LongerThanHistory {
        /// How many took as long.
        cases: usize,
    },
}

/// When a case that was accepted on a day and is not decided yet may be decided.
///
/// `decided` are the working days from acceptance to decision of cases like it, pauses included.
pub fn expected(decided: &[u32], calendar: &Calendar, started_on: Date, today: Date) -> Forecast {
    if decided.len() < CASES_NEEDED {
        return Forecast::NoHistory { cases: decided.len(), needed: CASES_NEEDED };
    }
    let used = calendar.working_days_between(started_on, today).value();
    let mut longer: Vec<u32> = decided.iter().copied().filter(|days| used <= *days).collect();
    let cases = longer.len();
    if cases < CASES_NEEDED {
        return Forecast::LongerThanHistory { cases };
    }
    longer.sort_unstable();
    let half = calendar.add_working_days(started_on, quantile(&longer, 50));
    let most = calendar.add_working_days(started_on, quantile(&longer, 90));
    Forecast::Expected {
        median_on: half.value(),
        ninety_percent_on: most.value(),
        provisional: half.is_provisional() || most.is_provisional(),
        cases,
    }
}

/// The value of sorted ones that a further one does not exceed with this probability.
pub(super) fn quantile(sorted: &[u32], percent: usize) -> u32 {
    let rank = ((sorted.len() + 1) * percent).div_ceil(100).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied().unwrap_or_default()
}
