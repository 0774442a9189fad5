//! What is no credential, what is one no longer, and what one cannot do.

use crate::world::{Answer, PASSWORD, World};
use reqwest::Method;
use serde_json::json;
use service::identity::{Token, TokenKind};
use std::fmt::Write;
use std::time::Duration;
use testkit::wait_until;

fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
    assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"lodestone\"", "{what}");
    assert_eq!(answer.said("detail"), "no valid credential was presented", "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_no_credential_is_refused_in_the_same_words() {
    let world = World::start().await;
    let filer = world.filer().await;
    let unknown = Token::random(TokenKind::Session).reveal();
    let invitation = Token::random(TokenKind::Invitation).reveal();
    let mut bent = filer.key.clone();
    bent.truncate(bent.len() - 1);
    bent.push(if filer.key.ends_with('A') { 'B' } else { 'A' });
    let headers = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Basic {}", filer.key)),
        Some(filer.key.clone()),
        Some("Bearer nonsense".to_owned()),
        Some(format!("Bearer {}x", filer.key)),
        Some(format!("Bearer {bent}")),
        Some(format!("Bearer {}", filer.key.to_uppercase())),
        Some(format!("Bearer {unknown}")),
        Some(format!("Bearer {invitation}")),
        Some(format!("Bearer {}", "A".repeat(5_000))),
    ];
    for header in headers {
        let ask = world.get("/v1/me");
        let ask = match &header {
            Some(header) => ask.header("authorization", header),
            None => ask,
        };
        assert_refused(&ask.answer().await, &format!("{header:?}"));
    }
    world
        .get("/v1/me")
        .header("authorization", &format!("bearer {}", filer.key))
        .answer()
        .await
        .expect(200);
}

async fn refused_within_five_seconds(world: &World, token: &str) -> Answer {
    wait_until("the credential is refused", Duration::from_secs(5), async || {
        let answer = world.get("/v1/me").by(token).answer().await;
        (answer.status != 200).then_some(answer)
    })
    .await
}

