//! Who does what wrong, when and how strongly; and who only looks as if.
//!
//! Laid down before the year begins, so that nothing depends on what comes of it. A firm commits at
//! most one fraud; look-alikes happen to firms that commit none.

use super::{
    data::{Line, TYPOLOGIES, TypologyFacts},
    firms::{Firm, LAST_MONTH},
};
use crate::chance::Chance;

/// What was planned for a firm.
#[derive(Clone, Debug)]
pub struct Deed {
    /// Name of the typology that it is, or looks like.
    pub typology: &'static str,
    /// Fraud or not.
    pub kind: Kind,
    /// Who does it.
    pub firm: usize,
    /// Who takes part.
    pub partners: Vec<usize>,
    /// Who sells to it, where it is new and has one supplier.
    pub(crate) supplier: Option<usize>,
    /// Number of its first month.
    pub(crate) from: usize,
    /// Number of its last month.
    pub(crate) until: usize,
}

/// Fraud, or what an honest firm does that resembles one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How much of throughput or value is concerned, in thousandths.
    Fraud(u64),
    /// What it is.
    LookAlike(&'static str),
}

/// What a firm does month by month when nothing is wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity {
    /// Transformations and extractions.
    pub(crate) made: [u32; 12],
    /// Dispatches to firms that file.
    pub(crate) delivered: [u32; 12],
    /// Dispatches to whomever, and exports.
    pub(crate) sold: [u32; 12],
    /// Whether it holds controlled magnets when controls begin.
    pub(crate) holds_controlled: bool,
    /// Batches of them that it makes.
    pub(crate) made_controlled: [u32; 12],
}

impl Activity {
    /// Whether there is enough business to hide something in, or to look as if.
    fn is_enough(&self, typology: &str, kind: Kind, from: usize, until: usize) -> bool {
        let busy = |months: &[u32; 12], share: usize| {
            let span = &months[from..=until];
            span.len() * share <= span.iter().filter(|count| 0 < **count).count() * 100
        };
        match typology {
            "hidden_output" | "laundered_ore" | "fabricated_figures" | "invented_stock" => {
                busy(&self.made, 75)
            }
            "impossible_capacity" => busy(&self.made, 100),
            "collusive_under_report" | "one_sided_sale" | "documents_disagree" => {
                busy(&self.delivered, 60)
            }
            "wrong_grade" => busy(&self.made_controlled, 60),
            "wrong_licence" => match kind {
                Kind::Fraud(_) => self.holds_controlled,
                Kind::LookAlike(_) => busy(&self.sold, 100),
            },
            "quota_overrun" => busy(&self.made, 75),
            "ghost_buyer" => true,
            _ => busy(&self.sold, 100),
        }
    }
}

/// The strengths of the issue: 1, 3 and 10 percent.
pub const STRENGTHS_PERMILLE: [u64; 3] = [10, 30, 100];
/// Of a hundred months of firms, so many are the first of a fraud.
const FRAUDS_PERCENT: usize = 1;
const MONTHS: usize = 12;
/// One more than the five that are promised, because some firms have no opportunity.
const LOOK_ALIKES_PER_FRAUD: usize = 6;
/// Months before the first fraud, in which histories grow.
const QUIET_MONTHS: u64 = 3;
/// The latest month in which something begins.
const LATEST: u64 = 8;
/// The month in which controls begin to hold: April 2025.
const CONTROLS: usize = 11;
const ATTEMPTS: usize = 400;

/// Lays down a year's deeds.
///
/// Only firms with business commit something: `activity` is that of the same year without deeds.
pub(crate) fn lay_down(
    chance: &mut Chance,
    firms: &mut [Firm],
    activity: &[Activity],
    seed: u64,
) -> Vec<Deed> {
    let wanted = (firms.len() * MONTHS * FRAUDS_PERCENT / 100).max(TYPOLOGIES.len());
    let mut deeds = Vec::new();
    let offset = usize::try_from(seed % 3).unwrap_or_default();
    for number in 0..wanted {
        let facts = &TYPOLOGIES[number % TYPOLOGIES.len()];
        let turn = number / TYPOLOGIES.len() + number % TYPOLOGIES.len() + offset;
        let kind = Kind::Fraud(STRENGTHS_PERMILLE[turn % 3]);
        let free = |firm: usize, deeds: &[Deed]| deeds.iter().all(|deed| !concerns(deed, firm));
        if let Some(deed) = one(chance, (firms, activity), facts, kind, &deeds, free) {
            deeds.push(deed);
        }
    }
    let frauds = deeds.clone();
    for fraud in &frauds {
        let facts = facts(fraud.typology);
        for number in 0..LOOK_ALIKES_PER_FRAUD {
            let kind = Kind::LookAlike(facts.look_alikes[number % facts.look_alikes.len()]);
            let free = |firm: usize, deeds: &[Deed]| {
                let clean = frauds.iter().all(|deed| !concerns(deed, firm));
                clean && deeds.iter().all(|deed| deed.firm != firm || deed.typology != facts.name)
            };
            if let Some(deed) = one(chance, (firms, activity), facts, kind, &deeds, free) {
                deeds.push(deed);
            }
        }
    }
    for deed in &deeds {
        begin_and_end(firms, deed);
    }
    deeds
}

