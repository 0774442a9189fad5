use super::*;
use crate::{
    ids::{CaseId, LicenceId, OrganisationId},
    regime::{ControlCode, HowMany, LicenceKind, Regime},
};
use jiff::civil::date;
use rstest::rstest;
use std::fmt::Write;
use uuid::Uuid;

const TODAY: Date = date(2026, 11, 23);

fn content() -> LicenceContent {
    LicenceContent {
        content_version: CONTENT_VERSION,
        licence: LicenceId::from_uuid(Uuid::from_u128(1)),
        number: SerialNumber::new(Series::Licence, 2026, 123).unwrap(),
        case: CaseId::from_uuid(Uuid::from_u128(2)),
        kind: LicenceKind::Single,
        holder: Holder {
            organisation: OrganisationId::from_uuid(Uuid::from_u128(3)),
            identifier: "91150000701463622D".to_owned(),
            name_zh: "示范磁材".to_owned(),
            name_en: "Demonstration Magnets".to_owned(),
        },
        issued_on: date(2026, 6, 1),
        validity: Validity::new(date(2026, 6, 1), date(2027, 5, 31)).unwrap(),
        destination: "DE".parse().unwrap(),
        consignees: vec!["Beispiel Motoren GmbH".to_owned()],
        end_users: vec!["Beispiel Motoren GmbH".to_owned()],
        end_use: "traction motors".to_owned(),
        lines: vec![LicenceLine {
            line: 1,
            control_code: ControlCode("1C905.a.4".to_owned()),
            description: "NdFeB magnets, 3 % Dy".to_owned(),
            hs_code: Some("8505111000".parse().unwrap()),
            licensed_grams: 1_000_000,
        }],
        conditions: Vec::new(),
        regime_version: Regime::default_china_2025().version().clone(),
    }
}

fn declared(mass: &str) -> Declaration {
    Declaration {
        number: "D-1".to_owned(),
        control_code: ControlCode("1C905.a.4".to_owned()),
        hs_code: Some("850511".parse().unwrap()),
        destination: "DE".parse().unwrap(),
        consignee: "beispiel  motoren gmbh".to_owned(),
        end_user: None,
        port: None,
        documents: Vec::new(),
        mass: mass.parse().unwrap(),
    }
}

fn judged(
    change: impl Fn(&mut LicenceView<'_>),
    declaration: &Declaration,
    today: Date,
) -> Result<(), &'static str> {
    let content = content();
    let line = &content.lines[0];
    let mut view = LicenceView {
        state: LicenceState::Issued,
        pending_change: None,
        validity: content.validity,
        shipments: HowMany::One,
        shipped: Shipped::NotYet,
        content: &content,
        line: line.line,
        control_code: &line.control_code,
        hs_code: line.hs_code.as_ref(),
        balance: Balance {
            licensed_grams: line.licensed_grams,
            reserved_grams: 100_000,
            confirmed_grams: 200_000,
        },
        earlier: &[],
    };
    change(&mut view);
    judge_reservation(&view, declaration, today).map_err(|refusal| refusal.code())
}

#[rstest]
#[case::some("1", Ok(()))]
#[case::all_that_is_left("700", Ok(()))]
#[case::a_gram_more("700.001", Err("licence_balance"))]
#[case::nothing("0", Err("licence_nothing_declared"))]
fn a_reservation_ends_where_the_balance_ends(
    #[case] mass: &str,
    #[case] answer: Result<(), &'static str>,
) {
    assert_eq!(judged(|_| {}, &declared(mass), TODAY), answer);
}

#[rstest]
#[case(LicenceState::Suspended)]
#[case(LicenceState::Revoked)]
#[case(LicenceState::Surrendered)]
#[case(LicenceState::Superseded)]
fn only_an_issued_licence_is_used(#[case] state: LicenceState) {
    assert_eq!(judged(|view| view.state = state, &declared("1"), TODAY), Err("licence_state"));
    let confirmed = judge_confirmation(
        state,
        None,
        HowMany::Several,
        Shipped::NotYet,
        ReservationState::Reserved,
    );
    assert_eq!(confirmed, Err(Refusal::State(state)));
}

