//! The HTTP server every process has: the same edge around different routes.
//!
//! The edge continues or begins the trace, counts and times, limits callers, turns panics and
//! everything actix would answer by itself into problems, and sets the headers that must never
//! be forgotten. Handlers deal with none of that.

use crate::{
    body::BodyLimit,
    health::{self, Health},
    metrics as numbers,
    openapi::{self, Pages},
    problem::{Location, Problem, Violation},
    process,
    rate_limit::{self, CallerLimit},
    settings,
    trace::{self, TraceContext},
};
use actix_web::{
    App, Error, HttpMessage, HttpRequest, HttpResponse, HttpServer, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::{JsonPayloadError, PathError, QueryPayloadError},
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    web,
};
use anyhow::Context;
use futures_util::FutureExt;
use std::{
    borrow::Cow,
    net::TcpListener,
    num::NonZero,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

const CLIENT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What a server needs besides its routes.
pub struct Server {
    /// How it listens.
    pub http: settings::Http,
    /// How much one caller may ask.
    pub ratelimit: settings::RateLimit,
    /// What must answer before the process is ready.
    pub health: Health,
    /// The general part of the API's description.
    pub api: OpenApi,
    /// Stops the server, letting requests finish.
    pub shutdown: CancellationToken,
}

impl Server {
    /// The server of a process.
    pub fn of(context: &process::Context, health: Health, api: OpenApi) -> Self {
        let process::Context { settings, shutdown, .. } = context;
        let (http, ratelimit) = (settings.http.clone(), settings.ratelimit.clone());
        Self { http, ratelimit, health, api, shutdown: shutdown.clone() }
    }

    /// Serves until told to stop.
    pub async fn run<F>(self, routes: F) -> anyhow::Result<()>
    where
        F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    {
        let address = self.http.address;
        let listener = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address}; is the port taken?"))?;
        self.run_on(listener, routes).await
    }

    /// Serves on a socket that is open already, such as one on a free port in a test.
    pub async fn run_on<F>(self, listener: TcpListener, routes: F) -> anyhow::Result<()>
    where
        F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    {
        let Self { http, ratelimit, health, api, shutdown } = self;
        let address = listener.local_addr()?;
        let pages = web::Data::new(Pages::new(&openapi::describe(api, routes.clone())));
        let health = web::Data::new(health);
        let limit = CallerLimit::on_requests(&ratelimit);
        if let Some(limit) = limit.clone() {
            tokio::spawn(limit.upkeep(shutdown.clone()));
        }
        let body_limit = BodyLimit { bytes: http.body_limit_bytes };
        let server = HttpServer::new(move || {
            App::new()
                .wrap(from_fn(edge))
                .app_data(pages.clone())
                .app_data(health.clone())
                .app_data(Limit(limit.clone()))
                .configure(|config| answer_with_problems(config, body_limit))
                .route("/health/live", web::get().to(health::live))
                .route("/health/ready", web::get().to(health::ready))
                .route("/metrics", web::get().to(numbers::page))
                .route(openapi::DESCRIPTION, web::get().to(openapi::description))
                .route("/docs", web::get().to(openapi::to_page))
                .route("/docs/{file:.*}", web::get().to(openapi::page))
                .default_service(web::to(no_such_route))
                .into_utoipa_app()
                .configure(routes.clone())
                .into_app()
        })
        .workers(workers(http.workers))
        .client_request_timeout(CLIENT_REQUEST_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(http.drain_seconds)
        .disable_signals()
        .listen(listener)?
        .run();
        tracing::info!(%address, "listening");
        let handle = server.handle();
        tokio::spawn(async move {
            shutdown.cancelled().await;
            handle.stop(true).await;
        });
        server.await.context("the HTTP server failed")
    }
}

fn workers(set: usize) -> usize {
    if set == 0 { std::thread::available_parallelism().map_or(1, NonZero::get) } else { set }
}

#[derive(Clone)]
struct Limit(Option<CallerLimit>);

/// What surrounds every request.
async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let header = request.headers().get(trace::HEADER).and_then(|header| header.to_str().ok());
    let trace = TraceContext::from_header(header);
    let span = tracing::info_span!(
        "request",
        http.method = %request.method(),
        http.path = %logged(request.path()),
        trace.id = %trace.trace_id(),
    );
    let authenticated = request.headers().contains_key(header::AUTHORIZATION);
    let method = request.method().clone();
    let allowance = count_caller(&request)?;
    refuse_nul(&request)?;
    request.extensions_mut().insert(trace);

    let answer = async {
        match AssertUnwindSafe(next.call(request)).catch_unwind().await {
            Ok(answer) => answer,
            Err(panic) => Err(Problem::Internal(panic_as_error(&*panic)).into()),
        }
    };
    let mut response = answer.instrument(span.clone()).await?.map_into_boxed_body();
    if actix_answered_by_itself(&response) {
        let problem = no_such_route_problem(response.request());
        response = response.into_response(problem.error_response());
    }
    set_headers(&mut response, authenticated, allowance);

    let status = response.status();
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    span.in_scope(|| {
        tracing::debug!(http.status = status.as_u16(), elapsed = ?began.elapsed(), "answered");
    });
    metrics::histogram!(
        "http_request_duration_seconds",
        "method" => method.to_string(), "route" => route, "status" => status.as_str().to_owned()
    )
    .record(began.elapsed());
    Ok(response)
}

