use super::world::law;
use crate::{Outcome, UseContext, of_use};
use domain::ids::{LicenceId, OrganisationId};
use jiff::{ToSpan, civil::date};
use std::collections::BTreeSet;
use uuid::Uuid;

/// 500 kg for Germany left on the first of September, and were filed whole.
fn used() -> UseContext {
    UseContext {
        licence: LicenceId::from_uuid(Uuid::from_u128(1)),
        number: "LS-2026-000123-W".to_owned(),
        organisation: OrganisationId::from_uuid(Uuid::from_u128(2)),
        destination: "DE".to_owned(),
        declaration: "5301-1".to_owned(),
        confirmed_grams: 500_000,
        left_on: Some(date(2026, 9, 1)),
        filed_grams: 500_000,
        arrived_grams: 0,
        countries: BTreeSet::new(),
        judged_on: date(2026, 9, 1),
        law: law(),
    }
}

fn told(context: &UseContext) -> Vec<String> {
    of_use(context)
        .into_iter()
        .filter_map(|judgement| match judgement.outcome {
            Outcome::Found(finding) => Some(format!(
                "{} ({}): {}",
                finding.detector, finding.severity, finding.sentence.en
            )),
            _ => None,
        })
        .collect()
}

#[test]
fn what_customs_confirmed_is_filed_in_time() {
    let words = |grade: &str, filed: &str| {
        format!(
            "confirmed_goods_not_filed ({grade}): Customs confirmed 500.000 kg under licence LS-2026-000123-W and declaration 5301-1 on 2026-09-01; after 30 days {filed} kg of it were filed as exported."
        )
    };
    let table = [
        (30, 0, vec![]),
        (31, 0, vec![words("alert", "0.000")]),
        (31, 499_999, vec![words("warning", "499.999")]),
        (400, 500_000, vec![]),
        // What is filed beyond it is another detector's.
        (400, 500_001, vec![]),
    ];
    for (days, filed_grams, findings) in table {
        let context = used();
        let judged_on = context.judged_on + days.days();
        assert_eq!(told(&UseContext { filed_grams, judged_on, ..context }), findings, "{days}");
    }
}

#[test]
fn arrivals_are_held_against_what_left() {
    let elsewhere = "the goods came to AE, licensed was DE";
    let table = [
        (0, 0, None, None),
        (500_000, 100, Some("DE"), None),
        (300_000, 90, Some("DE"), None),
        (300_000, 91, Some("DE"), Some("only 300.000 kg of 500.000 kg arrived within 90 days")),
        (500_001, 1, None, Some("500.001 kg arrived, 500.000 kg left")),
        (500_000, 1, Some("AE"), Some(elsewhere)),
        // Only transported so far, but to where it may not go.
        (0, 1, Some("AE"), Some(elsewhere)),
    ];
    for (arrived_grams, days, country, fault) in table {
        let context = used();
        let countries = country.map(str::to_owned).into_iter().collect();
        let judged_on = context.judged_on + days.days();
        let context = UseContext {
            arrived_grams,
            countries,
            judged_on,
            filed_grams: context.confirmed_grams,
            ..context
        };
        match (told(&context).as_slice(), fault) {
            ([], None) => {}
            ([told], Some(fault)) => {
                assert!(told.starts_with("arrival_differs_from_confirmed"), "{told}");
                assert!(told.contains(fault), "{told}");
            }
            (told, fault) => panic!("{told:?} instead of {fault:?}"),
        }
    }
}

#[test]
fn a_report_about_a_declaration_that_customs_never_confirmed_is_told() {
    let context = UseContext {
        confirmed_grams: 0,
        left_on: None,
        filed_grams: 0,
        arrived_grams: 1,
        ..used()
    };
    assert_eq!(
        told(&context),
        [
            "arrival_differs_from_confirmed (warning): Licence LS-2026-000123-W, declaration 5301-1: customs confirmed nothing under it."
        ]
    );
    assert_eq!(told(&UseContext { arrived_grams: 0, ..context }), [] as [String; 0]);
}
