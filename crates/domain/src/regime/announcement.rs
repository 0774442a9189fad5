//! Control announcements, and what a suspension does to them on a given day.

use super::{Dated, Provenance};
use crate::codes::words;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

words! {
    /// What an announcement does.
    AnnouncementKind {
        /// Puts items, uses or users under control.
        Control = "control",
        /// Suspends other announcements.
        Suspension = "suspension",
        /// Adds parties to the control list.
        ControlListAdd = "control_list_add",
        /// Adds parties to the watch list.
        WatchListAdd = "watch_list_add",
    }
}

/// A notice of the authorities. Its row holds from the day it takes effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// What it does.
    pub kind: AnnouncementKind,
    /// Who issued it.
    pub issuers: Vec<String>,
    /// The day it was published.
    pub date: Date,
    /// What it is about.
    pub subject: String,
    /// The official address, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub official: Option<String>,
    /// Parts that take effect on days of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limbs: Vec<Limb>,
    /// What it suspends, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspends: Option<Suspension>,
    /// How many parties it lists, if it does; the names may not be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parties: Option<u32>,
}

/// A part of an announcement with an effect of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limb {
    /// The number in the text.
    pub id: String,
    /// From when, where stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Date>,
    /// What it says, in short.
    pub rule: String,
}

/// What is suspended, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// The announcements, or parts of them.
    pub announcements: Vec<String>,
    /// The first day without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The last day of the suspension, or the first day after it: see the next field.
    pub until: Date,
    /// How "until" is read. The wording allows both readings, so it is data.
    pub last_day: LastDay,
}

/// Whether the day that ends a period still belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastDay {
    /// It does.
    Included,
    /// It does not.
    Excluded,
}

impl Suspension {
    fn covers(&self, announcement: &str) -> bool {
        self.announcements.iter().any(|suspended| suspended == announcement)
    }

    fn is_over_on(&self, day: Date) -> bool {
        match self.last_day {
            LastDay::Included => self.until < day,
            LastDay::Excluded => self.until <= day,
        }
    }
}

/// What an announcement is worth on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Published, but its day has not come.
    NotYet {
        /// When it comes.
        from: Date,
    },
    /// In force.
    InForce,
    /// Without effect for the time being.
    Suspended {
        /// The announcement that suspends it.
        by: String,
        /// How well that announcement was checked.
        provenance: Provenance,
        /// Until when.
        until: Date,
    },
    /// The suspension has run out and no row says what followed.
    NotKnown {
        /// The suspension that ran out.
        after: String,
        /// When it ended.
        ended: Date,
    },
    /// No longer in force, or never part of this regime.
    Ended,
}

/// The standing of an announcement on a day, among all announcements of a regime.
pub(super) fn standing(all: &[Dated<Announcement>], id: &str, day: Date) -> Standing {
    let Some(announcement) = all.iter().find(|announcement| announcement.key == id) else {
        return Standing::Ended;
    };
    if announcement.until.is_some_and(|until| until <= day) {
        return Standing::Ended;
    }
    let suspensions = all.iter().filter_map(|by| {
        let suspension = by.value.suspends.as_ref()?;
        let begun = suspension.from.or(by.from).is_none_or(|from| from <= day);
        (begun && suspension.covers(id)).then_some((by, suspension))
    });
    // The suspension that lasts longest decides.
    if let Some((by, suspension)) = suspensions.max_by_key(|(_, suspension)| suspension.until) {
        return if suspension.is_over_on(day) {
            Standing::NotKnown { after: by.key.clone(), ended: suspension.until }
        } else {
            Standing::Suspended {
                by: by.key.clone(),
                provenance: by.provenance.clone(),
                until: suspension.until,
            }
        };
    }
    match announcement.from {
        Some(from) if day < from => Standing::NotYet { from },
        _ => Standing::InForce,
    }
}
