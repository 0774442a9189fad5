//! What officials are told of material balances: everything.

use super::{
    ParameterView, told,
    walk::{Asked, Place, Told, walk},
};
use crate::{findings::SentenceView, paging::Page, reading::AccessAcross};
use database::material_balances::{self, Doubt, Wanted};
use domain::{balance::ElementBook, element::Element, ids::OrganisationId};
use jiff::Timestamp;
use rules::{
    BalanceState, Contribution, ElementVerdict, MonthVerdict, ParameterName, Parameters,
    judge_books, measurement_class, whole_mg,
};
use serde::Serialize;
use service::problem::Problem;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use uuid::Uuid;

/// Lines that are told for each element that does not close.
const CONTRIBUTORS: u8 = 3;
/// What the judgement rests on.
const RESTS_ON: [ParameterName; 9] = [
    ParameterName::RandomErrorPercent,
    ParameterName::SystematicErrorPercent,
    ParameterName::ElementFloorMg,
    ParameterName::WeighingErrorPercent,
    ParameterName::WeighingBiasPercent,
    ParameterName::StocktakeWindowDays,
    ParameterName::BalanceShewhartSigmas,
    ParameterName::BalancePageReference,
    ParameterName::BalancePageDecision,
];
/// States by name.
pub(super) const STATES: [(&str, BalanceState); 4] = {
    const fn named(state: BalanceState) -> (&'static str, BalanceState) {
        (state.as_str(), state)
    }
    let [a, b, c, d] = BalanceState::ALL;
    [named(a), named(b), named(c), named(d)]
};

/// What an official looks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    pub(super) element: Option<Element>,
    pub(super) state: Option<BalanceState>,
}

/// A page of material balances, for officials.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfficialPage {
    /// By organisation, site and month.
    pub balances: Vec<OfficialBalance>,
    /// The numbers that they rest on.
    pub rests_on: Vec<ParameterView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A month of a site.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfficialBalance {
    /// Whose.
    pub organisation: Uuid,
    /// The site's code.
    pub site: String,
    /// The month.
    #[schema(example = "2026-10")]
    pub month: String,
    /// The worst of its elements: `closes`, `not_opened`, `not_closed` or `does_not_close`.
    pub state: &'static str,
    /// The same in plain sentences.
    pub sentence: SentenceView,
    /// When the stock was counted that it begins with; absent if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<String>,
    /// When the stock was counted that closes it; absent if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// When the sums of its lines were computed.
    pub computed_at: String,
    /// Every element of which there was anything.
    pub elements: Vec<ElementView>,
}

/// An element of it. Masses and deviations in milligrams; what rests on two counts is absent where
/// one is missing.
#[derive(Debug, Serialize, ToSchema)]
pub struct ElementView {
    /// Which.
    #[schema(example = "Dy")]
    pub element: String,
    /// `closes`, `not_opened`, `not_closed` or `does_not_close`.
    pub state: &'static str,
    /// What was counted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening_mg: Option<i64>,
    /// What came in since then; without an opening, in the month.
    pub in_mg: i64,
    /// What went out since then, known losses included.
    pub out_mg: i64,
    /// What was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closing_mg: Option<i64>,
    /// Material unaccounted for: above zero it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muf_mg: Option<i64>,
    /// One standard deviation of that, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma_mg: Option<i64>,
    /// MUF in standard deviations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3.1")]
    pub sigmas: Option<String>,
    /// All balances since the first count together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cumuf_mg: Option<i64>,
    /// One standard deviation of that, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cumuf_sigma_mg: Option<i64>,
    /// MUF, standardised, given the balances before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sitmuf: Option<String>,
    /// Page's sum for losses; it begins anew after an alarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_loss: Option<String>,
    /// Page's sum for gains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_gain: Option<String>,
    /// Where it does not close: the lines with the largest part of its doubt, by mass times
    /// uncertainty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contributors: Vec<ContributorView>,
}

/// A line with a large part of a balance's doubt.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContributorView {
    /// The filing it stands in.
    pub filing: Uuid,
    /// The filer's reference for that.
    pub reference: String,
    /// The line's number.
    pub line: u16,
    /// The lot it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<Uuid>,
    /// Its maker's number for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_number: Option<String>,
    /// How much of the element.
    pub mass_mg: i64,
    /// One standard deviation of that, stated or assumed, rounded up.
    pub sigma_mg: i64,
    /// Its share of the balance's variance; absent for a line that instruments alone decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "41.3")]
    pub share_percent: Option<String>,
}

/// A month as it was found, until its contributors are known.
struct Found {
    organisation: Uuid,
    site: String,
    told: Told,
    verdict: MonthVerdict,
    /// The first stocktake of the count that it begins with.
    opened_from: Option<Timestamp>,
}

/// A page of balances, and whose were looked at for it.
pub(super) async fn page(
    access: &mut AccessAcross,
    asked: &Asked,
    page: &Page<'_, Place>,
    parameters: &Parameters,
    filter: Filter,
) -> Result<(OfficialPage, BTreeSet<OrganisationId>), Problem> {
    let walked = walk(access, asked, page, parameters, |site, months| {
        let books: Vec<_> = months.iter().map(|told| told.book.clone()).collect();
        let verdicts = judge_books(parameters, &books);
        let opened = opened_from(months);
        let found =
            months.iter().zip(verdicts).zip(opened).map(|((told, verdict), opened_from)| Found {
                organisation: site.key.organisation.as_uuid(),
                site: site.code.clone(),
                told: told.clone(),
                verdict,
                opened_from,
            });
        found
            .filter_map(|found| narrowed(found, filter))
            .map(|it| (it.told.book.month, it))
            .collect()
    })
    .await?;
    let mut contributions = contributions(access, &walked.entries, parameters).await?;
    let view = |(place, found): (Place, Found)| {
        let of_month: BTreeMap<Element, Vec<Contribution>> =
            contributions.remove(&place).unwrap_or_default();
        OfficialBalance::of(found, of_month)
    };
    let balances = walked.entries.into_iter().map(view).collect();
    let rests_on = told(parameters, &RESTS_ON);
    Ok((OfficialPage { balances, rests_on, next: walked.next }, walked.owners))
}

