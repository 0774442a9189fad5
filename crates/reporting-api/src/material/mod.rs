//! `GET /v1/balances/material`: whether the rare earths of a site add up, month by month.
//!
//! Officials are told in full: balances, how sure they are, and where the doubt comes from. A filer
//! is told of its own sites, by a public rule, that figures close or do not, and where to look for
//! slips. The two answers share no code after the sums: nothing of what officials go by is near
//! what a filer gets.
//!
//! Sums come from a cache that knows when it holds (`database::material_balances`); everything
//! else is worked out anew for each answer.

mod filer;
mod official;
mod walk;

use crate::{paging::PageQuery, reading::Reading};
use actix_web::{get, web};
use database::parameters;
use domain::{calendar_month::Month, codes::Role, element::Element, ids::OrganisationId};
use filer::FilerPage;
use official::OfficialPage;
use serde::{Deserialize, Serialize};
use service::{
    clock,
    problem::{Location, Problem, ProblemDetails, Violation},
    secret::ServerSecret,
};
use utoipa::{IntoParams, ToSchema};
use walk::{Asked, Place};

const MONTHS_LIMIT: usize = 36;
/// Months told when nobody says which.
const MONTHS: usize = 12;
const READERS: [Role; 5] =
    [Role::Officer, Role::SeniorOfficer, Role::Analyst, Role::Inspector, Role::Auditor];

/// Which balances.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct MaterialQuery {
    /// The first month; eleven months before the last one, when left out.
    #[param(value_type = Option<String>, example = "2026-01")]
    from: Option<Month>,
    /// The last month, within three years; the one before this, when left out.
    #[param(value_type = Option<String>, example = "2026-10")]
    until: Option<Month>,
    /// Officials: whose balances; everybody's, when left out.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
    /// Of the site with this code.
    site: Option<String>,
    /// Officials: of this element.
    #[param(value_type = Option<String>, example = "Dy")]
    element: Option<Element>,
    /// `closes`, `does_not_close`, `not_closed` or, for officials, `not_opened`.
    #[param(example = "does_not_close")]
    state: Option<String>,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200. A page may be shorter although the list goes on.
    limit: Option<u16>,
}

/// Material balances, as far as they are the reader's to know.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum MaterialBalances {
    /// What officials are told.
    Official(OfficialPage),
    /// What a filer is told of its own sites.
    Filer(FilerPage),
}

/// A number that the answer rests on, with where it comes from.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParameterView {
    /// Its name in the law's rows.
    #[schema(example = "stocktake_window_days")]
    pub name: &'static str,
    /// How much.
    #[schema(example = "5")]
    pub value: String,
    /// In what.
    #[schema(example = "day")]
    pub unit: &'static str,
    /// Where it comes from.
    pub source: String,
    /// How well that was checked.
    #[schema(example = "own_assumption")]
    pub verification: String,
}

