//! What agencies advise, and where they contradict each other.

use crate::{
    codes::words,
    ids::{OrganisationId, PersonId},
};
use serde::Serialize;

words! {
    /// What an agency advises.
    Advice {
        /// No objection.
        Approve = "approve",
        /// No objection on a condition.
        Proviso = "proviso",
        /// Objection.
        Refuse = "refuse",
        /// The goods need no licence.
        NoLicenceRequired = "no_licence_required",
    }
}

words! {
    /// Who in an agency says so.
    #[derive(Default)]
    AdviceLevel {
        /// One of its advisers, for the others of the agency and the officer.
        Adviser = "adviser",
        /// The agency: this is its answer.
        #[default]
        Agency = "agency",
    }
}

/// Advice that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GivenAdvice {
    /// By which agency.
    pub agency: OrganisationId,
    /// By whom.
    pub person: PersonId,
    /// For the agency, or for themselves.
    pub level: AdviceLevel,
    /// What.
    pub advice: Advice,
}

/// Two pieces of advice that cannot both be followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdviceConflict {
    /// At which level they meet: two advisers of one agency, or two agencies.
    pub level: AdviceLevel,
    /// One.
    pub one: GivenAdvice,
    /// The other.
    pub other: GivenAdvice,
}

impl Advice {
    /// Whether both can be followed: a proviso and an approval are met by a licence with conditions.
    const fn agrees_with(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Approve | Self::Proviso, Self::Approve | Self::Proviso)
                | (Self::Refuse, Self::Refuse)
                | (Self::NoLicenceRequired, Self::NoLicenceRequired)
        )
    }
}

/// What contradicts what: agencies each other, and within an agency its advisers each other. The
/// latest word of each counts.
pub fn advice_conflicts(given: &[GivenAdvice]) -> Vec<AdviceConflict> {
    let latest: Vec<&GivenAdvice> = given
        .iter()
        .enumerate()
        .filter(|(place, said)| !given[place + 1..].iter().any(|later| speaks_again(said, later)))
        .map(|(_, said)| said)
        .collect();
    let mut conflicts = Vec::new();
    for (place, one) in latest.iter().enumerate() {
        for other in &latest[place + 1..] {
            let same_agency = one.agency == other.agency;
            let met = match (one.level, other.level) {
                (AdviceLevel::Agency, AdviceLevel::Agency) => !same_agency,
                (AdviceLevel::Adviser, AdviceLevel::Adviser) => same_agency,
                _ => false,
            };
            if met && !one.advice.agrees_with(other.advice) {
                let (one, other) = ((*one).clone(), (*other).clone());
                conflicts.push(AdviceConflict { level: one.level, one, other });
            }
        }
    }
    conflicts
}

fn speaks_again(said: &GivenAdvice, later: &GivenAdvice) -> bool {
    let same_voice = said.level == AdviceLevel::Agency || said.person == later.person;
    said.agency == later.agency && said.level == later.level && same_voice
}
