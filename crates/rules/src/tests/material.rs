//! What officials and filers are told of balances, and where filers are sent to look.

use crate::{
    BalanceState, Contribution, EnteredFiling, EnteredLine, Parameter, Parameters, ReportedState,
    entry_errors, judge_books, measurement_class, reported_state,
};
use domain::{
    balance::{MonthBook, SegmentSums, books, segments},
    calendar_month::Month,
    codes::{FilingKind, LineRole},
    element::Element,
    ids::{FilingId, LotId},
    mass::ElementMasses,
    regime::Verification,
};
use jiff::Timestamp;
use rust_decimal::{Decimal, dec};
use uuid::Uuid;

const DY: usize = Element::Dy.index();
const KG: i64 = 1_000_000;

/// Books of 2026 from January on: so many kilograms in (in so many lots), out and counted in each
/// month; not counted where there is none.
fn year(parameters: &Parameters, months: &[(i64, i64, i64, Option<i64>)]) -> Vec<MonthBook> {
    let month = |at: usize| format!("2026-{:02}", at + 1).parse::<Month>().unwrap();
    let counted = months.iter().enumerate().filter(|(_, (.., counted))| counted.is_some());
    let stocktakes: Vec<Timestamp> = counted
        .map(|(at, _)| format!("{}T20:00:00+08:00", month(at).last_day()).parse().unwrap())
        .collect();
    let segments = segments(month(0), month(months.len() - 1), &stocktakes, 5);
    let sums = months.iter().map(|(inflow, lots, outflow, counted)| {
        let mut sums = SegmentSums::default();
        for _ in 0..*lots {
            sums.inflow[DY].add(inflow * KG / lots, 0);
            sums.outflow[DY].add(outflow * KG / lots, 0);
        }
        sums.closing[DY].add(counted.unwrap_or(0) * KG, 0);
        sums
    });
    let months: Vec<_> = segments.into_iter().zip(sums).collect();
    books(&months, &measurement_class(parameters))
}

fn states(parameters: &Parameters, books: &[MonthBook]) -> Vec<&'static str> {
    judge_books(parameters, books).iter().map(|verdict| verdict.state.as_str()).collect()
}

fn reported(parameters: &Parameters, books: &[MonthBook]) -> Vec<&'static str> {
    books.iter().map(|book| reported_state(parameters, book).as_str()).collect()
}

#[test]
fn a_month_closes_opens_or_is_open() {
    let parameters = Parameters::default();
    let told = year(
        &parameters,
        &[
            (0, 1, 0, Some(100)),
            (1_000, 4, 1_000, Some(100)),
            (1_000, 4, 1_000, None),
            (1_000, 4, 600, Some(100)),
        ],
    );
    assert_eq!(
        states(&parameters, &told),
        ["not_opened", "closes", "not_closed", "does_not_close"]
    );
    assert_eq!(
        reported(&parameters, &told),
        ["not_closed", "closes", "not_closed", "does_not_close"]
    );
}

#[test]
fn a_gain_is_found_like_a_loss_and_rounding_is_not() {
    let parameters = Parameters::default();
    let told = year(&parameters, &[(0, 1, 0, Some(100)), (1_000, 4, 1_400, Some(100))]);
    let verdict = &judge_books(&parameters, &told)[1];
    assert_eq!(verdict.state, BalanceState::DoesNotClose);
    let sentence = verdict.sentence(None);
    assert!(
        sentence.en.contains("Dy is off by") && sentence.en.contains("too much"),
        "{}",
        sentence.en
    );
    // Half a gram of nothing is beyond any deviation, and no matter.
    let mut tiny = told;
    let element = &mut tiny[1].elements[0];
    let balance = element.balance.as_mut().unwrap();
    (balance.muf_mg, balance.cumuf_mg, balance.sigma_mg, balance.sitmuf) = (500, 500, 1.0, 500.0);
    assert_eq!(states(&parameters, &tiny)[1], "closes");
}

#[test]
fn a_steady_loss_is_found_by_the_sequence_and_told_once() {
    let parameters = Parameters::default();
    let mut months = vec![(0, 1, 0, Some(100))];
    months.extend([(1_000, 2, 964, Some(100)); 4]);
    let told = year(&parameters, &months);
    assert_eq!(states(&parameters, &told)[1..], ["closes", "closes", "does_not_close", "closes"]);
    let third = &judge_books(&parameters, &told)[3].elements[0];
    assert!(third.sigmas.unwrap() < dec!(3), "no month alone is far: {:?}", third.sigmas);
    assert!(dec!(5) < third.page.unwrap().0);
}

#[test]
fn what_a_filer_is_told_does_not_move_with_what_officials_go_by() {
    let official = [
        "balance_shewhart_sigmas",
        "balance_page_reference",
        "balance_page_decision",
        "random_error_percent",
        "systematic_error_percent",
        "weighing_error_percent",
        "element_floor_mg",
    ];
    let usual = Parameters::default();
    let of_each = |parameters: &Parameters| -> Vec<&'static str> {
        let told = (0..30_i64).map(|kg| {
            let months = [(0, 1, 0, Some(100)), (1_000, 4, 1_000 - kg, Some(100))];
            reported(parameters, &year(parameters, &months))[1]
        });
        told.collect()
    };
    let told = of_each(&usual);
    assert!(told.contains(&"closes") && told.contains(&"does_not_close"));
    for name in official {
        for value in [dec!(0), dec!(0.01), dec!(50)] {
            let parameter = Parameter {
                value,
                source: "test".to_owned(),
                verification: Verification::Fictitious,
            };
            let other = Parameters::with_rows([(name, parameter)]).unwrap();
            assert_eq!(of_each(&other), told, "{name} = {value}");
        }
    }
}

