//! What the workflow refuses, as problems.

use database::{
    cases::CaseError,
    licences::{LicenceError, UseError},
};
use domain::{case::NotAllowed, licence::Refusal, violation::Violation};
use service::problem::Problem;

/// Whom too many came before, comes back this much later.
const BUSY_RETRY_SECONDS: usize = 1;

/// Why a case was not changed.
pub(crate) fn of_case(error: CaseError) -> Problem {
    match error {
        CaseError::NoSuchCase => Problem::NotFound("application"),
        CaseError::Stale => Problem::StaleVersion,
        CaseError::NotAllowed(refusal) => of_refused_step(&refusal),
        CaseError::Incomplete(faults) => of_faults(faults),
        CaseError::Licence(error) => of_licence(error),
        CaseError::Database(error) => error.into(),
    }
}

/// Faults in what somebody sent.
pub(crate) fn of_faults(faults: Vec<Violation>) -> Problem {
    Problem::ValidationFailed(faults.into_iter().map(Into::into).collect())
}

/// A step that the law of the workflow refuses: to this person, or in this state.
fn of_refused_step(refusal: &NotAllowed) -> Problem {
    let said = refusal.to_string();
    match refusal {
        NotAllowed::WrongRole { .. }
        | NotAllowed::OwnOrganisation
        | NotAllowed::OwnApplication
        | NotAllowed::SamePerson
        | NotAllowed::DecidedBefore
        | NotAllowed::NotTheReviewer
        | NotAllowed::Conflicted
        | NotAllowed::AssignedToAnother
        | NotAllowed::AssignsOthers
        | NotAllowed::SignedAlready
        | NotAllowed::SignatureOfAnotherRole { .. }
        | NotAllowed::OfAnotherAgency
        | NotAllowed::OwnStep => Problem::Forbidden(said.into()),
        NotAllowed::NoSuchQuery => Problem::NotFound("question"),
        NotAllowed::NoSuchCondition(_) => Problem::NotFound("condition"),
        // Somebody else's application is answered like one that does not exist.
        NotAllowed::NotTheApplicant => Problem::NotFound("application"),
        NotAllowed::NotInThisState { possible, .. } => {
            let possible: Vec<&str> = possible.iter().map(|action| action.as_str()).collect();
            let possible =
                if possible.is_empty() { "nothing".to_owned() } else { possible.join(", ") };
            Problem::NotAllowed(format!("{said}; possible now: {possible}").into())
        }
        NotAllowed::RecommendationDiffers
        | NotAllowed::ClockStopped(_)
        | NotAllowed::ClockRuns
        | NotAllowed::Absent
        | NotAllowed::Blocked(_)
        | NotAllowed::FlagIsRaised(_)
        | NotAllowed::FlagIsNotRaised(_)
        | NotAllowed::QueryIs(_)
        | NotAllowed::NotAsked
        | NotAllowed::TooManyConditions
        | NotAllowed::AskedAlready
        | NotAllowed::NothingToUndo
        | NotAllowed::SameQueue => Problem::NotAllowed(said.into()),
    }
}

/// Why a licence was not changed.
pub(crate) fn of_licence(error: LicenceError) -> Problem {
    match error {
        LicenceError::NoSuchLicence => Problem::NotFound("licence"),
        LicenceError::Stale => Problem::StaleVersion,
        LicenceError::NotPossible(refusal) => Problem::NotAllowed(refusal.to_string().into()),
        LicenceError::ChangePending(_) => Problem::NotAllowed(error.to_string().into()),
        LicenceError::WrongRole { .. } => Problem::Forbidden(error.to_string().into()),
        LicenceError::Database(error) => error.into(),
    }
}

/// Why a licence was not used. What contradicts the declaration names the field.
pub(crate) fn of_use(error: UseError) -> Problem {
    match error {
        UseError::NoSuchLicence => Problem::NotFound("licence"),
        UseError::NoSuchReservation => Problem::NotFound("reservation"),
        UseError::NoSuchLine(_) => {
            of_faults(vec![Violation::new("/line", "no_such_line", error.to_string())])
        }
        UseError::DeclaredOtherwise(_)
        | UseError::AmendedOtherwise(_)
        | UseError::AmendmentOutOfOrder { .. } => Problem::Conflict(error.to_string().into()),
        UseError::Refused(refusal) => of_refused_use(&refusal),
        UseError::Overloaded => Problem::Overloaded { retry_after_seconds: BUSY_RETRY_SECONDS },
        UseError::Database(error) => error.into(),
    }
}

fn of_refused_use(refusal: &Refusal) -> Problem {
    let field = match refusal {
        Refusal::Destination { .. } => "/destination",
        Refusal::Consignee { .. } => "/consignee",
        Refusal::Goods { .. } => "/control_code",
        Refusal::Nothing => "/quantity_kg",
        // What the declaration says is wrong, or only when it says it.
        Refusal::Condition { field, .. } => field,
        Refusal::State(_)
        | Refusal::ChangePending { .. }
        | Refusal::Validity { .. }
        | Refusal::AlreadyShipped
        | Refusal::Balance { .. }
        | Refusal::AlreadySettled(_) => "",
    };
    let reason = Violation::new(field, refusal.code(), refusal.to_string());
    if field.is_empty() {
        return Problem::UseRefused(vec![reason.into()]);
    }
    of_faults(vec![match refusal {
        Refusal::Condition { sentence, .. } => reason.expecting(sentence.zh.as_str()),
        _ => reason,
    }])
}
