//! What both parties of movements say: what was sent, what arrived, and why they differ.
//!
//! The one place that reads a filing of the other side. What it reads of it is what the parties of
//! a movement owe each other; the function in the database answers about their movements only.

use super::{Movement, explanations};
use crate::{Error, act_for, row::Reader};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    codes::Outcome,
    element::ELEMENT_COUNT,
    ids::{FilingId, LotId, MovementId, OrganisationId},
    mass::ElementMasses,
    movement::{BothSides, Explanation, MovementReference, StatedLot, StatedReceipt},
};
use jiff::Timestamp;
use std::collections::HashMap;
use uuid::Uuid;

pub use explanations::{ToldAnswer, ToldExplanation};

/// Everything that was said about a movement between its seller and one buyer.
#[derive(Clone, Debug)]
pub struct Told {
    /// What this buyer knows the movement by.
    pub reference: MovementReference,
    /// What its standing follows from.
    pub sides: BothSides,
    /// The receipts that stand, in the order of `sides.receipts`.
    pub receipts: Vec<ToldReceipt>,
    /// Explanations and answers in full, in the order of `sides.explanations`.
    pub explanations: Vec<ToldExplanation>,
}

/// A receipt of a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldReceipt {
    /// The filing.
    pub filing: FilingId,
    /// What the buyer calls it.
    pub reference: String,
    /// How the goods were found.
    pub outcome: Outcome,
    /// When they arrived.
    pub happened_at: Timestamp,
    /// When that was recorded.
    pub recorded_at: Timestamp,
}

#[derive(QueryableByName)]
struct SideRow {
    #[diesel(sql_type = SqlUuid)]
    movement: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = SqlUuid)]
    seller: Uuid,
    #[diesel(sql_type = SqlUuid)]
    buyer: Uuid,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    withdrawn_at: Option<jiff_diesel::Timestamp>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = Nullable<Text>)]
    outcome: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    happened_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    lot: Option<Uuid>,
    #[diesel(sql_type = BigInt)]
    quantity_grams: i64,
    #[diesel(sql_type = BigInt)]
    refused_grams: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    uncertainty_grams: Option<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
    #[diesel(sql_type = Nullable<Array<BigInt>>)]
    sigma_mg: Option<Vec<i64>>,
}

/// What was said about these movements, as the organisation or an official may see it: for each the
/// buyers that it was announced to, one after the other. To a buyer there is only itself.
pub async fn told_about(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    movements: &[Movement],
) -> Result<HashMap<MovementId, Vec<Told>>, Error> {
    let ids: Vec<Uuid> = movements.iter().map(|it| it.id.as_uuid()).collect();
    let mut told = conn
        .transaction(async |conn| {
            act_for(conn, &[organisation]).await?;
            read(conn, &ids).await
        })
        .await?;
    // Officials see everybody's; what they ask about is one organisation's.
    for about in told.values_mut() {
        about.retain(|it| [it.sides.seller, it.sides.buyer].contains(&organisation));
    }
    Ok(told)
}

/// The same, inside a transaction, for whomever it acts.
pub(crate) async fn read(
    conn: &mut AsyncPgConnection,
    movements: &[Uuid],
) -> Result<HashMap<MovementId, Vec<Told>>, Error> {
    let rows: Vec<SideRow> = diesel::sql_query("select * from lodestone.movement_sides($1)")
        .bind::<Array<SqlUuid>, _>(movements)
        .load(conn)
        .await?;
    let mut told: HashMap<MovementId, Vec<Told>> = HashMap::new();
    for row in rows {
        let about = told.entry(MovementId::from_uuid(row.movement)).or_default();
        if about.last().is_none_or(|last| last.sides.buyer.as_uuid() != row.buyer) {
            about.push(nothing_of(&row)?);
        }
        if let Some(about) = about.last_mut() {
            about.add(row)?;
        }
    }
    for explanation in explanations::of(conn, movements).await? {
        let about = told.get_mut(&explanation.movement).into_iter().flatten();
        for about in about.filter(|about| about.sides.buyer == explanation.buyer) {
            about.sides.explanations.push(explanation.counted());
            about.explanations.push(explanation.clone());
        }
    }
    Ok(told)
}

fn nothing_of(row: &SideRow) -> Result<Told, Error> {
    let reader = Reader { table: "movements", id: row.movement };
    let sides = BothSides {
        seller: OrganisationId::from_uuid(row.seller),
        buyer: OrganisationId::from_uuid(row.buyer),
        dispatch_recorded_at: Timestamp::UNIX_EPOCH,
        withdrawn_at: row.withdrawn_at.map(jiff_diesel::Timestamp::to_jiff),
        sent: Vec::new(),
        receipts: Vec::new(),
        explanations: Vec::new(),
    };
    Ok(Told {
        reference: reader.word("reference", &row.name)?,
        sides,
        receipts: Vec::new(),
        explanations: Vec::new(),
    })
}

impl Told {
    fn add(&mut self, row: SideRow) -> Result<(), Error> {
        let reader = Reader { table: "filing_lines", id: row.filing };
        let lot = stated(reader, &row)?;
        if row.kind == "dispatch" {
            self.sides.dispatch_recorded_at = row.recorded_at.to_jiff();
            self.sides.sent.extend(lot);
            return Ok(());
        }
        let filing = FilingId::from_uuid(row.filing);
        if self.receipts.last().is_none_or(|last| last.filing != filing) {
            let reader = Reader { table: "filings", id: row.filing };
            let outcome = reader.word("outcome", row.outcome.as_deref().unwrap_or_default())?;
            let recorded_at = row.recorded_at.to_jiff();
            self.receipts.push(ToldReceipt {
                filing,
                reference: row.reference,
                outcome,
                happened_at: row.happened_at.to_jiff(),
                recorded_at,
            });
            self.sides.receipts.push(StatedReceipt { outcome, recorded_at, lots: Vec::new() });
        }
        if let Some(receipt) = self.sides.receipts.last_mut() {
            receipt.lots.extend(lot);
        }
        Ok(())
    }
}

fn stated(reader: Reader, row: &SideRow) -> Result<Option<StatedLot>, Error> {
    let Some(lot) = row.lot else { return Ok(None) };
    let numbers = |column, numbers: &[i64]| -> Result<[i64; ELEMENT_COUNT], Error> {
        Ok(numbers.try_into().map_err(|_| reader.corrupt(column))?)
    };
    Ok(Some(StatedLot {
        lot: LotId::from_uuid(lot),
        grams: row.quantity_grams,
        refused_grams: row.refused_grams,
        uncertainty_grams: row.uncertainty_grams.unwrap_or_default(),
        elements: ElementMasses(numbers("elements", &row.elements)?),
        sigma_mg: match &row.sigma_mg {
            Some(sigma) => numbers("sigma_mg", sigma)?,
            None => [0; ELEMENT_COUNT],
        },
    }))
}

impl ToldExplanation {
    /// What counts of it.
    const fn counted(&self) -> Explanation {
        let answer = match &self.answer {
            Some(answer) => Some((answer.verdict, answer.at)),
            None => None,
        };
        Explanation { id: self.id, by: self.by, lot: self.lot, at: self.at, answer }
    }
}
