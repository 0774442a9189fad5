use crate::world::{World, a_draft};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_recommended_cannot_countersign_through_any_entrance() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let both = world.person(world.authority, &["officer", "senior_officer"]).await;
    let case = world.recommended(&exporter, &both, a_draft("single", "10")).await;

    // In both roles with one key, with another key, and from another authority.
    let refused = world.acts(&both, &case, "countersign", json!({})).await.expect(403);
    assert!(refused.body["detail"].as_str().unwrap().contains("recommended"));
    let elsewhere = world.organisation("authority").await;
    let another_account = world.member(both.id, elsewhere, &["senior_officer"]).await;
    world.acts(&another_account, &case, "countersign", json!({})).await.expect(403);
    world.acts(&another_account, &case, "confirm_refusal", json!({})).await.expect(403);
    world.acts(&another_account, &case, "send_back", json!({"note": "x"})).await.expect(403);

    // And in the database itself, past all of our code.
    let owner = world.database.owner().await;
    let statement =
        format!("update lodestone.cases set countersigned_by = recommended_by where id = '{case}'");
    let error = owner.batch_execute(&statement).await.unwrap_err();
    assert!(error.as_db_error().unwrap().constraint().is_some(), "{error}");
    let statement = format!("update lodestone.cases set state = 'approved' where id = '{case}'");
    assert!(owner.batch_execute(&statement).await.is_err(), "one person does not decide");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_on_the_application_of_an_organisation_they_belong_to() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    let officer = world.officer().await;
    world.member(officer.id, world.exporter_organisation, &["reporter"]).await;
    let refused = world.acts(&officer, &case, "accept", json!({})).await.expect(403);
    assert!(refused.body["detail"].as_str().unwrap().contains("belong"), "{:#}", refused.body);
    let owner = world.database.owner().await;
    let author =
        format!("update lodestone.cases set recommended_by = created_by where id = '{case}'");
    assert!(owner.batch_execute(&author).await.is_err(), "nor on what they wrote");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_action_takes_its_role() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let (officer, senior) = (world.officer().await, world.senior().await);
    let auditor = world.person(world.authority, &["auditor"]).await;
    let customs = world.customs().await;
    let case = world.recommended(&exporter, &officer, a_draft("single", "10")).await;
    let another = world.officer().await;
    world.acts(&another, &case, "countersign", json!({})).await.expect(403);
    world.acts(&auditor, &case, "countersign", json!({})).await.expect(403);
    world.acts(&customs, &case, "countersign", json!({})).await.expect(403);
    world.acts(&exporter, &case, "countersign", json!({})).await.expect(403);
    world.get(&customs, &format!("/v1/cases/{case}")).await.expect(404);
    world.get(&customs, "/v1/cases").await.expect(403);
    world.get(&exporter, "/v1/cases").await.expect(403);
    world.get(&officer, "/v1/applications").await.expect(403);
    world.acts(&senior, &case, "countersign", json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_look_of_an_official_is_logged_for_the_applicant() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    world.get(&officer, &format!("/v1/cases/{case}")).await.expect(200);
    let looks = format!(
        "lodestone.events where name = 'confidential.read' and organisation = '{}' and person = '{}'",
        world.exporter_organisation, officer.id
    );
    assert_eq!(world.database.count(&looks).await, 1);
}
