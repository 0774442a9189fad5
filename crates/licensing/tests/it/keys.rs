//! Keys that are replaced, and what was signed with them.

use crate::world::{World, a_draft};
use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_key_signed_can_still_be_checked() {
    let mut world = World::start().await;
    let (exporter, before) = (world.exporter().await, world.licence(a_draft("single", "10")).await);
    world.restart_with_signing_key([9; 32]).await;
    let after = world.licence(a_draft("general", "10")).await;
    let published = world.published_keys(2).await;
    let current: Vec<bool> =
        published.iter().map(|key| key["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [true, false], "the newest first");
    assert!(published[1]["retired_at"].is_string() && published[0]["retired_at"].is_null());

    let mut names = Vec::new();
    for number in [before, after] {
        let seen = world.get(&exporter, &format!("/v1/licences/{number}")).await.expect(200);
        let signed = &seen.body["signed"];
        assert!(verifies(&published, signed), "{number}");
        names.push(signed["key_id"].as_str().unwrap().to_owned());
    }
    assert_ne!(names[0], names[1]);

    // Back to the first key: it is the present one again, and nothing is forgotten.
    world.restart_with_signing_key([7; 32]).await;
    let published = world.published_keys(2).await;
    let first = published.iter().find(|key| key["key_id"] == names[0].as_str()).unwrap();
    assert_eq!((first["current"].as_bool(), &first["retired_at"]), (Some(true), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_compromised_key_signed_since_is_said_to_be_in_doubt() {
    let mut world = World::start().await;
    let (officer, senior) = (world.officer().await, world.senior().await);
    let before = world.licence(a_draft("single", "10")).await;
    let since = crate::world::now();
    let after = world.licence(a_draft("single", "10")).await;
    let published = world.published_keys(1).await;
    let key = published[0]["key_id"].as_str().unwrap();
    let path = format!("/v1/signing-keys/{key}/compromise");
    let said = json!({"since": since, "reason": "a backup was stolen"});
    world.post(&officer, &path, said.clone()).await.expect(403);
    world.post(&senior, "/v1/signing-keys/nobodys/compromise", said.clone()).await.expect(404);
    let never = json!({"since": "2999-01-01T00:00:00Z", "reason": "a guess"});
    let never = world.post(&senior, &path, never).await.expect(422);
    assert_eq!(never.faults(), ["/since in_the_future"]);
    let first = world.post(&senior, &path, said.clone()).await.expect(200);
    let again = world.post(&senior, &path, said.clone()).await.expect(200);
    assert_eq!(first.body, again.body);
    let otherwise = json!({"since": since, "reason": "something else"});
    world.post(&senior, &path, otherwise).await.expect(409);

    world.restart_with_signing_key([9; 32]).await;
    let published = world.published_keys(2).await;
    let told = published.iter().find(|it| it["key_id"] == key).unwrap();
    assert_eq!(told["compromised_since"], first.body["compromised_since"]);
    assert!(published.iter().any(|it| it["compromised_since"].is_null()), "the new key is good");
    for (number, doubt) in [(before, false), (after, true)] {
        let verified = world.anybody_gets(&format!("/v1/verify/{number}")).await.expect(200);
        let statement = &verified.body["statement"];
        assert_eq!(statement["signature_in_doubt"], json!(doubt), "{number}");
        assert_eq!(statement["content_key_compromised_since"], first.body["compromised_since"]);
        assert_ne!(verified.body["signed"]["key_id"], key, "the statement has the new key's word");
    }
}

fn verifies(published: &[Value], signed: &Value) -> bool {
    let bytes = |value: &Value| BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    let key = published.iter().find(|key| key["key_id"] == signed["key_id"]).unwrap();
    let key = VerifyingKey::from_bytes(&bytes(&key["public_key"]).try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&bytes(&signed["signature"])).unwrap();
    key.verify_strict(&bytes(&signed["content"]), &signature).is_ok()
}
