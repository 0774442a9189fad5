use crate::{DepartureContext, Outcome, of_departure};
use domain::ids::DepartureId;
use jiff::civil::date;
use std::fmt::Write as _;
use uuid::Uuid;

fn departure(excess_grams: i64, irregularity: Option<&str>) -> DepartureContext {
    DepartureContext {
        departure: DepartureId::from_uuid(Uuid::from_u128(1)),
        organisation: None,
        licence: "LS-2026-000123-W".to_owned(),
        declaration: "5301-1".to_owned(),
        departed_on: date(2026, 11, 23),
        grams: 1_000,
        excess_grams,
        irregularity: irregularity.map(str::to_owned),
    }
}

#[test]
fn what_left_beyond_its_licence_is_said_plainly_in_both_languages() {
    let mut text = String::new();
    for (excess, irregularity) in
        [(1, None), (0, Some("licence_state")), (1_000, Some("no_such_licence"))]
    {
        for judgement in of_departure(&departure(excess, irregularity)) {
            let Outcome::Found(finding) = judgement.outcome else { panic!("{judgement:?}") };
            writeln!(text, "{} ({}, {})", finding.detector, finding.severity, finding.audience)
                .unwrap();
            writeln!(text, "  {}\n  {}", finding.sentence.zh, finding.sentence.en).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_left_within_its_licence_is_no_finding() {
    let judged = of_departure(&departure(0, None));
    let outcomes: Vec<_> = judged.into_iter().map(|judgement| judgement.outcome).collect();
    assert_eq!(outcomes, [Outcome::Clean]);
}
