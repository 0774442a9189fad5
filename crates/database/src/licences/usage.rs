//! Drawing a licence down at the border: confirm and release, and what is said of reservations.
//!
//! Reservations are made by one writer ([`super::reserving`]). Whoever settles one holds the licence,
//! and waits for a batch that is under way.

use super::{LicenceLineRecord, LicenceRecord, find, lock, note};
use crate::{
    Error,
    cases::Moment,
    events,
    row::Reader,
    schema::{licence_lines, licence_reservations, licences},
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::beijing_date,
    event::Event,
    ids::{LicenceId, OrganisationId, PersonId, ReservationId},
    licence::{
        Declaration, EarlierUse, LicenceContent, LicenceView, Refusal, ReservationState,
        SerialNumber, Settlement, Shipped, judge_confirmation, judge_settlement,
    },
    regime::{HowMany, Regime},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use serde_json::json;
use uuid::Uuid;

/// Goods declared at the border.
#[derive(Clone, Debug)]
pub struct NewReservation {
    /// Its id, made by the caller.
    pub id: ReservationId,
    /// The line of the licence.
    pub line: u16,
    /// The line of the declaration.
    pub declaration_line: u16,
    /// What it declares.
    pub declared: Declaration,
}

/// A reservation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationRecord {
    /// Which.
    pub id: ReservationId,
    /// The licence.
    pub licence: LicenceId,
    /// Its line.
    pub line: u16,
    /// The customs declaration.
    pub declaration: String,
    /// The line of the declaration.
    pub declaration_line: u16,
    /// How much, in grams.
    pub grams: u64,
    /// Where it stands.
    pub state: ReservationState,
    /// When it was made.
    pub reserved_at: Timestamp,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
    /// How often it was amended.
    pub amendment: u16,
    /// What is declared, unless it was made before that was kept.
    pub declared: Option<Declaration>,
}

/// What became of a request to reserve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is reserved now.
    New(ReservationRecord),
    /// It was reserved before, for the same declaration and line.
    Before(ReservationRecord),
}

/// Why a licence was not used.
#[derive(Debug, thiserror::Error)]
pub enum UseError {
    /// There is no such licence.
    #[error("there is no such licence")]
    NoSuchLicence,
    /// The licence has no such line.
    #[error("the licence has no line {0}")]
    NoSuchLine(u16),
    /// The licence has no such reservation.
    #[error("there is no such reservation")]
    NoSuchReservation,
    /// The same declaration and line was declared with another mass.
    #[error("this line of the declaration was declared before, with {} kg", domain::mass::kilograms_of_grams(.0.cast_signed()))]
    DeclaredOtherwise(u64),
    /// Amendments are numbered one after the other.
    #[error("the next amendment is number {next}, not {found}")]
    AmendmentOutOfOrder {
        /// Which number comes next.
        next: u16,
        /// Which was sent.
        found: u16,
    },
    /// The same amendment was sent with another content.
    #[error("amendment {0} was sent before, with another content")]
    AmendedOtherwise(u16),
    /// The law of licences says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// More want to reserve than can be written.
    #[error("too many reservations wait to be written")]
    Overloaded,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<diesel::result::Error> for UseError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Confirms or releases a reservation. A repeat finds it settled in the same way and answers it.
pub async fn settle(
    conn: &mut AsyncPgConnection,
    number: SerialNumber,
    id: ReservationId,
    settlement: Settlement,
    person: PersonId,
    regime: &Regime,
    moment: &Moment,
) -> Result<ReservationRecord, UseError> {
    conn.transaction(async |conn| {
        lock(conn, number).await?;
        let record = find(conn, number).await?.ok_or(UseError::NoSuchLicence)?;
        let reservation =
            of_licence(conn, record.id, id).await?.ok_or(UseError::NoSuchReservation)?;
        let wanted = match settlement {
            Settlement::Confirm => ReservationState::Confirmed,
            Settlement::Release => ReservationState::Released,
        };
        if reservation.state == wanted {
            return Ok(reservation);
        }
        match settlement {
            Settlement::Confirm => {
                let shipped = shipped(conn, record.id, &reservation.declaration).await?;
                let shipments = shipments(&record.content, regime);
                judge_confirmation(
                    record.state,
                    record.pending_change,
                    shipments,
                    shipped,
                    reservation.state,
                )?;
            }
            Settlement::Release => judge_settlement(reservation.state)?,
        }
        move_balance(conn, &reservation, settlement).await?;
        let settled = mark_settled(conn, id, wanted, person, moment).await?;
        let step = wanted.as_str();
        tell(conn, &record, &settled, step, person, moment).await?;
        Ok(settled)
    })
    .await
}

/// The reservations of a licence, the oldest first.
pub async fn reservations(
    conn: &mut AsyncPgConnection,
    licence: LicenceId,
    limit: i64,
) -> Result<Vec<ReservationRecord>, Error> {
    let rows: Vec<ReservationRow> = ReservationRow::query()
        .filter(licence_reservations::licence.eq(licence.as_uuid()))
        .order(licence_reservations::id)
        .limit(limit)
        .load(conn)
        .await?;
    rows.into_iter().map(parsed).collect()
}

/// One reservation of a licence. `None` is an ordinary answer.
pub async fn find_reservation(
    conn: &mut AsyncPgConnection,
    licence: LicenceId,
    id: ReservationId,
) -> Result<Option<ReservationRecord>, Error> {
    let row: Option<ReservationRow> = ReservationRow::query()
        .filter(licence_reservations::id.eq(id.as_uuid()))
        .filter(licence_reservations::licence.eq(licence.as_uuid()))
        .first(conn)
        .await
        .optional()?;
    row.map(parsed).transpose()
}

pub(super) fn line_of(record: &LicenceRecord, number: u16) -> Result<&LicenceLineRecord, UseError> {
    let line = record.lines.iter().find(|line| line.line == number);
    line.ok_or(UseError::NoSuchLine(number))
}

/// A licence and one of its lines, as the law must see them.
pub(super) fn view<'a>(
    record: &'a LicenceRecord,
    line: &'a LicenceLineRecord,
    regime: &Regime,
    shipped: Shipped,
    earlier: &'a [EarlierUse],
) -> LicenceView<'a> {
    LicenceView {
        state: record.state,
        pending_change: record.pending_change,
        validity: record.content.validity,
        shipments: shipments(&record.content, regime),
        shipped,
        content: &record.content,
        line: line.line,
        control_code: &line.control_code,
        hs_code: line.hs_code.as_ref(),
        balance: line.balance,
        earlier,
    }
}

