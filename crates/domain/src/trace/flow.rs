//! Carrying shares from lot to step to lot.

use super::{
    Attribution, Direction, Graph, Interval, Mixing, Part, Step,
    order::{Incidence, Node, Order},
};
use crate::element::Element;

/// Shares smaller than this that still go round in a circle are left as the remainder.
pub const NEGLIGIBLE: f64 = 1e-9;
/// How often what goes round in a circle is carried on.
pub const ROUNDS: usize = 256;
/// How often at most only upper bounds are still carried on.
const UPPER_ROUNDS: usize = 32;
/// Beyond any share: where upper bounds grow in a circle they stop here, and count as one.
const SATURATED: f64 = 1e6;

/// What arrives at a place, per element: bounds and best share.
#[derive(Clone, Copy, Default)]
struct Carried {
    lower: f64,
    best: f64,
    upper: f64,
}

/// Spreads the elements of one lot over the graph.
pub fn attribute(graph: &Graph, asked: usize, direction: Direction) -> Attribution {
    let elements: Vec<Element> = graph.lots[asked].present().map(|(element, _)| element).collect();
    let incidence = Incidence::of(graph, direction);
    let order = Order::from(graph, &incidence, asked, direction);
    let mut walk = Walk::new(graph, &incidence, direction, &elements, order.has_circles);
    walk.arriving.row_mut(asked).fill(Carried { lower: 1.0, best: 1.0, upper: 1.0 });
    walk.lots_waiting[asked] = true;
    for round in 1..=ROUNDS {
        for node in &order.nodes {
            match *node {
                Node::Lot(lot) => walk.pass_lot(lot),
                Node::Step(step) => walk.pass_step(step),
            }
        }
        let (best, upper) = walk.under_way();
        if best <= NEGLIGIBLE && (upper <= NEGLIGIBLE || UPPER_ROUNDS <= round) {
            break;
        }
    }
    walk.finish(&order)
}

/// Rows of one value per element.
struct Table<T> {
    width: usize,
    cells: Vec<T>,
}

impl<T: Copy + Default> Table<T> {
    fn new(rows: usize, width: usize) -> Self {
        Self { width, cells: vec![T::default(); rows * width] }
    }

    fn row(&self, row: usize) -> &[T] {
        &self.cells[row * self.width..(row + 1) * self.width]
    }

    fn row_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.cells[row * self.width..(row + 1) * self.width]
    }
}

struct Walk<'a> {
    graph: &'a Graph,
    incidence: &'a Incidence,
    direction: Direction,
    elements: &'a [Element],
    has_circles: bool,
    /// Per lot: what waits to be passed on.
    arriving: Table<Carried>,
    lots_waiting: Vec<bool>,
    /// Per near part of each step, those of step `s` from `first_part[s]` on: the same.
    entering: Table<Carried>,
    first_part: Vec<usize>,
    steps_waiting: Vec<bool>,
    /// Per lot: what has passed.
    passed: Table<Carried>,
    ends: Table<f64>,
    unattributed: Vec<f64>,
    lost: Vec<f64>,
}

impl<'a> Walk<'a> {
    fn new(
        graph: &'a Graph,
        incidence: &'a Incidence,
        direction: Direction,
        elements: &'a [Element],
        has_circles: bool,
    ) -> Self {
        let (lots, width) = (graph.lots.len(), elements.len());
        let mut first_part = Vec::with_capacity(graph.steps.len() + 1);
        let mut parts = 0;
        for step in &graph.steps {
            first_part.push(parts);
            parts += step.near(direction).len();
        }
        Self {
            graph,
            incidence,
            direction,
            elements,
            has_circles,
            arriving: Table::new(lots, width),
            lots_waiting: vec![false; lots],
            entering: Table::new(parts, width),
            first_part,
            steps_waiting: vec![false; graph.steps.len()],
            passed: Table::new(lots, width),
            ends: Table::new(lots, width),
            unattributed: vec![0.0; width],
            lost: vec![0.0; width],
        }
    }

