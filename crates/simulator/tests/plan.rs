//! What a plan promises, whatever its seed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::{
    canonical::sha256_hex,
    codes::{FilingKind, Process},
    composition::Composition,
    element::Element,
    ids::OrganisationId,
    mass::{ElementMasses, Kilograms},
};
use jiff::civil::date;
use simulator::{Filing, Line, LotName, Plan, Wanted};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

fn wanted(seed: u64, filings: usize) -> Wanted {
    Wanted { seed, organisations: 40, filings, until: date(2026, 11, 24) }
}

/// Stand-ins for the ids that registration gives.
fn ids(plan: &Plan) -> Vec<OrganisationId> {
    let of =
        |uscc: &str| OrganisationId::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, uscc.as_bytes()));
    plan.nation.organisations.iter().map(|organisation| of(organisation.uscc.as_str())).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let of = |seed| {
        let plan = Plan::of(&wanted(seed, 2_000));
        let ids = ids(&plan);
        let bodies: Vec<u8> =
            plan.filings.iter().take(1_000).flat_map(|filing| filing.body(&ids)).collect();
        sha256_hex(&bodies)
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    insta::assert_snapshot!(of(1), @"1ad39312a9ca954edda88a08ae644312923a5a1db7707f4bc7eeb100e74106d9");
}

#[test]
fn a_plan_is_as_large_as_asked_for_and_hardly_larger() {
    for filings in [500, 3_000, 20_000] {
        let plan = Plan::of(&wanted(1, filings));
        assert!(filings <= plan.filings.len(), "{}", plan.filings.len());
        if 3_000 <= filings {
            assert!(plan.filings.len() < filings * 5 / 4, "{} for {filings}", plan.filings.len());
        }
        assert_eq!(plan.nation.organisations.len(), 40);
    }
}

#[test]
fn every_deed_is_done_for_any_seed() {
    for (seed, filings) in [(1, 20_000), (2, 5_000), (3, 5_000), (4, 5_000), (5, 5_000)] {
        let plan = Plan::of(&wanted(seed, filings));
        let done: BTreeSet<_> = plan.planted.iter().map(|planted| planted.detector).collect();
        assert_eq!(done.len(), 10, "seed {seed} lacks some of its deeds: {done:?}");
        for planted in &plan.planted {
            assert!(!planted.references.is_empty());
        }
        let controlled = plan.controlled.expect("a licence can be used for something");
        assert!(1_000 < controlled.grams, "{controlled:?}");
    }
}

#[test]
fn all_eight_kinds_and_the_monthly_return_occur_with_corrections() {
    let plan = Plan::of(&wanted(1, 20_000));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for filing in &plan.filings {
        *counts.entry(filing.kind.as_str()).or_default() += 1;
    }
    assert_eq!(counts.len(), FilingKind::ALL.len(), "{counts:?}");
    assert!(50 < plan.filings.iter().filter(|filing| filing.correction.is_some()).count());
}

#[test]
fn nothing_is_filed_before_what_it_needs() {
    let plan = Plan::of(&wanted(3, 5_000));
    let mut made: BTreeMap<&LotName, usize> = BTreeMap::new();
    let mut sent: HashMap<(usize, &str), usize> = HashMap::new();
    let mut keys = BTreeSet::new();
    for (index, filing) in plan.filings.iter().enumerate() {
        assert!(filing.after.iter().all(|before| *before < index));
        assert!(keys.insert((filing.filer, filing.idempotency_key())), "{}", filing.reference);
        let makes = filing.process.is_some()
            || matches!(filing.kind, FilingKind::Extraction | FilingKind::Import);
        for line in filing.every_line() {
            assert!(0 < line.grams, "{} moves nothing", filing.reference);
            let Some(lot) = &line.lot else { continue };
            if line.product.is_some() {
                assert!(makes || filing.beyond.is_some());
                made.entry(lot).or_insert(index);
            } else {
                assert!(
                    made.contains_key(lot),
                    "{} uses {lot:?} before it is made",
                    filing.reference
                );
            }
        }
        for lines in [&filing.inputs, &filing.outputs, &filing.lines] {
            let lots: BTreeSet<_> = lines.iter().map(|line| &line.lot).collect();
            assert_eq!(lots.len(), lines.len(), "{} names a lot twice", filing.reference);
        }
        if let Some(movement) = &filing.movement {
            let dispatch = sent[&(movement.seller, movement.reference.as_str())];
            assert!(filing.after.contains(&dispatch), "a receipt waits for its dispatch");
        }
        if filing.kind == FilingKind::Dispatch {
            sent.insert((filing.filer, &filing.reference), index);
        }
        assert!(filing.happened_at < "2026-11-23T16:00:00Z".parse().unwrap());
    }
}

/// What each line of a plan moves, as the service will see it.
struct Books {
    claims: BTreeMap<LotName, (u64, ElementMasses)>,
}

