//! `GET /v1/feeds/unmatched`: what stands alone, for officials.

use crate::{
    paging::PageQuery,
    reading::{AccessAcross, Reading},
};
use actix_web::{get, web};
use database::{
    matching::{self, UnmatchedDeclaration, UnmatchedFiling, UnmatchedInvoice},
    parameters,
};
use domain::{
    calendar_month::beijing_date, codes::Role, ids::OrganisationId, mass::kilograms_of_grams,
};
use jiff::ToSpan;
use serde::{Deserialize, Serialize};
use service::{
    clock,
    identity::Official,
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Who may look at what authorities hand in.
pub const MAY_MATCH: [Role; 5] =
    [Role::Officer, Role::SeniorOfficer, Role::Analyst, Role::Inspector, Role::Auditor];
/// How those are called who may not.
pub const WHO: &str = "it takes an officer, analyst, inspector or auditor of the authority";

/// What to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct UnmatchedQuery {
    /// `invoices` that no dispatch names, `declarations` that no export names, `dispatches` whose
    /// invoice is overdue, or `exports` whose declaration is.
    #[param(inline)]
    list: List,
    /// Where the last page said the list goes on.
    cursor: Option<String>,
    /// At most so many, 1 to 200.
    limit: Option<u16>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum List {
    Invoices,
    Declarations,
    Dispatches,
    Exports,
}

/// A page of what stands alone.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnmatchedPage {
    /// The newest first.
    pub unmatched: Vec<UnmatchedView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A paper that no filing names, or a filing without its paper.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct UnmatchedView {
    /// Its number; of a filing, that of the paper it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Its latest version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u16>,
    /// The filing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filing: Option<Uuid>,
    /// The movement that it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movement: Option<String>,
    /// The day of the paper, or on which the goods left.
    pub day: String,
    /// Who sold, exports or filed, where it is registered here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Uuid>,
    /// The unified social credit code of who sold or exports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// That of the buyer, or the country it goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How much an invoice states, in oxide equivalent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oxide_kg: Option<String>,
    /// How much a declaration states, net.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_kg: Option<String>,
}

/// Lists papers that no filing names, and filings whose paper is overdue, for officials who say
/// why; every firm on the page finds that in its access log.
#[utoipa::path(
    tag = "feeds",
    params(UnmatchedQuery, ("Lodestone-Purpose" = String, Header, description = "Why")),
    responses(
        (status = 200, body = UnmatchedPage),
        (status = 400, body = ProblemDetails),
        (status = 403, body = ProblemDetails),
    )
)]
#[get("/v1/feeds/unmatched")]
pub async fn list(
    _official: Official,
    reading: Reading,
    secret: web::Data<ServerSecret>,
    query: web::Query<UnmatchedQuery>,
) -> Result<web::Json<UnmatchedPage>, Problem> {
    reading.as_official_only(&MAY_MATCH, WHO)?;
    let UnmatchedQuery { list: wanted, cursor, limit } = query.into_inner();
    let name = format!("unmatched {wanted:?}").to_lowercase();
    let page = PageQuery::new(cursor, limit).of::<Uuid>(name.clone(), &secret)?;
    let mut access = reading.across().await?;
    let (found, owners) = find(&mut access, wanted, page.after, page.limit).await?;
    reading.note(&mut access, &owners, &name).await?;
    reading.note_own(&mut access, &name).await?;
    let next = page.next(&found, |(id, _)| *id);
    Ok(web::Json(UnmatchedPage {
        unmatched: found.into_iter().map(|(_, view)| view).collect(),
        next,
    }))
}

type Found = (Vec<(Uuid, UnmatchedView)>, BTreeSet<OrganisationId>);

async fn find(
    access: &mut AccessAcross,
    wanted: List,
    before: Option<Uuid>,
    most: u16,
) -> Result<Found, Problem> {
    let now = clock::now();
    let conn = &mut access.conn;
    let terms = rules::match_terms(&parameters::in_force(conn, now).await?);
    // Overdue is what is due before today.
    let left_by = beijing_date(now).saturating_sub((terms.due_days.saturating_add(1)).days());
    Ok(match wanted {
        List::Invoices => {
            let found = matching::invoices_without_dispatch(conn, before, most).await?;
            let owners =
                found.iter().flat_map(|it| [it.seller_organisation, it.buyer_organisation]);
            let owners = owners.flatten().collect();
            (found.into_iter().map(|it| (it.id, it.into())).collect(), owners)
        }
        List::Declarations => {
            let found = matching::declarations_without_export(conn, before, most).await?;
            let owners = found.iter().filter_map(|it| it.exporter_organisation).collect();
            (found.into_iter().map(|it| (it.id, it.into())).collect(), owners)
        }
        List::Dispatches => {
            filings(matching::dispatches_without_invoice(conn, before, left_by, most).await?)
        }
        List::Exports => {
            filings(matching::exports_without_declaration(conn, before, left_by, most).await?)
        }
    })
}

fn filings(found: Vec<UnmatchedFiling>) -> Found {
    let owners = found.iter().map(|it| it.organisation).collect();
    (found.into_iter().map(|it| (it.filing.as_uuid(), it.into())).collect(), owners)
}

impl From<UnmatchedInvoice> for UnmatchedView {
    fn from(invoice: UnmatchedInvoice) -> Self {
        Self {
            number: Some(invoice.number),
            version: Some(invoice.version),
            day: invoice.issued_on.to_string(),
            organisation: invoice.seller_organisation.map(OrganisationId::as_uuid),
            from: Some(invoice.seller),
            to: Some(invoice.buyer),
            oxide_kg: Some(kilograms_of_grams(invoice.oxide_grams)),
            ..Self::default()
        }
    }
}

impl From<UnmatchedDeclaration> for UnmatchedView {
    fn from(declaration: UnmatchedDeclaration) -> Self {
        Self {
            number: Some(declaration.number),
            version: Some(declaration.version),
            day: declaration.declared_on.to_string(),
            organisation: declaration.exporter_organisation.map(OrganisationId::as_uuid),
            from: Some(declaration.exporter),
            to: Some(declaration.destination),
            net_kg: Some(kilograms_of_grams(declaration.net_grams)),
            ..Self::default()
        }
    }
}

impl From<UnmatchedFiling> for UnmatchedView {
    fn from(filing: UnmatchedFiling) -> Self {
        Self {
            number: filing.paper,
            filing: Some(filing.filing.as_uuid()),
            movement: filing.movement.map(|reference| reference.to_string()),
            day: filing.left_on.to_string(),
            organisation: Some(filing.organisation.as_uuid()),
            ..Self::default()
        }
    }
}