    /// Hands what arrived at a lot to the steps it has a part in; what none takes ends here.
    fn pass_lot(&mut self, lot: usize) {
        if !std::mem::take(&mut self.lots_waiting[lot]) {
            return;
        }
        let places = self.incidence.of_lot(lot);
        for (column, element) in self.elements.iter().enumerate() {
            let mut carried = std::mem::take(&mut self.arriving.row_mut(lot)[column]);
            let cap = if self.has_circles { SATURATED } else { 1.0 };
            carried.upper = carried.upper.min(cap);
            self.passed.row_mut(lot)[column].add(carried);
            let part = |(step, place): (usize, usize)| {
                real(self.graph.steps[step].near(self.direction)[place].elements.get(*element))
            };
            let told: f64 = places.iter().map(|at| part(*at)).sum();
            let whole = match self.direction {
                // All of a lot was made somewhere.
                Direction::Backward => told,
                // Not all of it need be used, and more may have been than there was.
                Direction::Forward => told.max(real(self.graph.lots[lot].get(*element))),
            };
            if told <= 0.0 {
                self.ends.row_mut(lot)[column] += carried.best;
                continue;
            }
            for (step, place) in places.iter().copied() {
                let taken = carried.times(part((step, place)) / whole);
                self.entering.row_mut(self.first_part[step] + place)[column].add(taken);
                self.steps_waiting[step] = true;
            }
            self.ends.row_mut(lot)[column] += carried.best * (1.0 - told / whole);
        }
    }

    /// Hands what entered a step on one side to the lots on the other.
    fn pass_step(&mut self, place: usize) {
        if !std::mem::take(&mut self.steps_waiting[place]) {
            return;
        }
        let step = &self.graph.steps[place];
        let near = step.near(self.direction);
        let first = self.first_part[place];
        for (column, element) in self.elements.iter().enumerate() {
            let mut entered: Vec<(f64, Carried)> = Vec::with_capacity(near.len());
            for (at, part) in near.iter().enumerate() {
                let carried = std::mem::take(&mut self.entering.row_mut(first + at)[column]);
                if 0.0 < carried.upper {
                    entered.push((real(part.elements.get(*element)), carried));
                }
            }
            if entered.is_empty() {
                continue;
            }
            let Totals { whole, losses } = Totals::of(step, *element);
            let best: f64 = entered.iter().map(|(_, carried)| carried.best).sum();
            let mut told = 0.0;
            let spread = Spread::new(step.mixing, whole, entered);
            for part in step.far(self.direction) {
                let mass = real(part.elements.get(*element));
                if 0.0 < mass {
                    told += mass;
                    self.arriving.row_mut(part.lot)[column].add(spread.to(mass));
                    self.lots_waiting[part.lot] = true;
                }
            }
            if self.direction == Direction::Forward {
                told += losses;
                self.lost[column] += best * losses / whole;
            }
            self.unattributed[column] += best * (1.0 - told / whole).max(0.0);
        }
    }

    /// The largest share of an element that still waits: at best, and as an upper bound.
    fn under_way(&self) -> (f64, f64) {
        let waiting = self.waiting();
        let most = |f: fn(&Carried) -> f64| waiting.iter().map(f).fold(0.0, f64::max);
        (most(|carried| carried.best), most(|carried| carried.upper))
    }

    /// What still waits anywhere, per element.
    fn waiting(&self) -> Vec<Carried> {
        let mut waiting = vec![Carried::default(); self.elements.len()];
        if !self.has_circles || waiting.is_empty() {
            return waiting;
        }
        for cells in [&self.arriving.cells, &self.entering.cells] {
            for row in cells.chunks_exact(waiting.len()) {
                waiting.iter_mut().zip(row).for_each(|(sum, carried)| sum.add(*carried));
            }
        }
        waiting
    }

    /// Where upper bounds have not settled, everything that can still be reached may be all of it.
    fn loosen(&mut self, order: &Order) {
        for column in 0..self.elements.len() {
            let mut loose = vec![false; self.graph.lots.len()];
            let mut open: Vec<usize> = Vec::new();
            let unsettled = |carried: &Carried| NEGLIGIBLE < carried.upper;
            for (lot, _) in &order.lots {
                let entering = self.incidence.of_lot(*lot).iter().any(|(step, place)| {
                    unsettled(&self.entering.row(self.first_part[*step] + place)[column])
                });
                if entering || unsettled(&self.arriving.row(*lot)[column]) {
                    loose[*lot] = true;
                    open.push(*lot);
                }
            }
            while let Some(lot) = open.pop() {
                self.passed.row_mut(lot)[column].upper = 1.0;
                for (step, _) in self.incidence.of_lot(lot) {
                    for part in self.graph.steps[*step].far(self.direction) {
                        if !std::mem::replace(&mut loose[part.lot], true) {
                            open.push(part.lot);
                        }
                    }
                }
            }
        }
    }

