//! `GET /v1/quotas`: how the quotas of groups are drawn down, live, by batch, month and firm.
//!
//! Filers see their own group's. Officials see all; each firm whose draws are shown finds the read
//! in its access log. Granting is elsewhere (`/v1/regime/quotas`).

use crate::{paging::PageQuery, reading::Reading};
use actix_web::{get, web};
use database::{
    quota_stands::{self, Draw, Filter, GrantedBatch, QuotaKey, QuotaStand},
    registry,
};
use domain::{
    calendar_month::Month,
    ids::{GroupId, OrganisationId},
    mass::{ElementMasses, kilograms_of_grams},
    regime::QuotaScope,
};
use serde::{Deserialize, Serialize};
use service::{
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which quotas.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct QuotaStandsQuery {
    /// Of this group. Filers see their own group's only.
    #[param(value_type = Option<Uuid>)]
    group: Option<GroupId>,
    /// Of this year.
    #[param(example = 2026)]
    year: Option<i16>,
    /// `mining` or `separation`.
    #[param(value_type = Option<String>)]
    scope: Option<QuotaScope>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
}

/// A page of quotas.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaStandPage {
    /// By group, year and scope.
    pub quotas: Vec<QuotaStandView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How a quota stands. Masses are of rare-earth oxide; to `separation` the products of domestic,
/// imported and by-product ore count alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaStandView {
    /// Whose.
    pub group: Uuid,
    /// The group's Chinese name.
    pub group_name_zh: String,
    /// The group's English name.
    pub group_name_en: String,
    /// Of which year.
    pub year: i16,
    /// What it limits.
    #[schema(value_type = String, example = "mining")]
    pub scope: QuotaScope,
    /// All batches together; absent where none was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted_reo_kg: Option<String>,
    /// By all firms of the group.
    pub drawn_reo_kg: String,
    /// What is left; below zero where more was drawn than granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_reo_kg: Option<String>,
    /// The batches, which are used up one after the other.
    pub batches: Vec<BatchView>,
    /// Month by month.
    pub by_month: Vec<MonthView>,
    /// Firm by firm.
    pub by_firm: Vec<FirmView>,
}

/// A batch of a quota.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchView {
    /// Which, from 1.
    pub batch: u16,
    /// How much was granted.
    pub granted_reo_kg: String,
    /// How much of it is drawn.
    pub drawn_reo_kg: String,
    /// How much of it is left.
    pub remaining_reo_kg: String,
    /// How well its source was checked; `fictitious` for demonstrations.
    pub verification: String,
}

/// A month of the burn-down.
#[derive(Debug, Serialize, ToSchema)]
pub struct MonthView {
    /// The month.
    #[schema(example = "2026-10")]
    pub month: String,
    /// Drawn in it.
    pub drawn_reo_kg: String,
    /// Drawn from the year's beginning to its end.
    pub drawn_to_date_reo_kg: String,
}

/// A firm of the group.
#[derive(Debug, Serialize, ToSchema)]
pub struct FirmView {
    /// Which.
    pub organisation: Uuid,
    /// Its Chinese name.
    pub name_zh: String,
    /// Its English name.
    pub name_en: String,
    /// Drawn by it, rounded down to the gram.
    pub drawn_reo_kg: String,
}

