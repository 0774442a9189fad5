use super::*;
use crate::{
    case::StateName,
    licence::{ChangeOutcome, LicenceState, SerialNumber, Series},
    regime::{ItemCategory, Regime},
};
use jiff::civil::date;
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TODAY: Date = date(2026, 11, 23);

fn a_complete_draft() -> Value {
    let hash = "a".repeat(64);
    let document =
        |kind: &str| json!({"kind": kind, "name": format!("{kind}.pdf"), "sha256": hash});
    json!({
        "kind": "single",
        "destination": "DE",
        "consignees": [{"name": "Beispiel Motoren GmbH", "country": "DE"}],
        "end_users": [{"name": "Beispiel Motoren GmbH", "country": "DE"}],
        "end_use": {"category": "civil", "description": "traction motors for trains"},
        "valid_from": "2026-12-01",
        "valid_until": "2027-11-30",
        "lines": [{
            "description": "sintered NdFeB magnets 42SH",
            "goods": {"category": "magnet", "composition": {
                "percent": {"Nd": "27", "Fe": "69", "B": "1", "Dy": "3"}, "completeness": "complete"}},
            "control_code": "1C905.a.4",
            "hs_code": "8505111000",
            "quantity_kg": "1000.000"
        }],
        "documents": [
            document("application_form"), document("id_legal_rep_managers_handler"),
            document("contract_or_other_proof"), document("technical_description_or_test_report"),
            document("end_user_end_use_certificate"),
        ],
    })
}

fn judged(change: impl FnOnce(&mut Value)) -> Result<Application, Vec<String>> {
    let mut draft = a_complete_draft();
    change(&mut draft);
    let draft: Draft = serde_json::from_value(draft).unwrap();
    complete(&draft, &HandedIn::default(), &Regime::default_china_2025(), TODAY).map_err(|faults| {
        faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    })
}

#[test]
fn a_complete_draft_becomes_an_application() {
    let application = judged(|_| {}).unwrap();
    assert_eq!(application.lines[0].quantity.to_string(), "1000.000");
    assert_eq!(application.validity.until(), date(2027, 11, 30));
}

#[test]
fn an_empty_draft_is_told_everything_at_once() {
    let faults =
        complete(&Draft::default(), &HandedIn::default(), &Regime::default_china_2025(), TODAY)
            .unwrap_err();
    let lines: Vec<String> = faults
        .into_iter()
        .map(|fault| {
            format!("{} {}: {}", fault.pointer, fault.code, fault.expected.unwrap_or_default())
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[rstest]
#[case::domestic("/destination", json!("CN"), "/destination not_an_export")]
#[case::two_end_users(
    "/end_users",
    json!([{"name": "A", "country": "DE"}, {"name": "B", "country": "DE"}]),
    "/end_users too_many_end_users"
)]
#[case::no_country("/end_users/0/country", json!(null), "/end_users/0/country missing_field")]
#[case::no_name("/consignees/0/name", json!(" "), "/consignees/0/name invalid_name")]
#[case::purpose_unsaid("/end_use/category", json!("not_stated"), "/end_use/category not_stated")]
#[case::purpose_empty("/end_use/description", json!(""), "/end_use/description empty")]
#[case::over("/valid_until", json!("2026-11-22"), "/valid_until in_the_past")]
#[case::backwards("/valid_from", json!("2028-01-01"), "/valid_until invalid_validity")]
#[case::too_long("/valid_until", json!("2027-12-01"), "/valid_until invalid_validity")]
#[case::no_lines("/lines", json!([]), "/lines missing_field")]
#[case::nothing("/lines/0/quantity_kg", json!("0"), "/lines/0/quantity_kg nothing")]
#[case::unknown_code("/lines/0/control_code", json!("9Z999"), "/lines/0/control_code unknown_control_code")]
#[case::no_composition("/lines/0/goods", json!({"category": "magnet"}), "/lines/0/goods/composition missing_field")]
#[case::impossible(
    "/lines/0/goods/composition/percent/Nd", json!("99"),
    "/lines/0/goods/composition invalid_composition"
)]
#[case::no_hash("/documents/0/sha256", json!("abc"), "/documents/0/sha256 invalid_hash")]
#[case::no_certificate("/documents/4/kind", json!("other"), "/documents missing_document")]
fn every_fault_is_named_by_its_field(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] fault: &str,
) {
    let change = |draft: &mut Value| {
        *draft.pointer_mut(pointer).expect("the draft has this field") = value;
    };
    assert_eq!(judged(change).unwrap_err(), [fault]);
}

