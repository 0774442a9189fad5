//! Which stocktake closes which month, and what lies between them.
//!
//! A stock is counted when it can be, not at midnight on the last of the month. So a month is
//! closed by the count whose day is nearest to the month's last day, among those at most so many
//! days before or after it; and what flows *up to the moment of that count* belongs to the month,
//! what flows after it to the next one. Nothing is cut at the month's end and nothing estimated:
//! a balance runs from count to count by the counts' own time. Where no count closes a month, its
//! segment ends with the month, and flows on into the balance that the next count closes.
//!
//! All stocktakes of one site on one Beijing day are one count, made at the moment of the last.

use crate::calendar_month::{BEIJING, Month, beijing_date};
use jiff::{SignedDuration, Timestamp, civil::Date};
use std::collections::BTreeMap;

/// Windows are never wider, so that no count can close two months.
pub const WINDOW_DAYS_LIMIT: u32 = 13;

/// The part of a site's time that is told of under a month: after one boundary, up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Under which month.
    pub month: Month,
    /// Begins just after.
    pub after: Timestamp,
    /// Ends with this moment.
    pub until: Timestamp,
    /// The first stocktake of the count that closes it: all from then until the end count.
    pub counted_from: Option<Timestamp>,
}

impl Segment {
    /// The calendar months that something in it may have happened in.
    pub fn calendar_months(&self) -> (Month, Month) {
        let first = self.after.saturating_add(TICK).unwrap_or(self.after);
        (Month::of(beijing_date(first)), Month::of(beijing_date(self.until)))
    }
}

/// The shortest time that the database tells apart.
const TICK: SignedDuration = SignedDuration::from_micros(1);

/// One segment for each month from the first to the last, each beginning where the one before
/// ended.
pub fn segments(
    first: Month,
    last: Month,
    stocktakes: &[Timestamp],
    window_days: u32,
) -> Vec<Segment> {
    let counts = counts(stocktakes);
    let window = i64::from(window_days.min(WINDOW_DAYS_LIMIT));
    let mut after = end(first.previous());
    let mut segments = Vec::new();
    let mut month = first;
    while month <= last {
        let closing = closing(month, &counts, window);
        let until = closing.map_or_else(|| end(month), |(_, last)| last);
        let counted_from = closing.map(|(first, _)| first);
        segments.push(Segment { month, after, until, counted_from });
        after = until;
        if month.next() == month {
            break;
        }
        month = month.next();
    }
    segments
}

/// The first and the last stocktake of each day that has one.
fn counts(stocktakes: &[Timestamp]) -> BTreeMap<Date, (Timestamp, Timestamp)> {
    let mut counts: BTreeMap<Date, (Timestamp, Timestamp)> = BTreeMap::new();
    for at in stocktakes {
        let count = counts.entry(beijing_date(*at)).or_insert((*at, *at));
        *count = (count.0.min(*at), count.1.max(*at));
    }
    counts
}

/// The count nearest to a month's last day; of two equally near, the later.
fn closing(
    month: Month,
    counts: &BTreeMap<Date, (Timestamp, Timestamp)>,
    window: i64,
) -> Option<(Timestamp, Timestamp)> {
    let last = month.last_day();
    let away = |day: Date| day.duration_since(last).as_hours().abs() / 24;
    let from = last.saturating_sub(SignedDuration::from_hours(24 * window));
    let until = last.saturating_add(SignedDuration::from_hours(24 * window));
    let near =
        counts.range(from..=until).min_by_key(|(day, _)| (away(**day), std::cmp::Reverse(**day)));
    near.map(|(_, count)| *count)
}

