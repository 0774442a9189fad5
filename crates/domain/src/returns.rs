//! Who owes a return for which month, and where it stands: dates and duties in, answers out.
//!
//! A duty and its day are rows of the law with their article and verification mark. A stage for
//! which the sources state no day owes no return by a day; that is said, never assumed.

use crate::{
    calendar_month::{Month, beijing_date},
    codes::Stage,
    regime::{Dated, FilingDuty},
};
use jiff::{Timestamp, civil::Date};

/// By when a month's return is due, and by which duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due<'a> {
    /// The last day on which it is in time.
    pub day: Date,
    /// The duty that says so.
    pub duty: &'a Dated<FilingDuty>,
}

/// What was filed for a month, in its latest version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filed {
    /// When the first version was recorded: this decides whether it was in time.
    pub first_recorded_at: Timestamp,
    /// How many versions there are.
    pub versions: u16,
}

/// Where a site's return for a month stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The month has not ended.
    MonthOpen,
    /// It is owed; so many days are left, today not counted.
    Due {
        /// 0 on the last day.
        days_left: i32,
    },
    /// It was owed; so many days have passed since.
    Overdue {
        /// 1 on the day after the last.
        days_over: i32,
    },
    /// It may be filed; no source states a day for it.
    NoDayStated,
    /// It was filed.
    Filed {
        /// The first version came after the last day.
        late: bool,
        /// There is a later version.
        amended: bool,
    },
}

impl Standing {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::MonthOpen => "month_open",
            Self::Due { .. } => "due",
            Self::Overdue { .. } => "overdue",
            Self::NoDayStated => "no_day_stated",
            Self::Filed { late: true, .. } => "filed_late",
            Self::Filed { amended: true, .. } => "amended",
            Self::Filed { .. } => "filed",
        }
    }
}

/// The earliest day by which any of these duties asks a site with these stages for a month.
///
/// `duties` are those that hold on the last day of the month.
pub fn due<'a>(
    duties: impl IntoIterator<Item = &'a Dated<FilingDuty>>,
    stages: &[Stage],
    month: Month,
) -> Option<Due<'a>> {
    let mine = duties.into_iter().filter(|duty| stages.contains(&duty.value.stage));
    let dated = mine.filter_map(|duty| {
        let day = day_of(month.next(), duty.value.deadline_day?);
        Some(Due { day, duty })
    });
    dated.min_by_key(|due| due.day)
}

/// That day of a month; its last day when the month is shorter.
fn day_of(month: Month, day: i8) -> Date {
    let last = month.last_day();
    last.with().day(day.clamp(1, last.day())).build().unwrap_or(last)
}

/// Where a return stands today.
pub fn standing(month: Month, due: Option<Date>, filed: Option<Filed>, today: Date) -> Standing {
    if let Some(filed) = filed {
        let late = due.is_some_and(|due| due < beijing_date(filed.first_recorded_at));
        return Standing::Filed { late, amended: 1 < filed.versions };
    }
    if today <= month.last_day() {
        return Standing::MonthOpen;
    }
    let Some(due) = due else { return Standing::NoDayStated };
    let days = (due - today).get_days();
    if 0 <= days {
        Standing::Due { days_left: days }
    } else {
        Standing::Overdue { days_over: -days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regime::Regime;
    use jiff::civil::date;
    use std::fmt::Write;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn the_shipped_law_names_a_day_for_mining_and_separation_only() {
        let regime = Regime::default_china_2025();
        let october = month("2026-10");
        let mut table = String::new();
        for &stage in Stage::ALL {
            let due = due(regime.filing_duties(october.last_day()), &[stage], october);
            let said = due.map_or("no day stated".to_owned(), |due| {
                format!(
                    "{} ({}, {})",
                    due.day, due.duty.value.article, due.duty.provenance.verification
                )
            });
            writeln!(table, "{stage}: {said}").unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_day_that_a_month_does_not_have_is_its_last() {
        assert_eq!(day_of(month("2027-02"), 31), date(2027, 2, 28));
        assert_eq!(day_of(month("2026-11"), 10), date(2026, 11, 10));
    }

    #[test]
    fn where_a_return_stands() {
        let october = month("2026-10");
        let due = Some(date(2026, 11, 10));
        let filed =
            |at: &str, versions| Some(Filed { first_recorded_at: at.parse().unwrap(), versions });
        let cases = [
            ("on its last day", due, None, date(2026, 10, 31)),
            ("on the first day after", due, None, date(2026, 11, 1)),
            ("on the last day", due, None, date(2026, 11, 10)),
            ("a day late", due, None, date(2026, 11, 11)),
            ("without a day", None, None, date(2026, 11, 30)),
            // Beijing's 10 November ends at 16:00 UTC.
            ("filed in the last minute", due, filed("2026-11-10T15:59:59Z", 1), date(2026, 12, 1)),
            ("filed a minute late", due, filed("2026-11-10T16:00:00Z", 1), date(2026, 12, 1)),
            ("amended later", due, filed("2026-11-09T00:00:00Z", 2), date(2026, 12, 1)),
        ];
        let mut table = String::new();
        for (what, due, filed, today) in cases {
            let standing = standing(october, due, filed, today);
            writeln!(table, "{what}: {} {standing:?}", standing.word()).unwrap();
        }
        insta::assert_snapshot!(table, @r"
        on its last day: month_open MonthOpen
        on the first day after: due Due { days_left: 9 }
        on the last day: due Due { days_left: 0 }
        a day late: overdue Overdue { days_over: 1 }
        without a day: no_day_stated NoDayStated
        filed in the last minute: filed Filed { late: false, amended: false }
        filed a minute late: filed_late Filed { late: true, amended: false }
        amended later: amended Filed { late: false, amended: true }
        ");
    }
}
