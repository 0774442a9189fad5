//! Goods that had left before the register was asked: what left is never denied.

use super::{
    LicenceRecord, find, lock, note,
    usage::{ReservationRow, declared_json, earlier, line_of, parsed, shipped, sql_line, view},
};
use crate::{
    Error,
    cases::Moment,
    events,
    row::Reader,
    schema::{licence_departures, licence_lines, licence_reservations, licences},
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    ids::{DepartureId, LicenceId, OrganisationId, PersonId, ReservationId},
    licence::{
        Balance, Declaration, OwnUse, Reconciled, Refusal, ReservationState, SerialNumber,
        judge_reservation, reconcile,
    },
    regime::Regime,
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use serde_json::json;
use uuid::Uuid;

/// Goods that left.
#[derive(Clone, Debug)]
pub struct NewDeparture {
    /// Its id, made by the caller.
    pub id: DepartureId,
    /// The id of the reservation that it becomes, where there is none; made by the caller.
    pub reservation: ReservationId,
    /// The number of the licence as it was shown.
    pub number: String,
    /// The line of the licence.
    pub line: u16,
    /// The line of the declaration.
    pub declaration_line: u16,
    /// What was declared.
    pub declared: Declaration,
    /// The day it left, in Beijing.
    pub departed_on: Date,
}

/// Goods that left, as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepartureRecord {
    /// Which.
    pub id: DepartureId,
    /// Whose licence it was; `None` where the number is unknown.
    pub organisation: Option<OrganisationId>,
    /// The licence; `None` where the number is unknown.
    pub licence: Option<LicenceId>,
    /// Its number as it was shown.
    pub number: String,
    /// Its line.
    pub line: u16,
    /// The customs declaration.
    pub declaration: String,
    /// The line of the declaration.
    pub declaration_line: u16,
    /// How much left, in grams.
    pub grams: u64,
    /// How much of it the licence does not cover, in grams.
    pub excess_grams: u64,
    /// The day it left.
    pub departed_on: Date,
    /// Why the goods would have been refused, had the register been asked; besides their mass.
    pub irregularity: Option<String>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// What became of a departure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departed {
    /// It is recorded now.
    New(DepartureRecord),
    /// It was recorded before, for the same declaration and line.
    Before(DepartureRecord),
    /// The same declaration and line was recorded with another mass.
    Otherwise(DepartureRecord),
}

#[derive(HasQuery)]
#[diesel(table_name = licence_departures)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct DepartureRow {
    id: Uuid,
    organisation: Option<Uuid>,
    licence: Option<Uuid>,
    number: String,
    line: i16,
    declaration: String,
    declaration_line: i16,
    grams: i64,
    excess_grams: i64,
    departed_on: jiff_diesel::Date,
    irregularity: Option<String>,
    recorded_at: jiff_diesel::Timestamp,
}

/// Records goods that left, once for each declaration and line, whatever the licence says.
pub async fn record_departure(
    conn: &mut AsyncPgConnection,
    new: &NewDeparture,
    person: PersonId,
    regime: &Regime,
    moment: &Moment,
) -> Result<Departed, Error> {
    conn.transaction(async |conn| {
        let number: Option<SerialNumber> = new.number.parse().ok();
        let mut record = None;
        if let Some(number) = number {
            lock(conn, number).await?;
            record = find(conn, number).await?;
        }
        if let Some(before) = recorded_before(conn, new).await? {
            let same = before.grams == new.declared.mass.grams();
            return Ok(if same { Departed::Before(before) } else { Departed::Otherwise(before) });
        }
        let known = record.as_ref().filter(|record| line_of(record, new.line).is_ok());
        let (excess_grams, irregularity) = if let Some(record) = known {
            drawn(conn, record, new, person, regime, moment).await?
        } else {
            let unknown = if record.is_some() { "no_such_line" } else { "no_such_licence" };
            (new.declared.mass.grams(), Some(unknown))
        };
        let stored = store(conn, record.as_ref(), new, excess_grams, irregularity, person, moment);
        let stored = stored.await?;
        tell(conn, record.as_ref(), &stored, person, moment).await?;
        Ok(Departed::New(stored))
    })
    .await
}

/// What left under a licence before the register was asked, the oldest first.
pub async fn departures(
    conn: &mut AsyncPgConnection,
    licence: LicenceId,
    limit: i64,
) -> Result<Vec<DepartureRecord>, Error> {
    let rows: Vec<DepartureRow> = DepartureRow::query()
        .filter(licence_departures::licence.eq(licence.as_uuid()))
        .order(licence_departures::id)
        .limit(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(DepartureRecord::from).collect())
}

