//! A trace as it is answered.

use super::page::{Page, Reader, Trace};
use crate::filings::view::elements_mg;
use database::trace::{KnownLot, LotMovement};
use domain::{
    calendar_month::Month,
    codes::{FilingKind, Process},
    ids::{FilingId, OrganisationId, SiteId},
    mass::Kilograms,
    trace::{Interval, Mixing, part_mg},
};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;
use uuid::Uuid;

/// What one lot takes in an answer, nearly; an answer that grows is copied.
const LOT_BYTES: usize = 1_200;

/// A lot's graph, or a page of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TraceView {
    /// The lot that was asked about.
    pub lot: Uuid,
    /// `backward` or `forward`.
    #[schema(value_type = String)]
    pub direction: &'static str,
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
    #[schema(value_type = BTreeMap<String, i64>)]
    pub unattributed_mg: ByElement<i64>,
    /// Forward: what was stated as lost.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub lost_mg: ByElement<i64>,
    /// What was still going round in a circle when it was cut.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub remainder_mg: ByElement<i64>,
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
    #[schema(value_type = BTreeMap<String, IntervalView>)]
    pub share_mg: ByElement<IntervalView>,
    /// How much of it ends here, at best: made from nothing told of, or not worked on any further.
    #[serde(skip_serializing_if = "ByElement::is_empty")]
    #[schema(value_type = BTreeMap<String, i64>, required = false)]
    pub ends_mg: ByElement<i64>,
    /// Ids of the steps it came out of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    pub made_in: Vec<Uuid>,
    /// Ids of the steps it went into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    pub used_in: Vec<Uuid>,
    /// What is known of it, if it is yours to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownLotView>,
    /// Its movements, as far as you sent or received them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub movements: Vec<LotMovementView>,
}

/// Something of each element, by symbol in alphabetical order: what is nothing is left out.
#[derive(Debug)]
pub struct ByElement<T>(Vec<(&'static str, T)>);

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
    #[serde(serialize_with = "text")]
    #[schema(value_type = String)]
    pub category: Arc<str>,
    /// Its grade.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_text")]
    #[schema(value_type = Option<String>)]
    pub grade: Option<Arc<str>>,
    /// Gross mass when it was made.
    #[serde(serialize_with = "shown")]
    #[schema(value_type = String)]
    pub quantity_kg: Kilograms,
    /// When it was made.
    #[serde(serialize_with = "shown")]
    #[schema(value_type = String)]
    pub happened_at: Timestamp,
    /// Who made it, if that is you or whoever sold it to you.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker: Option<PartyView>,
    /// The code of the site where it was made, if that is yours.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_text")]
    #[schema(value_type = Option<String>)]
    pub site: Option<Arc<str>>,
    /// The kind of filing that made it, if that is yours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub made_by: Option<FilingKind>,
}

/// An organisation that one dealt with.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartyView {
    /// Its id.
    pub id: Uuid,
    /// Its name in Chinese.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String)]
    pub name_zh: Arc<str>,
    /// Its name in English.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String)]
    pub name_en: Arc<str>,
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
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Who filed it, its process, and so on, if it is yours to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownStepView>,
}

/// A step in full.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnownStepView {
    /// Who filed it.
    #[schema(value_type = Uuid)]
    pub organisation: OrganisationId,
    /// Where it happened.
    #[schema(value_type = Uuid)]
    pub site: SiteId,
    /// By which process.
    #[schema(value_type = String)]
    pub process: Process,
    /// In which month.
    #[serde(serialize_with = "shown")]
    #[schema(value_type = String)]
    pub month: Month,
    /// `batch`: inputs were mixed through; `continuous`: only the month's totals are known.
    #[schema(value_type = String)]
    pub mixing: &'static str,
    /// The filings that tell of it.
    #[schema(value_type = Vec<Uuid>)]
    pub filings: Vec<FilingId>,
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
        let (attribution, columns) = (trace.attribution, Columns::of(trace));
        let mut steps = Steps::of(trace, reader, &page);
        let Page { lots, known, mut movements, .. } = page;
        let lots = lots.into_iter().zip(known).enumerate();
        let nodes = lots.map(|(at, ((place, distance), known))| {
            let lot = trace.graph.lot(place);
            let id = match &known {
                Some(_) => lot.as_uuid(),
                None => reader.pseudonym_of_lot(lot),
            };
            let moved = movements.remove(&lot).unwrap_or_default();
            let (made_in, used_in) = std::mem::take(&mut steps.around[at]);
            NodeView {
                id,
                distance,
                share_mg: columns.intervals(attribution.shares(place)),
                ends_mg: columns.parts(attribution.ends(place)),
                made_in,
                used_in,
                known: known.map(|known| KnownLotView::of(known, reader)),
                movements: moved.into_iter().map(LotMovementView::from).collect(),
            }
        });
        let nodes = nodes.collect();
        let elements = attribution.elements().iter();
        let whole = |share: &dyn Fn(_) -> f64| -> Vec<f64> {
            elements.clone().map(|element| share(*element)).collect()
        };
        Self {
            lot: trace.lot.as_uuid(),
            direction: trace.direction.as_str(),
            as_of,
            elements_mg: elements_mg(&trace.traced.elements),
            lots_reached: attribution.reached().len(),
            is_complete: trace.traced.is_complete,
            unattributed_mg: columns.parts(&whole(&|element| attribution.unattributed(element))),
            lost_mg: columns.parts(&whole(&|element| attribution.lost(element))),
            remainder_mg: columns.parts(&whole(&|element| attribution.remainder(element))),
            nodes,
            steps: steps.views,
            next,
        }
    }

    /// The answer as it leaves.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = Vec::with_capacity((self.nodes.len() + 1) * LOT_BYTES);
        serde_json::to_writer(&mut json, self)?;
        Ok(json)
    }
}