/// For each month, where the count began that it begins with.
fn opened_from(months: &[Told]) -> Vec<Option<Timestamp>> {
    let mut last = None;
    let before = |told: &Told| {
        let next = told.segment.counted_from.or(last);
        std::mem::replace(&mut last, next)
    };
    months.iter().map(before).collect()
}

/// What is left of a month by the filter, if anything.
fn narrowed(mut found: Found, filter: Filter) -> Option<Found> {
    if let Some(element) = filter.element {
        found.verdict.elements.retain(|verdict| verdict.book.element == element);
        found.verdict.state = found.verdict.elements.first()?.state;
    }
    filter.state.is_none_or(|state| state == found.verdict.state).then_some(found)
}

type Contributions = BTreeMap<Place, BTreeMap<Element, Vec<Contribution>>>;

/// The lines behind every element of a page that does not close.
async fn contributions(
    access: &mut AccessAcross,
    entries: &[(Place, Found)],
    parameters: &Parameters,
) -> Result<Contributions, Problem> {
    let mut wanted = Vec::new();
    let mut places = Vec::new();
    for (place, found) in entries {
        let (Some(opened_from), Some(after)) = (found.opened_from, found.told.book.opened_at)
        else {
            continue;
        };
        for verdict in found.verdict.worst() {
            let (site, element) = (place.site, verdict.book.element);
            wanted.push(Wanted { site, opened_from, after, closing: found.told.segment, element });
            places.push((*place, element));
        }
    }
    let class = measurement_class(parameters);
    let doubt = Doubt {
        unstated: class.unstated.random.hypot(class.unstated.systematic),
        stated: class.weighing.random.hypot(class.weighing.systematic),
    };
    let found =
        material_balances::contributions(&mut access.conn, &wanted, doubt, CONTRIBUTORS).await?;
    let mut contributions = Contributions::new();
    for ((place, element), lines) in places.into_iter().zip(found) {
        contributions.entry(place).or_default().insert(element, lines);
    }
    Ok(contributions)
}

impl OfficialBalance {
    fn of(found: Found, mut contributions: BTreeMap<Element, Vec<Contribution>>) -> Self {
        let Found { organisation, site, told, verdict, .. } = found;
        let worst = verdict.worst().first().map(|worst| worst.book.element);
        let largest = worst.and_then(|element| contributions.get(&element)?.first().cloned());
        let sentence = verdict.sentence(largest.as_ref());
        let view = |verdict: ElementVerdict| {
            let lines = contributions.remove(&verdict.book.element).unwrap_or_default();
            ElementView::of(&verdict, lines)
        };
        Self {
            organisation,
            site,
            month: verdict.month.to_string(),
            state: verdict.state.as_str(),
            sentence: SentenceView { zh: sentence.zh, en: sentence.en },
            opened_at: told.book.opened_at.map(|at| at.to_string()),
            closed_at: told.book.closed_at.map(|at| at.to_string()),
            computed_at: told.computed_at.to_string(),
            elements: verdict.elements.into_iter().map(view).collect(),
        }
    }
}

impl ElementView {
    fn of(verdict: &ElementVerdict, contributions: Vec<Contribution>) -> Self {
        let ElementBook { element, opening, inflow, outflow, closing, balance } = verdict.book;
        let page = verdict.page.map(|(loss, gain)| (loss.to_string(), gain.to_string())).unzip();
        let sigma_mg = balance.map(|balance| balance.sigma_mg);
        let view = |line: Contribution| ContributorView {
            filing: line.filing.as_uuid(),
            lot: line.lot.map(domain::ids::LotId::as_uuid),
            line: line.line,
            mass_mg: line.mass_mg,
            sigma_mg: whole_mg(line.sigma_mg),
            share_percent: sigma_mg
                .and_then(|sigma| line.share_percent(sigma))
                .map(|share| share.to_string()),
            reference: line.reference,
            lot_number: line.lot_number,
        };
        Self {
            element: element.to_string(),
            state: verdict.state.as_str(),
            opening_mg: opening.map(|opening| opening.mass_mg),
            in_mg: inflow.mass_mg,
            out_mg: outflow.mass_mg,
            closing_mg: closing.map(|closing| closing.mass_mg),
            muf_mg: balance.map(|balance| balance.muf_mg),
            sigma_mg: sigma_mg.map(whole_mg),
            sigmas: verdict.sigmas.map(|sigmas| sigmas.to_string()),
            cumuf_mg: balance.map(|balance| balance.cumuf_mg),
            cumuf_sigma_mg: balance.map(|balance| whole_mg(balance.cumuf_sigma_mg)),
            sitmuf: verdict.sitmuf.map(|sitmuf| sitmuf.to_string()),
            page_loss: page.0,
            page_gain: page.1,
            contributors: contributions.into_iter().map(view).collect(),
        }
    }
}
