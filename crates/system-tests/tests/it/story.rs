//! From a mine to a magnet at the border, with a licence; and somebody without one.

use crate::world::{Filer, Person, Recorded, World, product};
use serde_json::{Value, json};
use simulator::api::text;

const CONTROL_CODE: &str = "1C905.a.4";

/// Everybody who handles the material, from the ground to the border.
struct Chain {
    mine: Filer,
    separator: Filer,
    smelter: Filer,
    magnet_maker: Filer,
    exporter: Filer,
    smuggler: Filer,
}

async fn the_chain(world: &World) -> Chain {
    let ree = |nd: &str, pr: &str, dy: &str| json!({"Nd": nd, "Pr": pr, "Dy": dy});
    let magnet = ree("23.3864", "7.7955", "0.3019");
    Chain {
        mine: world
            .filer(
                "Story Mine",
                &["mining"],
                vec![
                    product(
                        "ORE",
                        "ore",
                        "2530902000",
                        json!({"Nd": "0.9", "Pr": "0.3", "Dy": "0.012", "Ce": "2.4", "La": "1.2"}),
                    ),
                    product(
                        "CON",
                        "concentrate",
                        "2530902000",
                        json!({"Nd": "9", "Pr": "3", "Dy": "0.12", "Ce": "24", "La": "12"}),
                    ),
                ],
            )
            .await,
        separator: world
            .filer(
                "Story Separation",
                &["separation"],
                vec![
                    product("PRND-OX", "oxide", "2846901999", json!({"Nd": "63", "Pr": "21"})),
                    product("LACE-OX", "oxide", "2846901999", json!({"Ce": "56", "La": "28"})),
                    product("DY-OX", "oxide", "2846901500", json!({"Dy": "87"})),
                ],
            )
            .await,
        smelter: world
            .filer(
                "Story Metals",
                &["metal_smelting"],
                vec![
                    product("PRND-MET", "metal", "280530", json!({"Nd": "74.625", "Pr": "24.875"})),
                    product("DY-MET", "metal", "2805301200", json!({"Dy": "99.5"})),
                ],
            )
            .await,
        magnet_maker: world
            .filer(
                "Story Magnets",
                &["alloying", "magnet_making"],
                vec![
                    product("FLAKE", "alloy", "720299", magnet.clone()),
                    product("BLANK", "magnet", "8505111000", magnet.clone()),
                    product("MAG-SH", "magnet", "8505111000", magnet.clone()),
                    product("SWARF", "scrap", "382499", magnet),
                ],
            )
            .await,
        exporter: world.filer("Story Exports", &["trading", "export"], vec![]).await,
        smuggler: world.filer("Night Harbour Trading", &["trading", "export"], vec![]).await,
    }
}

fn transformation(
    process: &str,
    reference: &str,
    inputs: &[(String, &str)],
    outputs: &[(&str, &str, &str)],
    losses: Value,
) -> Value {
    let inputs: Vec<Value> =
        inputs.iter().map(|(lot, kg)| json!({"lot": lot, "quantity_kg": kg})).collect();
    let outputs: Vec<Value> = outputs
        .iter()
        .map(|(lot, product, kg)| json!({"lot": lot, "product": product, "quantity_kg": kg}))
        .collect();
    json!({
        "kind": "transformation", "process": process, "reference": reference, "site": "S1",
        "happened_at": "2026-10-10T10:00:00+08:00", "inputs": inputs, "outputs": outputs, "losses": losses,
    })
}

fn loss(kg: &str, percent: Value) -> Value {
    json!([{"quantity_kg": kg, "composition": {"basis": "element", "percent": percent}}])
}