/// The last moment of a month.
fn end(month: Month) -> Timestamp {
    let next = month.last_day().tomorrow().unwrap_or(Date::MAX).to_zoned(BEIJING);
    next.map_or(Timestamp::MAX, |next| {
        next.timestamp().saturating_sub(TICK).unwrap_or(Timestamp::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Which months of the first quarter are closed by which day.
    fn closed(stocktakes: &[&str], window: u32) -> Vec<String> {
        let stocktakes: Vec<Timestamp> = stocktakes.iter().map(|text| at(text)).collect();
        segments(month("2026-01"), month("2026-03"), &stocktakes, window)
            .iter()
            .map(|segment| match segment.counted_from {
                Some(_) => format!("{} by {}", segment.month, beijing_date(segment.until)),
                None => format!("{} open", segment.month),
            })
            .collect()
    }

    #[test]
    fn a_month_is_closed_by_the_nearest_count_in_its_window() {
        let open = |months: [&str; 3]| months.map(str::to_owned).to_vec();
        assert_eq!(closed(&[], 5), open(["2026-01 open", "2026-02 open", "2026-03 open"]));
        // Two days late and a day early; one in the middle of a month closes nothing.
        assert_eq!(
            closed(
                &[
                    "2026-02-02T09:00:00+08:00",
                    "2026-02-27T09:00:00+08:00",
                    "2026-03-15T09:00:00+08:00"
                ],
                5
            ),
            open(["2026-01 by 2026-02-02", "2026-02 by 2026-02-27", "2026-03 open"])
        );
        assert_eq!(
            closed(&["2026-01-28T09:00:00+08:00", "2026-01-31T09:00:00+08:00"], 5),
            open(["2026-01 by 2026-01-31", "2026-02 open", "2026-03 open"])
        );
        // Of two equally near the later.
        assert_eq!(
            closed(&["2026-01-30T09:00:00+08:00", "2026-02-01T09:00:00+08:00"], 5)[0],
            "2026-01 by 2026-02-01"
        );
        assert_eq!(closed(&["2026-02-06T09:00:00+08:00"], 5)[0], "2026-01 open");
        assert_eq!(closed(&["2026-02-05T09:00:00+08:00"], 5)[0], "2026-01 by 2026-02-05");
        // A window too wide is narrowed: nothing closes two months.
        assert_eq!(
            closed(&["2026-02-14T09:00:00+08:00"], 400),
            open(["2026-01 open", "2026-02 open", "2026-03 open"])
        );
    }

    #[test]
    fn a_count_on_the_first_of_a_month_opens_it() {
        let stocktakes = [at("2026-01-01T08:00:00+08:00")];
        let told = segments(month("2025-12"), month("2026-01"), &stocktakes, 5);
        assert_eq!(told[0].until, stocktakes[0]);
        assert_eq!(told[0].calendar_months(), (month("2025-12"), month("2026-01")));
        assert_eq!(told[1].calendar_months(), (month("2026-01"), month("2026-01")));
    }

    #[test]
    fn a_count_that_takes_a_day_is_one_and_ends_the_month_with_its_last_stocktake() {
        let stocktakes = [at("2026-01-31T20:00:00+08:00"), at("2026-01-31T08:00:00+08:00")];
        let told = segments(month("2026-01"), month("2026-01"), &stocktakes, 5)[0];
        assert_eq!((told.counted_from, told.until), (Some(stocktakes[1]), stocktakes[0]));
    }

    proptest! {
        #[test]
        fn segments_follow_one_another_without_gap_whenever_is_counted(
            days in prop::collection::vec((0_i64..400, 0_i64..24), 0..40), window in 0_u32..30,
        ) {
            let first = at("2026-01-01T00:00:00+08:00");
            let stocktakes: Vec<Timestamp> = days.iter()
                .map(|(day, hour)| first + SignedDuration::from_hours(day * 24 + hour)).collect();
            let told = segments(month("2026-01"), month("2026-12"), &stocktakes, window);
            prop_assert_eq!(told.len(), 12);
            for pair in told.windows(2) {
                prop_assert_eq!(pair[0].until, pair[1].after);
                prop_assert!(pair[0].until < pair[1].until);
            }
            for segment in told {
                let (from, until) = segment.calendar_months();
                let near = [segment.month.previous(), segment.month, segment.month.next()];
                prop_assert!(near.contains(&from) && near.contains(&until));
            }
        }
    }
}
