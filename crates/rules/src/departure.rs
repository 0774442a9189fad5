//! Did goods leave that no licence covered, while nobody could ask the register?

use crate::{Evidence, Outcome, Subject, finding::Opinion};
use domain::{
    codes::Severity,
    ids::{DepartureId, OrganisationId},
    mass::kilograms_of_grams,
    regime::Sentence,
};
use jiff::civil::Date;
use serde::Serialize;

/// Goods that left before the register was asked, as customs told of them afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepartureContext {
    /// Which.
    pub departure: DepartureId,
    /// Who holds the licence; `None` where its number is unknown.
    pub organisation: Option<OrganisationId>,
    /// The number that was shown.
    pub licence: String,
    /// The customs declaration.
    pub declaration: String,
    /// The day they left.
    pub departed_on: Date,
    /// How much left, in grams.
    pub grams: i64,
    /// How much of it the licence does not cover, in grams.
    pub excess_grams: i64,
    /// Why they would have been refused besides, as the refusal's code.
    pub irregularity: Option<String>,
}

/// Goods that left beyond their licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExcessUse {
    /// The number that was shown.
    pub licence: String,
    /// The customs declaration.
    pub declaration: String,
    /// The day they left.
    pub departed_on: Date,
    /// How much left.
    pub grams: i64,
    /// How much of it the licence does not cover.
    pub excess_grams: i64,
    /// Why they would have been refused besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub irregularity: Option<String>,
}

/// Flags goods that left while the line was down and would have been refused: for their mass, which
/// is an alert, or for anything else, which is a warning. Decree 792; a person decides what follows.
///
/// It never abstains: customs saw the goods leave, and the register knows the licence or does not.
pub(crate) fn beyond_licence(context: &DepartureContext) -> Vec<Opinion> {
    let severity = match (context.excess_grams, &context.irregularity) {
        (1.., _) => Some(Severity::Alert),
        (_, Some(_)) => Some(Severity::Warning),
        _ => None,
    };
    let outcome = match severity {
        None => Outcome::Clean,
        Some(severity) => Outcome::Found((
            severity,
            Evidence::ExcessUse(ExcessUse {
                licence: context.licence.clone(),
                declaration: context.declaration.clone(),
                departed_on: context.departed_on,
                grams: context.grams,
                excess_grams: context.excess_grams,
                irregularity: context.irregularity.clone(),
            }),
        )),
    };
    vec![Opinion::new(Subject::Departure(context.departure), context.organisation, outcome)]
}

impl ExcessUse {
    pub(crate) fn sentence(&self) -> Sentence {
        let Self { licence, declaration, departed_on, .. } = self;
        let grams = kilograms_of_grams(self.grams);
        let mut zh = format!("报关单 {declaration} 的货物 {grams} 千克已于 {departed_on} 离境");
        let mut en = format!("{grams} kg left under declaration {declaration} on {departed_on}");
        if self.excess_grams > 0 {
            let excess = kilograms_of_grams(self.excess_grams);
            zh = format!("{zh}，其中 {excess} 千克超出许可证 {licence} 的余量");
            en = format!("{en}, {excess} kg of it beyond what licence {licence} allows");
        }
        if let Some(reason) = &self.irregularity {
            zh = format!("{zh}；许可证 {licence} 本不准许（{reason}）");
            en = format!("{en}; licence {licence} would have been refused ({reason})");
        }
        Sentence::new(format!("{zh}。"), format!("{en}."))
    }
}