/// The mine's ore becomes magnets; answers the filing that made them.
async fn magnets_are_made(world: &World, chain: &Chain) -> Recorded {
    let Chain { mine, separator, smelter, magnet_maker, .. } = chain;
    world.files(mine, json!({
        "kind": "extraction", "reference": "EXT-1", "site": "S1", "happened_at": "2026-10-02T10:00:00+08:00",
        "lines": [{"lot": "ORE-1", "product": "ORE", "quantity_kg": "100000.000"}],
    })).await;
    let tailings = loss(
        "94000",
        json!({"Nd": "0.382979", "Pr": "0.12766", "Dy": "0.005106", "Ce": "1.021277", "La": "0.510638"}),
    );
    let concentrate = world
        .files(
            mine,
            transformation(
                "beneficiation",
                "BEN-1",
                &[("ORE-1".into(), "100000")],
                &[("CON-1", "CON", "6000")],
                tailings,
            ),
        )
        .await
        .lot("CON-1");
    world.delivers(mine, separator, "M-1", &[(concentrate.clone(), "6000")]).await;

    let residue = loss(
        "2900",
        json!({"Nd": "1.862069", "Pr": "0.62069", "Dy": "0.024828", "Ce": "4.965517", "La": "2.482759"}),
    );
    let oxides = world
        .files(
            separator,
            transformation(
                "separation",
                "SEP-1",
                &[(concentrate, "6000")],
                &[
                    ("PN-1", "PRND-OX", "771.429"),
                    ("LC-1", "LACE-OX", "2314.286"),
                    ("DY-1", "DY-OX", "7.448"),
                ],
                residue,
            ),
        )
        .await;
    let (prnd, dy) = (oxides.lot("PN-1"), oxides.lot("DY-1"));
    world
        .delivers(separator, smelter, "S-1", &[(prnd.clone(), "771.429"), (dy.clone(), "7.448")])
        .await;

    let slag = loss("100", json!({"Nd": "24.3", "Pr": "8.1"}));
    let prnd = world
        .files(
            smelter,
            transformation(
                "metal_reduction",
                "RED-1",
                &[(prnd, "771.429")],
                &[("PM-1", "PRND-MET", "618.69")],
                slag,
            ),
        )
        .await
        .lot("PM-1");
    let dy = world
        .files(
            smelter,
            transformation(
                "metal_reduction",
                "RED-2",
                &[(dy, "7.448")],
                &[("DM-1", "DY-MET", "5.991")],
                loss("5", json!({"Dy": "10.37"})),
            ),
        )
        .await
        .lot("DM-1");
    world
        .delivers(smelter, magnet_maker, "T-1", &[(prnd.clone(), "618.69"), (dy.clone(), "5.991")])
        .await;

    world
        .files(
            magnet_maker,
            transformation(
                "alloying",
                "ALL-1",
                &[(prnd, "618.69"), (dy, "5.991")],
                &[("FL-1", "FLAKE", "1915")],
                loss("60", json!({"Nd": "23.085", "Pr": "7.695", "Dy": "0.298"})),
            ),
        )
        .await;
    let same = json!({"Nd": "23.3864", "Pr": "7.7955", "Dy": "0.3019"});
    world
        .files(
            magnet_maker,
            transformation(
                "magnet_making",
                "SIN-1",
                &[("FL-1".into(), "1915")],
                &[("BL-1", "BLANK", "1838.4")],
                loss("76.6", same.clone()),
            ),
        )
        .await;
    world
        .files(
            magnet_maker,
            transformation(
                "machining",
                "MAC-1",
                &[("BL-1".into(), "1838.4")],
                &[("MG-1", "MAG-SH", "1378.8"), ("SW-1", "SWARF", "441.216")],
                loss("18.384", same),
            ),
        )
        .await
}

/// The exporter applies; two officials decide; the answer is the licence's number.
pub(crate) async fn a_licence_is_issued(
    world: &World,
    exporter: &Filer,
    officer: &Person,
    senior: &Person,
) -> String {
    let id = applied(world, exporter, "APP-1", json!([])).await;
    is_decided(world, &id, officer, senior).await;
    let licences = world.sends(world.api.licensing("GET", "/v1/licences").by(&exporter.key)).await;
    text(&licences.body, "licences/0/number").unwrap()
}

/// An application for 800 kg that cites these lots; the answer is its id.
async fn applied(world: &World, exporter: &Filer, key: &str, lots: Value) -> String {
    let end_user = json!({"name": "Beispiel Motoren GmbH", "country": "DE"});
    let documents: Vec<Value> = [
        "application_form",
        "id_legal_rep_managers_handler",
        "contract_or_other_proof",
        "technical_description_or_test_report",
        "end_user_end_use_certificate",
    ]
    .iter()
    .map(|kind| json!({"kind": kind, "name": format!("{kind}.pdf"), "sha256": "ab".repeat(32)}))
    .collect();
    let form = json!({
        "kind": "single", "destination": "DE", "consignees": [end_user], "end_users": [end_user],
        "end_use": {"category": "civil", "description": "traction motors"},
        "valid_from": "2026-11-01", "valid_until": "2027-09-30",
        "lines": [{
            "description": "sintered NdFeB magnets 42SH", "control_code": CONTROL_CODE, "hs_code": "8505111000",
            "quantity_kg": "800", "lots": lots, "goods": {"category": "magnet", "magnet_family": "ndfeb", "composition": {
                "percent": {"Nd": "23.4", "Pr": "7.8", "Dy": "0.3", "Fe": "67.5", "B": "1"}, "completeness": "complete"}},
        }],
        "documents": documents,
    });
    let begin =
        world.api.licensing("POST", "/v1/applications").by(&exporter.key).once(key).with(&form);
    let begun = world.sends(begin).await;
    let id = text(&begun.body, "id").unwrap();
    let submit =
        world.api.licensing("POST", &format!("/v1/applications/{id}/submit")).by(&exporter.key);
    world.sends(submit.if_still(&begun.etag.unwrap())).await;
    id
}

