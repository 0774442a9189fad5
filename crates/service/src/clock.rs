//! The only place that reads the clock. Everything else takes the time as an argument, so that
//! every judgement can be replayed as of any date and tested without waiting.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// The present instant, as finely as Postgres keeps it: what is answered is what was stored.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// Today's date where the law counts its days.
pub fn today_in_beijing() -> Date {
    date_in_beijing(now())
}

/// The Beijing date of an instant. A fixed offset: China has kept UTC+8 without summer time
/// since 1991, and no date before that is judged here.
pub fn date_in_beijing(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::fixed(jiff::tz::offset(8))).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_evening_in_utc_is_already_the_next_day_in_beijing() {
        let instant: Timestamp = "2025-04-03T16:00:00Z".parse().unwrap();
        assert_eq!(date_in_beijing(instant), jiff::civil::date(2025, 4, 4));
        let a_second_before: Timestamp = "2025-04-03T15:59:59Z".parse().unwrap();
        assert_eq!(date_in_beijing(a_second_before), jiff::civil::date(2025, 4, 3));
    }
}