impl Books {
    fn elements(&mut self, line: &Line) -> ElementMasses {
        let gross = Kilograms::from_grams(line.grams).unwrap();
        let stated = line.composition.as_ref().map(|stated| Composition::try_from(stated).unwrap());
        let elements = match (&stated, &line.lot) {
            (Some(composition), _) => ElementMasses::in_mass(gross, composition),
            (None, Some(lot)) => {
                let (grams, elements) = self.claims[lot];
                elements.share(gross, Kilograms::from_grams(grams).unwrap())
            }
            (None, None) => ElementMasses::ZERO,
        };
        if let (Some(lot), true) = (&line.lot, line.product.is_some()) {
            self.claims.insert(lot.clone(), (line.grams, elements));
        }
        elements
    }

    fn sum(&mut self, lines: &[Line]) -> ElementMasses {
        lines.iter().fold(ElementMasses::ZERO, |sum, line| sum.plus(&self.elements(line)))
    }
}

#[test]
fn what_goes_in_comes_out_within_the_published_yields_or_is_said_to_be_lost() {
    let plan = Plan::of(&wanted(1, 5_000));
    let planted: BTreeSet<(usize, &str)> = plan
        .planted
        .iter()
        .flat_map(|planted| {
            planted.references.iter().map(|reference| (planted.organisation, reference.as_str()))
        })
        .collect();
    let mut books = Books { claims: BTreeMap::new() };
    let mut transformations = 0;
    for filing in &plan.filings {
        let inputs = books.sum(&filing.inputs);
        let outputs = books.sum(&filing.outputs);
        let losses = books.sum(&filing.losses);
        books.sum(&filing.lines);
        let Some(process) = filing.process else { continue };
        if planted.contains(&(filing.filer, filing.reference.as_str())) {
            continue;
        }
        transformations += 1;
        for element in Element::ALL {
            let (input, output, loss) =
                (inputs.get(element), outputs.get(element), losses.get(element));
            let off = (input - output - loss).abs();
            // Laboratories err by a thousandth; a gram is rounding.
            assert!(
                off <= input / 400 + 1_000,
                "{} {element}: {input} -> {output} + {loss}",
                filing.reference
            );
        }
        let share = outputs.total_mg() * 1_000 / inputs.total_mg();
        let (low, high) = match process {
            Process::Beneficiation => (500, 900),
            Process::Separation => (880 * 900 / 1_000, 970 * 990 / 1_000),
            Process::MetalReduction => (850, 980),
            Process::Alloying => (950, 990),
            Process::MagnetMaking => (970 * 930 / 1_000, 995 * 990 / 1_000),
            // Swarf is an output too.
            Process::Machining => (900, 1_000),
            Process::Recycling => (850, 970),
            Process::Assembly => unreachable!("nobody assembles"),
        };
        assert!((low..=high + 2).contains(&share), "{} {process}: {share}", filing.reference);
    }
    assert!(400 < transformations);
}

#[test]
fn nobody_uses_more_of_a_lot_than_came_in_but_the_one_who_was_told_to() {
    let plan = Plan::of(&wanted(1, 5_000));
    let mut held: BTreeMap<(usize, LotName), i64> = BTreeMap::new();
    let replaced: BTreeSet<(usize, &str)> = plan
        .filings
        .iter()
        .filter(|filing| filing.correction.is_some())
        .map(|filing| (filing.filer, filing.reference.as_str()))
        .collect();
    let mut below = Vec::new();
    for filing in &plan.filings {
        let stands =
            filing.correction.is_some() || !replaced.contains(&(filing.filer, &filing.reference));
        if !stands || filing.kind == FilingKind::Stocktake {
            continue;
        }
        let comes_in = matches!(
            filing.kind,
            FilingKind::Extraction | FilingKind::Import | FilingKind::Receipt
        );
        let lines = filing.outputs.iter().map(|line| (line, 1));
        let lines = lines.chain(filing.inputs.iter().map(|line| (line, -1)));
        let lines =
            lines.chain(filing.lines.iter().map(|line| (line, if comes_in { 1 } else { -1 })));
        for (line, sign) in lines {
            let lot = line.lot.clone().unwrap();
            let stock = held.entry((filing.filer, lot)).or_default();
            *stock += sign * line.grams.cast_signed();
            if *stock < 0 {
                below.push((filing.filer, filing.reference.clone()));
            }
        }
    }
    let told =
        plan.planted.iter().find(|planted| planted.detector == "stock_drawn_below_zero").unwrap();
    assert!(!below.is_empty());
    for (filer, reference) in &below {
        assert!(
            *filer == told.organisation && told.references.contains(reference),
            "{filer} {reference}"
        );
    }
}

#[test]
fn a_request_reads_as_the_interface_describes_it() {
    let plan = Plan::of(&wanted(1, 5_000));
    let ids = ids(&plan);
    let of = |kind: FilingKind| {
        let filing: &Filing = plan.filings.iter().find(|filing| filing.kind == kind).unwrap();
        serde_json::from_slice::<serde_json::Value>(&filing.body(&ids)).unwrap()
    };
    for kind in FilingKind::ALL {
        insta::assert_json_snapshot!(kind.as_str(), of(*kind));
    }
}
