//! Forecasts rest on what was decided, and are right about what is decided later; processing times
//! tell of nobody.

use super::*;
use crate::regime::LicenceKind;
use jiff::ToSpan;

/// Durations that are spread as procedures are: most are short, a few take three times as long.
struct Durations(u64);

impl Iterator for Durations {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let mut dice = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(self.0 >> 33).unwrap_or(0)
        };
        let pauses = if dice() % 5 == 0 { dice() % 30 } else { 0 };
        Some(10 + dice() % 12 + dice() % 12 + pauses)
    }
}

#[test]
fn nine_in_ten_later_cases_are_decided_by_the_later_day() {
    let regime = Regime::default_china_2025();
    let calendar = regime.calendar();
    let (mut covered, mut half, mut cases) = (0_u32, 0_u32, 0_u32);
    for seed in 0..40 {
        let mut durations = Durations(seed);
        let history: Vec<u32> = durations.by_ref().take(60).collect();
        for taken in durations.take(50) {
            let started_on = date(2025, 3, 3) + i64::from(cases % 200).days();
            let Forecast::Expected { median_on, ninety_percent_on, .. } =
                expected(&history, calendar, started_on, started_on)
            else {
                panic!("sixty cases tell something");
            };
            let decided_on = calendar.add_working_days(started_on, taken).value();
            covered += u32::from(decided_on <= ninety_percent_on);
            half += u32::from(decided_on <= median_on);
            cases += 1;
        }
    }
    let percent = |count: u32| 100.0 * f64::from(count) / f64::from(cases);
    assert!((88.0..=95.0).contains(&percent(covered)), "{} % of {cases}", percent(covered));
    assert!((45.0..=60.0).contains(&percent(half)), "{} % of {cases}", percent(half));
}

#[test]
fn where_there_is_no_history_it_is_said() {
    let regime = Regime::default_china_2025();
    let day = date(2025, 3, 3);
    let none = expected(&[10; 19], regime.calendar(), day, day);
    assert_eq!(none, Forecast::NoHistory { cases: 19, needed: CASES_NEEDED });
    // It has waited longer than all of them took.
    let late = expected(&[10; 50], regime.calendar(), day, date(2025, 6, 2));
    assert_eq!(late, Forecast::LongerThanHistory { cases: 0 });
}

#[test]
fn what_it_has_waited_already_counts_and_an_unknown_calendar_is_said() {
    let regime = Regime::default_china_2025();
    let history: Vec<u32> = (0..100).collect();
    let day = date(2026, 3, 2);
    let at = |today| match expected(&history, regime.calendar(), day, today) {
        Forecast::Expected { median_on, provisional, cases, .. } => (median_on, provisional, cases),
        other => panic!("{other:?}"),
    };
    let (first, _, all) = at(day);
    let (later, _, fewer) = at(date(2026, 5, 29));
    assert!(first < later && fewer < all);
    let Forecast::Expected { provisional, .. } =
        expected(&history, regime.calendar(), date(2026, 12, 1), date(2026, 12, 1))
    else {
        panic!("a hundred cases tell something");
    };
    assert!(provisional, "2027 is not announced");
}

fn decided(exporter: u128, decided_on: Date) -> DecidedCase {
    DecidedCase {
        organisation: OrganisationId::from_uuid(uuid(exporter)),
        kind: LicenceKind::Single,
        destination: Some("DE".to_owned()),
        accepted_on: date(2026, 1, 5),
        decided_on,
        outcome: StateName::Approved,
    }
}

#[test]
fn small_cells_and_the_present_quarter_are_hidden() {
    let regime = Regime::default_china_2025();
    let told = |cases: &[DecidedCase], today| processing_times(cases, regime.calendar(), today);
    let of = |count: u128, exporters: u128| -> Vec<DecidedCase> {
        (0..count).map(|number| decided(number % exporters, date(2026, 2, 2))).collect()
    };
    let enough = told(&of(10, 3), date(2026, 4, 1));
    assert_eq!(enough[0].quarter, Quarter { year: 2026, quarter: 1 });
    let times = enough[0].times.as_ref().unwrap();
    assert_eq!((times.cases, times.median_working_days), (10, 20));
    assert_eq!(told(&of(9, 3), date(2026, 4, 1))[0].times, None, "too few cases");
    assert_eq!(told(&of(40, 2), date(2026, 4, 1))[0].times, None, "too few exporters");
    assert!(told(&of(40, 4), date(2026, 3, 31)).is_empty(), "the quarter has not ended");
}
