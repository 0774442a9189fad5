//! The simulated months, cut into rounds in which everybody acts once.

use domain::calendar_month::{BEIJING, Month};
use jiff::{SignedDuration, Timestamp, civil::Date};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Work starts at eight in the morning where a round is a day or longer.
const OPENING: i64 = 8 * HOUR;
/// What one organisation does in a round lies so many seconds apart, at most.
const STEP: i64 = 12 * 60;
/// More than anybody does in a round.
const STEPS_IN_A_ROUND: i64 = 60;

/// A round: when it begins, and how far apart things are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    /// Its beginning.
    pub(crate) begins_at: Timestamp,
    /// Between two acts of one organisation.
    pub(crate) step_seconds: i64,
    /// Its month.
    pub(crate) month: Month,
    /// Whether the month's books are closed after it.
    pub(crate) closes_month: bool,
}

impl Round {
    /// When an organisation does something for the `number`-th time in this round.
    pub(crate) fn moment(&self, number: i64) -> Timestamp {
        let number = number.min(STEPS_IN_A_ROUND - 1);
        after(self.begins_at, number * self.step_seconds)
    }
}

/// The rounds of so many months before a day, `per_month` of them each; the last month may be cut
/// short by that day.
pub(crate) fn rounds(until: Date, months: u32, per_month: u32) -> Vec<Round> {
    let end = midnight(until);
    let mut months: Vec<Month> = std::iter::successors(Some(Month::of(until)), |month| {
        month.first_day().yesterday().ok().map(Month::of)
    })
    .take(usize::try_from(months).unwrap_or(usize::MAX))
    .collect();
    months.reverse();
    let mut rounds = Vec::new();
    for month in months {
        let begins_at = midnight(month.first_day());
        let length = i64::from(month.last_day().day()) * DAY;
        let spacing = length / i64::from(per_month);
        let opening = if DAY <= spacing { OPENING } else { 0 };
        for number in 0..i64::from(per_month) {
            let day = if DAY <= spacing { number * spacing / DAY * DAY } else { number * spacing };
            let round = Round {
                begins_at: after(begins_at, day + opening),
                step_seconds: STEP.min(spacing / (STEPS_IN_A_ROUND + 1)),
                month,
                closes_month: number + 1 == i64::from(per_month) && month.last_day() < until,
            };
            if round.moment(STEPS_IN_A_ROUND) < end {
                rounds.push(round);
            }
        }
    }
    rounds
}

/// When a month's return is filed: in the first days of the next.
pub(crate) fn return_moment(month: Month, seconds: i64) -> Timestamp {
    after(midnight(month.next().first_day()), DAY + OPENING + seconds)
}

/// Midnight in Beijing.
pub(crate) fn midnight(day: Date) -> Timestamp {
    day.to_zoned(BEIJING).expect("dates of this century have a midnight").timestamp()
}

fn after(moment: Timestamp, seconds: i64) -> Timestamp {
    moment + SignedDuration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn rounds_follow_each_other_and_end_before_the_day() {
        for per_month in [4, 7, 25, 60, 200] {
            let rounds = rounds(date(2026, 11, 24), 6, per_month);
            assert_eq!(rounds[0].month.to_string(), "2026-06");
            for pair in rounds.windows(2) {
                assert!(pair[0].moment(STEPS_IN_A_ROUND - 1) < pair[1].begins_at, "{pair:?}");
            }
            assert!(rounds.last().unwrap().moment(STEPS_IN_A_ROUND) < midnight(date(2026, 11, 24)));
            assert_eq!(rounds.iter().filter(|round| round.closes_month).count(), 5);
        }
    }
}
