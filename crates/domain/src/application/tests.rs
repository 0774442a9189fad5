use super::*;
use crate::regime::Regime;
use jiff::civil::date;
use rstest::rstest;
use serde_json::{Value, json};

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
    complete(&draft, &Regime::default_china_2025(), TODAY).map_err(|faults| {
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
    let faults = complete(&Draft::default(), &Regime::default_china_2025(), TODAY).unwrap_err();
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
    let faults = complete(&draft, &Regime::default_china_2025(), date(2026, 6, 1)).unwrap_err();
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
    assert!(complete(&draft, &regime, TODAY).is_ok());
    draft.kind = Some(LicenceKind::General);
    let faults = complete(&draft, &regime, TODAY).unwrap_err();
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
