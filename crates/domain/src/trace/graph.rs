//! Lots and the steps between them, put together from what filings say.

use super::Direction;
use crate::{
    calendar_month::Month,
    codes::{LineRole, Process},
    ids::{FilingId, LotId, OrganisationId, SiteId},
    mass::ElementMasses,
};
use hashbrown::HashMap;

/// How inputs are mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mixing {
    /// Once and thoroughly: each output is made of all inputs alike.
    Batch,
    /// Over time: only the totals of a period are known.
    Continuous,
}

/// A lot's part in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which lot of the graph.
    pub lot: usize,
    /// How much of it went in, or came out.
    pub elements: ElementMasses,
}

/// A place where lots became lots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How its inputs are mixed.
    pub mixing: Mixing,
    /// What went in; each lot once.
    pub inputs: Vec<Part>,
    /// What came out; each lot once.
    pub outputs: Vec<Part>,
    /// What is said to be lost.
    pub losses: ElementMasses,
}

/// Lots, by index, and the steps between them.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// What each lot holds as claimed; zero for lots that were only ever used.
    pub lots: Vec<ElementMasses>,
    /// Every step.
    pub steps: Vec<Step>,
    ids: Vec<LotId>,
    places: HashMap<LotId, usize>,
    keys: Vec<StepKey>,
    /// Per transformation, in the order they were given: its step.
    steps_of: Vec<usize>,
}

/// What makes transformations one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKey {
    /// A batch is a filing.
    Filing(FilingId),
    /// A continuous process is a site's month.
    Month(OrganisationId, SiteId, Process, Month),
}

/// A transformation as it was filed.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The filing.
    pub filing: FilingId,
    /// Who filed it.
    pub organisation: OrganisationId,
    /// Where it happened.
    pub site: SiteId,
    /// By which process.
    pub process: Process,
    /// In which month.
    pub month: Month,
    /// What went in, came out and was lost.
    pub lines: Vec<RecordedLine>,
}

/// A line of a transformation.
#[derive(Clone, Copy, Debug)]
pub struct RecordedLine {
    /// Input, output or loss.
    pub role: LineRole,
    /// The lot; losses have none.
    pub lot: Option<LotId>,
    /// Rare earths in it.
    pub elements: ElementMasses,
}

/// Everything a trace rests on.
#[derive(Clone, Debug)]
pub struct Traced {
    /// What the asked lot holds.
    pub elements: ElementMasses,
    /// The standing transformations around it, by id; the lines of each by role and lot.
    pub recorded: Vec<Recorded>,
    /// Whether that is all; otherwise the trace ends somewhere for no other reason.
    pub is_complete: bool,
}

impl Recorded {
    /// The step that it belongs to.
    pub const fn step(&self) -> StepKey {
        match self.process.mixing() {
            Mixing::Batch => StepKey::Filing(self.filing),
            Mixing::Continuous => {
                StepKey::Month(self.organisation, self.site, self.process, self.month)
            }
        }
    }
}

impl Graph {
    /// The graph of a lot and of transformations around it, each of them standing.
    pub fn of(asked: LotId, elements: ElementMasses, recorded: &[Recorded]) -> Self {
        let mut graph = Self::default();
        let place = graph.place(asked);
        let mut months: HashMap<StepKey, usize> = HashMap::new();
        graph.steps_of.reserve(recorded.len());
        for transformation in recorded {
            let key = transformation.step();
            let step = match key {
                StepKey::Filing(_) => graph.new_step(key, transformation),
                StepKey::Month(..) => {
                    *months.entry(key).or_insert_with(|| graph.new_step(key, transformation))
                }
            };
            graph.steps_of.push(step);
            for line in &transformation.lines {
                graph.add(step, line);
            }
        }
        graph.lots[place] = elements;
        for step in &mut graph.steps {
            merge(&mut step.inputs);
            merge(&mut step.outputs);
        }
        graph
    }

    /// Which lot this is.
    pub fn lot(&self, place: usize) -> LotId {
        self.ids[place]
    }

    /// What makes this step one.
    pub fn key(&self, step: usize) -> StepKey {
        self.keys[step]
    }

    /// To which step each transformation belongs, in the order they were given.
    pub fn steps_of(&self) -> &[usize] {
        &self.steps_of
    }

    /// Where a lot stands.
    pub fn place_of(&self, lot: LotId) -> Option<usize> {
        self.places.get(&lot).copied()
    }

    fn new_step(&mut self, key: StepKey, transformation: &Recorded) -> usize {
        self.keys.push(key);
        self.steps.push(Step::empty(transformation.process.mixing()));
        self.steps.len() - 1
    }

    fn add(&mut self, step: usize, line: &RecordedLine) {
        let Some(lot) = line.lot else {
            let losses = &mut self.steps[step].losses;
            *losses = losses.plus(&line.elements);
            return;
        };
        let part = Part { lot: self.place(lot), elements: line.elements };
        if line.role == LineRole::Input {
            self.steps[step].inputs.push(part);
        } else {
            self.lots[part.lot] = self.lots[part.lot].plus(&line.elements);
            self.steps[step].outputs.push(part);
        }
    }

    fn place(&mut self, lot: LotId) -> usize {
        *self.places.entry(lot).or_insert_with(|| {
            self.ids.push(lot);
            self.lots.push(ElementMasses::ZERO);
            self.ids.len() - 1
        })
    }
}

impl Step {
    const fn empty(mixing: Mixing) -> Self {
        Self { mixing, inputs: Vec::new(), outputs: Vec::new(), losses: ElementMasses::ZERO }
    }

    /// The side one comes from.
    pub fn near(&self, direction: Direction) -> &[Part] {
        match direction {
            Direction::Backward => &self.outputs,
            Direction::Forward => &self.inputs,
        }
    }

    /// The side one goes to.
    pub fn far(&self, direction: Direction) -> &[Part] {
        match direction {
            Direction::Backward => &self.inputs,
            Direction::Forward => &self.outputs,
        }
    }
}

/// Adds up the parts of a lot that stands in several lines.
fn merge(parts: &mut Vec<Part>) {
    if parts.len() < 2 {
        return;
    }
    parts.sort_unstable_by_key(|part| part.lot);
    parts.dedup_by(|next, kept| {
        let same = next.lot == kept.lot;
        if same {
            kept.elements = kept.elements.plus(&next.elements);
        }
        same
    });
}