/// The row of a typology.
pub(crate) fn facts(typology: &str) -> &'static TypologyFacts {
    TYPOLOGIES.iter().find(|facts| facts.name == typology).expect("deeds are of the table")
}

fn concerns(deed: &Deed, firm: usize) -> bool {
    deed.firm == firm || deed.partners.contains(&firm)
}

fn one(
    chance: &mut Chance,
    (firms, activity): (&[Firm], &[Activity]),
    facts: &TypologyFacts,
    kind: Kind,
    deeds: &[Deed],
    free: impl Fn(usize, &[Deed]) -> bool,
) -> Option<Deed> {
    let eligible: Vec<usize> = (0..firms.len())
        .filter(|firm| {
            facts.lines.contains(&firms[*firm].line) && firms[*firm].works == (0, LAST_MONTH)
        })
        .collect();
    for _ in 0..ATTEMPTS.min(eligible.len() * 4) {
        let firm = *chance.one_of(&eligible);
        let (from, until) = months(chance, facts.name, kind);
        if !free(firm, deeds) || !activity[firm].is_enough(facts.name, kind, from, until) {
            continue;
        }
        let partners = match (facts.name, kind) {
            ("circular_trade", _) => {
                let others: Vec<usize> = eligible
                    .iter()
                    .copied()
                    .filter(|other| *other != firm && free(*other, deeds))
                    .collect();
                if others.len() < 2 {
                    continue;
                }
                let first = *chance.one_of(&others);
                let rest: Vec<usize> = others.into_iter().filter(|other| *other != first).collect();
                vec![first, *chance.one_of(&rest)]
            }
            ("collusive_under_report", Kind::Fraud(_)) => firms[firm]
                .regulars
                .values()
                .next()
                .and_then(|those| those.first())
                .copied()
                .into_iter()
                .collect(),
            (_, Kind::LookAlike("tolling")) => {
                let others: Vec<usize> = eligible
                    .iter()
                    .copied()
                    .filter(|other| *other != firm && free(*other, deeds))
                    .collect();
                if others.is_empty() { Vec::new() } else { vec![*chance.one_of(&others)] }
            }
            _ => Vec::new(),
        };
        let supplier = (facts.name == "ghost_buyer")
            .then(|| supplier(chance, (firms, activity), &free, deeds))
            .flatten();
        return Some(Deed { typology: facts.name, kind, firm, partners, supplier, from, until });
    }
    None
}

/// A plant whose goods a trader without history buys.
fn supplier(
    chance: &mut Chance,
    (firms, activity): (&[Firm], &[Activity]),
    free: &impl Fn(usize, &[Deed]) -> bool,
    deeds: &[Deed],
) -> Option<usize> {
    let plants: Vec<usize> = (0..firms.len())
        .filter(|firm| {
            matches!(firms[*firm].line, Line::MagnetMaker | Line::Smelter)
                && free(*firm, deeds)
                && 10 < activity[*firm].made.iter().filter(|count| 0 < **count).count()
        })
        .collect();
    (!plants.is_empty()).then(|| *chance.one_of(&plants))
}

fn months(chance: &mut Chance, typology: &str, kind: Kind) -> (usize, usize) {
    let from = usize::try_from(chance.between(QUIET_MONTHS, LATEST)).unwrap_or_default();
    match (typology, kind) {
        ("wrong_licence", _) => (CONTROLS, CONTROLS),
        // Three months before controls begin.
        ("stockpiling", _) => (CONTROLS - 3, CONTROLS - 1),
        ("quota_overrun", _) => (0, LAST_MONTH),
        (
            "hidden_output" | "laundered_ore" | "collusive_under_report" | "fabricated_figures",
            Kind::Fraud(_),
        ) => (from, LAST_MONTH),
        (_, Kind::Fraud(_)) => (from, (from + 2).min(LAST_MONTH)),
        (_, Kind::LookAlike(_)) => (from, (from + 1).min(LAST_MONTH)),
    }
}

/// Ghosts come and go; new firms come, bankrupt ones go.
fn begin_and_end(firms: &mut [Firm], deed: &Deed) {
    let works = &mut firms[deed.firm].works;
    match (deed.typology, deed.kind) {
        ("ghost_buyer", Kind::Fraud(_)) => *works = (deed.from, deed.until),
        (_, Kind::LookAlike("new_firm")) => *works = (deed.from, LAST_MONTH),
        (_, Kind::LookAlike("bankruptcy")) => *works = (0, deed.until),
        _ => {}
    }
}
