//! Has a group mined or separated more than it may?

use crate::{Abstention, Evidence, FilingContext, Outcome, QuotaStand, Subject, finding::Opinion};
use domain::{
    codes::{Process, Severity},
    filing::{Claim, Filing},
    mass::kilograms_of_grams,
    regime::{QuotaScope, Sentence},
};
use serde::Serialize;

/// A quota that is used up and more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuotaOverrun {
    /// Of which year.
    pub year: i16,
    /// Of what.
    pub scope: QuotaScope,
    /// All batches together, in oxide equivalent.
    pub granted_reo_grams: i64,
    /// Used by the whole group, in oxide equivalent.
    pub drawn_reo_grams: i64,
    /// How well the quota was checked, or that it is made up.
    pub verification: String,
}

/// What a filing draws on, if it draws on a quota.
pub const fn drawn_on(filing: &Filing) -> Option<QuotaScope> {
    match filing.claim {
        Claim::Extraction => Some(QuotaScope::Mining),
        Claim::Transformation { process: Process::Separation } => Some(QuotaScope::Separation),
        _ => None,
    }
}

/// Flags a group whose output of a year is beyond its quota.
///
/// Typology 5, order 71: mining, and separation of domestic, imported and by-product minerals
/// alike, over all firms of the group, in oxide equivalent. Without a group or a quota: abstains.
pub(crate) fn overrun(context: &FilingContext) -> Vec<Opinion> {
    let filing = &context.filing;
    let Some(scope) = drawn_on(filing) else { return Vec::new() };
    let organisation = Some(filing.organisation);
    if context.group.is_none() {
        let outcome = Outcome::Abstained(Abstention::NoGroup);
        return vec![Opinion::new(Subject::Filing(filing.id), organisation, outcome)];
    }
    let stands: Vec<Opinion> = context
        .quotas
        .iter()
        .filter(|stand| stand.scope == scope)
        .map(|stand| {
            let QuotaStand { group, year, .. } = *stand;
            // A group is several filers: what is known of it belongs to none of them.
            Opinion::new(Subject::Quota { group, year, scope }, None, judge(stand))
        })
        .collect();
    if stands.is_empty() {
        let outcome = Outcome::Abstained(Abstention::NoQuotaKnown);
        return vec![Opinion::new(Subject::Filing(filing.id), organisation, outcome)];
    }
    stands
}

fn judge(stand: &QuotaStand) -> Outcome<(Severity, Evidence)> {
    let Some(granted) = stand.granted_reo_grams else {
        return Outcome::Abstained(Abstention::NoQuotaKnown);
    };
    if stand.drawn_reo_grams <= granted {
        return Outcome::Clean;
    }
    let evidence = QuotaOverrun {
        year: stand.year,
        scope: stand.scope,
        granted_reo_grams: granted,
        drawn_reo_grams: stand.drawn_reo_grams,
        verification: stand.verification.clone(),
    };
    Outcome::Found((Severity::Alert, Evidence::QuotaOverrun(evidence)))
}

impl QuotaOverrun {
    pub(crate) fn sentence(&self) -> Sentence {
        let Self { year, .. } = self;
        let drawn = kilograms_of_grams(self.drawn_reo_grams);
        let granted = kilograms_of_grams(self.granted_reo_grams);
        let (zh, en) = match self.scope {
            QuotaScope::Mining => ("开采", "mined"),
            QuotaScope::Separation => ("冶炼分离", "separated"),
        };
        Sentence::new(
            format!("集团 {year} 年{zh}量折氧化物 {drawn} 千克，超出总量控制指标 {granted} 千克。"),
            format!(
                "In {year} the group {en} {drawn} kg of oxide equivalent; its quota is {granted} kg."
            ),
        )
    }
}
