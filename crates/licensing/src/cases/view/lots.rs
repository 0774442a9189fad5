//! The reported lots that goods come from, as officers see them: where their elements began, what
//! they hold, whether the stock exists.

use database::cases::{CitedClaim, CitedLots};
use domain::{
    application::{CitedLot, Draft, StockStanding},
    element::Element,
    ids::{LotId, OrganisationId},
    mass::ElementMasses,
    trace::{
        Attribution, Direction, Graph, Interval, Shares, attribute, origins, part_mg, separations,
    },
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use utoipa::ToSchema;
use uuid::Uuid;

/// A lot that a line of goods cites.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CitedLotView {
    /// Which.
    lot: Uuid,
    /// How much of it is to leave.
    quantity_kg: String,
    /// Whether the stock is there: `enough`, `not_enough_for_all`, `not_enough`, `not_the_exporters`.
    stock: &'static str,
    /// What it is; absent where the exporter neither made it nor was sent it.
    known: Option<KnownCitedLotView>,
}

/// What a cited lot is, and what it rests on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KnownCitedLotView {
    /// Its maker's number for it.
    number: String,
    /// Gross mass when it was made.
    quantity_kg: String,
    /// What the exporter holds of it by all that is filed; below zero when more left than came.
    stock_kg: String,
    /// What all lines of this application cite of it.
    cited_kg: String,
    /// What the exporter's other open applications cite of it.
    cited_by_exporter_kg: String,
    /// What open applications of other exporters cite of it.
    cited_by_others_kg: String,
    /// Elements in what is to leave, in milligrams.
    elements_mg: BTreeMap<&'static str, i64>,
    /// Where they began, largest share first.
    origins: Vec<OriginView>,
    /// The separations they passed, each drawn on the separation quota of its firm.
    separations: Vec<SeparationView>,
    /// What inputs do not explain, in milligrams.
    unattributed_mg: BTreeMap<&'static str, i64>,
    /// Whether every filing behind it was looked at.
    is_complete: bool,
}

/// Lots in which elements began.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginView {
    /// `mined`, `imported`, `collected`, `untold`.
    kind: &'static str,
    /// The quota they were drawn on as they came: `mining`.
    quota: Option<&'static str>,
    /// Whose they are.
    organisation: Option<Uuid>,
    /// What that is called in Chinese.
    organisation_name_zh: Option<String>,
    /// What that is called in English.
    organisation_name_en: Option<String>,
    /// How many lots.
    lots: usize,
    /// How much of the elements to leave must, likely did and can have come from there.
    share_mg: BTreeMap<&'static str, BoundsView>,
}

/// A separation that elements passed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeparationView {
    /// Who separated.
    organisation: Uuid,
    /// Where.
    site: Uuid,
    /// In which month.
    month: String,
    /// How much of the elements to leave must, likely did and can have come out of it.
    share_mg: BTreeMap<&'static str, BoundsView>,
}

/// Milligrams between bounds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BoundsView {
    /// At least.
    lower: i64,
    /// By mass share.
    best: i64,
    /// At most.
    upper: i64,
}

/// A lot's graph, worked out.
struct Traced {
    graph: Graph,
    attribution: Attribution,
}

/// The lots of each line, and whose filings the answer shows something of.
pub(crate) struct LotsOfLines {
    lines: Vec<Vec<CitedLotView>>,
    owners: BTreeSet<OrganisationId>,
}

