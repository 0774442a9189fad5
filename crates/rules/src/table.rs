//! The list of detectors, on one screen, and what runs them.

use crate::{
    ApplicationContext, DepartureContext, FilingContext, Finding, Judgement, Outcome, UseContext,
    balance, border, departure, duplicates, finding::Opinion, licence, matching, parties, price,
    quota, receipt, recycling, stock, threshold,
};
use domain::codes::Audience::{self, Filer, Official};
use std::fmt::Write as _;

/// When a detector is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tempo {
    /// With every filing, and again when a counterpart or a correction arrives.
    Filing,
    /// With every filing that names a licence, and whenever that licence moves or is used.
    LicenceUse,
    /// With every filing and every application.
    FilingAndApplication,
    /// With goods that left before the register was asked.
    Departure,
    /// With every use and report of arrival of a licence, and as days pass.
    Border,
    /// With every dispatch or export, and with every paper about it that an authority hands in.
    Feed,
}

/// How a detector judges.
#[derive(Clone, Copy, Debug)]
pub enum Judge {
    /// Filings.
    OfFilings(fn(&FilingContext) -> Vec<Opinion>),
    /// Filings and applications.
    OfBoth(fn(&FilingContext) -> Vec<Opinion>, fn(&ApplicationContext) -> Vec<Opinion>),
    /// Goods that left before the register was asked.
    OfDepartures(fn(&DepartureContext) -> Vec<Opinion>),
    /// What left under a licence and a declaration.
    OfUses(fn(&UseContext) -> Vec<Opinion>),
}
use Judge::{OfBoth, OfDepartures, OfFilings, OfUses};

/// One detector.
#[derive(Clone, Copy, Debug)]
pub struct Detector {
    /// Its name: a claim.
    pub name: &'static str,
    /// Raised with every change of what it finds.
    pub version: u16,
    /// Who may see what it finds. Nothing of `official` reaches the filer by any channel.
    pub audience: Audience,
    /// When it is asked.
    pub tempo: Tempo,
    /// Where the idea comes from: a row of the typologies, or an article.
    pub source: &'static str,
    /// What it does.
    pub judge: Judge,
}

const fn row(
    name: &'static str,
    version: u16,
    audience: Audience,
    tempo: Tempo,
    source: &'static str,
    judge: Judge,
) -> Detector {
    Detector { name, version, audience, tempo, source, judge }
}

/// Every detector in force, in the order officials read what they find.
#[rustfmt::skip]
pub const DETECTORS: &[Detector] = &[
    row("stock_drawn_below_zero",          1, Filer,    Tempo::Filing,               "typologies 16, 17",            OfFilings(stock::drawn_below_zero)),
    row("element_balance_broken",          1, Official, Tempo::Filing,               "typologies 1, 2",              OfFilings(balance::broken)),
    row("quota_overrun",                   1, Official, Tempo::Filing,               "typology 5; order 71",         OfFilings(quota::overrun)),
    row("duplicate_invoice",               1, Official, Tempo::Filing,               "typology 16",                  OfFilings(duplicates::invoice)),
    row("duplicate_filing",                1, Filer,    Tempo::Filing,               "typology 16",                  OfFilings(duplicates::filing)),
    row("unit_price_far_from_peers",       1, Official, Tempo::Filing,               "typologies 9, 10",             OfFilings(price::far_from_peers)),
    row("receipt_differs_from_dispatch",   1, Official, Tempo::Filing,               "typology 4",                   OfFilings(receipt::differs)),
    row("invoice_differs_from_dispatch",   1, Official, Tempo::Feed,                 "facts, row 9; enforcement 2014", OfFilings(matching::invoice)),
    row("declaration_differs_from_export", 1, Official, Tempo::Feed,                 "typologies 6, 7; facts, row 9", OfFilings(matching::declaration)),
    row("export_without_licence",          1, Official, Tempo::LicenceUse,           "typology 7; decree 792",       OfFilings(licence::missing)),
    row("export_beyond_licence",           1, Official, Tempo::LicenceUse,           "typologies 6, 7; decree 792",  OfFilings(licence::exceeded)),
    row("departure_beyond_licence",        1, Official, Tempo::Departure,            "typology 6; decree 792",       OfDepartures(departure::beyond_licence)),
    row("confirmed_goods_not_filed",       1, Official, Tempo::Border,               "typology 7; decree 792",       OfUses(border::not_filed)),
    row("arrival_differs_from_confirmed",  1, Official, Tempo::Border,               "decree 792, article 18",       OfUses(border::arrived_otherwise)),
    row("recycler_fed_with_ore",           1, Official, Tempo::Filing,               "decree 785, article 11",       OfFilings(recycling::fed_with_ore)),
    row("party_on_list",                   1, Official, Tempo::FilingAndApplication, "typology 14; decree 792, articles 26 to 30", OfBoth(parties::of_filing, parties::of_application)),
    row("repeatedly_just_under_threshold", 1, Official, Tempo::Filing,               "typology 8",                   OfFilings(threshold::repeatedly_just_under)),
];

