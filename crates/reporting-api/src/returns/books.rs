//! `GET /v1/returns/{month}`: what the books already say, and what is missing.

use super::{
    sites_of,
    view::{AmountView, FlowView, FormView, MissingView, PrefillView, SitePrefillView},
};
use crate::reading::{Access, Reading, ReadingQuery};
use actix_web::{get, web};
use database::{
    registry::Site,
    returns::{self, Flow, MonthBooks},
};
use domain::{calendar_month::Month, mass::ElementMasses};
use service::problem::{Problem, ProblemDetails};

/// Shows what the books say of a month, what is missing, and the return that follows from it.
#[utoipa::path(
    tag = "returns",
    params(("month" = String, Path, example = "2026-10"),
        ("organisation" = Option<Uuid>, Query, description = "Officials: whose"),
        ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, body = PrefillView), (status = 404, body = ProblemDetails))
)]
#[get("/v1/returns/{month}")]
pub async fn prefill(
    reading: Reading,
    month: web::Path<String>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<PrefillView>, Problem> {
    let month: Month = month.parse().map_err(|_| Problem::NotFound("month"))?;
    let access = reading.of(&query.about(format!("books of {month}"))).await?;
    let Access { mut conn, organisation, .. } = access;
    let sites = sites_of(&mut conn, organisation).await?;
    let books = returns::month_books(&mut conn, organisation, month).await?;
    let sites: Vec<(Site, SitePrefillView)> =
        sites.into_iter().map(|site| of_site(site, &books)).collect();
    let nothing_happened = books.flows.is_empty() && books.measured.is_empty();
    Ok(web::Json(PrefillView {
        month: month.to_string(),
        missing: missing(&sites, &books),
        sites: sites.into_iter().map(|(_, view)| view).collect(),
        form: FormView { month: month.to_string(), nil: nothing_happened },
    }))
}

fn of_site(site: Site, books: &MonthBooks) -> (Site, SitePrefillView) {
    let opening = books.opening.iter().find(|stock| stock.site == site.id);
    let (mut grams, mut elements) =
        opening.map_or((0, ElementMasses::ZERO), |stock| (stock.gross_grams, stock.elements));
    let opening = AmountView::of(grams, &elements);
    let flows: Vec<&Flow> = books.flows.iter().filter(|flow| flow.site == site.id).collect();
    for flow in &flows {
        (grams, elements) = if flow.came {
            (grams.saturating_add(flow.gross_grams), elements.plus(&flow.elements))
        } else {
            (grams.saturating_sub(flow.gross_grams), elements.minus(&flow.elements))
        };
    }
    let measured = books.measured.iter().find(|(measured, _)| *measured == site.id);
    let view = SitePrefillView {
        site: site.code.clone(),
        opening,
        flows: flows.into_iter().map(FlowView::from).collect(),
        closing: AmountView::of(grams, &elements),
        measured_at: measured.map(|(_, at)| at.to_string()),
    };
    (site, view)
}

/// What should be filed before the month is closed. Only what the filer's own books show.
fn missing(sites: &[(Site, SitePrefillView)], books: &MonthBooks) -> Vec<MissingView> {
    let receipts = books.unreceived.iter().map(|unreceived| {
        let (movement, at) = (unreceived.movement.as_uuid(), unreceived.dispatched_at);
        MissingView {
            what: "receipt",
            site: None,
            movement: Some(movement),
            text_zh: format!("{at} 发给你单位的货物 {movement} 尚未签收。"),
            text_en: format!("Movement {movement}, sent to you at {at}, has no receipt."),
        }
    });
    let of_sites = sites.iter().flat_map(|(site, view)| {
        let code = &site.code;
        let below_zero = view.closing.gross_kg.starts_with('-').then(|| MissingView {
            what: "stock_below_zero",
            site: Some(code.clone()),
            movement: None,
            text_zh: format!("按账面，{code} 发出的多于收到的：可能缺少收货或生产填报。"),
            text_en: format!(
                "By the books more left {code} than came: a receipt or a production may be missing."
            ),
        });
        let holds_something = !view.flows.is_empty() || view.opening.gross_kg != "0.000";
        let unmeasured = holds_something && view.measured_at.is_none();
        let stocktake = unmeasured.then(|| MissingView {
            what: "stocktake",
            site: Some(code.clone()),
            movement: None,
            text_zh: format!("{code} 本月没有盘点：没有实测库存，当月物料平衡不能结清。"),
            text_en: format!(
                "No stock of {code} was measured in this month: without, its balance stays not closed."
            ),
        });
        below_zero.into_iter().chain(stocktake)
    });
    receipts.chain(of_sites).collect()
}

impl From<&Flow> for FlowView {
    fn from(flow: &Flow) -> Self {
        Self {
            kind: flow.kind.to_string(),
            process: flow.process.map(|process| process.to_string()),
            direction: if flow.came { "came" } else { "left" },
            amount: AmountView::of(flow.gross_grams, &flow.elements),
        }
    }
}
