//! The law as rows, quotas, listed parties; and what went wrong, for the administrator.

use crate::world::{World, now};
use database::dead_letters::{self, DeadLetter};
use domain::regime::Regime;
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_the_law_is_compared_imported_and_takes_effect_when_it_is_to() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let filer = world.filer().await;
    world.get("/v1/regime/rows").by(&filer.key).answer().await.expect(404);
    let rows = serde_json::to_value(Regime::default_china_2025().rows()).unwrap();
    let import = |form: Value, by: &str| world.post("/v1/regime/versions", &form).by(by).answer();
    import(json!({"rows": rows}), &filer.key).await.expect(403);
    let first = import(json!({"rows": rows}), &administrator).await.expect(201);
    assert_eq!(first.body["in_force"], true);
    assert_eq!(first.said("version"), Regime::default_china_2025().version().as_str());
    let again = import(json!({"rows": rows}), &administrator).await.expect(200);
    assert_eq!(again.text, first.text);

    let shown = world.get("/v1/regime/rows?kind=control_item").by(&filer.key).answer().await;
    let shown = shown.expect(200);
    assert_eq!(shown.body["rows"].as_array().unwrap().len(), 73 + 74);
    let day = "/v1/regime/rows?kind=calendar_year&as_of=2026-11-10";
    world.get(day).by(&filer.key).answer().await.expect(200);
    world.get("/v1/regime/rows?kind=weather").by(&filer.key).answer().await.expect(400);

    let mut changed = rows.as_array().unwrap().clone();
    let gone = changed.pop().unwrap();
    let diff = json!({"rows": changed});
    let seen = world.post("/v1/regime/diff", &diff).by(&administrator).answer().await.expect(200);
    assert_eq!(seen.body["changes"], json!([{"change": "removed", "row": gone}]));
    world.post("/v1/regime/diff", &diff).by(&filer.key).answer().await.expect(403);

    let later = now() + SignedDuration::from_hours(1);
    let form = json!({"rows": changed, "takes_effect_at": later});
    let imported = import(form, &administrator).await.expect(201);
    assert_eq!(imported.body["in_force"], false);
    assert_eq!(imported.said("version"), seen.said("after"));
    let listed = world.get("/v1/regime/versions").by(&filer.key).answer().await.expect(200);
    let in_force: Vec<_> =
        listed.body.as_array().unwrap().iter().map(|version| &version["in_force"]).collect();
    assert_eq!(in_force, [&json!(false), &json!(true)]);
    assert_eq!(world.events("regime.imported").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_law_are_named_and_nothing_is_imported() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let row = |kind: &str, key: &str, content: Value| json!({"kind": kind, "key": key, "content": content, "source": "x", "verification": "fictitious"});
    let good = row("parameter", "dy_tb_threshold", json!({"value": "0.1"}));
    let mut backwards = row("quota", "q", json!({}));
    backwards["from"] = "2026-01-02".into();
    backwards["until"] = "2026-01-01".into();
    let form = json!({"rows": [good.clone(), good, backwards]});
    let refused = world.post("/v1/regime/versions", &form).by(&administrator).answer().await;
    let faults = refused.expect(422).faults().join("\n");
    assert!(faults.contains("/rows/1/key key_twice"), "{faults}");
    assert!(faults.contains("/rows/2/until out_of_range"), "{faults}");
    assert!(faults.contains("/content unreadable_row"), "{faults}");
    let past = json!({"rows": [], "takes_effect_at": "2020-01-01T00:00:00Z"});
    let refused = world.post("/v1/regime/versions", &past).by(&administrator).answer().await;
    assert_eq!(refused.expect(422).faults(), ["/takes_effect_at out_of_range"]);
    assert_eq!(world.database.count("regime_versions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_granted_its_quota_batch_by_batch_and_sees_nobody_elses() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let mut groups = Vec::new();
    for name in ["North", "South"] {
        let form = json!({"name_zh": name, "name_en": name});
        let group = world.post("/v1/groups", &form).by(&administrator).answer().await.expect(201);
        groups.push(group.id("id"));
    }
    let quota = |group: Uuid, batch: u16, kilograms: &str| {
        json!({"group": group, "year": 2026, "scope": "mining", "batch": batch,
            "granted_reo_kg": kilograms, "source": "made up", "verification": "fictitious"})
    };
    let grant = async |form: Value| {
        world.post("/v1/regime/quotas", &form).by(&administrator).answer().await
    };
    let granted = grant(quota(groups[0], 1, "188650000.000")).await.expect(201);
    assert_eq!(granted.said("granted_reo_kg"), "188650000.000");
    grant(quota(groups[0], 1, "1.000")).await.expect(409);
    grant(quota(groups[0], 2, "1.000")).await.expect(201);
    grant(quota(groups[1], 1, "2.000")).await.expect(201);
    grant(quota(Uuid::now_v7(), 1, "1")).await.expect(404);
    let wrong = grant(quota(groups[0], 0, "-1")).await.expect(422);
    assert_eq!(wrong.faults(), ["/batch out_of_range", "/granted_reo_kg invalid_mass"]);

    let mut form = world.filer_form();
    form["group"] = json!(groups[1]);
    let filer = world.post("/v1/organisations", &form).by(&administrator).answer().await;
    let filer = filer.expect(201).said("first_key/key").to_owned();
    let own = world.get("/v1/regime/quotas").by(&filer).answer().await.expect(200);
    assert_eq!(own.body["quotas"].as_array().unwrap().len(), 1);
    assert_eq!(own.body["quotas"][0]["group"], json!(groups[1]));
    let others = format!("/v1/regime/quotas?group={}", groups[0]);
    world.get(&others).by(&filer).answer().await.expect(404);
    let all = world.get("/v1/regime/quotas").by(&administrator).answer().await.expect(200);
    assert_eq!(all.body["quotas"].as_array().unwrap().len(), 3);
    let nobodys = world.filer().await;
    let none = world.get("/v1/regime/quotas").by(&nobodys.key).answer().await.expect(200);
    assert_eq!(none.body["quotas"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_is_listed_from_a_day_and_until_another() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let form = json!({"list": "control", "name": "Acme Arms", "country": "US",
        "valid_from": "2026-01-09", "source": "made up", "verification": "fictitious"});
    let listed = world.post("/v1/regime/listed-parties", &form).by(&administrator).answer().await;
    let id = listed.expect(201).id("id");
    let count = async |day: &str| {
        let path = format!("/v1/regime/listed-parties{day}");
        let found = world.get(&path).by(&administrator).answer().await.expect(200);
        found.body["parties"].as_array().unwrap().len()
    };
    assert_eq!((count("?as_of=2026-01-08").await, count("?as_of=2026-01-09").await), (0, 1));
    let end = format!("/v1/regime/listed-parties/{id}/end");
    let until = |day: &str| json!({"valid_until": day});
    world.post(&end, &until("2026-01-09")).by(&administrator).answer().await.expect(404);
    world.post(&end, &until("2026-02-01")).by(&administrator).answer().await.expect(204);
    assert_eq!((count("?as_of=2026-01-31").await, count("?as_of=2026-02-01").await), (1, 0));
    assert_eq!(count("").await, 1);
    let changes: Vec<_> =
        world.events("party.listed").await.iter().map(|e| e["change"].clone()).collect();
    assert_eq!(changes, ["listed", "delisted from 2026-02-01"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_shown_to_the_administrator_and_replayed_once() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let letter = DeadLetter {
        consumer: "worker.filings".to_owned(),
        message: Uuid::now_v7(),
        event: "filing.recorded".to_owned(),
        body: b"{}".to_vec(),
        traceparent: None,
        error: Some("it was too heavy".to_owned()),
    };
    let pool = world.database.pool(database::Role::Relay);
    dead_letters::store(&mut pool.get().await.unwrap(), &[letter], now()).await.unwrap();
    let listed = world.get("/v1/dead-letters").by(&administrator).answer().await.expect(200);
    let letter = &listed.body["dead_letters"][0];
    assert_eq!(letter["error"], "it was too heavy");
    let replay = format!("/v1/dead-letters/{}/replay", letter["id"].as_str().unwrap());
    let filer = world.filer().await;
    world.post(&replay, &json!({})).by(&filer.key).answer().await.expect(403);
    world.post(&replay, &json!({})).by(&administrator).answer().await.expect(202);
    world.post(&replay, &json!({})).by(&administrator).answer().await.expect(404);
    assert_eq!(world.events("dead_letter.replay_requested").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_where_on_something_is_suspicious_is_told_to_officials_only() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let filer = world.filer().await;
    let mut rows = serde_json::to_value(Regime::default_china_2025().rows()).unwrap();
    rows.as_array_mut().unwrap().push(json!({
        "kind": "detector_parameter", "key": "balance_sigmas", "content": {"value": "3.75", "unit": "sigma"},
        "source": "x", "verification": "fictitious",
    }));
    let form = json!({ "rows": rows });
    world.post("/v1/regime/versions", &form).by(&administrator).answer().await.expect(201);
    for path in ["/v1/regime/rows", "/v1/regime/rows?kind=detector_parameter"] {
        let told = world.get(path).by(&filer.key).answer().await.expect(200);
        assert!(!told.text.contains("balance_sigmas") && !told.text.contains("3.75"), "{path}");
        let told = world.get(path).by(&administrator).answer().await.expect(200);
        assert!(told.text.contains("balance_sigmas"), "{path}");
    }
}
