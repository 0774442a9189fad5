//! From ore to magnet across four companies, traced by each of them and by an official.

use crate::world::{Answer, Filer, World};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use testkit::wait_until;
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

/// A number that the process tells operators.
fn number(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |value| value.trim().parse().expect("it is a number"))
}

/// How many traces were made from what is kept at hand.
async fn from_memory(world: &World) -> u64 {
    let page = world.get("/metrics").answer().await;
    number(&page.text, "traces_total{from=\"memory\"}")
}

/// Asks until an answer was made from what is kept at hand.
async fn is_kept(world: &World, by: &str, lot: Uuid) {
    wait_until("traces are made from memory", Duration::from_secs(30), async || {
        traced(world, by, lot, "").await.expect(200);
        (0 < from_memory(world).await).then_some(())
    })
    .await;
}

/// Scrap of the magnets goes back to the separator, who separates it in the same month.
async fn goes_round(world: &World, chain: &Chain) -> Uuid {
    let scrap = chain.lots["SCR-1"].to_string();
    delivers(world, &chain.maker, &chain.separator, &scrap, "200").await;
    let form = made("S-3", "separation", &[(&scrap, "200")], &[("OX-3", "OXIDE", "12.5")]);
    lots(&files(world, &chain.separator, form).await)["OX-3"]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_at_hand_answers_what_the_database_answers() {
    let mut world = World::start().await;
    let chain = chain(&world).await;
    let oxide = goes_round(&world, &chain).await;
    let disposal = json!({
        "kind": "disposal", "reference": "W-1", "to": "waste",
        "lines": [{"lot": "OX-2", "quantity_kg": "1"}],
    });
    let told_then = files(&world, &chain.separator, disposal).await;
    let told_then = told_then.said("recorded_at").replace('+', "%2B");
    let ore = chain.lots["ORE-B"].to_string();
    let mut corrected = made("S-2", "separation", &[(&ore, "1000")], &[("OX-2", "OXIDE", "12.5")]);
    corrected["correction"] = json!({"version": 2, "reason": "misread scale"});
    files(&world, &chain.separator, corrected).await;

    let asking = world.beside("LODESTONE_TRACES__MEMORY_MIB", "0").await;
    let administrator = world.administrator().await;
    let inspector =
        world.colleague(&administrator, "inspector@authority.example", &["inspector"]).await;
    let magnet = chain.lots["MAG-1"];
    let all: Vec<Uuid> = chain.lots.values().copied().chain([oxide]).collect();
    let owner = format!("organisation={}&", chain.user.filer.id);
    // What a crash forgets is read anew.
    for is_restarted in [false, true] {
        if is_restarted {
            world.kill_and_start().await;
        }
        is_kept(&world, &chain.maker.filer.key, magnet).await;
        let (before, mut answered, mut bodies) = (from_memory(&world).await, 0, 0_u64);
        let filers = [&chain.mine, &chain.separator, &chain.maker, &chain.user];
        let readers = filers.map(|company| (company.filer.key.as_str(), ""));
        for (key, whose) in readers.into_iter().chain([(inspector.as_str(), owner.as_str())]) {
            for lot in &all {
                for query in ["", "direction=forward", "as_of=", "direction=forward&as_of="] {
                    let as_of = if query.ends_with("as_of=") { told_then.as_str() } else { "" };
                    let path = format!("/v1/lots/{lot}/trace?{whose}{query}{as_of}");
                    let asked = world.get_from(&asking, &path, key).await;
                    let request = world.get(&path).by(key).header("Lodestone-Purpose", "case 7");
                    let kept = request.answer().await;
                    assert_eq!(kept.status, asked.status, "{path}: {}", kept.text);
                    if kept.status.is_success() {
                        assert_eq!(kept.text, asked.text, "{path}");
                        bodies += 1;
                    }
                    answered += 1;
                }
            }
        }
        assert_eq!(answered, 5 * 4 * all.len() as u64);
        assert!(answered / 3 < bodies, "{bodies} of {answered} found a lot");
        assert_eq!(from_memory(&world).await - before, bodies, "all of them from memory");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filing_that_commits_late_is_in_the_first_trace_after_it_was_acknowledged() {
    let world = World::start().await;
    let chain = chain(&world).await;
    let (key, scrap) = (&chain.maker.filer.key, chain.lots["SCR-1"]);
    is_kept(&world, key, scrap).await;
    let forward = async || {
        let before = from_memory(&world).await;
        let answer = traced(&world, key, scrap, "direction=forward").await.expect(200);
        assert_eq!(from_memory(&world).await, before + 1, "it was made from memory");
        answer
    };
    // Somebody holds the maker's balances, so its next filing is written but not yet committed.
    let holder = world.database.owner().await;
    let held = format!(
        "begin; select from account_balances where organisation = '{}' for update",
        chain.maker.filer.id
    );
    holder.batch_execute(&held).await.unwrap();
    let form = made("M-2", "machining", &[("SCR-1", "100")], &[("BLOCK", "MAGNET", "90")]);
    let late = files(&world, &chain.maker, form);
    let meanwhile = async {
        let watch = world.database.owner().await;
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        wait_until("the filing waits for its turn", Duration::from_secs(20), async || {
            let count: i64 = watch.query_one(waiting, &[]).await.unwrap().get(0);
            (0 < count).then_some(())
        })
        .await;
        // Another's filing, begun later, overtakes it; a trace has looked past both.
        let later = files(&world, &chain.mine, mined("X-LATER", "ORE-L", "1")).await;
        let ore = lots(&later)["ORE-L"];
        traced(&world, &chain.mine.filer.key, ore, "").await.expect(200);
        let seen = forward().await;
        assert_eq!(seen.body["lots_reached"], 1, "{}", seen.text);
        holder.batch_execute("commit").await.unwrap();
        later
    };
    let (late, later) = tokio::join!(late, meanwhile);
    assert!(late.id("id") < later.id("id"), "what came late has the smaller id");
    let seen = forward().await;
    assert_eq!(seen.body["lots_reached"], 2, "{}", seen.text);
    assert_eq!(seen.body["nodes"][1]["id"], json!(lots(&late)["BLOCK"]));

    // So is a correction, and what follows from it.
    let mut corrected = made("M-2", "machining", &[("MAG-1", "1")], &[("BLOCK", "MAGNET", "1")]);
    corrected["correction"] = json!({"version": 2, "reason": "another lot"});
    files(&world, &chain.maker, corrected).await;
    let seen = forward().await;
    assert_eq!(seen.body["lots_reached"], 1, "{}", seen.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_memory_is_asked_of_the_database() {
    let world = World::start().await;
    let chain = chain(&world).await;
    // Twenty thousand further lots of the mine, straight into the tables.
    let many = format!(
        "create temporary table many as select gen_random_uuid() as id from generate_series(1, 20000);
         insert into filings (organisation, id, site, kind, reference, version, happened_at, recorded_at, month,
                 channel, filed_by)
             select f.organisation, many.id, f.site, f.kind, many.id::text, 1, f.happened_at, f.recorded_at, f.month,
                 f.channel, f.filed_by
             from filings f, many where f.reference = 'X-ORE-A';
         insert into filing_references (organisation, reference, version, filing, content_hash)
             select '{}', id::text, 1, id, '' from many;
         insert into lots select (jsonb_populate_record(l, jsonb_build_object('id', gen_random_uuid(), 'filing', many.id))).*
             from lots l, many where l.id = '{}'",
        chain.mine.filer.id, chain.lots["ORE-A"]
    );
    world.sql(&many).await;
    let small = world.beside("LODESTONE_TRACES__MEMORY_MIB", "1").await;
    let path = format!("/v1/lots/{}/trace", chain.lots["MAG-1"]);
    let key = &chain.maker.filer.key;
    let whole = world.get(&path).by(key).answer().await.expect(200);
    wait_until("it is found too large", Duration::from_secs(30), async || {
        let answer = world.get_from(&small, &path, key).await.expect(200);
        assert_eq!(answer.text, whole.text);
        let page = world.get_from(&small, "/metrics", key).await.text;
        (number(&page, "trace_kept_is_too_large ") == 1).then_some(())
    })
    .await;
    let page = world.get_from(&small, "/metrics", key).await.text;
    assert_eq!(number(&page, "trace_kept_filings "), 0, "{page}");
    world.get_from(&small, &path, key).await.expect(200);
    assert!(!page.contains("from=\"memory\""), "{page}");
}