/// Two officials approve an application.
async fn is_decided(world: &World, id: &str, officer: &Person, senior: &Person) {
    let case = world.api.licensing("GET", &format!("/v1/cases/{id}")).by(&officer.token);
    let mut etag = world.sends(case).await.etag.unwrap();
    for (action, by, body) in [
        ("accept", officer, json!({})),
        ("begin_review", officer, json!({})),
        ("recommend_approval", officer, json!({"note": "plausible"})),
        ("countersign", senior, json!({})),
    ] {
        let act = world.api.licensing("POST", &format!("/v1/cases/{id}/{action}")).by(&by.token);
        etag = world.sends(act.if_still(&etag).with(&body)).await.etag.unwrap();
    }
}

pub(crate) async fn customs_lets_pass(world: &World, customs: &Person, licence: &str, kg: &str) {
    let form = json!({
        "line": 1, "declaration": "530120261100000001", "declaration_line": 1, "quantity_kg": kg,
        "control_code": CONTROL_CODE, "hs_code": "8505111000", "destination": "DE", "consignee": "Beispiel Motoren GmbH",
    });
    let path = format!("/v1/licences/{licence}/reservations");
    let reserved =
        world.sends(world.api.licensing("POST", &path).by(&customs.token).with(&form)).await;
    let id = text(&reserved.body, "id").unwrap();
    world
        .sends(world.api.licensing("POST", &format!("{path}/{id}/confirm")).by(&customs.token))
        .await;
}

fn export(reference: &str, lot: &str, kg: &str, end_user: &Value, licence: Option<&str>) -> Value {
    let mut form = json!({
        "kind": "export", "reference": reference, "site": "S1", "happened_at": "2026-11-20T10:00:00+08:00",
        "end_user": end_user, "declaration": "530120261100000001", "destination": end_user["country"],
        "invoice": format!("INV-{reference}"),
        "lines": [{"lot": lot, "quantity_kg": kg, "unit_price": {"amount": "460.00", "currency": "CNY"}}],
    });
    if let Some(licence) = licence {
        form["licence"] = licence.into();
    }
    form
}

