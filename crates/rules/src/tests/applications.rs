//! Applications: who is named, and what is known of the exporter.

use super::world::*;
use crate::{
    ApplicationContext, ApplicationParty, Assessment, DestinationStand, NamedParty, OpenFinding,
    OtherApplication, PartyRole, ReportsStand, Risk, assess, screen,
};
use domain::{codes::Severity, ids::CaseId};
use jiff::civil::date;
use std::fmt::Write as _;
use uuid::Uuid;

fn application() -> ApplicationContext {
    ApplicationContext {
        case: CaseId::from_uuid(Uuid::from_u128(81)),
        organisation: organisation(US),
        submitted_on: date(2026, 5, 4),
        judged_on: date(2026, 5, 4),
        grams: 90_000,
        reports: ReportsStand { due: 6, missing: 0, has_filed: true },
        stock_grams: 200_000,
        destination: Some(surge(100_000, 400_000, 9)),
        approved_alike: 0,
        parties: vec![named("Rhein Motoren GmbH", "DE")],
        open_findings: Vec::new(),
        others: Vec::new(),
        law: law(),
    }
}

fn surge(grams: i64, grams_before: i64, applications_before: u32) -> DestinationStand {
    let destination = "DE".parse().unwrap();
    DestinationStand { destination, grams, grams_before, applications_before }
}

fn named(name: &str, country: &str) -> ApplicationParty {
    let party = NamedParty {
        name: name.to_owned(),
        identifier: None,
        country: Some(country.parse().unwrap()),
    };
    ApplicationParty { role: PartyRole::EndUser, party }
}

fn other(number: u128, month: i8, grams: i64) -> OtherApplication {
    let case = CaseId::from_uuid(Uuid::from_u128(number));
    OtherApplication { case, submitted_on: date(2026, month, 20), grams }
}

fn assessed(change: impl FnOnce(&mut ApplicationContext)) -> Assessment {
    let mut context = application();
    change(&mut context);
    assess(&context, &screen(&context))
}

#[test]
fn an_assessment_is_as_grave_as_its_gravest_reason_and_says_why() {
    let open = |severity| OpenFinding { detector: "quota_overrun".to_owned(), severity };
    let stories = [
        ("nothing speaks against it", assessed(|_| {})),
        (
            "a watch-listed end user",
            assessed(|it| it.parties.push(named("Hidden Harbour Trading", "HK"))),
        ),
        (
            "a control-listed end user, before the list",
            assessed(|it| it.parties.push(named("MP Materials", "US"))),
        ),
        (
            "a control-listed end user",
            assessed(|it| {
                it.judged_on = date(2026, 7, 1);
                it.parties.push(named("MP Materials", "US"));
            }),
        ),
        (
            "an open alert",
            assessed(|it| it.open_findings = vec![open(Severity::Alert), open(Severity::Notice)]),
        ),
        ("an open notice", assessed(|it| it.open_findings = vec![open(Severity::Notice)])),
        (
            "two more small ones for the same end user",
            assessed(|it| it.others = vec![other(1, 3, 80_000), other(2, 4, 70_000)]),
        ),
        (
            "the others were long ago or large",
            assessed(|it| it.others = vec![other(1, 1, 80_000), other(2, 4, 7_000_000)]),
        ),
        ("two returns had not come", assessed(|it| it.reports.missing = 2)),
        ("more than there is", assessed(|it| it.stock_grams = 89_999)),
        (
            "it files nothing, so nothing is known of its stock",
            assessed(|it| {
                it.stock_grams = 0;
                it.reports = ReportsStand::default();
            }),
        ),
        (
            "four times as much as usual goes there",
            assessed(|it| it.destination = Some(surge(400_000, 400_000, 9))),
        ),
        (
            "just three times as much",
            assessed(|it| it.destination = Some(surge(300_000, 400_000, 9))),
        ),
        (
            "too few applications before to say what is usual",
            assessed(|it| it.destination = Some(surge(400_000, 400_000, 4))),
        ),
        ("nothing went there before", assessed(|it| it.destination = Some(surge(400_000, 0, 9)))),
        ("the like was approved before", assessed(|it| it.approved_alike = 3)),
    ];
    let mut text = String::new();
    for (story, assessment) in stories {
        writeln!(text, "{story}: {}", assessment.risk.as_str()).unwrap();
        for reason in assessment.reasons {
            writeln!(
                text,
                "  {} {}\n    {}\n    {}",
                reason.risk.as_str(),
                reason.reason,
                reason.sentence.zh,
                reason.sentence.en
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_application_counts_itself_only_once() {
    let itself = OtherApplication {
        case: application().case,
        submitted_on: date(2026, 5, 4),
        grams: 90_000,
    };
    let assessment = assessed(|it| it.others = vec![itself.clone(), itself]);
    assert_eq!(assessment.risk, Risk::Low);
}