impl LotsOfLines {
    /// Works out what the lots of an application rest on. It takes a while where traces are large.
    pub(crate) fn of(draft: &Draft, cited: &CitedLots) -> Self {
        let traced: HashMap<LotId, Traced> = cited
            .claims
            .iter()
            .map(|(lot, claim)| {
                let graph = Graph::of(*lot, claim.elements, &claim.recorded);
                // The asked lot has the first place.
                let attribution = attribute(&graph, 0, Direction::Backward);
                (*lot, Traced { graph, attribution })
            })
            .collect();
        let mut totals: BTreeMap<LotId, i64> = BTreeMap::new();
        for lot in draft.lines.iter().flat_map(|line| &line.lots) {
            let total = totals.entry(lot.lot).or_default();
            *total = total.saturating_add(lot.quantity_kg.grams_signed());
        }
        let mut owners = BTreeSet::new();
        let view = |lot: &CitedLot, owners: &mut BTreeSet<OrganisationId>| {
            let total = totals.get(&lot.lot).copied().unwrap_or_default();
            let known = cited.claims.get(&lot.lot).zip(traced.get(&lot.lot));
            let standing = StockStanding::of(
                known.map(|(claim, _)| claim.stock_grams),
                total,
                known.map_or(0, |(claim, _)| claim.cited_by_exporter_grams),
            );
            CitedLotView {
                lot: lot.lot.as_uuid(),
                quantity_kg: lot.quantity_kg.to_string(),
                stock: standing.as_str(),
                known: known.map(|(claim, traced)| {
                    let leaves = claim.elements.share(lot.quantity_kg, claim.quantity);
                    KnownCitedLotView::of(claim, traced, total, &leaves, &cited.names, owners)
                }),
            }
        };
        let lines = draft
            .lines
            .iter()
            .map(|line| line.lots.iter().map(|lot| view(lot, &mut owners)).collect())
            .collect();
        Self { lines, owners }
    }

    /// Whose filings it shows something of.
    pub(crate) const fn owners(&self) -> &BTreeSet<OrganisationId> {
        &self.owners
    }

    /// The lots of each line, in the order of the lines.
    pub(super) fn into_lines(self) -> Vec<Vec<CitedLotView>> {
        self.lines
    }
}

impl KnownCitedLotView {
    fn of(
        claim: &CitedClaim,
        traced: &Traced,
        cited_grams: i64,
        leaves: &ElementMasses,
        names: &BTreeMap<OrganisationId, (String, String)>,
        owners: &mut BTreeSet<OrganisationId>,
    ) -> Self {
        let Traced { graph, attribution } = traced;
        let origins = origins(graph, attribution, &claim.makers).into_iter().map(|origin| {
            owners.extend(origin.organisation);
            let name = origin.organisation.and_then(|organisation| names.get(&organisation));
            OriginView {
                kind: origin.kind.as_str(),
                quota: origin.kind.quota().map(domain::regime::QuotaScope::as_str),
                organisation: origin.organisation.map(OrganisationId::as_uuid),
                organisation_name_zh: name.map(|(zh, _)| zh.clone()),
                organisation_name_en: name.map(|(_, en)| en.clone()),
                lots: origin.lots,
                share_mg: bounds(&origin.shares, leaves),
            }
        });
        let origins = origins.collect();
        let separations = separations(graph, attribution).into_iter().map(|separated| {
            owners.insert(separated.organisation);
            SeparationView {
                organisation: separated.organisation.as_uuid(),
                site: separated.site.as_uuid(),
                month: separated.month.to_string(),
                share_mg: bounds(&separated.shares, leaves),
            }
        });
        let separations = separations.collect();
        let unattributed = attribution.elements().iter().map(|element| {
            (element.symbol(), part_mg(leaves.get(*element), attribution.unattributed(*element)))
        });
        Self {
            number: claim.number.clone(),
            quantity_kg: claim.quantity.to_string(),
            stock_kg: domain::mass::kilograms_of_grams(claim.stock_grams),
            cited_kg: domain::mass::kilograms_of_grams(cited_grams),
            cited_by_exporter_kg: domain::mass::kilograms_of_grams(claim.cited_by_exporter_grams),
            cited_by_others_kg: domain::mass::kilograms_of_grams(claim.cited_by_others_grams),
            elements_mg: leaves.present().map(|(element, mg)| (element.symbol(), mg)).collect(),
            origins,
            separations,
            unattributed_mg: unattributed.filter(|(_, mg)| *mg != 0).collect(),
            is_complete: claim.is_complete,
        }
    }
}

fn bounds(shares: &Shares, leaves: &ElementMasses) -> BTreeMap<&'static str, BoundsView> {
    let of = |(element, share): (&Element, &Interval)| {
        let whole = leaves.get(*element);
        let mass = BoundsView {
            lower: part_mg(whole, share.lower),
            best: part_mg(whole, share.best),
            upper: part_mg(whole, share.upper),
        };
        (element.symbol(), mass)
    };
    shares.iter().map(of).filter(|(_, mass)| mass.upper != 0).collect()
}
