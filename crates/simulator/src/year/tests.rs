use super::*;
use domain::composition::Composition;
use std::collections::{BTreeMap, BTreeSet};

const WANTED: YearWanted = YearWanted { seed: 1, firms: 300 };

#[test]
fn the_same_seed_gives_the_same_year_and_another_one_another() {
    let codes =
        |year: &Year| -> Vec<_> { year.firms.iter().map(|firm| firm.uscc.clone()).collect() };
    let text = |wanted: &YearWanted| {
        let year = Year::of(wanted);
        let codes = codes(&year);
        let filings: Vec<_> =
            year.entries.iter().map(|entry| entry.filing.template(&codes)).collect();
        serde_json::to_string(&(filings, &year.labels, &year.invoices, &year.declarations)).unwrap()
    };
    let small = YearWanted { firms: 80, ..WANTED };
    assert_eq!(text(&small), text(&small));
    assert_ne!(text(&small), text(&YearWanted { seed: 2, ..small }));
}

#[test]
fn every_typology_is_there_at_the_rate_and_with_the_look_alikes_that_were_promised() {
    // A deed needs its opportunity: now and then one has none, and then has no label either.
    let other = Year::of(&YearWanted { seed: 2, ..WANTED });
    let year = Year::of(&WANTED);
    let frauds: Vec<&Label> = year.labels.iter().filter(|label| label.is_fraud()).collect();
    let typologies: BTreeSet<_> = year
        .labels
        .iter()
        .chain(&other.labels)
        .filter(|label| label.is_fraud())
        .map(|label| label.typology)
        .collect();
    let missing: Vec<_> = data::TYPOLOGIES
        .iter()
        .map(|facts| facts.name)
        .filter(|name| !typologies.contains(name))
        .collect();
    assert!(missing.is_empty(), "not carried out: {missing:?}");
    let look_alikes = year.labels.len() - frauds.len();
    assert!(
        frauds.len() * 5 <= look_alikes,
        "{look_alikes} look-alikes of {} frauds",
        frauds.len()
    );
    let base_rate_percent = frauds.len() * 100 * 10 / (year.firms.len() * 12);
    assert!((8..=12).contains(&base_rate_percent), "{base_rate_percent} of a thousand");
    let strengths: BTreeSet<_> =
        frauds.iter().filter_map(|label| label.strength_permille).collect();
    assert_eq!(strengths, STRENGTHS_PERMILLE.into());
}

#[test]
fn nobody_moves_what_was_never_made_or_sent_and_every_assay_can_be() {
    let year = Year::of(&WANTED);
    let mut known: BTreeSet<(usize, String)> = BTreeSet::new();
    let mut sent: BTreeMap<(usize, String), usize> = BTreeMap::new();
    let mut refused = Vec::new();
    for entry in &year.entries {
        let filing = &entry.filing;
        if let Some(movement) = &filing.movement {
            let seller = sent.get(&(movement.seller, movement.reference.clone()));
            if seller.is_none_or(|round| entry.round <= *round) {
                refused.push(&filing.reference);
            }
        }
        for line in filing.every_line() {
            if let Some(stated) = &line.composition {
                assert!(Composition::try_from(stated).is_ok(), "{}: {stated:?}", filing.reference);
            }
            let Some(lot) = &line.lot else { continue };
            let key = (lot.maker, lot.number.clone());
            if line.product.is_some() {
                known.insert(key);
            } else if !known.contains(&key) {
                refused.push(&filing.reference);
            }
        }
        sent.insert((filing.filer, filing.reference.clone()), entry.round);
    }
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn things_happen_in_their_month_and_nothing_after_it_was_recorded() {
    let year = Year::of(&WANTED);
    for entry in &year.entries {
        let happened = domain::calendar_month::beijing_date(entry.filing.happened_at);
        assert!(FIRST_DAY <= happened, "{}", entry.filing.reference);
        assert!(
            happened <= recorded_on(entry.round),
            "{} in {}",
            entry.filing.reference,
            entry.round
        );
    }
}

#[test]
fn a_diverting_plant_says_less_than_it_made_and_nobody_else_does_so_beyond_their_errors() {
    let mut chance = Chance::of_seed(5);
    let firms = firms::found(&mut chance, FEWEST_FIRMS);
    let plant = firms.iter().position(|firm| firm.line == Line::MagnetMaker).unwrap();
    let said = |deeds: Vec<Deed>| {
        let mut books = Books::new(Chance::of_seed(6), firms.clone(), deeds);
        books.begin(18);
        let flakes = data::Ware::FLAKES_N;
        let mut kept = making::content(flakes, 1_000_000_000);
        kept = making::millionths(&kept, 700_000);
        books.make(
            plant,
            domain::codes::Process::MagnetMaking,
            &[],
            &[(data::Ware::MAGNETS_N, kept)],
        );
        books.entries[0].filing.outputs[0].grams
    };
    let deed = Deed {
        typology: "hidden_output",
        kind: Kind::Fraud(100),
        firm: plant,
        partners: Vec::new(),
        supplier: None,
        from: 6,
        until: 11,
    };
    let (honest, diverting) = (said(Vec::new()), said(vec![deed]));
    assert_eq!(diverting.abs_diff(honest * 9 / 10) / (honest / 1_000), 0);
    assert!(honest.abs_diff(700_000_000) < 100_000_000, "{honest}");
}
