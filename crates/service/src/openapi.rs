//! The description of an API, as JSON and as a page to browse it that needs no outside network.

use crate::problem::Problem;
use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{Method, header},
    web,
};
use std::{collections::BTreeMap, fmt::Write, sync::Arc};
use utoipa::openapi::{
    InfoBuilder, OpenApi, OpenApiBuilder, PathItem,
    path::Operation,
    security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

/// Where the description is.
pub const DESCRIPTION: &str = "/openapi.json";

/// How callers show who they are.
const BEARER: &str = "bearer";

/// Describes an API: its general part together with what the routes say of themselves. A route
/// takes a bearer token unless it says `security(())`.
pub fn describe(general: OpenApi, routes: impl FnOnce(&mut ServiceConfig)) -> OpenApi {
    let app = actix_web::App::new().into_utoipa_app().openapi(general).configure(routes);
    let mut api = app.split_for_parts().1;
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme(BEARER, bearer);
    api.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], _>(BEARER, [])]);
    api
}

/// The routes of an API as a table for people: what can be asked of it.
pub fn markdown(api: &OpenApi) -> String {
    let mut table = "| path | method | what for |\n|---|---|---|\n".to_owned();
    for (path, item) in &api.paths.paths {
        for (method, operation) in operations(item) {
            let summary = operation.summary.as_deref().unwrap_or_default();
            let summary = summary.lines().collect::<Vec<_>>().join(" ");
            writeln!(table, "| `{path}` | {method} | {summary} |")
                .expect("writing to a string does not fail");
        }
    }
    table
}

fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// The general part of the description of a process without routes of its own.
pub fn without_routes(process: &str) -> OpenApi {
    let info = InfoBuilder::new().title(process).version(env!("CARGO_PKG_VERSION")).build();
    OpenApiBuilder::new().info(info).build()
}

/// What is served about an API, rendered once.
pub(crate) struct Pages {
    description: web::Bytes,
    page: Arc<utoipa_swagger_ui::Config<'static>>,
    methods: BTreeMap<String, String>,
}

impl Pages {
    pub(crate) fn new(api: &OpenApi) -> Self {
        let description = api.to_json().expect("a description is always valid JSON").into();
        let page = utoipa_swagger_ui::Config::from(DESCRIPTION).validator_url("none");
        let methods = api.paths.paths.iter();
        let methods = methods.map(|(path, item)| (path.clone(), methods_of(item))).collect();
        Self { description, page: Arc::new(page), methods }
    }

    /// The methods a route takes, as the `Allow` header lists them.
    pub(crate) fn methods(&self, route: &str) -> &str {
        self.methods.get(route).map_or(Method::GET.as_str(), String::as_str)
    }
}

fn methods_of(item: &PathItem) -> String {
    operations(item).map(|(method, _)| method.to_string()).collect::<Vec<_>>().join(", ")
}

/// `GET /openapi.json`
pub(crate) async fn description(pages: web::Data<Pages>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(pages.description.clone())
}

/// `GET /docs`
pub(crate) async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}

/// `GET /docs/{file}`
pub(crate) async fn page(request: HttpRequest, pages: web::Data<Pages>) -> HttpResponse {
    let file = request.match_info().query("file");
    match utoipa_swagger_ui::serve(file, Arc::clone(&pages.page)) {
        Ok(Some(file)) => {
            let mut response = HttpResponse::Ok();
            response.content_type(file.content_type).insert_header((
                header::CONTENT_SECURITY_POLICY,
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
            ));
            if file.gzpipped {
                response.insert_header((header::CONTENT_ENCODING, "gzip"));
            }
            response.body(file.bytes.into_owned())
        }
        _ => Problem::NotFound("page").error_response(),
    }
}
