//! What a detector says: found, clean or abstained, about which subject.

use crate::{Detector, Evidence};
use domain::{
    calendar_month::Month,
    codes::{Audience, FindingState, Severity},
    ids::{
        CaseId, DepartureId, FilingId, GroupId, LicenceId, LotId, MovementId, OrganisationId,
        SiteId,
    },
    regime::{QuotaScope, Sentence},
};
use uuid::Uuid;

/// What a judgement is about. A detector says at most one thing about a subject at a time, so
/// its key is what keeps a finding from being raised twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// One version of a filing.
    Filing(FilingId),
    /// An application.
    Application(CaseId),
    /// The stock of a lot at a site.
    Lot {
        /// Which lot.
        lot: LotId,
        /// Where.
        site: SiteId,
    },
    /// What a site did in a month.
    SiteMonth {
        /// Which site.
        site: SiteId,
        /// Which month.
        month: Month,
    },
    /// A group's quota.
    Quota {
        /// Whose.
        group: GroupId,
        /// Of which year.
        year: i16,
        /// Of what.
        scope: QuotaScope,
    },
    /// Goods under way between two filers.
    Movement(MovementId),
    /// Goods that left before the register was asked.
    Departure(DepartureId),
    /// What left under a licence and a customs declaration.
    Use {
        /// Which licence.
        licence: LicenceId,
        /// Which declaration.
        declaration: String,
    },
}

/// What a detector says about a subject.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Who says it.
    pub detector: &'static Detector,
    /// About what.
    pub subject: Subject,
    /// And what.
    pub outcome: Outcome<Finding>,
}

/// What came of looking.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// Something is wrong.
    Found(T),
    /// Nothing is; an earlier finding no longer holds.
    Clean,
    /// What is known does not allow a judgement; an earlier one stays.
    Abstained(Abstention),
}

/// A detector's own words, before the table adds its name, version and audience.
#[derive(Clone, Debug, PartialEq)]
pub struct Opinion {
    pub(crate) subject: Subject,
    /// Whom it concerns.
    pub(crate) organisation: Option<OrganisationId>,
    pub(crate) outcome: Outcome<(Severity, Evidence)>,
}

impl Opinion {
    pub(crate) const fn new(
        subject: Subject,
        organisation: Option<OrganisationId>,
        outcome: Outcome<(Severity, Evidence)>,
    ) -> Self {
        Self { subject, organisation, outcome }
    }
}

/// Something that a detector found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Who found it.
    pub detector: &'static str,
    /// Which version of it.
    pub version: u16,
    /// About what.
    pub subject: Subject,
    /// Whom it concerns.
    pub organisation: Option<OrganisationId>,
    /// Who may see it.
    pub audience: Audience,
    /// How grave it is.
    pub severity: Severity,
    /// What it rests on.
    pub evidence: Evidence,
    /// The same in a plain sentence.
    pub sentence: Sentence,
}

/// Why a detector says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Abstention {
    /// The goods are on their way to the site; the receipt is not filed yet.
    ReceiptNotYetFiled,
    /// No line of the filing states any rare earths.
    NoElementsStated,
    /// The filer belongs to no group, and quotas are given to groups.
    NoGroup,
    /// No row gives this group a quota.
    NoQuotaKnown,
    /// Another filing has the invoice number, and neither says what was sold.
    NothingToCompare,
    /// Too few others sold such goods lately.
    TooFewPeers,
    /// The other side has not filed.
    NoCounterpart,
    /// The rows do not settle whether the goods are controlled.
    NotDetermined,
    /// The register of licences holds nothing under this number yet.
    LicenceUnknown,
    /// No line says what kind of goods was fed.
    CategoryUnknown,
    /// No rule is in force on the day.
    NoRuleInForce,
    /// No list is known, so nobody can be on it.
    NoListKnown,
    /// Nothing says below which mass a shipment counts as small.
    NoThresholdKnown,
}

impl Abstention {
    /// The one spelling, for metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReceiptNotYetFiled => "receipt_not_yet_filed",
            Self::NoElementsStated => "no_elements_stated",
            Self::NoGroup => "no_group",
            Self::NoQuotaKnown => "no_quota_known",
            Self::NothingToCompare => "nothing_to_compare",
            Self::TooFewPeers => "too_few_peers",
            Self::NoCounterpart => "no_counterpart",
            Self::NotDetermined => "not_determined",
            Self::LicenceUnknown => "licence_unknown",
            Self::CategoryUnknown => "category_unknown",
            Self::NoRuleInForce => "no_rule_in_force",
            Self::NoListKnown => "no_list_known",
            Self::NoThresholdKnown => "no_threshold_known",
        }
    }
}

/// Why the system itself closed a finding, without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closure {
    /// What is known now no longer shows it.
    NoLongerHolds,
    /// The filing it was about was corrected; the new version is judged on its own.
    Corrected,
}

impl Closure {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoLongerHolds => "no_longer_holds",
            Self::Corrected => "corrected",
        }
    }
}

/// Whether a person may decide that a finding in one state becomes another. What is confirmed or
/// dismissed may be looked at again; what the system closed holds no more and needs no decision.
pub const fn may_become(from: FindingState, to: FindingState) -> bool {
    use FindingState::{Closed, Confirmed, Dismissed, Open, UnderReview};
    match (from, to) {
        (Open | Confirmed | Dismissed, UnderReview)
        | (Open | UnderReview, Confirmed | Dismissed) => true,
        (_, Open | Closed | UnderReview | Confirmed | Dismissed) => false,
    }
}

impl Subject {
    /// What kind of thing it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Filing(_) => "filing",
            Self::Application(_) => "application",
            Self::Lot { .. } => "lot",
            Self::SiteMonth { .. } => "site",
            Self::Quota { .. } => "group",
            Self::Movement(_) => "movement",
            Self::Departure(_) => "departure",
            Self::Use { .. } => "licence",
        }
    }

    /// Which one.
    pub const fn id(&self) -> Uuid {
        match self {
            Self::Filing(id) => id.as_uuid(),
            Self::Application(id) => id.as_uuid(),
            Self::Lot { lot, .. } => lot.as_uuid(),
            Self::SiteMonth { site, .. } => site.as_uuid(),
            Self::Quota { group, .. } => group.as_uuid(),
            Self::Movement(id) => id.as_uuid(),
            Self::Departure(id) => id.as_uuid(),
            Self::Use { licence, .. } => licence.as_uuid(),
        }
    }

    /// What makes it one subject and no other.
    pub fn key(&self) -> String {
        let (kind, id) = (self.kind(), self.id());
        match self {
            Self::Filing(_) | Self::Application(_) | Self::Movement(_) | Self::Departure(_) => {
                format!("{kind}:{id}")
            }
            Self::Lot { site, .. } => format!("{kind}:{id}:{site}"),
            Self::SiteMonth { month, .. } => format!("{kind}:{id}:{month}"),
            Self::Use { declaration, .. } => format!("{kind}:{id}:{declaration}"),
            Self::Quota { year, scope, .. } => format!("{kind}:{id}:{year}:{scope}"),
        }
    }
}
