//! What a filer is told of its own material balances: whether figures close by a public rule, and
//! where to look for slips.
//!
//! No mass, no deviation and no limit of officials is anywhere in here.

use super::{
    ParameterView, told,
    walk::{Asked, Place, Told, walk},
};
use crate::{findings::SentenceView, paging::Page, reading::AccessAcross};
use database::material_balances::{self, SiteKey};
use domain::{
    balance::Segment,
    calendar_month::{Month, beijing_date},
    ids::MovementId,
};
use jiff::Timestamp;
use rules::{
    EntryError, ParameterName, Parameters, ReportedState, entry_errors, reported_state,
    stocktake_window_days,
};
use serde::Serialize;
use service::problem::Problem;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// The public rule.
const RESTS_ON: [ParameterName; 3] = [
    ParameterName::StocktakeWindowDays,
    ParameterName::PublishedBalancePercent,
    ParameterName::PublishedBalanceFloorMg,
];
/// States by name.
pub(super) const STATES: [(&str, ReportedState); 3] = {
    use ReportedState::{Closes, DoesNotClose, NotClosed};
    [
        (Closes.as_str(), Closes),
        (DoesNotClose.as_str(), DoesNotClose),
        (NotClosed.as_str(), NotClosed),
    ]
};

/// A page of a filer's own material balances.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilerPage {
    /// By site and month.
    pub balances: Vec<FilerBalance>,
    /// The public rule: a month closes when for every element what is unaccounted for is at most
    /// so many percent of what was there and came in, or at most so much.
    pub rests_on: Vec<ParameterView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A month of a site.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilerBalance {
    /// The site's code.
    pub site: String,
    /// The month.
    #[schema(example = "2026-10")]
    pub month: String,
    /// `closes`, `does_not_close`, or `not_closed` where a stocktake is missing.
    pub state: &'static str,
    /// Where slips may be, when it does not close or is not closed.
    pub hints: Vec<HintView>,
}

/// Where to look for a slip.
#[derive(Debug, Serialize, ToSchema)]
pub struct HintView {
    /// What it may be: `missing_stocktake`, `not_received`, `entered_twice`, `unit_confusion`,
    /// `oxide_or_element` or `outputs_heavier`.
    pub kind: &'static str,
    /// In which filing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filing: Option<Uuid>,
    /// Your reference for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// In which of its lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u16>,
    /// What is odd.
    pub sentence: SentenceView,
}

/// A month as it was found, until hints are known.
struct Found {
    site: String,
    segment: Segment,
    is_opened: bool,
    state: ReportedState,
}

/// A page of a filer's own balances.
pub(super) async fn page(
    access: &mut AccessAcross,
    asked: &Asked,
    page: &Page<'_, Place>,
    parameters: &Parameters,
    state: Option<ReportedState>,
) -> Result<FilerPage, Problem> {
    let walked = walk(access, asked, page, parameters, |site, months| {
        let found = |told: &Told| Found {
            site: site.code.clone(),
            segment: told.segment,
            is_opened: told.book.opened_at.is_some(),
            state: reported_state(parameters, &told.book),
        };
        let found = months.iter().map(|told| (told.book.month, found(told)));
        found.filter(|(_, found)| state.is_none_or(|state| state == found.state)).collect()
    })
    .await?;
    let mut hints = hints(access, &walked.entries, parameters).await?;
    let view = |(place, found): (Place, Found)| FilerBalance {
        site: found.site,
        month: place.month.to_string(),
        state: found.state.as_str(),
        hints: hints.remove(&place).unwrap_or_default().into_iter().map(HintView::from).collect(),
    };
    let balances = walked.entries.into_iter().map(view).collect();
    Ok(FilerPage { balances, rests_on: told(parameters, &RESTS_ON), next: walked.next })
}

type Hints = BTreeMap<Place, Vec<EntryError>>;

/// Where to look, for every month of a page that needs it.
async fn hints(
    access: &mut AccessAcross,
    entries: &[(Place, Found)],
    parameters: &Parameters,
) -> Result<Hints, Problem> {
    let mut hints = Hints::new();
    let mut segments: BTreeMap<SiteKey, Vec<Segment>> = BTreeMap::new();
    let window = stocktake_window_days(parameters);
    for (place, found) in entries.iter().filter(|(_, found)| found.state != ReportedState::Closes) {
        let of_month = hints.entry(*place).or_default();
        if found.segment.counted_from.is_none() {
            of_month.push(EntryError::stock_not_counted(place.month, window));
        } else if !found.is_opened {
            of_month.push(EntryError::stock_not_counted_before(place.month));
        }
        segments.entry(place.site).or_default().push(found.segment);
    }
    for (site, segments) in segments {
        let entered = material_balances::entered_filings(&mut access.conn, site, &segments).await?;
        for (month, filings) in entered {
            let errors = entry_errors(parameters, &filings);
            hints.entry(Place { site, month }).or_default().extend(errors);
        }
        for (month, movement, at) in not_received(access, site, &segments).await? {
            let error = EntryError::not_received(movement, beijing_date(at));
            hints.entry(Place { site, month }).or_default().push(error);
        }
    }
    for errors in hints.values_mut() {
        errors.sort_by_key(|error| error.kind);
    }
    Ok(hints)
}

/// What was sent to the filer in these segments and never said to have arrived.
async fn not_received(
    access: &mut AccessAcross,
    site: SiteKey,
    segments: &[Segment],
) -> Result<Vec<(Month, MovementId, Timestamp)>, Problem> {
    let (Some(after), Some(until)) = (
        segments.iter().map(|segment| segment.after).min(),
        segments.iter().map(|segment| segment.until).max(),
    ) else {
        return Ok(Vec::new());
    };
    let buyer = site.organisation;
    let movements =
        material_balances::movements_not_received(&mut access.conn, buyer, after, until).await?;
    let placed = movements.into_iter().filter_map(|(movement, at)| {
        let of = segments.iter().find(|segment| segment.after < at && at <= segment.until)?;
        Some((of.month, movement, at))
    });
    Ok(placed.collect())
}

impl From<EntryError> for HintView {
    fn from(error: EntryError) -> Self {
        Self {
            kind: error.kind.as_str(),
            filing: error.filing.map(domain::ids::FilingId::as_uuid),
            reference: error.reference,
            line: error.line,
            sentence: SentenceView { zh: error.sentence.zh, en: error.sentence.en },
        }
    }
}
