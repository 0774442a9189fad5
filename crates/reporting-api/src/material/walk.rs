//! From site to site and month to month, as far as a page goes.

use crate::{paging::Page, reading::AccessAcross};
use database::material_balances::{self, BalancedSite, Horizon, SiteFilter, SiteKey, SummedMonth};
use domain::{
    balance::{MonthBook, Segment, SegmentSums, books},
    calendar_month::Month,
    ids::OrganisationId,
};
use jiff::Timestamp;
use rules::{Parameters, measurement_class, stocktake_window_days};
use serde::{Deserialize, Serialize};
use service::problem::Problem;
use std::collections::BTreeSet;

/// Sites that are summed up at once.
const SITES_AT_ONCE: u16 = 25;
/// How often more sites are looked at for one page: a filter may pass over many.
const ROUNDS: usize = 8;

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) organisation: Option<OrganisationId>,
    pub(super) site: Option<String>,
    pub(super) from: Month,
    pub(super) until: Month,
    pub(super) now: Timestamp,
}

/// A place in the list: by organisation, site and month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) site: SiteKey,
    pub(super) month: Month,
}

/// A month of a site with its books.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) segment: Segment,
    pub(super) computed_at: Timestamp,
    pub(super) book: MonthBook,
}

/// A page's entries.
pub(super) struct Walked<E> {
    pub(super) entries: Vec<(Place, E)>,
    /// Whose sites were looked at, whatever came of it.
    pub(super) owners: BTreeSet<OrganisationId>,
    /// Where the list goes on.
    pub(super) next: Option<String>,
}

/// Walks on from where the last page ended. `judge` sees all months of a site, from its first one,
/// and answers those that are wanted.
pub(super) async fn walk<E>(
    access: &mut AccessAcross,
    asked: &Asked,
    page: &Page<'_, Place>,
    parameters: &Parameters,
    judge: impl Fn(&BalancedSite, &[Told]) -> Vec<(Month, E)>,
) -> Result<Walked<E>, Problem> {
    let horizon = Horizon {
        until: asked.until,
        window_days: stocktake_window_days(parameters),
        now: asked.now,
    };
    let class = measurement_class(parameters);
    let mut filter = SiteFilter {
        organisation: asked.organisation,
        code: asked.site.clone(),
        from: page.after.map(|after| after.site),
        after: None,
    };
    let mut walked = Walked { entries: Vec::new(), owners: BTreeSet::new(), next: None };
    for _ in 0..ROUNDS {
        let sites =
            material_balances::list_sites(&mut access.conn, access.filer, &filter, SITES_AT_ONCE)
                .await?;
        let keys: Vec<SiteKey> = sites.iter().map(|site| site.key).collect();
        let mut summed =
            material_balances::summed(&mut access.conn, access.filer, &keys, &horizon).await?;
        for site in &sites {
            walked.owners.insert(site.key.organisation);
            let months = told(summed.remove(&site.key).unwrap_or_default(), &class);
            for (month, entry) in judge(site, &months) {
                let place = Place { site: site.key, month };
                let is_wanted = asked.from <= month && month <= asked.until;
                if !is_wanted || page.after.is_some_and(|after| place <= after) {
                    continue;
                }
                if walked.entries.len() == usize::from(page.limit) {
                    walked.next = walked.entries.last().map(|(place, _)| page.sealed(place));
                    return Ok(walked);
                }
                walked.entries.push((place, entry));
            }
        }
        let Some(last) = keys.last().filter(|_| keys.len() == usize::from(SITES_AT_ONCE)) else {
            return Ok(walked);
        };
        filter = SiteFilter { from: None, after: Some(*last), ..filter };
    }
    // Everything of the last site was looked at.
    let last = filter.after.map(|site| Place { site, month: asked.until });
    walked.next = last.map(|place| page.sealed(&place));
    Ok(walked)
}

/// A site's months with their books. The one before anything was filed is told only if it was
/// counted at its end.
fn told(months: Vec<SummedMonth>, class: &domain::metrology::Metrology) -> Vec<Told> {
    let computed: Vec<Timestamp> = months.iter().map(|month| month.computed_at).collect();
    let sums: Vec<(Segment, SegmentSums)> =
        months.into_iter().map(|month| (month.segment, month.sums)).collect();
    let books = books(&sums, class);
    let told = sums.iter().zip(computed).zip(books).enumerate();
    told.filter(|(at, ((month, _), _))| 0 < *at || month.0.counted_from.is_some())
        .map(|(_, (((segment, _), computed_at), book))| Told {
            segment: *segment,
            computed_at,
            book,
        })
        .collect()
}
