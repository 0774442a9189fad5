//! Who must sign a decision, by risk.

use crate::{
    codes::{Role, words},
    ids::PersonId,
    regime::{Provenance, Regime, Verification},
};
use jiff::civil::Date;
use serde::Serialize;

words! {
    /// How risky an application is, as far as the worker has said.
    RiskGrade {
        /// It was not assessed yet.
        Unassessed = "unassessed",
        /// Nothing speaks against it.
        Low = "low",
        /// Something is worth a question.
        Medium = "medium",
        /// Something must be cleared up first.
        High = "high",
    }
}

/// Who signs after the recommendation, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountersignOrder {
    /// The risk it is for.
    pub risk: RiskGrade,
    /// The role of each signature.
    // At least one: nobody decides alone.
    signatures: Vec<Role>,
    /// Where that stands.
    pub provenance: Provenance,
}

impl CountersignOrder {
    /// Who signs on a day what is this risky. Where no row says, one senior officer does.
    pub fn of(regime: &Regime, risk: RiskGrade, day: Date) -> Self {
        let rule = regime.countersign_rules(day).find(|row| row.key == risk.as_str());
        let said = rule.filter(|row| !row.value.signatures.is_empty());
        said.map_or_else(
            || Self::of_one(risk),
            |row| {
                let signatures = row.value.signatures.clone();
                Self { risk, signatures, provenance: row.provenance.clone() }
            },
        )
    }

    /// One senior officer.
    pub fn of_one(risk: RiskGrade) -> Self {
        let source = "no row says how many sign".to_owned();
        let provenance = Provenance { source, verification: Verification::OwnAssumption };
        Self { risk, signatures: vec![Role::SeniorOfficer], provenance }
    }

    /// The role of each signature; at least one.
    pub fn signatures(&self) -> &[Role] {
        &self.signatures
    }

    /// The role of the next signature.
    pub fn next(&self, signed: &[PersonId]) -> Role {
        let last = self.signatures.last().copied().unwrap_or(Role::SeniorOfficer);
        self.signatures.get(signed.len()).copied().unwrap_or(last)
    }

    /// Whether the next signature is the last one.
    pub const fn ends_with_next(&self, signed: &[PersonId]) -> bool {
        self.signatures.len() <= signed.len() + 1
    }
}
