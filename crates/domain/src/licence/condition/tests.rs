use super::*;
use jiff::civil::date;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

const TODAY: Date = date(2026, 11, 23);

fn condition(line: Option<u16>, requirement: Value) -> Condition {
    let requirement = serde_json::from_value(requirement).expect("a requirement");
    Condition { number: 1, author: OrganisationId::from_uuid(Uuid::nil()), line, requirement }
}

fn earlier(declaration: &str, line: u16, grams: u64, day: Date) -> EarlierUse {
    EarlierUse { declaration: declaration.to_owned(), line, grams, day }
}

/// 200 kg on line 1 under the declaration D-2; of D-1 300 kg left on line 1 a week ago, of D-2
/// 100 kg are declared on line 2.
fn holds(condition: &Condition) -> bool {
    let port: PortCode = "2248".parse().unwrap();
    let documents = [CustomsDocument { kind: "end_use_statement".into(), reference: "7".into() }];
    let declared = DeclaredUse {
        declaration: "D-2",
        line: 1,
        grams: 200_000,
        consignee: "Beispiel Motoren GmbH",
        end_user: Some("Bahn AG"),
        port: Some(&port),
        documents: &documents,
        day: TODAY,
    };
    let before =
        [earlier("D-1", 1, 300_000, date(2026, 11, 16)), earlier("D-2", 2, 100_000, TODAY)];
    broken(std::slice::from_ref(condition), &declared, &before).is_none()
}

#[rstest]
#[case::the_lines_of_a_declaration_are_one_shipment(None, json!({"kind": "shipment_at_most", "quantity_kg": "299.999"}), false)]
#[case::up_to_the_last_gram(None, json!({"kind": "shipment_at_most", "quantity_kg": "300"}), true)]
#[case::of_one_line_only_that_line(Some(1), json!({"kind": "shipment_at_most", "quantity_kg": "200"}), true)]
#[case::another_line_is_not_concerned(Some(2), json!({"kind": "shipment_at_most", "quantity_kg": "0.001"}), true)]
#[case::named(None, json!({"kind": "consignees_only", "names": ["beispiel  motoren GMBH"]}), true)]
#[case::not_named(None, json!({"kind": "consignees_only", "names": ["Other GmbH"]}), false)]
#[case::the_end_user(None, json!({"kind": "end_users_only", "names": ["Bahn AG"]}), true)]
#[case::another_end_user(None, json!({"kind": "end_users_only", "names": ["Flug AG"]}), false)]
#[case::this_port(None, json!({"kind": "ports_only", "ports": ["2248", "0101"]}), true)]
#[case::another_port(None, json!({"kind": "ports_only", "ports": ["0101"]}), false)]
#[case::on_the_first_day(None, json!({"kind": "not_before", "day": "2026-11-23"}), true)]
#[case::too_early(None, json!({"kind": "not_before", "day": "2026-11-24"}), false)]
#[case::on_the_last_day(None, json!({"kind": "not_after", "day": "2026-11-23"}), true)]
#[case::too_late(None, json!({"kind": "not_after", "day": "2026-11-22"}), false)]
#[case::the_second_of_two(None, json!({"kind": "shipments_at_most", "shipments": 2}), true)]
#[case::the_second_of_one(None, json!({"kind": "shipments_at_most", "shipments": 1}), false)]
#[case::a_week_later(None, json!({"kind": "days_between_shipments", "days": 7}), true)]
#[case::a_day_too_soon(None, json!({"kind": "days_between_shipments", "days": 8}), false)]
#[case::shown(None, json!({"kind": "document_required", "document": "end_use_statement"}), true)]
#[case::not_shown(None, json!({"kind": "document_required", "document": "delivery_verification"}), false)]
fn a_condition_holds_or_does_not(
    #[case] line: Option<u16>,
    #[case] requirement: Value,
    #[case] expected: bool,
) {
    let condition = condition(line, requirement.clone());
    assert_eq!(holds(&condition), expected);
    assert_eq!(serde_json::to_value(&condition.requirement).unwrap()["kind"], requirement["kind"]);
}

