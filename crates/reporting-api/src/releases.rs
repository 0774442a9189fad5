//! Releases of national statistics: prepared and published by an analyst, read by anybody.
//!
//! What may be told is for `domain::disclosure` to say. A release is frozen; a later one of the
//! same month is a revision of the whole, refused while comparing them would tell what one did not.
//! The public is told that a cell is suppressed, not why and not because of whom.

use crate::{
    identity::{Registrar, created},
    paging::PageQuery,
    reading::{Reading, ReadingPools},
    statistics::guarded,
};
use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use database::{
    idempotency::{self, KeyedRequest},
    statistics_releases::{self, NewRelease, Release, ReleaseKey, ReleasedCell},
};
use domain::{
    calendar_month::Month,
    codes::Role,
    disclosure::{NotRevisable, PublishedCell, ReleasedTable, release, rules_on},
    mass::kilograms_of_grams,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::OptionalKey,
    identity::Signed,
    problem::{Problem, ProblemDetails, Violation},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What to release.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseForm {
    /// `production`, `trade`, `exports` or `stock`; of licences, by item and destination, `licensed` (what
    /// they allow) or `licensed_exports` (what customs confirmed).
    #[schema(value_type = String, example = "production")]
    table: ReleasedTable,
    /// A month that is over.
    #[schema(value_type = String, example = "2026-09")]
    month: Month,
    /// `preview` shows what would be published; `publish` does it, for good.
    mode: ReleaseMode,
}

/// Whether to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseMode {
    /// Only show it.
    Preview,
    /// Publish it.
    Publish,
}

/// A release as it is listed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseSummary {
    /// Its id; absent in a preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Of which table.
    #[schema(value_type = String, example = "production")]
    pub table: ReleasedTable,
    /// Of which month.
    #[schema(example = "2026-09")]
    pub month: String,
    /// From 1; a later one replaces those before it.
    pub revision: u32,
    /// When it was published; absent in a preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// The disclosure rules it was made under.
    pub rules_version: String,
}

/// A release with its cells.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseView {
    /// Which.
    #[serde(flatten)]
    pub release: ReleaseSummary,
    /// Every cell in which there is anything, in the order of its codes.
    pub cells: Vec<CellView>,
}

/// A cell; `all` stands for the total of a dimension.
#[derive(Debug, Serialize, ToSchema)]
pub struct CellView {
    /// What kind of goods; absent in tables of licences.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "oxide")]
    pub category: Option<String>,
    /// The first two digits of the sites' region; absent in tables of licences.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "36")]
    pub province: Option<String>,
    /// The item of the control list, in tables of licences.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1C905.a.4")]
    pub control_code: Option<String>,
    /// Where the goods go, in tables of licences.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "DE")]
    pub destination: Option<String>,
    /// The element.
    #[schema(example = "Dy")]
    pub element: String,
    /// As rare-earth oxide, rounded; absent where it is suppressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reo_kg: Option<String>,
    /// Whether it is not told.
    pub suppressed: bool,
}

/// A page of releases.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleasePage {
    /// The latest first.
    pub releases: Vec<ReleaseSummary>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which revision.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct RevisionQuery {
    /// An earlier one; the latest, when left out.
    revision: Option<u32>,
}

