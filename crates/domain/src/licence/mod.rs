//! The life of a licence and its use at the border.
//!
//! Two things are judged here and nowhere else: whether a licence may change its state
//! ([`LicenceState::take`]), and whether goods may be reserved, confirmed or released under it.
//! That a balance never falls below zero is not left to this judgement alone: the database
//! refuses it as well, whoever asks and however many at once.

mod condition;
mod content;
mod departure;
mod number;
#[cfg(test)]
mod tests;
mod usage;

pub use condition::{
    CONDITIONS_AT_MOST, Condition, CustomsDocument, DeclaredUse, EarlierUse, Requirement, broken,
};
pub use content::{
    CONTENT_VERSION, Holder, InvalidValidity, LicenceContent, LicenceLine, Validity,
};
pub use departure::{ArrivalStage, ChangeOutcome, OwnUse, Reconciled, reconcile};
pub use number::{InvalidNumber, SerialNumber, Series};
pub use usage::{
    Balance, Declaration, LicenceView, Refusal, ReservationState, Settlement, Shipped,
    judge_amendment, judge_confirmation, judge_reservation, judge_settlement,
};

use crate::{
    codes::{Role, words},
    ids::CaseId,
};
use jiff::civil::Date;
use serde::Serialize;

words! {
    /// Where a licence stands. Exhausted and expired are not stored: see [`Standing`].
    LicenceState {
        /// It may be used.
        Issued = "issued",
        /// Its use is paused.
        Suspended = "suspended",
        /// Taken away.
        Revoked = "revoked",
        /// Given back.
        Surrendered = "surrendered",
        /// Another licence took its place.
        Superseded = "superseded",
    }
}

words! {
    /// What can be done with a licence.
    LicenceAction {
        /// Pause its use.
        Suspend = "suspend",
        /// Let it be used again.
        Reinstate = "reinstate",
        /// Take it away.
        Revoke = "revoke",
        /// Give it back.
        Surrender = "surrender",
        /// Put another in its place.
        Supersede = "supersede",
    }
}

words! {
    /// What a licence is worth on a day, as people say it.
    Standing {
        /// It may be used.
        Issued = "issued",
        /// Its use is paused.
        Suspended = "suspended",
        /// Taken away.
        Revoked = "revoked",
        /// Given back.
        Surrendered = "surrendered",
        /// Another licence took its place.
        Superseded = "superseded",
        /// Nothing is left of it.
        Exhausted = "exhausted",
        /// Its last day is over.
        Expired = "expired",
        /// Its first day has not come.
        NotYetValid = "not_yet_valid",
    }
}

/// One step that may happen to a licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LicenceTransition {
    /// From where.
    pub from: LicenceState,
    /// By which action.
    pub action: LicenceAction,
    /// To where.
    pub to: LicenceState,
    /// In which role.
    pub by: Role,
}

const fn step(
    from: LicenceState,
    action: LicenceAction,
    to: LicenceState,
    by: Role,
) -> LicenceTransition {
    LicenceTransition { from, action, to, by }
}

use LicenceAction as A;
use LicenceState as S;

/// Everything that may happen to a licence. What is not here may not happen.
#[rustfmt::skip]
pub const LICENCE_TRANSITIONS: &[LicenceTransition] = &[
    step(S::Issued,    A::Suspend,   S::Suspended,   Role::Officer),
    step(S::Issued,    A::Revoke,    S::Revoked,     Role::SeniorOfficer),
    step(S::Issued,    A::Surrender, S::Surrendered, Role::Exporter),
    step(S::Issued,    A::Supersede, S::Superseded,  Role::SeniorOfficer),
    step(S::Suspended, A::Reinstate, S::Issued,      Role::SeniorOfficer),
    step(S::Suspended, A::Revoke,    S::Revoked,     Role::SeniorOfficer),
    step(S::Suspended, A::Surrender, S::Surrendered, Role::Exporter),
    step(S::Suspended, A::Supersede, S::Superseded,  Role::SeniorOfficer),
];

/// The licence may not change in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action} is not possible while the licence is {state}")]
pub struct StepNotPossible {
    /// Where it stands.
    pub state: LicenceState,
    /// What was wanted.
    pub action: LicenceAction,
}

impl LicenceState {
    /// The step that an action is in this state.
    pub fn take(self, action: LicenceAction) -> Result<LicenceTransition, StepNotPossible> {
        let found = LICENCE_TRANSITIONS.iter().find(|row| row.from == self && row.action == action);
        found.copied().ok_or(StepNotPossible { state: self, action })
    }
}

/// What a licence is worth on a day. While an application to change it is pending, it is as good as
/// suspended (decree 792, article 18).
pub fn standing(
    state: LicenceState,
    validity: Validity,
    exhausted: bool,
    pending_change: Option<CaseId>,
    day: Date,
) -> Standing {
    match state {
        LicenceState::Revoked => Standing::Revoked,
        LicenceState::Surrendered => Standing::Surrendered,
        LicenceState::Superseded => Standing::Superseded,
        LicenceState::Issued | LicenceState::Suspended if validity.until() < day => {
            Standing::Expired
        }
        LicenceState::Suspended => Standing::Suspended,
        LicenceState::Issued if pending_change.is_some() => Standing::Suspended,
        LicenceState::Issued if exhausted => Standing::Exhausted,
        LicenceState::Issued if day < validity.from() => Standing::NotYetValid,
        LicenceState::Issued => Standing::Issued,
    }
}
