//! Declarations that are amended before the goods leave.
//!
//! Customs number the amendments of a declaration's line; the same number again changes nothing.
//! What was said before each is kept.

use super::{
    LicenceRecord, find, lock,
    usage::{
        ReservationRecord, UseError, declared_json, earlier, line_of, of_licence, shipped,
        sql_line, tell, view,
    },
};
use crate::{
    Error,
    cases::Moment,
    row::Reader,
    schema::{licence_lines, licence_reservations, reservation_amendments},
};
use diesel::{ExpressionMethods, HasQuery, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::beijing_date,
    ids::{PersonId, ReservationId},
    licence::{Balance, Declaration, Refusal, SerialNumber, judge_amendment},
    regime::Regime,
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// What a declaration said before it was amended.
#[derive(Clone, Debug)]
pub struct Amendment {
    /// From 1.
    pub number: u16,
    /// How much was declared before, in grams.
    pub grams: u64,
    /// What was declared before, unless it was made before that was kept.
    pub declared: Option<Declaration>,
    /// Who amended it.
    pub amended_by: PersonId,
    /// When.
    pub amended_at: Timestamp,
}

#[derive(HasQuery)]
#[diesel(table_name = reservation_amendments)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct AmendmentRow {
    reservation: Uuid,
    amendment: i16,
    grams: i64,
    declared: Option<serde_json::Value>,
    amended_by: Uuid,
    amended_at: jiff_diesel::Timestamp,
}

/// Amends a reservation to what is declared now, under the number that customs give the amendment.
#[expect(
    clippy::too_many_arguments,
    reason = "which reservation, what, by whom, when and by what law"
)]
pub async fn amend(
    conn: &mut AsyncPgConnection,
    number: SerialNumber,
    id: ReservationId,
    amendment: u16,
    declared: &Declaration,
    person: PersonId,
    regime: &Regime,
    moment: &Moment,
) -> Result<ReservationRecord, UseError> {
    conn.transaction(async |conn| {
        lock(conn, number).await?;
        let record = find(conn, number).await?.ok_or(UseError::NoSuchLicence)?;
        let before = of_licence(conn, record.id, id).await?.ok_or(UseError::NoSuchReservation)?;
        // The number of the declaration is what makes it this one.
        let declared = Declaration { number: before.declaration.clone(), ..declared.clone() };
        let next = before.amendment.saturating_add(1);
        if amendment == before.amendment && before.amendment > 0 {
            let same = before.declared.as_ref() == Some(&declared);
            return if same { Ok(before) } else { Err(UseError::AmendedOtherwise(amendment)) };
        }
        if amendment != next {
            return Err(UseError::AmendmentOutOfOrder { next, found: amendment });
        }
        judge(conn, &record, &before, &declared, regime).await?;
        move_reserved(conn, &before, &declared).await?;
        keep(conn, &record, &before, next, person, moment).await?;
        diesel::update(licence_reservations::table.find(id.as_uuid()))
            .set((
                licence_reservations::grams.eq(declared.mass.grams_signed()),
                licence_reservations::declared.eq(declared_json(&declared)),
                licence_reservations::amendment.eq(sql_line(next)),
            ))
            .execute(conn)
            .await?;
        let amended = of_licence(conn, record.id, id).await?.ok_or(UseError::NoSuchReservation)?;
        tell(conn, &record, &amended, "amended", person, moment).await?;
        Ok(amended)
    })
    .await
}

/// What a reservation said before each of its amendments, the first first.
pub async fn amendments(
    conn: &mut AsyncPgConnection,
    id: ReservationId,
) -> Result<Vec<Amendment>, Error> {
    let rows: Vec<AmendmentRow> = AmendmentRow::query()
        .filter(reservation_amendments::reservation.eq(id.as_uuid()))
        .order(reservation_amendments::amendment)
        .load(conn)
        .await?;
    rows.into_iter().map(parsed).collect()
}

async fn judge(
    conn: &mut AsyncPgConnection,
    record: &LicenceRecord,
    before: &ReservationRecord,
    declared: &Declaration,
    regime: &Regime,
) -> Result<(), UseError> {
    let line = line_of(record, before.line)?;
    let shipped = shipped(conn, record.id, &before.declaration).await?;
    let earlier = earlier(conn, record, Some(before.id)).await?;
    let mut view = view(record, line, regime, shipped, &earlier);
    view.balance = Balance {
        reserved_grams: line.balance.reserved_grams.saturating_sub(before.grams),
        ..line.balance
    };
    let reserved_on = beijing_date(before.reserved_at);
    Ok(judge_amendment(&view, before.state, declared, reserved_on)?)
}

/// Takes the difference out of what is left, or gives it back, if that much is left now.
async fn move_reserved(
    conn: &mut AsyncPgConnection,
    before: &ReservationRecord,
    declared: &Declaration,
) -> Result<(), UseError> {
    let more = declared.mass.grams_signed() - before.grams.cast_signed();
    let taken = licence_lines::reserved_grams + licence_lines::confirmed_grams;
    let enough = (taken + more).le(licence_lines::licensed_grams);
    let moved = diesel::update(
        licence_lines::table
            .filter(licence_lines::licence.eq(before.licence.as_uuid()))
            .filter(licence_lines::line.eq(sql_line(before.line)))
            .filter(enough),
    )
    .set(licence_lines::reserved_grams.eq(licence_lines::reserved_grams + more))
    .execute(conn)
    .await?;
    if moved == 1 {
        return Ok(());
    }
    // Whoever reserves holds the licence in share, so nobody was faster: only a balance that the
    // judgement above would have refused comes here.
    let declared_grams = declared.mass.grams();
    Err(Refusal::Balance { left_grams: before.grams, declared_grams }.into())
}

async fn keep(
    conn: &mut AsyncPgConnection,
    record: &LicenceRecord,
    before: &ReservationRecord,
    number: u16,
    person: PersonId,
    moment: &Moment,
) -> Result<(), Error> {
    diesel::insert_into(reservation_amendments::table)
        .values((
            reservation_amendments::reservation.eq(before.id.as_uuid()),
            reservation_amendments::amendment.eq(sql_line(number)),
            reservation_amendments::organisation.eq(record.organisation.as_uuid()),
            reservation_amendments::grams.eq(before.grams.cast_signed()),
            reservation_amendments::declared.eq(before.declared.as_ref().map(declared_json)),
            reservation_amendments::amended_by.eq(person.as_uuid()),
            reservation_amendments::amended_at.eq(moment.at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

fn parsed(row: AmendmentRow) -> Result<Amendment, Error> {
    let reader = Reader { table: "reservation_amendments", id: row.reservation };
    let declared = row.declared.map(serde_json::from_value).transpose();
    Ok(Amendment {
        number: row.amendment.unsigned_abs(),
        grams: row.grams.unsigned_abs(),
        declared: declared.map_err(|_| reader.corrupt("declared"))?,
        amended_by: PersonId::from_uuid(row.amended_by),
        amended_at: row.amended_at.into(),
    })
}