/// What was declared under the licence before, where one of its conditions looks back on that.
///
/// Its lines are held fast until the end of the transaction then: two who declare at once are
/// judged one after the other. `without` is left out: the reservation that is amended.
pub(super) async fn earlier(
    conn: &mut AsyncPgConnection,
    record: &LicenceRecord,
    without: Option<ReservationId>,
) -> Result<Vec<EarlierUse>, Error> {
    let conditions = &record.content.conditions;
    if !conditions.iter().any(|condition| condition.requirement.looks_back()) {
        return Ok(Vec::new());
    }
    licence_lines::table
        .filter(licence_lines::licence.eq(record.id.as_uuid()))
        .order(licence_lines::line)
        .select(licence_lines::line)
        .for_update()
        .load::<i16>(conn)
        .await?;
    let rows: Vec<ReservationRow> = ReservationRow::query()
        .filter(licence_reservations::licence.eq(record.id.as_uuid()))
        .filter(licence_reservations::state.ne(ReservationState::Released.as_str()))
        .load(conn)
        .await?;
    let others = rows.into_iter().filter(|row| Some(ReservationId::from_uuid(row.id)) != without);
    let earlier = others.map(|row| EarlierUse {
        declaration: row.declaration,
        line: row.line.unsigned_abs(),
        grams: row.grams.unsigned_abs(),
        day: beijing_date(row.reserved_at.into()),
    });
    Ok(earlier.collect())
}

/// How many shipments a licence allows, by the rule of the day it was issued.
pub(super) fn shipments(content: &LicenceContent, regime: &Regime) -> HowMany {
    let rule = regime.licence_rule(content.kind, content.issued_on);
    // Where no rule is known any more, the narrowest reading holds.
    rule.map_or(HowMany::One, |row| row.value.shipments)
}

/// Whether goods of another declaration have left under the licence.
pub(super) async fn shipped(
    conn: &mut AsyncPgConnection,
    licence: LicenceId,
    declaration: &str,
) -> Result<Shipped, Error> {
    let another = licence_reservations::table
        .filter(licence_reservations::licence.eq(licence.as_uuid()))
        .filter(licence_reservations::state.eq(ReservationState::Confirmed.as_str()))
        .filter(licence_reservations::declaration.ne(declaration))
        .select(licence_reservations::id)
        .first::<Uuid>(conn)
        .await
        .optional()?;
    Ok(if another.is_some() { Shipped::Already } else { Shipped::NotYet })
}

