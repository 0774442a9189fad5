//! The law as rows: what a row says, from when until when, who says so, and how sure that is.

use crate::{canonical::canonical_json, codes::words};
use jiff::civil::Date;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, str::FromStr};

words! {
    /// How well a row was checked against the official text.
    Verification {
        /// The official wording was read.
        Verbatim = "verbatim",
        /// Somebody else's copy of the official wording.
        Transcription = "transcription",
        /// The item was seen, its number or part of its wording was not.
        Partial = "partial",
        /// A report about the law, not the law.
        Secondary = "secondary",
        /// What traders do; no law says so.
        TradePractice = "trade-practice",
        /// An assumption of this software.
        OwnAssumption = "own-assumption",
        /// From memory, not looked up.
        MemoryUnverified = "memory-unverified",
        /// Made up for demonstrations.
        Fictitious = "fictitious",
    }
}

impl Verification {
    /// Whether an answer that rests on such a row may bind.
    pub const fn can_bind(self) -> bool {
        matches!(self, Self::Verbatim)
    }
}

words! {
    /// What kind of fact a row states.
    RowKind {
        /// A notice that puts items under control, suspends others, or adds to a list.
        Announcement = "announcement",
        /// One item of a control list.
        ControlItem = "control_item",
        /// A number that some rule uses.
        Parameter = "parameter",
        /// A cause that stops the decision clock.
        ClockStop = "clock_stop",
        /// A kind of case without a time limit.
        ClockExemption = "clock_exemption",
        /// A kind of licence.
        LicenceKind = "licence_kind",
        /// Who may not have which kinds of licence.
        LicenceExclusion = "licence_exclusion",
        /// Who files what by when.
        FilingDuty = "filing_duty",
        /// Who may not use ore.
        FeedBan = "feed_ban",
        /// One year of public holidays and make-up working days.
        CalendarYear = "calendar_year",
        /// A party on the watch list or the control list.
        ListedParty = "listed_party",
        /// A number that a detector uses instead of its default.
        DetectorParameter = "detector_parameter",
        /// A quota of a group and year.
        Quota = "quota",
        /// Why an application may be refused.
        RefusalGround = "refusal_ground",
        /// What officers may mark a case with.
        CaseFlag = "case_flag",
        /// Who must sign a decision, by risk.
        CountersignRule = "countersign_rule",
        /// What customs asks for under a tariff code.
        TariffCondition = "tariff_condition",
        /// What is to be known about a destination.
        DestinationNotice = "destination_notice",
        /// A paper that an application must come with, and when.
        DocumentRule = "document_rule",
        /// Goods that a tax invoice may name.
        InvoiceGoods = "invoice_goods",
    }
}

impl RowKind {
    /// Whether filers and exporters are told rows of this kind. Who knows from where on something
    /// is suspicious stays just below it; how a case is marked and signed is the officers' own.
    pub const fn is_for_officials(self) -> bool {
        matches!(self, Self::DetectorParameter | Self::CaseFlag | Self::CountersignRule)
    }
}

/// Where a row comes from and how well it was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// An address, an article, or what else leads to the original.
    pub source: String,
    /// How well it was checked.
    pub verification: Verification,
}

/// A fact that holds for some time, with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated<T> {
    /// Its name among the facts of its kind.
    pub key: String,
    /// The first day it holds; always, when that was not recorded.
    pub from: Option<Date>,
    /// The first day it no longer holds; never, when open.
    pub until: Option<Date>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What it says.
    pub value: T,
}

impl<T> Dated<T> {
    /// Whether it holds on this day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }
}

/// One row as it is stored, compared and hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegimeRow {
    /// What kind of fact.
    pub kind: RowKind,
    /// Its name among the facts of its kind.
    pub key: String,
    /// The first day it holds.
    #[serde(default)]
    pub from: Option<Date>,
    /// The first day it no longer holds.
    #[serde(default)]
    pub until: Option<Date>,
    /// What it says, in the form that its kind prescribes.
    pub content: Value,
    /// Where it comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// A row does not say what its kind prescribes.
#[derive(Debug, thiserror::Error)]
#[error("row {kind} {key:?} cannot be read")]
pub struct UnreadableRow {
    /// The kind of the row.
    pub kind: RowKind,
    /// The key of the row.
    pub key: String,
    #[source]
    cause: serde_json::Error,
}

impl RegimeRow {
    /// Reads the content as its kind prescribes.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<Dated<T>, UnreadableRow> {
        let value = serde_json::from_value(self.content.clone())
            .map_err(|cause| UnreadableRow { kind: self.kind, key: self.key.clone(), cause })?;
        Ok(Dated {
            key: self.key.clone(),
            from: self.from,
            until: self.until,
            provenance: self.provenance.clone(),
            value,
        })
    }

    /// Writes a fact as the row of its kind.
    pub(super) fn of<T: Serialize>(kind: RowKind, fact: &Dated<T>) -> Self {
        Self {
            kind,
            key: fact.key.clone(),
            from: fact.from,
            until: fact.until,
            content: serde_json::to_value(&fact.value).expect("facts are plain JSON"),
            provenance: fact.provenance.clone(),
        }
    }
}

/// The name of one set of rows: equal names, equal law.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegimeVersion(String);

impl RegimeVersion {
    /// The name of rows that are still being read.
    pub(super) const fn unnamed() -> Self {
        Self(String::new())
    }

    /// The version of these rows, whatever order they come in.
    pub(super) fn of(rows: &[RegimeRow]) -> (Self, String) {
        let mut sorted: Vec<&RegimeRow> = rows.iter().collect();
        sorted.sort_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
        let bytes = canonical_json(&sorted).expect("regime rows hold no floats");
        let hash = crate::canonical::sha256_hex(&bytes);
        (Self(format!("regime-{}", &hash[..16])), hash)
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegimeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RegimeVersion {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

/// How two sets of rows differ in one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Only the new set has it.
    Added {
        /// The row as it will be.
        row: RegimeRow,
    },
    /// Only the old set has it.
    Removed {
        /// The row as it was.
        row: RegimeRow,
    },
    /// Both have it and it says something else.
    Changed {
        /// The row as it was.
        before: RegimeRow,
        /// The row as it will be.
        after: RegimeRow,
    },
}

/// What changes from one set of rows to another, by kind and key.
pub(super) fn diff(old: &[RegimeRow], new: &[RegimeRow]) -> Vec<Change> {
    let index = |rows: &[RegimeRow]| -> BTreeMap<(RowKind, String), RegimeRow> {
        rows.iter().map(|row| ((row.kind, row.key.clone()), row.clone())).collect()
    };
    let (mut before, after) = (index(old), index(new));
    let mut changes = Vec::new();
    for (name, row) in after {
        match before.remove(&name) {
            None => changes.push(Change::Added { row }),
            Some(was) if was != row => changes.push(Change::Changed { before: was, after: row }),
            Some(_) => {}
        }
    }
    changes.extend(before.into_values().map(|row| Change::Removed { row }));
    changes
}
