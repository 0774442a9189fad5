//! An exporter's system is told what becomes of its application and licence, and can prove that it
//! was Lodestone who told it.

use crate::{
    story::{a_licence_is_issued, customs_lets_pass},
    world::{Filer, World},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use simulator::api::{Answer, text};
use standardwebhooks::Webhook;
use std::time::Duration;
use testkit::{StackOptions, wait_until};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

const PATIENCE: Duration = Duration::from_secs(40);

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A world in which webhooks may be neighbours, and are tried again soon.
async fn a_world() -> World {
    let environment = vec![
        pair("LODESTONE_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true"),
        pair("LODESTONE_WEBHOOKS__RETRY_SECONDS", "1"),
    ];
    World::start_with(StackOptions { environment, ..StackOptions::default() }).await
}

/// The exporter asks for something; an answer below 400 is expected.
async fn asks(world: &World, who: &Filer, method: &str, path: &str, body: Option<Value>) -> Value {
    let mut request = world.api.licensing(method, path).by(&who.key);
    if let Some(body) = body {
        request = request.once(&uuid::Uuid::now_v7().to_string()).with(&body);
    }
    world.sends(request).await.body
}

/// Calls that the endpoint took, in the order of the log.
fn told(requests: &[Request]) -> Vec<Value> {
    let mut told: Vec<Value> =
        requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    told.sort_by_key(|call| call["index"].as_u64());
    told.dedup();
    told
}

fn summary(change: &Value) -> String {
    let data = &change["data"];
    let word = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    format!("{} {}{}", change["type"].as_str().unwrap(), word("state"), word("step"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_an_application_is_told_to_its_system_with_proof_of_who_tells() {
    let world = a_world().await;
    let endpoint = MockServer::start().await;
    // It is down for the first call of all.
    let down = Mock::given(any()).respond_with(ResponseTemplate::new(503)).up_to_n_times(1);
    down.mount(&endpoint).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(204)).mount(&endpoint).await;

    let exporter = world.filer("Webhook Exports", &["export"], vec![]).await;
    let stranger = world.filer("Stranger Exports", &["export"], vec![]).await;
    let officer = world.official("officer").await;
    let senior = world.official("senior_officer").await;
    let customs = world.office("customs", "customs").await;

    let url = format!("{}/lodestone", endpoint.uri());
    let webhook = asks(&world, &exporter, "POST", "/v1/webhooks", Some(json!({"url": url}))).await;
    let id = text(&webhook, "id").unwrap();
    let first_secret = text(&webhook, "secret").unwrap();
    let licence = a_licence_is_issued(&world, &exporter, &officer, &senior).await;
    customs_lets_pass(&world, &customs, &licence, "500").await;

    let expected = [
        "application.changed submitted",
        "application.changed accepted",
        "application.changed under_review",
        // Whatever was recommended.
        "application.changed countersign",
        "application.changed approved",
        "licence.issued ",
        "licence.used reserved",
        "licence.used confirmed",
    ];
    let calls = wait_until("everything is told", PATIENCE, async || {
        let calls = endpoint.received_requests().await.unwrap();
        // What found it down comes again.
        (told(&calls).len() == expected.len() && expected.len() < calls.len()).then_some(calls)
    })
    .await;
    let mut summaries: Vec<String> = told(&calls).iter().map(summary).collect();
    summaries.sort();
    let mut sorted = expected.map(str::to_owned).to_vec();
    sorted.sort();
    assert_eq!(summaries, sorted);

    // Each is signed, and by nobody else.
    let verifier = Webhook::new(&first_secret).unwrap();
    for call in &calls {
        verifier.verify(&call.body, &call.headers).unwrap();
        let text = String::from_utf8_lossy(&call.body);
        assert!(!text.contains("person") && !text.contains("recommend"), "{text}");
    }
    let other = Webhook::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    assert!(other.verify(&calls[0].body, &calls[0].headers).is_err());

    // Who rather asks finds the same, in the order of the log, and strangers find nothing.
    let feed = asks(&world, &exporter, "GET", "/v1/changes", None).await;
    let listed: Vec<(Value, Value)> = feed["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["index"].clone(), change["data"].clone()))
        .collect();
    let called: Vec<(Value, Value)> =
        told(&calls).iter().map(|call| (call["index"].clone(), call["data"].clone())).collect();
    assert_eq!(listed, called);
    let next = format!("/v1/changes?from={}", feed["next"]);
    let rest = asks(&world, &exporter, "GET", &next, None).await;
    assert_eq!(rest, json!({"changes": [], "next": feed["next"]}));
    let strange = asks(&world, &stranger, "GET", "/v1/changes", None).await;
    assert_eq!(strange["changes"], json!([]));

    // What became of each call can be read.
    let log = wait_until("every call is noted", PATIENCE, async || {
        let log = asks(&world, &exporter, "GET", &format!("/v1/webhooks/{id}/calls"), None).await;
        let calls = log["calls"].as_array().unwrap();
        calls.iter().all(|call| call["state"] == "delivered").then_some(log)
    })
    .await;
    let attempts: u64 = log["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["attempts"].as_u64().unwrap())
        .sum();
    assert_eq!(attempts, 9, "eight calls, one of them twice: {log}");

    // With a new secret, calls carry both signatures for a day, so that nothing is missed.
    let rotated = asks(&world, &exporter, "POST", &format!("/v1/webhooks/{id}/secret"), None).await;
    let second_secret = text(&rotated, "secret").unwrap();
    assert_ne!(first_secret, second_secret);
    let last = feed["changes"][7]["index"].as_u64().unwrap();
    let replay = Some(json!({"from": last}));
    let replayed =
        asks(&world, &exporter, "POST", &format!("/v1/webhooks/{id}/replay"), replay).await;
    assert_eq!(replayed, json!({"calls": 1}));
    let again = wait_until("it is told again", PATIENCE, async || {
        let calls = endpoint.received_requests().await.unwrap();
        let last = calls.last().unwrap();
        last.headers["webhook-signature"].to_str().unwrap().contains(' ').then(|| last.clone())
    })
    .await;
    for secret in [first_secret, second_secret] {
        Webhook::new(&secret).unwrap().verify(&again.body, &again.headers).unwrap();
    }
    assert_eq!(again.headers["webhook-id"], feed["changes"][7]["event"].as_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_is_not_called_any_more() {
    let world = a_world().await;
    let endpoint = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(410)).mount(&endpoint).await;
    let exporter = world.filer("Gone Exports", &["export"], vec![]).await;
    let officer = world.official("officer").await;
    let senior = world.official("senior_officer").await;
    let new = json!({"url": endpoint.uri(), "kinds": ["licence.issued"]});
    let webhook = asks(&world, &exporter, "POST", "/v1/webhooks", Some(new)).await;
    let path = format!("/v1/webhooks/{}", text(&webhook, "id").unwrap());
    a_licence_is_issued(&world, &exporter, &officer, &senior).await;
    let gone = wait_until("it is turned off", PATIENCE, async || {
        let webhook = asks(&world, &exporter, "GET", &path, None).await;
        (webhook["is_active"] == false).then_some(webhook)
    })
    .await;
    assert_eq!(gone["disabled_because"], "it answered that it is gone");
    let calls = endpoint.received_requests().await.unwrap();
    assert_eq!(calls.len(), 1, "about the one kind it asked for, and never again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_of_the_server_is_no_endpoint() {
    // As it is installed: neighbours are not allowed.
    let world = World::start().await;
    let exporter = world.filer("Curious Exports", &["export"], vec![]).await;
    let answer = async |url: &str| -> Answer {
        let form = json!({"url": url});
        let request = world.api.licensing("POST", "/v1/webhooks").by(&exporter.key);
        let request = request.once(&uuid::Uuid::now_v7().to_string());
        world.api.send_once(&request.with(&form)).await.unwrap()
    };
    for url in [
        "http://example.com/hook",
        "https://127.0.0.1:5432/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://localhost/",
        "https://me:secret@example.com/",
        "no address at all",
    ] {
        let refused = answer(url).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{url}: {}", refused.body);
        assert_eq!(refused.body["violations"][0]["pointer"], "/url", "{}", refused.body);
    }
    // One that comes in by another way is refused when it is called.
    let owner = world.stack.database().owner().await;
    let webhook = answer("https://hooks.example/").await;
    assert_eq!(webhook.status, StatusCode::CREATED, "{}", webhook.body);
    let id: uuid::Uuid = text(&webhook.body, "id").unwrap().parse().unwrap();
    let statement = "update lodestone.webhooks set url = 'https://localhost/' where id = $1";
    owner.execute(statement, &[&id]).await.unwrap();
    let officer = world.official("officer").await;
    let senior = world.official("senior_officer").await;
    a_licence_is_issued(&world, &exporter, &officer, &senior).await;
    let path = format!("/v1/webhooks/{id}/calls");
    let error = wait_until("a call failed", PATIENCE, async || {
        let log = asks(&world, &exporter, "GET", &path, None).await;
        log["calls"]
            .as_array()
            .unwrap()
            .iter()
            .find_map(|call| call["last_error"].as_str().map(str::to_owned))
    })
    .await;
    assert!(error.contains("the internet does not reach"), "{error}");
}
