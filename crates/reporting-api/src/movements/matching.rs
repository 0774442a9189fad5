//! `GET /v1/movements/{id}/match`: dispatch, receipt, invoice and export declaration side by side,
//! for officials.

use super::Known;
use crate::{
    feeds::unmatched::{MAY_MATCH, WHO},
    material::{ParameterView, told},
    reading::{Reading, ReadingQuery},
};
use actix_web::{get, web};
use database::{Connection, matching, movements::Movement, parameters};
use domain::{
    calendar_month::beijing_date,
    ids::MovementId,
    mass::kilograms_of_grams,
    movement::{Leg, LegState, MatchTerms, Settlement, SoldGoods},
};
use jiff::civil::Date;
use rules::ParameterName;
use serde::Serialize;
use service::{
    clock,
    identity::Official,
    problem::{Problem, ProblemDetails},
    regimes::Regimes,
};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// What the match rests on.
const RESTS_ON: [ParameterName; 7] = [
    ParameterName::MatchSigmas,
    ParameterName::MatchAmountPercent,
    ParameterName::MatchWindowDays,
    ParameterName::MatchDueDays,
    ParameterName::RandomErrorPercent,
    ParameterName::SystematicErrorPercent,
    ParameterName::ElementFloorMg,
];

/// A movement with what others say about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchView {
    /// The movement.
    pub movement: Uuid,
    /// What it is called.
    pub reference: String,
    /// Who sent it.
    pub seller: Uuid,
    /// Who it was sent to.
    pub buyer: Uuid,
    /// The day it left.
    pub dispatched_on: String,
    /// What was dispatched, in oxide equivalent.
    pub oxide_kg: String,
    /// The buyer's receipts.
    pub receipt: LegView,
    /// The tax authority's invoices.
    pub invoice: LegView,
    /// Other movements that the same invoices settle.
    pub settled_with: Vec<Uuid>,
    /// The customs' declarations of exports by the buyer of the same lots: the worst of them, or
    /// `not_applicable` where the buyer has exported none.
    pub export: LegView,
    /// Each of those exports.
    pub exports: Vec<ExportView>,
    /// The numbers that it rests on.
    pub rests_on: Vec<ParameterView>,
}

/// An export with its declaration.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportView {
    /// The filing.
    pub filing: Uuid,
    /// How it agrees; quantities in kilograms of goods.
    pub leg: LegView,
}

/// How a leg of the match stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct LegView {
    /// `matched`, `differs`, `not_yet_due`, `overdue`, `ambiguous` or `not_applicable`.
    #[schema(example = "matched")]
    pub state: &'static str,
    /// By when it should be there, where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// As filed, in kilograms of oxides; of goods, for exports and where goods were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filed_kg: Option<String>,
    /// As the other side says; an invoice as far as it is allocated to this movement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated_kg: Option<String>,
    /// The second less the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference_kg: Option<String>,
    /// How far the two are apart, in standard deviations of both together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1.9")]
    pub sigmas: Option<String>,
    /// What it costs as filed, over everything that is settled or declared together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filed_amount: Option<String>,
    /// What it costs as the papers say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated_amount: Option<String>,
    /// In which currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// In what it differs: `quantity`, `elements`, `amount`, `currency`, `seller`, `buyer`,
    /// `exporter`, `date`, `destination`, `hs_code`, `licence`.
    pub differences: Vec<&'static str>,
    /// The elements in which it differs.
    pub elements: Vec<&'static str>,
    /// The numbers of the papers; of several that fit, where it is ambiguous.
    pub papers: Vec<String>,
}

/// Matches a movement with its receipt, the tax authority's invoices and the customs'
/// declarations, for officials who say why. Both parties find that in their access logs.
///
/// Quantities agree within what both sides can measure; amounts are compared at the paper's
/// quantity. Several invoices may settle several movements: what is invoiced is allocated to them.
#[utoipa::path(
    tag = "movements",
    params(("id" = String, Path, description = "The movement's reference or id"),
        ("organisation" = Uuid, Query, description = "Its seller or its buyer"),
        ("Lodestone-Purpose" = String, Header, description = "Why")),
    responses(
        (status = 200, body = MatchView),
        (status = 400, body = ProblemDetails),
        (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails),
    )
)]
#[get("/v1/movements/{id}/match")]
pub async fn show(
    _official: Official,
    reading: Reading,
    regimes: web::Data<Regimes>,
    name: web::Path<String>,
    query: web::Query<ReadingQuery>,
) -> Result<web::Json<MatchView>, Problem> {
    reading.as_official_only(&MAY_MATCH, WHO)?;
    let (known, mut access) = Known::read(&reading, &regimes, &name, &query).await?;
    let movement = &known.movement;
    let parties = BTreeSet::from([movement.seller.0, movement.buyer]);
    let subject = format!("movement {}", movement.reference);
    reading.also_of(&mut access, &parties, &subject).await?;
    let (conn, now) = (&mut access.conn, clock::now());
    let (parameters, today) = (parameters::in_force(conn, now).await?, beijing_date(now));
    let terms = rules::match_terms(&parameters);
    let settlement = matching::settlements(conn, &[movement.id]).await?.remove(&movement.id);
    let settlement = settlement.ok_or(Problem::NotFound("movement"))?;
    let goods = settlement.dispatches.iter().find(|goods| goods.movement == movement.id);
    let goods = goods.ok_or(Problem::NotFound("movement"))?;
    let invoice = invoiced(conn, &terms, &settlement, goods, movement, today).await?;
    let exports = exported(conn, &terms, movement, today).await?;
    let worst = exports.iter().map(|(_, leg)| leg).max_by_key(|leg| gravity(leg.state)).cloned();
    let settled_with = settlement.dispatches.iter().map(|goods| goods.movement);
    Ok(web::Json(MatchView {
        movement: movement.id.as_uuid(),
        reference: movement.reference.to_string(),
        seller: movement.seller.0.as_uuid(),
        buyer: movement.buyer.as_uuid(),
        dispatched_on: goods.dispatched_on.to_string(),
        oxide_kg: kilograms_of_grams(goods.content.grams()),
        receipt: received(&known, &terms, today).into(),
        invoice: invoice.into(),
        settled_with: settled_with
            .filter(|it| *it != movement.id)
            .map(MovementId::as_uuid)
            .collect(),
        export: worst.unwrap_or(Leg::empty(LegState::NotApplicable)).into(),
        exports: exports
            .into_iter()
            .map(|(filing, leg)| ExportView { filing, leg: leg.into() })
            .collect(),
        rests_on: told(&parameters, &RESTS_ON),
    }))
}