#[test]
fn two_percent_of_what_was_there_and_came_in_is_the_public_rule() {
    let parameters = Parameters::default();
    let told = |missing: i64| {
        let months = [(0, 1, 0, Some(1_000)), (1_000, 1, 1_000 - missing, Some(1_000))];
        reported_state(&parameters, &year(&parameters, &months)[1])
    };
    assert_eq!((told(40), told(-40)), (ReportedState::Closes, ReportedState::Closes));
    assert_eq!((told(41), told(-41)), (ReportedState::DoesNotClose, ReportedState::DoesNotClose));
}

#[test]
fn the_largest_contributor_is_named_with_its_share() {
    let parameters = Parameters::default();
    let told = year(&parameters, &[(0, 1, 0, Some(100)), (1_000, 4, 500, Some(100))]);
    let largest = Contribution {
        filing: FilingId::from_uuid(Uuid::nil()),
        reference: "E-1".to_owned(),
        line: 3,
        lot: None,
        lot_number: Some("LOT-7".to_owned()),
        mass_mg: 250 * KG,
        sigma_mg: 3_000_000.0,
    };
    assert_eq!(largest.share_percent(6_000_000.0), Some(dec!(25)));
    let verdict = &judge_books(&parameters, &told)[1];
    let sentence = verdict.sentence(Some(&largest));
    assert!(sentence.en.ends_with("the largest contributor is lot LOT-7."), "{}", sentence.en);
    assert!(sentence.zh.ends_with("不确定度贡献最大的是批次 LOT-7。"), "{}", sentence.zh);
    let unnamed = Contribution { lot_number: None, ..largest };
    assert!(verdict.sentence(Some(&unnamed)).en.ends_with("line 3 of filing E-1."));
}

fn entered(number: u128, kind: FilingKind, lines: Vec<EnteredLine>) -> EnteredFiling {
    let id = FilingId::from_uuid(Uuid::from_u128(number));
    EnteredFiling { id, reference: format!("R{number}"), kind, lines }
}

fn line(role: LineRole, lot: u128, quantity_grams: i64, percent: Decimal) -> EnteredLine {
    let dy = Decimal::from(quantity_grams) * dec!(1000) * percent / dec!(100);
    let mut elements = ElementMasses::ZERO;
    elements.0[DY] = rust_decimal::prelude::ToPrimitive::to_i64(&dy.trunc()).unwrap();
    let lot = Some(LotId::from_uuid(Uuid::from_u128(lot)));
    EnteredLine { number: 1, role, lot, product: "OXIDE".to_owned(), quantity_grams, elements }
}

/// What is odd about extractions of these masses and contents, and others.
fn odd(made: &[(i64, Decimal)], more: Vec<EnteredFiling>) -> Vec<String> {
    let made = made.iter().enumerate().map(|(at, (grams, percent))| {
        let number = at as u128 + 1;
        entered(
            number,
            FilingKind::Extraction,
            vec![line(LineRole::Output, number, *grams, *percent)],
        )
    });
    let filings: Vec<EnteredFiling> = made.chain(more).collect();
    let errors = entry_errors(&Parameters::default(), &filings);
    errors
        .iter()
        .map(|it| format!("{} {}", it.kind.as_str(), it.reference.as_deref().unwrap()))
        .collect()
}

#[test]
fn kilograms_for_tonnes_and_oxide_for_element_are_seen_beside_others_of_the_product() {
    let usual = (500_000, dec!(87));
    assert_eq!(odd(&[usual, usual, (480_000, dec!(86.5))], vec![]), [""; 0]);
    assert_eq!(odd(&[usual, usual, (500_000_000, dec!(87))], vec![]), ["unit_confusion R3"]);
    assert_eq!(odd(&[usual, usual, (500, dec!(87))], vec![]), ["unit_confusion R3"]);
    // 99.8 % as oxide is 87 % as element.
    assert_eq!(odd(&[usual, usual, (500_000, dec!(99.85))], vec![]), ["oxide_or_element R3"]);
    assert_eq!(odd(&[usual, usual, (500_000, dec!(75.8))], vec![]), ["oxide_or_element R3"]);
    assert_eq!(odd(&[usual, usual, (500_000, dec!(95))], vec![]), [""; 0]);
    // One other is none to compare with.
    assert_eq!(odd(&[usual, (500_000_000, dec!(87))], vec![]), [""; 0]);
}

#[test]
fn what_is_entered_twice_or_comes_out_of_nothing_is_pointed_at() {
    let sold = |number| {
        entered(number, FilingKind::Dispatch, vec![line(LineRole::Item, 7, 1_000, dec!(80))])
    };
    assert_eq!(odd(&[], vec![sold(10), sold(11)]), ["entered_twice R11"]);
    let other = entered(12, FilingKind::Dispatch, vec![line(LineRole::Item, 7, 1_001, dec!(80))]);
    assert_eq!(odd(&[], vec![sold(10), other]), [""; 0]);
    let made = |output| {
        let lines = vec![
            line(LineRole::Input, 7, 1_000, dec!(80)),
            line(LineRole::Output, 8, output, dec!(80)),
        ];
        entered(13, FilingKind::Transformation, lines)
    };
    assert_eq!(odd(&[], vec![made(1_019)]), [""; 0], "within the public accuracy");
    assert_eq!(odd(&[], vec![made(1_030)]), ["outputs_heavier R13"]);
}
