//! The graph around a lot, asked of the database: transformations, claims of lots and their movements, as they were told
//! before a moment.
//!
//! The walk is one function in the database (`traced_lines`, in the migrations), which starts only
//! from a lot that the asking organisation may know. It crosses organisations: what comes back of
//! others is for the attribution, never to be shown. Which lots may be shown is decided by the
//! policies that [`known_lots`] and [`movements`] read through.

mod recorder;

pub use recorder::{Recorder, Recording};

use crate::{
    CorruptRow, Error,
    row::{ElementColumns, Reader, masses},
};
use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Bool, Date, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    codes::FilingKind,
    ids::{FilingId, LotId, MovementId, OrganisationId, SiteId},
    mass::Kilograms,
    trace::{Direction, Recorded, RecordedLine, Traced},
};
use jiff::Timestamp;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};
use uuid::Uuid;

/// Transformations in one trace, at most.
pub const FILINGS_LIMIT: usize = 200_000;
/// Lines of them, at most, as `traced_lines` has it.
const LINES_LIMIT: usize = 4 * FILINGS_LIMIT;

/// Filings recorded before a moment: their ids are smaller than its first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before(Uuid);

/// A lot that the reader may know.
#[derive(Clone, Debug)]
pub struct KnownLot {
    /// The lot.
    pub id: LotId,
    /// Who made it, with its names in Chinese and English.
    pub maker: (OrganisationId, Arc<str>, Arc<str>),
    /// The code of the site where it was made.
    pub site: Option<Arc<str>>,
    /// Its maker's number for it.
    pub number: String,
    /// What kind of goods.
    pub category: Arc<str>,
    /// Its grade.
    pub grade: Option<Arc<str>>,
    /// Gross mass when it was made.
    pub quantity: Kilograms,
    /// When it was made.
    pub happened_at: Timestamp,
    /// The kind of filing that made it.
    pub made_by: Option<FilingKind>,
    /// Who sold it to the asking organisation.
    pub seller: Option<OrganisationId>,
}

/// A lot's movement that the reader may know.
#[derive(Clone, Debug)]
pub struct LotMovement {
    /// The lot.
    pub lot: LotId,
    /// The movement.
    pub movement: MovementId,
    /// Who sent it, with its names in Chinese and English.
    pub seller: (OrganisationId, String, String),
    /// Who it was sent to, likewise.
    pub buyer: (OrganisationId, String, String),
    /// When it left.
    pub dispatched_at: Timestamp,
    /// When it arrived, as far as was told.
    pub received_at: Option<Timestamp>,
    /// How much of it.
    pub quantity: Kilograms,
}

impl Before {
    /// Before this moment, to the millisecond.
    pub fn moment(moment: Timestamp) -> Self {
        let milliseconds = moment.as_millisecond().max(0).cast_unsigned();
        Self(Uuid::from_u128(u128::from(milliseconds) << 80))
    }

    /// The smallest id that is not before it.
    pub const fn first_id(self) -> FilingId {
        FilingId::from_uuid(self.0)
    }
}

/// Finds what surrounds a lot. `None` when there was no such lot then, or the organisation neither
/// made it nor was sent it; officials find every lot.
pub async fn around(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    lot: LotId,
    direction: Direction,
    before: Before,
) -> Result<Option<Traced>, Error> {
    let most = i32::try_from(FILINGS_LIMIT).unwrap_or(i32::MAX);
    let rows: Vec<LineColumns> = TracedLines {
        asking: organisation.as_uuid(),
        asked: lot.as_uuid(),
        backward: direction == Direction::Backward,
        before: before.0,
        most,
    }
    .load(conn)
    .await?;
    let lines = rows.len();
    let mut rows = rows.into_iter();
    let Some((.., elements)) = rows.next() else { return Ok(None) };
    let (mut recorded, mut places) = (Vec::<Recorded>::new(), HashMap::new());
    for ((filing, organisation, site), (process, month, role, lot), elements) in rows {
        let reader = Reader { table: "filing_lines", id: filing };
        let place = match places.entry(filing) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                recorded.push(Recorded {
                    filing: FilingId::from_uuid(filing),
                    organisation: OrganisationId::from_uuid(organisation),
                    site: SiteId::from_uuid(site),
                    process: reader.word("process", &process)?,
                    month: Month::of(month.to_jiff()),
                    lines: Vec::new(),
                });
                *new.insert(recorded.len() - 1)
            }
        };
        let role = reader.word("role", &role)?;
        let lot = lot.map(LotId::from_uuid);
        recorded[place].lines.push(RecordedLine { role, lot, elements: masses(elements) });
    }
    let is_complete = recorded.len() <= FILINGS_LIMIT && lines <= LINES_LIMIT;
    // The database answers in no particular order.
    recorded.sort_unstable_by_key(|recorded| recorded.filing);
    for recorded in &mut recorded {
        recorded.lines.sort_unstable_by_key(|line| (line.role, line.lot));
    }
    Ok(Some(Traced { elements: masses(elements), recorded, is_complete }))
}

