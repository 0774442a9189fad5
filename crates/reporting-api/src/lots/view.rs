//! A trace as it is answered.

use super::page::{Page, Reader, Trace};
use crate::filings::view::elements_mg;
use database::trace::{KnownLot, LotMovement};
use domain::{
    codes::Process,
    element::Element,
    ids::OrganisationId,
    trace::{Interval, Mixing, StepKey},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use utoipa::ToSchema;
use uuid::Uuid;

/// A lot's graph, or a page of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TraceView {
    /// The lot that was asked about.
    pub lot: Uuid,
    /// `backward` or `forward`.
    pub direction: String,
    /// As of when, if a date was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// What the lot holds, in milligrams: all other masses are parts of these.
    pub elements_mg: BTreeMap<String, i64>,
    /// How many lots the whole trace has.
    pub lots_reached: usize,
    /// Whether everything was followed; otherwise there was too much, and some ends are none.
    pub is_complete: bool,
    /// What inputs do not explain (backward), or outputs and losses do not (forward).
    pub unattributed_mg: BTreeMap<&'static str, i64>,
    /// Forward: what was stated as lost.
    pub lost_mg: BTreeMap<&'static str, i64>,
    /// What was still going round in a circle when it was cut.
    pub remainder_mg: BTreeMap<&'static str, i64>,
    /// Lots, nearest first; the asked lot leads the first page.
    pub nodes: Vec<NodeView>,
    /// The steps that these lots take part in.
    pub steps: Vec<StepView>,
    /// Where the trace goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A lot of the graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeView {
    /// The lot's id; for a lot that is not yours to know, one that only your traces use.
    pub id: Uuid,
    /// How many steps away.
    pub distance: u32,
    /// How much of the asked lot passed through it.
    pub share_mg: BTreeMap<&'static str, IntervalView>,
    /// How much of it ends here, at best: made from nothing told of, or not worked on any further.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ends_mg: BTreeMap<&'static str, i64>,
    /// Ids of the steps it came out of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made_in: Vec<String>,
    /// Ids of the steps it went into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub used_in: Vec<String>,
    /// What is known of it, if it is yours to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownLotView>,
    /// Its movements, as far as you sent or received them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub movements: Vec<LotMovementView>,
}

/// A mass between bounds, in milligrams.
#[derive(Debug, Serialize, ToSchema)]
pub struct IntervalView {
    /// At least: what cannot have come from elsewhere.
    pub lower: i64,
    /// By mass share.
    pub best: i64,
    /// At most: all there was.
    pub upper: i64,
}

/// A lot in full.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnownLotView {
    /// Its maker's number for it.
    pub number: String,
    /// What kind of goods.
    pub category: String,
    /// Its grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Gross mass when it was made.
    pub quantity_kg: String,
    /// When it was made.
    pub happened_at: String,
    /// Who made it, if that is you or whoever sold it to you.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker: Option<PartyView>,
    /// The code of the site where it was made, if that is yours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The kind of filing that made it, if that is yours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// An organisation that one dealt with.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartyView {
    /// Its id.
    pub id: Uuid,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
}

/// A lot on its way from one organisation to another.
#[derive(Debug, Serialize, ToSchema)]
pub struct LotMovementView {
    /// The movement.
    pub movement: Uuid,
    /// Who sent it.
    pub seller: PartyView,
    /// Who it was sent to.
    pub buyer: PartyView,
    /// When it left.
    pub dispatched_at: String,
    /// When it arrived; absent while no receipt was filed, or as far as you may know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_at: Option<String>,
    /// How much of the lot.
    pub quantity_kg: String,
}

/// A step in which lots became lots. What is not yours to know is left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepView {
    /// The filing, for a batch of yours; otherwise an id that only your traces use.
    pub id: String,
    /// Who filed it, its process, and so on, if it is yours to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownStepView>,
}

/// A step in full.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnownStepView {
    /// Who filed it.
    pub organisation: Uuid,
    /// Where it happened.
    pub site: Uuid,
    /// By which process.
    pub process: String,
    /// In which month.
    pub month: String,
    /// `batch`: inputs were mixed through; `continuous`: only the month's totals are known.
    pub mixing: String,
    /// The filings that tell of it.
    pub filings: Vec<Uuid>,
}

/// Filings behind one step.
struct Behind {
    organisation: OrganisationId,
    site: Uuid,
    process: Process,
    month: String,
    filings: Vec<Uuid>,
}

impl TraceView {
    /// A page of a trace for a reader.
    pub fn of(
        trace: &Trace<'_>,
        reader: &Reader<'_>,
        page: Page,
        as_of: Option<String>,
        next: Option<String>,
    ) -> Self {
        let attribution = trace.attribution;
        let each = |share: &dyn Fn(Element) -> f64| {
            let masses = attribution.elements().iter().map(|element| {
                (element.symbol(), part(trace.traced.elements.get(*element), share(*element)))
            });
            masses.filter(|(_, mass)| *mass != 0).collect()
        };
        let steps = Steps::of(trace, reader, &page);
        let Page { lots, mut known, mut movements, .. } = page;
        let nodes = lots
            .into_iter()
            .map(|(place, distance)| {
                let lot = trace.graph.lot(place);
                let known = known.remove(&lot);
                let id = match &known {
                    Some(_) => lot.as_uuid(),
                    None => reader.pseudonym_of_lot(lot),
                };
                let (made_in, used_in) = steps.of_lot(place);
                NodeView {
                    id,
                    distance,
                    share_mg: shares(trace, place),
                    ends_mg: each(&|element| attribution.end(place, element)),
                    made_in,
                    used_in,
                    known: known.map(|known| KnownLotView::of(known, reader)),
                    movements: movements
                        .remove(&lot)
                        .unwrap_or_default()
                        .into_iter()
                        .map(LotMovementView::from)
                        .collect(),
                }
            })
            .collect();
        Self {
            lot: trace.lot.as_uuid(),
            direction: trace.direction.as_str().to_owned(),
            as_of,
            elements_mg: elements_mg(&trace.traced.elements),
            lots_reached: attribution.reached().len(),
            is_complete: trace.traced.is_complete,
            unattributed_mg: each(&|element| attribution.unattributed(element)),
            lost_mg: each(&|element| attribution.lost(element)),
            remainder_mg: each(&|element| attribution.remainder(element)),
            nodes,
            steps: steps.views,
            next,
        }
    }
}

