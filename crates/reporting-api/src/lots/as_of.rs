//! Until when filings count: a day's end in Beijing, or a moment.

use domain::calendar_month::BEIJING;
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Deserialize;
use std::{fmt, str::FromStr};

/// What was recorded by then counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum AsOf {
    /// By the end of the day in Beijing.
    Day(Date),
    /// By this moment.
    Moment(Timestamp),
}

/// The text is neither a day nor a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAsOf;

impl AsOf {
    /// The first moment that no longer counts.
    pub fn end(self) -> Timestamp {
        match self {
            Self::Day(day) => {
                let next = day.tomorrow().unwrap_or(day);
                next.to_zoned(BEIJING).map_or(Timestamp::MAX, |start| start.timestamp())
            }
            Self::Moment(moment) => just_after(moment),
        }
    }
}

/// The millisecond after a moment: ids are no finer.
pub fn just_after(moment: Timestamp) -> Timestamp {
    moment.checked_add(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX)
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Moment(moment) => moment.fmt(f),
        }
    }
}

impl fmt::Display for InvalidAsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "neither a day such as 2026-10-31 nor a moment such as 2026-10-31T18:00:00+08:00",
        )
    }
}

impl FromStr for AsOf {
    type Err = InvalidAsOf;

    fn from_str(text: &str) -> Result<Self, InvalidAsOf> {
        // A day has ten characters; a moment without an offset is none.
        if text.len() == 10 {
            return text.parse().map(Self::Day).map_err(|_| InvalidAsOf);
        }
        text.parse().map(Self::Moment).map_err(|_| InvalidAsOf)
    }
}

impl TryFrom<String> for AsOf {
    type Error = InvalidAsOf;

    fn try_from(text: String) -> Result<Self, InvalidAsOf> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_counts_until_its_end_in_beijing() {
        let as_of: AsOf = "2026-10-31".parse().unwrap();
        assert_eq!(as_of.end().to_string(), "2026-10-31T16:00:00Z");
        let as_of: AsOf = "2026-10-31T18:00:00+08:00".parse().unwrap();
        assert_eq!(as_of.end().to_string(), "2026-10-31T10:00:00.001Z");
        for wrong in ["", "yesterday", "2026-13-01", "2026-10-31T18:00"] {
            assert_eq!(wrong.parse::<AsOf>(), Err(InvalidAsOf), "{wrong}");
        }
        assert_eq!("9999-12-31".parse::<AsOf>().unwrap().to_string(), "9999-12-31");
        "9999-12-31".parse::<AsOf>().unwrap().end();
    }
}