/// Prepares or publishes a release of a table's month. It takes an analyst of the authority.
///
/// They say why in `Lodestone-Purpose`. A month that was released before is revised as a whole, at
/// the same detail: refused while nothing changed, while too few changed what is in a cell that is
/// told, or while an earlier release told what has become sensitive. Months of stock are one series:
/// each must stand like a revision against every other, because two differ by what moved between.
#[utoipa::path(
    tag = "statistics",
    params(("Idempotency-Key" = Option<String>, Header), ("Lodestone-Purpose" = Option<String>, Header, description = "Why")),
    request_body = ReleaseForm,
    responses(
        (status = 200, description = "A preview, or what was published under this key before", body = ReleaseView),
        (status = 201, body = ReleaseView),
        (status = 403, body = ProblemDetails),
        (status = 409, description = "It cannot be revised yet, or somebody else published at once", body = ProblemDetails),
        (status = 422, body = ProblemDetails),
    )
)]
#[post("/v1/statistics/releases")]
pub async fn publish(
    reading: Reading,
    signed: Signed,
    registrar: web::Data<Registrar>,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<ReleaseForm>,
) -> Result<HttpResponse, Problem> {
    if !signed.is_official() {
        return Err(Problem::Forbidden("it takes an analyst of the authority".into()));
    }
    reading.as_official_only(&[Role::Analyst], "it takes an analyst of the authority")?;
    let ReleaseForm { table, month, mode } = form.value;
    let now = clock::now();
    if Month::of(clock::date_in_beijing(now)) <= month {
        let violation = Violation::at("/month", "out_of_range", format!("{month} is not over"));
        return Err(Problem::ValidationFailed(vec![violation.expecting("a month that is over")]));
    }
    let mut access = reading.across().await?;
    let mut register = registrar.connection().await?;
    let id = Uuid::now_v7();
    let asked = ("statistics releases", &*form.bytes);
    let request = registrar.keyed(signed.organisation, key, asked, id, &());
    let is_published = mode == ReleaseMode::Publish;
    // A repeat is answered as then: judged anew, nothing would have changed.
    if let Some(request) = request.as_ref().filter(|_| is_published)
        && let Some((hash, answer)) =
            idempotency::find(&mut register, request.organisation, &request.key).await?
    {
        if hash != request.hash {
            return Err(Problem::IdempotencyKeyReused);
        }
        return Ok(HttpResponse::Ok().json(answer));
    }
    let subject = format!("statistics of {table} of {month}, for a release");
    reading.note_own(&mut access, &subject).await?;
    let earlier = statistics_releases::earlier(&mut access.conn, table, month).await?;
    let contributions = statistics_releases::contributions(&mut access.conn, table, month).await?;
    let rules = rules_on(month.last_day());
    let revision = statistics_releases::next_revision(&mut access.conn, table, month).await?;
    let published = release(&earlier, &contributions, rules).map_err(|reason| refused(&reason))?;
    let new = NewRelease {
        id,
        key: ReleaseKey { table, month, revision },
        rules_version: rules.version,
        published_by: signed.person,
        contributions,
        published,
    };
    let view = ReleaseView::of_new(&new, is_published.then_some(now));
    if !is_published {
        return Ok(HttpResponse::Ok().json(view));
    }
    let request = request.map(|request| {
        let answer = serde_json::to_value(&view).expect("an answer is always valid JSON");
        KeyedRequest { answer, ..request }
    });
    let act = signed.act(now, trace);
    let outcome = statistics_releases::publish(&mut register, &new, request.as_ref(), &act).await;
    created(outcome, &view)
}

/// Why a revision is refused, as the analyst may see it.
fn refused(reason: &NotRevisable) -> Problem {
    Problem::Conflict(format!("this month cannot be released again: {reason}").into())
}