#[rstest]
#[case::the_day_before(date(2026, 5, 31), Err("licence_validity"))]
#[case::the_first_day(date(2026, 6, 1), Ok(()))]
#[case::the_last_day(date(2027, 5, 31), Ok(()))]
#[case::the_day_after(date(2027, 6, 1), Err("licence_validity"))]
fn both_ends_of_the_validity_count(#[case] day: Date, #[case] answer: Result<(), &'static str>) {
    assert_eq!(judged(|_| {}, &declared("1"), day), answer);
}

#[test]
fn a_declaration_must_be_of_the_licensed_goods_to_the_licensed_place() {
    let elsewhere = Declaration { destination: "FR".parse().unwrap(), ..declared("1") };
    assert_eq!(judged(|_| {}, &elsewhere, TODAY), Err("licence_destination"));
    let somebody_else = Declaration { consignee: "Other GmbH".to_owned(), ..declared("1") };
    assert_eq!(judged(|_| {}, &somebody_else, TODAY), Err("licence_consignee"));
    let other_goods =
        Declaration { control_code: ControlCode("1C904.a.4".into()), ..declared("1") };
    assert_eq!(judged(|_| {}, &other_goods, TODAY), Err("licence_goods"));
    let other_tariff = Declaration { hs_code: Some("850519".parse().unwrap()), ..declared("1") };
    assert_eq!(judged(|_| {}, &other_tariff, TODAY), Err("licence_goods"));
}

#[test]
fn a_condition_that_does_not_hold_is_named() {
    let mut content = content();
    let author = OrganisationId::from_uuid(Uuid::nil());
    let ports = ["2248".parse().unwrap()].into();
    content.conditions = vec![
        Condition {
            number: 1,
            author,
            line: None,
            requirement: Requirement::NotAfter { day: date(2027, 1, 1) },
        },
        Condition {
            number: 2,
            author,
            line: Some(1),
            requirement: Requirement::PortsOnly { ports },
        },
    ];
    let judged =
        judged(|view| view.content = Box::leak(Box::new(content.clone())), &declared("1"), TODAY);
    assert_eq!(judged, Err("licence_condition"));
    let bytes = content.signed_bytes().unwrap();
    assert_eq!(serde_json::from_slice::<LicenceContent>(&bytes).unwrap(), content);
    let text = String::from_utf8(bytes).unwrap();
    let conditions = text.split("\"conditions\":").nth(1).unwrap().split(",\"consignees\"").next();
    insta::assert_snapshot!(conditions.unwrap());
}

#[test]
fn the_first_shipment_ends_a_single_licence_and_no_other() {
    let shipped = |shipments| {
        move |view: &mut LicenceView<'_>| {
            view.shipped = Shipped::Already;
            view.shipments = shipments;
        }
    };
    assert_eq!(
        judged(shipped(HowMany::One), &declared("1"), TODAY),
        Err("licence_already_shipped")
    );
    assert_eq!(judged(shipped(HowMany::Several), &declared("1"), TODAY), Ok(()));
}

#[test]
fn a_second_shipment_does_not_leave_under_a_single_licence() {
    let confirm = |shipments| {
        judge_confirmation(
            LicenceState::Issued,
            None,
            shipments,
            Shipped::Already,
            ReservationState::Reserved,
        )
    };
    assert_eq!(confirm(HowMany::One), Err(Refusal::AlreadyShipped));
    assert_eq!(confirm(HowMany::Several), Ok(()));
}

#[test]
fn a_pending_change_suspends_use_and_nothing_else() {
    let case = CaseId::from_uuid(Uuid::from_u128(9));
    let pending = |view: &mut LicenceView<'_>| view.pending_change = Some(case);
    assert_eq!(judged(pending, &declared("1"), TODAY), Err("licence_change_pending"));
    let reserved = ReservationState::Reserved;
    let confirmed =
        |state| judge_confirmation(state, Some(case), HowMany::Several, Shipped::NotYet, reserved);
    assert_eq!(confirmed(LicenceState::Issued), Err(Refusal::ChangePending { case }));
    let revoked = LicenceState::Revoked;
    assert_eq!(confirmed(revoked), Err(Refusal::State(revoked)), "the graver reason is named");
    let worth = |state| standing(state, content().validity, false, Some(case), TODAY);
    assert_eq!(worth(LicenceState::Issued), Standing::Suspended);
    assert_eq!(worth(LicenceState::Revoked), Standing::Revoked);
}

