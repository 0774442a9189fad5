//! `/v1/regime/...`: the law as dated rows, what an import would change, quotas and listed parties.

pub mod listed_parties;
pub mod quotas;

use crate::identity::{Registrar, created_or_there};
use actix_web::{HttpResponse, get, post, web};
use database::{
    Connection,
    regime::{self, Import, StoredVersion},
};
use domain::regime::{Regime, RegimeRow, RegimeVersion, RowKind};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    identity::{Administrator, Official, Signed},
    problem::{Problem, ProblemDetails, Violation},
    trace::TraceContext,
};
use std::collections::HashSet;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A version of the law as it is listed.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// Its name, which is derived from its rows.
    #[schema(example = "regime-0f3c5a1be2d94c77")]
    pub version: String,
    /// SHA-256 of its rows as canonical JSON, in hexadecimal.
    pub content_hash: String,
    /// When it was imported.
    pub imported_at: String,
    /// By whom; nobody when it came with the installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported_by: Option<Uuid>,
    /// From when judgements use it.
    pub takes_effect_at: String,
    /// Whether judgements use it now.
    pub in_force: bool,
}

/// Rows that make up a version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportForm {
    /// All of them: a version is whole. As `GET /v1/regime/rows` shows them.
    #[schema(value_type = Vec<Object>)]
    rows: Vec<RegimeRow>,
    /// From when judgements use it; at once, where nothing is said.
    #[schema(value_type = Option<String>, example = "2026-11-10T00:00:00+08:00")]
    takes_effect_at: Option<Timestamp>,
}

/// Rows to compare with those in force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffForm {
    /// All of them, as in an import.
    #[schema(value_type = Vec<Object>)]
    rows: Vec<RegimeRow>,
}

/// What an import would change.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiffView {
    /// The version in force; none before the first import.
    pub before: Option<String>,
    /// The version that these rows would be.
    pub after: String,
    /// Rows `added`, `removed` or `changed`, by kind and key.
    #[schema(value_type = Vec<Object>)]
    pub changes: Vec<domain::regime::Change>,
}

/// Rows of a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowsView {
    /// Which version.
    pub version: String,
    /// Its rows, each with its dates, source and verification mark.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<RegimeRow>,
}

/// Lists the versions of the law, the one that takes effect last first.
#[utoipa::path(tag = "regime", responses((status = 200, body = Vec<VersionView>)))]
#[get("/v1/regime/versions")]
pub async fn list_versions(
    registrar: web::Data<Registrar>,
    _signed: Signed,
) -> Result<web::Json<Vec<VersionView>>, Problem> {
    let mut conn = registrar.own_connection().await?;
    let in_force = regime::version_in_force(&mut conn, clock::now()).await?;
    let stored = regime::versions(&mut conn).await?;
    let view = |stored| VersionView::of(stored, in_force.as_ref());
    Ok(web::Json(stored.into_iter().map(view).collect()))
}

/// Imports a version of the law, to take effect at once or later. It takes an administrator of
/// the authority.
///
/// A version is never changed, and the same rows are the same version: importing it again
/// changes nothing and answers 200.
#[utoipa::path(
    tag = "regime",
    request_body = ImportForm,
    responses(
        (status = 201, body = VersionView),
        (status = 200, description = "It was there already", body = VersionView),
        (status = 422, description = "A row does not say what its kind prescribes", body = ProblemDetails),
    )
)]
#[post("/v1/regime/versions")]
pub async fn import(
    registrar: web::Data<Registrar>,
    administrator: Administrator,
    trace: TraceContext,
    form: JsonBody<ImportForm>,
) -> Result<HttpResponse, Problem> {
    let ImportForm { rows, takes_effect_at } = form.value;
    let now = clock::now();
    let takes_effect_at = takes_effect_at.unwrap_or(now);
    if takes_effect_at < now {
        let detail = format!("{takes_effect_at} is over: what was judged then stays judged");
        let violation = Violation::at("/takes_effect_at", "out_of_range", detail);
        return Err(Problem::ValidationFailed(vec![violation.expecting("a moment to come")]));
    }
    let regime = read(&rows)?;
    let act = administrator.act(now, trace);
    let mut conn = registrar.connection().await?;
    let import = regime::import(&mut conn, &regime, takes_effect_at, &act.origin()).await?;
    let in_force = regime::version_in_force(&mut conn, now).await?;
    let stored = regime::versions(&mut conn).await?;
    let stored = stored.into_iter().find(|stored| stored.version == *regime.version());
    let stored = stored.ok_or_else(|| anyhow::anyhow!("a version that was imported is gone"))?;
    let view = VersionView::of(stored, in_force.as_ref());
    Ok(created_or_there(import == Import::Stored, &view))
}

