use crate::world::{Person, World, a_draft, today};
use jiff::ToSpan;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_application_is_answered_like_one_that_does_not_exist() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    let another = world.organisation("filer").await;
    let stranger = world.person(another, &["exporter"]).await;
    let nowhere = uuid::Uuid::now_v7().to_string();
    for path in ["", "/submit", "/withdraw", "/reconsideration"] {
        let mut answers = Vec::new();
        for id in [&case, &nowhere] {
            let path = format!("/v1/applications/{id}{path}");
            let answer = if path.ends_with(id.as_str()) {
                world.get(&stranger, &path).await
            } else {
                let body = json!({"grounds": "x"});
                world.on(&stranger, Method::POST, &path, "\"1\"", body).await
            };
            answers.push((answer.status, answer.body));
        }
        assert_eq!(answers[0], answers[1], "{path}");
        assert_eq!(answers[0].0, 404, "{path}");
    }
    let patch = format!("/v1/applications/{case}");
    world.on(&stranger, Method::PATCH, &patch, "\"2\"", json!({})).await.expect(404);
    let theirs = world.get(&stranger, "/v1/applications").await.expect(200);
    assert_eq!(theirs.body["applications"], json!([]));

    let number = world.licence(a_draft("single", "10")).await;
    world.get(&stranger, &format!("/v1/licences/{number}")).await.expect(404);
    let theirs = world.get(&stranger, "/v1/licences").await.expect(200);
    assert_eq!(theirs.body["licences"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_change_is_refused_and_a_missing_version_is_asked_for() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let created =
        world.post(&exporter, "/v1/applications", a_draft("single", "10")).await.expect(201);
    let path = format!("/v1/applications/{}", created.id());
    let contract = json!({"contract": "C-1"});
    world.on(&exporter, Method::PATCH, &path, created.etag(), contract.clone()).await.expect(200);
    world.on(&exporter, Method::PATCH, &path, created.etag(), contract.clone()).await.expect(412);
    world.on(&exporter, Method::PATCH, &path, "3", contract).await.expect(400);
    let without = world.post(&exporter, &format!("{path}/submit"), json!({})).await;
    assert_eq!(without.status, 428);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_in_is_changed_no_more_and_what_is_withdrawn_stays_so() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    let path = format!("/v1/applications/{case}");
    let seen = world.get(&exporter, &path).await.expect(200);
    world
        .on(&exporter, Method::PATCH, &path, seen.etag(), json!({"contract": "C"}))
        .await
        .expect(409);
    let withdraw = format!("{path}/withdraw");
    let gone =
        world.on(&exporter, Method::POST, &withdraw, seen.etag(), json!({})).await.expect(200);
    assert_eq!(gone.body["state"], "withdrawn");
    let again =
        world.on(&exporter, Method::POST, &withdraw, gone.etag(), json!({})).await.expect(409);
    assert!(again.body["detail"].as_str().unwrap().contains("possible now: nothing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_where_their_cursor_says() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    for _ in 0..5 {
        world.submitted(&exporter, a_draft("single", "10")).await;
    }
    for (who, path, list) in
        [(&exporter, "/v1/applications", "applications"), (&officer, "/v1/cases", "cases")]
    {
        let mut numbers = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = world.get(who, &format!("{path}?limit=2{cursor}")).await.expect(200);
            let entries = page.body[list].as_array().unwrap();
            numbers.extend(entries.iter().map(|entry| entry["number"].to_string()));
            match page.body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 5, "{path}");
    }
    let page = world.get(&exporter, "/v1/applications?limit=2").await.expect(200);
    let cursor = page.body["next"].as_str().unwrap();
    world.get(&officer, &format!("/v1/cases?cursor={cursor}")).await.expect(400);
    world.get(&officer, "/v1/cases?limit=0").await.expect(400);
    world.get(&officer, "/v1/cases?state=nowhere").await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_names_a_licence_that_one_holds_and_a_change_what_it_changes() {
    let world = World::start().await;
    let number = world.licence(a_draft("single", "10")).await;
    let exporter = world.exporter().await;
    let asks = async |who: &Person, change: &dyn Fn(&mut Value)| {
        let mut draft = a_draft("single", "20");
        draft["purpose"] = json!("renewal");
        draft["earlier_licence"] = json!(number);
        draft["valid_until"] = json!((today() + 330.days()).to_string());
        change(&mut draft);
        let created = world.post(who, "/v1/applications", draft).await.expect(201);
        let path = format!("/v1/applications/{}", created.id());
        let checklist = world.get(who, &format!("{path}/checklist")).await.expect(200);
        let submit = format!("{path}/submit");
        let handed = world.on(who, Method::POST, &submit, created.etag(), json!({})).await;
        assert_eq!(checklist.body["complete"], handed.status.is_success());
        if !handed.status.is_success() {
            assert_eq!(checklist.body["violations"], handed.body["violations"]);
        }
        handed.faults()
    };
    assert_eq!(asks(&exporter, &|_| {}).await, [""; 0]);
    let elsewhere = |draft: &mut Value| draft["destination"] = json!("FR");
    assert_eq!(asks(&exporter, &elsewhere).await, ["/destination key_element_changed"]);
    let another = world.organisation("filer").await;
    let stranger = world.person(another, &["exporter"]).await;
    assert_eq!(asks(&stranger, &|_| {}).await, ["/earlier_licence unknown_licence"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_of_complete_applications_is_counted_from_what_happened() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let accepted = world.submitted(&exporter, a_draft("single", "10")).await;
    world.acts(&officer, &accepted, "accept", json!({})).await.expect(200);
    let returned = world.submitted(&exporter, a_draft("single", "10")).await;
    let missing = json!({"missing": ["the contract is unreadable"]});
    world.acts(&officer, &returned, "return", missing).await.expect(200);
    world.submitted(&exporter, a_draft("general", "10")).await;
    let path = format!("/v1/first-time-complete?from={}&until={0}", today());
    let rate = world.get(&officer, &path).await.expect(200);
    let expected = json!({"submitted": 3, "judged": 2, "complete": 1, "percent": "50"});
    assert_eq!(rate.body["all"], expected);
    assert_eq!(rate.body["by_kind"]["general"]["percent"], Value::Null);
    world.get(&exporter, &path).await.expect(403);
    let backwards = "/v1/first-time-complete?from=2026-02-01&until=2026-01-01";
    world.get(&officer, backwards).await.expect(400);
}
