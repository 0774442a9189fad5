//! People: invited, given roles, and leaving.

use crate::world::{ADMINISTRATOR, PASSWORD, World};
use reqwest::Method;
use serde_json::json;
use service::identity::{Token, TokenKind};

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_works_once_for_a_while_and_makes_a_colleague() {
    let world = World::start().await;
    let filer = world.filer().await;
    let boss = world.sign_in(&filer.email).await;
    let form = json!({"email": "wang.wei@company.example", "roles": ["reporter"]});
    let invited = world.post("/v1/invitations", &form).by(&boss).answer().await.expect(201);
    let accept = |token: &str, password: &str| {
        let form = json!({"token": token, "name": "王伟", "password": password});
        world.post("/v1/invitations/accept", &form).answer()
    };
    accept(invited.said("token"), "short").await.expect(422);
    accept(&Token::random(TokenKind::Invitation).reveal(), PASSWORD).await.expect(404);
    accept("nonsense", PASSWORD).await.expect(404);
    let accepted = accept(invited.said("token"), PASSWORD).await.expect(201);
    assert_eq!(accepted.id("organisation"), filer.id);
    accept(invited.said("token"), PASSWORD).await.expect(404);

    let wang = world.sign_in("wang.wei@company.example").await;
    world.get("/v1/filings").by(&wang).answer().await.expect(200);
    world.post("/v1/invitations", &form).by(&wang).answer().await.expect(403);
    let people = world.get("/v1/people").by(&wang).answer().await.expect(200);
    let names: Vec<_> = people.body["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|person| format!("{} {}", person["email"], person["roles"]))
        .collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&r#""wang.wei@company.example" ["reporter"]"#.to_owned()), "{names:?}");

    let expired = json!({"email": "late@company.example", "roles": ["reporter"]});
    let expired = world.post("/v1/invitations", &expired).by(&boss).answer().await.expect(201);
    world.sql("update invitations set expires_at = now() - interval '1 second' where accepted_at is null").await;
    accept(expired.said("token"), PASSWORD).await.expect(404);
    let listed = world.get("/v1/invitations").by(&boss).answer().await.expect(200);
    assert_eq!(listed.body["invitations"].as_array().unwrap().len(), 2);
    assert!(!listed.text.contains(expired.said("token")));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_known_joins_another_organisation_with_the_password_they_have() {
    let world = World::start().await;
    let (one, other) = (world.filer().await, world.filer().await);
    let boss = world.sign_in(&other.email).await;
    let form = json!({"email": one.email, "roles": ["exporter"]});
    let invited = world.post("/v1/invitations", &form).by(&boss).answer().await.expect(201);
    let accept = |password: &str| {
        let form = json!({"token": invited.said("token"), "name": "x", "password": password});
        world.post("/v1/invitations/accept", &form).answer()
    };
    accept("somebody else's guess").await.expect(401);
    assert_eq!(accept(PASSWORD).await.expect(201).id("person"), one.person);

    // Two organisations: which one is meant must now be said.
    let session = world.sign_in(&one.email).await;
    let ambiguous = world.get("/v1/filings").by(&session).answer().await.expect(400);
    assert!(ambiguous.text.contains(&other.id.to_string()));
    let acting = |path: &str| {
        let id = other.id.to_string();
        world.get(path).by(&session).header("Lodestone-Organisation", &id).answer()
    };
    acting("/v1/filings").await.expect(200);
    acting("/v1/invitations").await.expect(403);
    // The key was made for one of them and stays so.
    world.get("/v1/filings").by(&one.key).answer().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_can_do_nothing_any_more_and_the_last_administrator_stays() {
    let world = World::start().await;
    let filer = world.filer().await;
    let boss = world.sign_in(&filer.email).await;
    let wang = world.colleague(&boss, "wang.wei@company.example", &["reporter"]).await;
    let me = world.get("/v1/me").by(&wang).answer().await.expect(200);
    let form = json!({"name": "ERP", "scopes": ["reporter"]});
    let key = world.post("/v1/keys", &form).by(&wang).answer().await.expect(201);

    let end = |person: uuid::Uuid, by: &str| {
        world.post(&format!("/v1/people/{person}/end"), &json!({})).by(by).answer()
    };
    end(filer.person, &wang).await.expect(403);
    end(me.id("person/id"), &boss).await.expect(204);
    world.get("/v1/me").by(&wang).answer().await.expect(401);
    world.get("/v1/me").by(key.said("key")).answer().await.expect(401);
    world.try_sign_in("wang.wei@company.example", PASSWORD).await.expect(401);
    assert_eq!(world.database.count("api_keys where revoked_at is not null").await, 1);
    end(me.id("person/id"), &boss).await.expect(404);

    let alone = end(filer.person, &boss).await.expect(409);
    assert!(alone.said("detail").contains("last administrator"), "{}", alone.text);
    let changes: Vec<_> = world
        .events("person.changed")
        .await
        .iter()
        .map(|event| event["change"].as_str().unwrap().to_owned())
        .collect();
    let story = ["invited as reporter", "granted reporter", "left"];
    assert!(changes.ends_with(&story.map(ToOwned::to_owned)), "{changes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_cannot_remove_each_other_at_once() {
    let world = World::start().await;
    let filer = world.filer().await;
    let one = world.sign_in(&filer.email).await;
    let other = world.colleague(&one, "two@company.example", &["administrator"]).await;
    let me = world.get("/v1/me").by(&other).answer().await.expect(200).id("person/id");
    let end = |person: uuid::Uuid, by: &str| {
        world.post(&format!("/v1/people/{person}/end"), &json!({})).by(by).answer()
    };
    let (first, second) = futures_util::join!(end(me, &one), end(filer.person, &other));
    let removed = [&first, &second].iter().filter(|answer| answer.status == 204).count();
    assert_eq!(removed, 1, "{} {}", first.text, second.text);
    let left = "memberships where role = 'administrator' and ended_at is null and organisation";
    assert_eq!(world.database.count(&format!("{left} = '{}'", filer.id)).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_invites_officials_and_sees_to_agencies() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let officer = world.colleague(&administrator, "officer@authority.example", &["officer"]).await;
    world.get("/v1/regime/versions").by(&officer).answer().await.expect(200);
    let form = json!({"email": "x@authority.example", "roles": ["reporter"]});
    let wrong = world.post("/v1/invitations", &form).by(&administrator).answer().await.expect(422);
    assert_eq!(wrong.faults(), ["/roles/0 role_not_possible"]);

    let mut form = world.filer_form();
    form["kind"] = "customs".into();
    form["first_administrator"] = json!({"email": "customs@customs.example", "name": "关员"});
    form.as_object_mut().unwrap().remove("first_key");
    let customs = world.post("/v1/organisations", &form).by(&administrator).answer().await;
    let customs = customs.expect(201);
    let accept = json!({
        "token": customs.said("invitation/token"), "name": "关员", "password": PASSWORD,
    });
    let joined = world.post("/v1/invitations/accept", &accept).answer().await.expect(201);
    assert_eq!(joined.body["roles"], json!(["customs"]));
    let form = json!({
        "email": "second@customs.example", "roles": ["customs"], "organisation": customs.id("id"),
    });
    world.post("/v1/invitations", &form).by(&administrator).answer().await.expect(201);
    let people = format!("/v1/people?organisation={}", customs.id("id"));
    let people = world.get(&people).by(&administrator).answer().await.expect(200);
    assert_eq!(people.body["people"][0]["email"], "customs@customs.example");
    let end = format!("/v1/people/{}/end", joined.id("person"));
    let form = json!({"organisation": customs.id("id")});
    world.post(&end, &form).by(&administrator).answer().await.expect(204);
    world.try_sign_in("customs@customs.example", PASSWORD).await.expect(401);
    assert_ne!(ADMINISTRATOR, "customs@customs.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_change_at_once() {
    let world = World::start().await;
    let filer = world.filer().await;
    let boss = world.sign_in(&filer.email).await;
    let wang = world.colleague(&boss, "wang@company.example", &["reporter"]).await;
    let me = world.get("/v1/me").by(&wang).answer().await.expect(200).id("person/id");
    let form = json!({"email": "new@company.example", "roles": ["reporter"]});
    world.post("/v1/invitations", &form).by(&wang).answer().await.expect(403);
    let roles = |roles: serde_json::Value| {
        let form = json!({"roles": roles});
        world.ask(&Method::PUT, &format!("/v1/people/{me}/roles")).by(&boss).with(&form).answer()
    };
    roles(json!(["administrator"])).await.expect(204);
    world.post("/v1/invitations", &form).by(&wang).answer().await.expect(201);
    roles(json!(["reporter", "exporter"])).await.expect(204);
    world.post("/v1/invitations", &form).by(&wang).answer().await.expect(403);
    roles(json!([])).await.expect(422);
    roles(json!(["officer"])).await.expect(422);
}
