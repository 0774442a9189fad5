//! What a licence says, as it is signed.

use super::{condition::Condition, number::SerialNumber};
use crate::{
    canonical::{NotCanonical, canonical_json},
    identifiers::{CountryCode, HsCode},
    ids::{CaseId, LicenceId, OrganisationId},
    regime::{ControlCode, LicenceKind, LicenceRule, RegimeVersion},
};
use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

/// The version of the signed form below. Version 1 had no conditions; it is read as ever.
pub const CONTENT_VERSION: u16 = 2;

/// Everything that a licence promises. Signed as canonical JSON, so one byte more or less shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceContent {
    /// [`CONTENT_VERSION`].
    pub content_version: u16,
    /// The licence.
    pub licence: LicenceId,
    /// Its number.
    pub number: SerialNumber,
    /// The application it answers.
    pub case: CaseId,
    /// What kind it is.
    pub kind: LicenceKind,
    /// Who may export.
    pub holder: Holder,
    /// The day it was issued.
    pub issued_on: Date,
    /// From when to when, both days included.
    pub validity: Validity,
    /// Where the goods go.
    pub destination: CountryCode,
    /// Who receives them: one or more, by name.
    pub consignees: Vec<String>,
    /// Who uses them in the end.
    pub end_users: Vec<String>,
    /// What for.
    pub end_use: String,
    /// The goods.
    pub lines: Vec<LicenceLine>,
    /// What customs check by machine besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The version of the law it was decided by.
    pub regime_version: RegimeVersion,
}

/// Who may export under a licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Which organisation.
    pub organisation: OrganisationId,
    /// Its unified social credit code or other identifier.
    pub identifier: String,
    /// 中文名称。
    pub name_zh: String,
    /// English name.
    pub name_en: String,
}

/// One line of goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceLine {
    /// From 1.
    pub line: u16,
    /// The item of the control list.
    pub control_code: ControlCode,
    /// The goods in words.
    pub description: String,
    /// Their tariff code.
    pub hs_code: Option<HsCode>,
    /// How much may leave, in grams.
    pub licensed_grams: u64,
}

/// From when to when, both days included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ValidityParts", into = "ValidityParts")]
pub struct Validity {
    /// Never after the last day.
    from: Date,
    until: Date,
}

#[derive(Serialize, Deserialize)]
struct ValidityParts {
    from: Date,
    until: Date,
}

/// Why a validity is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValidity {
    /// It ends before it begins.
    #[error("the validity ends before it begins")]
    EndsBeforeItBegins,
    /// It is longer than this kind of licence allows.
    #[error(
        "the validity is longer than the {months} months this kind of licence allows; the last possible day is {latest}"
    )]
    TooLong {
        /// How many months are allowed.
        months: u16,
        /// The last possible day.
        latest: Date,
    },
}

impl Validity {
    /// A validity whose days are in order.
    pub fn new(from: Date, until: Date) -> Result<Self, InvalidValidity> {
        if from <= until {
            Ok(Self { from, until })
        } else {
            Err(InvalidValidity::EndsBeforeItBegins)
        }
    }

    /// A validity that a kind of licence allows.
    pub fn within(rule: &LicenceRule, from: Date, until: Date) -> Result<Self, InvalidValidity> {
        let validity = Self::new(from, until)?;
        let Some(months) = rule.max_validity_months else { return Ok(validity) };
        let latest = from.saturating_add(i32::from(months).months());
        let latest = latest.yesterday().unwrap_or(latest);
        if until <= latest {
            Ok(validity)
        } else {
            Err(InvalidValidity::TooLong { months, latest })
        }
    }

    /// The first day.
    pub const fn from(self) -> Date {
        self.from
    }

    /// The last day.
    pub const fn until(self) -> Date {
        self.until
    }

    /// Whether it covers a day.
    pub fn covers(self, day: Date) -> bool {
        self.from <= day && day <= self.until
    }
}

impl TryFrom<ValidityParts> for Validity {
    type Error = InvalidValidity;

    fn try_from(parts: ValidityParts) -> Result<Self, InvalidValidity> {
        Self::new(parts.from, parts.until)
    }
}

impl From<Validity> for ValidityParts {
    fn from(validity: Validity) -> Self {
        Self { from: validity.from, until: validity.until }
    }
}

impl LicenceContent {
    /// The bytes that are signed.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, NotCanonical> {
        canonical_json(self)
    }

    /// Whether a tolerant reader takes the two names for the same party.
    pub fn names(parties: &[String], party: &str) -> bool {
        let plain =
            |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        parties.iter().any(|named| plain(named) == plain(party))
    }
}
