//! Deadlines in working days, derived from what happened; nothing counts them at night.

use crate::regime::{
    Calendar, Certainty, ClockExemption, ClockStop, ParameterName, Provenance, Regime,
};
use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

/// What the clock takes notice of. A question to the applicant is not among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockEvent {
    /// The application counts as accepted on this day: the clock starts.
    Accepted(Date),
    /// Stopped for a cause that the law names.
    Stopped {
        /// Why.
        cause: ClockStop,
        /// From this day on.
        on: Date,
    },
    /// The cause is gone from this day on.
    Resumed {
        /// The day.
        on: Date,
    },
    /// Decided or withdrawn: the clock ends.
    Ended(Date),
}

/// A time during which the clock stood still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Why.
    pub cause: ClockStop,
    /// The first day it stood still.
    pub from: Date,
    /// The first day it ran again; none while it stands still.
    pub until: Option<Date>,
    /// Working days that were not counted, up to the day asked about.
    pub working_days: u32,
}

/// Why there is no due date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum NoLimit {
    /// The law knows no limit for this kind of case.
    Exempt {
        /// Which kind.
        exemption: ClockExemption,
        /// Where that stands.
        provenance: Provenance,
    },
    /// The clock stands still, so the day moves on.
    Stopped {
        /// Why.
        cause: ClockStop,
    },
    /// The regime holds no limit.
    NoRule,
}

/// Where the clock of a case stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// The day that counts as acceptance; the next working day is the first that counts.
    pub started_on: Date,
    /// The last day for a decision.
    pub due_on: Option<Date>,
    /// Why there is none.
    pub no_due_date: Option<NoLimit>,
    /// The due date passes through a year whose holidays are not announced.
    pub provisional: bool,
    /// Working days used up to the day asked about.
    pub working_days_used: u32,
    /// Working days allowed.
    pub working_days_allowed: Option<u32>,
    /// Where the limit stands.
    pub provenance: Option<Provenance>,
    /// Every pause with its cause.
    pub pauses: Vec<Pause>,
    /// Decided after the due date, or not decided and past it.
    pub overdue: bool,
}

/// The clock of a decision as it stands on a day; none before acceptance. `limit` is the dated row
/// that holds for what is asked for ([`Purpose::decision_limit`](crate::application::Purpose::decision_limit)).
pub fn decision_clock(
    events: &[ClockEvent],
    regime: &Regime,
    limit: ParameterName,
    exemption: Option<ClockExemption>,
    today: Date,
) -> Option<Clock> {
    // A case that was refused and taken up again starts anew: the last acceptance counts.
    let start = events.iter().rposition(|event| matches!(event, ClockEvent::Accepted(_)))?;
    let ClockEvent::Accepted(started_on) = events[start] else { return None };
    let events = &events[start + 1..];
    let ended = events.iter().find_map(|event| match event {
        ClockEvent::Ended(on) => Some(*on),
        _ => None,
    });
    let calendar = regime.calendar();
    let last = ended.unwrap_or(today);
    let pauses = pauses(events, regime, calendar, last);
    let still = pauses.iter().find(|pause| pause.until.is_none() && ended.is_none());
    let elapsed = calendar.working_days_between(started_on, last).value();
    let not_counted: u32 = pauses.iter().map(|pause| pause.working_days).sum();
    let used = elapsed.saturating_sub(not_counted);

    let limit = regime.parameter(limit, started_on);
    let allowed = limit.and_then(|row| row.value.value.to_u32());
    let exempt = exemption.and_then(|exemption| {
        let row = regime.clock_exemption(exemption, started_on)?;
        Some(NoLimit::Exempt { exemption, provenance: row.provenance.clone() })
    });
    let no_due_date = exempt
        .or_else(|| still.map(|pause| NoLimit::Stopped { cause: pause.cause }))
        .or_else(|| allowed.is_none().then_some(NoLimit::NoRule));
    let due = match (&no_due_date, allowed) {
        (None, Some(allowed)) => Some(due_after(calendar, started_on, allowed, &pauses)),
        _ => None,
    };
    let due_on = due.map(Certainty::value);
    Some(Clock {
        started_on,
        due_on,
        no_due_date,
        provisional: due.is_some_and(Certainty::is_provisional),
        working_days_used: used,
        working_days_allowed: allowed,
        provenance: limit.map(|row| row.provenance.clone()),
        pauses,
        overdue: due_on.is_some_and(|due| due < last),
    })
}

fn pauses(events: &[ClockEvent], regime: &Regime, calendar: &Calendar, last: Date) -> Vec<Pause> {
    let mut pauses: Vec<Pause> = Vec::new();
    for event in events {
        match *event {
            ClockEvent::Stopped { cause, on } if regime.stops_the_clock(cause, on) => {
                pauses.push(Pause { cause, from: on, until: None, working_days: 0 });
            }
            ClockEvent::Resumed { on } => {
                if let Some(open) = pauses.iter_mut().rev().find(|pause| pause.until.is_none()) {
                    open.until = Some(on);
                }
            }
            _ => {}
        }
    }
    for pause in &mut pauses {
        // From the day it stopped to the eve of the day it ran again.
        let eve = |day: Date| day.yesterday().unwrap_or(day);
        let end = pause.until.map_or(last, eve);
        pause.working_days = calendar.working_days_between(eve(pause.from), end).value();
    }
    pauses
}

/// The last of the allowed working days, passing over every pause.
fn due_after(calendar: &Calendar, start: Date, allowed: u32, pauses: &[Pause]) -> Certainty<Date> {
    let stood_still = |day: Date| {
        pauses.iter().any(|pause| {
            pause.from <= day && pause.until.is_none_or(|until| day < until) && start < day
        })
    };
    let mut provisional = false;
    let mut left = allowed;
    let mut day = start;
    while 0 < left {
        let Ok(next) = day.tomorrow() else { break };
        day = next;
        let worked = calendar.is_working_day(day);
        provisional |= worked.is_provisional();
        if worked.value() && !stood_still(day) {
            left -= 1;
        }
    }
    if provisional { Certainty::Provisional(day) } else { Certainty::Known(day) }
}

/// What the passing of time has made of a submission (Administrative Licensing Law, article 32).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "acceptance", rename_all = "snake_case")]
pub enum Acceptance {
    /// Missing papers can still be notified, up to and including this day.
    Open {
        /// The last day.
        until: Date,
        /// It passes through a year whose holidays are not announced.
        provisional: bool,
    },
    /// Nothing was notified in time: it counts as accepted on the day it was handed in.
    Deemed {
        /// That day.
        accepted_on: Date,
        /// Where the rule stands, and how well it was checked.
        provenance: Provenance,
    },
    /// The regime holds no such rule.
    NoRule,
}

/// Whether a submission of which nothing was notified counts as accepted by today.
pub fn acceptance(submitted_on: Date, today: Date, regime: &Regime) -> Acceptance {
    let rule = regime.parameter(ParameterName::AcceptanceNoticeWorkingDays, submitted_on);
    let days = rule.and_then(|row| Some((row, row.value.value.to_u32()?)));
    let Some((row, days)) = days else { return Acceptance::NoRule };
    let until = regime.calendar().add_working_days(submitted_on, days);
    if until.value() < today {
        let provenance = row.provenance.clone();
        Acceptance::Deemed { accepted_on: submitted_on, provenance }
    } else {
        Acceptance::Open { until: until.value(), provisional: until.is_provisional() }
    }
}