/// Tells whether the material of sites adds up, month by month: in full to officials, to a filer by a public rule.
///
/// A month is closed by a stocktake within some days of its end; without one it is `not_closed`,
/// and what flowed in it belongs to the balance that the next one closes. Officials (officers,
/// analysts, inspectors, auditors) say why in `Lodestone-Purpose`; every firm whose balances were
/// looked at for an answer finds that in its access log, whatever the answer shows.
#[utoipa::path(
    tag = "balances",
    params(MaterialQuery, ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses(
        (status = 200, body = MaterialBalances),
        (status = 400, body = ProblemDetails),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/balances/material")]
pub async fn list(
    reading: Reading,
    secret: web::Data<ServerSecret>,
    query: web::Query<MaterialQuery>,
) -> Result<web::Json<MaterialBalances>, Problem> {
    let query = query.into_inner();
    reading.as_official_only(
        &READERS,
        "officers, analysts, inspectors and auditors read material balances",
    )?;
    let mut access = reading.across().await?;
    let now = clock::now();
    let (from, until) = period(&query, Month::of(clock::date_in_beijing(now)))?;
    let organisation = match (access.filer, query.organisation) {
        // Somebody else's organisation is answered like one that does not exist.
        (Some(own), Some(asked)) if own != asked => return Err(Problem::NotFound("organisation")),
        (Some(own), _) => Some(own),
        (None, asked) => asked,
    };
    if access.filer.is_some() && query.element.is_some() {
        return Err(Problem::Forbidden("balances by element are for officials".into()));
    }
    let list = format!(
        "material balances of {organisation:?} {:?} {:?} {:?} {from} {until} for {:?}",
        query.site, query.element, query.state, access.filer
    );
    let page = PageQuery::new(query.cursor, query.limit).of::<Place>(list, &secret)?;
    let parameters = parameters::in_force(&mut access.conn, now).await?;
    let asked = Asked { organisation, site: query.site, from, until, now };
    let state = query.state.as_deref();
    if access.filer.is_some() {
        let state = state.map(|state| one_of(state, &filer::STATES)).transpose()?;
        let told = filer::page(&mut access, &asked, &page, &parameters, state).await?;
        return Ok(web::Json(MaterialBalances::Filer(told)));
    }
    let state = state.map(|state| one_of(state, &official::STATES)).transpose()?;
    let filter = official::Filter { element: query.element, state };
    let (told, owners) = official::page(&mut access, &asked, &page, &parameters, filter).await?;
    reading.note(&mut access, &owners, "material balances").await?;
    Ok(web::Json(MaterialBalances::Official(told)))
}

/// The first and the last month.
fn period(query: &MaterialQuery, this_month: Month) -> Result<(Month, Month), Problem> {
    let until = query.until.unwrap_or_else(|| this_month.previous());
    let default =
        || std::iter::successors(Some(until), |month| Some(month.previous())).nth(MONTHS - 1);
    let from = query.from.or_else(default).unwrap_or(until);
    let is_short = std::iter::successors(Some(from), |month| Some(month.next()))
        .take(MONTHS_LIMIT)
        .any(|month| month == until);
    if is_short && until <= this_month {
        return Ok((from, until));
    }
    let expected = format!("at most {MONTHS_LIMIT} months, in order, none of them in the future");
    Err(parameter("until", format!("from {from} until {until}"), expected))
}

/// The state with this name.
fn one_of<T: Copy>(asked: &str, states: &[(&str, T)]) -> Result<T, Problem> {
    let found = states.iter().find(|(name, _)| *name == asked);
    found.map(|(_, state)| *state).ok_or_else(|| {
        let names: Vec<&str> = states.iter().map(|(name, _)| *name).collect();
        parameter("state", "no such state".to_owned(), format!("one of {}", names.join(", ")))
    })
}

fn parameter(name: &str, detail: String, expected: String) -> Problem {
    Problem::InvalidParameter(Box::new(Violation {
        location: Location::Parameter { parameter: name.to_owned() },
        code: "out_of_range".into(),
        detail,
        expected: Some(expected),
    }))
}

/// Parameters as an answer tells them.
pub fn told(parameters: &rules::Parameters, names: &[rules::ParameterName]) -> Vec<ParameterView> {
    let view = |spec: &rules::ParameterSpec| {
        let parameter = parameters.of(spec.name);
        ParameterView {
            name: spec.key,
            value: parameter.value.normalize().to_string(),
            unit: spec.unit,
            source: parameter.source.clone(),
            verification: parameter.verification.to_string(),
        }
    };
    rules::PARAMETERS.iter().filter(|spec| names.contains(&spec.name)).map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: Option<&str>, until: Option<&str>) -> Option<String> {
        let month = |text: &str| text.parse().unwrap();
        let query = MaterialQuery {
            from: from.map(month),
            until: until.map(month),
            organisation: None,
            site: None,
            element: None,
            state: None,
            cursor: None,
            limit: None,
        };
        period(&query, month("2026-11")).ok().map(|(from, until)| format!("{from} {until}"))
    }

    #[test]
    fn the_last_twelve_months_are_told_unless_others_are_asked_for() {
        assert_eq!(asked(None, None).unwrap(), "2025-11 2026-10");
        assert_eq!(asked(None, Some("2026-11")).unwrap(), "2025-12 2026-11");
        assert_eq!(asked(Some("2026-03"), None).unwrap(), "2026-03 2026-10");
        assert_eq!(asked(Some("2023-12"), Some("2026-11")).unwrap(), "2023-12 2026-11");
        for (from, until) in
            [("2023-11", "2026-11"), ("2026-05", "2026-04"), ("2026-11", "2026-12")]
        {
            assert_eq!(asked(Some(from), Some(until)), None);
        }
    }
}
