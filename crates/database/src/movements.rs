//! Goods under way between filers, as seller and buyer may see them.

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

type HeadColumns = (Uuid, Uuid, Uuid, Uuid, jiff_diesel::Timestamp, String, String);

/// The newest `most` movements on one side of an organisation, older than `before`.
pub async fn list(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    side: Side,
    before: Option<FilingId>,
    most: u16,
) -> Result<Vec<Movement>, Error> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        let mine = organisation.as_uuid();
        let newer = diesel::alias!(movements as newer);
        let superseded = newer
            .filter(newer.field(movements::id).eq(movements::id))
            .filter(newer.field(movements::filing).gt(movements::filing));
        let mut query = movements::table
            .inner_join(organisations::table.on(organisations::id.eq(movements::organisation)))
            .filter(dsl::not(dsl::exists(superseded)))
            .into_boxed();
        query = match side {
            Side::Incoming => query.filter(movements::buyer_organisation.eq(mine)),
            Side::Outgoing => query.filter(movements::organisation.eq(mine)),
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
                organisations::name_zh,
                organisations::name_en,
            ))
            .load(conn)
            .await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.0).collect();
        let mut lines = lines_of(conn, &ids).await?;
        let received = received(conn, mine, &ids).await?;
        Ok(rows
            .into_iter()
            .map(|(id, filing, seller, buyer, dispatched_at, name_zh, name_en)| Movement {
                id: MovementId::from_uuid(id),
                dispatch: FilingId::from_uuid(filing),
                seller: (OrganisationId::from_uuid(seller), name_zh, name_en),
                buyer: OrganisationId::from_uuid(buyer),
                dispatched_at: dispatched_at.to_jiff(),
                received: received.contains(&id),
                lines: lines.remove(&(id, filing)).unwrap_or_default(),
            })
            .collect())
    })
    .await
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
