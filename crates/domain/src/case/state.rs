//! Where an application stands, with what only that state knows.

use crate::{
    codes::words,
    ids::{LicenceId, PersonId},
};
use jiff::civil::Date;

words! {
    /// Why an application is refused: the factors of Export Control Law, article 13.
    RefusalReason {
        /// National security and interests.
        NationalSecurity = "national_security",
        /// International obligations.
        InternationalObligations = "international_obligations",
        /// The type of export.
        ExportType = "export_type",
        /// The sensitivity of the items.
        Sensitivity = "sensitivity",
        /// The destination country or region.
        Destination = "destination",
        /// The end user or the end use.
        EndUserOrEndUse = "end_user_or_end_use",
        /// The exporter's credit record.
        ExporterCreditRecord = "exporter_credit_record",
        /// Another factor provided by law.
        OtherByLaw = "other_by_law",
    }
}

/// What the reviewing officer recommends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recommendation {
    /// Issue the licence.
    Approve,
    /// Refuse, for this reason.
    Refuse(RefusalReason),
}

/// Two different persons: the one who recommended and the one who confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourEyes {
    /// Who recommended.
    recommended_by: PersonId,
    /// Who confirmed; never the same person.
    confirmed_by: PersonId,
}

impl FourEyes {
    /// Two persons, if they are two.
    pub fn new(recommended_by: PersonId, confirmed_by: PersonId) -> Option<Self> {
        (recommended_by != confirmed_by).then_some(Self { recommended_by, confirmed_by })
    }

    /// Who recommended.
    pub const fn recommended_by(self) -> PersonId {
        self.recommended_by
    }

    /// Who confirmed.
    pub const fn confirmed_by(self) -> PersonId {
        self.confirmed_by
    }
}

/// Where an application stands, with what only that state knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The applicant is writing it.
    Draft,
    /// It waits to be accepted (受理).
    Submitted {
        /// The day it came in.
        on: Date,
    },
    /// Its papers are complete; the clock runs.
    Accepted {
        /// The day that counts as acceptance.
        on: Date,
    },
    /// An officer examines it.
    UnderReview {
        /// The day that counts as acceptance.
        accepted_on: Date,
        /// Who examines it.
        reviewer: PersonId,
    },
    /// Another agency was asked.
    AgencyAdvice {
        /// The day that counts as acceptance.
        accepted_on: Date,
        /// Who examines it.
        reviewer: PersonId,
    },
    /// All advice is in.
    UnderFinalReview {
        /// The day that counts as acceptance.
        accepted_on: Date,
        /// Who examines it.
        reviewer: PersonId,
    },
    /// It waits for a second person.
    Countersign {
        /// The day that counts as acceptance.
        accepted_on: Date,
        /// Who examined it and recommended.
        reviewer: PersonId,
        /// What was recommended.
        recommendation: Recommendation,
    },
    /// A licence was issued.
    Approved {
        /// Which.
        licence: LicenceId,
        /// By whom.
        decided_by: FourEyes,
    },
    /// No licence.
    Refused {
        /// Why.
        reason: RefusalReason,
        /// By whom.
        decided_by: FourEyes,
    },
    /// The applicant was told once what is missing.
    Returned,
    /// The applicant took it back.
    Withdrawn,
    /// The applicant asked for a second look at a refusal.
    UnderReconsideration {
        /// Why it was refused.
        refused_for: RefusalReason,
    },
}

impl State {
    /// Who examines it, in the states that know one.
    pub const fn reviewer(&self) -> Option<PersonId> {
        match self {
            Self::UnderReview { reviewer, .. }
            | Self::AgencyAdvice { reviewer, .. }
            | Self::UnderFinalReview { reviewer, .. }
            | Self::Countersign { reviewer, .. } => Some(*reviewer),
            _ => None,
        }
    }
}