/// Those of these lots that the reader may know, as they stood.
pub async fn known_lots(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    lots: &[LotId],
    before: Before,
) -> Result<Vec<KnownLot>, Error> {
    let rows: Vec<LotColumns> =
        TracedLots(Wanted::of(organisation, lots, before)).load(conn).await?;
    rows.into_iter().map(|row| known_lot(row).map_err(Error::from)).collect()
}

/// The movements of these lots that the reader may know, as they were announced.
pub async fn movements(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    lots: &[LotId],
    before: Before,
) -> Result<Vec<LotMovement>, Error> {
    let wanted = Wanted::of(organisation, lots, before);
    let rows: Vec<MovementColumns> = TracedMovements(wanted).load(conn).await?;
    rows.into_iter().map(|row| lot_movement(row).map_err(Error::from)).collect()
}

fn known_lot(
    ((id, maker, zh, en), (site, number, category, grade), rest): LotColumns,
) -> Result<KnownLot, CorruptRow> {
    let (grams, happened_at, made_by, seller) = rest;
    let reader = Reader { table: "lots", id };
    Ok(KnownLot {
        id: LotId::from_uuid(id),
        maker: (OrganisationId::from_uuid(maker), zh.into(), en.into()),
        site: site.map(Arc::from),
        number,
        category: category.into(),
        grade: grade.map(Arc::from),
        quantity: reader.mass("quantity_grams", grams)?,
        happened_at: happened_at.to_jiff(),
        made_by: reader.optional_word("filing", made_by.as_deref())?,
        seller: seller.map(OrganisationId::from_uuid),
    })
}

fn lot_movement(
    ((lot, movement), seller, buyer, times): MovementColumns,
) -> Result<LotMovement, CorruptRow> {
    let (dispatched_at, received_at, grams) = times;
    let party = |(id, zh, en)| (OrganisationId::from_uuid(id), zh, en);
    Ok(LotMovement {
        lot: LotId::from_uuid(lot),
        movement: MovementId::from_uuid(movement),
        seller: party(seller),
        buyer: party(buyer),
        dispatched_at: dispatched_at.to_jiff(),
        received_at: received_at.map(jiff_diesel::Timestamp::to_jiff),
        quantity: Reader { table: "movement_lines", id: movement }.mass("quantity_grams", grams)?,
    })
}

type LineColumns =
    ((Uuid, Uuid, Uuid), (String, jiff_diesel::Date, String, Option<Uuid>), ElementColumns);
type LotColumns = (
    (Uuid, Uuid, String, String),
    (Option<String>, String, String, Option<String>),
    (i64, jiff_diesel::Timestamp, Option<String>, Option<Uuid>),
);
type MovementColumns = (
    (Uuid, Uuid),
    (Uuid, String, String),
    (Uuid, String, String),
    (jiff_diesel::Timestamp, Option<jiff_diesel::Timestamp>, i64),
);

/// `traced_lines`, prepared once a connection and read by position.
#[derive(Debug, QueryId)]
struct TracedLines {
    asking: Uuid,
    asked: Uuid,
    backward: bool,
    before: Uuid,
    most: i32,
}

impl Query for TracedLines {
    type SqlType = (
        (SqlUuid, SqlUuid, SqlUuid),
        (Text, Date, Text, Nullable<SqlUuid>),
        (
            (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
            (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
        ),
    );
}

impl QueryFragment<Pg> for TracedLines {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("select * from traced_lines(");
        out.push_bind_param::<SqlUuid, _>(&self.asking)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.asked)?;
        out.push_sql(", ");
        out.push_bind_param::<Bool, _>(&self.backward)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.before)?;
        out.push_sql(", ");
        out.push_bind_param::<Integer, _>(&self.most)?;
        out.push_sql(")");
        Ok(())
    }
}

/// Lots about which more is asked.
#[derive(Debug)]
struct Wanted {
    asking: Uuid,
    lots: Vec<Uuid>,
    before: Uuid,
}

impl Wanted {
    fn of(organisation: OrganisationId, lots: &[LotId], before: Before) -> Self {
        let lots = lots.iter().map(|lot| lot.as_uuid()).collect();
        Self { asking: organisation.as_uuid(), lots, before: before.0 }
    }

    fn call<'b>(&'b self, function: &str, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("select * from ");
        out.push_sql(function);
        out.push_sql("(");
        out.push_bind_param::<SqlUuid, _>(&self.asking)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.lots)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.before)?;
        out.push_sql(")");
        Ok(())
    }
}

#[derive(Debug)]
struct TracedLots(Wanted);

impl QueryId for TracedLots {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for TracedLots {
    type SqlType = (
        (SqlUuid, SqlUuid, Text, Text),
        (Nullable<Text>, Text, Text, Nullable<Text>),
        (BigInt, Timestamptz, Nullable<Text>, Nullable<SqlUuid>),
    );
}

impl QueryFragment<Pg> for TracedLots {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.call("traced_lots", &mut out)
    }
}

#[derive(Debug)]
struct TracedMovements(Wanted);

impl QueryId for TracedMovements {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for TracedMovements {
    type SqlType = (
        (SqlUuid, SqlUuid),
        (SqlUuid, Text, Text),
        (SqlUuid, Text, Text),
        (Timestamptz, Nullable<Timestamptz>, BigInt),
    );
}

impl QueryFragment<Pg> for TracedMovements {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.call("traced_movements", &mut out)
    }
}