#[test]
fn a_suspended_item_needs_no_licence() {
    let draft: Draft = serde_json::from_value({
        let mut draft = a_complete_draft();
        draft["lines"][0]["control_code"] = json!("1C909.b");
        draft["valid_until"] = json!("2027-05-30");
        draft
    })
    .unwrap();
    let faults =
        complete(&draft, &HandedIn::default(), &Regime::default_china_2025(), date(2026, 6, 1))
            .unwrap_err();
    assert!(faults.iter().any(|fault| fault.code == "control_code_not_in_force"), "{faults:?}");
}

#[test]
fn a_watch_listed_party_gets_single_licences_only() {
    let mut rows = Regime::default_china_2025().rows();
    let listed = rows.iter_mut().find(|row| row.key == "2026-23.mp-materials").unwrap();
    listed.content["list"] = json!("watch");
    let regime = Regime::from_rows(&rows).unwrap();
    let mut draft: Draft = serde_json::from_value(a_complete_draft()).unwrap();
    draft.end_users[0].name = "mp materials".to_owned();
    // A risk report and an undertaking come with it.
    let faults = complete(&draft, &HandedIn::default(), &regime, TODAY).unwrap_err();
    let missing: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
    assert_eq!(missing, ["missing_document", "missing_document"]);
    let papers = ["risk_report", "undertaking"].map(str::to_owned).into();
    let handed_in = HandedIn { papers, ..HandedIn::default() };
    assert!(complete(&draft, &handed_in, &regime, TODAY).is_ok());
    draft.kind = Some(LicenceKind::General);
    let faults = complete(&draft, &HandedIn::default(), &regime, TODAY).unwrap_err();
    assert!(faults.iter().any(|fault| fault.code == "kind_excluded"), "{faults:?}");
}

#[test]
fn an_oxide_basis_counts_the_oxygen() {
    let stated: StatedComposition =
        serde_json::from_value(json!({"basis": "oxide", "percent": {"Nd": "100"}})).unwrap();
    let assay = stated.assay().unwrap();
    let shares: Vec<String> = assay
        .shares()
        .iter()
        .map(|(symbol, share)| format!("{symbol} {}", share.percent.normalize()))
        .collect();
    assert_eq!(shares, ["O 14.2644", "Nd 85.7356"]);
}

#[test]
fn an_unknown_field_is_refused() {
    let mut draft = a_complete_draft();
    draft["lines"][0]["weight"] = json!("1");
    assert!(serde_json::from_value::<Draft>(draft).is_err());
}

fn a_licence() -> EarlierLicence {
    EarlierLicence {
        kind: LicenceKind::Single,
        state: LicenceState::Issued,
        valid_until: date(2026, 12, 31),
        destination: "DE".parse().unwrap(),
        end_users: BTreeSet::from(["Beispiel Motoren GmbH".to_owned()]),
        end_use: "traction motors for trains".to_owned(),
        control_codes: BTreeSet::from([ControlCode("1C905.a.4".to_owned())]),
    }
}