/// Shows what rows would change about the law in force, without importing them.
#[utoipa::path(
    tag = "regime",
    request_body = DiffForm,
    responses((status = 200, body = DiffView), (status = 422, body = ProblemDetails))
)]
#[post("/v1/regime/diff")]
pub async fn diff(
    registrar: web::Data<Registrar>,
    _official: Official,
    form: JsonBody<DiffForm>,
) -> Result<web::Json<DiffView>, Problem> {
    let new = read(&form.value.rows)?;
    let mut conn = registrar.own_connection().await?;
    let old = regime::in_force(&mut conn, clock::now()).await?;
    let before = old.as_ref().map(|old| old.version().to_string());
    let old = match old {
        Some(old) => old,
        None => read(&[])?,
    };
    Ok(web::Json(DiffView {
        before,
        after: new.version().to_string(),
        changes: Regime::diff(&old, &new),
    }))
}

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct RowsQuery {
    /// Of this version; of the one in force, where nothing is said.
    #[param(value_type = Option<String>)]
    version: Option<RegimeVersion>,
    /// Of this kind.
    #[param(value_type = Option<String>, example = "control_item")]
    kind: Option<RowKind>,
    /// Those that hold on this day.
    #[param(value_type = Option<String>, example = "2026-11-10")]
    as_of: Option<Date>,
}

/// Shows the rows of a version, of a kind, or as of a day. The parameters of detectors are shown to
/// officials only.
#[utoipa::path(
    tag = "regime",
    params(RowsQuery),
    responses(
        (status = 200, body = RowsView),
        (status = 404, description = "There is no such version", body = ProblemDetails),
    )
)]
#[get("/v1/regime/rows")]
pub async fn list_rows(
    registrar: web::Data<Registrar>,
    signed: Signed,
    query: web::Query<RowsQuery>,
) -> Result<web::Json<RowsView>, Problem> {
    let RowsQuery { version, kind, as_of } = query.into_inner();
    let mut conn = registrar.own_connection().await?;
    let regime = named_or_in_force(&mut conn, version).await?;
    let mut rows = as_of.map_or_else(|| regime.rows(), |day| regime.as_of(day));
    let is_told = |kind: RowKind| signed.is_official() || !kind.is_for_officials();
    rows.retain(|row| kind.is_none_or(|kind| row.kind == kind) && is_told(row.kind));
    Ok(web::Json(RowsView { version: regime.version().to_string(), rows }))
}

async fn named_or_in_force(
    conn: &mut Connection,
    version: Option<RegimeVersion>,
) -> Result<Regime, Problem> {
    let found = match version {
        Some(version) => regime::load(conn, &version).await?,
        None => regime::in_force(conn, clock::now()).await?,
    };
    found.ok_or(Problem::NotFound("version of the regime"))
}

/// Reads rows, or says which of them cannot be.
fn read(rows: &[RegimeRow]) -> Result<Regime, Problem> {
    let mut violations = Vec::new();
    let mut seen = HashSet::new();
    for (index, row) in rows.iter().enumerate() {
        if !seen.insert((row.kind, &row.key)) {
            let detail = format!("there is a {} {:?} already", row.kind, row.key);
            violations.push(Violation::at(format!("/rows/{index}/key"), "key_twice", detail));
        }
        if row.from.zip(row.until).is_some_and(|(from, until)| until <= from) {
            let detail = "it ends before it begins";
            let violation = Violation::at(format!("/rows/{index}/until"), "out_of_range", detail);
            violations.push(violation.expecting("a day after `from`"));
        }
    }
    let unreadable = match Regime::from_rows(rows) {
        Ok(regime) if violations.is_empty() => return Ok(regime),
        Ok(_) => return Err(Problem::ValidationFailed(violations)),
        Err(unreadable) => unreadable,
    };
    let is_meant = |row: &RegimeRow| row.kind == unreadable.kind && row.key == unreadable.key;
    let index = rows.iter().position(is_meant).unwrap_or_default();
    let detail = format!("{:#}", anyhow::Error::from(unreadable));
    violations.push(Violation::at(format!("/rows/{index}/content"), "unreadable_row", detail));
    Err(Problem::ValidationFailed(violations))
}

impl VersionView {
    fn of(stored: StoredVersion, in_force: Option<&RegimeVersion>) -> Self {
        Self {
            in_force: Some(&stored.version) == in_force,
            version: stored.version.to_string(),
            content_hash: stored.content_hash,
            imported_at: stored.imported_at.to_string(),
            imported_by: stored.imported_by.map(domain::ids::PersonId::as_uuid),
            takes_effect_at: stored.takes_effect_at.to_string(),
        }
    }
}
