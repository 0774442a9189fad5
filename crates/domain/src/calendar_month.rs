//! A calendar month in Beijing, the period that returns and balances are kept for.

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Beijing time. China has kept UTC+8 without summer time since 1991.
pub const BEIJING: TimeZone = TimeZone::fixed(Offset::constant(8));

/// The date in Beijing at this moment.
pub fn beijing_date(at: Timestamp) -> Date {
    at.to_zoned(BEIJING).date()
}

/// A month, written `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    /// Always the first day of the month.
    first_day: Date,
}

/// The text is no month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a month such as \"2026-11\"")]
pub struct InvalidMonth;

impl Month {
    /// The month that a day lies in.
    pub fn of(day: Date) -> Self {
        Self { first_day: day.first_of_month() }
    }

    /// The first day.
    pub const fn first_day(self) -> Date {
        self.first_day
    }

    /// The last day.
    pub fn last_day(self) -> Date {
        self.first_day.last_of_month()
    }

    /// The month after this one; the last month there is has itself.
    #[must_use]
    pub fn next(self) -> Self {
        self.last_day().tomorrow().map_or(self, Self::of)
    }

    /// The month before this one; the first month there is has itself.
    #[must_use]
    pub fn previous(self) -> Self {
        self.first_day.yesterday().map_or(self, Self::of)
    }

    /// The calendar year.
    pub fn year(self) -> i16 {
        self.first_day.year()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first_day.year(), self.first_day.month())
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let shaped = text.len() == 7 && text.as_bytes()[4] == b'-';
        let day = shaped.then(|| format!("{text}-01").parse().ok()).flatten();
        day.map(Self::of).ok_or(InvalidMonth)
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Self, InvalidMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_reads_as_it_is_written_and_knows_its_neighbour() {
        let month: Month = "2026-12".parse().unwrap();
        assert_eq!(month.to_string(), "2026-12");
        assert_eq!(month.next().to_string(), "2027-01");
        assert_eq!(month.next().previous(), month);
        assert_eq!("2026-13".parse::<Month>(), Err(InvalidMonth));
        assert_eq!("26-1".parse::<Month>(), Err(InvalidMonth));
    }

    #[test]
    fn the_day_changes_in_beijing_before_it_does_in_greenwich() {
        let at: Timestamp = "2026-11-30T16:30:00Z".parse().unwrap();
        assert_eq!(Month::of(beijing_date(at)).to_string(), "2026-12");
    }
}