#[tokio::test(flavor = "multi_thread")]
async fn ore_becomes_magnets_that_leave_under_a_licence_and_a_smuggler_is_seen_by_officials_only() {
    let world = World::start().await;
    let chain = the_chain(&world).await;
    let officer = world.official("officer").await;
    let senior = world.official("senior_officer").await;
    let customs = world.office("customs", "customs").await;

    let magnets = magnets_are_made(&world, &chain).await.lot("MG-1");
    let Chain { magnet_maker, exporter, smuggler, .. } = &chain;
    world.delivers(magnet_maker, exporter, "X-1", &[(magnets.clone(), "800")]).await;
    world.delivers(magnet_maker, smuggler, "X-2", &[(magnets.clone(), "300")]).await;

    let licence = a_licence_is_issued(&world, exporter, &officer, &senior).await;
    customs_lets_pass(&world, &customs, &licence, "500").await;
    let buyer = json!({"name": "Beispiel Motoren GmbH", "country": "DE"});
    let exported =
        world.files(exporter, export("EXP-1", &magnets, "500", &buyer, Some(&licence))).await;
    let nobody = json!({"name": "Nowhere Components FZE", "country": "AE"});
    let smuggled = world.files(smuggler, export("EXP-1", &magnets, "300", &nobody, None)).await;
    world.settles().await;

    let left = world
        .sends(world.api.licensing("GET", &format!("/v1/licences/{licence}")).by(&exporter.key))
        .await
        .body;
    insta::assert_snapshot!(
        format!("{} of {} left", left["lines"][0]["left_kg"], left["lines"][0]["licensed_kg"]),
        @r#""300.000" of "800.000" left"#
    );
    let public = world.sends(world.api.licensing("GET", &format!("/v1/verify/{licence}"))).await;
    assert!(public.status.is_success());
    insta::assert_snapshot!(
        world.findings(&officer.token, &smuggled.id).await,
        @"export_without_licence: 300.000 kg of controlled goods (1C905.a.4) were exported to AE without a licence."
    );
    insta::assert_snapshot!(world.findings(&smuggler.key, &smuggled.id).await, @"");
    insta::assert_snapshot!(world.findings(&officer.token, &exported.id).await, @"");
    // Nobody in the honest chain is suspected of anything.
    let suspected = world.stack.database().owner().await;
    let suspected = suspected
        .query("select o.name_en || ': ' || f.detector from lodestone.findings f
            join lodestone.organisations o on o.id = f.organisation where f.state = 'open' order by 1", &[])
        .await
        .unwrap();
    let suspected: Vec<String> = suspected.iter().map(|row| row.get(0)).collect();
    assert_eq!(suspected, ["Night Harbour Trading: export_without_licence"]);
}

/// What an officer sees of the first lot of an application.
async fn cited(world: &World, officer: &Person, case: &str) -> Value {
    let seen = world.api.licensing("GET", &format!("/v1/cases/{case}")).by(&officer.token);
    world.sends(seen).await.body["goods"][0]["lots"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_see_where_the_lots_of_an_application_come_from_and_whether_there_is_as_much() {
    let world = World::start().await;
    let chain = the_chain(&world).await;
    let officer = world.official("officer").await;
    let magnets = magnets_are_made(&world, &chain).await.lot("MG-1");
    let Chain { mine, separator, magnet_maker, exporter, smuggler, .. } = &chain;
    world.delivers(magnet_maker, exporter, "X-1", &[(magnets.clone(), "1000")]).await;
    let citing = |kg: &str| json!([{"lot": magnets, "quantity_kg": kg}]);

    let first = applied(&world, exporter, "APP-1", citing("800")).await;
    let seen = cited(&world, &officer, &first).await;
    assert_eq!(seen["stock"], "enough", "{seen:#}");
    let known = &seen["known"];
    assert_eq!((&known["stock_kg"], &known["number"]), (&json!("1000.000"), &json!("MG-1")));
    // 800 kg of magnets with 0.3019 % of dysprosium: all of it was mined by one, and separated by one.
    assert_eq!(known["elements_mg"]["Dy"], 2_415_199);
    let origin = &known["origins"][0];
    assert_eq!((&origin["kind"], &origin["quota"]), (&json!("mined"), &json!("mining")));
    assert_eq!(origin["organisation"], json!(mine.id));
    assert_eq!(origin["organisation_name_en"], "Story Mine");
    let mined = &origin["share_mg"]["Dy"];
    let best = mined["best"].as_i64().unwrap();
    assert!(mined["lower"].as_i64().unwrap() <= best && best <= 2_415_199 && 2_000_000 < best);
    assert_eq!(known["separations"][0]["organisation"], json!(separator.id));
    assert!(known["is_complete"].as_bool().unwrap());

    // Another application cites what the first one does; a third one what was never sent to it.
    let second = applied(&world, exporter, "APP-2", citing("300")).await;
    for (case, others) in [(&first, "300.000"), (&second, "800.000")] {
        let seen = cited(&world, &officer, case).await;
        assert_eq!(seen["stock"], "not_enough_for_all");
        assert_eq!(seen["known"]["cited_by_exporter_kg"], others);
    }
    let strange = applied(&world, smuggler, "APP-1", citing("1")).await;
    let seen = cited(&world, &officer, &strange).await;
    assert_eq!((&seen["stock"], &seen["known"]), (&json!("not_the_exporters"), &Value::Null));
    let seen = cited(&world, &officer, &first).await;
    assert_eq!(seen["known"]["cited_by_others_kg"], "1.000");

    // The exporter is told nothing of where its supplier's goods come from.
    let own = world.api.licensing("GET", &format!("/v1/applications/{first}")).by(&exporter.key);
    let own = world.sends(own).await.body.to_string();
    assert!(!own.contains("Story Mine") && !own.contains(&mine.id.to_string()));
    // Whose filings were shown is told of the look.
    let mut reads = 0;
    for _ in 0..200 {
        let log = world.sends(world.api.reporting("GET", "/v1/access-log").by(&mine.key)).await;
        reads = log.body["reads"].as_array().map_or(0, Vec::len);
        if 0 < reads {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(0 < reads, "the mine is told of the look");
}