#[test]
fn what_must_be_declared_and_is_not_breaks_the_condition() {
    let declared = DeclaredUse {
        declaration: "D-1",
        line: 1,
        grams: 1,
        consignee: "Beispiel Motoren GmbH",
        end_user: None,
        port: None,
        documents: &[CustomsDocument { kind: "end_use_statement".into(), reference: " ".into() }],
        day: TODAY,
    };
    for requirement in [
        json!({"kind": "end_users_only", "names": ["Bahn AG"]}),
        json!({"kind": "ports_only", "ports": ["2248"]}),
        json!({"kind": "document_required", "document": "end_use_statement"}),
    ] {
        let condition = condition(None, requirement);
        assert_eq!(broken(std::slice::from_ref(&condition), &declared, &[]), Some(&condition));
    }
}

#[test]
fn what_conditions_say() {
    let conditions = [
        json!({"kind": "shipment_at_most", "quantity_kg": "250"}),
        json!({"kind": "consignees_only", "names": ["Beispiel Motoren GmbH", "Other GmbH"]}),
        json!({"kind": "end_users_only", "names": ["Bahn AG"]}),
        json!({"kind": "ports_only", "ports": ["2248", "0101"]}),
        json!({"kind": "not_before", "day": "2026-12-01"}),
        json!({"kind": "not_after", "day": "2027-05-31"}),
        json!({"kind": "shipments_at_most", "shipments": 3}),
        json!({"kind": "days_between_shipments", "days": 30}),
        json!({"kind": "document_required", "document": "delivery_verification"}),
    ];
    let said: Vec<String> = conditions
        .into_iter()
        .map(|requirement| {
            let sentence = condition(Some(2), requirement.clone()).sentence();
            format!("{requirement}\n  {}\n  {}", sentence.zh, sentence.en)
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[rstest]
#[case(json!({"kind": "shipment_at_most", "quantity_kg": "0"}), "/r/quantity_kg")]
#[case(json!({"kind": "consignees_only", "names": []}), "/r/names")]
#[case(json!({"kind": "end_users_only", "names": [" "]}), "/r/names")]
#[case(json!({"kind": "ports_only", "ports": []}), "/r/ports")]
#[case(json!({"kind": "shipments_at_most", "shipments": 0}), "/r/shipments")]
#[case(json!({"kind": "days_between_shipments", "days": 0}), "/r/days")]
#[case(json!({"kind": "document_required", "document": ""}), "/r/document")]
fn what_could_never_hold_is_no_condition(#[case] requirement: Value, #[case] pointer: &str) {
    let faults = condition(None, requirement).requirement.faults("/r");
    assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), [pointer]);
}

proptest! {
    /// Whatever a licence demands, what it allows stays within it: each declaration that no
    /// condition stops is counted, and then the sums are what the conditions say.
    #[test]
    fn shipments_that_were_allowed_keep_the_conditions_together(
        tries in proptest::collection::vec((0_u8..6, 1_u16..3, 1_u64..400, 0_i8..28), 0..40),
        most in 1_u64..500, shipments in 1_u16..6, days in 1_u16..9,
    ) {
        let conditions = [
            condition(None, json!({"kind": "shipment_at_most", "quantity_kg": format!("{most}")})),
            condition(None, json!({"kind": "shipments_at_most", "shipments": shipments})),
            condition(Some(1), json!({"kind": "days_between_shipments", "days": days})),
        ];
        let mut allowed: Vec<EarlierUse> = Vec::new();
        for (declaration, line, kilograms, day) in tries {
            let declaration = format!("D-{declaration}");
            let day = date(2026, 11, day + 1);
            let declared = DeclaredUse {
                declaration: &declaration, line, grams: kilograms * 1_000, consignee: "",
                end_user: None, port: None, documents: &[], day,
            };
            if broken(&conditions, &declared, &allowed).is_none() {
                allowed.push(earlier(&declaration, line, kilograms * 1_000, day));
            }
        }
        let declarations: BTreeSet<&str> =
            allowed.iter().map(|use_| use_.declaration.as_str()).collect();
        prop_assert!(declarations.len() <= usize::from(shipments));
        for declaration in &declarations {
            let grams: u64 = allowed.iter()
                .filter(|use_| use_.declaration == *declaration).map(|use_| use_.grams).sum();
            prop_assert!(grams <= most * 1_000);
        }
        for one in allowed.iter().filter(|use_| use_.line == 1) {
            for other in allowed.iter().filter(|use_| use_.line == 1) {
                let apart = days_between(one.day, other.day);
                prop_assert!(one.declaration == other.declaration || i32::from(days) <= apart);
            }
        }
    }
}
