//! The register of organisations and their catalogues.

use crate::world::{PASSWORD, World, product, site};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_is_registered_with_everything_it_begins_with() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let form = world.filer_form();
    let registered =
        world.post("/v1/organisations", &form).by(&administrator).answer().await.expect(201);
    let id = registered.id("id");
    let key = registered.said("first_key/key").to_owned();
    assert!(key.starts_with("ldk_"), "{key}");

    let shown = world.get(&format!("/v1/organisations/{id}")).by(&key).answer().await.expect(200);
    assert_eq!(shown.body["uscc"], form["uscc"]);
    assert_eq!(shown.body["stages"], json!(["mining", "separation"]));
    let sites = world.get(&format!("/v1/organisations/{id}/sites")).by(&key).answer().await;
    assert_eq!(sites.expect(200).body["sites"][0]["code"], "S1");
    let products = world.get(&format!("/v1/organisations/{id}/products")).by(&key).answer().await;
    let products = products.expect(200);
    assert_eq!(products.body["products"][0]["composition"]["percent"]["Dy"], "99.9");

    let found = format!("/v1/organisations?identifier={}", form["uscc"].as_str().unwrap());
    let found = world.get(&found).by(&key).answer().await.expect(200);
    assert_eq!(found.body["organisations"][0]["id"], id.to_string());
    let events = world.events("organisation.registered").await;
    assert_eq!(events.last().unwrap()["organisation"], id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_code_is_registered_once_and_a_repeated_request_shows_no_secret_again() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let form = world.filer_form();
    let register = |form: &serde_json::Value, key: &str| {
        world
            .post("/v1/organisations", form)
            .by(&administrator)
            .header("Idempotency-Key", key)
            .answer()
    };
    let first = register(&form, "one").await.expect(201);
    let again = register(&form, "one").await.expect(200);
    assert_eq!(first.id("id"), again.id("id"));
    assert_eq!(first.id("first_key/id"), again.id("first_key/id"));
    assert!(again.body["first_key"]["key"].is_null(), "{}", again.text);

    let taken = register(&form, "two").await.expect(409);
    assert_eq!(taken.said("detail"), "this unified social credit code is taken");
    let mut other = world.filer_form();
    register(&other, "one").await.expect(422);
    other["first_administrator"]["email"] = form["first_administrator"]["email"].clone();
    let taken = register(&other, "three").await.expect(409);
    assert_eq!(taken.said("detail"), "this e-mail address is taken");
    // Nothing of what was refused is there.
    assert_eq!(world.database.count("organisations where kind = 'filer'").await, 1);
    assert_eq!(world.database.count("sites").await, 1);
    let owner = world.database.owner().await;
    let answers = "select jsonb_agg(k)::text from idempotency_keys k";
    let kept: String = owner.query_one(answers, &[]).await.unwrap().get(0);
    assert!(!kept.contains(first.said("first_key/key")) && !kept.contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_register_the_same_at_once_register_it_once() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let form = world.filer_form();
    let attempts = (0..6).map(|_| {
        world
            .post("/v1/organisations", &form)
            .by(&administrator)
            .header("Idempotency-Key", "same")
            .answer()
    });
    let mut statuses: Vec<u16> = futures_util::future::join_all(attempts)
        .await
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
    assert_eq!(world.database.count("organisations where kind = 'filer'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_registration_is_named_field_by_field() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let refused = async |changes: serde_json::Value| {
        let mut form = world.filer_form();
        for (name, value) in changes.as_object().unwrap() {
            form[name] = value.clone();
        }
        world.post("/v1/organisations", &form).by(&administrator).answer().await
    };
    let answer = refused(json!({
        "name_zh": " ", "name_en": "", "sites": [site(""), site("S2")],
        "products": [{
            "code": "P1", "name_zh": "a", "name_en": "a", "category": "oxide",
            "hs_code": "28469015", "composition": {"percent": {"Dy": "101"}},
        }],
        "first_administrator": {
            "email": "nobody", "name": "n", "password": "short", "roles": ["officer"],
        },
        "first_key": {"name": "ERP", "scopes": ["senior_officer"]},
    }));
    insta::assert_snapshot!(answer.await.expect(422).faults().join("\n"), @r"
    /name_zh invalid_text
    /name_en invalid_text
    /sites/0/code invalid_code
    /products/0/composition invalid_composition
    /first_administrator/email invalid_email
    /first_administrator/roles/0 role_not_possible
    /first_administrator/password invalid_password
    /first_key/scopes/0 role_not_possible
    ");
    for (changes, fault) in [
        (json!({"uscc": "91110000600037341N"}), "/uscc invalid_value"),
        (json!({"uscc": null}), "/uscc identifier_needed"),
        (json!({"country": "DE"}), "/lei identifier_needed"),
        (json!({"kind": "mine"}), "/kind unknown_value"),
        (json!({"first_administrator": null}), "/first_administrator missing"),
        (json!({"surprise": 1}), "/surprise unknown_field"),
    ] {
        let answer = refused(changes).await;
        assert!(answer.status.is_client_error(), "{}", answer.text);
        assert_eq!(answer.faults(), [fault], "{}", answer.text);
    }
    assert_eq!(world.database.count("organisations where kind = 'filer'").await, 0);
    refused(json!({
        "uscc": null, "lei": "529900T8BM49AURSDO55", "country": "DE",
        "group": uuid::Uuid::now_v7(),
    }))
    .await
    .expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_grows_by_its_owner_and_each_code_stands_once() {
    let world = World::start().await;
    let filer = world.filer().await;
    let sites = format!("/v1/organisations/{}/sites", filer.id);
    let add = |form: serde_json::Value, key: &str| {
        world.post(&sites, &form).by(&filer.key).header("Idempotency-Key", key).answer()
    };
    let added = add(site("S2"), "a").await.expect(201);
    assert_eq!(add(site("S2"), "a").await.expect(200).body, added.body);
    add(site("S3"), "a").await.expect(422);
    add(site("S2"), "b").await.expect(409);
    let products = format!("/v1/organisations/{}/products", filer.id);
    for code in ["P2", "P3", "P4"] {
        world.post(&products, &product(code)).by(&filer.key).answer().await.expect(201);
    }
    let mut codes = Vec::new();
    let mut path = format!("{products}?limit=3");
    loop {
        let page = world.get(&path).by(&filer.key).answer().await.expect(200);
        let shown = page.body["products"].as_array().unwrap();
        codes.extend(shown.iter().map(|product| product["code"].as_str().unwrap().to_owned()));
        match page.body["next"].as_str() {
            Some(next) => path = format!("{products}?limit=3&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(codes, ["P1", "P2", "P3", "P4"]);
    world.get(&format!("{products}?cursor=AAAA")).by(&filer.key).answer().await.expect(400);
    world.get(&format!("{products}?limit=0")).by(&filer.key).answer().await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_is_changed_and_closed_by_the_authority_only() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let filer = world.filer().await;
    let group = json!({"name_zh": "集团", "name_en": "Group"});
    let group = world.post("/v1/groups", &group).by(&administrator).answer().await.expect(201);
    let path = format!("/v1/organisations/{}", filer.id);
    let patch = |by: &str, body: &serde_json::Value| {
        world.ask(&Method::PATCH, &path).by(by).with(body).answer()
    };
    patch(&filer.key, &json!({"name_en": "X"})).await.expect(403);
    let changed = json!({"name_en": "Renamed", "group": group.id("id")});
    let changed = patch(&administrator, &changed).await.expect(200);
    assert_eq!(changed.said("name_en"), "Renamed");
    assert_eq!(changed.id("group"), group.id("id"));
    let same = patch(&administrator, &json!({})).await.expect(200);
    assert_eq!(same.text, changed.text);
    let ungrouped = patch(&administrator, &json!({"group": null})).await.expect(200);
    assert!(ungrouped.body["group"].is_null());

    let close = format!("{path}/close");
    world.post(&close, &json!({})).by(&filer.key).answer().await.expect(403);
    world.post(&close, &json!({})).by(&administrator).answer().await.expect(200);
    world.get("/v1/me").by(&filer.key).answer().await.expect(401);
    world.try_sign_in(&filer.email, PASSWORD).await.expect(401);
    let closed = world.get(&path).by(&administrator).answer().await.expect(200);
    assert!(closed.body["closed_at"].is_string());
    let own = format!("/v1/organisations/{}/close", world.authority);
    world.post(&own, &json!({})).by(&administrator).answer().await.expect(409);
    assert_eq!(world.events("organisation.closed").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_says_what_it_is_to_the_control_lists_before_anything_is_filed() {
    let world = World::start().await;
    let filer = world.filer().await;
    let products = format!("/v1/organisations/{}/products", filer.id);
    // Without a law in force there is nothing to say, and the catalogue is kept all the same.
    let before = world.post(&products, &product("P1a")).by(&filer.key).answer().await.expect(201);
    assert_eq!(before.body.get("control"), None);
    world.import_regime().await;
    let mut magnet = product("N42SH");
    magnet["category"] = json!("magnet");
    magnet["composition"] = json!({"percent": {"Nd": "29", "Dy": "1.2"}});
    let added = world.post(&products, &magnet).by(&filer.key).answer().await.expect(201);
    let control = &added.body["control"];
    assert_eq!(
        (&control["outcome"], &control["codes"]),
        (&json!("controlled"), &json!(["1C905.a.4"]))
    );
    assert_eq!(control["binding"], "not_binding");
    assert!(!control["reasons"][0]["zh"].as_str().unwrap().is_empty());
    magnet["code"] = json!("N42");
    magnet["composition"] = json!({"percent": {"Nd": "30"}});
    let added = world.post(&products, &magnet).by(&filer.key).answer().await.expect(201);
    assert_eq!(added.body["control"]["outcome"], "not_controlled");
    let listed = world.get(&products).by(&filer.key).answer().await.expect(200);
    let outcomes = listed.body["products"].as_array().unwrap().iter();
    let outcomes: Vec<_> = outcomes.map(|product| product["control"]["outcome"].clone()).collect();
    assert!(outcomes.iter().all(serde_json::Value::is_string), "{outcomes:?}");
}
