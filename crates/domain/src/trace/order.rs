//! In which order a graph is walked: what feeds comes before what is fed, as far as it can.

use super::{Direction, Graph};

/// A lot or a step, in the order that shares are carried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Lot(usize),
    Step(usize),
}

/// The part of a graph that one lot reaches.
pub(super) struct Order {
    /// Every node reached; without circles each comes after all that lead to it.
    pub(super) nodes: Vec<Node>,
    /// Lots reached, with how many steps away, nearest first.
    pub(super) lots: Vec<(usize, u32)>,
    /// Whether somewhere one comes back to where one was.
    pub(super) has_circles: bool,
}

/// For each lot the parts it has on the near side of steps, as `(step, part)`.
pub(super) struct Incidence {
    first: Vec<usize>,
    places: Vec<(usize, usize)>,
}

impl Incidence {
    pub(super) fn of(graph: &Graph, direction: Direction) -> Self {
        let near = |step: usize| graph.steps[step].near(direction);
        let mut first = vec![0; graph.lots.len() + 1];
        for step in 0..graph.steps.len() {
            for part in near(step) {
                first[part.lot + 1] += 1;
            }
        }
        for lot in 1..first.len() {
            first[lot] += first[lot - 1];
        }
        let mut next = first.clone();
        let mut places = vec![(0, 0); first[graph.lots.len()]];
        for step in 0..graph.steps.len() {
            for (place, part) in near(step).iter().enumerate() {
                places[next[part.lot]] = (step, place);
                next[part.lot] += 1;
            }
        }
        Self { first, places }
    }

    pub(super) fn of_lot(&self, lot: usize) -> &[(usize, usize)] {
        &self.places[self.first[lot]..self.first[lot + 1]]
    }
}

impl Order {
    pub(super) fn from(
        graph: &Graph,
        incidence: &Incidence,
        asked: usize,
        direction: Direction,
    ) -> Self {
        let (nodes, has_circles) = depth_first(graph, incidence, asked, direction);
        Self { nodes, lots: breadth_first(graph, incidence, asked, direction), has_circles }
    }
}

/// Where a node stands in the walk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Reversed postorder, and whether an open node was met again.
fn depth_first(
    graph: &Graph,
    incidence: &Incidence,
    asked: usize,
    direction: Direction,
) -> (Vec<Node>, bool) {
    let lots = graph.lots.len();
    let mut marks = vec![Mark::New; lots + graph.steps.len()];
    let index = |node: Node| match node {
        Node::Lot(lot) => lot,
        Node::Step(step) => lots + step,
    };
    let next_of = |node: Node, place: usize| match node {
        Node::Lot(lot) => incidence.of_lot(lot).get(place).map(|(step, _)| Node::Step(*step)),
        Node::Step(step) => {
            graph.steps[step].far(direction).get(place).map(|part| Node::Lot(part.lot))
        }
    };
    let (mut nodes, mut has_circles) = (Vec::new(), false);
    let mut stack = vec![(Node::Lot(asked), 0)];
    marks[asked] = Mark::Open;
    while let Some((node, place)) = stack.last_mut() {
        let Some(next) = next_of(*node, *place) else {
            marks[index(*node)] = Mark::Done;
            nodes.push(*node);
            stack.pop();
            continue;
        };
        *place += 1;
        match marks[index(next)] {
            Mark::New => {
                marks[index(next)] = Mark::Open;
                stack.push((next, 0));
            }
            Mark::Open => has_circles = true,
            Mark::Done => {}
        }
    }
    nodes.reverse();
    (nodes, has_circles)
}

fn breadth_first(
    graph: &Graph,
    incidence: &Incidence,
    asked: usize,
    direction: Direction,
) -> Vec<(usize, u32)> {
    let mut seen_lots = vec![false; graph.lots.len()];
    let mut seen_steps = vec![false; graph.steps.len()];
    seen_lots[asked] = true;
    let mut reached = vec![(asked, 0)];
    let mut at = 0;
    while let Some((lot, distance)) = reached.get(at).copied() {
        at += 1;
        for (step, _) in incidence.of_lot(lot) {
            if std::mem::replace(&mut seen_steps[*step], true) {
                continue;
            }
            for part in graph.steps[*step].far(direction) {
                if !std::mem::replace(&mut seen_lots[part.lot], true) {
                    reached.push((part.lot, distance + 1));
                }
            }
        }
    }
    reached
}
