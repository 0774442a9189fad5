//! What an applicant's own systems are told: which application or licence changed, and to what.
//!
//! A change is what may be known outside of an event. It names things and says where they stand;
//! who did it, what was recommended, asked or suspected is not part of it. Whoever wants more reads
//! the thing itself, with its own credential.

use crate::{
    case::{ActionName, MOVED_ON, TRANSITIONS},
    codes::words,
    event::Event,
    ids::{CaseId, LicenceId, ReservationId},
};
use serde::Serialize;

words! {
    /// What kind of change it is, as subscriptions name it.
    ChangeKind {
        /// An application stands elsewhere, or its clock does.
        ApplicationChanged = "application.changed",
        /// A licence was issued.
        LicenceIssued = "licence.issued",
        /// A licence was suspended, reinstated, revoked, surrendered or superseded.
        LicenceChanged = "licence.changed",
        /// Customs reserved, confirmed or released goods under a licence.
        LicenceUsed = "licence.used",
    }
}

/// Names of the events that changes come from.
pub const TOLD_EVENTS: [&str; 5] =
    ["application.submitted", "case.moved", "licence.issued", "licence.moved", "licence.used"];

/// A change as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind.
    pub kind: ChangeKind,
    /// Of what, and to what.
    pub data: ChangeData,
}

/// What changed, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ChangeData {
    /// An application.
    Application {
        /// Which.
        application: CaseId,
        /// Where it stands now.
        state: String,
        /// Its version: the `ETag` it is read under.
        version: u32,
    },
    /// A licence that came to be.
    Issued {
        /// Which.
        licence: LicenceId,
        /// Its number.
        number: String,
        /// The application it answers.
        application: CaseId,
    },
    /// A licence.
    Licence {
        /// Which.
        licence: LicenceId,
        /// Where it stands now.
        state: String,
    },
    /// Goods under a licence.
    Use {
        /// Which licence.
        licence: LicenceId,
        /// The reservation.
        reservation: ReservationId,
        /// What was done with it, such as `confirmed`.
        step: String,
        /// The customs declaration.
        declaration: String,
        /// Its line.
        line: u16,
        /// How much of the licence it takes.
        grams: u64,
    },
}

impl Change {
    /// What of an event is told to its organisation; nothing of most events.
    pub fn of(event: &Event) -> Option<Self> {
        let (kind, data) = match event {
            Event::ApplicationSubmitted { case, version, .. } => (
                ChangeKind::ApplicationChanged,
                ChangeData::Application {
                    application: *case,
                    state: crate::case::StateName::Submitted.to_string(),
                    version: *version,
                },
            ),
            Event::CaseMoved { case, action, state, version, .. } if is_seen(action) => (
                ChangeKind::ApplicationChanged,
                ChangeData::Application {
                    application: *case,
                    state: state.clone(),
                    version: *version,
                },
            ),
            Event::LicenceIssued { licence, case, number, .. } => (
                ChangeKind::LicenceIssued,
                ChangeData::Issued {
                    licence: *licence,
                    number: number.clone(),
                    application: *case,
                },
            ),
            Event::LicenceMoved { licence, state, .. } => (
                ChangeKind::LicenceChanged,
                ChangeData::Licence { licence: *licence, state: state.clone() },
            ),
            Event::LicenceUsed { licence, reservation, step, declaration, line, grams, .. } => (
                ChangeKind::LicenceUsed,
                ChangeData::Use {
                    licence: *licence,
                    reservation: *reservation,
                    step: step.clone(),
                    declaration: declaration.clone(),
                    line: *line,
                    grams: *grams,
                },
            ),
            _ => return None,
        };
        Some(Self { kind, data })
    }
}

/// Whether an applicant sees that an action was taken: a case stands elsewhere after it, or its
/// clock runs otherwise. What officers do with a case among themselves leaves it where it stands.
fn is_seen(action: &str) -> bool {
    let Ok(action) = action.parse::<ActionName>() else { return action == MOVED_ON };
    matches!(action, ActionName::StopClock | ActionName::ResumeClock)
        || TRANSITIONS.iter().any(|row| row.action == action && row.from != row.to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{OrganisationId, PersonId};
    use uuid::Uuid;

    fn moved(action: &str, state: &str) -> Event {
        Event::CaseMoved {
            case: CaseId::from_uuid(Uuid::from_u128(1)),
            organisation: OrganisationId::from_uuid(Uuid::from_u128(2)),
            action: action.to_owned(),
            state: state.to_owned(),
            person: Some(PersonId::from_uuid(Uuid::from_u128(3))),
            version: 7,
        }
    }

    #[test]
    fn a_recommendation_is_told_alike_whatever_it_is() {
        let told = Change::of(&moved(MOVED_ON, "countersign")).unwrap();
        let told = serde_json::to_value(&told.data).unwrap();
        let expected = serde_json::json!({
            "application": Uuid::from_u128(1), "state": "countersign", "version": 7
        });
        assert_eq!(told, expected, "and says neither who nor what");
    }

    #[test]
    fn what_officers_do_among_themselves_is_not_told() {
        assert_eq!(Change::of(&moved("reassign", "under_review")), None);
        assert_eq!(Change::of(&moved("whisper", "under_review")), None);
        let read = Event::ConfidentialRead {
            person: PersonId::from_uuid(Uuid::from_u128(3)),
            owner: OrganisationId::from_uuid(Uuid::from_u128(2)),
            subject: "case".to_owned(),
            purpose: "an investigation".to_owned(),
        };
        assert_eq!(Change::of(&read), None, "reads have a list of their own, which may be late");
    }

    #[test]
    fn every_change_comes_from_an_event_that_is_looked_for() {
        let told = [moved("accept", "accepted"), moved("stop_clock", "under_review")];
        for event in &told {
            assert!(Change::of(event).is_some() && TOLD_EVENTS.contains(&event.name()));
        }
        assert!(!TOLD_EVENTS.contains(&"application.assessed"), "that is the officers' own");
    }
}
