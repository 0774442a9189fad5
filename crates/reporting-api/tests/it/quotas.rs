//! A group of two firms draws on its quotas, corrects itself, and everybody sees what is theirs.

use crate::world::{Filer, World};
use database::balances;
use serde_json::{Value, json};
use uuid::Uuid;

async fn joins(world: &World, administrator: &str, filer: &Filer, group: Uuid) {
    let path = format!("/v1/organisations/{}", filer.id);
    let change = world.ask(&reqwest::Method::PATCH, &path).with(&json!({ "group": group }));
    change.by(administrator).answer().await.expect(200);
}

async fn files(world: &World, filer: &Filer, form: Value) -> Value {
    let key = form.to_string().len().to_string() + form["reference"].as_str().unwrap();
    let post = world.post("/v1/filings", &form).by(&filer.key).header("Idempotency-Key", &key);
    post.answer().await.expect(201).body
}

fn extraction(reference: &str, kg: &str, version: Option<u16>) -> Value {
    let mut form = json!({
        "kind": "extraction", "reference": reference, "site": "S1",
        "happened_at": "2026-09-02T10:00:00+08:00",
        "lines": [{"lot": reference, "product": "P1", "quantity_kg": kg}],
    });
    if let Some(version) = version {
        form["correction"] = json!({"version": version, "reason": "a slip of the pen"});
    }
    form
}

fn separation(reference: &str, from: &str, kg: &str, month: &str) -> Value {
    json!({
        "kind": "transformation", "process": "separation", "reference": reference, "site": "S1",
        "happened_at": format!("2026-{month}-05T10:00:00+08:00"),
        "inputs": [{"lot": from, "quantity_kg": kg}],
        "outputs": [{"lot": format!("{reference}-OUT"), "product": "P1", "quantity_kg": kg}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_drawn_down_live_by_every_firm_of_the_group_and_corrections_give_back() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let (mine, plant, stranger) = (world.filer().await, world.filer().await, world.filer().await);
    let group = json!({"name_zh": "集团", "name_en": "Group"});
    let group = world.post("/v1/groups", &group).by(&administrator).answer().await.expect(201);
    let group = group.id("id");
    joins(&world, &administrator, &mine, group).await;
    joins(&world, &administrator, &plant, group).await;
    for (scope, batch, kg) in
        [("mining", 1, "1000"), ("mining", 2, "500"), ("separation", 1, "100")]
    {
        let form = json!({"group": group, "year": 2026, "scope": scope, "batch": batch,
            "granted_reo_kg": kg, "source": "test", "verification": "fictitious"});
        world.post("/v1/regime/quotas", &form).by(&administrator).answer().await.expect(201);
    }

    // 99.9 % dysprosium oxide: nearly all of it counts.
    let lot = files(&world, &mine, extraction("E1", "1200", None)).await;
    files(&world, &plant, extraction("E2", "100", None)).await;
    files(&world, &plant, separation("T1", "E2", "60", "10")).await;
    files(&world, &mine, separation("T2", "E1", "80", "11")).await;
    assert_eq!(lot["month"], "2026-09");

    let shown = world.get("/v1/quotas").by(&plant.key).answer().await.expect(200).body;
    let (mining, separated) = (&shown["quotas"][0], &shown["quotas"][1]);
    assert_eq!(shown["quotas"].as_array().unwrap().len(), 2, "{shown}");
    assert_eq!((&mining["scope"], &mining["drawn_reo_kg"]), (&json!("mining"), &json!("1298.699")));
    assert_eq!(mining["granted_reo_kg"], "1500.000");
    assert_eq!(mining["remaining_reo_kg"], "201.301");
    assert_eq!(mining["batches"][0]["remaining_reo_kg"], "0.000");
    assert_eq!(mining["batches"][1]["drawn_reo_kg"], "298.699");
    assert_eq!(mining["by_firm"].as_array().unwrap().len(), 2);
    assert_eq!(separated["remaining_reo_kg"], "-39.859", "more was separated than granted");
    let months: Vec<_> = separated["by_month"].as_array().unwrap().iter().collect();
    assert_eq!((&months[0]["month"], &months[1]["month"]), (&json!("2026-10"), &json!("2026-11")));
    assert_eq!(months[1]["drawn_to_date_reo_kg"], separated["drawn_reo_kg"]);

    // A correction takes back what it replaces, in the month it was counted in.
    files(&world, &mine, extraction("E1", "700", Some(2))).await;
    let shown = world.get("/v1/quotas?scope=mining").by(&mine.key).answer().await.expect(200).body;
    assert_eq!(shown["quotas"][0]["drawn_reo_kg"], "799.199");
    assert_eq!(balances::check(&world.database.target(), 10).await.unwrap(), []);
    world.sql("update monthly_flows set dy_mg = dy_mg + 1 where flow = 'produced' and process = 'separation'").await;
    let found = balances::check(&world.database.target(), 10).await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|found| found.what == "flow_differs"));
    balances::rebuild(&world.database.target()).await.unwrap();
    assert_eq!(balances::check(&world.database.target(), 10).await.unwrap(), []);

    // Others' groups are not there; officials see all, say why, and the firms can see that.
    let path = format!("/v1/quotas?group={group}");
    world.get(&path).by(&stranger.key).answer().await.expect(404);
    let none = world.get("/v1/quotas").by(&stranger.key).answer().await.expect(200);
    assert_eq!(none.body["quotas"], json!([]));
    let analyst = world.colleague(&administrator, "analyst@authority.example", &["analyst"]).await;
    world.get(&path).by(&analyst).answer().await.expect(400);
    let first =
        world.get("/v1/quotas?limit=1").by(&analyst).header("Lodestone-Purpose", "burn-down");
    let first = first.answer().await.expect(200).body;
    let next = format!("/v1/quotas?limit=1&cursor={}", first["next"].as_str().unwrap());
    let second = world.get(&next).by(&analyst).header("Lodestone-Purpose", "burn-down");
    let second = second.answer().await.expect(200).body;
    assert_eq!(first["quotas"][0]["scope"], "mining");
    assert_eq!(second["quotas"][0]["scope"], "separation");
    for firm in [&mine, &plant] {
        let session = world.sign_in(&firm.email).await;
        let log = world.get("/v1/access-log").by(&session).answer().await.expect(200).body;
        let reads = log["reads"].as_array().unwrap();
        assert_eq!((reads.len(), &reads[0]["purpose"]), (2, &json!("burn-down")), "{log}");
    }
}
