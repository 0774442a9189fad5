//! How often the mails about open items reach a person, and when the one of a day leaves.
//!
//! In the portal everything is there at once; this is about mails alone. The hour is our own choice.

use crate::{calendar_month::beijing_date, codes::words};
use jiff::{Timestamp, ToSpan, tz::TimeZone};

words! {
    /// How mails reach somebody.
    MailRhythm {
        /// Each step of each item by itself, at once.
        Each = "each",
        /// All of a day in one mail.
        Daily = "daily",
    }
}

/// The hour, in Beijing, at which the mail of a day leaves: before work begins.
const HOUR: i8 = 7;

/// When the next mail of a day leaves.
pub fn next_daily_mail(now: Timestamp) -> Timestamp {
    let today = beijing_date(now);
    let beijing = TimeZone::fixed(jiff::tz::offset(8));
    let leaves = |days: i64| {
        let day = today.saturating_add(days.days());
        day.at(HOUR, 0, 0, 0).to_zoned(beijing.clone()).map(|it| it.timestamp())
    };
    [leaves(0), leaves(1)].into_iter().flatten().find(|at| now < *at).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_of_a_day_leaves_at_seven_in_beijing() {
        for (now, leaves) in [
            ("2026-11-02T22:59:59Z", "2026-11-02T23:00:00Z"),
            ("2026-11-02T23:00:00Z", "2026-11-03T23:00:00Z"),
            ("2026-11-03T04:00:00Z", "2026-11-03T23:00:00Z"),
            ("2026-12-31T16:30:00Z", "2026-12-31T23:00:00Z"),
        ] {
            assert_eq!(next_daily_mail(now.parse().unwrap()).to_string(), leaves, "{now}");
        }
    }
}
