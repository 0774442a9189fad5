//! What is refused, and with which words; everything else is accepted, whatever it says.

use super::{
    check::{Filer, Found, check, needs},
    form::FilingForm,
};
use database::filing_context::{IncomingMovement, LotClaim, Product};
use domain::{
    codes::{Category, Channel},
    composition::Composition,
    element::Element,
    filing::{Claim, Filing},
    ids::{FilingId, LotId, MovementId, OrganisationId, PersonId, ProductId, SiteId},
    mass::ElementMasses,
    movement::MovementReference,
    posting::postings,
    violation::Violation,
};
use rust_decimal::dec;
use serde_json::{Value, json};
use std::fmt::Write;
use uuid::Uuid;

fn filer() -> Filer {
    Filer {
        id: FilingId::from_uuid(Uuid::from_u128(1)),
        organisation: OrganisationId::from_uuid(Uuid::from_u128(2)),
        person: PersonId::from_uuid(Uuid::from_u128(3)),
        channel: Channel::Api,
        recorded_at: "2026-11-05T04:00:00Z".parse().unwrap(),
    }
}

/// One site, one product, one lot of 1,000 kg, one movement of it.
fn found() -> Found {
    let composition =
        Composition::of_elements([(Element::Nd, dec!(29)), (Element::Dy, dec!(1.5))]).unwrap();
    let quantity = "1000".parse().unwrap();
    let product = Product {
        id: ProductId::from_uuid(Uuid::from_u128(4)),
        category: Category::Magnet,
        hs_code: "8505111000".parse().unwrap(),
        grade: Some("N35".to_owned()),
        composition: composition.clone(),
    };
    let lot = LotClaim {
        id: LotId::of(filer().organisation, "L1"),
        category: Category::Magnet,
        hs_code: None,
        grade: None,
        quantity,
        elements: ElementMasses::in_mass(quantity, &composition),
    };
    Found {
        site: Some(SiteId::from_uuid(Uuid::from_u128(5))),
        products: [("P1".to_owned(), product)].into(),
        lots: [(lot.id, lot.clone())].into(),
        movement: Some(IncomingMovement {
            id: MovementId::from_uuid(Uuid::from_u128(7)),
            lots: vec![lot],
            used_by: None,
        }),
        ..Found::default()
    }
}

fn dispatch() -> Value {
    json!({
        "kind": "dispatch", "reference": "D1", "site": "S1",
        "happened_at": "2026-11-03T09:30:00+08:00",
        "client": { "name": "华为", "identifier": "914403001922038216", "country": "CN" },
        "lines": [{ "lot": "L1", "quantity_kg": "250.5",
            "unit_price": { "amount": "412.50", "currency": "CNY" } }],
    })
}

fn separation() -> Value {
    json!({
        "kind": "transformation", "reference": "T1", "site": "S1", "process": "separation",
        "happened_at": "2026-11-03T09:30:00+08:00",
        "inputs": [{ "lot": "L1", "quantity_kg": "1000" }],
        "outputs": [{ "lot": "L2", "product": "P1", "quantity_kg": "900" }],
        "losses": [{ "quantity_kg": "50" }],
    })
}

fn judge(form: Value) -> Result<Filing, Vec<Violation>> {
    let form: FilingForm = serde_json::from_value(form).unwrap();
    check(&form, &found(), filer())
}

/// The form with the member at the pointer set to something else, or taken away.
fn with(mut form: Value, pointer: &str, value: Value) -> Value {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = form.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[member.parse::<usize>().unwrap()] = value,
        _ if value.is_null() => drop(parent.as_object_mut().unwrap().remove(member)),
        _ => parent[member] = value,
    }
    form
}

#[test]
fn a_dispatch_takes_its_elements_from_the_lot() {
    let filing = judge(dispatch()).unwrap();
    let line = &filing.lines[0];
    assert_eq!(line.quantity.to_string(), "250.500");
    assert_eq!(line.elements.get(Element::Nd), 72_645_000);
    assert_eq!(line.elements.get(Element::Dy), 3_757_500);
    assert!(matches!(filing.claim, Claim::Dispatch { movement: None, .. }));
}

#[test]
fn a_reference_is_good_for_one_receipt_and_its_corrections() {
    let reference = MovementReference::of_number(42).to_string();
    let mut found = found();
    found.movement.as_mut().unwrap().used_by = Some("R1".to_owned());
    let receipt = |own: &str, movement: &str| {
        json!({
            "kind": "receipt", "reference": own, "site": "S1", "happened_at": "2026-11-03T09:30:00+08:00",
            "movement": movement, "outcome": "satisfactory", "lines": [{ "lot": "L1", "quantity_kg": "1" }],
        })
    };
    let judged = |form: Value| {
        let form = serde_json::from_value(form).unwrap();
        check(&form, &found, filer())
            .map_err(|faults| format!("{} {}", faults[0].code, faults[0].detail))
    };
    let used = "reference_used this reference is already used by your receipt \"R1\"";
    assert_eq!(judged(receipt("R2", &reference)).unwrap_err(), used);
    assert!(judged(receipt("R1", &reference)).is_ok());
    // A second lorry with more of it: the claim is recorded.
    assert!(judged(receipt("R2", &Uuid::from_u128(7).to_string())).is_ok());
    let mistyped = judged(receipt("R3", &reference.replacen('0', "1", 1))).unwrap_err();
    assert!(mistyped.starts_with("invalid_movement the check character is"), "{mistyped}");
}