async fn move_balance(
    conn: &mut AsyncPgConnection,
    reservation: &ReservationRecord,
    settlement: Settlement,
) -> Result<(), Error> {
    let grams = reservation.grams.cast_signed();
    let confirmed = match settlement {
        Settlement::Confirm => grams,
        Settlement::Release => 0,
    };
    diesel::update(
        licence_lines::table
            .filter(licence_lines::licence.eq(reservation.licence.as_uuid()))
            .filter(licence_lines::line.eq(sql_line(reservation.line))),
    )
    .set((
        licence_lines::reserved_grams.eq(licence_lines::reserved_grams - grams),
        licence_lines::confirmed_grams.eq(licence_lines::confirmed_grams + confirmed),
    ))
    .execute(conn)
    .await?;
    if settlement == Settlement::Confirm {
        diesel::update(licences::table.filter(licences::id.eq(reservation.licence.as_uuid())))
            .set(licences::shipped.eq(true))
            .execute(conn)
            .await?;
    }
    Ok(())
}

async fn mark_settled(
    conn: &mut AsyncPgConnection,
    id: ReservationId,
    state: ReservationState,
    person: PersonId,
    moment: &Moment,
) -> Result<ReservationRecord, UseError> {
    diesel::update(licence_reservations::table.filter(licence_reservations::id.eq(id.as_uuid())))
        .set((
            licence_reservations::state.eq(state.as_str()),
            licence_reservations::settled_by.eq(person.as_uuid()),
            licence_reservations::settled_at.eq(moment.at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    let row: ReservationRow = ReservationRow::query()
        .filter(licence_reservations::id.eq(id.as_uuid()))
        .first(conn)
        .await?;
    Ok(parsed(row)?)
}

pub(super) async fn of_licence(
    conn: &mut AsyncPgConnection,
    licence: LicenceId,
    id: ReservationId,
) -> Result<Option<ReservationRecord>, UseError> {
    let row: Option<ReservationRow> = ReservationRow::query()
        .filter(licence_reservations::id.eq(id.as_uuid()))
        .filter(licence_reservations::licence.eq(licence.as_uuid()))
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(parsed).transpose()?)
}

pub(super) async fn tell(
    conn: &mut AsyncPgConnection,
    licence: &LicenceRecord,
    reservation: &ReservationRecord,
    step: &'static str,
    person: PersonId,
    moment: &Moment,
) -> Result<(), Error> {
    let (detail, event) = used(licence.organisation, reservation, step);
    note(conn, licence.id, step, Some(person), moment, detail).await?;
    events::append(conn, &moment.origin(Some(person)), licence.id.as_uuid(), &event).await
}

/// A step of a licence's use: what is noted with the licence, and what everybody is told.
pub(super) fn used(
    organisation: OrganisationId,
    reservation: &ReservationRecord,
    step: &'static str,
) -> (serde_json::Value, Event) {
    let detail = json!({
        "reservation": reservation.id,
        "line": reservation.line,
        "declaration": reservation.declaration,
        "grams": reservation.grams,
    });
    let event = Event::LicenceUsed {
        licence: reservation.licence,
        reservation: reservation.id,
        organisation,
        step: step.to_owned(),
        declaration: reservation.declaration.clone(),
        line: reservation.line,
        grams: reservation.grams,
    };
    (detail, event)
}

#[derive(HasQuery)]
#[diesel(table_name = licence_reservations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct ReservationRow {
    id: Uuid,
    licence: Uuid,
    line: i16,
    declaration: String,
    declaration_line: i16,
    grams: i64,
    state: String,
    reserved_at: jiff_diesel::Timestamp,
    settled_at: Option<jiff_diesel::Timestamp>,
    amendment: i16,
    declared: Option<serde_json::Value>,
}

/// What was declared, as it is kept.
pub(super) fn declared_json(declared: &Declaration) -> serde_json::Value {
    serde_json::to_value(declared).expect("a declaration is plain JSON")
}

pub(super) fn parsed(row: ReservationRow) -> Result<ReservationRecord, Error> {
    let reader = Reader { table: "licence_reservations", id: row.id };
    Ok(ReservationRecord {
        id: ReservationId::from_uuid(row.id),
        licence: LicenceId::from_uuid(row.licence),
        line: row.line.unsigned_abs(),
        declaration: row.declaration,
        declaration_line: row.declaration_line.unsigned_abs(),
        grams: row.grams.unsigned_abs(),
        state: reader.word("state", &row.state)?,
        reserved_at: row.reserved_at.into(),
        settled_at: row.settled_at.map(Into::into),
        amendment: row.amendment.unsigned_abs(),
        declared: row
            .declared
            .map(serde_json::from_value)
            .transpose()
            .map_err(|_| reader.corrupt("declared"))?,
    })
}

pub(super) fn sql_line(line: u16) -> i16 {
    i16::try_from(line).unwrap_or(i16::MAX)
}