fn received(known: &Known, terms: &MatchTerms, today: Date) -> Leg {
    let told = &known.leg.told;
    if !told.receipts.is_empty() {
        let papers = told.receipts.iter().map(|receipt| receipt.reference.clone()).collect();
        return Leg { papers, ..Leg::of_receipt(terms, &told.sides) };
    }
    // The clock of the receipt is a row of the law; without one nothing is ever overdue.
    let overdue = known.leg.due.is_some_and(|due| due < today);
    let state = if overdue { LegState::Overdue } else { LegState::NotYetDue };
    Leg { due: known.leg.due, ..Leg::empty(state) }
}

async fn invoiced(
    conn: &mut Connection,
    terms: &MatchTerms,
    settlement: &Settlement,
    goods: &SoldGoods,
    movement: &Movement,
    today: Date,
) -> Result<Leg, Problem> {
    let mut matches = settlement.matches(terms, today).into_iter();
    let leg = matches.find(|matched| matched.movement == movement.id).map(|matched| matched.leg);
    match leg {
        Some(leg) if !matches!(leg.state, LegState::NotYetDue | LegState::Overdue) => Ok(leg),
        _ => {
            let free = matching::unsettled(conn, goods, movement.buyer, terms.window_days).await?;
            Ok(Settlement::inferred(terms, goods, &free.dispatches, &free.invoices, today))
        }
    }
}

async fn exported(
    conn: &mut Connection,
    terms: &MatchTerms,
    movement: &Movement,
    today: Date,
) -> Result<Vec<(Uuid, Leg)>, Problem> {
    let lots: Vec<_> = movement.lines.iter().map(|line| line.lot).collect();
    let numbers = matching::exports_of_lots(conn, movement.buyer, &lots).await?;
    let declared = matching::declared(conn, numbers.iter().map(String::as_str).collect()).await?;
    let legs = declared.values().flat_map(|declared| declared.matches(terms, today));
    let own = legs.filter(|(_, exporter, _)| *exporter == movement.buyer);
    let mut exports: Vec<(Uuid, Leg)> =
        own.map(|(filing, _, leg)| (filing.as_uuid(), leg)).collect();
    exports.sort_by_key(|(filing, _)| *filing);
    Ok(exports)
}

const fn gravity(state: LegState) -> u8 {
    match state {
        LegState::NotApplicable => 0,
        LegState::Matched => 1,
        LegState::NotYetDue => 2,
        LegState::Ambiguous => 3,
        LegState::Overdue => 4,
        LegState::Differs => 5,
    }
}

impl From<Leg> for LegView {
    fn from(leg: Leg) -> Self {
        let kg = |pick: fn(i64, i64) -> i64| {
            let quantities = leg.quantities.as_ref();
            quantities.map(|it| kilograms_of_grams(pick(it.filed_grams, it.stated_grams)))
        };
        Self {
            state: leg.state.as_str(),
            due: leg.due.map(|due| due.to_string()),
            filed_kg: kg(|filed, _| filed),
            stated_kg: kg(|_, stated| stated),
            difference_kg: kg(|filed, stated| stated.saturating_sub(filed)),
            sigmas: leg.quantities.as_ref().map(|it| format!("{:.1}", it.sigmas)),
            filed_amount: leg.amounts.as_ref().map(|it| it.filed.normalize().to_string()),
            stated_amount: leg.amounts.as_ref().map(|it| it.stated.normalize().to_string()),
            currency: leg.amounts.map(|it| it.currency),
            differences: leg.differences.iter().map(|it| it.as_str()).collect(),
            elements: leg.elements.iter().map(|it| it.symbol()).collect(),
            papers: leg.papers,
        }
    }
}
