//! `GET /v1/returns`: where each month's return of each site stands.

use super::{
    sites_of,
    view::{DutyView, FiledView, ReturnView, ReturnsView},
};
use crate::reading::{Access, Reading, ReadingQuery};
use actix_web::{get, web};
use database::{
    registry::Site,
    returns::{self, ReturnVersion},
};
use domain::{
    calendar_month::{Month, beijing_date},
    ids::{OrganisationId, SiteId},
    regime::Regime,
    returns::{Due, Filed, Standing, due, standing},
};
use jiff::{ToSpan, civil::Date};
use serde::Deserialize;
use service::{
    clock,
    problem::{Problem, ProblemDetails, Violation},
    regimes::Regimes,
};
use std::collections::{BTreeSet, HashMap};
use utoipa::IntoParams;

const MONTHS_LIMIT: usize = 36;
const MONTHS_BEFORE: i64 = 12;

/// Which months.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ReturnsQuery {
    /// The first month; a year ago unless said.
    #[param(value_type = Option<String>, example = "2026-01")]
    from: Option<Month>,
    /// The last month; the present one unless said.
    #[param(value_type = Option<String>, example = "2026-11")]
    until: Option<Month>,
    /// Officials: whose returns.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
}

/// Lists monthly returns: which are filed, due, overdue or late, by when, and by which duty.
///
/// A month before the organisation was registered is listed only if something was filed for it.
#[utoipa::path(
    tag = "returns",
    params(ReturnsQuery, ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = ReturnsView), (status = 400, body = ProblemDetails))
)]
#[get("/v1/returns")]
pub async fn list(
    reading: Reading,
    regimes: web::Data<Regimes>,
    query: web::Query<ReturnsQuery>,
) -> Result<web::Json<ReturnsView>, Problem> {
    let now = clock::now();
    let today = beijing_date(now);
    let months = months_of(&query, today)?;
    let access = reading.of(&ReadingQuery::new(query.organisation, "returns")).await?;
    let Access { mut conn, organisation, .. } = access;
    let regime = regimes.in_force(&mut conn, now).await?;
    let sites = sites_of(&mut conn, organisation).await?;
    let (first, last) = (months[0], months[months.len() - 1]);
    let versions = returns::versions(&mut conn, organisation, first, last).await?;
    let with_filings: BTreeSet<Month> =
        returns::months_with_filings(&mut conn, organisation, first, last)
            .await?
            .into_iter()
            .collect();
    let registered = returns::registered_at(&mut conn, organisation).await?;
    let begins = registered.map_or(first, |at| Month::of(beijing_date(at)));
    let filed = by_site_and_month(&versions);
    let listed =
        months.iter().rev().filter(|month| begins <= **month || with_filings.contains(month));
    let returns = listed
        .flat_map(|month| sites.iter().map(move |site| (site, *month)))
        .map(|(site, month)| {
            let filed = filed.get(&(site.id, month)).map_or(&[][..], Vec::as_slice);
            shown(&regime, site, month, filed, today)
        })
        .collect();
    Ok(web::Json(ReturnsView {
        today: today.to_string(),
        regime_version: regime.version().to_string(),
        duties: duties(&regime, &sites, today),
        returns,
    }))
}

fn months_of(query: &ReturnsQuery, today: Date) -> Result<Vec<Month>, Problem> {
    let until = query.until.unwrap_or_else(|| Month::of(today));
    let year_before = until.first_day().saturating_sub(MONTHS_BEFORE.months());
    let from = query.from.unwrap_or_else(|| Month::of(year_before));
    let mut months: Vec<Month> =
        std::iter::successors(Some(from), |month| Some(month.next())).take(MONTHS_LIMIT).collect();
    if let Some(last) = months.iter().position(|month| *month == until) {
        months.truncate(last + 1);
        return Ok(months);
    }
    let violation = Violation::at("/until", "out_of_range", format!("from {from} until {until}"));
    let violation = violation.expecting(format!("at most {MONTHS_LIMIT} months, in order"));
    Err(Problem::InvalidParameter(Box::new(violation)))
}

type Versions<'a> = HashMap<(SiteId, Month), Vec<&'a ReturnVersion>>;

fn by_site_and_month(versions: &[ReturnVersion]) -> Versions<'_> {
    let mut filed: Versions<'_> = HashMap::new();
    for version in versions {
        filed.entry((version.site, version.month)).or_default().push(version);
    }
    filed
}

/// The duties of whoever has these sites.
fn duties(regime: &Regime, sites: &[Site], today: Date) -> Vec<DutyView> {
    let mine = |stage| sites.iter().any(|site| site.stages.contains(&stage));
    regime.filing_duties(today).filter(|duty| mine(duty.value.stage)).map(DutyView::from).collect()
}

fn shown(
    regime: &Regime,
    site: &Site,
    month: Month,
    filed: &[&ReturnVersion],
    today: Date,
) -> ReturnView {
    let due: Option<Due<'_>> = due(regime.filing_duties(month.last_day()), &site.stages, month);
    let day = due.map(|due| due.day);
    let versions = u16::try_from(filed.len()).unwrap_or(u16::MAX);
    let first = filed.first();
    let standing = standing(
        month,
        day,
        first.map(|first| Filed { first_recorded_at: first.recorded_at, versions }),
        today,
    );
    ReturnView {
        month: month.to_string(),
        site: site.code.clone(),
        standing: standing.word(),
        due: day.map(|day| day.to_string()),
        days_left: match standing {
            Standing::Due { days_left } => Some(days_left),
            Standing::Overdue { days_over } => Some(-days_over),
            _ => None,
        },
        filed: filed.last().map(|latest| FiledView::from(*latest)),
    }
}

impl From<&ReturnVersion> for FiledView {
    fn from(version: &ReturnVersion) -> Self {
        Self {
            filing: version.filing.as_uuid(),
            reference: version.reference.clone(),
            version: version.version,
            nil: version.nil,
            recorded_at: version.recorded_at.to_string(),
        }
    }
}
