use super::*;
use jiff::civil::date;
use rstest::rstest;

fn china() -> Regime {
    Regime::default_china_2025()
}

#[test]
fn every_shipped_row_is_read() {
    let regime = china();
    assert_eq!(regime.announcements().len(), 17);
    assert_eq!(regime.control_items().len(), 73 + 74);
    assert_eq!(regime.calendar_years.len(), 3);
    let mut names: Vec<_> = regime.rows().into_iter().map(|row| (row.kind, row.key)).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "two rows of one name");
}

#[test]
fn every_number_that_rules_use_is_shipped_with_its_mark() {
    let (regime, day) = (china(), date(2026, 11, 23));
    let lines: Vec<String> = ParameterName::ALL
        .iter()
        .map(|name| {
            let row = regime.parameter(*name, day).unwrap();
            format!(
                "{name} = {} {} [{}]",
                row.value.value, row.value.unit, row.provenance.verification
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_typed_rows_say_what_the_collected_rules_say() {
    let rules: toml::Table = toml::from_str(include_str!("../../data/licence-rules.toml")).unwrap();
    let (regime, day) = (china(), date(2026, 11, 23));
    let number = |name| regime.parameter(name, day).unwrap().value.value.to_string();
    let clock = &rules["clock"];
    assert_eq!(
        number(ParameterName::DecisionWorkingDays),
        clock["decision_working_days"].to_string()
    );
    let change = clock["change_decision_working_days"].to_string();
    assert_eq!(number(ParameterName::ChangeDecisionWorkingDays), change);
    let retained = rules["records"]["retain_years_min"].to_string();
    assert_eq!(number(ParameterName::RecordRetentionYears), retained);
    let deadline = rules["flow_record"]["monthly_deadline_day"].to_string();
    assert_eq!(number(ParameterName::FlowRecordDeadlineDay), deadline);
    for kind in [LicenceKind::Single, LicenceKind::General] {
        let rule = &regime.licence_rule(kind, day).unwrap().value;
        let collected =
            rules["licence"][kind.as_str()]["max_validity_months"].as_integer().unwrap();
        assert_eq!(rule.max_validity_months.map(i64::from), Some(collected));
    }
    let documents = |kind| regime.licence_rule(kind, day).unwrap().value.documents.clone();
    let required: Vec<String> = regime
        .document_rules(day)
        .filter(|row| row.value.duty == DocumentDuty::Required && row.value.list.is_none())
        .map(|row| row.value.document.clone())
        .collect();
    for kind in LicenceKind::ALL {
        assert!(documents(*kind).iter().all(|document| required.contains(document)), "{kind}");
    }
    for document in rules["licence"]["general"]["extra_documents"].as_array().unwrap() {
        assert!(documents(LicenceKind::General).contains(&document.as_str().unwrap().to_owned()));
    }
    assert!(ClockStop::ALL.iter().all(|cause| regime.stops_the_clock(*cause, day)));
}

#[rstest]
#[case::no_18_before("2025-18", date(2025, 4, 3), Standing::NotYet { from: date(2025, 4, 4) })]
#[case::no_18_since("2025-18", date(2025, 4, 4), Standing::InForce)]
#[case::no_57_announced("2025-57", date(2025, 11, 6), Standing::NotYet { from: date(2025, 11, 8) })]
#[case::no_62_in_force("2025-62", date(2025, 10, 9), Standing::InForce)]
#[case::no_62_last_day("2025-62", date(2025, 11, 6), Standing::InForce)]
#[case::nothing("1999-1", date(2025, 11, 6), Standing::Ended)]
#[case::after("2025-57", date(2026, 11, 11), Standing::NotKnown { after: "2025-70".into(), ended: date(2026, 11, 10) })]
fn an_announcement_has_the_standing_of_the_day(
    #[case] id: &str,
    #[case] day: Date,
    #[case] standing: Standing,
) {
    assert_eq!(china().standing(id, day), standing);
}

#[test]
fn whether_the_last_day_counts_is_data() {
    let last_day = date(2026, 11, 10);
    let mut rows = china().rows();
    assert!(matches!(china().standing("2025-57", last_day), Standing::Suspended { .. }));
    let suspension = rows.iter_mut().find(|row| row.key == "2025-70").unwrap();
    suspension.content["suspends"]["last_day"] = "excluded".into();
    let other_reading = Regime::from_rows(&rows).unwrap();
    assert!(matches!(other_reading.standing("2025-57", last_day), Standing::NotKnown { .. }));
}

#[test]
fn a_regime_survives_storage_under_the_same_version() {
    let regime = china();
    let stored = serde_json::to_string(&regime).unwrap();
    let loaded: Regime = serde_json::from_str(&stored).unwrap();
    assert_eq!(loaded, regime);
    let mut shuffled = regime.rows();
    shuffled.reverse();
    assert_eq!(Regime::from_rows(&shuffled).unwrap().version(), regime.version());
    assert_eq!(Regime::diff(&regime, &loaded), []);
}

#[test]
fn a_changed_row_changes_the_version_and_shows_in_the_difference() {
    let old = china();
    let mut rows = old.rows();
    let index = rows.iter().position(|row| row.key == "dy_tb_threshold_percent").unwrap();
    rows[index].content["value"] = "0.05".into();
    let gone = rows.iter().position(|row| row.key == "1C904.a.4").unwrap();
    rows.remove(gone);
    let new = Regime::from_rows(&rows).unwrap();
    assert_ne!(old.version(), new.version());
    let changes: Vec<String> = Regime::diff(&old, &new)
        .into_iter()
        .map(|change| match change {
            Change::Added { row } => format!("added {}", row.key),
            Change::Removed { row } => format!("removed {}", row.key),
            Change::Changed { before, after } => {
                format!("{}: {} -> {}", after.key, before.content["value"], after.content["value"])
            }
        })
        .collect();
    assert_eq!(changes, ["dy_tb_threshold_percent: \"0.1\" -> \"0.05\"", "removed 1C904.a.4"]);
}

#[test]
fn a_row_that_does_not_say_what_its_kind_prescribes_is_named() {
    let mut rows = china().rows();
    let index = rows.iter().position(|row| row.key == "1C904.a.4").unwrap();
    rows[index].content["category"] = "moon_dust".into();
    let error = Regime::from_rows(&rows).unwrap_err();
    assert_eq!(error.to_string(), "row control_item \"1C904.a.4\" cannot be read");
}

#[rstest]
#[case::tuesday(date(2026, 11, 24), Certainty::Known(true))]
#[case::saturday(date(2026, 11, 28), Certainty::Known(false))]
#[case::national_day(date(2026, 10, 1), Certainty::Known(false))]
#[case::worked_saturday(date(2026, 10, 10), Certainty::Known(true))]
#[case::not_announced(date(2027, 2, 8), Certainty::Provisional(true))]
fn holidays_and_makeup_days_are_those_announced(
    #[case] day: Date,
    #[case] expected: Certainty<bool>,
) {
    assert_eq!(china().calendar().is_working_day(day), expected);
}

#[rstest]
#[case::over_national_day(date(2026, 9, 30), 3, Certainty::Known(date(2026, 10, 10)))]
#[case::none(date(2026, 11, 23), 0, Certainty::Known(date(2026, 11, 23)))]
#[case::into_the_unknown(date(2026, 12, 30), 2, Certainty::Provisional(date(2027, 1, 1)))]
fn working_days_are_counted_from_the_next_day(
    #[case] from: Date,
    #[case] count: u32,
    #[case] expected: Certainty<Date>,
) {
    let regime = china();
    assert_eq!(regime.calendar().add_working_days(from, count), expected);
    let back = regime.calendar().working_days_between(from, expected.value());
    assert_eq!(back.value(), count);
}

#[test]
fn an_incomplete_list_of_parties_says_how_much_is_missing() {
    let (regime, day) = (china(), date(2026, 11, 23));
    let named: Vec<&str> = regime.listed_parties(day).map(|row| row.value.name.as_str()).collect();
    assert_eq!(named, ["MP Materials", "USA Rare Earth"]);
    assert_eq!(regime.unnamed_parties(PartyList::Control, day), 20 + 7 + 10 + 20 + 14 - 2);
    assert_eq!(regime.unnamed_parties(PartyList::Watch, day), 20);
    assert_eq!(regime.unnamed_parties(PartyList::Watch, date(2026, 2, 23)), 0);
}

#[test]
fn a_magnet_makers_duty_is_shown_as_unverified() {
    let regime = china();
    let duties: Vec<String> = regime
        .filing_duties(date(2026, 11, 23))
        .map(|row| {
            let duty = &row.value;
            let day =
                duty.deadline_day.map_or("no day stated".to_owned(), |day| format!("by day {day}"));
            format!(
                "{}: {}, {day} [{}] {}",
                duty.stage, duty.duty, row.provenance.verification, duty.article
            )
        })
        .collect();
    insta::assert_snapshot!(duties.join("\n"));
}
