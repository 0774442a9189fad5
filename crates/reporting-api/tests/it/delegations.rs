//! Agents and brokers, who act for others.

use crate::world::{World, now, site};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_people_act_for_its_principal_as_far_as_both_allow() {
    let world = World::start().await;
    let (principal, broker) = (world.filer().await, world.filer().await);
    let owner = world.sign_in(&principal.email).await;
    let valid_until = now() + SignedDuration::from_hours(24);
    let form = json!({"agent": broker.id, "roles": ["reporter"], "valid_until": valid_until});
    let acting = |path: &str| {
        let id = principal.id.to_string();
        world.get(path).by(&broker.key).header("Lodestone-Organisation", &id).answer()
    };
    acting("/v1/filings").await.expect(403);
    let made = world.post("/v1/delegations", &form).by(&owner).answer().await.expect(201);
    acting("/v1/filings").await.expect(200);

    // What it is lent is the reporter's role only; the house itself stays closed.
    let me = world.get("/v1/me").by(&broker.key).answer().await.expect(200);
    let lent = &me.body["organisations"][1];
    assert_eq!((&lent["delegated"], &lent["roles"]), (&json!(true), &json!(["reporter"])));
    acting("/v1/people").await.expect(403);
    acting("/v1/invitations").await.expect(403);
    acting("/v1/access-log").await.expect(404);
    let session = world.sign_in(&broker.email).await;
    let key = json!({"name": "x", "scopes": ["reporter"]});
    let key = world.post("/v1/keys", &key).by(&session);
    key.header("Lodestone-Organisation", &principal.id.to_string()).answer().await.expect(403);
    // Without naming anybody, it acts for its own organisation.
    let own = format!("/v1/organisations/{}/sites", broker.id);
    world.post(&own, &site("S2")).by(&broker.key).answer().await.expect(201);
    let others = format!("/v1/organisations/{}/sites", principal.id);
    world.post(&others, &site("S2")).by(&broker.key).answer().await.expect(404);

    for by in [&owner, &session] {
        let listed = world.get("/v1/delegations").by(by).answer().await.expect(200);
        assert_eq!(listed.body["delegations"].as_array().unwrap().len(), 1);
    }
    let path = format!("/v1/delegations/{}", made.id("id"));
    world.ask(&Method::DELETE, &path).by(&owner).answer().await.expect(204);
    acting("/v1/filings").await.expect(403);
    let changes: Vec<_> =
        world.events("delegation.changed").await.iter().map(|e| e["change"].clone()).collect();
    assert_eq!(changes, ["granted", "revoked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegation_ends_names_possible_roles_and_is_the_administrators_to_give() {
    let world = World::start().await;
    let (principal, broker) = (world.filer().await, world.filer().await);
    let owner = world.sign_in(&principal.email).await;
    let in_days = |days: i64| now() + SignedDuration::from_hours(24 * days);
    let form = |agent: uuid::Uuid, roles: &[&str], days: i64| json!({"agent": agent, "roles": roles, "valid_until": in_days(days)});
    let delegate = async |form: serde_json::Value| {
        world.post("/v1/delegations", &form).by(&owner).answer().await
    };
    let administrators = form(broker.id, &["administrator"], 5);
    assert_eq!(delegate(administrators).await.expect(422).faults(), ["/roles/0 role_not_possible"]);
    let endless = form(broker.id, &["reporter"], 5_000);
    assert_eq!(delegate(endless).await.expect(422).faults(), ["/valid_until out_of_range"]);
    let own = form(principal.id, &["reporter"], 5);
    assert_eq!(delegate(own).await.expect(422).faults(), ["/agent own_organisation"]);
    delegate(form(uuid::Uuid::now_v7(), &["reporter"], 5)).await.expect(404);
    let mut later = form(broker.id, &["reporter"], 5);
    later["valid_from"] = json!(in_days(2));
    delegate(later).await.expect(201);
    let id = principal.id.to_string();
    let acting = world.get("/v1/filings").by(&broker.key).header("Lodestone-Organisation", &id);
    acting.answer().await.expect(403);

    let form = form(broker.id, &["reporter"], 5);
    world.post("/v1/delegations", &form).by(&principal.key).answer().await.expect(403);
    let administrator = world.administrator().await;
    world.post("/v1/delegations", &form).by(&administrator).answer().await.expect(422);
}
