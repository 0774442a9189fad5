//! Which queue an application goes to: rules as data, the first that fits decides.

use super::{RiskGrade, Slug};
use crate::{
    application::Draft, codes::words, determination::EndUse, identifiers::CountryCode,
    regime::LicenceKind, violation::Violation,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// More rules nobody reads.
const RULES_AT_MOST: usize = 200;

words! {
    /// Whether the exporter had a licence for the same end user before.
    Repeat {
        /// It had.
        Yes = "yes",
        /// It had not.
        No = "no",
    }
}

/// When a rule fits: everything that is said must hold, what is not said is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingWhen {
    /// The kind of licence is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<LicenceKind>,
    /// The risk is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<RiskGrade>,
    /// The destination is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<CountryCode>,
    /// The end use is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end_uses: Vec<EndUse>,
    /// A control code of the goods begins with one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub control_codes: Vec<String>,
    /// The goods weigh at least this much together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kilograms_at_least: Option<u64>,
    /// Whether the exporter had a licence for the same end user before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingRule {
    /// Its name, which is recorded with every step it takes.
    pub rule: Slug,
    /// When it fits.
    #[serde(default)]
    pub when: RoutingWhen,
    /// The queue it leads to.
    pub queue: Slug,
    /// Flags it raises.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Slug>,
}

/// One version of the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingRules {
    /// The first one that fits decides.
    pub rules: Vec<RoutingRule>,
    /// Where everything else goes.
    pub otherwise: Slug,
}

/// A team as it ships.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippedTeam {
    /// Its code.
    pub code: Slug,
    /// What it is called in Chinese.
    pub name_zh: String,
    /// What it is called in English.
    pub name_en: String,
}

/// A queue as it ships.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippedQueue {
    /// Its code.
    pub code: Slug,
    /// What it is called in Chinese.
    pub name_zh: String,
    /// What it is called in English.
    pub name_en: String,
    /// The team that works it off.
    pub team: Slug,
}

/// Teams, queues and rules to begin with. No law says so: a house that begins takes them or makes
/// its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippedRouting {
    /// Its teams.
    pub teams: Vec<ShippedTeam>,
    /// Its queues.
    pub queues: Vec<ShippedQueue>,
    /// Why these rules.
    pub reason: String,
    /// The rules.
    pub rules: RoutingRules,
}

/// The teams, queues and rules that ship: `data/routing-default.json`.
pub fn shipped_routing() -> ShippedRouting {
    serde_json::from_str(include_str!("../../data/routing-default.json"))
        .expect("what ships is tested to be well formed")
}

/// What rules ask of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingFacts {
    /// What the applicant wrote.
    pub draft: Draft,
    /// The worker's assessment.
    pub risk: RiskGrade,
    /// Whether the exporter had a licence for the same end user before.
    pub repeat: Repeat,
}

/// Where an application goes, and which rule said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed<'a> {
    /// The queue.
    pub queue: &'a Slug,
    /// The rule; none when none fitted.
    pub rule: Option<&'a Slug>,
    /// Flags it raises.
    pub flags: &'a [Slug],
}

impl RoutingRules {
    /// Where an application goes.
    pub fn route(&self, facts: &RoutingFacts) -> Routed<'_> {
        self.rules.iter().find(|rule| rule.when.fits(facts)).map_or(
            Routed { queue: &self.otherwise, rule: None, flags: &[] },
            |rule| Routed { queue: &rule.queue, rule: Some(&rule.rule), flags: &rule.flags },
        )
    }
}

impl RoutingWhen {
    fn fits(&self, facts: &RoutingFacts) -> bool {
        let draft = &facts.draft;
        among(&self.kinds, draft.kind.as_ref())
            && among(&self.risks, Some(&facts.risk))
            && among(&self.destinations, draft.destination.as_ref())
            && among(&self.end_uses, draft.end_use.as_ref().map(|end_use| &end_use.category))
            && self.fits_goods(draft)
            && self.repeat.is_none_or(|repeat| repeat == facts.repeat)
    }

    fn fits_goods(&self, draft: &Draft) -> bool {
        let begins = |code: &str| self.control_codes.iter().any(|prefix| code.starts_with(prefix));
        let codes = || draft.lines.iter().filter_map(|line| line.control_code.as_ref());
        let quantities = draft.lines.iter().filter_map(|line| line.quantity_kg);
        let grams = quantities.fold(0_u64, |sum, quantity| sum.saturating_add(quantity.grams()));
        (self.control_codes.is_empty() || codes().any(|code| begins(&code.0)))
            && self.kilograms_at_least.is_none_or(|least| least.saturating_mul(1000) <= grams)
    }
}

fn among<T: PartialEq>(allowed: &[T], said: Option<&T>) -> bool {
    allowed.is_empty() || said.is_some_and(|said| allowed.contains(said))
}

/// What is wrong with rules: names used twice, queues and flags that do not exist, rules that
/// nothing reaches because an earlier one fits everything.
pub fn routing_faults(
    rules: &RoutingRules,
    queues: &BTreeSet<Slug>,
    flags: &BTreeSet<String>,
) -> Vec<Violation> {
    let mut faults = Vec::new();
    if RULES_AT_MOST < rules.rules.len() {
        let fault = Violation::new("/rules", "too_many", "too many rules");
        faults.push(fault.expecting(format!("at most {RULES_AT_MOST}")));
    }
    let unknown_queue = |pointer: String, queue: &Slug| {
        let detail = format!("there is no queue {queue}");
        (!queues.contains(queue)).then(|| Violation::new(pointer, "no_such_queue", detail))
    };
    faults.extend(unknown_queue("/otherwise".to_owned(), &rules.otherwise));
    let mut names = BTreeSet::new();
    let mut everything_fits = false;
    for (place, rule) in rules.rules.iter().enumerate() {
        let at = |field: &str| format!("/rules/{place}{field}");
        faults.extend(unknown_queue(at("/queue"), &rule.queue));
        if !names.insert(&rule.rule) {
            faults.push(Violation::new(at("/rule"), "used_twice", "another rule has this name"));
        }
        if everything_fits {
            let detail = "an earlier rule fits everything";
            faults.push(Violation::new(at(""), "never_reached", detail));
        }
        everything_fits |= rule.when == RoutingWhen::default();
        for (flag_place, flag) in rule.flags.iter().enumerate() {
            if !flags.contains(flag.as_str()) {
                let detail = format!("there is no flag {flag}");
                let pointer = at(&format!("/flags/{flag_place}"));
                faults.push(Violation::new(pointer, "no_such_flag", detail));
            }
        }
    }
    faults
}
