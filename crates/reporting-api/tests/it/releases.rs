//! An analyst publishes a month, the public reads it and takes it apart, and a late firm stays unseen.

use crate::world::{Filer, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where everybody reads the month.
const PUBLIC: &str = "/v1/statistics/public/production/2026-09";
const PURPOSE: (&str, &str) = ("Lodestone-Purpose", "the monthly release");

/// A firm with a site in a province, that can make an oxide and an alloy of dysprosium.
async fn firm(world: &World, region: &str) -> Filer {
    let mut form = world.filer_form();
    form["sites"][0]["region"] = json!(region);
    let product = |code: &str, category: &str, dy: &str| {
        json!({"code": code, "name_zh": code, "name_en": code, "category": category,
            "hs_code": "28469015", "composition": {"percent": {"Dy": dy}}})
    };
    form["products"] = json!([product("OXIDE", "oxide", "80"), product("ALLOY", "alloy", "80")]);
    let administrator = world.administrator().await;
    let registered =
        world.post("/v1/organisations", &form).by(&administrator).answer().await.expect(201);
    Filer {
        id: registered.id("id"),
        person: registered.id("first_administrator"),
        email: form["first_administrator"]["email"].as_str().unwrap().to_owned(),
        key: registered.said("first_key/key").to_owned(),
        key_id: registered.id("first_key/id"),
    }
}

async fn makes(world: &World, firm: &Filer, reference: &str, product: &str, kg: u32) {
    let form = json!({"kind": "extraction", "reference": reference, "site": "S1",
        "happened_at": "2026-09-02T10:00:00+08:00",
        "lines": [{"lot": reference, "product": product, "quantity_kg": kg.to_string()}]});
    let post = world.post("/v1/filings", &form).by(&firm.key).header("Idempotency-Key", reference);
    post.answer().await.expect(201);
}

type Cells = BTreeMap<[String; 3], Option<f64>>;

fn cells(body: &Value) -> Cells {
    let cell = |cell: &Value| {
        let names =
            ["category", "province", "element"].map(|it| cell[it].as_str().unwrap().to_owned());
        let kg = cell["reo_kg"].as_str().map(|kg| kg.parse().unwrap());
        assert_eq!(cell["suppressed"], json!(kg.is_none()));
        (names, kg)
    };
    body["cells"].as_array().unwrap().iter().map(cell).collect()
}

/// What is told of this cell.
fn told(cells: &Cells, category: &str, province: &str) -> Option<f64> {
    cells[&[category.to_owned(), province.to_owned(), "Dy".to_owned()]]
}

/// No total that is told has exactly one part that is not: subtracting the others would tell it.
fn assert_withstands_subtraction(cells: &Cells) {
    for dimension in 0..3 {
        let mut lines: BTreeMap<[String; 3], (bool, usize)> = BTreeMap::new();
        for (names, kg) in cells {
            let mut total = names.clone();
            "all".clone_into(&mut total[dimension]);
            let line = lines.entry(total.clone()).or_default();
            if *names == total {
                line.0 = kg.is_some();
            } else {
                line.1 += usize::from(kg.is_none());
            }
        }
        let told: Vec<_> = lines.iter().filter(|(_, line)| line.0 && line.1 == 1).collect();
        assert!(told.is_empty(), "subtraction brings back a part of {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_reads_a_frozen_month_and_no_comparison_tells_a_firms_secret() {
    let world = World::start().await;
    let mut firms = Vec::new();
    for region in ["360700", "360700", "360700", "360700", "510100", "510100", "510100", "510100"] {
        firms.push(firm(&world, region).await);
    }
    for (number, firm) in firms.iter().enumerate() {
        let kg = 1_000 + 100 * u32::try_from(number).unwrap();
        makes(&world, firm, &format!("O{number}"), "OXIDE", kg).await;
        // In the second province only one makes alloy.
        if number < 5 {
            makes(&world, firm, &format!("A{number}"), "ALLOY", kg).await;
        }
    }
    let administrator = world.administrator().await;
    let analyst = world.colleague(&administrator, "analyst@authority.example", &["analyst"]).await;
    let officer = world.colleague(&administrator, "officer@authority.example", &["officer"]).await;
    let ask = async |mode: &str, month: &str, key: &str, by: &str, status: u16| {
        let form = json!({"table": "production", "month": month, "mode": mode});
        let post = world.post("/v1/statistics/releases", &form).by(by);
        let post = post.header(PURPOSE.0, PURPOSE.1).header("Idempotency-Key", key);
        post.answer().await.expect(status)
    };
    // Who may, and what is there before.
    ask("publish", "2026-09", "r0", &officer, 403).await;
    ask("publish", "2026-09", "r0", &firms[0].key, 403).await;
    ask("publish", "2999-01", "r0", &analyst, 422).await;
    let preview = ask("preview", "2026-09", "p1", &analyst, 200).await.body;
    world.get(PUBLIC).answer().await.expect(404);

    let first = ask("publish", "2026-09", "r1", &analyst, 201).await.body;
    assert_eq!(first["cells"], preview["cells"]);
    let again = ask("publish", "2026-09", "r1", &analyst, 200).await.body;
    assert_eq!(again, first, "the same request is answered as before");

    // Without signing in, as JSON and as CSV.
    let read = world.get(PUBLIC).answer().await.expect(200);
    assert_eq!(read.body, first);
    let public = cells(&read.body);
    assert_eq!(told(&public, "alloy", "51"), None, "one firm alone made that");
    assert!(told(&public, "oxide", "36").is_some() || told(&public, "oxide", "all").is_some());
    assert!(told(&public, "all", "all").is_some());
    assert_withstands_subtraction(&public);
    for secret in firms.iter().map(|firm| firm.id.to_string()).chain([
        "few_contributors".to_owned(),
        "dominated".to_owned(),
        "secondary".to_owned(),
    ]) {
        assert!(!read.text.contains(&secret), "{secret} is in {}", read.text);
    }
    let csv = world.get(&format!("{PUBLIC}.csv")).answer().await.expect(200);
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.text.lines().count(), public.len() + 1);
    assert!(csv.text.contains("\r\nalloy,51,Dy,,x\r\n"), "{}", csv.text);
    let accepted = world.get(PUBLIC).header("Accept", "text/csv").answer().await.expect(200);
    assert_eq!(accepted.text, csv.text);
    let list = world.get("/v1/statistics/public").answer().await.expect(200).body;
    assert_eq!(
        (list["releases"].as_array().unwrap().len(), &list["releases"][0]["revision"]),
        (1, &json!(1))
    );

    // One firm files late: the difference of two releases would be its secret.
    ask("publish", "2026-09", "r2", &analyst, 409).await;
    makes(&world, &firms[0], "LATE-0", "OXIDE", 500).await;
    ask("publish", "2026-09", "r3", &analyst, 409).await;
    assert_eq!(world.get(PUBLIC).answer().await.expect(200).body, first, "a release is frozen");
    // When enough have, it is one among them.
    for (number, firm) in firms[1..4].iter().enumerate() {
        makes(&world, firm, &format!("LATE-{}", number + 1), "OXIDE", 500).await;
    }
    let second = ask("publish", "2026-09", "r4", &analyst, 201).await.body;
    assert_eq!(second["revision"], 2);
    let revised = cells(&world.get(PUBLIC).answer().await.expect(200).body);
    assert_withstands_subtraction(&revised);
    let hidden = |cells: &Cells| -> Vec<[String; 3]> {
        cells.iter().filter(|(_, kg)| kg.is_none()).map(|(names, _)| names.clone()).collect()
    };
    assert_eq!(hidden(&revised), hidden(&public), "two releases do not complement each other");
    // What differs between the two was changed by four firms, none of them 85 % of it with another.
    let differences: Cells = revised
        .iter()
        .map(|(names, kg)| (names.clone(), kg.zip(public[names]).map(|(new, old)| new - old)))
        .collect();
    assert_withstands_subtraction(&differences);
    let one = 500.0 * 0.8 / 0.871_321;
    let smallest = differences
        .values()
        .flatten()
        .copied()
        .filter(|kg| 0.0 < *kg)
        .fold(f64::INFINITY, f64::min);
    assert!(3.5 * one < smallest, "{smallest}");
    let before = world.get(&format!("{PUBLIC}?revision=1")).answer().await.expect(200).body;
    assert_eq!(before, first);

    // Every look at what firms put in is in the authority's log; wrong questions are refused.
    let auditor = world.colleague(&administrator, "auditor@authority.example", &["auditor"]).await;
    let log = world.get("/v1/access-log").by(&auditor).answer().await.expect(200).body;
    assert_eq!(log["reads"][0]["subject"], "statistics of production of 2026-09, for a release");
    let form = json!({"table": "weather", "month": "2026-09", "mode": "publish"});
    let wrong = world.post("/v1/statistics/releases", &form).by(&analyst);
    wrong.header(PURPOSE.0, PURPOSE.1).answer().await.expect(400);
    ask("publish", "2026-08", "r1", &analyst, 422).await;
    for missing in
        ["stock/2026-09", "production/2026-07", "production/soon", "production/2026-09?revision=9"]
    {
        world.get(&format!("/v1/statistics/public/{missing}")).answer().await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_released_as_one_series_in_which_no_two_months_tell_one_firms_change() {
    let world = World::start().await;
    let mut firms = Vec::new();
    for _ in 0..4 {
        firms.push(firm(&world, "360700").await);
    }
    for (number, firm) in firms.iter().enumerate() {
        let kg = 1_000 + 100 * u32::try_from(number).unwrap();
        makes(&world, firm, &format!("O{number}"), "OXIDE", kg).await;
    }
    let administrator = world.administrator().await;
    let analyst = world.colleague(&administrator, "analyst@authority.example", &["analyst"]).await;
    let publish = async |month: &str, status: u16| {
        let form = json!({"table": "stock", "month": month, "mode": "publish"});
        let post = world.post("/v1/statistics/releases", &form).by(&analyst);
        post.header(PURPOSE.0, PURPOSE.1).answer().await.expect(status)
    };
    let september = publish("2026-09", 201).await.body;
    assert_eq!(september["revision"], 1);
    let total = cells(&september)[&["all", "all", "all"].map(ToOwned::to_owned)].unwrap();
    assert!(0.0 < total);
    // In October nothing moved: what is there already is not told again.
    publish("2026-10", 409).await;
    // Only one firm's books of September change: either month would tell by how much.
    makes(&world, &firms[0], "MORE-0", "OXIDE", 500).await;
    publish("2026-10", 409).await;
    publish("2026-09", 409).await;
    for (number, firm) in firms.iter().enumerate().skip(1) {
        makes(&world, firm, &format!("MORE-{number}"), "OXIDE", 500).await;
    }
    let october = publish("2026-10", 201).await.body;
    assert_eq!((&october["revision"], &october["month"]), (&json!(1), &json!("2026-10")));
    let released = world.events("statistics.released").await;
    let told: Vec<_> = released.iter().map(|event| (&event["table"], &event["month"])).collect();
    assert_eq!(told, [(&json!("stock"), &json!("2026-09")), (&json!("stock"), &json!("2026-10"))]);
}

/// Each firm is licensed some tonnes of magnets for Germany in September, and half of it leaves.
async fn licensed(world: &World, firms: &[Filer]) {
    let owner = world.database.owner().await;
    let ids: Vec<uuid::Uuid> = firms.iter().map(|firm| firm.id).collect();
    let statement = r#"
        with made as (
            select gen_random_uuid() as id, gen_random_uuid() as case_id, organisation, place
            from unnest($1::uuid[]) with ordinality as firms (organisation, place)),
        cases as (
            insert into lodestone.cases (id, number, organisation, version, kind, state, recommended_outcome, recommended_by,
                countersigned_by, signed_by, licence, submitted_at, created_by, created_at, updated_at, content)
            select case_id, 'LA-' || place, organisation, 3, 'general', 'approved', 'approve', md5('r')::uuid, md5('s')::uuid,
                array[md5('s')::uuid], id, '2026-08-20T00:00:00Z', md5('c')::uuid, now(), now(), '{"destination": "DE", "lines": [
                    {"control_code": "1C905.a.4", "quantity_kg": "20000", "goods": {"category": "magnet",
                        "composition": {"percent": {"Nd": "30", "Dy": "2", "Fe": "67", "B": "1"}}}}]}'::jsonb
            from made returning id),
        decided as (
            insert into lodestone.case_events (case_id, version, action, state, person, occurred_at, occurred_on, detail)
            select case_id, 3, 'countersign', 'approved', md5('s')::uuid, '2026-09-03T00:00:00Z', '2026-09-03', '{}' from made
            returning case_id),
        licences as (
            insert into lodestone.licences (id, number, case_id, organisation, version, kind, state, valid_from, valid_until,
                destination, consignee, end_user, end_use, issued_at, issued_by, signed_content, signing_key, signature)
            select id, 'LS-' || place, case_id, organisation, 1, 'general', 'issued', '2026-09-03', '2027-09-02', 'DE', 'B', 'B',
                'motors', '2026-09-03T00:00:00Z', md5('s')::uuid, '', '', '' from made returning id),
        lines as (
            insert into lodestone.licence_lines (licence, line, control_code, description, licensed_grams, confirmed_grams)
            select id, 1, '1C905.a.4', 'magnets', 20000000 + place * 1000000, 10000000 from made returning licence)
        insert into lodestone.licence_reservations (id, licence, line, declaration, declaration_line, grams, state,
            reserved_by, reserved_at, settled_by, settled_at)
        select gen_random_uuid(), id, 1, 'D-' || place, 1, 10000000, 'confirmed', md5('k')::uuid, '2026-09-20T00:00:00Z',
            md5('k')::uuid, '2026-09-20T00:00:00Z' from made"#;
    // The line and its reservation refer to the licence: checked at the end of the statement.
    owner.execute(statement, &[&ids]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn licensed_against_exported_is_told_to_officials_in_full_and_to_anybody_under_control() {
    let world = World::start().await;
    let mut firms = Vec::new();
    for _ in 0..5 {
        firms.push(firm(&world, "360700").await);
    }
    licensed(&world, &firms).await;
    let administrator = world.administrator().await;
    let analyst = world.colleague(&administrator, "analyst@authority.example", &["analyst"]).await;
    let full = async |by: &str, who: &str, status: u16| {
        let path = format!("/v1/statistics/licensing?from=2026-08&until=2026-09&by={by}");
        world.get(&path).by(who).header(PURPOSE.0, PURPOSE.1).answer().await.expect(status)
    };
    full("month", &firms[0].key, 403).await;
    full("stage", &analyst, 400).await;
    let told = full("month,item,destination", &analyst, 200).await.body;
    let (applied, licensed) = (&told["rows"][0], &told["rows"][1]);
    assert_eq!((&applied["month"], &applied["applications"]), (&json!("2026-08"), &json!(5)));
    assert_eq!((&licensed["month"], &licensed["approved"]), (&json!("2026-09"), &json!(5)));
    assert_eq!(licensed["control_code"], "1C905.a.4");
    assert_eq!(licensed["destination"], "DE");
    assert_eq!(licensed["licensed_gross_kg"], "115000.000");
    assert_eq!(licensed["exported_gross_kg"], "50000.000");
    let by_element = full("element", &analyst, 200).await.body;
    let elements: Vec<&Value> =
        by_element["rows"].as_array().unwrap().iter().map(|row| &row["element"]).collect();
    assert_eq!(elements, ["Nd", "Dy"]);
    let path = "/v1/statistics/licensing.csv?from=2026-08&until=2026-09&by=month";
    let csv = world.get(path).by(&analyst).header(PURPOSE.0, PURPOSE.1).answer().await.expect(200);
    assert_eq!(csv.text.lines().count(), 3, "{}", csv.text);

    for (table, expected) in [("licensed", true), ("licensed_exports", true)] {
        let form = json!({"table": table, "month": "2026-09", "mode": "publish"});
        let post = world.post("/v1/statistics/releases", &form).by(&analyst);
        post.header(PURPOSE.0, PURPOSE.1).answer().await.expect(201);
        let public = format!("/v1/statistics/public/{table}/2026-09");
        let read = world.get(&public).answer().await.expect(200);
        let cell = read.body["cells"].as_array().unwrap().iter().find(|cell| {
            cell["control_code"] == "1C905.a.4"
                && cell["destination"] == "DE"
                && cell["element"] == "Dy"
        });
        let cell = cell.unwrap_or_else(|| panic!("{:#}", read.body));
        assert_eq!(cell["suppressed"], json!(!expected), "{:#}", read.body);
        assert!(cell.get("category").is_none() && cell.get("province").is_none());
        for firm in &firms {
            assert!(!read.text.contains(&firm.id.to_string()));
        }
        let csv = world.get(&format!("{public}.csv")).answer().await.expect(200);
        assert!(csv.text.contains("control_code"), "{}", csv.text);
    }
}
