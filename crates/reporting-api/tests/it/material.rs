//! Four plants count their stock: one closes, one loses dysprosium, one forgets to count, one files
//! late.

use crate::world::{Answer, Filer, World};
use database::balances;
use domain::ids::{LotId, OrganisationId};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PURPOSE: (&str, &str) = ("Lodestone-Purpose", "material balances of the quarter");
const MONTHS: [&str; 4] = ["2026-07", "2026-08", "2026-09", "2026-10"];

async fn files(world: &World, filer: &Filer, mut form: Value) -> Answer {
    form["site"] = json!("S1");
    let version = form["correction"]["version"].as_u64().unwrap_or(1);
    let key = format!("{}-{version}", form["reference"].as_str().unwrap());
    let post = world.post("/v1/filings", &form).by(&filer.key).header("Idempotency-Key", &key);
    post.answer().await.expect(201)
}

fn extraction(day: &str, lot: &str, kg: &str) -> Value {
    json!({"kind": "extraction", "reference": format!("E-{lot}"), "happened_at": format!("{day}T10:00:00+08:00"),
        "lines": [{"lot": lot, "product": "P1", "quantity_kg": kg}]})
}

fn dispatch(day: &str, lot: &str, kg: &str) -> Value {
    json!({"kind": "dispatch", "reference": format!("D-{lot}"), "happened_at": format!("{day}T10:00:00+08:00"),
        "client": {"name": "A client", "identifier": testkit::uscc(777_777).to_string(), "country": "CN"}, "lines": [{"lot": lot, "quantity_kg": kg}]})
}

fn stocktake(day: &str, lots: &[(&str, String)]) -> Value {
    let lines: Vec<Value> =
        lots.iter().map(|(lot, kg)| json!({"lot": lot, "quantity_kg": kg})).collect();
    json!({"kind": "stocktake", "reference": format!("S-{day}"), "happened_at": format!("{day}T20:00:00+08:00"), "lines": lines})
}

/// The last day of a month.
fn last(month: &str) -> String {
    month.parse::<domain::calendar_month::Month>().unwrap().last_day().to_string()
}

/// Counts 100 kg at the end of June and then mines and sells 1,000 kg a month, in two lots, of
/// which so much goes missing; counts at the end of each month that is not left out.
async fn runs(world: &World, plant: &Filer, missing_kg: u32, not_counted: &str) {
    files(world, plant, extraction("2026-06-20", "OLD", "100")).await;
    files(world, plant, stocktake("2026-06-30", &[("OLD", "100".to_owned())])).await;
    for month in MONTHS {
        for half in ["A", "B"] {
            let lot = format!("{month}-{half}");
            files(world, plant, extraction(&format!("{month}-10"), &lot, "500")).await;
            let sold = 500 - missing_kg / 2;
            files(world, plant, dispatch(&format!("{month}-20"), &lot, &sold.to_string())).await;
        }
        if month != not_counted {
            let counted = [("OLD", "100".to_owned())];
            files(world, plant, stocktake(&last(month), &counted)).await;
        }
    }
}

const PERIOD: &str = "from=2026-06&until=2026-10";

async fn told(world: &World, by: &str, query: &str) -> Value {
    let path = format!("/v1/balances/material?{PERIOD}{query}");
    world.get(&path).by(by).header(PURPOSE.0, PURPOSE.1).answer().await.expect(200).body
}

fn states(body: &Value) -> Vec<String> {
    let balances = body["balances"].as_array().unwrap().iter();
    balances
        .map(|it| format!("{} {}", it["month"].as_str().unwrap(), it["state"].as_str().unwrap()))
        .collect()
}

