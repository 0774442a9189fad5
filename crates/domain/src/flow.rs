//! What came into and went out of a site's stock, as quotas and national statistics count it.
//!
//! A flow is the matter of one filing's lines under one heading: what was done, by which process,
//! to which kind of goods, from or to which country. Known losses and measurements move nothing
//! into or out of a stock and are no flows; what a correction undoes is counted in the month it
//! was counted in.

use crate::{
    calendar_month::Month,
    codes::{Category, FilingKind, LineRole, Process, words},
    filing::{Claim, Filing},
    identifiers::CountryCode,
    ids::{OrganisationId, SiteId},
    mass::ElementMasses,
};
use std::collections::BTreeMap;

words! {
    /// How matter came into a stock, or left it.
    FlowKind {
        /// From nature.
        Extracted = "extracted",
        /// From those who do not file: end of life, seizures.
        Collected = "collected",
        /// From abroad.
        Imported = "imported",
        /// From another filer.
        Received = "received",
        /// Made by a process.
        Produced = "produced",
        /// Fed to a process.
        Consumed = "consumed",
        /// Sent to a domestic client.
        Dispatched = "dispatched",
        /// Sent abroad.
        Exported = "exported",
        /// Thrown away or seized.
        Disposed = "disposed",
    }
}

/// What is counted apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// Whose.
    pub organisation: OrganisationId,
    /// In which month.
    pub month: Month,
    /// What was done.
    pub kind: FlowKind,
    /// By which process, for a transformation.
    pub process: Option<Process>,
    /// To which kind of goods, where the filing says.
    pub category: Option<Category>,
    /// From or to which country.
    pub country: Option<CountryCode>,
    /// At which site.
    pub site: SiteId,
}

/// How much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowMass {
    /// Gross mass.
    pub gross_grams: i64,
    /// Rare earths in it.
    pub elements: ElementMasses,
}

impl FlowKind {
    /// What a line of a filing stands for, if it moves anything into or out of a stock.
    ///
    /// `is_of_a_movement` tells a receipt from another filer from a collection.
    pub const fn of(kind: FilingKind, role: LineRole, is_of_a_movement: bool) -> Option<Self> {
        Some(match (kind, role) {
            (FilingKind::Extraction, LineRole::Output) => Self::Extracted,
            (FilingKind::Transformation, LineRole::Output) => Self::Produced,
            (FilingKind::Transformation, LineRole::Input) => Self::Consumed,
            (FilingKind::Receipt, _) if is_of_a_movement => Self::Received,
            (FilingKind::Receipt, _) => Self::Collected,
            (FilingKind::Import, _) => Self::Imported,
            (FilingKind::Dispatch, _) => Self::Dispatched,
            (FilingKind::Export, _) => Self::Exported,
            (FilingKind::Disposal, _) => Self::Disposed,
            _ => return None,
        })
    }

    /// Whether it makes a stock larger.
    pub const fn adds(self) -> bool {
        match self {
            Self::Extracted
            | Self::Collected
            | Self::Imported
            | Self::Received
            | Self::Produced => true,
            Self::Consumed | Self::Dispatched | Self::Exported | Self::Disposed => false,
        }
    }
}

impl FlowMass {
    /// Both together; saturates.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            gross_grams: self.gross_grams.saturating_add(other.gross_grams),
            elements: self.elements.plus(&other.elements),
        }
    }

    /// What is undone.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { gross_grams: -self.gross_grams, elements: ElementMasses::ZERO.minus(&self.elements) }
    }
}

/// What a filing moved into and out of its site's stock.
pub fn flows(filing: &Filing) -> BTreeMap<FlowKey, FlowMass> {
    let kind = filing.claim.kind();
    let (process, country) = match &filing.claim {
        Claim::Transformation { process } => (Some(*process), None),
        Claim::Import { origin, .. } => (None, Some(*origin)),
        Claim::Export { destination, .. } => (None, Some(*destination)),
        _ => (None, None),
    };
    let is_of_a_movement = matches!(filing.claim, Claim::Receipt { .. });
    let mut flows: BTreeMap<FlowKey, FlowMass> = BTreeMap::new();
    for line in &filing.lines {
        let Some(kind) = FlowKind::of(kind, line.role, is_of_a_movement) else { continue };
        let key = FlowKey {
            organisation: filing.organisation,
            month: filing.month,
            kind,
            process,
            category: line.category,
            country,
            site: filing.site,
        };
        let mass = FlowMass { gross_grams: line.quantity.grams_signed(), elements: line.elements };
        let sum = flows.entry(key).or_default();
        *sum = sum.plus(mass);
    }
    flows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_posting_into_or_out_of_a_stock_is_a_flow_and_nothing_else_is() {
        use FlowKind as Flow;
        let flows = |kind, role| FlowKind::of(kind, role, false);
        assert_eq!(flows(FilingKind::Transformation, LineRole::Loss), None);
        assert_eq!(flows(FilingKind::Stocktake, LineRole::Measured), None);
        assert_eq!(flows(FilingKind::MonthlyReturn, LineRole::Item), None);
        assert_eq!(flows(FilingKind::Receipt, LineRole::Output), Some(Flow::Collected));
        let received = FlowKind::of(FilingKind::Receipt, LineRole::Item, true);
        assert_eq!(received, Some(Flow::Received));
        let adding = Flow::ALL.iter().filter(|flow| flow.adds()).count();
        assert_eq!(adding, 5, "what is not an addition takes away");
    }
}
