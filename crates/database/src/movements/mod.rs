//! Goods under way between filers, as seller and buyer may see them.

pub mod explanations;
pub mod sides;

use crate::{
    Error, act_for,
    row::{ElementColumns, Reader, element_columns, masses},
    schema::{filings, movement_lines, movements, organisations},
};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, dsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    ids::{FilingId, LotId, MovementId, OrganisationId},
    mass::{ElementMasses, Kilograms},
    movement::{MovementName, MovementReference},
};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Which side of a movement one is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It was sent to us.
    Incoming,
    /// We sent it.
    Outgoing,
}

/// A movement as announced by the latest version of its dispatch.
#[derive(Clone, Debug)]
pub struct Movement {
    /// Its id.
    pub id: MovementId,
    /// What it is called on paper and over the telephone.
    pub reference: MovementReference,
    /// The dispatch.
    pub dispatch: FilingId,
    /// Who sent it, and that organisation's names in Chinese and English.
    pub seller: (OrganisationId, String, String),
    /// Who it was sent to.
    pub buyer: OrganisationId,
    /// When it left.
    pub dispatched_at: Timestamp,
    /// Whether this organisation has filed a receipt for it.
    pub received: bool,
    /// What is under way.
    pub lines: Vec<MovementLine>,
}

/// One lot under way.
#[derive(Clone, Debug)]
pub struct MovementLine {
    /// The line of the dispatch.
    pub number: u16,
    /// The lot, by which the buyer refers to it from now on.
    pub lot: LotId,
    /// What kind of goods.
    pub category: Option<String>,
    /// Their customs code.
    pub hs_code: Option<String>,
    /// Their grade.
    pub grade: Option<String>,
    /// Gross mass.
    pub quantity: Kilograms,
    /// Rare earths in it.
    pub elements: ElementMasses,
}

type HeadColumns = (Uuid, Uuid, Uuid, Uuid, jiff_diesel::Timestamp, String, String, String);

/// Which movements of an organisation to read.
#[derive(Clone, Copy)]
enum Which {
    /// The newest `most` on one side, older than `before`.
    Newest { side: Side, before: Option<FilingId>, most: u16 },
    /// The one of this name, on either side.
    Named(MovementName),
}

/// The newest `most` movements on one side of an organisation, older than `before`.
pub async fn list(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    side: Side,
    before: Option<FilingId>,
    most: u16,
) -> Result<Vec<Movement>, Error> {
    read(conn, organisation, Which::Newest { side, before, most }).await
}

/// The movement of this name, if the organisation sent it or it was sent to it.
pub async fn find(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    name: MovementName,
) -> Result<Option<Movement>, Error> {
    Ok(read(conn, organisation, Which::Named(name)).await?.pop())
}

/// Movements as announced by the latest version of their dispatch.
async fn read(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    which: Which,
) -> Result<Vec<Movement>, Error> {
    let mine = organisation.as_uuid();
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let newer = diesel::alias!(movements as newer);
        // To a buyer what was announced to it stays, also when it was corrected to somebody else.
        let to_the_same = newer
            .field(movements::buyer_organisation)
            .eq(movements::buyer_organisation)
            .or(movements::organisation.eq(mine));
        let superseded = newer
            .filter(newer.field(movements::id).eq(movements::id))
            .filter(newer.field(movements::filing).gt(movements::filing))
            .filter(to_the_same);
        let (sent, incoming) =
            (movements::organisation.eq(mine), movements::buyer_organisation.eq(mine));
        let mut query = movements::table
            .inner_join(organisations::table.on(organisations::id.eq(movements::organisation)))
            .filter(dsl::not(dsl::exists(superseded)))
            .into_boxed();
        query = match which {
            Which::Newest { side: Side::Incoming, .. } => query.filter(incoming),
            Which::Newest { side: Side::Outgoing, .. } => query.filter(sent),
            Which::Named(MovementName::Id(id)) => {
                query.filter(sent.or(incoming)).filter(movements::id.eq(id.as_uuid()))
            }
            Which::Named(MovementName::Reference(reference)) => {
                query.filter(sent.or(incoming)).filter(movements::reference.eq(reference.compact()))
            }
        };
        let (before, most) = match which {
            Which::Newest { before, most, .. } => (before, most),
            Which::Named(_) => (None, 1),
        };
        if let Some(before) = before {
            query = query.filter(movements::filing.lt(before.as_uuid()));
        }
        let rows: Vec<HeadColumns> = query
            .order(movements::filing.desc())
            .limit(most.into())
            .select((
                movements::id,
                movements::filing,
                movements::organisation,
                movements::buyer_organisation,
                movements::dispatched_at,
                movements::reference,
                organisations::name_zh,
                organisations::name_en,
            ))
            .load(conn)
            .await?;
        with_lines(conn, mine, rows).await
    })
    .await
}

