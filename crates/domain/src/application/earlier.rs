//! The licence that an application changes or renews, and whether it is the change it says it is.
//!
//! Key are the item, the destination, the end user and the end use (decree 792, article 18, as
//! transcribed in `licence-rules.toml`): another one takes a new application, whose approval takes
//! the old licence away. Everything else is a non-key change.

use super::{Draft, Purpose};
use crate::{
    case::StateName,
    identifiers::CountryCode,
    licence::{ChangeOutcome, LicenceState},
    regime::{ControlCode, LicenceKind},
    violation::Violation,
};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// A licence, as far as a change of it is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierLicence {
    /// What kind it is.
    pub kind: LicenceKind,
    /// Where it stands.
    pub state: LicenceState,
    /// Its last day.
    pub valid_until: Date,
    /// Where the goods go.
    pub destination: CountryCode,
    /// Who uses them in the end.
    pub end_users: BTreeSet<String>,
    /// What for.
    pub end_use: String,
    /// The items of the control lists.
    pub control_codes: BTreeSet<ControlCode>,
}

/// What becomes of the earlier licence when an application comes to stand somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierEffect {
    /// It is not used while the application is pending.
    Pauses,
    /// It may be used again.
    Resumes(ChangeOutcome),
    /// The new licence takes its place: both together would license the goods twice.
    IsSuperseded,
}

impl Purpose {
    /// What an application of this purpose does to the earlier licence when it comes to this state.
    ///
    /// A non-key change pauses its use until the decision; an approved change of either kind takes
    /// the old licence away. A renewal leaves it to end by itself.
    pub const fn effect(self, state: StateName) -> Option<EarlierEffect> {
        match (self, state) {
            (Self::NonKeyChange, StateName::Submitted | StateName::UnderReconsideration) => {
                Some(EarlierEffect::Pauses)
            }
            (Self::NonKeyChange, StateName::Refused) => {
                Some(EarlierEffect::Resumes(ChangeOutcome::Refused))
            }
            (Self::NonKeyChange, StateName::Returned | StateName::Withdrawn) => {
                Some(EarlierEffect::Resumes(ChangeOutcome::Withdrawn))
            }
            (Self::NonKeyChange | Self::KeyChange, StateName::Approved) => {
                Some(EarlierEffect::IsSuperseded)
            }
            _ => None,
        }
    }
}

impl EarlierLicence {
    /// What speaks against the purpose of a draft that refers to this licence.
    pub(super) fn faults_of(&self, draft: &Draft) -> Vec<Violation> {
        let mut faults = Vec::new();
        if draft.kind.is_some_and(|kind| kind != self.kind) {
            let detail = format!("the licence is of the kind {}", self.kind);
            faults
                .push(Violation::new("/kind", "other_kind", detail).expecting(self.kind.as_str()));
        }
        let changes = self.key_changes(draft);
        match draft.purpose {
            Purpose::NewLicence => {}
            Purpose::NonKeyChange => {
                self.still_stands(&mut faults);
                faults.extend(changes.into_iter().map(|pointer| is_key(pointer, "key_change")));
            }
            Purpose::KeyChange => {
                self.still_stands(&mut faults);
                if changes.is_empty() {
                    let detail = "item, destination, end user and end use are those of the licence";
                    let fault = Violation::new("/purpose", "nothing_key_changes", detail);
                    faults.push(fault.expecting("non_key_change, or another key element"));
                }
            }
            Purpose::Renewal => {
                faults.extend(changes.into_iter().map(|pointer| is_key(pointer, "new_licence")));
                if draft.valid_until.is_some_and(|until| until <= self.valid_until) {
                    let detail = format!("the licence holds until {}", self.valid_until);
                    let fault = Violation::new("/valid_until", "no_renewal", detail);
                    faults.push(fault.expecting("a later day"));
                }
                if matches!(self.state, LicenceState::Revoked) {
                    let detail = "a revoked licence is not renewed";
                    let fault = Violation::new("/earlier_licence", "licence_revoked", detail);
                    faults.push(fault.expecting("an application for a new licence"));
                }
            }
        }
        faults
    }

    fn still_stands(&self, faults: &mut Vec<Violation>) {
        if !matches!(self.state, LicenceState::Issued | LicenceState::Suspended) {
            let detail = format!("the licence is {}", self.state);
            let fault = Violation::new("/earlier_licence", "licence_ended", detail);
            faults.push(fault.expecting("a licence that is issued or suspended"));
        }
    }

    /// The key elements that are others than those of the licence, by their place in the draft.
    fn key_changes(&self, draft: &Draft) -> Vec<&'static str> {
        let end_users: BTreeSet<String> =
            draft.end_users.iter().map(|party| party.name.trim().to_owned()).collect();
        let codes: BTreeSet<ControlCode> =
            draft.lines.iter().filter_map(|line| line.control_code.clone()).collect();
        let end_use = draft.end_use.as_ref().map(|end_use| end_use.description.trim());
        let differs = [
            ("/destination", draft.destination.is_some_and(|to| to != self.destination)),
            ("/end_users", !end_users.is_empty() && end_users != self.end_users),
            ("/end_use", end_use.is_some_and(|use_| use_ != self.end_use.trim())),
            ("/lines", !codes.is_empty() && !codes.is_subset(&self.control_codes)),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(pointer, _)| pointer).collect()
    }
}

fn is_key(pointer: &str, instead: &str) -> Violation {
    let detail = "this is another key element than the licence has";
    let fault = Violation::new(pointer, "key_element_changed", detail);
    fault.expecting(format!("what the licence says, or an application of the purpose {instead}"))
}
