use crate::world::{World, a_declaration, a_draft, now};
use base64::{Engine, prelude::BASE64_STANDARD};
use database::{
    Role,
    cases::{Moment, accept_overdue},
};
use domain::regime::Regime;
use ed25519_dalek::{Signature, VerifyingKey};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_application_becomes_a_signed_licence_that_customs_draws_down() {
    let world = World::start().await;
    let (exporter, officer, senior) =
        (world.exporter().await, world.officer().await, world.senior().await);
    let customs = world.customs().await;

    // A draft may lack nearly anything; handing it in names what is missing.
    let created =
        world.post(&exporter, "/v1/applications", json!({"kind": "single"})).await.expect(201);
    let path = format!("/v1/applications/{}", created.id());
    let submit = format!("{path}/submit");
    let refused =
        world.on(&exporter, Method::POST, &submit, created.etag(), json!({})).await.expect(422);
    assert!(
        refused.faults().contains(&"/destination missing_field".to_owned()),
        "{:#}",
        refused.body
    );

    let patched = world
        .on(&exporter, Method::PATCH, &path, created.etag(), a_draft("single", "1000.000"))
        .await
        .expect(200);
    let submitted =
        world.on(&exporter, Method::POST, &submit, patched.etag(), json!({})).await.expect(200);
    assert_eq!(submitted.body["state"], "submitted");
    assert!(submitted.body["acceptance"]["notice_until"].is_string());

    let queue = world.get(&officer, "/v1/cases?state=submitted").await.expect(200);
    let case = queue.body["cases"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(case, created.id());
    world.acts(&officer, &case, "accept", json!({})).await.expect(200);
    let reviewed = world.acts(&officer, &case, "begin_review", json!({})).await.expect(200);
    assert_eq!(reviewed.body["clock"]["working_days_allowed"], 45);
    world
        .acts(&officer, &case, "recommend_approval", json!({"note": "known end user"}))
        .await
        .expect(200);
    let approved = world.acts(&senior, &case, "countersign", json!({})).await.expect(200);
    assert_eq!(approved.body["state"], "approved");

    let licences = world.get(&exporter, "/v1/licences").await.expect(200);
    let number = licences.body["licences"][0]["number"].as_str().unwrap().to_owned();
    let licence = world.get(&exporter, &format!("/v1/licences/{number}")).await.expect(200);
    assert_eq!(licence.body["lines"][0]["left_kg"], "1000.000");
    let keys = world.anybody_gets("/v1/signing-keys").await.expect(200);
    let content = checked(&licence.body["signed"], &keys.body);
    assert_eq!(content, licence.body["content"]);

    let verified = world.anybody_gets(&format!("/v1/verify/{number}")).await.expect(200);
    assert_eq!(verified.body["statement"]["standing"], "issued");
    assert_eq!(checked(&verified.body["signed"], &keys.body), verified.body["statement"]);
    assert!(!verified.body.to_string().contains("Beispiel"), "clients are the holder's secret");

    let reservations = format!("/v1/licences/{number}/reservations");
    let reserved =
        world.post(&customs, &reservations, a_declaration("5301-1", "400.500")).await.expect(201);
    let again =
        world.post(&customs, &reservations, a_declaration("5301-1", "400.500")).await.expect(200);
    assert_eq!(again.id(), reserved.id());
    let confirm = format!("{reservations}/{}/confirm", reserved.id());
    world.post(&customs, &confirm, json!({})).await.expect(200);
    let repeated = world.post(&customs, &confirm, json!({})).await.expect(200);
    assert_eq!(repeated.body["state"], "confirmed");

    let used = world.get(&exporter, &format!("/v1/licences/{number}")).await.expect(200);
    assert_eq!(used.body["lines"][0]["confirmed_kg"], "400.500");
    assert_eq!(used.body["standing"], "exhausted", "the first shipment ends a single licence");
    let second =
        world.post(&customs, &reservations, a_declaration("5301-2", "1")).await.expect(409);
    assert_eq!(second.faults(), [" licence_already_shipped"]);

    world.told().await;
}

impl World {
    /// Everybody else heard of it, in the transactions that made it true.
    async fn told(&self) {
        let owner = self.database.owner().await;
        let rows = owner
            .query("select name, count(*) from lodestone.events where name <> 'regime.imported' group by name order by name", &[])
            .await
            .unwrap();
        let told: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {}", row.get::<_, String>(0), row.get::<_, i64>(1)))
            .collect();
        assert_eq!(
            told,
            [
                "application.submitted 1",
                "case.moved 4",
                "case.worked 1",
                "confidential.read 4",
                "licence.issued 1",
                "licence.used 2",
            ]
        );
        assert_eq!(self.database.count("lodestone.outbox").await, 14);
    }
}

/// The signed content, after its signature was checked with the published key.
pub(crate) fn checked(signed: &Value, keys: &Value) -> Value {
    let bytes = |value: &Value| BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["key_id"] == signed["key_id"]).unwrap();
    let key: [u8; 32] = bytes(&key["public_key"]).try_into().unwrap();
    let signature = Signature::from_slice(&bytes(&signed["signature"])).unwrap();
    let content = bytes(&signed["content"]);
    VerifyingKey::from_bytes(&key).unwrap().verify_strict(&content, &signature).unwrap();
    serde_json::from_slice(&content).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_why_and_is_reconsidered_by_others() {
    let world = World::start().await;
    let (exporter, officer, senior) =
        (world.exporter().await, world.officer().await, world.senior().await);
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    world.acts(&officer, &case, "accept", json!({})).await.expect(200);
    world.acts(&officer, &case, "begin_review", json!({})).await.expect(200);
    let refusal =
        json!({"reason": "end_user_or_end_use", "note": "the end user could not be found"});
    world.acts(&officer, &case, "recommend_refusal", refusal).await.expect(200);

    let own = format!("/v1/applications/{case}");
    let seen = world.get(&exporter, &own).await.expect(200);
    assert!(!seen.body.to_string().contains("could not be found"), "nothing is decided yet");
    world.acts(&senior, &case, "countersign", json!({})).await.expect(409);
    world.acts(&senior, &case, "confirm_refusal", json!({})).await.expect(200);
    let seen = world.get(&exporter, &own).await.expect(200);
    assert_eq!(seen.body["refusal"]["reason"], "end_user_or_end_use");
    assert_eq!(seen.body["refusal"]["note"], "the end user could not be found");

    let ask = format!("{own}/reconsideration");
    let grounds = json!({"grounds": "here is the certificate"});
    world.on(&exporter, Method::POST, &ask, seen.etag(), grounds).await.expect(200);
    let same = world.acts(&officer, &case, "begin_review", json!({})).await.expect(403);
    assert!(same.body["detail"].as_str().unwrap().contains("first decision"));
    let (another, other_senior) = (world.officer().await, world.senior().await);
    world.acts(&another, &case, "begin_review", json!({})).await.expect(200);
    world.acts(&another, &case, "recommend_approval", json!({"note": "it is"})).await.expect(200);
    world.acts(&senior, &case, "countersign", json!({})).await.expect(403);
    world.acts(&other_senior, &case, "countersign", json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn papers_that_are_missing_are_named_once_and_the_application_comes_back() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    world.acts(&officer, &case, "return", json!({"missing": []})).await.expect(422);
    world.acts(&officer, &case, "return", json!({"missing": ["translation"]})).await.expect(200);
    let own = format!("/v1/applications/{case}");
    let seen = world.get(&exporter, &own).await.expect(200);
    assert_eq!(
        (&seen.body["state"], &seen.body["missing"][0]),
        (&json!("returned"), &json!("translation"))
    );
    let contract = json!({"contract": "C-1"});
    let patched = world.on(&exporter, Method::PATCH, &own, seen.etag(), contract).await.expect(200);
    let submit = format!("{own}/submit");
    world.on(&exporter, Method::POST, &submit, patched.etag(), json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_objected_to_in_five_working_days_counts_as_accepted() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    let owner = world.database.owner().await;
    for (table, column, id) in
        [("cases", "submitted_at", "id"), ("case_events", "occurred_at", "case_id")]
    {
        let statement = format!(
            "update lodestone.{table} set {column} = {column} - interval '30 days' where {id} = '{case}'"
        );
        owner.batch_execute(&statement).await.unwrap();
    }
    // Too late to send it back: the passing of time takes effect first.
    let late = world
        .acts(&officer, &case, "return", json!({"missing": ["translation"]}))
        .await
        .expect(409);
    assert!(late.body["detail"].as_str().unwrap().contains("accepted"), "{:#}", late.body);
    let begun = world.acts(&officer, &case, "begin_review", json!({})).await.expect(200);
    let actions: Vec<&str> = begun.body["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| step["action"].as_str())
        .collect();
    assert_eq!(actions, ["create", "submit", "deem_accepted", "begin_review"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_too_long_is_accepted_without_anybody_looking() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let (old, new) = (
        world.submitted(&exporter, a_draft("single", "10")).await,
        world.submitted(&exporter, a_draft("single", "10")).await,
    );
    let owner = world.database.owner().await;
    let statement = format!(
        "update lodestone.cases set submitted_at = submitted_at - interval '30 days' where id = '{old}'"
    );
    owner.batch_execute(&statement).await.unwrap();
    let pool = world.database.pool(Role::Licensing);
    let mut conn = pool.get().await.unwrap();
    let moment = Moment { at: now(), traceparent: None };
    let regime = Regime::default_china_2025();
    assert_eq!(accept_overdue(&mut conn, &moment, &regime).await.unwrap(), 1);
    assert_eq!(accept_overdue(&mut conn, &moment, &regime).await.unwrap(), 0);
    for (case, state) in [(old, "accepted"), (new, "submitted")] {
        let seen = world.get(&exporter, &format!("/v1/applications/{case}")).await.expect(200);
        assert_eq!(seen.body["state"], state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_worker_suspects_is_shown_to_the_officer_and_never_to_the_applicant() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let draft =
        world.post(&exporter, "/v1/applications", a_draft("single", "10")).await.expect(201);
    world.get(&officer, &format!("/v1/cases/{}", draft.id())).await.expect(404);
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    let owner = world.database.owner().await;
    let statement = format!(
        "insert into lodestone.application_assessments
            (id, case_id, case_version, risk, reasons, assessed_at)
         values ('{case}', '{case}', 2, 'high', '[\"party_on_list\"]', now())"
    );
    owner.batch_execute(&statement).await.unwrap();
    let seen = world.get(&officer, &format!("/v1/cases/{case}")).await.expect(200);
    assert_eq!(seen.body["assessment"]["risk"], "high");
    let own = world.get(&exporter, &format!("/v1/applications/{case}")).await.expect(200);
    assert!(!own.body.to_string().contains("party_on_list"), "{:#}", own.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agency_sees_and_answers_what_it_was_asked_and_nothing_else() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let (agency, stranger) =
        (world.organisation("agency").await, world.organisation("agency").await);
    let adviser = world.person(agency, &["agency_adviser"]).await;
    let other = world.person(stranger, &["agency_adviser"]).await;
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    world.acts(&officer, &case, "accept", json!({})).await.expect(200);
    world.acts(&officer, &case, "begin_review", json!({})).await.expect(200);
    let path = format!("/v1/cases/{case}");
    world.get(&adviser, &path).await.expect(404);
    let question = json!({"agency": agency, "question": "is the end user known to you?"});
    world.acts(&officer, &case, "ask_agency", question).await.expect(200);
    world.get(&adviser, &path).await.expect(200);
    world.get(&other, &path).await.expect(404);
    let advice = json!({"advice": "approve", "note": "it is"});
    world.acts(&other, &case, "advise", advice.clone()).await.expect(404);
    world.acts(&adviser, &case, "advise", advice).await.expect(200);
    let seen = world.get(&officer, &path).await.expect(200);
    assert_eq!(seen.body["state"], "under_final_review");
}
