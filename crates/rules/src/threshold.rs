//! Are shipments kept just under a limit, again and again?

use crate::{
    Abstention, Evidence, FilingContext, Outcome, ParameterName, Parameters, Subject,
    finding::Opinion, price::within_days,
};
use domain::{
    codes::Severity,
    filing::{Claim, Filing},
    ids::FilingId,
    mass::kilograms_of_grams,
    regime::{Sentence, Verification},
};
use serde::Serialize;

/// Shipments to one client, each just under the limit and together above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JustUnder {
    /// The limit for one shipment.
    pub limit_grams: i64,
    /// Where the limit comes from.
    pub limit_verification: Verification,
    /// Within how many days.
    pub days: i64,
    /// How many shipments, this one included.
    pub shipments: usize,
    /// All together.
    pub total_grams: i64,
    /// Which, this one left out.
    pub others: Vec<FilingId>,
}

/// Flags a shipment just under the limit when others like it went to the same client lately.
///
/// Typology 8: three or more in thirty days whose sum is above the limit; one alone says nothing.
/// It is the last of them that is flagged, and each that follows.
/// The limit is a parameter, for no source read names one: without it, abstains.
pub(crate) fn repeatedly_just_under(context: &FilingContext) -> Vec<Opinion> {
    let filing = &context.filing;
    if !matches!(filing.claim, Claim::Dispatch { .. } | Claim::Export { .. }) {
        return Vec::new();
    }
    let outcome = judge(context);
    vec![Opinion::new(Subject::Filing(filing.id), Some(filing.organisation), outcome)]
}

fn judge(context: &FilingContext) -> Outcome<(Severity, Evidence)> {
    let (filing, parameters) = (&context.filing, &context.law.parameters);
    let limit = parameters.whole(ParameterName::SmallShipmentGrams);
    if limit <= 0 {
        return Outcome::Abstained(Abstention::NoThresholdKnown);
    }
    let just_under = |grams: i64| (least(parameters, limit)..limit).contains(&grams);
    let days = parameters.whole(ParameterName::SmallShipmentDays).clamp(0, 3_650);
    let grams = gross_grams(filing);
    if !just_under(grams) {
        return Outcome::Clean;
    }
    let others: Vec<_> = context
        .recent
        .iter()
        .filter(|other| {
            let (this, other) =
                ((filing.happened_at, filing.id), (other.happened_at, other.filing));
            other < this
        })
        .filter(|other| just_under(other.grams))
        .filter(|other| within_days(other.happened_at, filing.happened_at, days))
        .collect();
    let total = others.iter().fold(grams, |sum, other| sum.saturating_add(other.grams));
    let shipments = others.len() + 1;
    let needed = parameters.whole(ParameterName::SmallShipmentCount).max(2);
    if i64::try_from(shipments).unwrap_or(i64::MAX) < needed || total <= limit {
        return Outcome::Clean;
    }
    let evidence = JustUnder {
        limit_grams: limit,
        limit_verification: parameters.of(ParameterName::SmallShipmentGrams).verification,
        days,
        shipments,
        total_grams: total,
        others: others.into_iter().map(|other| other.filing).collect(),
    };
    Outcome::Found((Severity::Warning, Evidence::JustUnder(evidence)))
}

/// The least mass that is just under the limit.
fn least(parameters: &Parameters, limit: i64) -> i64 {
    let share = parameters.whole(ParameterName::SmallShipmentSharePercent).clamp(0, 100);
    limit / 100 * share + limit % 100 * share / 100
}

fn gross_grams(filing: &Filing) -> i64 {
    filing.lines.iter().fold(0, |sum, line| sum.saturating_add(line.quantity.grams_signed()))
}

/// Whether a shipment is just under the limit: only then others need to be known.
pub fn is_just_under(filing: &Filing, parameters: &Parameters) -> bool {
    let limit = parameters.whole(ParameterName::SmallShipmentGrams);
    matches!(filing.claim, Claim::Dispatch { .. } | Claim::Export { .. })
        && 0 < limit
        && (least(parameters, limit)..limit).contains(&gross_grams(filing))
}

impl JustUnder {
    pub(crate) fn sentence(&self) -> Sentence {
        let Self { days, shipments, .. } = self;
        let limit = kilograms_of_grams(self.limit_grams);
        let total = kilograms_of_grams(self.total_grams);
        Sentence::new(
            format!(
                "{days} 天内向同一客户发出 {shipments} 批略低于 {limit} 千克的货物，合计 {total} 千克。"
            ),
            format!(
                "Within {days} days {shipments} shipments just under {limit} kg went to the same client, {total} kg together."
            ),
        )
    }
}
