use super::*;
use crate::{element::ELEMENT_COUNT, identifiers::CurrencyCode, mass::ElementMasses};
use crate::{
    element::Element,
    metrology::{Errors, Metrology},
};
use jiff::civil::date;
use proptest::prelude::*;
use rust_decimal::dec;
use std::fmt::Write;
use uuid::Uuid;

const TERMS: MatchTerms = MatchTerms {
    sigmas: 4.0,
    floor_mg: 1_000.0,
    class: Metrology {
        unstated: Errors { random: 0.01, systematic: 0.005 },
        weighing: Errors { random: 0.0, systematic: 0.0 },
    },
    amount_percent: dec!(1),
    window_days: 60,
    due_days: 30,
};
const EXPORTER: &str = "91350100M000100Y43";

fn yuan(amount: i64) -> Money {
    Money { amount: amount.into(), currency: CurrencyCode::CNY }
}

fn export(number: u128, kilograms: i64) -> FiledExport {
    let mut elements = ElementMasses::ZERO;
    elements.0[Element::Nd.index()] = kilograms * 290_000;
    let mut content = OxideContent::NOTHING;
    content.add(&elements, &[0; ELEMENT_COUNT]);
    FiledExport {
        filing: FilingId::from_uuid(Uuid::from_u128(number)),
        exporter: OrganisationId::from_uuid(Uuid::from_u128(1)),
        exporter_code: Some(EXPORTER.to_owned()),
        exported_on: date(2026, 10, 2),
        destination: "DE".to_owned(),
        licence: Some("LS-1".to_owned()),
        goods: vec![ExportedGoods {
            hs_code: Some("85051110".parse().unwrap()),
            grams: kilograms * 1_000,
            uncertainty_grams: 0,
        }],
        content,
        value: Some(yuan(kilograms * 400)),
    }
}

fn declaration(kilograms: i64) -> CustomsDeclaration {
    CustomsDeclaration {
        number: "D-1".to_owned(),
        declared_on: date(2026, 10, 1),
        exporter: EXPORTER.to_owned(),
        destination: "DE".to_owned(),
        lines: vec![DeclaredGoods {
            hs_code: "8505111000".parse().unwrap(),
            net_grams: kilograms * 1_000,
            value: yuan(kilograms * 400),
            licence: Some("LS-1".to_owned()),
        }],
    }
}

fn declared(exports: Vec<FiledExport>, declaration: CustomsDeclaration) -> DeclaredExports {
    DeclaredExports { exports, declaration: Some(declaration) }
}

fn with<T>(mut thing: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut thing);
    thing
}

#[test]
fn every_way_in_which_exports_and_a_declaration_agree_or_do_not() {
    let one = |change: fn(&mut FiledExport)| {
        declared(vec![with(export(1, 100), change)], declaration(100))
    };
    let other = |change: fn(&mut CustomsDeclaration)| {
        declared(vec![export(1, 100)], with(declaration(100), change))
    };
    let cases = [
        ("the same", one(|_| {})),
        ("two scales", declared(vec![export(1, 100)], declaration(97))),
        ("a tenth less was declared", declared(vec![export(1, 100)], declaration(90))),
        (
            "weighed well, and three percent less declared",
            declared(
                vec![with(export(1, 100), |it| it.goods[0].uncertainty_grams = 50)],
                declaration(94),
            ),
        ),
        ("to another country", other(|it| it.destination = "NL".to_owned())),
        ("as something else", other(|it| it.lines[0].hs_code = "8505191000".parse().unwrap())),
        ("under another licence", other(|it| it.lines[0].licence = Some("LS-2".to_owned()))),
        ("without the licence", other(|it| it.lines[0].licence = None)),
        ("under a licence that was not filed", one(|it| it.licence = None)),
        ("for half the price", other(|it| it.lines[0].value = yuan(20_000))),
        ("in dollars", other(|it| it.lines[0].value.currency = "USD".parse().unwrap())),
        ("without a price", one(|it| it.value = None)),
        ("months before", other(|it| it.declared_on = date(2026, 5, 1))),
        ("somebody else's declaration", other(|it| it.exporter = "914403001922038216".to_owned())),
        (
            "two exports of one declaration",
            declared(vec![export(1, 60), export(2, 40)], declaration(100)),
        ),
        ("none yet", DeclaredExports { exports: vec![export(1, 100)], declaration: None }),
    ];
    let mut table = String::new();
    for (story, declared) in cases {
        writeln!(table, "{story}").unwrap();
        for (filing, _, leg) in declared.matches(&TERMS, date(2026, 10, 20)) {
            let differences: Vec<_> = leg.differences.iter().map(|it| it.as_str()).collect();
            let sigmas = leg.quantities.map(|it| format!("{:.1} sigma", it.sigmas));
            let (number, sigmas) = (filing.as_uuid().as_u128(), sigmas.unwrap_or_default());
            writeln!(table, "  {number}: {} {differences:?} {sigmas} {:?}", leg.state, leg.due)
                .unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

proptest! {
    #[test]
    fn a_declaration_in_any_parts_matches_the_exports_in_any_others(
        exports in prop::collection::vec(1_i64..1_000, 1..6), cut in 1_usize..6,
    ) {
        let all: i64 = exports.iter().sum();
        let filed: Vec<FiledExport> = (1..).zip(&exports).map(|(id, kg)| export(id, *kg)).collect();
        let mut paper = declaration(all);
        let first = all * i64::try_from(cut).unwrap() / 7;
        let mut rest = paper.lines[0].clone();
        (paper.lines[0].net_grams, paper.lines[0].value) = (first * 1_000, yuan(first * 400));
        (rest.net_grams, rest.value) = ((all - first) * 1_000, yuan((all - first) * 400));
        paper.lines.push(rest);
        for (_, _, leg) in declared(filed, paper).matches(&TERMS, date(2026, 10, 20)) {
            prop_assert_eq!(leg.state, LegState::Matched, "{:?}", leg);
        }
    }

    #[test]
    fn no_mass_and_no_amount_breaks_anything(grams in any::<i64>(), net in any::<i64>(), mantissa in any::<i64>()) {
        let mut filed = export(1, 1);
        filed.goods[0].grams = grams;
        filed.goods[0].uncertainty_grams = net;
        filed.value = Some(Money { amount: Decimal::from(mantissa), currency: CurrencyCode::CNY });
        let mut paper = declaration(1);
        paper.lines[0].net_grams = net;
        prop_assert_eq!(declared(vec![filed], paper).matches(&TERMS, date(2026, 10, 20)).len(), 1);
    }
}