    fn finish(mut self, order: &Order) -> Attribution {
        if self.has_circles {
            self.loosen(order);
        }
        let remainder = self.waiting().iter().map(|carried| carried.best).collect();
        Attribution {
            elements: self.elements.to_vec(),
            reached: order.lots.clone(),
            passed: self.passed.cells.iter().map(|carried| carried.interval()).collect(),
            ends: self.ends.cells,
            unattributed: self.unattributed,
            lost: self.lost,
            remainder,
        }
    }
}

impl Carried {
    fn add(&mut self, more: Self) {
        self.lower += more.lower;
        self.best += more.best;
        self.upper = (self.upper + more.upper).min(SATURATED);
    }

    fn times(self, share: f64) -> Self {
        Self { lower: self.lower * share, best: self.best * share, upper: self.upper * share }
    }

    /// In order and within 0 and 1, whatever rounding did, and however often it went round.
    fn interval(self) -> Interval {
        let best = self.best.clamp(0.0, 1.0);
        Interval { lower: self.lower.clamp(0.0, best), best, upper: self.upper.clamp(best, 1.0) }
    }
}

/// What a step has of an element.
struct Totals {
    /// The larger of both sides: what the smaller one lacks has no account.
    whole: f64,
    losses: f64,
}

impl Totals {
    fn of(step: &Step, element: Element) -> Self {
        let sum =
            |parts: &[Part]| parts.iter().map(|part| real(part.elements.get(element))).sum::<f64>();
        let losses = real(step.losses.get(element));
        Self { whole: sum(&step.inputs).max(sum(&step.outputs) + losses), losses }
    }
}

/// What entered a step, ready to be asked how much of it reaches a part on the other side.
enum Spread {
    /// Mixed through: by mass share, exactly.
    Even { whole: f64, total: Carried },
    /// Between bounds. The parts that entered, largest first, with running sums of their shares
    /// and of their shares by mass: `[n]` sums the first `n`.
    Bounded { whole: f64, best: f64, masses: Vec<f64>, sums: Vec<Carried>, by_mass: Vec<Carried> },
}

impl Spread {
    fn new(mixing: Mixing, whole: f64, mut entered: Vec<(f64, Carried)>) -> Self {
        if mixing == Mixing::Batch {
            let mut total = Carried::default();
            for (_, carried) in &entered {
                total.add(*carried);
            }
            return Self::Even { whole, total };
        }
        entered.sort_unstable_by(|(one, _), (other, _)| other.total_cmp(one));
        let (mut sum, mut by) = (Carried::default(), Carried::default());
        let (mut sums, mut by_mass) = (vec![sum], vec![by]);
        for (mass, carried) in &entered {
            sum.add(*carried);
            by.add(carried.times(1.0 / mass));
            sums.push(sum);
            by_mass.push(by);
        }
        let masses = entered.into_iter().map(|(mass, _)| mass).collect();
        Self::Bounded { whole, best: sum.best, masses, sums, by_mass }
    }

    /// What of it reaches a part of this mass: the bounds of Fréchet, summed over what entered.
    fn to(&self, mass: f64) -> Carried {
        match self {
            Self::Even { whole, total } => total.times(mass / whole),
            Self::Bounded { whole, best, masses, sums, by_mass } => {
                // What the other parts on the far side cannot hold must have come here.
                let elsewhere = whole - mass;
                let too_large = masses.partition_point(|near| elsewhere < *near);
                let lower = sums[too_large].lower - elsewhere * by_mass[too_large].lower;
                // Smaller parts may be here whole, of larger ones as much as there is room for.
                let larger = masses.partition_point(|near| mass < *near);
                let smaller = sums[masses.len()].upper - sums[larger].upper;
                let upper = mass * by_mass[larger].upper + smaller;
                let best = best * mass / whole;
                Carried { lower: lower.clamp(0.0, best), best, upper: upper.max(best) }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn real(mass: i64) -> f64 {
    mass.max(0) as f64
}
