use crate::world::World;
use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use std::time::Instant;

fn a_magnet(dysprosium: &str) -> Value {
    json!({"category": "magnet", "composition": {
        "percent": {"Nd": "27", "Fe": "69", "B": "1", "Dy": dysprosium}, "completeness": "complete"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_is_judged_item_by_item_signed_once_and_replayed() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let question = json!({"as_of": "2026-11-20", "destination": "DE", "items": [
        {"reference": "with", "goods": a_magnet("3"), "hs_code": "8505111000"},
        {"reference": "without", "goods": a_magnet("0")},
        {"reference": "below", "goods": a_magnet("0.04")},
        {"reference": "absurd", "goods": a_magnet("60")},
        {"reference": "rotor", "goods": {"category": "assembly"}},
    ]});
    let path = "/v1/determinations/batch";
    let answer = world.post_as(&exporter, path, question.clone(), "k").await.expect(201);
    let content = &answer.body["content"];
    let outcomes: Vec<&str> = content["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verdict| verdict["outcome"].as_str().unwrap())
        .collect();
    let expected = ["controlled", "not_controlled", "undetermined", "faulty", "undetermined"];
    assert_eq!(outcomes, expected);
    assert_eq!(content["verdicts"][0]["codes"], json!(["1C905.a.4"]));
    let reason = content["verdicts"][0]["reasons"][0].as_u64().unwrap();
    let sentence = &content["sentences"][usize::try_from(reason).unwrap()];
    assert!(sentence["en"].as_str().unwrap().contains("1C905.a.4"), "{sentence}");
    assert!(!sentence["zh"].as_str().unwrap().is_empty());

    let again = world.post_as(&exporter, path, question.clone(), "k").await.expect(200);
    assert_eq!(again.body, answer.body);
    let mut other = question;
    other["as_of"] = json!("2025-01-01");
    world.post_as(&exporter, path, other, "k").await.expect(422);

    let found = world.get(&exporter, &format!("{path}/{}", answer.id())).await.expect(200);
    assert_eq!(found.body["replay"], "identical");
    assert_eq!(found.body["content"], answer.body["content"]);
    let another = world.organisation("filer").await;
    let stranger = world.person(another, &["exporter"]).await;
    world.get(&stranger, &format!("{path}/{}", answer.id())).await.expect(404);

    let keys = world.anybody_gets("/v1/signing-keys").await.expect(200);
    let key = keys.body["keys"][0]["public_key"].as_str().unwrap();
    let key: [u8; 32] = BASE64_STANDARD.decode(key).unwrap().try_into().unwrap();
    let signature = BASE64_STANDARD.decode(answer.body["signature"].as_str().unwrap()).unwrap();
    let signature = Signature::from_slice(&signature).unwrap();
    let signed = domain::canonical::canonical_json(content).unwrap();
    let key = VerifyingKey::from_bytes(&key).unwrap();
    key.verify_strict(&signed, &signature).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_has_a_limit_and_every_fault_its_place() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let path = "/v1/determinations/batch";
    let table = [
        (json!({"items": []}), 422, "/items wrong_number"),
        (
            json!({"items": [{"reference": "", "goods": {"category": "magnet"}}]}),
            422,
            "/items/0/reference invalid_reference",
        ),
        (
            json!({"items": [{"reference": "a", "goods": {"category": "cheese"}}]}),
            400,
            "/items/0/goods/category unknown_value",
        ),
        (json!({"items": [{"reference": "a"}]}), 400, "/items/0/goods missing_field"),
    ];
    for (body, status, fault) in table {
        let refused = world.post(&exporter, path, body).await.expect(status);
        assert_eq!(refused.faults(), [fault]);
    }
    let many: Vec<Value> = (0..10_001)
        .map(|n| json!({"reference": n.to_string(), "goods": {"category": "ore"}}))
        .collect();
    world.post(&exporter, path, json!({"items": many})).await.expect(422);
    assert_eq!(world.database.count("lodestone.determination_batches").await, 0);

    let items: Vec<Value> = (0..10_000)
        .map(|n| json!({"reference": n.to_string(), "goods": a_magnet(&format!("0.{n:04}"))}))
        .collect();
    let began = Instant::now();
    let answer = world.post(&exporter, path, json!({"items": items})).await.expect(201);
    assert_eq!(answer.body["content"]["verdicts"].as_array().unwrap().len(), 10_000);
    eprintln!("ten thousand items took {:?} in this build", began.elapsed());
}
