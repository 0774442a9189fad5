//! Both sides of movements.

use super::{
    ask::{Ask, Bind, Statement},
    filings::{Known, distinct, elements},
};
use crate::{Error, row::Reader};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    element::ELEMENT_COUNT,
    filing::Claim,
    ids::{LotId, MovementId, OrganisationId},
};
use rules::{MovedLot, MovementStand};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Lines of the dispatches and receipts of movements that still stand.
struct Sides;

impl Statement for Sides {
    const TEXT: &'static str = "
        select f.movement, f.organisation, f.id as filing, f.kind, l.lot, l.quantity_grams as grams,
            {each: coalesce(l.@, 0)} as elements, l.sigma_mg
        from filings f
        left join filing_lines l on l.organisation = f.organisation and l.filing = f.id
        where f.movement = any (?::uuid[]) and f.kind in ('dispatch', 'receipt')
            and not exists (select from filing_references newer where newer.organisation = f.organisation
                and newer.reference = f.reference and newer.version = f.version + 1)";
}

#[derive(QueryableByName)]
struct SideRow {
    #[diesel(sql_type = SqlUuid)]
    movement: Uuid,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = SqlUuid)]
    filing: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    lot: Option<Uuid>,
    #[diesel(sql_type = Nullable<BigInt>)]
    grams: Option<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
    #[diesel(sql_type = Nullable<Array<BigInt>>)]
    sigma_mg: Option<Vec<i64>>,
}

/// The movement that a filing starts or ends.
pub(super) const fn movement_of(claim: &Claim) -> Option<MovementId> {
    match claim {
        Claim::Dispatch { movement, .. } => *movement,
        Claim::Receipt { movement, .. } => Some(*movement),
        _ => None,
    }
}

/// The movements that these filings start or end.
pub(super) async fn load(
    conn: &mut AsyncPgConnection,
    known: &[Known],
) -> Result<HashMap<MovementId, MovementStand>, Error> {
    let asked = distinct(
        known.iter().filter_map(|it| movement_of(&it.filing.claim)).map(MovementId::as_uuid),
    );
    let mut movements: HashMap<MovementId, MovementStand> = HashMap::new();
    for id in &asked {
        let movement = MovementId::from_uuid(*id);
        let nothing = MovementStand {
            movement,
            seller: None,
            dispatched: Vec::new(),
            received: Vec::new(),
            receipts: 0,
        };
        movements.insert(movement, nothing);
    }
    if asked.is_empty() {
        return Ok(movements);
    }
    let rows: Vec<SideRow> = Ask::<Sides>::with(vec![Bind::Uuids(asked)]).load(conn).await?;
    let mut receipts: HashSet<Uuid> = HashSet::new();
    for row in rows {
        let Some(stand) = movements.get_mut(&MovementId::from_uuid(row.movement)) else { continue };
        let is_dispatch = row.kind == "dispatch";
        if is_dispatch {
            stand.seller = Some(OrganisationId::from_uuid(row.organisation));
        } else if receipts.insert(row.filing) {
            stand.receipts += 1;
        }
        let side = if is_dispatch { &mut stand.dispatched } else { &mut stand.received };
        side.extend(moved(row)?);
    }
    Ok(movements)
}

fn moved(row: SideRow) -> Result<Option<MovedLot>, Error> {
    let reader = Reader { table: "filing_lines", id: row.filing };
    let Some((lot, grams)) = row.lot.zip(row.grams) else { return Ok(None) };
    Ok(Some(MovedLot {
        lot: LotId::from_uuid(lot),
        grams,
        elements: elements(reader, "elements", row.elements)?,
        sigma_mg: match row.sigma_mg {
            Some(sigma) => elements(reader, "sigma_mg", sigma)?.0,
            None => [0; ELEMENT_COUNT],
        },
    }))
}
