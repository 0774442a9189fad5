//! `/v1/regime/quotas`: what groups may mine and separate in a year.

use crate::{
    identity::{Registrar, created, forms::Check},
    paging::PageQuery,
};
use actix_web::{HttpResponse, get, post, web};
use database::{
    regime_entries::{self, Quota},
    registry,
};
use domain::{
    ids::GroupId,
    mass::kilograms_of_grams,
    regime::{Provenance, QuotaScope, Verification},
};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::OptionalKey,
    identity::{Administrator, Signed},
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
    trace::TraceContext,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

const YEARS: std::ops::RangeInclusive<i16> = 2000..=2100;
/// A thousand times what the whole world mines in a year.
const GRAMS_LIMIT: u64 = 1_000_000_000_000_000_000;

/// A batch of a quota to grant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaForm {
    /// Whose.
    #[schema(value_type = Uuid)]
    group: GroupId,
    /// For which year.
    #[schema(example = 2026)]
    year: i16,
    /// `mining`, or `separation`, to which imported and by-product ore counts as well.
    #[schema(value_type = String, example = "mining")]
    scope: QuotaScope,
    /// Which batch of the year, from 1.
    #[schema(example = 1)]
    batch: u16,
    /// How much, as rare-earth oxide.
    #[schema(example = "18000000.000")]
    granted_reo_kg: String,
    /// Where it is published.
    source: String,
    /// How well it was checked; `fictitious` for demonstrations.
    #[schema(value_type = String, example = "verbatim")]
    verification: Verification,
}

/// A batch of a quota.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaView {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub group: Uuid,
    /// For which year.
    pub year: i16,
    /// What it limits.
    #[schema(value_type = String)]
    pub scope: QuotaScope,
    /// Which batch of the year.
    pub batch: u16,
    /// How much, as rare-earth oxide.
    pub granted_reo_kg: String,
    /// Where it is published.
    pub source: String,
    /// How well it was checked.
    #[schema(value_type = String)]
    pub verification: Verification,
}

/// A page of quotas.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaPage {
    /// In the order they were granted.
    pub quotas: Vec<QuotaView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Grants a group a batch of its quota. It takes an administrator of the authority.
#[utoipa::path(
    tag = "regime",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = QuotaForm,
    responses(
        (status = 201, body = QuotaView),
        (status = 404, description = "There is no such group", body = ProblemDetails),
        (status = 409, description = "This batch was granted already", body = ProblemDetails),
    )
)]
#[post("/v1/regime/quotas")]
pub async fn grant(
    registrar: web::Data<Registrar>,
    administrator: Administrator,
    key: OptionalKey,
    trace: TraceContext,
    form: JsonBody<QuotaForm>,
) -> Result<HttpResponse, Problem> {
    let QuotaForm { group, year, scope, batch, granted_reo_kg, source, verification } = form.value;
    let mut check = Check::default();
    check.text("/source", &source);
    if !YEARS.contains(&year) {
        check.fault("/year", "out_of_range", year.to_string(), "a year from 2000 to 2100");
    }
    if batch == 0 {
        check.fault("/batch", "out_of_range", "batch 0", "a batch from 1 on");
    }
    let grams = grams(&granted_reo_kg);
    if grams.is_none() {
        let expected = "kilograms such as \"18000000.000\", exact to the gram";
        check.fault("/granted_reo_kg", "invalid_mass", "this is no mass", expected);
    }
    check.done()?;
    let quota = Quota {
        id: Uuid::now_v7(),
        group,
        year,
        scope,
        batch,
        granted_reo_grams: grams.unwrap_or_default(),
        provenance: Provenance { source, verification },
    };
    let view = QuotaView::from(quota.clone());
    let asked = ("quotas", &*form.bytes);
    let request = registrar.keyed(administrator.organisation, key, asked, quota.id, &view);
    let act = administrator.act(clock::now(), trace);
    let mut conn = registrar.connection().await?;
    let granted = regime_entries::grant_quota(&mut conn, &quota, request.as_ref(), &act).await;
    created(granted, &view)
}

fn grams(kilograms: &str) -> Option<u64> {
    let kilograms = Decimal::from_str_exact(kilograms).ok()?;
    let grams = kilograms.checked_mul(dec!(1_000)).filter(Decimal::is_integer)?;
    grams.to_u64().filter(|grams| *grams <= GRAMS_LIMIT)
}

/// Whose quotas.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct QuotasQuery {
    /// Of this group. Filers see their own group's only.
    #[param(value_type = Option<Uuid>)]
    group: Option<GroupId>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
}

/// Lists quotas: of all groups for officials, of your own group for filers.
#[utoipa::path(
    tag = "regime",
    params(QuotasQuery),
    responses((status = 200, body = QuotaPage), (status = 404, body = ProblemDetails))
)]
#[get("/v1/regime/quotas")]
pub async fn list(
    registrar: web::Data<Registrar>,
    signed: Signed,
    secret: web::Data<ServerSecret>,
    query: web::Query<QuotasQuery>,
) -> Result<web::Json<QuotaPage>, Problem> {
    let QuotasQuery { mut group, cursor, limit } = query.into_inner();
    let mut conn = registrar.own_connection().await?;
    if !signed.is_official() {
        let own = registry::find(&mut conn, signed.organisation).await?;
        let own = own.and_then(|organisation| organisation.group);
        let Some(own) = own.filter(|own| group.is_none_or(|asked| asked == *own)) else {
            return match group {
                Some(_) => Err(Problem::NotFound("group")),
                None => Ok(web::Json(QuotaPage { quotas: Vec::new(), next: None })),
            };
        };
        group = Some(own);
    }
    let page = PageQuery::new(cursor, limit).of::<Uuid>(format!("quotas of {group:?}"), &secret)?;
    let found = regime_entries::quotas(&mut conn, group, page.after, page.limit).await?;
    let next = page.next(&found, |quota| quota.id);
    Ok(web::Json(QuotaPage { quotas: found.into_iter().map(QuotaView::from).collect(), next }))
}

impl From<Quota> for QuotaView {
    fn from(quota: Quota) -> Self {
        Self {
            id: quota.id,
            group: quota.group.as_uuid(),
            year: quota.year,
            scope: quota.scope,
            batch: quota.batch,
            granted_reo_kg: kilograms_of_grams(
                i64::try_from(quota.granted_reo_grams).unwrap_or(i64::MAX),
            ),
            source: quota.provenance.source,
            verification: quota.provenance.verification,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_read_exactly_or_not_at_all() {
        assert_eq!(grams("18000000.000"), Some(18_000_000_000));
        assert_eq!(grams("0.001"), Some(1));
        assert_eq!(grams("1000000000000000"), Some(GRAMS_LIMIT));
        for wrong in ["", "-1", "0.0001", "1e3", "1000000000000000.001", "many"] {
            assert_eq!(grams(wrong), None, "{wrong}");
        }
    }
}