/// Draws what left from the licence. Answers what it does not cover, and why the goods would have
/// been refused besides.
async fn drawn(
    conn: &mut AsyncPgConnection,
    record: &LicenceRecord,
    new: &NewDeparture,
    person: PersonId,
    regime: &Regime,
    moment: &Moment,
) -> Result<(u64, Option<&'static str>), Error> {
    let own: Option<ReservationRow> = ReservationRow::query()
        .filter(licence_reservations::licence.eq(record.id.as_uuid()))
        .filter(licence_reservations::line.eq(sql_line(new.line)))
        .filter(licence_reservations::declaration.eq(&new.declared.number))
        .filter(licence_reservations::declaration_line.eq(sql_line(new.declaration_line)))
        .for_update()
        .first(conn)
        .await
        .optional()?;
    let own = own.map(parsed).transpose()?;
    let before = own.as_ref().map_or(OwnUse::default(), |own| match own.state {
        ReservationState::Reserved => OwnUse { reserved_grams: own.grams, confirmed_grams: 0 },
        ReservationState::Confirmed => OwnUse { reserved_grams: 0, confirmed_grams: own.grams },
        ReservationState::Released => OwnUse::default(),
    });
    let Ok(line) = line_of(record, new.line) else { return Ok((0, None)) };
    let shipped = shipped(conn, record.id, &new.declared.number).await?;
    let earlier = earlier(conn, record, own.as_ref().map(|own| own.id)).await?;
    let mut view = view(record, line, regime, shipped, &earlier);
    view.balance = Balance { reserved_grams: 0, confirmed_grams: 0, ..line.balance };
    let irregularity = match judge_reservation(&view, &new.declared, new.departed_on) {
        // What is beyond the balance is told by its mass.
        Ok(()) | Err(Refusal::Balance { .. }) => None,
        Err(refusal) => Some(refusal.code()),
    };
    let after = reconcile(line.balance, before, new.declared.mass.grams());
    move_balance(conn, record, new.line, before, after).await?;
    let own = own.map(|own| own.id);
    settle(conn, record, own, new, after.confirmed_grams, person, moment).await?;
    Ok((after.excess_grams, irregularity))
}

async fn move_balance(
    conn: &mut AsyncPgConnection,
    record: &LicenceRecord,
    line: u16,
    before: OwnUse,
    after: Reconciled,
) -> Result<(), Error> {
    let drawn = after.confirmed_grams.saturating_sub(before.confirmed_grams).cast_signed();
    let freed = before.reserved_grams.cast_signed();
    diesel::update(
        licence_lines::table
            .filter(licence_lines::licence.eq(record.id.as_uuid()))
            .filter(licence_lines::line.eq(sql_line(line))),
    )
    .set((
        licence_lines::reserved_grams.eq(licence_lines::reserved_grams - freed),
        licence_lines::confirmed_grams.eq(licence_lines::confirmed_grams + drawn),
    ))
    .execute(conn)
    .await?;
    diesel::update(licences::table.find(record.id.as_uuid()))
        .set(licences::shipped.eq(true))
        .execute(conn)
        .await?;
    Ok(())
}

