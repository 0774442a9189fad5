//! The detectors, judged by what they must see and what they must not.

mod absurd;
mod applications;
mod border;
mod cases;
mod departures;
mod material;
mod world;

use crate::{
    Abstention, DETECTORS, Detector, InvalidParameter, Judge, Judgement, Outcome, PARAMETERS,
    Parameter, ParameterName, Parameters, evaluate, markdown, normalised_name,
};
use cases::{Case, Must, cases};
use domain::regime::Verification;
use rust_decimal::dec;
use std::{collections::HashSet, fmt::Write as _};

fn said(case: &Case) -> Vec<Judgement> {
    let judgements = evaluate(&case.context).into_iter();
    judgements.filter(|judgement| judgement.detector.name == case.detector).collect()
}

#[test]
fn every_detector_has_something_to_find_an_innocent_look_alike_and_something_it_cannot_judge() {
    let cases = cases();
    // What judges the border has stories of its own, and nothing to abstain from.
    let of_filings =
        |detector: &&Detector| !matches!(detector.judge, Judge::OfDepartures(_) | Judge::OfUses(_));
    for detector in DETECTORS.iter().filter(of_filings) {
        for must in [Must::Find, Must::FindNothing, Must::Abstain] {
            let there = |case: &Case| case.detector == detector.name && case.must == must;
            assert!(cases.iter().any(there), "{} has no case that must {must:?}", detector.name);
        }
    }
    for case in &cases {
        assert!(crate::detector(case.detector).is_some(), "{} is no detector", case.detector);
    }
}

#[test]
fn every_case_comes_out_as_its_story_says() {
    for case in cases() {
        let outcomes: Vec<_> = said(&case).into_iter().map(|judgement| judgement.outcome).collect();
        let found = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Found(_))).count();
        let abstained =
            outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Abstained(_))).count();
        let as_it_must = match case.must {
            Must::Find => found == 1,
            Must::FindNothing => found == 0 && abstained == 0 && !outcomes.is_empty(),
            Must::Abstain => found == 0 && abstained == 1,
        };
        assert!(as_it_must, "{}: {}: {outcomes:?}", case.detector, case.story);
    }
}

#[test]
fn what_is_found_is_said_plainly_in_both_languages() {
    let mut text = String::new();
    for case in cases().iter().filter(|case| case.must == Must::Find) {
        for judgement in said(case) {
            let Outcome::Found(finding) = judgement.outcome else { continue };
            let (severity, audience) = (finding.severity, finding.audience);
            writeln!(text, "{} ({severity}, {audience}): {}", finding.detector, case.story)
                .unwrap();
            writeln!(text, "  {}", finding.sentence.zh).unwrap();
            writeln!(text, "  {}", finding.sentence.en).unwrap();
            writeln!(text, "  {}", serde_json::to_string(&finding.evidence).unwrap()).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_honest_filing_gives_no_finding_at_all() {
    for case in cases().iter().filter(|case| case.must == Must::FindNothing) {
        let judgements = evaluate(&case.context);
        let found =
            judgements.iter().find(|judgement| matches!(judgement.outcome, Outcome::Found(_)));
        assert!(found.is_none(), "{}: {found:?}", case.story);
    }
}

#[test]
fn the_table_of_detectors() {
    insta::assert_snapshot!(markdown());
}

#[test]
fn the_table_of_parameters() {
    let mut table = String::new();
    for spec in PARAMETERS {
        let (key, default, unit) = (spec.key, spec.default, spec.unit);
        writeln!(
            table,
            "{key} = {default} {unit} ({})\n  {}\n  {}",
            spec.verification, spec.meaning, spec.source
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn names_of_detectors_and_parameters_are_used_once() {
    let names: HashSet<_> = DETECTORS.iter().map(|detector| detector.name).collect();
    assert_eq!(names.len(), DETECTORS.len());
    let keys: HashSet<_> = PARAMETERS.iter().map(|spec| spec.key).collect();
    let names: HashSet<_> = PARAMETERS.iter().map(|spec| spec.name as usize).collect();
    assert_eq!((keys.len(), names.len()), (PARAMETERS.len(), PARAMETERS.len()));
}

#[test]
fn what_filers_may_see_speaks_of_no_uncertainty_and_no_threshold() {
    for case in cases().iter().filter(|case| case.must == Must::Find) {
        for judgement in said(case) {
            let Outcome::Found(finding) = judgement.outcome else { continue };
            if finding.audience == domain::codes::Audience::Filer {
                let evidence = serde_json::to_string(&finding.evidence).unwrap();
                assert!(!evidence.contains("sigma") && !evidence.contains("limit"), "{evidence}");
            }
        }
    }
}

#[test]
fn a_row_of_the_regime_goes_over_a_default_and_nonsense_is_refused() {
    let parameter = |value| Parameter {
        value,
        source: "notice 1 of 2027".to_owned(),
        verification: Verification::Verbatim,
    };
    let parameters = Parameters::with_rows([("balance_sigmas@2027", parameter(dec!(3)))]).unwrap();
    assert_eq!(parameters.get(ParameterName::BalanceSigmas), dec!(3));
    assert_eq!(parameters.get(ParameterName::ReceiptSigmas), dec!(4));
    let unknown = Parameters::with_rows([("balance_sigma", parameter(dec!(3)))]);
    assert_eq!(unknown, Err(InvalidParameter::Unknown("balance_sigma".to_owned())));
    let negative = Parameters::with_rows([("price_peers", parameter(dec!(-1)))]);
    assert_eq!(negative, Err(InvalidParameter::OutOfRange("price_peers".to_owned())));
}

#[test]
fn names_are_compared_without_case_punctuation_width_and_legal_form() {
    for (one, other) in [
        ("MP Materials Corp.", "mp materials"),
        ("Ｎ．Ｖ． Holding", "NV Holding"),
        ("北方稀土（集团）股份有限公司", "北方稀土(集团)"),
        ("  Acme   Magnetics,  Co., Ltd ", "ACME MAGNETICS"),
    ] {
        assert_eq!(normalised_name(one), normalised_name(other));
    }
    assert_eq!(normalised_name("Co"), "co");
    assert_eq!(normalised_name("有限公司"), "有限公司");
    assert_ne!(normalised_name("Acme Magnets"), normalised_name("Acme Magnetics"));
}

#[test]
fn every_abstention_has_its_own_word() {
    let all = [
        Abstention::ReceiptNotYetFiled,
        Abstention::NoElementsStated,
        Abstention::NoGroup,
        Abstention::NoQuotaKnown,
        Abstention::NothingToCompare,
        Abstention::TooFewPeers,
        Abstention::NoCounterpart,
        Abstention::NotDetermined,
        Abstention::LicenceUnknown,
        Abstention::CategoryUnknown,
        Abstention::NoRuleInForce,
        Abstention::NoListKnown,
        Abstention::NoThresholdKnown,
    ];
    let words: HashSet<_> = all.iter().map(|abstention| abstention.as_str()).collect();
    assert_eq!(words.len(), all.len());
}
