//! Working days: weekdays without public holidays, plus the weekend days that are worked instead.
//!
//! Holidays are announced year by year. In a year that has not been announced every weekday
//! counts, but the answer says that it is provisional.

use super::Dated;
use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One announced year. Its key is the year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarYear {
    /// Weekdays and weekend days that are public holidays.
    pub holidays: Vec<Date>,
    /// Weekend days that are worked.
    pub makeup_workdays: Vec<Date>,
}

/// An answer about days, and whether a later announcement can still change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "certainty", content = "value", rename_all = "snake_case")]
pub enum Certainty<T> {
    /// Every day it rests on is announced.
    Known(T),
    /// It rests on a year whose holidays are not announced.
    Provisional(T),
}

impl<T: Copy> Certainty<T> {
    /// The answer itself.
    pub const fn value(self) -> T {
        match self {
            Self::Known(value) | Self::Provisional(value) => value,
        }
    }

    /// Whether it can still change.
    pub const fn is_provisional(self) -> bool {
        matches!(self, Self::Provisional(_))
    }
}

/// All announced years.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    years: BTreeMap<i16, CalendarYear>,
}

impl Calendar {
    pub(super) fn of(years: &[Dated<CalendarYear>]) -> Self {
        let years = years
            .iter()
            .filter_map(|year| Some((year.key.parse().ok()?, year.value.clone())))
            .collect();
        Self { years }
    }

    /// Whether people work on this day.
    pub fn is_working_day(&self, day: Date) -> Certainty<bool> {
        let weekday = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        match self.years.get(&day.year()) {
            None => Certainty::Provisional(weekday),
            Some(year) => Certainty::Known(
                (weekday && !year.holidays.contains(&day)) || year.makeup_workdays.contains(&day),
            ),
        }
    }

    /// The working day that is the `count`th after `day`; the day itself is not counted.
    pub fn add_working_days(&self, day: Date, count: u32) -> Certainty<Date> {
        let mut provisional = false;
        let mut left = count;
        let mut current = day;
        while left > 0 {
            let Ok(next) = current.checked_add(1.day()) else { break };
            current = next;
            let worked = self.is_working_day(current);
            provisional |= worked.is_provisional();
            if worked.value() {
                left -= 1;
            }
        }
        if provisional { Certainty::Provisional(current) } else { Certainty::Known(current) }
    }

    /// How many working days lie after `start` up to and including `end`.
    pub fn working_days_between(&self, start: Date, end: Date) -> Certainty<u32> {
        let mut provisional = false;
        let mut count = 0;
        let mut current = start;
        while current < end {
            let Ok(next) = current.checked_add(1.day()) else { break };
            current = next;
            let worked = self.is_working_day(current);
            provisional |= worked.is_provisional();
            count += u32::from(worked.value());
        }
        if provisional { Certainty::Provisional(count) } else { Certainty::Known(count) }
    }
}