#[rstest]
#[case::more_time("non_key_change", &[], &[])]
#[case::another_country(
    "non_key_change", &[("/destination", json!("FR"))], &["/destination key_element_changed"]
)]
#[case::another_user(
    "non_key_change", &[("/end_users/0/name", json!("Other GmbH"))],
    &["/end_users key_element_changed"]
)]
#[case::another_use(
    "renewal", &[("/end_use/description", json!("wind turbines"))], &["/end_use key_element_changed"]
)]
#[case::another_item(
    "non_key_change", &[("/lines/0/control_code", json!("1C904.a.4"))],
    &["/lines key_element_changed"]
)]
#[case::key_and_so_it_says("key_change", &[("/destination", json!("FR"))], &[])]
#[case::key_but_nothing_is("key_change", &[], &["/purpose nothing_key_changes"])]
#[case::renewed("renewal", &[], &[])]
#[case::renewed_into_the_past(
    "renewal", &[("/valid_until", json!("2026-12-31"))], &["/valid_until no_renewal"]
)]
#[case::no_reason("non_key_change", &[("/change_reason", json!(" "))], &["/change_reason empty"])]
#[case::other_kind("renewal", &[("/kind", json!("general"))], &[
    "/documents missing_document", "/documents missing_document", "/documents missing_document",
    "/kind other_kind",
])]
fn a_change_is_the_change_it_says_it_is(
    #[case] purpose: &str,
    #[case] changes: &[(&str, Value)],
    #[case] expected: &[&str],
) {
    let mut draft = a_complete_draft();
    draft["purpose"] = json!(purpose);
    draft["earlier_licence"] = json!(a_number());
    draft["change_reason"] = json!("the ship is late");
    for (pointer, value) in changes {
        *draft.pointer_mut(pointer).unwrap() = value.clone();
    }
    let draft: Draft = serde_json::from_value(draft).unwrap();
    let handed_in = HandedIn { earlier: Some(a_licence()), ..HandedIn::default() };
    let regime = Regime::default_china_2025();
    let faults = complete(&draft, &handed_in, &regime, TODAY).err().unwrap_or_default();
    let faults: Vec<String> =
        faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect();
    assert_eq!(faults, expected);
}

fn a_number() -> String {
    SerialNumber::new(Series::Licence, 2026, 123).unwrap().to_string()
}

#[rstest]
#[case::not_mine("renewal", json!(a_number()), "/earlier_licence unknown_licence")]
#[case::not_said("renewal", json!(null), "/earlier_licence missing_field")]
#[case::not_wanted("new_licence", json!(a_number()), "/earlier_licence not_wanted")]
fn an_earlier_licence_is_named_where_one_is_meant(
    #[case] purpose: &str,
    #[case] number: Value,
    #[case] fault: &str,
) {
    let change = |draft: &mut Value| {
        draft["purpose"] = json!(purpose);
        draft["earlier_licence"] = number;
    };
    assert_eq!(judged(change).unwrap_err(), [fault]);
}

#[test]
fn a_licence_that_has_ended_is_not_changed_and_a_revoked_one_not_renewed() {
    let faults = |purpose, state| {
        let purpose: Purpose = serde_json::from_value(json!(purpose)).unwrap();
        let mut draft: Draft = serde_json::from_value(a_complete_draft()).unwrap();
        draft.purpose = purpose;
        if purpose == Purpose::KeyChange {
            draft.destination = Some("FR".parse().unwrap());
        }
        let faults = EarlierLicence { state, ..a_licence() }.faults_of(&draft);
        faults.into_iter().map(|fault| fault.code).collect::<Vec<_>>()
    };
    for state in [LicenceState::Revoked, LicenceState::Surrendered, LicenceState::Superseded] {
        assert_eq!(faults("non_key_change", state), ["licence_ended"]);
        assert_eq!(faults("key_change", state), ["licence_ended"]);
    }
    assert_eq!(faults("renewal", LicenceState::Revoked), ["licence_revoked"]);
    assert!(faults("renewal", LicenceState::Surrendered).is_empty());
}

#[test]
fn a_voucher_is_for_one_of_its_cases() {
    let voucher = |draft: &mut Value| draft["kind"] = json!("registration_voucher");
    assert_eq!(judged(voucher).unwrap_err(), ["/voucher_case missing_field"]);
    let whole = |draft: &mut Value| {
        voucher(draft);
        draft["voucher_case"] = json!("outbound_repair_returned");
    };
    assert!(judged(whole).is_ok());
    let single = |draft: &mut Value| draft["voucher_case"] = json!("other");
    assert_eq!(judged(single).unwrap_err(), ["/voucher_case not_wanted"]);
}