#[test]
fn an_amendment_is_judged_as_of_the_day_of_the_reservation() {
    let content = content();
    let line = &content.lines[0];
    let view = LicenceView {
        state: LicenceState::Issued,
        pending_change: None,
        validity: content.validity,
        shipments: HowMany::Several,
        shipped: Shipped::NotYet,
        content: &content,
        line: line.line,
        control_code: &line.control_code,
        hs_code: line.hs_code.as_ref(),
        balance: Balance { licensed_grams: 1_000_000, reserved_grams: 0, confirmed_grams: 0 },
        earlier: &[],
    };
    let amended = |state, mass, day| {
        judge_amendment(&view, state, &declared(mass), day).map_err(|refusal| refusal.code())
    };
    assert_eq!(amended(ReservationState::Reserved, "1000", date(2027, 5, 31)), Ok(()));
    assert_eq!(amended(ReservationState::Reserved, "1000.001", TODAY), Err("licence_balance"));
    assert_eq!(
        amended(ReservationState::Confirmed, "1", TODAY),
        Err("reservation_already_settled")
    );
}

#[test]
fn the_transition_table() {
    let mut table = String::new();
    for state in LicenceState::ALL {
        for action in LicenceAction::ALL {
            let outcome = match state.take(*action) {
                Ok(step) => format!("{} by {}", step.to, step.by),
                Err(_) => "not possible".to_owned(),
            };
            writeln!(table, "{state} + {action} -> {outcome}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[rstest]
#[case::usable(LicenceState::Issued, false, TODAY, Standing::Issued)]
#[case::used_up(LicenceState::Issued, true, TODAY, Standing::Exhausted)]
#[case::over(LicenceState::Issued, true, date(2027, 6, 1), Standing::Expired)]
#[case::suspended_and_over(LicenceState::Suspended, false, date(2027, 6, 1), Standing::Expired)]
#[case::to_come(LicenceState::Issued, false, date(2026, 5, 1), Standing::NotYetValid)]
#[case::revoked(LicenceState::Revoked, false, date(2027, 6, 1), Standing::Revoked)]
fn exhausted_and_expired_are_derived(
    #[case] state: LicenceState,
    #[case] exhausted: bool,
    #[case] day: Date,
    #[case] expected: Standing,
) {
    assert_eq!(standing(state, content().validity, exhausted, None, day), expected);
}

#[rstest]
#[case::a_year(LicenceKind::Single, date(2027, 11, 22), None)]
#[case::a_day_more(LicenceKind::Single, date(2027, 11, 23), Some(12))]
#[case::three_years(LicenceKind::General, date(2029, 11, 22), None)]
#[case::a_day_more(LicenceKind::General, date(2029, 11, 23), Some(36))]
#[case::no_limit_known(LicenceKind::RegistrationVoucher, date(2035, 1, 1), None)]
fn a_licence_is_valid_no_longer_than_its_kind_allows(
    #[case] kind: LicenceKind,
    #[case] until: Date,
    #[case] exceeded: Option<u16>,
) {
    let regime = Regime::default_china_2025();
    let rule = &regime.licence_rule(kind, TODAY).unwrap().value;
    let found = match Validity::within(rule, TODAY, until) {
        Ok(_) => None,
        Err(InvalidValidity::TooLong { months, .. }) => Some(months),
        Err(InvalidValidity::EndsBeforeItBegins) => panic!("the days are in order"),
    };
    assert_eq!(found, exceeded);
}

#[test]
fn the_signed_bytes_are_canonical_and_read_back() {
    let content = content();
    let bytes = content.signed_bytes().unwrap();
    assert_eq!(serde_json::from_slice::<LicenceContent>(&bytes).unwrap(), content);
    assert_eq!(content.signed_bytes().unwrap(), bytes);
    let text = String::from_utf8(bytes).unwrap();
    insta::assert_snapshot!(text.replace(content.regime_version.as_str(), "(version)"));
}

#[test]
fn a_settled_reservation_is_not_settled_again() {
    for state in [ReservationState::Confirmed, ReservationState::Released] {
        assert_eq!(judge_settlement(state), Err(Refusal::AlreadySettled(state)));
    }
}