fn shares(trace: &Trace<'_>, place: usize) -> BTreeMap<&'static str, IntervalView> {
    let attribution = trace.attribution;
    let of = |element: &Element| {
        let Interval { lower, best, upper } = attribution.share(place, *element);
        let whole = trace.traced.elements.get(*element);
        let mass = IntervalView {
            lower: part(whole, lower),
            best: part(whole, best),
            upper: part(whole, upper),
        };
        (element.symbol(), mass)
    };
    attribution.elements().iter().map(of).filter(|(_, mass)| mass.upper != 0).collect()
}

/// A share of a mass, to the milligram.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a share of a mass is no larger than the mass, and no finer than a measure"
)]
fn part(whole: i64, share: f64) -> i64 {
    (whole as f64 * share).round() as i64
}

/// Steps around the lots of a page.
struct Steps {
    views: Vec<StepView>,
    /// Per lot of the page: ids of steps it came out of and went into.
    around: HashMap<usize, (Vec<String>, Vec<String>)>,
}

impl Steps {
    fn of(trace: &Trace<'_>, reader: &Reader<'_>, page: &Page) -> Self {
        let on_page: BTreeSet<usize> = page.lots.iter().map(|(place, _)| *place).collect();
        let is_reached = |step: &domain::trace::Step| {
            let near = step.near(trace.direction);
            let far = step.far(trace.direction);
            near.iter().chain(far).any(|part| on_page.contains(&part.lot))
        };
        let mut behind = behind(trace);
        let mut steps = Self { views: Vec::new(), around: HashMap::new() };
        for (place, step) in trace.graph.steps.iter().enumerate() {
            let key = trace.graph.key(place);
            let Some(behind) = is_reached(step).then(|| behind.remove(&key)).flatten() else {
                continue;
            };
            let id = reader.step_id(key, behind.organisation);
            let (made, used) = (step.outputs.iter(), step.inputs.iter());
            for part in made.filter(|part| on_page.contains(&part.lot)) {
                steps.around.entry(part.lot).or_default().0.push(id.clone());
            }
            for part in used.filter(|part| on_page.contains(&part.lot)) {
                steps.around.entry(part.lot).or_default().1.push(id.clone());
            }
            let known =
                reader.knows(behind.organisation).then(|| KnownStepView::of(behind, step.mixing));
            steps.views.push(StepView { id, known });
        }
        steps
    }

    fn of_lot(&self, place: usize) -> (Vec<String>, Vec<String>) {
        self.around.get(&place).cloned().unwrap_or_default()
    }
}

/// The filings behind each step.
fn behind(trace: &Trace<'_>) -> HashMap<StepKey, Behind> {
    let mut steps: HashMap<StepKey, Behind> = HashMap::new();
    for recorded in &trace.traced.recorded {
        let behind = steps.entry(recorded.step()).or_insert_with(|| Behind {
            organisation: recorded.organisation,
            site: recorded.site.as_uuid(),
            process: recorded.process,
            month: recorded.month.to_string(),
            filings: Vec::new(),
        });
        behind.filings.push(recorded.filing.as_uuid());
    }
    steps
}

impl KnownStepView {
    fn of(behind: Behind, mixing: Mixing) -> Self {
        Self {
            organisation: behind.organisation.as_uuid(),
            site: behind.site,
            process: behind.process.to_string(),
            month: behind.month,
            mixing: match mixing {
                Mixing::Batch => "batch".to_owned(),
                Mixing::Continuous => "continuous".to_owned(),
            },
            filings: behind.filings,
        }
    }
}

impl KnownLotView {
    /// Whoever was sent a lot may not learn from whom its seller had it.
    fn of(lot: KnownLot, reader: &Reader<'_>) -> Self {
        let (maker, name_zh, name_en) = lot.maker;
        let is_ours = reader.knows(maker);
        let dealt_with = is_ours || lot.seller == Some(maker);
        Self {
            number: lot.number,
            category: lot.category,
            grade: lot.grade,
            quantity_kg: lot.quantity.to_string(),
            happened_at: lot.happened_at.to_string(),
            maker: dealt_with.then(|| PartyView { id: maker.as_uuid(), name_zh, name_en }),
            site: lot.site.filter(|_| is_ours),
            made_by: lot.made_by.filter(|_| is_ours),
        }
    }
}

impl From<LotMovement> for LotMovementView {
    fn from(movement: LotMovement) -> Self {
        let party = |(id, name_zh, name_en): (OrganisationId, String, String)| PartyView {
            id: id.as_uuid(),
            name_zh,
            name_en,
        };
        Self {
            movement: movement.movement.as_uuid(),
            seller: party(movement.seller),
            buyer: party(movement.buyer),
            dispatched_at: movement.dispatched_at.to_string(),
            received_at: movement.received_at.map(|at| at.to_string()),
            quantity_kg: movement.quantity.to_string(),
        }
    }
}
