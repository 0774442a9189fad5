//! A batch judged, declaration by declaration, in the order in which they came: each on what those
//! before it left.

use super::{
    ReservationRequest,
    reading::{Before, Key, Known, Open},
};
use crate::licences::usage::{ReservationRecord, Reserved, UseError, shipments};
use domain::{
    calendar_month::beijing_date,
    ids::OrganisationId,
    licence::{EarlierUse, LicenceView, ReservationState, Shipped, judge_reservation},
};
use jiff::Timestamp;

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    /// Of each request, in their order.
    pub(super) verdicts: Vec<Result<Reserved, UseError>>,
    /// What is to be written.
    pub(super) new: Vec<New<'a>>,
}

/// A reservation that is to be written.
#[derive(Debug)]
pub(super) struct New<'a> {
    pub(super) request: &'a ReservationRequest,
    pub(super) record: ReservationRecord,
    pub(super) organisation: OrganisationId,
}

/// Judges a batch.
pub(super) fn judge<'a>(requests: &[&'a ReservationRequest], mut known: Known) -> Judged<'a> {
    let mut judged = Judged { verdicts: Vec::with_capacity(requests.len()), new: Vec::new() };
    for request in requests {
        let verdict = judge_one(request, &mut known);
        if let Ok((Reserved::New(record), organisation)) = &verdict {
            let (record, organisation) = (record.clone(), *organisation);
            judged.new.push(New { request, record, organisation });
        }
        judged.verdicts.push(verdict.map(|(reserved, _)| reserved));
    }
    judged
}

/// Judges one declaration; what it takes is no longer there for the next.
fn judge_one(
    request: &ReservationRequest,
    known: &mut Known,
) -> Result<(Reserved, OrganisationId), UseError> {
    let open = match known.licences.get_mut(&request.number) {
        Some(Ok(open)) => open,
        Some(Err(corrupt)) => return Err(UseError::Database(corrupt.clone().into())),
        None => return Err(UseError::NoSuchLicence),
    };
    let wanted = &request.wanted;
    let key: Key = (open.id, wanted.line, wanted.declared.number.clone(), wanted.declaration_line);
    if let Some(before) = known.before.get(&key) {
        return repeated(before, request).map(|reserved| (reserved, open.organisation));
    }
    by_law(open, request)?;
    let record = taken(open, request);
    let before = Before { record: record.clone(), first_grams: record.grams };
    known.before.insert(key, before);
    Ok((Reserved::New(record), open.organisation))
}

/// The same declaration and line again: the same effect, even if it was amended since.
fn repeated(before: &Before, request: &ReservationRequest) -> Result<Reserved, UseError> {
    let grams = request.wanted.declared.mass.grams();
    if before.first_grams == grams || before.record.grams == grams {
        Ok(Reserved::Before(before.record.clone()))
    } else {
        Err(UseError::DeclaredOtherwise(before.record.grams))
    }
}

fn by_law(open: &Open, request: &ReservationRequest) -> Result<(), UseError> {
    let wanted = &request.wanted;
    let line = open.lines.iter().find(|line| line.line == wanted.line);
    let line = line.ok_or(UseError::NoSuchLine(wanted.line))?;
    let another_left = open.left.iter().any(|declaration| *declaration != wanted.declared.number);
    let view = LicenceView {
        state: open.state,
        pending_change: open.pending_change,
        validity: open.content.validity,
        shipments: shipments(&open.content, &request.regime),
        shipped: if another_left { Shipped::Already } else { Shipped::NotYet },
        content: &open.content,
        line: line.line,
        control_code: &line.control_code,
        hs_code: line.hs_code.as_ref(),
        balance: line.balance,
        earlier: &open.earlier,
    };
    Ok(judge_reservation(&view, &wanted.declared, request.moment.today())?)
}

/// Takes the mass out of what is left.
fn taken(open: &mut Open, request: &ReservationRequest) -> ReservationRecord {
    let wanted = &request.wanted;
    let grams = wanted.declared.mass.grams();
    let line = open.lines.iter_mut().find(|line| line.line == wanted.line);
    line.expect("it was judged").balance.reserved_grams += grams;
    // As Postgres keeps it: to the microsecond.
    let at = request.moment.at.as_microsecond();
    let reserved_at = Timestamp::from_microsecond(at).expect("it was a moment before");
    open.earlier.push(EarlierUse {
        declaration: wanted.declared.number.clone(),
        line: wanted.line,
        grams,
        day: beijing_date(reserved_at),
    });
    ReservationRecord {
        id: wanted.id,
        licence: open.id,
        line: wanted.line,
        declaration: wanted.declared.number.clone(),
        declaration_line: wanted.declaration_line,
        grams,
        state: ReservationState::Reserved,
        reserved_at,
        settled_at: None,
        amendment: 0,
        declared: Some(wanted.declared.clone()),
    }
}