#[test]
fn a_dispatch_to_a_filer_starts_a_movement_that_the_reference_names() {
    let form: FilingForm = serde_json::from_value(dispatch()).unwrap();
    let buyer = OrganisationId::from_uuid(Uuid::from_u128(9));
    let found = Found { client: Some(buyer), ..found() };
    let filing = check(&form, &found, filer()).unwrap();
    let expected = MovementId::of(filer().organisation, "D1");
    let Claim::Dispatch { movement, client, .. } = filing.claim else { panic!() };
    assert_eq!((movement, client.organisation), (Some(expected), Some(buyer)));
}

#[test]
fn a_transformation_that_does_not_add_up_is_recorded_and_closes_all_the_same() {
    let filing = judge(separation()).unwrap();
    let mut gross = 0;
    let mut elements = ElementMasses::ZERO;
    for posting in postings(&filing) {
        let process = domain::posting::Account::of_filing(filing.id);
        if posting.to == process {
            gross += posting.gross_grams;
            elements = elements.plus(&posting.elements);
        } else if posting.from == process {
            gross -= posting.gross_grams;
            elements = elements.minus(&posting.elements);
        }
    }
    assert_eq!((gross, elements), (0, ElementMasses::ZERO));
}

#[test]
fn what_must_be_looked_up_is_found_in_the_form() {
    let form: FilingForm = serde_json::from_value(separation()).unwrap();
    let needs = needs(&form, filer().organisation);
    assert_eq!(needs.products.into_iter().collect::<Vec<_>>(), ["P1"]);
    assert_eq!(needs.lots.len(), 2);
}

#[test]
fn every_fault_is_named_with_its_place_and_what_would_be_right() {
    let cases = [
        with(dispatch(), "/reference", json!("")),
        with(dispatch(), "/reference", json!("a\u{7}b")),
        with(dispatch(), "/happened_at", Value::Null),
        with(dispatch(), "/happened_at", json!("2026-12-01T00:00:00Z")),
        with(dispatch(), "/happened_at", json!("1999-12-01T00:00:00Z")),
        with(dispatch(), "/client", Value::Null),
        with(dispatch(), "/client/identifier", json!("914403001922038217")),
        with(dispatch(), "/client/identifier", Value::Null),
        with(dispatch(), "/client/country", json!("XX")),
        with(
            with(dispatch(), "/client/country", json!("DE")),
            "/client/identifier",
            json!("213800KUD8LXJWSQ9D15"),
        ),
        with(dispatch(), "/process", json!("separation")),
        with(dispatch(), "/lines", json!([])),
        with(dispatch(), "/lines/0/lot", json!("unknown")),
        with(dispatch(), "/lines/0/lot", Value::Null),
        with(dispatch(), "/lines/0/product", json!("P1")),
        with(dispatch(), "/lines/0/quantity_kg", json!("0")),
        with(dispatch(), "/lines/0/quantity_kg", json!("-5")),
        with(dispatch(), "/lines/0/quantity_kg", json!("1,000")),
        with(dispatch(), "/lines/0/quantity_kg", json!("1.0001")),
        with(dispatch(), "/lines/0/quantity_kg", json!("999999999")),
        with(dispatch(), "/lines/0/refused_kg", json!("1")),
        with(dispatch(), "/lines/0/unit_price/amount", json!("-1")),
        with(dispatch(), "/lines/0/unit_price/currency", json!("RMB")),
        with(dispatch(), "/lines/0/composition", json!({ "percent": { "Nd": "101" } })),
        with(dispatch(), "/correction", json!({ "version": 2, "reason": "typing error" })),
        with(separation(), "/outputs/0/lot", json!("L1")),
        with(separation(), "/outputs/0/product", json!("P9")),
        with(separation(), "/outputs/0/lot", json!("018f0000-0000-7000-8000-000000000000")),
        json!({ "kind": "monthly_return", "reference": "R", "site": "S1", "month": "2026-12", "nil": true }),
        json!({ "kind": "receipt", "reference": "R", "site": "S1", "happened_at": "2026-11-03T09:30:00+08:00",
            "lines": [{ "lot": "L9", "product": "P1", "quantity_kg": "1" }] }),
        json!({ "kind": "receipt", "reference": "R", "site": "S1", "happened_at": "2026-11-03T09:30:00+08:00",
            "movement": Uuid::from_u128(7), "outcome": "refused", "lines": [{ "lot": "L1", "quantity_kg": "1" }] }),
    ];
    let mut table = String::new();
    for case in cases {
        let violations = judge(case).expect_err("the case is a fault");
        for Violation { pointer, code, detail, expected } in violations {
            let expected = expected.unwrap_or_default();
            writeln!(table, "{pointer}: {code}: {detail} [{expected}]").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