/// Shows how quotas are drawn down, by batch, month and firm: your group's, for officials all.
///
/// Officials say why in `Lodestone-Purpose`; the firms whose draws are shown can see that.
#[utoipa::path(
    tag = "quotas",
    params(QuotaStandsQuery, ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses(
        (status = 200, body = QuotaStandPage),
        (status = 400, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/quotas")]
pub async fn list(
    reading: Reading,
    secret: web::Data<ServerSecret>,
    query: web::Query<QuotaStandsQuery>,
) -> Result<web::Json<QuotaStandPage>, Problem> {
    let QuotaStandsQuery { mut group, year, scope, cursor, limit } = query.into_inner();
    let mut access = reading.across().await?;
    if let Some(own) = access.filer {
        let own = registry::find(&mut access.conn, own).await?;
        let own = own.and_then(|organisation| organisation.group);
        let Some(own) = own.filter(|own| group.is_none_or(|asked| asked == *own)) else {
            return match group {
                // Somebody else's group is answered like one that does not exist.
                Some(_) => Err(Problem::NotFound("group")),
                None => Ok(web::Json(QuotaStandPage { quotas: Vec::new(), next: None })),
            };
        };
        group = Some(own);
    }
    let list = format!("quota stands of {group:?} {year:?} {scope:?}");
    let page = PageQuery::new(cursor, limit).of::<QuotaKey>(list, &secret)?;
    let filter = Filter { group, year, scope, after: page.after };
    let found = quota_stands::list(&mut access.conn, access.filer, &filter, page.limit).await?;
    let firms: BTreeSet<OrganisationId> =
        found.iter().flat_map(|stand| &stand.draws).map(|draw| draw.organisation).collect();
    reading.note(&mut access, &firms, "quotas").await?;
    let next = page.next(&found, |stand| stand.key);
    let quotas = found.into_iter().map(QuotaStandView::from).collect();
    Ok(web::Json(QuotaStandPage { quotas, next }))
}

impl From<QuotaStand> for QuotaStandView {
    fn from(stand: QuotaStand) -> Self {
        let QuotaStand { key, group_names: (group_name_zh, group_name_en), batches, draws } = stand;
        let total = draws.iter().fold(ElementMasses::ZERO, |sum, draw| sum.plus(&draw.elements));
        let drawn = total.oxide_grams();
        let granted = (!batches.is_empty()).then(|| {
            batches.iter().fold(0_i64, |sum, batch| sum.saturating_add(batch.granted_reo_grams))
        });
        Self {
            group: key.group.as_uuid(),
            group_name_zh,
            group_name_en,
            year: key.year,
            scope: key.scope,
            granted_reo_kg: granted.map(kilograms_of_grams),
            drawn_reo_kg: kilograms_of_grams(drawn),
            remaining_reo_kg: granted
                .map(|granted| kilograms_of_grams(granted.saturating_sub(drawn))),
            batches: used_up(batches, drawn),
            by_month: by_month(&draws),
            by_firm: by_firm(draws),
        }
    }
}

/// Batches, used up one after the other; what goes beyond the last belongs to none.
fn used_up(batches: Vec<GrantedBatch>, drawn_grams: i64) -> Vec<BatchView> {
    let mut left = drawn_grams.max(0);
    let view = |batch: GrantedBatch| {
        let drawn = left.min(batch.granted_reo_grams);
        left -= drawn;
        BatchView {
            batch: batch.batch,
            granted_reo_kg: kilograms_of_grams(batch.granted_reo_grams),
            drawn_reo_kg: kilograms_of_grams(drawn),
            remaining_reo_kg: kilograms_of_grams(batch.granted_reo_grams - drawn),
            verification: batch.verification,
        }
    };
    batches.into_iter().map(view).collect()
}

/// Months in order. What is drawn in a month is the difference of what was drawn to date, so that
/// months add up to the year although each is stated in whole grams.
fn by_month(draws: &[Draw]) -> Vec<MonthView> {
    let mut months: BTreeMap<Month, ElementMasses> = BTreeMap::new();
    for draw in draws {
        let sum = months.entry(draw.month).or_default();
        *sum = sum.plus(&draw.elements);
    }
    let (mut to_date, mut before) = (ElementMasses::ZERO, 0);
    let view = |(month, elements): (Month, ElementMasses)| {
        to_date = to_date.plus(&elements);
        let now = to_date.oxide_grams();
        let drawn = now.saturating_sub(before);
        before = now;
        MonthView {
            month: month.to_string(),
            drawn_reo_kg: kilograms_of_grams(drawn),
            drawn_to_date_reo_kg: kilograms_of_grams(now),
        }
    };
    months.into_iter().map(view).collect()
}

fn by_firm(draws: Vec<Draw>) -> Vec<FirmView> {
    type Firm = ((String, String), ElementMasses);
    let mut firms: BTreeMap<OrganisationId, Firm> = BTreeMap::new();
    for draw in draws {
        let (_, sum) = firms.entry(draw.organisation).or_insert((draw.names, ElementMasses::ZERO));
        *sum = sum.plus(&draw.elements);
    }
    let view = |(organisation, ((name_zh, name_en), elements)): (OrganisationId, Firm)| FirmView {
        organisation: organisation.as_uuid(),
        name_zh,
        name_en,
        drawn_reo_kg: kilograms_of_grams(elements.oxide_grams()),
    };
    firms.into_iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn_of(granted_grams: [i64; 2], drawn_grams: i64) -> Vec<String> {
        let batch = |(batch, granted_reo_grams)| GrantedBatch {
            batch,
            granted_reo_grams,
            verification: "fictitious".to_owned(),
        };
        let batches = [1, 2].into_iter().zip(granted_grams).map(batch).collect();
        let told = |view: BatchView| format!("{} of {}", view.drawn_reo_kg, view.granted_reo_kg);
        used_up(batches, drawn_grams).into_iter().map(told).collect()
    }

    #[test]
    fn batches_are_used_up_one_after_the_other() {
        assert_eq!(drawn_of([10_000, 5_000], 0), ["0.000 of 10.000", "0.000 of 5.000"]);
        assert_eq!(drawn_of([10_000, 5_000], 12_500), ["10.000 of 10.000", "2.500 of 5.000"]);
        assert_eq!(drawn_of([10_000, 5_000], 99_000), ["10.000 of 10.000", "5.000 of 5.000"]);
        assert_eq!(drawn_of([10_000, 5_000], -1), ["0.000 of 10.000", "0.000 of 5.000"]);
    }
}
