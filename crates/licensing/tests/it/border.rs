use crate::world::{World, a_declaration, a_draft};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_licence_is_never_accepted() {
    let world = World::start().await;
    let (customs, officer, senior) =
        (world.customs().await, world.officer().await, world.senior().await);
    let number = world.licence(a_draft("general", "100")).await;
    let path = format!("/v1/licences/{number}");
    let reservations = format!("{path}/reservations");
    let reserved =
        world.post(&customs, &reservations, a_declaration("5301-1", "5")).await.expect(201);

    let seen = world.get(&officer, &path).await.expect(200);
    let reason = json!({"reason": "the end user changed"});
    let suspend = format!("{path}/suspend");
    world.on(&customs, Method::POST, &suspend, seen.etag(), reason.clone()).await.expect(403);
    let suspended =
        world.on(&officer, Method::POST, &suspend, seen.etag(), reason.clone()).await.expect(200);
    assert_eq!(suspended.body["standing"], "suspended");
    world.post(&customs, &reservations, a_declaration("5301-2", "5")).await.expect(409);
    let confirm = format!("{reservations}/{}/confirm", reserved.id());
    world.post(&customs, &confirm, json!({})).await.expect(409);
    let verified = world.anybody_gets(&format!("/v1/verify/{number}")).await.expect(200);
    assert_eq!(verified.body["statement"]["standing"], "suspended");

    let reinstate = format!("{path}/reinstate");
    world.on(&senior, Method::POST, &reinstate, suspended.etag(), reason).await.expect(200);
    world.post(&customs, &confirm, json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_reservation_gives_its_mass_back() {
    let world = World::start().await;
    let customs = world.customs().await;
    let number = world.licence(a_draft("general", "10")).await;
    let path = format!("/v1/licences/{number}/reservations");
    let all = world.post(&customs, &path, a_declaration("5301-1", "10")).await.expect(201);
    let none = world.post(&customs, &path, a_declaration("5301-2", "0.001")).await.expect(409);
    assert!(none.body["detail"].as_str().unwrap().contains("0.000 kg are left"), "{:#}", none.body);
    let release = format!("{path}/{}/release", all.id());
    world.post(&customs, &release, json!({})).await.expect(200);
    world.post(&customs, &release, json!({})).await.expect(200);
    world.post(&customs, &path, a_declaration("5301-2", "10")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declaration_that_contradicts_the_licence_is_told_where() {
    let world = World::start().await;
    let customs = world.customs().await;
    let number = world.licence(a_draft("general", "10")).await;
    let path = format!("/v1/licences/{number}/reservations");
    let table: [(&str, Value, u16, &str); 10] = [
        ("destination", json!("FR"), 422, "/destination licence_destination"),
        ("consignee", json!("Somebody Else"), 422, "/consignee licence_consignee"),
        ("control_code", json!("1C904.a.4"), 422, "/control_code licence_goods"),
        ("hs_code", json!("850519"), 422, "/control_code licence_goods"),
        ("quantity_kg", json!("0"), 422, "/quantity_kg licence_nothing_declared"),
        ("quantity_kg", json!("1.2345"), 400, "/quantity_kg invalid_value"),
        ("quantity_kg", json!(1.5), 400, "/quantity_kg wrong_type"),
        ("line", json!(2), 422, "/line no_such_line"),
        ("line", json!(0), 422, "/line out_of_range"),
        ("declaration", json!(" "), 422, "/declaration invalid_declaration"),
    ];
    for (field, value, status, fault) in table {
        let mut declaration = a_declaration("5301-1", "1");
        declaration[field] = value;
        let refused = world.post(&customs, &path, declaration).await.expect(status);
        assert_eq!(refused.faults(), [fault], "{field}");
    }
    assert_eq!(world.database.count("lodestone.licence_reservations").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_refuses_a_balance_below_zero() {
    let world = World::start().await;
    world.licence(a_draft("general", "10")).await;
    let owner = world.database.owner().await;
    for change in ["reserved_grams = 10001", "confirmed_grams = 10001", "reserved_grams = -1"] {
        let statement = format!("update lodestone.licence_lines set {change}");
        let error = owner.batch_execute(&statement).await.unwrap_err();
        assert!(error.as_db_error().unwrap().constraint().is_some(), "{change}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_one_declaration_are_one_shipment_of_a_single_licence() {
    let world = World::start().await;
    let customs = world.customs().await;
    let mut draft = a_draft("single", "10");
    let line = draft["lines"][0].clone();
    draft["lines"] = json!([line, line]);
    let number = world.licence(draft).await;
    let path = format!("/v1/licences/{number}/reservations");
    let mut second = a_declaration("5301-1", "2");
    second["line"] = json!(2);
    second["declaration_line"] = json!(2);
    let one = world.post(&customs, &path, a_declaration("5301-1", "1")).await.expect(201);
    let two = world.post(&customs, &path, second).await.expect(201);
    let three = world.post(&customs, &path, a_declaration("5301-9", "1")).await.expect(201);
    let confirm = |id: String| format!("{path}/{id}/confirm");
    world.post(&customs, &confirm(one.id()), json!({})).await.expect(200);
    world.post(&customs, &confirm(two.id()), json!({})).await.expect(200);
    world.post(&customs, &confirm(three.id()), json!({})).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_does_not_hold_is_named_at_the_border() {
    let world = World::start().await;
    let (exporter, officer, senior, customs) = (
        world.exporter().await,
        world.officer().await,
        world.senior().await,
        world.customs().await,
    );
    let case = world.under_review(&exporter, &officer, a_draft("general", "100")).await;
    let nothing = json!({"note": "n", "conditions": [
        {"requirement": {"kind": "ports_only", "ports": []}},
        {"line": 0, "requirement": {"kind": "shipments_at_most", "shipments": 0}}]});
    let refused = world.acts(&officer, &case, "recommend_approval", nothing).await.expect(422);
    assert_eq!(refused.faults().len(), 3, "{:#}", refused.body);
    let unheard_of = json!({"note": "n", "conditions": [{"requirement": {"kind": "be_nice"}}]});
    world.acts(&officer, &case, "recommend_approval", unheard_of).await.expect(400);
    let conditions = json!({"note": "in order", "conditions": [
        {"requirement": {"kind": "ports_only", "ports": ["2248"]}},
        {"requirement": {"kind": "shipments_at_most", "shipments": 2}},
        {"line": 1, "requirement": {"kind": "shipment_at_most", "quantity_kg": "10"}},
        {"requirement": {"kind": "end_users_only", "names": ["Beispiel Motoren GmbH"]}},
    ]});
    world.acts(&officer, &case, "recommend_approval", conditions).await.expect(200);
    let number = world.countersigned(&senior, &case).await;

    let seen = world.get(&exporter, &format!("/v1/licences/{number}")).await.expect(200);
    assert_eq!(seen.body["conditions"][0]["author"], json!(world.authority));
    assert_eq!(
        seen.body["conditions"][2]["sentence_en"],
        "Line 1: Each shipment is of at most 10.000 kg."
    );
    let path = format!("/v1/licences/{number}/reservations");
    let declared = |number: &str, kilograms: &str, line: u16| {
        let mut declared = a_declaration(number, kilograms);
        declared["port"] = json!("2248");
        declared["end_user"] = json!("Beispiel Motoren GmbH");
        declared["declaration_line"] = json!(line);
        declared
    };
    let mut elsewhere = declared("5301-1", "1", 1);
    elsewhere["port"] = json!("0101");
    let refused = world.post(&customs, &path, elsewhere).await.expect(422);
    assert_eq!(refused.faults(), ["/port licence_condition"]);
    let detail = refused.body["violations"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("condition 1 does not hold"), "{detail}");
    let mut silent = declared("5301-1", "1", 1);
    silent.as_object_mut().unwrap().remove("end_user");
    let refused = world.post(&customs, &path, silent).await.expect(422);
    assert_eq!(refused.faults(), ["/end_user licence_condition"]);

    world.post(&customs, &path, declared("5301-1", "6", 1)).await.expect(201);
    let more = world.post(&customs, &path, declared("5301-1", "5", 2)).await.expect(422);
    assert_eq!(more.faults(), ["/quantity_kg licence_condition"]);
    let tries = (2..10).map(|client| {
        let declared = declared(&format!("5301-{client}"), "1", 1);
        world.post(&customs, &path, declared)
    });
    let answers = futures_util::future::join_all(tries).await;
    let taken = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(taken, 1, "of eight at once only one is the second of two shipments");
    let refused = answers.into_iter().find(|answer| answer.status != 201).unwrap();
    assert_eq!(
        (refused.status.as_u16(), refused.faults()),
        (409, vec![" licence_condition".into()])
    );
}
