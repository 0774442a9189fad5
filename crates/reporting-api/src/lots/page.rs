//! One page of a trace: which lots are on it, which of them the reader may know, and under which
//! ids the others go.

use database::{
    Connection, Error,
    trace::{self, Before, KnownLot, LotMovement, Traced},
};
use domain::{
    ids::{LotId, OrganisationId},
    trace::{Attribution, Direction, Graph, StepKey},
};
use serde::{Deserialize, Serialize};
use service::{problem::Problem, secret::ServerSecret};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// A trace that was made, from which pages are cut.
pub struct Trace<'a> {
    pub graph: &'a Graph,
    pub attribution: &'a Attribution,
    pub traced: &'a Traced,
    pub direction: Direction,
    pub lot: LotId,
}

/// Who reads.
pub struct Reader<'a> {
    pub secret: &'a ServerSecret,
    pub organisation: OrganisationId,
    /// An official, whose read is logged.
    pub sees_all: bool,
}

/// A place in a trace: nearest first, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    distance: u32,
    /// The pseudonym of the lot, whoever knows it: cursors can be read.
    lot: Uuid,
}

/// Lots of a page, and what is known of them.
pub struct Page {
    /// Places of lots in the graph, with their distance.
    pub lots: Vec<(usize, u32)>,
    pub known: HashMap<LotId, KnownLot>,
    pub movements: HashMap<LotId, Vec<LotMovement>>,
    next: Option<Place>,
}

impl Reader<'_> {
    /// An id that is the same in all of this reader's traces, and tells nobody anything.
    pub fn pseudonym(&self, thing: &[u8]) -> Uuid {
        let purpose = format!("pseudonym for {}", self.organisation);
        let mac = self.secret.mac(&purpose, thing);
        Uuid::from_bytes(mac.first_chunk().copied().expect("a MAC is longer than an id"))
    }

    pub fn pseudonym_of_lot(&self, lot: LotId) -> Uuid {
        self.pseudonym(lot.as_uuid().as_bytes())
    }

    /// Whether a step is shown in full: to those who filed it.
    pub fn knows(&self, organisation: OrganisationId) -> bool {
        self.sees_all || organisation == self.organisation
    }

    /// The id that a step goes by, for those who know it and those who do not.
    pub fn step_id(&self, key: StepKey, organisation: OrganisationId) -> String {
        let name = match key {
            StepKey::Filing(filing) => filing.to_string(),
            StepKey::Month(organisation, site, process, month) => {
                format!("{organisation} {site} {process} {month}")
            }
        };
        match (self.knows(organisation), key) {
            (true, StepKey::Filing(filing)) => filing.to_string(),
            _ => self.pseudonym(name.as_bytes()).to_string(),
        }
    }
}

impl Page {
    /// Cuts the page after a place and reads what may be known of its lots.
    pub async fn read(
        conn: &mut Connection,
        reader: &Reader<'_>,
        trace: &Trace<'_>,
        before: Before,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Self, Problem> {
        let ordered = in_order(trace);
        let first = match after {
            Some(place) => 1 + find(reader, trace, &ordered, place)?,
            None => 0,
        };
        let lots: Vec<(usize, u32)> = ordered.iter().skip(first).take(limit).copied().collect();
        let last = lots.last().filter(|_| first + lots.len() < ordered.len());
        let next = last.map(|(place, distance)| Place {
            distance: *distance,
            lot: reader.pseudonym_of_lot(trace.graph.lot(*place)),
        });
        let ids: Vec<LotId> = lots.iter().map(|(place, _)| trace.graph.lot(*place)).collect();
        let (known, movements) = known(conn, reader, &ids, before).await?;
        Ok(Self { lots, known, movements, next })
    }

    /// Where the trace goes on.
    pub const fn next(&self) -> Option<Place> {
        self.next
    }

    /// Everybody whose lots or steps an answer shows something of.
    pub fn owners(&self, trace: &Trace<'_>) -> BTreeSet<OrganisationId> {
        let makers = self.known.values().map(|lot| lot.maker.0);
        makers.chain(trace.traced.recorded.iter().map(|recorded| recorded.organisation)).collect()
    }
}

async fn known(
    conn: &mut Connection,
    reader: &Reader<'_>,
    ids: &[LotId],
    before: Before,
) -> Result<(HashMap<LotId, KnownLot>, HashMap<LotId, Vec<LotMovement>>), Error> {
    let lots = trace::known_lots(conn, reader.organisation, ids, before).await?;
    let known: HashMap<LotId, KnownLot> = lots.into_iter().map(|lot| (lot.id, lot)).collect();
    let ids: Vec<LotId> = known.keys().copied().collect();
    let mut movements: HashMap<LotId, Vec<LotMovement>> = HashMap::new();
    for movement in trace::movements(conn, reader.organisation, &ids, before).await? {
        movements.entry(movement.lot).or_default().push(movement);
    }
    Ok((known, movements))
}

/// All lots reached, in the order of places.
fn in_order(trace: &Trace<'_>) -> Vec<(usize, u32)> {
    let mut ordered = trace.attribution.reached().to_vec();
    ordered.sort_unstable_by_key(|(place, distance)| (*distance, trace.graph.lot(*place)));
    ordered
}

/// Where a place lies in that order.
fn find(
    reader: &Reader<'_>,
    trace: &Trace<'_>,
    ordered: &[(usize, u32)],
    wanted: Place,
) -> Result<usize, Problem> {
    let nearer = ordered.partition_point(|(_, distance)| *distance < wanted.distance);
    ordered[nearer..]
        .iter()
        .take_while(|(_, distance)| *distance == wanted.distance)
        .position(|(place, _)| reader.pseudonym_of_lot(trace.graph.lot(*place)) == wanted.lot)
        .map(|within| nearer + within)
        .ok_or(Problem::InvalidCursor)
}
