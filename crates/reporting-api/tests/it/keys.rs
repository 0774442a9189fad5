//! Keys of machines.

use crate::world::{World, now};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_listed_without_its_secret_and_revoked_for_good() {
    let world = World::start().await;
    let filer = world.filer().await;
    let session = world.sign_in(&filer.email).await;
    let create = |form: serde_json::Value, by: &str, key: &str| {
        world.post("/v1/keys", &form).by(by).header("Idempotency-Key", key).answer()
    };
    let form = json!({"name": "MES", "scopes": ["reporter"]});
    let made = create(form.clone(), &session, "1").await.expect(201);
    let again = create(form.clone(), &session, "1").await.expect(200);
    assert_eq!(made.id("id"), again.id("id"));
    assert!(again.body["key"].is_null());
    let key = made.said("key").to_owned();
    let id = made.id("id");
    assert!(key.starts_with(&format!("ldk_{}_", id.simple())), "{key}");
    assert_eq!(key.len(), 4 + 32 + 1 + 43);

    world.get("/v1/filings").by(&key).answer().await.expect(200);
    create(form, &key, "2").await.expect(403);
    let listed = world.get("/v1/keys").by(&session).answer().await.expect(200);
    assert_eq!(listed.body["keys"].as_array().unwrap().len(), 2);
    assert!(!listed.text.contains(&key[37..]));

    let revoke = format!("/v1/keys/{id}");
    world.ask(&Method::DELETE, &revoke).by(&session).answer().await.expect(204);
    world.get("/v1/filings").by(&key).answer().await.expect(401);
    world.ask(&Method::DELETE, &revoke).by(&session).answer().await.expect(404);
    assert_eq!(world.database.count("api_keys where revoked_at is not null").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_gets_no_scope_its_person_lacks_and_no_life_without_end() {
    let world = World::start().await;
    let filer = world.filer().await;
    let boss = world.sign_in(&filer.email).await;
    let wang = world.colleague(&boss, "wang@company.example", &["reporter"]).await;
    let create = |form: serde_json::Value| {
        let wang = &wang;
        let world = &world;
        async move { world.post("/v1/keys", &form).by(wang).answer().await }
    };
    let in_days = |days: i64| -> Timestamp { now() + SignedDuration::from_hours(24 * days) };
    let refused = create(json!({"name": "", "scopes": ["reporter", "exporter", "administrator"],
        "expires_at": in_days(800)}));
    insta::assert_snapshot!(refused.await.expect(422).faults().join("\n"), @r"
    /name invalid_text
    /scopes/1 role_not_possible
    /scopes/2 role_not_possible
    /expires_at out_of_range
    ");
    create(json!({"name": "x", "scopes": []})).await.expect(422);
    create(json!({"name": "x", "scopes": ["reporter"], "expires_at": in_days(-1)}))
        .await
        .expect(422);
    create(json!({"name": "x", "scopes": ["god"]})).await.expect(400);
    create(json!({"name": "x", "scopes": ["reporter"], "expires_at": in_days(30)}))
        .await
        .expect(201);

    // Wang sees one key, the administrator all of the organisation's.
    let count = async |by: &str| {
        let listed = world.get("/v1/keys").by(by).answer().await.expect(200);
        listed.body["keys"].as_array().unwrap().len()
    };
    assert_eq!((count(&wang).await, count(&boss).await), (1, 2));
    let others = format!("/v1/keys/{}", filer.key_id);
    world.ask(&Method::DELETE, &others).by(&wang).answer().await.expect(404);
}
