//! Signing in and out.

use crate::world::{ADMINISTRATOR, PASSWORD, World};
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_is_known_and_signs_out() {
    let world = World::start().await;
    let filer = world.filer().await;
    let shouted = filer.email.to_uppercase();
    let signed_in = world.try_sign_in(&shouted, PASSWORD).await.expect(201);
    let session = signed_in.said("token").to_owned();
    assert_eq!(signed_in.id("person/id"), filer.person);
    assert_eq!(signed_in.headers["cache-control"], "no-store");

    let me = world.get("/v1/me").by(&session).answer().await.expect(200);
    assert_eq!(me.said("person/email"), filer.email);
    assert_eq!(me.said("credential_kind"), "session");
    let organisations = me.body["organisations"].as_array().unwrap();
    assert_eq!(organisations.len(), 1);
    assert_eq!(organisations[0]["organisation"], filer.id.to_string());
    assert_eq!(
        organisations[0]["roles"],
        serde_json::json!(["reporter", "exporter", "administrator"])
    );

    world.ask(&Method::DELETE, "/v1/sessions").by(&session).answer().await.expect(204);
    world.get("/v1/me").by(&session).answer().await.expect(401);
    world.ask(&Method::DELETE, "/v1/sessions").by(&filer.key).answer().await.expect(409);
    let changes: Vec<_> =
        world.events("credential.changed").await.iter().map(|e| e["change"].clone()).collect();
    assert!(changes.ends_with(&["session_opened".into(), "session_closed".into()]), "{changes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let world = World::start().await;
    let wrong = world.try_sign_in(ADMINISTRATOR, "not the password").await.expect(401);
    let unknown = world.try_sign_in("nobody@example.com", PASSWORD).await.expect(401);
    assert_eq!(wrong.text, unknown.text);
    world.try_sign_in("no address", PASSWORD).await.expect(422);
    // A dump of the database opens nothing: neither tokens nor passwords are in it.
    let session = world.administrator().await;
    let owner = world.database.owner().await;
    let row = owner
        .query_one("select (select jsonb_agg(s) from sessions s)::text, (select jsonb_agg(p) from people p)::text", &[])
        .await
        .unwrap();
    let dump = format!("{}{}", row.get::<_, String>(0), row.get::<_, String>(1));
    assert!(!dump.contains(&session) && !dump.contains(PASSWORD));
    assert!(dump.contains("$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[tokio::test(flavor = "multi_thread")]
async fn five_failures_lock_an_address_for_a_while_however_they_come() {
    let world = World::start().await;
    // All at once: no more of them are judged than if they had come one by one.
    let attempts = (0..5).map(|_| world.try_sign_in(ADMINISTRATOR, "not the password"));
    for answer in futures_util::future::join_all(attempts).await {
        answer.expect(401);
    }
    world.try_sign_in(ADMINISTRATOR, PASSWORD).await.expect(401);
    let locked =
        "people where locked_until > now() + interval '25 seconds' and failed_sign_ins = 5";
    assert_eq!(world.database.count(locked).await, 1);

    world.sql("update people set locked_until = now() - interval '1 second'").await;
    world.try_sign_in(ADMINISTRATOR, "not the password").await.expect(401);
    let longer =
        "people where locked_until > now() + interval '55 seconds' and failed_sign_ins = 6";
    assert_eq!(world.database.count(longer).await, 1);

    world.sql("update people set locked_until = now() - interval '1 second'").await;
    world.try_sign_in(ADMINISTRATOR, PASSWORD).await.expect(201);
    let forgiven = "people where locked_until is null and failed_sign_ins = 0";
    assert_eq!(world.database.count(forgiven).await, 1);
}