/// The detector of this name.
pub fn detector(name: &str) -> Option<&'static Detector> {
    DETECTORS.iter().find(|detector| detector.name == name)
}

/// What every detector says about a filing.
pub fn evaluate(context: &FilingContext) -> Vec<Judgement> {
    judge_with(|judge| match judge {
        OfFilings(of_filing) | OfBoth(of_filing, _) => of_filing(context),
        OfDepartures(_) | OfUses(_) => Vec::new(),
    })
}

/// What every detector says about an application.
pub fn screen(context: &ApplicationContext) -> Vec<Judgement> {
    judge_with(|judge| match judge {
        OfFilings(_) | OfDepartures(_) | OfUses(_) => Vec::new(),
        OfBoth(_, of_application) => of_application(context),
    })
}

/// What every detector says about goods that left before the register was asked.
pub fn of_departure(context: &DepartureContext) -> Vec<Judgement> {
    judge_with(|judge| match judge {
        OfDepartures(of_departure) => of_departure(context),
        OfFilings(_) | OfBoth(..) | OfUses(_) => Vec::new(),
    })
}

/// What every detector says about what left under a licence and a declaration.
pub fn of_use(context: &UseContext) -> Vec<Judgement> {
    judge_with(|judge| match judge {
        OfUses(of_use) => of_use(context),
        OfFilings(_) | OfBoth(..) | OfDepartures(_) => Vec::new(),
    })
}

fn judge_with(ask: impl Fn(Judge) -> Vec<Opinion>) -> Vec<Judgement> {
    let judged = DETECTORS.iter().flat_map(|detector| {
        ask(detector.judge).into_iter().map(move |opinion| (detector, opinion))
    });
    judged.map(|(detector, opinion)| judgement(detector, opinion)).collect()
}

fn judgement(detector: &'static Detector, opinion: Opinion) -> Judgement {
    let subject = opinion.subject;
    let outcome = match opinion.outcome {
        Outcome::Clean => Outcome::Clean,
        Outcome::Abstained(reason) => Outcome::Abstained(reason),
        Outcome::Found((severity, evidence)) => Outcome::Found(Finding {
            detector: detector.name,
            version: detector.version,
            subject: subject.clone(),
            organisation: opinion.organisation,
            audience: detector.audience,
            severity,
            sentence: evidence.sentence(),
            evidence,
        }),
    };
    Judgement { detector, subject, outcome }
}

/// The table for people.
pub fn markdown() -> String {
    let mut table =
        "| detector | version | audience | asked with | source |\n|---|---|---|---|---|\n"
            .to_owned();
    for Detector { name, version, audience, tempo, source, .. } in DETECTORS {
        let tempo = match tempo {
            Tempo::Filing => "every filing",
            Tempo::LicenceUse => "every export, and every move or use of its licence",
            Tempo::FilingAndApplication => "every filing and application",
            Tempo::Departure => "goods that left before the register was asked",
            Tempo::Border => "every use of a licence and report of arrival, and as days pass",
            Tempo::Feed => "every dispatch or export, and every invoice or declaration of it",
        };
        writeln!(table, "| `{name}` | {version} | {audience} | {tempo} | {source} |")
            .expect("writing to a string does not fail");
    }
    table
}
