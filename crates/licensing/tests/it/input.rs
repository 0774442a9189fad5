use crate::world::{World, a_draft};
use serde_json::{Value, json};

/// Sends bytes as they are.
async fn raw(
    world: &World,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (u16, Value) {
    let method = method.parse().unwrap();
    let mut request = reqwest::Client::new().request(method, world.url(path)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let is_problem = response
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.to_str().unwrap().starts_with("application/problem+json"));
    assert!(status < 400 || is_problem, "{status} without a problem");
    (status, response.json().await.unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named_and_nothing_is_stored() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let draft = |change: fn(&mut Value)| {
        let mut draft = a_draft("single", "10");
        change(&mut draft);
        draft
    };
    let table: [(Value, u16, &str); 13] = [
        (json!({}), 422, "/kind missing_field"),
        (draft(|d| d["contract"] = json!("C\u{0}1")), 400, "/contract nul_character"),
        (json!([]), 422, "/kind missing_field"),
        (json!({"kind": "triple"}), 400, "/kind unknown_value"),
        (draft(|d| d["weight"] = json!(1)), 400, "/weight unknown_field"),
        (draft(|d| d["destination"] = json!("de")), 400, "/destination invalid_value"),
        (draft(|d| d["valid_from"] = json!("2026-13-01")), 400, "/valid_from invalid_value"),
        (
            draft(|d| d["lines"][0]["quantity_kg"] = json!("-1")),
            400,
            "/lines/0/quantity_kg invalid_value",
        ),
        (
            draft(|d| d["lines"][0]["quantity_kg"] = json!("1e99")),
            400,
            "/lines/0/quantity_kg invalid_value",
        ),
        (draft(|d| d["lines"][0]["hs_code"] = json!("77")), 400, "/lines/0/hs_code invalid_value"),
        (
            draft(|d| d["lines"][0]["goods"]["category"] = json!("cheese")),
            400,
            "/lines/0/goods/category unknown_value",
        ),
        (draft(|d| d["consignees"] = json!({"name": "x"})), 400, "/consignees wrong_type"),
        (draft(|d| d["documents"][0]["kind"] = json!(7)), 400, "/documents/0/kind wrong_type"),
    ];
    for (body, status, fault) in table {
        let refused = world.post(&exporter, "/v1/applications", body).await.expect(status);
        assert_eq!(refused.faults(), [fault]);
    }
    let absurd = json!({"goods": {"category": "magnet", "composition": {"percent": {"Nd": "60", "Fe": "60"}}}});
    let refused = world.post(&exporter, "/v1/determinations", absurd).await.expect(422);
    assert_eq!(refused.faults(), ["/goods/composition invalid_composition"]);
    let unheard = json!({"goods": {"category": "magnet", "composition": {"percent": {"Xx": "6"}}}});
    world.post(&exporter, "/v1/determinations", unheard).await.expect(400);
    assert_eq!(world.database.count("lodestone.cases").await, 0);
    assert_eq!(world.database.count("lodestone.determinations").await, 0);
    assert_eq!(world.database.count("lodestone.licensing_requests").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_the_answer_is_a_problem_and_never_a_500() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let officer = world.officer().await;
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    let json_type = ("content-type", "application/json");
    let key = ("idempotency-key", "k");
    assert_eq!(
        raw(&world, "POST", "/v1/applications", &[json_type, key], b"{}".to_vec()).await.0,
        401
    );
    let wrong = ("authorization", "Bearer ldk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(raw(&world, "GET", "/v1/applications", &[wrong], Vec::new()).await.0, 401);

    let token = format!("Bearer {}", exporter.token());
    let exporting = ("authorization", token.as_str());
    let bodies: [(&[u8], u16); 5] = [
        (b"", 400),
        (b"{", 400),
        (b"{\"kind\":\"\xff\"}", 400),
        (b"nonsense", 400),
        (b"{\"kind\":\"single\"} {}", 400),
    ];
    for (body, status) in bodies {
        let headers = [exporting, json_type, key];
        assert_eq!(
            raw(&world, "POST", "/v1/applications", &headers, body.to_vec()).await.0,
            status
        );
    }
    let large = vec![b' '; 10 << 20];
    assert_eq!(
        raw(&world, "POST", "/v1/applications", &[exporting, json_type, key], large).await.0,
        413
    );
    let text = ("content-type", "text/plain");
    assert_eq!(
        raw(&world, "POST", "/v1/applications", &[exporting, text, key], b"{}".to_vec()).await.0,
        415
    );
    let keyless =
        raw(&world, "POST", "/v1/applications", &[exporting, json_type], b"{}".to_vec()).await;
    assert_eq!(keyless.0, 400, "{:#}", keyless.1);

    let token = format!("Bearer {}", officer.token());
    let deciding = ("authorization", token.as_str());
    let version = ("if-match", "\"2\"");
    let paths: [(&str, String, u16); 10] = [
        ("GET", "/v1/cases/nonsense".to_owned(), 400),
        ("GET", format!("/v1/cases/{}", uuid::Uuid::now_v7()), 404),
        ("POST", format!("/v1/cases/{case}/fly"), 404),
        ("POST", format!("/v1/cases/{case}/submit"), 404),
        ("POST", format!("/v1/cases/{case}/deem_accepted"), 404),
        ("GET", "/v1/licences/LS-2026-000123-X".to_owned(), 404),
        ("GET", "/v1/verify/%F0%9F%92%A9".to_owned(), 404),
        ("GET", "/v1/nowhere".to_owned(), 404),
        ("DELETE", "/v1/workflow".to_owned(), 405),
        ("GET", "/v1/cases?cursor=AAAA".to_owned(), 400),
    ];
    for (method, path, status) in paths {
        let headers = [deciding, json_type, version];
        let (answered, body) = raw(&world, method, &path, &headers, b"{}".to_vec()).await;
        assert_eq!(answered, status, "{method} {path}: {body:#}");
    }
    let unknown = json!({"note": "x", "mood": "good"});
    let refused = world.acts(&officer, &case, "recommend_approval", unknown).await.expect(400);
    assert_eq!(refused.faults(), ["/mood unknown_field"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workflow_is_published_from_the_tables_that_decide() {
    let world = World::start().await;
    let workflow = world.anybody_gets("/v1/workflow").await.expect(200);
    let steps = workflow.body["case"]["transitions"].as_array().unwrap();
    assert_eq!(steps.len(), domain::case::TRANSITIONS.len());
    assert!(steps.contains(&json!({
        "from": "countersign", "action": "countersign", "to": "approved",
        "by": ["officer", "senior_officer"], "when": "nobody else is waited for"
    })));
    let api = world.anybody_gets("/openapi.json").await.expect(200);
    let paths = api.body["paths"].as_object().unwrap();
    for path in [
        "/v1/determinations",
        "/v1/applications/{id}/submit",
        "/v1/cases/{id}/{action}",
        "/v1/licences/{number}/reservations/{reservation}/confirm",
        "/v1/verify/{number}",
    ] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
}