/// What ends a credential, as SQL by the owner: what time or another process would do.
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_ended_works_nowhere_within_five_seconds() {
    let world = World::start().await;
    let ends = [
        (
            "an expired key",
            "update api_keys set expires_at = now() - interval '1 second' where id = '{key}'",
        ),
        ("a revoked key", "update api_keys set revoked_at = now() where id = '{key}'"),
        ("a disabled person's key", "update people set disabled_at = now() where id = '{person}'"),
        ("a leaver's key", "update memberships set ended_at = now() where person = '{person}'"),
        (
            "a closed organisation's key",
            "update organisations set closed_at = now() where id = '{organisation}'",
        ),
    ];
    let ended = ends.iter().map(async |(what, statement)| {
        let filer = world.filer().await;
        world.get("/v1/me").by(&filer.key).answer().await.expect(200);
        let statement = statement
            .replace("{key}", &filer.key_id.to_string())
            .replace("{person}", &filer.person.to_string())
            .replace("{organisation}", &filer.id.to_string());
        world.sql(&statement).await;
        assert_refused(&refused_within_five_seconds(&world, &filer.key).await, what);
    });
    futures_util::future::join_all(ended).await;
    let filer = world.filer().await;
    let session = world.sign_in(&filer.email).await;
    world.sql("update sessions set expires_at = now() - interval '1 second'").await;
    let refused = refused_within_five_seconds(&world, &session).await;
    assert_refused(&refused, "an expired session");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_can_do_what_its_scopes_and_its_person_both_allow_and_nothing_else() {
    let world = World::start().await;
    let filer = world.filer().await;
    let session = world.sign_in(&filer.email).await;
    let form = json!({"name": "Reader", "scopes": ["exporter"]});
    let made = world.post("/v1/keys", &form).by(&session).answer().await.expect(201);
    let exporters = made.said("key").to_owned();

    let mut table = String::new();
    let requests = [
        (Method::GET, "/v1/me".to_owned()),
        (Method::GET, "/v1/filings".to_owned()),
        (Method::POST, format!("/v1/organisations/{}/sites", filer.id)),
        (Method::POST, "/v1/invitations".to_owned()),
        (Method::POST, "/v1/keys".to_owned()),
        (Method::POST, "/v1/organisations".to_owned()),
        (Method::POST, "/v1/groups".to_owned()),
        (Method::POST, "/v1/regime/versions".to_owned()),
        (Method::GET, "/v1/dead-letters".to_owned()),
    ];
    for (method, path) in &requests {
        let answer = world.ask(method, path).by(&exporters).with(&json!({"x": 1})).answer().await;
        let path = path.replace(&filer.id.to_string(), "{own}");
        writeln!(table, "{method} {path} -> {}", answer.status.as_u16()).unwrap();
    }
    // 400: the permission is there, the body is nonsense. 403: it is not.
    insta::assert_snapshot!(table, @r"
    GET /v1/me -> 200
    GET /v1/filings -> 200
    POST /v1/organisations/{own}/sites -> 400
    POST /v1/invitations -> 403
    POST /v1/keys -> 400
    POST /v1/organisations -> 403
    POST /v1/groups -> 403
    POST /v1/regime/versions -> 403
    GET /v1/dead-letters -> 403
    ");

    // Its person loses the role: the key is still somebody's, and may do nothing.
    let boss = world.colleague(&session, "boss@company1.example", &["administrator"]).await;
    let roles = format!("/v1/people/{}/roles", filer.person);
    let form = json!({"roles": ["reporter"]});
    world.ask(&Method::PUT, &roles).by(&boss).with(&form).answer().await.expect(204);
    let refused = world.get("/v1/filings").by(&exporters).answer().await.expect(403);
    assert_eq!(refused.headers["content-type"], "application/problem+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_for_an_organisation_that_is_not_theirs() {
    let world = World::start().await;
    let (one, other) = (world.filer().await, world.filer().await);
    let acting = |organisation: &str| {
        world
            .get("/v1/filings")
            .by(&one.key)
            .header("Lodestone-Organisation", organisation)
            .answer()
    };
    acting(&one.id.to_string()).await.expect(200);
    acting(&other.id.to_string()).await.expect(403);
    acting(&uuid::Uuid::now_v7().to_string()).await.expect(403);
    acting("nonsense").await.expect(400);

    let path = format!("/v1/organisations/{}/sites", other.id);
    world.get(&path).by(&one.key).answer().await.expect(404);
    world.post(&path, &crate::world::site("S9")).by(&one.key).answer().await.expect(404);
    let path = format!("/v1/people?organisation={}", other.id);
    world.get(&path).by(&one.key).answer().await.expect(404);
    let path = format!("/v1/keys/{}", other.key_id);
    world.ask(&Method::DELETE, &path).by(&one.key).answer().await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_tokens_or_passwords_is_slowed_down_and_nobody_else_is() {
    let world = World::start_with(&[("LODESTONE_RATELIMIT__SIGN_INS_PER_MINUTE", "4")]).await;
    let administrator = world.administrator().await;
    for _ in 0..4 {
        let guess = Token::random(TokenKind::Session).reveal();
        world.get("/v1/me").by(&guess).answer().await.expect(401);
    }
    let guess = Token::random(TokenKind::Session).reveal();
    let slowed = world.get("/v1/me").by(&guess).answer().await.expect(429);
    assert!(slowed.headers.contains_key("retry-after"));
    world.get("/v1/me").by(&administrator).answer().await.expect(200);
    // Passwords are counted apart: one sign-in was made above.
    for _ in 0..3 {
        world.try_sign_in("nobody@example.com", PASSWORD).await.expect(401);
    }
    world.try_sign_in("nobody@example.com", PASSWORD).await.expect(429);
}
