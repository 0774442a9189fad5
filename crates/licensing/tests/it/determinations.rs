use crate::{
    story::checked,
    world::{World, today},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_signed_stored_and_given_again_years_later() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let question = json!({
        "goods": {"category": "magnet", "composition": {
            "percent": {"Sm": "33.79", "Co": "66.21"}, "completeness": "complete"}},
        "destination": "DE", "as_of": "2025-07-01",
    });
    let answer =
        world.post_as(&exporter, "/v1/determinations", question.clone(), "q-1").await.expect(201);
    assert_eq!(answer.body["answer"]["outcome"], "controlled");
    assert_eq!(answer.body["answer"]["codes"], json!(["1C902.a.4"]));
    assert_eq!(answer.body["answer"]["binding"], "binding");
    let again = world.post_as(&exporter, "/v1/determinations", question, "q-1").await.expect(200);
    assert_eq!(again.body, answer.body);

    let keys = world.anybody_gets("/v1/signing-keys").await.expect(200);
    let signed = checked(&answer.body["signed"], &keys.body);
    assert_eq!(signed["answer"], answer.body["answer"]);
    assert_eq!(signed["question"]["goods"]["category"], "magnet");

    let path = format!("/v1/determinations/{}", answer.id());
    let replayed = world.get(&exporter, &path).await.expect(200);
    assert_eq!(replayed.body["replay"], "identical");
    assert_eq!(replayed.body["signed"], answer.body["signed"]);
    let another = world.organisation("filer").await;
    let stranger = world.person(another, &["exporter"]).await;
    world.get(&stranger, &path).await.expect(404);
    world.get(&world.officer().await, &path).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_said_to_be_not_known() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let holmium = |as_of: &str| {
        json!({
            "goods": {"category": "oxide", "composition": {
                "basis": "oxide", "percent": {"Ho": "99.9"}, "completeness": "complete"}},
            "as_of": as_of,
        })
    };
    let then = world.post(&exporter, "/v1/determinations", holmium("2026-06-01")).await.expect(201);
    assert_eq!(then.body["answer"]["outcome"], "not_controlled");
    assert_eq!(then.body["answer"]["binding"], "not_binding");
    let now = today().to_string();
    let today = world.post(&exporter, "/v1/determinations", holmium(&now)).await.expect(201);
    assert_eq!(today.body["answer"]["outcome"], "undetermined");
    assert_eq!(today.body["answer"]["doubts"][0]["kind"], "after_suspension");
}
