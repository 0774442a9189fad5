//! Licences in Postgres: issued with their signature, changed only through the domain's table,
//! drawn down by guarded updates whose sums the table itself refuses to let fall below zero.

mod amendments;
mod arrivals;
mod changes;
mod departures;
mod list;
mod reserving;
mod row;
mod usage;

pub use amendments::{Amendment, amend, amendments};
pub use arrivals::{ArrivalRecord, NewArrival, arrivals, report_arrival};
pub(crate) use changes::follow;
pub use changes::{begin_change, end_change};
pub use departures::{Departed, DepartureRecord, NewDeparture, departures, record_departure};
pub use list::{LicenceHeader, Withdrawn, of_organisation, withdrawn};
pub use reserving::{ReservationRequest, ReservationWriter};
pub use row::{LicenceLineRecord, LicenceRecord};
pub use usage::{
    NewReservation, ReservationRecord, Reserved, UseError, find_reservation, reservations, settle,
};

use crate::{
    Error,
    cases::{Issued, Moment},
    events,
    schema::{licence_events, licence_lines, licences},
};
use diesel::{ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    codes::Role,
    event::Event,
    ids::{CaseId, LicenceId, PersonId},
    licence::{LicenceAction, LicenceState, LicenceTransition, SerialNumber, StepNotPossible},
};
use jiff_diesel::ToDiesel;
use row::{LicenceRow, LineRow};
use serde_json::{Value, json};
use uuid::Uuid;

