//! Applications to change a licence in other than its key elements: while one is pending, the licence
//! is not used (decree 792, article 18).
//!
//! The application itself is a case like any other. [`follow`] is called in the transaction in which
//! it moves, whoever moves it.

use super::{LicenceError, LicenceRecord, find, lock, move_to, note};
use crate::{
    Error,
    cases::Moment,
    events,
    schema::{licence_changes, licences},
};
use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    application::EarlierEffect,
    event::Event,
    ids::{CaseId, PersonId},
    licence::{ChangeOutcome, LicenceAction, LicenceState, SerialNumber, StepNotPossible},
};
use jiff_diesel::ToDiesel;
use serde_json::json;
use uuid::Uuid;

/// Notes that an application to change the licence was handed in: from now on it is not used.
///
/// Waits for reservations that are under way and lets none begin afterwards. A second application
/// for the same licence while one is pending is [`LicenceError::ChangePending`].
pub async fn begin_change(
    conn: &mut AsyncPgConnection,
    number: SerialNumber,
    case: CaseId,
    person: PersonId,
    moment: &Moment,
) -> Result<LicenceRecord, LicenceError> {
    conn.transaction(async |conn| {
        lock(conn, number).await?;
        let record = find(conn, number).await?.ok_or(LicenceError::NoSuchLicence)?;
        match record.pending_change {
            Some(pending) if pending == case => return Ok(record),
            Some(pending) => return Err(LicenceError::ChangePending(pending)),
            None => {}
        }
        if !matches!(record.state, LicenceState::Issued | LicenceState::Suspended) {
            let (state, action) = (record.state, LicenceAction::Supersede);
            return Err(StepNotPossible { state, action }.into());
        }
        diesel::insert_into(licence_changes::table)
            .values((
                licence_changes::case_id.eq(case.as_uuid()),
                licence_changes::organisation.eq(record.organisation.as_uuid()),
                licence_changes::licence.eq(record.id.as_uuid()),
                licence_changes::begun_at.eq(moment.at.to_diesel()),
            ))
            // It was returned or refused before, and comes again.
            .on_conflict(licence_changes::case_id)
            .do_update()
            .set((
                licence_changes::ended_at.eq(None::<jiff_diesel::Timestamp>),
                licence_changes::outcome.eq(None::<&str>),
            ))
            .execute(conn)
            .await?;
        tell(conn, &record, "begin_change", case, Some(person), moment).await?;
        find(conn, number).await?.ok_or(LicenceError::NoSuchLicence)
    })
    .await
}

/// Notes how an application to change a licence ended. Approved: another licence takes the place of
/// this one, which is superseded. Otherwise the old terms hold on and it may be used again.
///
/// An application that suspends nothing changes nothing and answers `None`.
pub async fn end_change(
    conn: &mut AsyncPgConnection,
    case: CaseId,
    outcome: ChangeOutcome,
    person: Option<PersonId>,
    moment: &Moment,
) -> Result<Option<LicenceRecord>, LicenceError> {
    conn.transaction(async |conn| {
        let number: Option<String> = licence_changes::table
            .inner_join(licences::table.on(licences::id.eq(licence_changes::licence)))
            .filter(licence_changes::case_id.eq(case.as_uuid()))
            .filter(licence_changes::ended_at.is_null())
            .select(licences::number)
            .first(conn)
            .await
            .optional()?;
        let Some(number) = number.and_then(|number| number.parse::<SerialNumber>().ok()) else {
            return Ok(None);
        };
        lock(conn, number).await?;
        diesel::update(licence_changes::table.find(case.as_uuid()))
            .set((
                licence_changes::ended_at.eq(moment.at.to_diesel()),
                licence_changes::outcome.eq(outcome.as_str()),
            ))
            .execute(conn)
            .await?;
        let record = find(conn, number).await?.ok_or(LicenceError::NoSuchLicence)?;
        if outcome == ChangeOutcome::Approved {
            let step = record.state.take(LicenceAction::Supersede)?;
            let reason = json!({"case": case});
            move_to(conn, &record, step, person, reason, moment).await?;
        } else {
            tell(conn, &record, "end_change", case, person, moment).await?;
        }
        find(conn, number).await.map_err(LicenceError::from)
    })
    .await
}

/// Does to the earlier licence what follows from where an application for its change stands now.
pub(crate) async fn follow(
    conn: &mut AsyncPgConnection,
    number: SerialNumber,
    (case, effect): (CaseId, EarlierEffect),
    person: Option<PersonId>,
    moment: &Moment,
) -> Result<(), LicenceError> {
    match effect {
        EarlierEffect::Pauses => {
            let by = person.ok_or(LicenceError::NoSuchLicence)?;
            begin_change(conn, number, case, by, moment).await?;
        }
        EarlierEffect::Resumes(outcome) => {
            end_change(conn, case, outcome, person, moment).await?;
        }
        EarlierEffect::IsSuperseded => {
            let ended = end_change(conn, case, ChangeOutcome::Approved, person, moment).await?;
            if ended.is_none() {
                supersede(conn, number, case, person, moment).await?;
            }
        }
    }
    Ok(())
}

/// Takes a licence away because another has taken its place that did not pause its use.
async fn supersede(
    conn: &mut AsyncPgConnection,
    number: SerialNumber,
    case: CaseId,
    person: Option<PersonId>,
    moment: &Moment,
) -> Result<(), LicenceError> {
    lock(conn, number).await?;
    let record = find(conn, number).await?.ok_or(LicenceError::NoSuchLicence)?;
    let step = record.state.take(LicenceAction::Supersede)?;
    Ok(move_to(conn, &record, step, person, json!({"case": case}), moment).await?)
}

/// The application to change a licence that is pending.
pub(super) async fn pending(
    conn: &mut AsyncPgConnection,
    licence: Uuid,
) -> Result<Option<Uuid>, Error> {
    let pending = licence_changes::table
        .filter(licence_changes::licence.eq(licence))
        .filter(licence_changes::ended_at.is_null())
        .select(licence_changes::case_id)
        .first(conn)
        .await
        .optional()?;
    Ok(pending)
}

async fn tell(
    conn: &mut AsyncPgConnection,
    record: &LicenceRecord,
    action: &str,
    case: CaseId,
    person: Option<PersonId>,
    moment: &Moment,
) -> Result<(), Error> {
    note(conn, record.id, action, person, moment, json!({"case": case})).await?;
    let (action, state) = (action.to_owned(), record.state.to_string());
    let event = Event::LicenceMoved {
        licence: record.id,
        organisation: Some(record.organisation),
        action,
        state,
        person,
    };
    events::append(conn, &moment.origin(person), record.id.as_uuid(), &event).await
}
