//! `GET /v1/balances`: what each account of a filer's sites gained or lost, month by month.

use crate::{
    filings::view::elements_mg,
    reading::{Reading, ReadingQuery},
};
use actix_web::{get, web};
use database::balances::{self, SiteMonth};
use domain::{calendar_month::Month, ids::OrganisationId, mass::kilograms_of_grams};
use serde::{Deserialize, Serialize};
use service::problem::{Problem, ProblemDetails, Violation};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

const MONTHS_LIMIT: usize = 36;

/// Which months.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct BalancesQuery {
    /// The first month.
    #[param(value_type = String, example = "2026-01")]
    from: Month,
    /// The last month.
    #[param(value_type = String, example = "2026-11")]
    until: Month,
    /// Officials: whose balances.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
}

/// What one account of a site gained or lost in a month.
#[derive(Debug, Serialize, ToSchema)]
pub struct BalanceView {
    /// The site's code.
    pub site: String,
    /// The account: `site` is the stock, `nature` what was extracted, and so on.
    #[schema(example = "site")]
    pub account: String,
    /// The month.
    #[schema(example = "2026-10")]
    pub month: String,
    /// Net gross mass; negative when more left than came.
    pub net_kg: String,
    /// Net milligrams of each rare-earth element.
    pub net_elements_mg: BTreeMap<String, i64>,
}

/// Lists balances by site, month and account.
#[utoipa::path(
    tag = "balances",
    params(BalancesQuery, ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = Vec<BalanceView>), (status = 400, body = ProblemDetails))
)]
#[get("/v1/balances")]
pub async fn list(
    reading: Reading,
    query: web::Query<BalancesQuery>,
) -> Result<web::Json<Vec<BalanceView>>, Problem> {
    let months = std::iter::successors(Some(query.from), |month| Some(month.next()))
        .take(MONTHS_LIMIT)
        .find(|month| *month == query.until);
    if months.is_none() {
        let detail = format!("from {} until {}", query.from, query.until);
        let violation = Violation::at("/until", "out_of_range", detail);
        let violation = violation.expecting(format!("at most {MONTHS_LIMIT} months, in order"));
        return Err(Problem::InvalidParameter(Box::new(violation)));
    }
    let mut access = reading.of(&ReadingQuery::new(query.organisation, "balances")).await?;
    let organisation = access.organisation;
    let found =
        balances::by_site_and_month(&mut access.conn, organisation, query.from, query.until)
            .await?;
    Ok(web::Json(found.into_iter().map(BalanceView::from).collect()))
}

impl From<SiteMonth> for BalanceView {
    fn from(balance: SiteMonth) -> Self {
        Self {
            site: balance.site,
            account: balance.account.to_string(),
            month: balance.month.to_string(),
            net_kg: kilograms_of_grams(balance.net_grams),
            net_elements_mg: elements_mg(&balance.net_elements),
        }
    }
}