/// A path as the log may hold it: whoever reads the log could otherwise be whoever holds the token.
fn logged(path: &str) -> Cow<'_, str> {
    const SECRET: &str = "/v1/sealed/";
    let Some(token) = path.strip_prefix(SECRET) else { return Cow::Borrowed(path) };
    let rest = token.find('/').map_or("", |end| &token[end..]);
    Cow::Owned(format!("{SECRET}..{rest}"))
}

fn count_caller(request: &ServiceRequest) -> Result<Option<rate_limit::Allowance>, Problem> {
    let unlimited = request.path().starts_with("/health/") || request.path() == "/metrics";
    match request.app_data::<Limit>() {
        Some(Limit(Some(limit))) if !unlimited => {
            limit.count(rate_limit::caller(request)).map(Some)
        }
        _ => Ok(None),
    }
}

/// Postgres keeps no U+0000 in text: what carries one in its address names nothing that is here.
fn refuse_nul(request: &ServiceRequest) -> Result<(), Problem> {
    let address = request.uri().path_and_query().map_or("", |address| address.as_str());
    if !address.contains("%00") {
        return Ok(());
    }
    let detail = "the address contains the character U+0000 (%00)".to_owned();
    let location = Location::Parameter { parameter: "address".to_owned() };
    let expected = Some("an address without %00".to_owned());
    let code = "contains_nul".into();
    Err(Problem::InvalidParameter(Box::new(Violation { location, code, detail, expected })))
}

fn panic_as_error(panic: &(dyn std::any::Any + Send)) -> anyhow::Error {
    let said = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
    anyhow::anyhow!("a handler panicked: {}", said.unwrap_or_default())
}

fn set_headers(
    response: &mut ServiceResponse<BoxBody>,
    authenticated: bool,
    allowance: Option<rate_limit::Allowance>,
) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    if authenticated && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    }
    for (name, value) in allowance.into_iter().flat_map(rate_limit::Allowance::headers) {
        headers.insert(name, value);
    }
}

/// actix answers an unknown method, and a guard that matches nothing, without a body.
fn actix_answered_by_itself<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    let status = response.status();
    let bare = matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0));
    bare && (status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED)
}

async fn no_such_route(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(no_such_route_problem(&request))
}

fn no_such_route_problem(request: &HttpRequest) -> Problem {
    let pages = request.app_data::<web::Data<Pages>>();
    match (request.resource_map().match_pattern(request.path()), pages) {
        (Some(route), Some(pages)) => {
            Problem::MethodNotAllowed { allowed: pages.methods(&route).to_owned() }
        }
        _ => Problem::NotFound("resource"),
    }
}

/// Makes problems of the errors of actix's own extractors.
fn answer_with_problems(config: &mut web::ServiceConfig, limit: BodyLimit) {
    config
        .app_data(limit)
        .app_data(web::PayloadConfig::new(limit.bytes))
        .app_data(
            web::JsonConfig::default()
                .limit(limit.bytes)
                .error_handler(move |error, _| json_problem(&error, limit).into()),
        )
        .app_data(web::PathConfig::default().error_handler(|error, _| {
            let PathError::Deserialize(reason) = &error else {
                return parameter_problem("path", &error.to_string()).into();
            };
            parameter_problem("path", &reason.to_string()).into()
        }))
        .app_data(web::QueryConfig::default().error_handler(|error, _| {
            let QueryPayloadError::Deserialize(reason) = &error else {
                return parameter_problem("query", &error.to_string()).into();
            };
            parameter_problem("query", &reason.to_string()).into()
        }));
}

fn json_problem(error: &JsonPayloadError, limit: BodyLimit) -> Problem {
    match error {
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
            Problem::TooLarge { limit_bytes: limit.bytes }
        }
        JsonPayloadError::ContentType => Problem::UnsupportedMedia { expected: "application/json" },
        _ => Problem::InvalidBody(Box::new(Violation::at("", "invalid_body", error.to_string()))),
    }
}

fn parameter_problem(parameter: &str, reason: &str) -> Problem {
    let (detail, expected) = match reason.split_once(", expected ") {
        Some((detail, expected)) => (detail, Some(expected.to_owned())),
        None => (reason, None),
    };
    Problem::InvalidParameter(Box::new(Violation {
        location: Location::Parameter { parameter: parameter.to_owned() },
        code: "invalid_parameter".into(),
        detail: detail.to_owned(),
        expected,
    }))
}
