//! The law as detectors need it.

use crate::{ParameterName, Parameters, normalised_name};
use domain::{
    codes::Stage,
    regime::{PartyList, Regime, Verification},
};
use jiff::civil::Date;

/// The dated rows that detectors use, and their numbers.
#[derive(Clone, Debug)]
pub struct Law {
    /// The regime in force.
    pub regime: Regime,
    /// Listed parties, those of the regime and those entered one by one.
    pub listed: Vec<Listed>,
    /// The numbers.
    pub parameters: Parameters,
}

/// A party on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which list.
    pub list: PartyList,
    /// The name as published.
    pub name: String,
    /// The same as names are compared.
    pub normalised: String,
    /// A registration number, where one was published.
    pub identifier: Option<String>,
    /// Where it is, as ISO 3166-1.
    pub country: Option<String>,
    /// The first day it stands there.
    pub valid_from: Option<Date>,
    /// The first day it no longer does.
    pub valid_until: Option<Date>,
    /// The announcement or other source.
    pub source: String,
    /// How well that was checked.
    pub verification: Verification,
}

impl Law {
    /// The law of a regime, with parties that were entered beside it.
    pub fn new(regime: Regime, mut entered: Vec<Listed>, parameters: Parameters) -> Self {
        let of_regime: Vec<Listed> = regime
            .every_listed_party()
            .iter()
            .map(|row| Listed {
                list: row.value.list,
                name: row.value.name.clone(),
                normalised: normalised_name(&row.value.name),
                identifier: row.value.identifier.clone(),
                country: row.value.country.clone(),
                valid_from: row.from,
                valid_until: row.until,
                source: row.value.announcement.clone(),
                verification: row.provenance.verification,
            })
            .collect();
        entered.extend(of_regime);
        Self { regime, listed: entered, parameters }
    }

    /// Days after goods left, after which an export counts as not filed, and after which less
    /// reported to have arrived than left counts as missing.
    pub fn border_due_days(&self) -> (i64, i64) {
        let whole = |name| self.parameters.whole(name);
        (whole(ParameterName::ExportFilingDueDays), whole(ParameterName::ArrivalDueDays))
    }

    /// Whether a stage may not be fed with ore on a day; none when no row says anything.
    pub(crate) fn bans_ore(&self, stages: &[Stage], day: Date) -> Option<bool> {
        let mut bans = self.regime.feed_bans(day).peekable();
        bans.peek()?;
        Some(bans.any(|ban| stages.contains(&ban.value.stage)))
    }
}

impl Listed {
    /// Whether it stands on its list on a day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= day)
            && self.valid_until.is_none_or(|until| day < until)
    }
}
