//! From ore to magnet across four companies, traced by each of them and by an official.

use crate::world::{Answer, Filer, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A company whose products hold dysprosium, and how others name it.
struct Company {
    filer: Filer,
    uscc: String,
    name: String,
}

async fn company(world: &World) -> Company {
    let mut form = world.filer_form();
    let product = |code: &str, category: &str, dy: &str| {
        json!({
            "code": code, "name_zh": code, "name_en": code, "category": category,
            "hs_code": "28469015", "composition": {"percent": {"Dy": dy}},
        })
    };
    form["products"] = json!([
        product("ORE", "ore", "1"),
        product("OXIDE", "oxide", "80"),
        product("MAGNET", "magnet", "5"),
        product("SCRAP", "scrap", "5"),
    ]);
    let administrator = world.administrator().await;
    let registered =
        world.post("/v1/organisations", &form).by(&administrator).answer().await.expect(201);
    Company {
        filer: Filer {
            id: registered.id("id"),
            person: registered.id("first_administrator"),
            email: form["first_administrator"]["email"].as_str().expect("it is said").to_owned(),
            key: registered.said("first_key/key").to_owned(),
            key_id: registered.id("first_key/id"),
        },
        uscc: form["uscc"].as_str().expect("it is said").to_owned(),
        name: form["name_en"].as_str().expect("it is said").to_owned(),
    }
}

/// Files something of October and answers it.
async fn files(world: &World, by: &Company, mut form: Value) -> Answer {
    form["site"] = json!("S1");
    form["happened_at"] = json!("2026-10-10T10:00:00+08:00");
    let version = form["correction"]["version"].as_u64().unwrap_or(1);
    let key =
        format!("{} {version}", form["reference"].as_str().expect("it is said")).replace(' ', "/");
    let request = world.post("/v1/filings", &form).by(&by.filer.key);
    request.header("Idempotency-Key", &key).answer().await.expect(201)
}

fn made(
    reference: &str,
    process: &str,
    inputs: &[(&str, &str)],
    outputs: &[(&str, &str, &str)],
) -> Value {
    let inputs: Vec<Value> =
        inputs.iter().map(|(lot, kg)| json!({"lot": lot, "quantity_kg": kg})).collect();
    let outputs: Vec<Value> = outputs
        .iter()
        .map(|(lot, product, kg)| json!({"lot": lot, "product": product, "quantity_kg": kg}))
        .collect();
    json!({"kind": "transformation", "process": process, "reference": reference, "inputs": inputs, "outputs": outputs})
}

fn mined(reference: &str, lot: &str, kg: &str) -> Value {
    json!({"kind": "extraction", "reference": reference,
        "lines": [{"lot": lot, "product": "ORE", "quantity_kg": kg}]})
}

async fn delivers(world: &World, seller: &Company, buyer: &Company, lot: &str, kg: &str) {
    let dispatch = files(
        world,
        seller,
        json!({
            "kind": "dispatch", "reference": format!("D-{lot}"),
            "client": {"name": buyer.name, "identifier": buyer.uscc, "country": "CN"},
            "lines": [{"lot": lot, "quantity_kg": kg}],
        }),
    )
    .await;
    files(world, buyer, json!({
        "kind": "receipt", "reference": format!("R-{lot}"), "movement": dispatch.said("movement"),
        "outcome": "satisfactory", "lines": [{"lot": lot, "quantity_kg": kg}],
    }))
    .await;
}

/// The lots that a filing made, by number.
fn lots(answer: &Answer) -> BTreeMap<String, Uuid> {
    let lots = answer.body["lots"].as_array().expect("it is said");
    lots.iter()
        .map(|lot| {
            let text = |name: &str| lot[name].as_str().expect("it is said");
            (text("lot").to_owned(), text("id").parse().expect("it is said"))
        })
        .collect()
}

/// Who sees what of a trace: each lot by its number or not at all, with its dysprosium.
fn told(answer: &Answer) -> String {
    let nodes = answer.body["nodes"].as_array().expect("it is said").iter().map(|node| {
        let dy = &node["share_mg"]["Dy"];
        let known = node["known"]["number"].as_str().unwrap_or("?");
        let maker = node["known"]["maker"]["name_en"].as_str().unwrap_or("?");
        let ends = node["ends_mg"]["Dy"].as_i64().unwrap_or(0);
        let moved = node["movements"].as_array().map_or(0, Vec::len);
        format!(
            "{} {known} of {maker}: {} <= {} <= {}, ends {ends}, moved {moved}",
            node["distance"], dy["lower"], dy["best"], dy["upper"]
        )
    });
    let mut nodes: Vec<String> = nodes.collect();
    nodes.sort();
    nodes.join("\n")
}

struct Chain {
    mine: Company,
    separator: Company,
    maker: Company,
    user: Company,
    lots: BTreeMap<String, Uuid>,
}

/// Two ores are separated in one month to two oxides; one of them, with scrap of the magnets that
/// were made of it, becomes magnets.
async fn chain(world: &World) -> Chain {
    let (mine, separator) = (company(world).await, company(world).await);
    let (maker, user) = (company(world).await, company(world).await);
    let mut known = BTreeMap::new();
    for (lot, kg) in [("ORE-A", "8000"), ("ORE-B", "2000")] {
        let mined = files(world, &mine, mined(&format!("X-{lot}"), lot, kg)).await;
        known.extend(lots(&mined));
        delivers(world, &mine, &separator, &known[lot].to_string(), kg).await;
    }
    for (reference, ore, oxide, ore_kg) in
        [("S-1", "ORE-A", "OX-1", "8000"), ("S-2", "ORE-B", "OX-2", "2000")]
    {
        let form = made(
            reference,
            "separation",
            &[(&known[ore].to_string(), ore_kg)],
            &[(oxide, "OXIDE", "62.5")],
        );
        known.extend(lots(&files(world, &separator, form).await));
    }
    delivers(world, &separator, &maker, &known["OX-1"].to_string(), "62.5").await;
    let form = made(
        "M-1",
        "magnet_making",
        &[(&known["OX-1"].to_string(), "62.5")],
        &[("MAG-1", "MAGNET", "800"), ("SCR-1", "SCRAP", "200")],
    );
    known.extend(lots(&files(world, &maker, form).await));
    delivers(world, &maker, &user, &known["MAG-1"].to_string(), "800").await;
    Chain { mine, separator, maker, user, lots: known }
}

async fn traced(world: &World, by: &str, lot: Uuid, query: &str) -> Answer {
    world.get(&format!("/v1/lots/{lot}/trace?{query}")).by(by).answer().await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_company_sees_its_own_lots_and_whom_it_dealt_with_and_of_others_only_shares() {
    let world = World::start().await;
    let chain = chain(&world).await;
    let magnet = chain.lots["MAG-1"];
    let seen = traced(&world, &chain.user.filer.key, magnet, "").await.expect(200);
    insta::assert_snapshot!(told(&seen), @"
    0 MAG-1 of Company 3: 40000000 <= 40000000 <= 40000000, ends 0, moved 1
    1 ? of ?: 40000000 <= 40000000 <= 40000000, ends 0, moved 0
    2 ? of ?: 0 <= 8000000 <= 16000000, ends 8000000, moved 0
    2 ? of ?: 24000000 <= 32000000 <= 40000000, ends 32000000, moved 0
    ");
    // Neither an id nor a name nor a site of anybody deeper stands anywhere in the answer.
    for (number, lot) in &chain.lots {
        assert_eq!(seen.text.contains(&lot.to_string()), number == "MAG-1", "{number}");
    }
    for hidden in [&chain.mine, &chain.separator] {
        assert!(
            !seen.text.contains(&hidden.name) && !seen.text.contains(&hidden.filer.id.to_string())
        );
    }
    assert!(!seen.text.contains("separation"));

    // The maker knows the oxide it was sent, and from whom; what lies behind it are shares.
    let seen = traced(&world, &chain.maker.filer.key, magnet, "").await.expect(200);
    insta::assert_snapshot!(told(&seen), @"
    0 MAG-1 of Company 3: 40000000 <= 40000000 <= 40000000, ends 0, moved 1
    1 OX-1 of Company 2: 40000000 <= 40000000 <= 40000000, ends 0, moved 1
    2 ? of ?: 0 <= 8000000 <= 16000000, ends 8000000, moved 0
    2 ? of ?: 24000000 <= 32000000 <= 40000000, ends 32000000, moved 0
    ");
    // Pseudonyms are this reader's own: two readers cannot compare theirs.
    let ids = |answer: &Answer| -> Vec<String> {
        let nodes = answer.body["nodes"].as_array().expect("it is said").iter();
        nodes.filter(|node| node["known"].is_null()).map(|node| node["id"].to_string()).collect()
    };
    let other = traced(&world, &chain.user.filer.key, magnet, "").await.expect(200);
    assert!(ids(&seen).iter().all(|id| !ids(&other).contains(id)));

    // Forward, the mine sees its ore leave, and then shares.
    let seen = traced(&world, &chain.mine.filer.key, chain.lots["ORE-B"], "direction=forward")
        .await
        .expect(200);
    insta::assert_snapshot!(told(&seen), @"
    0 ORE-B of Company 1: 20000000 <= 20000000 <= 20000000, ends 0, moved 1
    1 ? of ?: 0 <= 10000000 <= 20000000, ends 0, moved 0
    1 ? of ?: 0 <= 10000000 <= 20000000, ends 10000000, moved 0
    2 ? of ?: 0 <= 2000000 <= 4000000, ends 2000000, moved 0
    2 ? of ?: 0 <= 8000000 <= 16000000, ends 8000000, moved 0
    ");

    // What one neither made nor was sent does not exist for one.
    let nothing = traced(&world, &chain.user.filer.key, Uuid::now_v7(), "").await.expect(404);
    let hidden = traced(&world, &chain.user.filer.key, chain.lots["OX-2"], "").await.expect(404);
    assert_eq!(nothing.body["detail"], hidden.body["detail"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_official_sees_the_whole_graph_and_every_owner_is_told() {
    let world = World::start().await;
    let chain = chain(&world).await;
    let magnet = chain.lots["MAG-1"];
    let administrator = world.administrator().await;
    let inspector =
        world.colleague(&administrator, "inspector@authority.example", &["inspector"]).await;
    let query = format!("organisation={}", chain.user.filer.id);
    traced(&world, &inspector, magnet, &query).await.expect(400);
    let path = format!("/v1/lots/{magnet}/trace?{query}");
    let seen = world
        .get(&path)
        .by(&inspector)
        .header("Lodestone-Purpose", "case 7")
        .answer()
        .await
        .expect(200);
    insta::assert_snapshot!(told(&seen), @"
    0 MAG-1 of Company 3: 40000000 <= 40000000 <= 40000000, ends 0, moved 1
    1 OX-1 of Company 2: 40000000 <= 40000000 <= 40000000, ends 0, moved 1
    2 ORE-A of Company 1: 24000000 <= 32000000 <= 40000000, ends 32000000, moved 1
    2 ORE-B of Company 1: 0 <= 8000000 <= 16000000, ends 8000000, moved 1
    ");
    for owner in [&chain.mine, &chain.separator, &chain.maker, &chain.user] {
        let log = world.get("/v1/access-log").by(&owner.filer.key).answer().await.expect(200);
        assert_eq!(log.body["reads"][0]["purpose"], "case 7", "{}", owner.name);
        assert_eq!(log.body["reads"][0]["subject"], format!("lot {magnet}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_tells_what_was_told_by_a_date_and_a_correction_replaces_it_from_then_on() {
    let world = World::start().await;
    let chain = chain(&world).await;
    let (key, oxide) = (&chain.separator.filer.key, chain.lots["OX-1"]);
    let ore = chain.lots["ORE-B"].to_string();
    let last = files(
        &world,
        &chain.separator,
        json!({
            "kind": "disposal", "reference": "W-1", "to": "waste",
            "lines": [{"lot": "OX-2", "quantity_kg": "1"}],
        }),
    )
    .await;
    let told_then = last.said("recorded_at").to_owned();
    // It was half of the second ore, and nothing of the month is as it was.
    let mut corrected = made("S-2", "separation", &[(&ore, "1000")], &[("OX-2", "OXIDE", "12.5")]);
    corrected["correction"] = json!({"version": 2, "reason": "misread scale"});
    files(&world, &chain.separator, corrected).await;

    let then = told_then.replace('+', "%2B");
    let before = traced(&world, key, oxide, &format!("as_of={then}")).await.expect(200);
    insta::assert_snapshot!(told(&before), @"
    0 OX-1 of Company 2: 50000000 <= 50000000 <= 50000000, ends 0, moved 1
    1 ORE-A of Company 1: 30000000 <= 40000000 <= 50000000, ends 40000000, moved 1
    1 ORE-B of Company 1: 0 <= 10000000 <= 20000000, ends 10000000, moved 1
    ");
    let now = traced(&world, key, oxide, "").await.expect(200);
    insta::assert_snapshot!(told(&now), @"
    0 OX-1 of Company 2: 50000000 <= 50000000 <= 50000000, ends 0, moved 1
    1 ORE-A of Company 1: 40000000 <= 44444444 <= 50000000, ends 44444444, moved 1
    1 ORE-B of Company 1: 0 <= 5555556 <= 10000000, ends 5555556, moved 1
    ");
    // Long before, there was no such lot.
    traced(&world, key, oxide, "as_of=2026-01-01").await.expect(404);
    for wrong in
        ["as_of=yesterday", "as_of=2026-02-30", "limit=0", "limit=1001", "direction=up", "cursor=x"]
    {
        traced(&world, key, oxide, wrong).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_in_small_answers_is_the_trace_in_one() {
    let world = World::start().await;
    let chain = chain(&world).await;
    let (key, magnet) = (&chain.user.filer.key, chain.lots["MAG-1"]);
    let whole = traced(&world, key, magnet, "").await.expect(200);
    let mut nodes = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = traced(&world, key, magnet, &query).await.expect(200);
        nodes.extend(page.body["nodes"].as_array().expect("it is said").clone());
        let Some(next) = page.body["next"].as_str() else { break };
        // A cursor may be read by whoever holds it: it names nobody else's lot.
        query = format!("limit=1&cursor={next}");
    }
    assert_eq!(json!(nodes), whole.body["nodes"]);
    let of_another = traced(&world, &chain.maker.filer.key, magnet, &query).await;
    of_another.expect(400);
}
