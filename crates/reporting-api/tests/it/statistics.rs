//! What officials are told of the nation as a whole, and what a party is called to each of them.

use crate::world::World;
use serde_json::{Value, json};
use testkit::uscc;

const PURPOSE: (&str, &str) = ("Lodestone-Purpose", "the quarterly report");

pub(crate) async fn a_trade(world: &World, key: &str) {
    let forms = [
        json!({"kind": "extraction", "reference": "E1", "site": "S1", "happened_at": "2026-09-02T10:00:00+08:00",
            "lines": [{"lot": "E1", "product": "P1", "quantity_kg": "1000"}]}),
        json!({"kind": "dispatch", "reference": "D1", "site": "S1", "happened_at": "2026-10-02T10:00:00+08:00",
            "client": {"name": "A client", "identifier": uscc(777_777).to_string(), "country": "CN"}, "lines": [{"lot": "E1", "quantity_kg": "300"}]}),
        json!({"kind": "export", "reference": "X1", "site": "S1", "happened_at": "2026-10-03T10:00:00+08:00",
            "end_user": {"name": "A user", "country": "DE"}, "destination": "DE", "declaration": "X-1",
            "lines": [{"lot": "E1", "quantity_kg": "200"}]}),
    ];
    for form in forms {
        let post = world.post("/v1/filings", &form).by(key);
        let post = post.header("Idempotency-Key", form["reference"].as_str().unwrap());
        post.answer().await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn officials_are_told_the_nation_in_full_and_nobody_else_is_told_anything() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let (one, other) = (world.filer().await, world.filer().await);
    a_trade(&world, &one.key).await;
    a_trade(&world, &other.key).await;
    let analyst = world.colleague(&administrator, "analyst@authority.example", &["analyst"]).await;
    let period = "from=2026-09&until=2026-10";
    let tell = async |table: &str, by: &str| {
        let path = format!("/v1/statistics/{table}?{period}&by={by}");
        let asked = world.get(&path).by(&analyst).header(PURPOSE.0, PURPOSE.1);
        asked.answer().await.expect(200).body["rows"].clone()
    };
    let oxide = |kg: &str, reo: &str, more: Value| {
        let mut row = json!({"category": "oxide", "gross_kg": kg, "reo_kg": reo});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    assert_eq!(
        tell("production", "category,stage,province").await,
        json!([oxide("2000.000", "1998.000", json!({"stage": "extracted", "region": "36"}))])
    );
    assert_eq!(
        tell("stock", "category").await,
        json!([
            oxide("2000.000", "1998.000", json!({"month": "2026-09"})),
            oxide("1000.000", "999.000", json!({"month": "2026-10"})),
        ])
    );
    assert_eq!(tell("trade", "").await[0]["gross_kg"], "600.000");
    let exported = tell("exports", "destination,element,month").await;
    assert_eq!(exported.as_array().unwrap().len(), 1);
    assert_eq!(
        (&exported[0]["destination"], &exported[0]["element"]),
        (&json!("DE"), &json!("Dy"))
    );

    let path = format!("/v1/statistics/exports.csv?{period}&by=destination");
    let csv = world.get(&path).by(&analyst).header(PURPOSE.0, PURPOSE.1).answer().await.expect(200);
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert!(csv.text.ends_with("\r\n,,,,DE,,400.000,399.599\r\n"), "{}", csv.text);

    // Every read is in the log of the authority; filers and the public are told nothing.
    let auditor = world.colleague(&administrator, "auditor@authority.example", &["auditor"]).await;
    let log = world.get("/v1/access-log").by(&auditor).answer().await.expect(200).body;
    assert_eq!(log["reads"].as_array().unwrap().len(), 5, "{log}");
    assert_eq!(log["reads"][0]["subject"], "statistics of exports");
    world.get(&path).by(&one.key).answer().await.expect(403);
    world.get(&path).answer().await.expect(401);
    world.get(&path).by(&analyst).answer().await.expect(400);
    for (wrong, status) in [
        ("imports?from=2026-09&until=2026-10", 404),
        ("trade?from=2026-09", 400),
        ("trade?from=2026-09&until=2026-08", 400),
        ("trade?from=2020-01&until=2026-08", 400),
        ("trade?from=2026-09&until=2026-10&by=client", 400),
        ("trade?from=yesterday&until=2026-10", 400),
    ] {
        let path = format!("/v1/statistics/{wrong}");
        let asked = world.get(&path).by(&analyst).header(PURPOSE.0, PURPOSE.1);
        asked.answer().await.expect(status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_has_another_pseudonym_for_each_official_and_its_own_id_for_its_owner() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let filer = world.filer().await;
    a_trade(&world, &filer.key).await;
    let own = world.get("/v1/filings?kind=dispatch").by(&filer.key).answer().await.expect(200);
    let own = &own.body["filings"][0];
    let id = own["id"].as_str().unwrap();
    let mut seen = vec![own["party_pseudonym"].as_str().unwrap().to_owned()];
    for name in ["first", "second"] {
        let email = format!("{name}@authority.example");
        let official = world.colleague(&administrator, &email, &["inspector"]).await;
        let ask = async |path: &str, purpose: &str| {
            let asked = world.get(path).by(&official).header(PURPOSE.0, purpose);
            let answer = asked.answer().await.expect(200);
            assert!(!answer.text.contains("A client"), "{}", answer.text);
            answer.body
        };
        let of = format!("organisation={}", filer.id);
        let list = ask(&format!("/v1/filings?kind=dispatch&{of}"), "one purpose").await;
        let one = ask(&format!("/v1/filings/{id}?{of}"), "another purpose").await;
        let versions = ask(&format!("/v1/filings/{id}/versions?{of}"), "a third").await;
        let pseudonym = &list["filings"][0]["party_pseudonym"];
        assert_eq!(pseudonym, &one["party_pseudonym"]);
        assert_eq!(pseudonym, &versions[0]["party_pseudonym"]);
        seen.push(pseudonym.as_str().unwrap().to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3, "nobody's view can be put together with another's");
}
