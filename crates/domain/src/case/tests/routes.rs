//! Rules that route: the first that fits, and what is wrong with rules.

use super::*;
use crate::{application::Draft, regime::LicenceKind};
use serde_json::{Value, json};

fn rules(rules: &Value) -> RoutingRules {
    serde_json::from_value(json!({"rules": rules, "otherwise": "rest"})).unwrap()
}

fn facts(risk: RiskGrade, repeat: Repeat) -> RoutingFacts {
    let draft: Draft = serde_json::from_value(json!({
        "kind": "single", "destination": "DE",
        "end_use": {"category": "civil", "description": "trains"},
        "lines": [{"control_code": "1C905.a.4", "quantity_kg": "600"},
            {"control_code": "1C902.a.4", "quantity_kg": "400"}],
    }))
    .unwrap();
    RoutingFacts { draft, risk, repeat }
}

#[rstest]
#[case::everything(json!({}), true)]
#[case::this_kind(json!({"kinds": ["single"]}), true)]
#[case::another_kind(json!({"kinds": ["general", "registration_voucher"]}), false)]
#[case::this_risk(json!({"risks": ["low", "medium"]}), true)]
#[case::another_risk(json!({"risks": ["unassessed"]}), false)]
#[case::destination(json!({"destinations": ["FR", "DE"]}), true)]
#[case::another_destination(json!({"destinations": ["FR"]}), false)]
#[case::prefix_of_a_code(json!({"control_codes": ["1C902"]}), true)]
#[case::another_code(json!({"control_codes": ["1C903"]}), false)]
#[case::heavy_enough_together(json!({"kilograms_at_least": 1000}), true)]
#[case::too_light(json!({"kilograms_at_least": 1001}), false)]
#[case::repeat(json!({"repeat": "yes"}), true)]
#[case::first(json!({"repeat": "no"}), false)]
#[case::all_of_it(json!({"kinds": ["single"], "risks": ["low"], "end_uses": ["civil"]}), true)]
#[case::all_but_one(json!({"kinds": ["single"], "risks": ["high"], "end_uses": ["civil"]}), false)]
fn a_rule_fits_when_everything_it_says_holds(#[case] when: Value, #[case] fits: bool) {
    let rules = rules(&json!([{"rule": "it", "when": when, "queue": "fast"}]));
    let facts = facts(RiskGrade::Low, Repeat::Yes);
    let routed = rules.route(&facts);
    let expected = if fits { "fast" } else { "rest" };
    assert_eq!((routed.queue.as_str(), routed.rule.is_some()), (expected, fits));
}

#[test]
fn the_first_rule_that_fits_decides() {
    let rules = rules(&json!([
        {"rule": "risky", "when": {"risks": ["high"]}, "queue": "careful", "flags": ["legal_review"]},
        {"rule": "single", "when": {"kinds": ["single"]}, "queue": "fast"},
    ]));
    let risky = facts(RiskGrade::High, Repeat::No);
    assert_eq!(rules.route(&risky).rule, Some(&slug("risky")));
    assert_eq!(rules.route(&risky).flags, [slug("legal_review")]);
    let plain = facts(RiskGrade::Low, Repeat::No);
    assert_eq!(rules.route(&plain).rule, Some(&slug("single")));
    let mut general = plain;
    general.draft.kind = Some(LicenceKind::General);
    assert_eq!(rules.route(&general).rule, None);
}

#[test]
fn rules_that_lead_nowhere_are_named() {
    let rules = rules(&json!([
        {"rule": "a", "queue": "fast", "flags": ["no_such"]},
        {"rule": "a", "when": {"risks": ["low"]}, "queue": "gone"},
    ]));
    let faults = routing_faults(&rules, &BTreeSet::from([slug("fast")]), &BTreeSet::new());
    let faults: Vec<String> =
        faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect();
    assert_eq!(
        faults,
        [
            "/otherwise no_such_queue",
            "/rules/0/flags/0 no_such_flag",
            "/rules/1/queue no_such_queue",
            "/rules/1/rule used_twice",
            "/rules/1 never_reached",
        ]
    );
}

#[rstest]
#[case("fast", true)]
#[case("a_1", true)]
#[case("", false)]
#[case("1a", false)]
#[case("Fast", false)]
#[case("fast lane", false)]
#[case("快", false)]
fn a_code_is_short_and_plain(#[case] text: &str, #[case] is_one: bool) {
    assert_eq!(text.parse::<Slug>().is_ok(), is_one);
    assert!("x".repeat(41).parse::<Slug>().is_err());
}

#[rstest]
#[case(RiskGrade::Low, Repeat::Yes, "fast", Some("low_risk_repeat"))]
#[case(RiskGrade::Low, Repeat::No, "controlled", Some("controlled_items"))]
#[case(RiskGrade::Medium, Repeat::Yes, "controlled", Some("controlled_items"))]
#[case(RiskGrade::Unassessed, Repeat::Yes, "controlled", Some("controlled_items"))]
fn what_ships_sends_low_risk_repeats_to_the_fast_queue(
    #[case] risk: RiskGrade,
    #[case] repeat: Repeat,
    #[case] queue: &str,
    #[case] rule: Option<&str>,
) {
    let shipped = shipped_routing();
    let facts = facts(risk, repeat);
    let routed = shipped.rules.route(&facts);
    assert_eq!((routed.queue.as_str(), routed.rule.map(Slug::as_str)), (queue, rule));
    let unlisted = RoutingFacts { draft: Draft::default(), ..facts };
    if risk != RiskGrade::Low {
        assert_eq!(shipped.rules.route(&unlisted).queue.as_str(), "others");
    }
}

#[test]
fn what_ships_is_whole() {
    let ShippedRouting { teams, queues, rules, .. } = shipped_routing();
    let codes: BTreeSet<Slug> = queues.iter().map(|queue| queue.code.clone()).collect();
    assert_eq!(routing_faults(&rules, &codes, &BTreeSet::new()), []);
    assert!(queues.iter().all(|queue| teams.iter().any(|team| team.code == queue.team)));
}
