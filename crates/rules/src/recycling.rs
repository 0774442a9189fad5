//! Was a recycler fed with ore?

use crate::{Abstention, Evidence, FilingContext, Outcome, Subject, finding::Opinion};
use domain::{
    codes::{Category, LineRole, Process, Severity, Stage},
    filing::Claim,
    mass::kilograms_of_grams,
    regime::Sentence,
};
use serde::Serialize;

/// Ore or concentrate that a recycler used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OreFed {
    /// What was fed.
    pub category: Category,
    /// How much, all such lines together.
    pub grams: i64,
    /// In which process.
    pub process: Process,
    /// How many of its inputs.
    pub inputs: usize,
}

/// Flags ore or concentrate among the inputs of a recycler.
///
/// Decree 785, article 11: recyclers may not use rare-earth mineral products. A recycler is
/// whoever runs the process of recycling, or a site registered for it and neither for mining nor
/// for separation. The ban is a dated row: without one, or when no input says what it is: abstains.
pub(crate) fn fed_with_ore(context: &FilingContext) -> Vec<Opinion> {
    let filing = &context.filing;
    let Claim::Transformation { process } = filing.claim else { return Vec::new() };
    if !recycles(process, &context.site_stages) {
        return Vec::new();
    }
    let inputs: Vec<_> = filing.lines.iter().filter(|line| line.role == LineRole::Input).collect();
    let is_ore = |category| matches!(category, Some(Category::Ore | Category::Concentrate));
    let fed: Vec<_> = inputs.iter().filter(|line| is_ore(line.category)).collect();
    let banned = context.law.bans_ore(&[Stage::Recycling], context.day());
    let outcome = if banned != Some(true) {
        Outcome::Abstained(Abstention::NoRuleInForce)
    } else if let Some(first) = fed.first() {
        let evidence = OreFed {
            category: first.category.unwrap_or(Category::Ore),
            grams: fed.iter().fold(0, |sum, line| sum.saturating_add(line.quantity.grams_signed())),
            process,
            inputs: fed.len(),
        };
        Outcome::Found((Severity::Alert, Evidence::OreFed(evidence)))
    } else if inputs.iter().any(|line| line.category.is_none()) {
        Outcome::Abstained(Abstention::CategoryUnknown)
    } else {
        Outcome::Clean
    };
    vec![Opinion::new(Subject::Filing(filing.id), Some(filing.organisation), outcome)]
}

fn recycles(process: Process, stages: &[Stage]) -> bool {
    let registered = |stage| stages.contains(&stage);
    process == Process::Recycling
        || registered(Stage::Recycling)
            && !registered(Stage::Mining)
            && !registered(Stage::Separation)
}

impl OreFed {
    pub(crate) fn sentence(&self) -> Sentence {
        let mass = kilograms_of_grams(self.grams);
        let (zh, en) = match self.category {
            Category::Concentrate => ("稀土精矿", "concentrate"),
            _ => ("稀土矿", "ore"),
        };
        Sentence::new(
            format!("综合利用环节投入{zh} {mass} 千克；综合利用企业不得以稀土矿产品为原料。"),
            format!("{mass} kg of {en} were fed to a recycler, who may not use mineral feed."),
        )
    }
}
