//! Keys that are replaced, and what was signed with them.

use crate::world::{World, a_draft};
use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;

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

fn verifies(published: &[Value], signed: &Value) -> bool {
    let bytes = |value: &Value| BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    let key = published.iter().find(|key| key["key_id"] == signed["key_id"]).unwrap();
    let key = VerifyingKey::from_bytes(&bytes(&key["public_key"]).try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&bytes(&signed["signature"])).unwrap();
    key.verify_strict(&bytes(&signed["content"]), &signature).is_ok()
}