/// The elements of the asked lot by symbol: where each stands in a row of shares, and its mass.
struct Columns(Vec<(&'static str, usize, i64)>);

impl Columns {
    fn of(trace: &Trace<'_>) -> Self {
        let elements = trace.attribution.elements().iter().enumerate();
        let mut columns: Vec<_> = elements
            .map(|(column, element)| {
                (element.symbol(), column, trace.traced.elements.get(*element))
            })
            .collect();
        columns.sort_unstable();
        Self(columns)
    }

    fn parts(&self, shares: &[f64]) -> ByElement<i64> {
        let masses = self
            .0
            .iter()
            .map(|(symbol, column, whole)| (*symbol, part_mg(*whole, shares[*column])));
        ByElement(masses.filter(|(_, mass)| *mass != 0).collect())
    }

    fn intervals(&self, shares: &[Interval]) -> ByElement<IntervalView> {
        let masses = self.0.iter().map(|(symbol, column, whole)| {
            let Interval { lower, best, upper } = shares[*column];
            let (lower, best) = (part_mg(*whole, lower), part_mg(*whole, best));
            (*symbol, IntervalView { lower, best, upper: part_mg(*whole, upper) })
        });
        ByElement(masses.filter(|(_, mass)| mass.upper != 0).collect())
    }
}

impl<T> ByElement<T> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for ByElement<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(symbol, value)| (symbol, value)))
    }
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

#[expect(clippy::ref_option, reason = "serde hands in the field as it is")]
fn some_text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

fn shown<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Steps around the lots of a page.
struct Steps {
    views: Vec<StepView>,
    /// Per lot of the page: ids of steps it came out of and went into.
    around: Vec<(Vec<Uuid>, Vec<Uuid>)>,
}

/// Stands where a lot or step is not on the page.
const ABSENT: usize = usize::MAX;

impl Steps {
    fn of(trace: &Trace<'_>, reader: &Reader<'_>, page: &Page) -> Self {
        let graph = trace.graph;
        let mut on_page = vec![ABSENT; graph.lots.len()];
        for (at, (place, _)) in page.lots.iter().enumerate() {
            on_page[*place] = at;
        }
        let mut steps =
            Self { views: Vec::new(), around: vec![Default::default(); page.lots.len()] };
        let mut shown = vec![ABSENT; graph.steps.len()];
        for (recorded, step) in trace.traced.recorded.iter().zip(graph.steps_of()) {
            let parts = &graph.steps[*step];
            if shown[*step] == ABSENT {
                let mut all = parts.inputs.iter().chain(&parts.outputs);
                if !all.any(|part| on_page[part.lot] != ABSENT) {
                    continue;
                }
                shown[*step] = steps.views.len();
                let id = reader.step_id(graph.key(*step), recorded.organisation);
                for part in parts.outputs.iter().filter(|part| on_page[part.lot] != ABSENT) {
                    steps.around[on_page[part.lot]].0.push(id);
                }
                for part in parts.inputs.iter().filter(|part| on_page[part.lot] != ABSENT) {
                    steps.around[on_page[part.lot]].1.push(id);
                }
                let knows = reader.knows(recorded.organisation);
                let known = knows.then(|| KnownStepView {
                    organisation: recorded.organisation,
                    site: recorded.site,
                    process: recorded.process,
                    month: recorded.month,
                    mixing: match parts.mixing {
                        Mixing::Batch => "batch",
                        Mixing::Continuous => "continuous",
                    },
                    filings: Vec::with_capacity(1),
                });
                steps.views.push(StepView { id, known });
            }
            if let Some(known) = &mut steps.views[shown[*step]].known {
                known.filings.push(recorded.filing);
            }
        }
        steps
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
            quantity_kg: lot.quantity,
            happened_at: lot.happened_at,
            maker: dealt_with.then(|| PartyView { id: maker.as_uuid(), name_zh, name_en }),
            site: lot.site.filter(|_| is_ours),
            made_by: lot.made_by.filter(|_| is_ours),
        }
    }
}

impl From<LotMovement> for LotMovementView {
    fn from(movement: LotMovement) -> Self {
        let party = |(id, zh, en): (OrganisationId, String, String)| PartyView {
            id: id.as_uuid(),
            name_zh: zh.into(),
            name_en: en.into(),
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
