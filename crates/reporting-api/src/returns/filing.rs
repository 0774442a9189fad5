//! `POST /v1/returns`: files a month's return for every site that has none, in one call.

use super::{sites_of, view::FiledView};
use crate::{
    filings::{
        FilingForm,
        desk::{Accepted, Desk, Sender},
    },
    reading::ReadingPools,
};
use actix_web::{HttpResponse, post, web};
use database::{registry::Site, returns};
use domain::{calendar_month::Month, codes::Channel};
use serde::{Deserialize, Serialize};
use service::{
    body::JsonBody,
    clock,
    idempotency::{IdempotencyKey, fingerprint},
    identity::Reporter,
    problem::{Problem, ProblemDetails, Violation},
    trace::TraceContext,
};
use utoipa::ToSchema;

const REFERENCE_CHARACTERS_AT_MOST: usize = 64;
/// Hexadecimal digits of its hash that stand for a long site code.
const SITE_DIGITS: usize = 32;

/// A return for a month.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnForm {
    /// The month that is closed.
    #[schema(value_type = String, example = "2026-10")]
    month: Month,
    /// Nothing happened in it.
    nil: bool,
    /// For this site only, by its code; for every site that has none yet unless said.
    #[serde(default)]
    site: Option<String>,
}

/// The returns of a month that now stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReturnsFiledView {
    /// The month.
    pub month: String,
    /// By site.
    pub returns: Vec<SiteFiledView>,
}

/// The return of a site.
#[derive(Debug, Serialize, ToSchema)]
pub struct SiteFiledView {
    /// Its code.
    pub site: String,
    /// What was filed.
    #[serde(flatten)]
    pub filed: FiledView,
}

/// Files a month's return for every site that has none yet; a nil return is one call.
///
/// Each is a filing of kind `monthly_return` with the reference `RETURN-<month>-<site>`. Sites
/// whose return was filed keep it: to change it, send a correction to `/v1/filings`.
#[utoipa::path(
    tag = "returns",
    request_body = ReturnForm,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = ReturnsFiledView),
        (status = 200, description = "All were filed before", body = ReturnsFiledView),
        (status = 422, description = "See `violations`", body = ProblemDetails),
    )
)]
#[post("/v1/returns")]
pub async fn file(
    desk: web::Data<Desk>,
    pools: web::Data<ReadingPools>,
    reporter: Reporter,
    key: IdempotencyKey,
    trace: TraceContext,
    form: JsonBody<ReturnForm>,
) -> Result<HttpResponse, Problem> {
    let ReturnForm { month, nil, site } = form.value;
    let mut conn = pools.reporting.get().await.map_err(database::Error::from)?;
    let sites = chosen(sites_of(&mut conn, reporter.organisation).await?, site.as_deref())?;
    let before = returns::versions(&mut conn, reporter.organisation, month, month).await?;
    // Filing takes a connection of its own.
    drop(conn);
    let sender = Sender {
        organisation: reporter.organisation,
        person: reporter.person,
        channel: Channel::Api,
        at: clock::now(),
        traceparent: Some(trace.to_string()),
    };
    let (mut filed, mut anything_new) = (Vec::with_capacity(sites.len()), false);
    for site in sites {
        let standing = before.iter().rfind(|version| version.site == site.id);
        let view = if let Some(version) = standing {
            FiledView::from(version)
        } else {
            anything_new = true;
            file_one(&desk, &sender, &key, month, nil, &site).await?
        };
        filed.push(SiteFiledView { site: site.code, filed: view });
    }
    let answer = ReturnsFiledView { month: month.to_string(), returns: filed };
    Ok(if anything_new {
        HttpResponse::Created().json(answer)
    } else {
        HttpResponse::Ok().json(answer)
    })
}

/// The site that was named, or all.
fn chosen(sites: Vec<Site>, named: Option<&str>) -> Result<Vec<Site>, Problem> {
    let is_chosen = |site: &Site| named.is_none_or(|named| site.code == named);
    let chosen: Vec<Site> = sites.into_iter().filter(is_chosen).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let (detail, expected) = match named {
        Some(named) => (
            format!("you have no site with the code {named:?}"),
            "the code of one of your sites, or none for all of them",
        ),
        None => ("you have no sites".to_owned(), "a site, added to your catalogue first"),
    };
    let violation = Violation::at("/site", "unknown_site", detail).expecting(expected);
    Err(Problem::ValidationFailed(vec![violation]))
}

async fn file_one(
    desk: &Desk,
    sender: &Sender,
    key: &IdempotencyKey,
    month: Month,
    nil: bool,
    site: &Site,
) -> Result<FiledView, Problem> {
    // The caller's key stands for all sites; each of them has a filing, and so a key, of its own.
    let key = fingerprint(format!("{} {}", key.as_str(), site.id).as_bytes());
    let key = IdempotencyKey::parse(&format!("return/{}", hex::encode(key)))?;
    let reference = reference_of(month, &site.code);
    let form = FilingForm::monthly_return(reference.clone(), site.code.clone(), month, nil);
    let (filing, recorded_at) = match desk.record(&form, sender, Some(&key)).await? {
        Accepted::New(recorded) => (recorded.id, recorded.recorded_at),
        Accepted::Before(answer) => {
            let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
            let id = text("id").parse().map_err(anyhow::Error::from)?;
            (id, text("recorded_at"))
        }
    };
    Ok(FiledView { filing, reference, version: 1, nil, recorded_at })
}

/// A reference has at most 64 characters; a site's code may have as many.
fn reference_of(month: Month, site: &str) -> String {
    let reference = format!("RETURN-{month}-{site}");
    if reference.chars().count() <= REFERENCE_CHARACTERS_AT_MOST {
        return reference;
    }
    let hash = hex::encode(fingerprint(site.as_bytes()));
    format!("RETURN-{month}-{}", &hash[..SITE_DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_site_code_still_gives_a_reference_of_its_own() {
        let month: Month = "2026-10".parse().unwrap();
        assert_eq!(reference_of(month, "一厂"), "RETURN-2026-10-一厂");
        let (one, other) = ("A".repeat(64), format!("{}B", "A".repeat(63)));
        let (one, other) = (reference_of(month, &one), reference_of(month, &other));
        assert_ne!(one, other);
        assert!(one.chars().count() <= REFERENCE_CHARACTERS_AT_MOST);
    }
}
