//! Monthly returns and receipts: what is due, what the books say, and proof of what was told.

use crate::world::{Answer, Filer, World, now, signing_key};
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::calendar_month::{Month, beijing_date};
use ed25519_dalek::Signature;
use serde_json::{Value, json};

async fn files(world: &World, filer: &Filer, key: &str, form: &Value) -> Answer {
    let ask = world.post("/v1/filings", form).by(&filer.key).header("Idempotency-Key", key);
    ask.answer().await
}

async fn closes(world: &World, filer: &Filer, key: &str, form: &Value) -> Answer {
    let ask = world.post("/v1/returns", form).by(&filer.key).header("Idempotency-Key", key);
    ask.answer().await
}

fn extraction(month: Month) -> Value {
    let day = month.first_day();
    json!({
        "kind": "extraction", "reference": "EXT-1", "site": "S1", "happened_at": format!("{day}T10:00:00+08:00"),
        "lines": [{"lot": "L-1", "product": "P1", "quantity_kg": "120.000"}],
    })
}

/// What was signed, if the key of the process signed it.
fn opened(receipt: &Value) -> Value {
    let decoded = |member: &str| BASE64_STANDARD.decode(receipt[member].as_str().unwrap()).unwrap();
    let signature = Signature::from_slice(&decoded("signature")).unwrap();
    let content = decoded("content");
    signing_key().verifying_key().verify_strict(&content, &signature).unwrap();
    serde_json::from_slice(&content).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_sees_what_is_due_and_missing_and_closes_the_month_in_one_call() {
    let world = World::start().await;
    world.import_regime().await;
    let filer = world.filer().await;
    let this_month = Month::of(beijing_date(now()));
    files(&world, &filer, "1", &extraction(this_month)).await.expect(201);

    let shown = world.get("/v1/returns").by(&filer.key).answer().await.expect(200);
    // Registered this month: nothing is owed for what came before.
    assert_eq!(shown.body["returns"].as_array().unwrap().len(), 1, "{}", shown.text);
    let owed = &shown.body["returns"][0];
    assert_eq!((&owed["site"], &owed["standing"]), (&json!("S1"), &json!("month_open")));
    let due = this_month.next().first_day().with().day(10).build().unwrap();
    assert_eq!(owed["due"], due.to_string());
    let duty = &shown.body["duties"][0];
    assert_eq!((&duty["stage"], &duty["deadline_day"]), (&json!("mining"), &json!(10)));
    assert_eq!(
        (&duty["article"], &duty["verification"]),
        (&json!("D785 art 14; O71"), &json!("transcription"))
    );

    let books = world.get(&format!("/v1/returns/{this_month}")).by(&filer.key).answer().await;
    let books = books.expect(200).body;
    let site = &books["sites"][0];
    assert_eq!(site["opening"]["gross_kg"], "0.000");
    assert_eq!(site["flows"][0]["kind"], "extraction");
    assert_eq!(site["flows"][0]["direction"], "came");
    assert_eq!(site["flows"][0]["gross_kg"], "120.000");
    assert_eq!(site["closing"]["gross_kg"], "120.000");
    assert!(0 < site["closing"]["elements_mg"]["Dy"].as_i64().unwrap());
    assert_eq!(books["missing"][0]["what"], "stocktake");
    assert_eq!(books["form"], json!({"month": this_month, "nil": false}));

    let filed = closes(&world, &filer, "r", &books["form"]).await.expect(201);
    assert_eq!(filed.body["returns"][0]["reference"], format!("RETURN-{this_month}-S1"));
    // The same again, and another call for the same month: nothing new.
    assert_eq!(closes(&world, &filer, "r", &books["form"]).await.expect(200).body, filed.body);
    closes(&world, &filer, "s", &books["form"]).await.expect(200);
    assert_eq!(world.database.count("filings where kind = 'monthly_return'").await, 1);
    let shown = world.get("/v1/returns").by(&filer.key).answer().await.expect(200);
    assert_eq!(shown.body["returns"][0]["standing"], "filed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_filing_moves_between_the_months_it_was_claimed_for() {
    let world = World::start().await;
    world.import_regime().await;
    let filer = world.filer().await;
    let (before, month): (Month, Month) = ("2026-08".parse().unwrap(), "2026-09".parse().unwrap());
    files(&world, &filer, "1", &extraction(month)).await.expect(201);
    let mut corrected = extraction(before);
    corrected["correction"] = json!({"version": 2, "reason": "the month was wrong"});
    files(&world, &filer, "2", &corrected).await.expect(201);

    let books = async |month: Month| {
        let ask = world.get(&format!("/v1/returns/{month}")).by(&filer.key);
        ask.answer().await.expect(200).body["sites"][0].clone()
    };
    let (august, september) = (books(before).await, books(month).await);
    assert_eq!(august["closing"]["gross_kg"], "120.000");
    assert_eq!(september["opening"]["gross_kg"], "120.000");
    // Claimed and taken back: as if it had never come.
    assert_eq!(september["flows"][0]["gross_kg"], "0.000", "{september}");
    assert_eq!(september["closing"]["gross_kg"], "120.000");
    // August was over long before anything was filed for it.
    let late = closes(&world, &filer, "r", &json!({"month": before, "nil": false})).await;
    late.expect(201);
    let shown = world.get("/v1/returns?from=2026-08&until=2026-09").by(&filer.key).answer().await;
    let standings: Vec<_> = shown.expect(200).body["returns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shown| {
            format!("{} {}", shown["month"].as_str().unwrap(), shown["standing"].as_str().unwrap())
        })
        .collect();
    // Something was filed for September once, so its return is asked for.
    assert_eq!(standings, ["2026-09 overdue", "2026-08 filed_late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_proves_what_was_told_when_and_is_the_same_ever_after() {
    let world = World::start().await;
    let filer = world.filer().await;
    let form = extraction("2026-10".parse().unwrap());
    let told = files(&world, &filer, "1", &form).await.expect(201);
    let content = opened(&told.body["receipt"]);
    assert_eq!(content["filing"], told.body["id"]);
    assert_eq!(content["organisation"], filer.id.to_string());
    assert_eq!((&content["reference"], &content["version"]), (&json!("EXT-1"), &json!(1)));
    assert_eq!(content["recorded_at"], told.body["recorded_at"]);
    // The claim in UTC, with nothing that is absent: anybody can hash it again.
    let mut claim = form.clone();
    claim["happened_at"] = json!("2026-10-01T02:00:00Z");
    let canonical = domain::canonical::canonical_json(&claim).unwrap();
    assert_eq!(content["content_sha256"], domain::canonical::sha256_hex(&canonical));

    let again = files(&world, &filer, "1", &form).await.expect(200);
    assert_eq!(again.body["receipt"], told.body["receipt"]);
    let path = format!("/v1/filings/{}/receipt", told.id("id"));
    let shown = world.get(&path).by(&filer.key).answer().await.expect(200);
    assert_eq!(shown.body["receipt"], told.body["receipt"]);
    assert_eq!(shown.body["content"], content);
    let stranger = world.filer().await;
    world.get(&path).by(&stranger.key).answer().await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn returns_that_cannot_be_are_refused_with_what_would_be_right() {
    let world = World::start().await;
    world.import_regime().await;
    let filer = world.filer().await;
    world.get("/v1/returns/2026-13").by(&filer.key).answer().await.expect(404);
    world.get("/v1/returns?from=2026-05&until=2026-01").by(&filer.key).answer().await.expect(400);
    world.get("/v1/returns?from=2000-01&until=2026-01").by(&filer.key).answer().await.expect(400);
    let unknown = json!({"month": "2026-10", "nil": true, "site": "S9"});
    let unknown = closes(&world, &filer, "1", &unknown).await.expect(422);
    assert_eq!(unknown.faults(), ["/site unknown_site"]);
    closes(&world, &filer, "2", &json!({"month": "October", "nil": true})).await.expect(400);
    let future = closes(&world, &filer, "3", &json!({"month": "2999-01", "nil": true})).await;
    assert!(future.expect(422).faults()[0].starts_with("/month"));
    assert_eq!(world.database.count("filings").await, 0);
}
