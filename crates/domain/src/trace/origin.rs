//! Where the elements of a lot began, as far as filings tell, and which quota they were drawn on.
//!
//! Two quotas are drawn on: mining by what is extracted, separation by what is separated, whether
//! its ore is domestic, imported or a by-product (order 71). So a lot's elements are followed to the
//! lots that were made from nothing that is told of, and past every separation on the way. Bounds
//! add up to bounds; a share is never more than one.

use super::{Attribution, Direction, Graph, Interval, StepKey};
use crate::{
    calendar_month::Month,
    codes::{FilingKind, Process, words},
    element::Element,
    ids::{LotId, OrganisationId, SiteId},
    regime::QuotaScope,
};
use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasher,
};

words! {
    /// How elements came into what is told.
    OriginKind {
        /// They were mined: drawn on the mining quota.
        Mined = "mined",
        /// They came from abroad.
        Imported = "imported",
        /// They were collected from those who do not file, such as scrap.
        Collected = "collected",
        /// A lot that nobody said was made from anything.
        Untold = "untold",
    }
}

impl OriginKind {
    /// By the kind of filing that made a lot.
    pub const fn of(made_by: Option<FilingKind>) -> Self {
        match made_by {
            Some(FilingKind::Extraction) => Self::Mined,
            Some(FilingKind::Import) => Self::Imported,
            Some(FilingKind::Receipt) => Self::Collected,
            _ => Self::Untold,
        }
    }

    /// The quota that they were drawn on as they came.
    pub const fn quota(self) -> Option<QuotaScope> {
        match self {
            Self::Mined => Some(QuotaScope::Mining),
            Self::Imported | Self::Collected | Self::Untold => None,
        }
    }
}

/// Who made a lot, and by what kind of filing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maker {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What made it, when that is known.
    pub made_by: Option<FilingKind>,
}

/// Shares of the asked lot's elements; those of nothing are left out.
pub type Shares = BTreeMap<Element, Interval>;

/// All lots of one organisation in which elements began alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// How they came.
    pub kind: OriginKind,
    /// Whose lots they are; unknown where no claim was found.
    pub organisation: Option<OrganisationId>,
    /// How many lots.
    pub lots: usize,
    /// What of the asked lot came from them.
    pub shares: Shares,
}

/// A separation that elements passed: drawn on the separation quota.
#[derive(Clone, Debug, PartialEq)]
pub struct Separated {
    /// Who separated.
    pub organisation: OrganisationId,
    /// Where.
    pub site: SiteId,
    /// In which month; only its totals are known.
    pub month: Month,
    /// What of the asked lot came out of it.
    pub shares: Shares,
}

/// Where the elements of a lot began, largest share first. `attribution` looks backward.
pub fn origins<S: BuildHasher>(
    graph: &Graph,
    attribution: &Attribution,
    makers: &HashMap<LotId, Maker, S>,
) -> Vec<Origin> {
    let mut found: BTreeMap<(OriginKind, Option<OrganisationId>), Origin> = BTreeMap::new();
    for (place, _) in attribution.reached() {
        let maker = makers.get(&graph.lot(*place));
        let began = |element: &Element| {
            let best = attribution.end(*place, *element);
            let passed = attribution.share(*place, *element);
            // Of a lot that something is told of, only what that does not explain began here.
            let lower = if maker.is_some() { passed.lower.min(best) } else { 0.0 };
            let upper = passed.upper.max(best);
            (0.0 < best).then_some((*element, Interval { lower, best, upper }))
        };
        let shares: Shares = attribution.elements().iter().filter_map(began).collect();
        if shares.is_empty() {
            continue;
        }
        let kind = OriginKind::of(maker.and_then(|maker| maker.made_by));
        let organisation = maker.map(|maker| maker.organisation);
        let origin = found.entry((kind, organisation)).or_insert_with(|| Origin {
            kind,
            organisation,
            lots: 0,
            shares: Shares::new(),
        });
        origin.lots += 1;
        add(&mut origin.shares, shares);
    }
    let mut origins: Vec<Origin> = found.into_values().collect();
    origins.sort_by(|one, other| total(&other.shares).total_cmp(&total(&one.shares)));
    origins
}

/// The separations that the elements of a lot passed, by site and month. What was separated twice
/// counts in both.
pub fn separations(graph: &Graph, attribution: &Attribution) -> Vec<Separated> {
    let mut found = Vec::new();
    for (place, step) in graph.steps.iter().enumerate() {
        let StepKey::Month(organisation, site, Process::Separation, month) = graph.key(place)
        else {
            continue;
        };
        let mut shares = Shares::new();
        for part in step.near(Direction::Backward) {
            let each = attribution.elements().iter().map(|element| {
                let made = part.elements.get(*element);
                let whole = graph.lots[part.lot].get(*element).max(made);
                (*element, scaled(attribution.share(part.lot, *element), made, whole))
            });
            add(&mut shares, each.filter(|(_, share)| 0.0 < share.upper).collect());
        }
        if !shares.is_empty() {
            found.push(Separated { organisation, site, month, shares });
        }
    }
    found.sort_by(|one, other| total(&other.shares).total_cmp(&total(&one.shares)));
    found
}

/// The part of a lot that a step made: all of it but where several filings made one lot.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn scaled(share: Interval, made: i64, whole: i64) -> Interval {
    if whole <= 0 {
        return Interval::default();
    }
    let of = made as f64 / whole as f64;
    Interval { lower: share.lower * of, best: share.best * of, upper: share.upper * of }
}

fn add(to: &mut Shares, shares: Shares) {
    for (element, share) in shares {
        let sum = to.entry(element).or_default();
        sum.best = (sum.best + share.best).min(1.0);
        sum.lower = (sum.lower + share.lower).min(sum.best);
        sum.upper = (sum.upper + share.upper).clamp(sum.best, 1.0);
    }
}

fn total(shares: &Shares) -> f64 {
    shares.values().map(|share| share.best).sum()
}
