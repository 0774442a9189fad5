//! A licence that is to be changed is not used meanwhile, and never stands beside the one that takes
//! its place.

use crate::world::{Person, World, a_declaration, a_draft};
use reqwest::Method;
use serde_json::{Value, json};

fn a_change(purpose: &str, of: &str) -> Value {
    let mut draft = a_draft("general", "60");
    draft["purpose"] = json!(purpose);
    draft["earlier_licence"] = json!(of);
    draft["change_reason"] = json!("the contract was extended");
    draft
}

async fn standing(world: &World, exporter: &Person, number: &str) -> String {
    let seen = world.get(exporter, &format!("/v1/licences/{number}")).await.expect(200);
    seen.body["standing"].as_str().unwrap().to_owned()
}

/// Whether customs may reserve 5 kg under a licence; otherwise the code of the refusal.
async fn reserves(world: &World, customs: &Person, number: &str, declaration: &str) -> String {
    let path = format!("/v1/licences/{number}/reservations");
    let answer = world.post(customs, &path, a_declaration(declaration, "5")).await;
    if answer.status.is_success() { "reserved".to_owned() } else { answer.faults().join(", ") }
}

async fn decides(world: &World, case: &str, outcome: &str) {
    let (officer, senior) = (world.officer().await, world.senior().await);
    world.acts(&officer, case, "accept", json!({})).await.expect(200);
    world.acts(&officer, case, "begin_review", json!({})).await.expect(200);
    let (recommend, body, agree) = match outcome {
        "approved" => ("recommend_approval", json!({"note": "as before"}), "countersign"),
        _ => (
            "recommend_refusal",
            json!({"reason": "end_user_or_end_use", "note": "the contract is not there"}),
            "confirm_refusal",
        ),
    };
    world.acts(&officer, case, recommend, body).await.expect(200);
    let decided = world.acts(&senior, case, agree, json!({})).await.expect(200);
    assert_eq!(decided.body["state"], outcome, "{:#}", decided.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_pauses_the_licence_until_it_is_withdrawn_refused_or_takes_its_place() {
    let world = World::start().await;
    let (exporter, customs) = (world.exporter().await, world.customs().await);
    let number = world.licence(a_draft("general", "100")).await;

    // Withdrawn: the old terms hold on.
    let case = world.submitted(&exporter, a_change("non_key_change", &number)).await;
    assert_eq!(standing(&world, &exporter, &number).await, "suspended");
    let officer = world.officer().await;
    let seen = world.acts(&officer, &case, "accept", json!({})).await.expect(200);
    assert_eq!(seen.body["clock"]["working_days_allowed"], 20, "a change has a clock of its own");
    assert_eq!(reserves(&world, &customs, &number, "1").await, " licence_change_pending");
    let second =
        world.post(&exporter, "/v1/applications", a_change("non_key_change", &number)).await;
    let second = second.expect(201);
    let path = format!("/v1/applications/{}/submit", second.id());
    let refused = world.on(&exporter, Method::POST, &path, second.etag(), json!({})).await;
    refused.expect(409);
    let withdraw = format!("/v1/applications/{case}/withdraw");
    let etag = world.present_etag(&case).await;
    world.on(&exporter, Method::POST, &withdraw, &etag, json!({})).await.expect(200);
    assert_eq!(reserves(&world, &customs, &number, "1").await, "reserved");

    // Returned for missing papers and handed in again: paused, free, and paused again.
    let case = world.submitted(&exporter, a_change("non_key_change", &number)).await;
    let missing = json!({"missing": ["contract_or_other_proof"]});
    let returned = world.acts(&officer, &case, "return", missing).await;
    returned.expect(200);
    assert_eq!(reserves(&world, &customs, &number, "2").await, "reserved");
    let again = format!("/v1/applications/{case}/submit");
    let etag = world.present_etag(&case).await;
    world.on(&exporter, Method::POST, &again, &etag, json!({})).await.expect(200);
    assert_eq!(reserves(&world, &customs, &number, "3").await, " licence_change_pending");

    // Refused: the old terms hold on.
    decides(&world, &case, "refused").await;
    assert_eq!(reserves(&world, &customs, &number, "3").await, "reserved");

    // Approved: one licence, never two for the same goods.
    let case = world.submitted(&exporter, a_change("non_key_change", &number)).await;
    decides(&world, &case, "approved").await;
    assert_eq!(standing(&world, &exporter, &number).await, "superseded");
    assert_eq!(reserves(&world, &customs, &number, "4").await, " licence_state");
    let licences = world.get(&exporter, "/v1/licences").await.expect(200);
    let new = licences.body["licences"][0]["number"].as_str().unwrap();
    assert_ne!(new, number);
    assert_eq!(reserves(&world, &customs, new, "4").await, "reserved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_change_leaves_the_licence_in_use_until_another_takes_its_place() {
    let world = World::start().await;
    let (exporter, customs) = (world.exporter().await, world.customs().await);
    let number = world.licence(a_draft("general", "100")).await;
    let mut draft = a_change("key_change", &number);
    draft["end_use"] = json!({"category": "civil", "description": "wind turbines"});
    let case = world.submitted(&exporter, draft).await;
    assert_eq!(reserves(&world, &customs, &number, "1").await, "reserved");
    decides(&world, &case, "approved").await;
    assert_eq!(standing(&world, &exporter, &number).await, "superseded");
    assert_eq!(reserves(&world, &customs, &number, "2").await, " licence_state");
}