/// Why a licence was not changed.
#[derive(Debug, thiserror::Error)]
pub enum LicenceError {
    /// There is no such licence, or not for whoever asked.
    #[error("there is no such licence")]
    NoSuchLicence,
    /// It was changed since it was read.
    #[error("the licence was changed in the meantime")]
    Stale,
    /// The state does not allow it.
    #[error(transparent)]
    NotPossible(#[from] StepNotPossible),
    /// Another application to change it is pending.
    #[error("an application to change the licence is pending already")]
    ChangePending(CaseId),
    /// The step is for another role.
    #[error("{action} is for the role {needs}")]
    WrongRole {
        /// What was wanted.
        action: LicenceAction,
        /// The role it takes.
        needs: Role,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<diesel::result::Error> for LicenceError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Finds a licence by its number. `None` is an ordinary answer.
pub async fn find(
    conn: &mut AsyncPgConnection,
    number: SerialNumber,
) -> Result<Option<LicenceRecord>, Error> {
    let row: Option<LicenceRow> = LicenceRow::query()
        .filter(licences::number.eq(number.to_string()))
        .first(conn)
        .await
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let lines: Vec<LineRow> = LineRow::query()
        .filter(licence_lines::licence.eq(row.id))
        .order(licence_lines::line)
        .load(conn)
        .await?;
    let pending_change = changes::pending(conn, row.id).await?;
    Ok(Some(LicenceRecord::try_from((row, lines, pending_change))?))
}

/// Stores a licence that was just signed, with its lines and its event. Call it inside the
/// transaction that approves the case.
pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    issued: &Issued,
    person: Option<PersonId>,
    moment: &Moment,
) -> Result<(), Error> {
    let content = &issued.content;
    diesel::insert_into(licences::table)
        .values((
            (
                licences::id.eq(content.licence.as_uuid()),
                licences::number.eq(content.number.to_string()),
                licences::case_id.eq(content.case.as_uuid()),
                licences::organisation.eq(content.holder.organisation.as_uuid()),
                licences::version.eq(1),
                licences::kind.eq(content.kind.as_str()),
                licences::state.eq(LicenceState::Issued.as_str()),
                licences::valid_from.eq(content.validity.from().to_diesel()),
                licences::valid_until.eq(content.validity.until().to_diesel()),
            ),
            (
                licences::destination.eq(content.destination.as_str()),
                licences::consignee.eq(content.consignees.join("; ")),
                licences::end_user.eq(content.end_users.join("; ")),
                licences::end_use.eq(&content.end_use),
                licences::issued_at.eq(moment.at.to_diesel()),
                licences::issued_by.eq(person.map_or(Uuid::nil(), PersonId::as_uuid)),
                licences::signed_content.eq(&issued.signed_content),
                licences::signing_key.eq(&issued.signing_key),
                licences::signature.eq(&issued.signature),
            ),
        ))
        .execute(conn)
        .await?;
    let lines: Vec<_> = content
        .lines
        .iter()
        .map(|line| {
            (
                licence_lines::licence.eq(content.licence.as_uuid()),
                licence_lines::line.eq(i16::try_from(line.line).unwrap_or(i16::MAX)),
                licence_lines::control_code.eq(&line.control_code.0),
                licence_lines::description.eq(&line.description),
                licence_lines::hs_code.eq(line.hs_code.as_ref().map(ToString::to_string)),
                licence_lines::licensed_grams.eq(line.licensed_grams.cast_signed()),
            )
        })
        .collect();
    diesel::insert_into(licence_lines::table).values(lines).execute(conn).await?;
    note(conn, content.licence, "issue", person, moment, json!({"number": content.number})).await?;
    let event = Event::LicenceIssued {
        licence: content.licence,
        case: content.case,
        organisation: content.holder.organisation,
        number: content.number.to_string(),
    };
    events::append(conn, &moment.origin(person), content.licence.as_uuid(), &event).await
}

/// Suspends, reinstates, revokes or takes back a licence that the role sees.
#[expect(clippy::too_many_arguments, reason = "who does what to which version, why and when")]
pub async fn transition(
    conn: &mut AsyncPgConnection,
    number: SerialNumber,
    expected_version: u32,
    action: LicenceAction,
    role: Role,
    person: PersonId,
    reason: &str,
    moment: &Moment,
) -> Result<LicenceRecord, LicenceError> {
    conn.transaction(async |conn| {
        lock(conn, number).await?;
        let record = find(conn, number).await?.ok_or(LicenceError::NoSuchLicence)?;
        if record.version != expected_version {
            return Err(LicenceError::Stale);
        }
        let step = record.state.take(action)?;
        if step.by != role {
            return Err(LicenceError::WrongRole { action, needs: step.by });
        }
        move_to(conn, &record, step, Some(person), json!({"reason": reason}), moment).await?;
        find(conn, number).await?.ok_or(LicenceError::NoSuchLicence)
    })
    .await
}

/// Brings a licence that is locked into its next state, and tells everybody.
async fn move_to(
    conn: &mut AsyncPgConnection,
    record: &LicenceRecord,
    step: LicenceTransition,
    person: Option<PersonId>,
    detail: Value,
    moment: &Moment,
) -> Result<(), Error> {
    diesel::update(licences::table.filter(licences::id.eq(record.id.as_uuid())))
        .set((licences::state.eq(step.to.as_str()), licences::version.eq(licences::version + 1)))
        .execute(conn)
        .await?;
    note(conn, record.id, step.action.as_str(), person, moment, detail).await?;
    let event = Event::LicenceMoved {
        licence: record.id,
        organisation: Some(record.organisation),
        action: step.action.to_string(),
        state: step.to.to_string(),
        person,
    };
    events::append(conn, &moment.origin(person), record.id.as_uuid(), &event).await
}

/// Holds a licence fast until the end of the transaction: nobody changes its state meanwhile.
async fn lock(conn: &mut AsyncPgConnection, number: SerialNumber) -> Result<(), Error> {
    licences::table
        .filter(licences::number.eq(number.to_string()))
        .select(licences::id)
        .for_update()
        .first::<Uuid>(conn)
        .await
        .optional()?;
    Ok(())
}

async fn note(
    conn: &mut AsyncPgConnection,
    licence: LicenceId,
    action: &str,
    person: Option<PersonId>,
    moment: &Moment,
    detail: Value,
) -> Result<(), Error> {
    diesel::insert_into(licence_events::table)
        .values((
            licence_events::id.eq(Uuid::now_v7()),
            licence_events::licence.eq(licence.as_uuid()),
            licence_events::action.eq(action),
            licence_events::person.eq(person.map(PersonId::as_uuid)),
            licence_events::occurred_at.eq(moment.at.to_diesel()),
            licence_events::detail.eq(detail),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
