//! A small service with one good, one failing and one panicking route, behind the real edge.

use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use service::{
    body::JsonBody, health::Health, http::Server, problem::Problem, settings::Settings,
    trace::TraceContext,
};
use std::{collections::BTreeMap, fmt::Write, net::TcpListener};
use tokio_util::sync::{CancellationToken, DropGuard};
use utoipa::OpenApi;
use utoipa_actix_web::service_config::ServiceConfig;

#[derive(OpenApi)]
#[openapi(info(title = "A small service", version = "1"))]
struct Api;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u8>,
}

#[utoipa::path(responses((status = 200)))]
#[get("/v1/things/{id}")]
async fn thing(id: web::Path<u32>, page: web::Query<Page>, trace: TraceContext) -> HttpResponse {
    let said = format!("{id} {} {}", page.limit.unwrap_or(10), trace.trace_id());
    HttpResponse::Ok().body(said)
}

#[utoipa::path(responses((status = 201)))]
#[post("/v1/things")]
async fn new_thing(body: JsonBody<BTreeMap<String, u32>>) -> HttpResponse {
    HttpResponse::Created().json(body.value)
}

#[utoipa::path(responses((status = 500)))]
#[get("/v1/failure")]
async fn failure() -> Result<HttpResponse, Problem> {
    Err(anyhow::anyhow!("relation secret_table does not exist").into())
}

#[utoipa::path(responses((status = 500)))]
#[get("/v1/panic")]
async fn panic() -> HttpResponse {
    panic!("secret_table");
}

fn routes(config: &mut ServiceConfig) {
    config.service(thing).service(new_thing).service(failure).service(panic);
}

struct SmallService {
    address: String,
    client: reqwest::Client,
    _stops_when_dropped: DropGuard,
}

impl SmallService {
    fn start(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let settings = Settings::from_environment(0, &variables.collect()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let server = Server {
            http: settings.http,
            ratelimit: settings.ratelimit,
            health: Health::new(),
            api: Api::openapi(),
            shutdown: shutdown.clone(),
        };
        service::metrics::init();
        tokio::spawn(server.run_on(listener, routes));
        let client = reqwest::Client::new();
        Self { address, client, _stops_when_dropped: shutdown.drop_guard() }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse::<reqwest::Method>().unwrap();
        self.client.request(method, format!("{}{path}", self.address))
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.request("GET", path).send().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_is_answered_with_a_problem() {
    let service = SmallService::start(&[]);
    let json = |body: &'static str| {
        service.request("POST", "/v1/things").header("content-type", "application/json").body(body)
    };
    let requests = [
        service.request("GET", "/nowhere"),
        service.request("DELETE", "/v1/things"),
        service.request("PUT", "/v1/things/7"),
        service.request("POST", "/health/live"),
        service.request("GET", "/v1/things/seven"),
        service.request("GET", "/v1/things/7?limit=300"),
        service.request("GET", "/v1/things/7?page=3"),
        service.request("GET", "/v1/things/7?limit=%00"),
        json("{"),
        json(r#"{"a": -1}"#),
        service.request("POST", "/v1/things").body("{}"),
        json("{}").body(vec![b' '; 2 << 20]),
        service.request("GET", "/v1/failure"),
        service.request("GET", "/v1/panic"),
        service.request("GET", "/docs/no-such-file.js"),
    ];
    let mut table = String::new();
    for request in requests {
        let request = request.build().unwrap();
        let asked = format!("{} {}", request.method(), request.url().path());
        let response = service.client.execute(request).await.unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("application/problem+json"), "{asked}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{asked}");
        let allow = header("allow").map(|allow| format!(" [{allow}]")).unwrap_or_default();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        assert!(!body.contains("secret_table"), "{body}");
        let mut problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        let slug = problem["type"].as_str().unwrap().rsplit('/').next().unwrap();
        writeln!(table, "{asked} -> {status} {slug}{allow}: {}", problem["detail"]).unwrap();
        if problem["violations"].is_array() {
            writeln!(table, "    {}", problem["violations"].take()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_continues_the_trace_of_its_caller() {
    let service = SmallService::start(&[]);
    let request = service
        .request("GET", "/v1/things/7?limit=3")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let said = request.send().await.unwrap().text().await.unwrap();
    assert_eq!(said, "7 3 4bf92f3577b34da6a3ce929d0e0e4736");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_asks_too_much_is_told_when_to_come_back() {
    let service = SmallService::start(&[
        ("LODESTONE_RATELIMIT__REQUESTS_PER_SECOND", "1"),
        ("LODESTONE_RATELIMIT__BURST", "2"),
    ]);
    let as_caller = async |key: &str| {
        let request = service.request("GET", "/v1/things/7").header("authorization", key);
        request.send().await.unwrap()
    };
    let first = as_caller("Bearer a").await;
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["ratelimit-limit"], "2");
    assert_eq!(first.headers()["ratelimit-remaining"], "1");
    assert_eq!(first.headers()["cache-control"], "no-store");
    assert_eq!(as_caller("Bearer a").await.status(), 200);
    let refused = as_caller("Bearer a").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(as_caller("Bearer b").await.status(), 200);
    assert_eq!(service.get("/health/live").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself_without_an_outside_network() {
    let service = SmallService::start(&[]);
    let api: serde_json::Value = service.get("/openapi.json").await.json().await.unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    assert!(api["paths"]["/v1/things/{id}"]["get"].is_object(), "{api}");
    assert_eq!(service.get("/docs").await.url().path(), "/docs/");
    let page = service.get("/docs/").await.text().await.unwrap();
    let loaded: Vec<&str> = page
        .split(['"', '\''])
        .filter(|part| [".js", ".css", ".png"].iter().any(|end| part.ends_with(end)))
        .collect();
    assert!(loaded.len() >= 4, "{loaded:?}");
    for file in loaded {
        assert!(!file.contains("//"), "the page loads {file} from elsewhere");
        assert_eq!(service.get(&format!("/docs/{file}")).await.status(), 200, "{file}");
    }
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
    let initializer = service.get("/docs/swagger-initializer.js").await.text().await.unwrap();
    assert!(initializer.contains("/openapi.json"), "{initializer}");
    assert!(!initializer.contains("petstore"), "{initializer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_route() {
    let service = SmallService::start(&[]);
    service.get("/v1/things/7").await;
    let numbers = service.get("/metrics").await.text().await.unwrap();
    let counted = "http_request_duration_seconds_count{method=\"GET\",route=\"/v1/things/{id}\",status=\"200\"}";
    assert!(numbers.contains(counted), "{numbers}");
}