/// Lists what was published, the latest first. Nobody needs to sign in.
#[utoipa::path(
    tag = "statistics",
    params(PageQuery),
    responses((status = 200, body = ReleasePage), (status = 400, body = ProblemDetails)),
    security(())
)]
#[get("/v1/statistics/public")]
pub async fn list(
    pools: web::Data<ReadingPools>,
    secret: web::Data<ServerSecret>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<ReleasePage>, Problem> {
    let page = query.into_inner().of::<Uuid>("statistics releases", &secret)?;
    let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
    let found = statistics_releases::list(&mut conn, page.after, page.limit).await?;
    let next = page.next(&found, |release| release.id);
    let releases = found.iter().map(ReleaseSummary::from).collect();
    Ok(web::Json(ReleasePage { releases, next }))
}

/// Shows what was published of a table's month: as CSV for `Accept: text/csv` or a month with
/// `.csv` after it. Nobody needs to sign in.
#[utoipa::path(
    tag = "statistics",
    params(
        ("table" = String, Path, description = "`production`, `trade`, `exports`, `stock`, `licensed` or `licensed_exports`"),
        ("month" = String, Path, description = "A month such as `2026-09`, or `2026-09.csv`"),
        RevisionQuery,
    ),
    responses((status = 200, body = ReleaseView), (status = 404, body = ProblemDetails)),
    security(())
)]
#[get("/v1/statistics/public/{table}/{month}")]
pub async fn show(
    pools: web::Data<ReadingPools>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<RevisionQuery>,
) -> Result<HttpResponse, Problem> {
    let (table, month) = path.into_inner();
    let (month, is_csv_name) = match month.strip_suffix(".csv") {
        Some(month) => (month, true),
        None => (month.as_str(), false),
    };
    let not_found = || Problem::NotFound("release");
    let table: ReleasedTable = table.parse().map_err(|_| not_found())?;
    let month: Month = month.parse().map_err(|_| not_found())?;
    let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
    let found = statistics_releases::find(&mut conn, table, month, query.revision).await?;
    let (release, cells) = found.ok_or_else(not_found)?;
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if is_csv_name || accepted.is_some_and(|accepted| accepted.starts_with("text/csv")) {
        let text = csv(table, &cells);
        return Ok(HttpResponse::Ok().content_type("text/csv; charset=utf-8").body(text));
    }
    let cells = cells.into_iter().map(|cell| CellView::of(table, cell)).collect();
    Ok(HttpResponse::Ok().json(ReleaseView { release: ReleaseSummary::from(&release), cells }))
}

impl From<&Release> for ReleaseSummary {
    fn from(release: &Release) -> Self {
        Self {
            id: Some(release.id),
            table: release.key.table,
            month: release.key.month.to_string(),
            revision: release.key.revision,
            published_at: Some(release.published_at.to_string()),
            rules_version: release.rules_version.clone(),
        }
    }
}

impl ReleaseView {
    /// What was made just now, as whoever made it sees it.
    fn of_new(new: &NewRelease, published_at: Option<Timestamp>) -> Self {
        let cell = |cell: &PublishedCell| {
            let reo_grams = cell.value.ok().map(|grams| i64::try_from(grams).unwrap_or(i64::MAX));
            CellView::of(new.key.table, ReleasedCell { names: cell.names.clone(), reo_grams })
        };
        let release = ReleaseSummary {
            id: published_at.map(|_| new.id),
            table: new.key.table,
            month: new.key.month.to_string(),
            revision: new.key.revision,
            published_at: published_at.map(|at| at.to_string()),
            rules_version: new.rules_version.to_owned(),
        };
        let mut cells: Vec<&PublishedCell> = new.published.cells.iter().collect();
        // In the order in which they are read back.
        cells.sort_by(|one, other| one.names.cmp(&other.names));
        Self { release, cells: cells.into_iter().map(cell).collect() }
    }
}

impl CellView {
    fn of(table: ReleasedTable, cell: ReleasedCell) -> Self {
        let [first, second, element] = cell.names;
        let suppressed = cell.reo_grams.is_none();
        let of_licences = table.is_of_licences();
        let (first, second) = (Some(first), Some(second));
        let (category, province, control_code, destination) =
            if of_licences { (None, None, first, second) } else { (first, second, None, None) };
        Self {
            category,
            province,
            control_code,
            destination,
            element,
            reo_kg: cell.reo_grams.map(kilograms_of_grams),
            suppressed,
        }
    }
}

/// So that spreadsheets read UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Cells with the two languages' headers; what is suppressed is empty and marked.
fn csv(table: ReleasedTable, cells: &[ReleasedCell]) -> String {
    let dimensions = if table.is_of_licences() {
        "control_code 管制编码,destination 目的地"
    } else {
        "category 品类,province 省份"
    };
    let mut text = format!(
        "{BYTE_ORDER_MARK}{dimensions},element 元素,reo_kg 折氧化物(千克),suppressed 不公布\r\n"
    );
    for cell in cells {
        let kilograms = cell.reo_grams.map(kilograms_of_grams).unwrap_or_default();
        let mark = if cell.reo_grams.is_none() { "x" } else { "" };
        let [first, second, element] = &cell.names;
        let row = [first.as_str(), second, element, &kilograms, mark].map(guarded);
        text.push_str(&row.join(","));
        text.push_str("\r\n");
    }
    text
}