#[test]
fn lots_are_cited_once_and_within_the_line() {
    let lot = "0198f2c0-0000-7000-8000-000000000001";
    let cites = |kilograms: &[&str]| {
        let lots: Vec<Value> =
            kilograms.iter().map(|kg| json!({"lot": lot, "quantity_kg": kg})).collect();
        judged(move |draft| draft["lines"][0]["lots"] = json!(lots))
    };
    assert!(cites(&["1000"]).is_ok());
    assert_eq!(cites(&["1000.001"]).unwrap_err(), ["/lines/0/lots more_than_the_line"]);
    assert_eq!(cites(&["1", "2"]).unwrap_err(), ["/lines/0/lots cited_twice"]);
}

#[test]
fn the_list_of_papers_follows_kind_goods_and_parties() {
    let regime = Regime::default_china_2025();
    let listed = |change: &dyn Fn(&mut Draft)| {
        let mut draft: Draft = serde_json::from_value(a_complete_draft()).unwrap();
        change(&mut draft);
        let papers = papers(&draft, &regime, TODAY);
        papers.iter().map(|paper| format!("{} {}", paper.duty, paper.document)).collect::<Vec<_>>()
    };
    insta::assert_json_snapshot!(serde_json::json!({
        "single magnets": listed(&|_| {}),
        "single oxide": listed(&|draft| {
            draft.lines[0].goods.as_mut().unwrap().category = ItemCategory::Oxide;
        }),
        "general": listed(&|draft| draft.kind = Some(LicenceKind::General)),
        "voucher": listed(&|draft| draft.kind = Some(LicenceKind::RegistrationVoucher)),
        "nothing said": listed(&|draft| *draft = Draft::default()),
    }));
}

#[test]
fn an_end_user_may_answer_for_the_certificate_and_nothing_else() {
    let mut draft: Draft = serde_json::from_value(a_complete_draft()).unwrap();
    draft.documents.clear();
    let handed_in = HandedIn { sealed: true, ..HandedIn::default() };
    let faults = complete(&draft, &handed_in, &Regime::default_china_2025(), TODAY).unwrap_err();
    assert_eq!(faults.len(), 4);
    assert!(faults.iter().all(|fault| !fault.detail.contains("end_user")), "{faults:?}");
}

#[rstest]
#[case(Purpose::NonKeyChange, StateName::Submitted, Some(EarlierEffect::Pauses))]
#[case(Purpose::NonKeyChange, StateName::Accepted, None)]
#[case(Purpose::NonKeyChange, StateName::Countersign, None)]
#[case(
    Purpose::NonKeyChange,
    StateName::Returned,
    Some(EarlierEffect::Resumes(ChangeOutcome::Withdrawn))
)]
#[case(
    Purpose::NonKeyChange,
    StateName::Withdrawn,
    Some(EarlierEffect::Resumes(ChangeOutcome::Withdrawn))
)]
#[case(
    Purpose::NonKeyChange,
    StateName::Refused,
    Some(EarlierEffect::Resumes(ChangeOutcome::Refused))
)]
#[case(Purpose::NonKeyChange, StateName::UnderReconsideration, Some(EarlierEffect::Pauses))]
#[case(Purpose::NonKeyChange, StateName::Approved, Some(EarlierEffect::IsSuperseded))]
#[case(Purpose::KeyChange, StateName::Submitted, None)]
#[case(Purpose::KeyChange, StateName::Approved, Some(EarlierEffect::IsSuperseded))]
#[case(Purpose::Renewal, StateName::Approved, None)]
#[case(Purpose::NewLicence, StateName::Approved, None)]
fn an_application_does_to_the_earlier_licence_what_its_purpose_says(
    #[case] purpose: Purpose,
    #[case] state: StateName,
    #[case] effect: Option<EarlierEffect>,
) {
    assert_eq!(purpose.effect(state), effect);
}