/// The reservation of the declaration and line holds what was drawn, confirmed.
async fn settle(
    conn: &mut AsyncPgConnection,
    record: &LicenceRecord,
    own: Option<ReservationId>,
    new: &NewDeparture,
    confirmed_grams: u64,
    person: PersonId,
    moment: &Moment,
) -> Result<(), Error> {
    let at = moment.at.to_diesel();
    let settled = (
        licence_reservations::settled_by.eq(person.as_uuid()),
        licence_reservations::settled_at.eq(at),
    );
    match (own, confirmed_grams) {
        (None, 0) => {}
        (None, grams) => {
            diesel::insert_into(licence_reservations::table)
                .values((
                    licence_reservations::id.eq(new.reservation.as_uuid()),
                    licence_reservations::licence.eq(record.id.as_uuid()),
                    licence_reservations::line.eq(sql_line(new.line)),
                    licence_reservations::declaration.eq(&new.declared.number),
                    licence_reservations::declaration_line.eq(sql_line(new.declaration_line)),
                    licence_reservations::grams.eq(grams.cast_signed()),
                    licence_reservations::state.eq(ReservationState::Confirmed.as_str()),
                    licence_reservations::reserved_by.eq(person.as_uuid()),
                    licence_reservations::reserved_at.eq(at),
                    settled,
                    licence_reservations::declared.eq(declared_json(&new.declared)),
                ))
                .execute(conn)
                .await?;
        }
        // Nothing was left to draw: what was reserved has become nothing.
        (Some(own), 0) => {
            diesel::update(licence_reservations::table.find(own.as_uuid()))
                .set((licence_reservations::state.eq(ReservationState::Released.as_str()), settled))
                .execute(conn)
                .await?;
        }
        (Some(own), grams) => {
            diesel::update(licence_reservations::table.find(own.as_uuid()))
                .set((
                    licence_reservations::state.eq(ReservationState::Confirmed.as_str()),
                    licence_reservations::grams.eq(grams.cast_signed()),
                    settled,
                ))
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

async fn store(
    conn: &mut AsyncPgConnection,
    record: Option<&LicenceRecord>,
    new: &NewDeparture,
    excess_grams: u64,
    irregularity: Option<&str>,
    person: PersonId,
    moment: &Moment,
) -> Result<DepartureRecord, Error> {
    diesel::insert_into(licence_departures::table)
        .values((
            licence_departures::id.eq(new.id.as_uuid()),
            licence_departures::organisation.eq(record.map(|record| record.organisation.as_uuid())),
            licence_departures::licence.eq(record.map(|record| record.id.as_uuid())),
            licence_departures::number.eq(&new.number),
            licence_departures::line.eq(sql_line(new.line)),
            licence_departures::declaration.eq(&new.declared.number),
            licence_departures::declaration_line.eq(sql_line(new.declaration_line)),
            licence_departures::grams.eq(new.declared.mass.grams_signed()),
            licence_departures::excess_grams.eq(excess_grams.cast_signed()),
            licence_departures::departed_on.eq(new.departed_on.to_diesel()),
            licence_departures::irregularity.eq(irregularity),
            licence_departures::declared.eq(declared_json(&new.declared)),
            licence_departures::recorded_by.eq(person.as_uuid()),
            licence_departures::recorded_at.eq(moment.at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    let stored = recorded_before(conn, new).await?;
    let reader = Reader { table: "licence_departures", id: new.id.as_uuid() };
    stored.ok_or_else(|| reader.corrupt("id").into())
}

async fn recorded_before(
    conn: &mut AsyncPgConnection,
    new: &NewDeparture,
) -> Result<Option<DepartureRecord>, Error> {
    let row: Option<DepartureRow> = DepartureRow::query()
        .filter(licence_departures::number.eq(&new.number))
        .filter(licence_departures::line.eq(sql_line(new.line)))
        .filter(licence_departures::declaration.eq(&new.declared.number))
        .filter(licence_departures::declaration_line.eq(sql_line(new.declaration_line)))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(DepartureRecord::from))
}

async fn tell(
    conn: &mut AsyncPgConnection,
    record: Option<&LicenceRecord>,
    departure: &DepartureRecord,
    person: PersonId,
    moment: &Moment,
) -> Result<(), Error> {
    if let Some(record) = record {
        let detail = json!({
            "departure": departure.id,
            "line": departure.line,
            "declaration": departure.declaration,
            "grams": departure.grams,
            "excess_grams": departure.excess_grams,
        });
        note(conn, record.id, "departed", Some(person), moment, detail).await?;
    }
    let event = Event::LicenceDeparted {
        departure: departure.id,
        licence: departure.licence,
        organisation: departure.organisation,
        number: departure.number.clone(),
        declaration: departure.declaration.clone(),
        line: departure.line,
        grams: departure.grams,
        excess_grams: departure.excess_grams,
    };
    events::append(conn, &moment.origin(Some(person)), departure.id.as_uuid(), &event).await
}

impl From<DepartureRow> for DepartureRecord {
    fn from(row: DepartureRow) -> Self {
        Self {
            id: DepartureId::from_uuid(row.id),
            organisation: row.organisation.map(OrganisationId::from_uuid),
            licence: row.licence.map(LicenceId::from_uuid),
            number: row.number,
            line: row.line.unsigned_abs(),
            declaration: row.declaration,
            declaration_line: row.declaration_line.unsigned_abs(),
            grams: row.grams.unsigned_abs(),
            excess_grams: row.excess_grams.unsigned_abs(),
            departed_on: row.departed_on.into(),
            irregularity: row.irregularity,
            recorded_at: row.recorded_at.into(),
        }
    }
}