/// The movements of these rows as an organisation sees them.
async fn with_lines(
    conn: &mut AsyncPgConnection,
    mine: Uuid,
    rows: Vec<HeadColumns>,
) -> Result<Vec<Movement>, Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.0).collect();
    let mut lines = lines_of(conn, &ids).await?;
    let received = received(conn, mine, &ids).await?;
    rows.into_iter()
        .map(|(id, filing, seller, buyer, dispatched_at, reference, name_zh, name_en)| {
            let reader = Reader { table: "movements", id };
            Ok(Movement {
                id: MovementId::from_uuid(id),
                reference: reader.word("reference", &reference)?,
                dispatch: FilingId::from_uuid(filing),
                seller: (OrganisationId::from_uuid(seller), name_zh, name_en),
                buyer: OrganisationId::from_uuid(buyer),
                dispatched_at: dispatched_at.to_jiff(),
                received: received.contains(&id),
                lines: lines.remove(&(id, filing)).unwrap_or_default(),
            })
        })
        .collect()
}

async fn lines_of(
    conn: &mut AsyncPgConnection,
    movements: &[Uuid],
) -> Result<HashMap<(Uuid, Uuid), Vec<MovementLine>>, Error> {
    type Columns = (
        (Uuid, Uuid, i16, Uuid, i64),
        (Option<String>, Option<String>, Option<String>),
        ElementColumns,
    );
    let rows: Vec<Columns> = movement_lines::table
        .filter(movement_lines::movement.eq_any(movements))
        .order(movement_lines::line)
        .select((
            (
                movement_lines::movement,
                movement_lines::filing,
                movement_lines::line,
                movement_lines::lot,
                movement_lines::quantity_grams,
            ),
            (movement_lines::category, movement_lines::hs_code, movement_lines::grade),
            element_columns!(movement_lines),
        ))
        .load(conn)
        .await?;
    let mut lines: HashMap<(Uuid, Uuid), Vec<MovementLine>> = HashMap::new();
    for ((movement, filing, number, lot, grams), (category, hs_code, grade), elements) in rows {
        let reader = Reader { table: "movement_lines", id: movement };
        lines.entry((movement, filing)).or_default().push(MovementLine {
            number: u16::try_from(number).map_err(|_| reader.corrupt("line"))?,
            lot: LotId::from_uuid(lot),
            category,
            hs_code,
            grade,
            quantity: reader.mass("quantity_grams", grams)?,
            elements: masses(elements),
        });
    }
    Ok(lines)
}

/// Which of these movements the organisation has filed a receipt for.
async fn received(
    conn: &mut AsyncPgConnection,
    mine: Uuid,
    movements: &[Uuid],
) -> Result<HashSet<Uuid>, Error> {
    let rows: Vec<Option<Uuid>> = filings::table
        .filter(filings::organisation.eq(mine).and(filings::kind.eq("receipt")))
        .filter(filings::movement.eq_any(movements))
        .select(filings::movement)
        .distinct()
        .load(conn)
        .await?;
    Ok(rows.into_iter().flatten().collect())
}