/// No name and no number that officials go by is in what a filer is told.
fn assert_says_nothing_of_officials(answer: &Value) {
    let text = answer.to_string();
    for word in [
        "sigma",
        "σ",
        "标准差",
        "shewhart",
        "page",
        "cumuf",
        "sitmuf",
        "muf",
        "_mg\":",
        "contribut",
        "error_percent",
    ] {
        let found = text.to_lowercase().replace("published_balance_floor_mg", "").contains(word);
        assert!(!found, "{word} is in {text}");
    }
    let rests_on = answer["rests_on"].as_array().unwrap();
    let names: Vec<&str> = rests_on.iter().map(|it| it["name"].as_str().unwrap()).collect();
    let public =
        ["stocktake_window_days", "published_balance_percent", "published_balance_floor_mg"];
    assert_eq!(names, public);
    for balance in answer["balances"].as_array().unwrap() {
        let members: Vec<&String> = balance.as_object().unwrap().keys().collect();
        assert_eq!(members, ["hints", "month", "site", "state"], "{balance}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plant_that_closes_is_told_so_and_one_that_loses_dysprosium_is_told_no_more_than_that() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let (honest, losing) = (world.filer().await, world.filer().await);
    runs(&world, &honest, 2, "").await;
    runs(&world, &losing, 36, "").await;
    let inspector =
        world.colleague(&administrator, "inspector@authority.example", &["inspector"]).await;

    let own = told(&world, &honest.key, "").await;
    // Nothing was counted before the first count.
    let closes = [
        "2026-06 not_closed",
        "2026-07 closes",
        "2026-08 closes",
        "2026-09 closes",
        "2026-10 closes",
    ];
    assert_eq!(states(&own), closes);
    assert_says_nothing_of_officials(&own);

    let own = told(&world, &losing.key, "").await;
    assert_eq!(states(&own)[1..], MONTHS.map(|month| format!("{month} does_not_close")));
    assert_says_nothing_of_officials(&own);

    // One month alone is within three standard deviations; in the third the sequence is not.
    let full = told(&world, &inspector, &format!("&organisation={}&element=Dy", losing.id)).await;
    assert_eq!(
        states(&full),
        [
            "2026-06 not_opened",
            "2026-07 closes",
            "2026-08 closes",
            "2026-09 does_not_close",
            "2026-10 closes"
        ]
    );
    let september = &full["balances"][3];
    let dysprosium = &september["elements"][0];
    let number = |name: &str| dysprosium[name].as_i64().unwrap();
    // 36 kg of 99.9 % oxide a month, as dysprosium.
    let lost = 36_000_000.0 * 0.999 * 0.871_321;
    let near = |name: &str, wanted: f64| {
        let told = dysprosium[name].as_i64().unwrap().to_string().parse::<f64>().unwrap();
        assert!((told - wanted).abs() < 10.0, "{name}: {told} instead of {wanted}");
    };
    near("muf_mg", lost);
    near("cumuf_mg", 3.0 * lost);
    assert_eq!(
        number("muf_mg"),
        number("opening_mg") + number("in_mg") - number("out_mg") - number("closing_mg")
    );
    let sigmas: f64 = dysprosium["sigmas"].as_str().unwrap().parse().unwrap();
    assert!((2.0..3.0).contains(&sigmas), "{sigmas}");
    assert!(5.0 < dysprosium["page_loss"].as_str().unwrap().parse::<f64>().unwrap());
    let contributors = dysprosium["contributors"].as_array().unwrap();
    assert_eq!(contributors.len(), 3);
    let largest = contributors[0]["lot_number"].as_str().unwrap();
    assert!(largest.starts_with("2026-09-"), "{largest}");
    let sentence = &september["sentence"];
    assert!(
        sentence["en"]
            .as_str()
            .unwrap()
            .contains(&format!("the largest contributor is lot {largest}")),
        "{sentence}"
    );
    assert!(sentence["zh"].as_str().unwrap().contains("镝偏差"), "{sentence}");

    // What is looked for everywhere is found, page by page.
    let found = told(&world, &inspector, "&state=does_not_close&limit=1").await;
    assert_eq!(states(&found), ["2026-09 does_not_close"]);
    assert_eq!(found["balances"][0]["organisation"], json!(losing.id));
    let mut seen = Vec::new();
    let mut page = told(&world, &inspector, "&limit=3").await;
    loop {
        seen.extend(states(&page));
        let Some(next) = page["next"].as_str() else { break };
        page = told(&world, &inspector, &format!("&limit=3&cursor={next}")).await;
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
    assert_eq!(seen.iter().filter(|state| state.ends_with("does_not_close")).count(), 1);

    // Whoever was looked at can see that, found or not.
    for filer in [&honest, &losing] {
        let log = world.get("/v1/access-log").by(&filer.key).answer().await.expect(200).body;
        let reads = log["reads"].as_array().unwrap();
        assert!(reads.iter().any(|read| read["subject"] == "material balances"), "{log}");
    }
    assert_eq!(balances::check(&world.database.target(), 10).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_not_counted_is_not_closed_and_its_flows_go_into_the_next() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let plant = world.filer().await;
    runs(&world, &plant, 0, "2026-08").await;
    let analyst = world.colleague(&administrator, "analyst@authority.example", &["analyst"]).await;
    let own = told(&world, &plant.key, "").await;
    assert_eq!(states(&own)[2..4], ["2026-08 not_closed", "2026-09 closes"]);
    let hint = &own["balances"][2]["hints"][0];
    assert_eq!(hint["kind"], "missing_stocktake");
    assert_eq!(hint["sentence"]["en"], "no stocktake was filed within 5 days of 2026-08-31.");

    let full = told(&world, &analyst, &format!("&organisation={}", plant.id)).await;
    let (august, september) = (&full["balances"][2], &full["balances"][3]);
    assert_eq!(
        (&august["state"], &august["elements"][0]["muf_mg"]),
        (&json!("not_closed"), &Value::Null)
    );
    let both = september["elements"][0]["in_mg"].as_i64().unwrap();
    assert_eq!(both, 2 * august["elements"][0]["in_mg"].as_i64().unwrap());
    assert_eq!(september["opened_at"], full["balances"][1]["closed_at"]);

    // A count three days late closes August after all, with all that flowed until then.
    files(&world, &plant, stocktake("2026-09-03", &[("OLD", "100".to_owned())])).await;
    let own = told(&world, &plant.key, "&state=not_closed").await;
    assert_eq!(states(&own), ["2026-06 not_closed"]);
    assert_eq!(balances::check(&world.database.target(), 10).await.unwrap(), []);
}

/// When each month was summed up, by month.
async fn computed(world: &World) -> BTreeMap<String, String> {
    let owner = world.database.owner().await;
    let rows = owner
        .query("select to_char(month, 'YYYY-MM'), computed_at::text from material_balances", &[])
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Which months were summed up again.
async fn again(world: &World, before: &BTreeMap<String, String>) -> Vec<String> {
    let now = computed(world).await;
    let changed = now.into_iter().filter(|(month, at)| before.get(month) != Some(at));
    changed.map(|(month, _)| month).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_filing_costs_the_sums_of_its_month_and_the_next_and_changes_all_that_follow() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let plant = world.filer().await;
    runs(&world, &plant, 0, "").await;
    let analyst = world.colleague(&administrator, "analyst@authority.example", &["analyst"]).await;
    let of_plant = format!("&organisation={}&element=Dy", plant.id);
    told(&world, &analyst, &of_plant).await;
    let before = computed(&world).await;
    assert_eq!(before.len(), 6, "from the month before the first: {before:?}");
    told(&world, &plant.key, "").await;
    assert_eq!(again(&world, &before).await, [""; 0], "what holds is not summed up again");

    files(&world, &plant, extraction("2026-08-15", "LATE", "40")).await;
    let full = told(&world, &analyst, &of_plant).await;
    // September begins with what happened on the last evening of August, after the count.
    assert_eq!(again(&world, &before).await, ["2026-08", "2026-09"]);
    let cumuf = |month: usize| full["balances"][month]["elements"][0]["cumuf_mg"].as_i64().unwrap();
    assert_eq!((cumuf(1), cumuf(2)), (0, cumuf(4)));
    assert!(0 < cumuf(2));

    // A correction to another month touches both; what is before and after stays.
    let before = computed(&world).await;
    let mut moved = extraction("2026-09-15", "LATE", "40");
    moved["correction"] = json!({"version": 2, "reason": "it was September"});
    files(&world, &plant, moved).await;
    let full = told(&world, &analyst, &of_plant).await;
    assert_eq!(again(&world, &before).await, ["2026-08", "2026-09", "2026-10"]);
    let cumuf = |month: usize| full["balances"][month]["elements"][0]["cumuf_mg"].as_i64().unwrap();
    assert_eq!((cumuf(2), cumuf(3)), (0, cumuf(4)));

    // A cache that lies is found out, and made anew.
    let target = world.database.target();
    assert_eq!(balances::check(&target, 10).await.unwrap(), []);
    world
        .sql("update material_balances set in_mg[10] = in_mg[10] + 1 where month = '2026-07-01'")
        .await;
    world.sql("update site_months set version = version + 1 where month = '2026-10-01'").await;
    let found = balances::check(&target, 10).await.unwrap();
    let mut found: Vec<&str> = found.iter().map(|found| found.what.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, ["material_balance_differs", "site_month_differs"]);
    balances::rebuild(&target).await.unwrap();
    assert_eq!(balances::check(&target, 10).await.unwrap(), []);
    assert_eq!(told(&world, &analyst, &of_plant).await["balances"].as_array().unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filer_whose_figures_do_not_close_is_shown_where_slips_may_be() {
    let world = World::start().await;
    let (plant, other) = (world.filer().await, world.filer().await);
    let buyer = world.filer_form()["uscc"].clone();
    assert!(buyer.is_string());
    runs(&world, &plant, 0, "2026-10").await;
    // 600 t for 600 kg, one dispatch entered twice, and more out of a process than went in.
    files(&world, &plant, extraction("2026-09-11", "HEAVY", "600000")).await;
    let mut twice = dispatch("2026-09-20", "2026-09-A", "500");
    twice["reference"] = json!("D-AGAIN");
    files(&world, &plant, twice).await;
    files(&world, &plant, json!({
        "kind": "transformation", "process": "separation", "reference": "T1", "happened_at": "2026-09-12T10:00:00+08:00",
        "inputs": [{"lot": "OLD", "quantity_kg": "10"}],
        "outputs": [{"lot": "MORE", "product": "P1", "quantity_kg": "12"}],
    })).await;
    let own = told(&world, &plant.key, "&site=S1").await;
    let september = &own["balances"][3];
    assert_eq!(september["state"], "does_not_close");
    let kinds: Vec<String> = september["hints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["kind"].as_str().unwrap(), it["reference"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, ["entered_twice D-AGAIN", "unit_confusion E-HEAVY", "outputs_heavier T1"]);
    assert_says_nothing_of_officials(&own);

    // Nobody else's site is there, and nothing that is asked wrongly is answered.
    assert_eq!(told(&world, &other.key, "").await["balances"], json!([]));
    let administrator = world.administrator().await;
    let officer = world.colleague(&administrator, "officer@authority.example", &["officer"]).await;
    for (query, by, status) in [
        (format!("organisation={}", plant.id), &other.key, 404),
        ("element=Dy".to_owned(), &plant.key, 403),
        ("state=not_opened".to_owned(), &plant.key, 400),
        ("state=broken".to_owned(), &officer, 400),
        ("element=Xx".to_owned(), &officer, 400),
        ("from=2026-05&until=2026-04".to_owned(), &officer, 400),
        ("until=2999-01".to_owned(), &officer, 400),
        ("cursor=nonsense".to_owned(), &officer, 400),
        ("limit=0".to_owned(), &plant.key, 400),
        (String::new(), &administrator, 403),
    ] {
        let path = format!("/v1/balances/material?{query}");
        let asked = world.get(&path).by(by).header(PURPOSE.0, PURPOSE.1);
        asked.answer().await.expect(status);
    }
    world.get("/v1/balances/material").by(&officer).answer().await.expect(400);
    world.get("/v1/balances/material").answer().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_were_sent_and_never_said_to_have_arrived_are_where_to_look() {
    let world = World::start().await;
    let (plant, supplier) = (world.filer().await, world.filer().await);
    let path = format!("/v1/organisations/{}", plant.id);
    let registered = world.get(&path).by(&plant.key).answer().await.expect(200);
    runs(&world, &plant, 0, "2026-10").await;
    files(&world, &supplier, extraction("2026-10-01", "L", "100")).await;
    let mut sent = dispatch("2026-10-12", "L", "100");
    sent["client"]["identifier"] = json!(registered.said("uscc"));
    let movement = files(&world, &supplier, sent).await.id("movement");
    let october = async || told(&world, &plant.key, "").await["balances"][4].clone();
    let hints = async || -> Vec<String> {
        let october = october().await;
        let kinds = october["hints"].as_array().unwrap().iter();
        kinds.map(|hint| hint["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(hints().await, ["missing_stocktake", "not_received"]);
    let hint = october().await["hints"][1].clone();
    assert!(hint["sentence"]["en"].as_str().unwrap().contains("2026-10-12"), "{hint}");
    // It arrived after all.
    let lot = LotId::of(OrganisationId::from_uuid(supplier.id), "L");
    files(&world, &plant, json!({
        "kind": "receipt", "reference": "R-1", "happened_at": "2026-10-13T10:00:00+08:00",
        "movement": movement, "outcome": "satisfactory", "lines": [{"lot": lot, "quantity_kg": "100"}],
    })).await;
    assert_eq!(hints().await, ["missing_stocktake"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_and_the_law_count_a_line_on_the_same_side() {
    use domain::{
        balance::BalanceSide,
        codes::{FilingKind, LineRole},
    };
    let database = testkit::TestDatabase::create().await;
    let owner = database.owner().await;
    let statement = owner.prepare("select balance_side($1, $2)").await.unwrap();
    for kind in FilingKind::ALL {
        for role in LineRole::ALL {
            let row = owner.query_one(&statement, &[&kind.as_str(), &role.as_str()]).await.unwrap();
            let said: Option<String> = row.get(0);
            let side = BalanceSide::of(*kind, *role).map(|side| match side {
                BalanceSide::In => "in",
                BalanceSide::Out => "out",
                BalanceSide::Counted => "counted",
            });
            assert_eq!(said.as_deref(), side, "{kind} {role}");
        }
    }
}
