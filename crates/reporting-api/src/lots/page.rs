//! One page of a trace: which lots are on it, which of them the reader may know, and under which
//! ids the others go.

use super::keeping::Current;
use crate::reading::AccessWhenNeeded;
use database::trace::{self, Before, KnownLot, LotMovement};
use domain::{
    ids::{LotId, OrganisationId},
    trace::{Attribution, Direction, Graph, Kept, StepKey, Traced},
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
    /// For each of them what the reader may know.
    pub known: Vec<Option<KnownLot>>,
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
    pub fn step_id(&self, key: StepKey, organisation: OrganisationId) -> Uuid {
        match key {
            StepKey::Filing(filing) if self.knows(organisation) => filing.as_uuid(),
            StepKey::Filing(filing) => self.pseudonym(filing.to_string().as_bytes()),
            StepKey::Month(organisation, site, process, month) => {
                self.pseudonym(format!("{organisation} {site} {process} {month}").as_bytes())
            }
        }
    }
}

impl Page {
    /// Cuts the page after a place and finds what may be known of its lots.
    pub async fn read(
        access: &mut AccessWhenNeeded<'_>,
        current: Option<&Current>,
        reader: &Reader<'_>,
        trace: &Trace<'_>,
        before: Before,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Self, Problem> {
        let (lots, is_last) = cut(reader, trace, after, limit)?;
        let last = lots.last().filter(|_| !is_last);
        let next = last.map(|(place, distance)| Place {
            distance: *distance,
            lot: reader.pseudonym_of_lot(trace.graph.lot(*place)),
        });
        let ids: Vec<LotId> = lots.iter().map(|(place, _)| trace.graph.lot(*place)).collect();
        let mut page = Self { lots, known: Vec::new(), movements: HashMap::new(), next };
        match current.filter(|_| !reader.sees_all) {
            Some(current) => page.know_by_heart(access, current, &ids, before).await?,
            None => page.ask(access, &ids, before).await?,
        }
        Ok(page)
    }

    /// What the reader made itself is known here; the policies know the rest.
    async fn know_by_heart(
        &mut self,
        access: &mut AccessWhenNeeded<'_>,
        current: &Current,
        ids: &[LotId],
        before: Before,
    ) -> Result<(), Problem> {
        let organisation = access.organisation;
        let kept = current.read().await;
        self.known =
            ids.iter().map(|lot| own(&kept, current, organisation, *lot, before)).collect();
        let of_others: Vec<LotId> = ids
            .iter()
            .zip(&self.known)
            .filter(|(_, own)| own.is_none())
            .map(|(lot, _)| *lot)
            .collect();
        let own = self.known.iter().flatten().map(|lot| lot.id);
        let mut moved: Vec<LotId> = own.filter(|lot| kept.is_moved(*lot)).collect();
        drop(kept);
        if !of_others.is_empty() {
            let known =
                trace::known_lots(access.conn().await?, organisation, &of_others, before).await?;
            moved.extend(known.iter().map(|lot| lot.id));
            self.add_known(ids, known);
        }
        self.add_movements(access, &moved, before).await
    }

    async fn ask(
        &mut self,
        access: &mut AccessWhenNeeded<'_>,
        ids: &[LotId],
        before: Before,
    ) -> Result<(), Problem> {
        let organisation = access.organisation;
        let known = trace::known_lots(access.conn().await?, organisation, ids, before).await?;
        let moved: Vec<LotId> = known.iter().map(|lot| lot.id).collect();
        self.known.resize_with(ids.len(), || None);
        self.add_known(ids, known);
        self.add_movements(access, &moved, before).await
    }

    fn add_known(&mut self, ids: &[LotId], known: Vec<KnownLot>) {
        let mut known: HashMap<LotId, KnownLot> =
            known.into_iter().map(|lot| (lot.id, lot)).collect();
        for (lot, place) in ids.iter().zip(&mut self.known) {
            if place.is_none() {
                *place = known.remove(lot);
            }
        }
    }

    async fn add_movements(
        &mut self,
        access: &mut AccessWhenNeeded<'_>,
        moved: &[LotId],
        before: Before,
    ) -> Result<(), Problem> {
        if moved.is_empty() {
            return Ok(());
        }
        let organisation = access.organisation;
        let mut movements =
            trace::movements(access.conn().await?, organisation, moved, before).await?;
        movements.sort_unstable_by_key(|movement| movement.movement);
        for movement in movements {
            self.movements.entry(movement.lot).or_default().push(movement);
        }
        Ok(())
    }

    /// Where the trace goes on.
    pub const fn next(&self) -> Option<Place> {
        self.next
    }

    /// Everybody whose lots or steps an answer shows something of.
    pub fn owners(&self, trace: &Trace<'_>) -> BTreeSet<OrganisationId> {
        let makers = self.known.iter().flatten().map(|lot| lot.maker.0);
        makers.chain(trace.traced.recorded.iter().map(|recorded| recorded.organisation)).collect()
    }
}

/// A lot that the organisation made, as it stood then.
fn own(
    kept: &Kept,
    current: &Current,
    organisation: OrganisationId,
    id: LotId,
    before: Before,
) -> Option<KnownLot> {
    let (zh, en) = current.names.clone()?;
    let lot = kept.lot(id, before.first_id()).filter(|lot| lot.maker == organisation)?;
    Some(KnownLot {
        id,
        maker: (organisation, zh, en),
        site: lot.site,
        number: lot.number,
        category: lot.category,
        grade: lot.grade,
        quantity: lot.quantity,
        happened_at: lot.happened_at,
        made_by: Some(lot.made_by),
        // Whom it was bought back from says nothing of who made it.
        seller: None,
    })
}

/// The lots of a page after a place, nearest first and then by id, and whether they are the last.
fn cut(
    reader: &Reader<'_>,
    trace: &Trace<'_>,
    after: Option<Place>,
    limit: usize,
) -> Result<(Vec<(usize, u32)>, bool), Problem> {
    // Nearest first already: only what is equally far has to be put in order, and only as far as
    // the page goes.
    let reached = trace.attribution.reached();
    let from = after.map_or(0, |after| after.distance);
    let mut rest = &reached[reached.partition_point(|(_, distance)| *distance < from)..];
    let mut lots: Vec<(usize, u32)> = Vec::with_capacity(limit.min(rest.len()) + 1);
    let mut after = after;
    while let Some((_, distance)) = rest.first().filter(|_| lots.len() <= limit) {
        let (equally_far, further) = rest.split_at(rest.partition_point(|(_, at)| at == distance));
        let mut equally_far = equally_far.to_vec();
        equally_far.sort_unstable_by_key(|(place, _)| trace.graph.lot(*place));
        let first = match after.take() {
            Some(place) => 1 + find(reader, trace, &equally_far, place)?,
            None => 0,
        };
        lots.extend_from_slice(&equally_far[first..]);
        rest = further;
    }
    if after.is_some() {
        return Err(Problem::InvalidCursor);
    }
    let is_last = lots.len() <= limit && rest.is_empty();
    lots.truncate(limit);
    Ok((lots, is_last))
}

/// Where a place lies among lots that are equally far.
fn find(
    reader: &Reader<'_>,
    trace: &Trace<'_>,
    equally_far: &[(usize, u32)],
    wanted: Place,
) -> Result<usize, Problem> {
    equally_far
        .iter()
        .filter(|(_, distance)| *distance == wanted.distance)
        .position(|(place, _)| reader.pseudonym_of_lot(trace.graph.lot(*place)) == wanted.lot)
        .ok_or(Problem::InvalidCursor)
}
