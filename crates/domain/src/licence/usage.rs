//! May these goods leave under this licence?

use super::{
    LicenceContent, LicenceState, Validity,
    condition::{CustomsDocument, DeclaredUse, EarlierUse, broken},
};
use crate::{
    codes::words,
    identifiers::{CountryCode, HsCode, PortCode},
    ids::CaseId,
    mass::{Kilograms, kilograms_of_grams},
    regime::{ControlCode, HowMany, Sentence},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

words! {
    /// Where a reservation stands.
    ReservationState {
        /// Declared, not yet released by customs.
        Reserved = "reserved",
        /// The goods have left.
        Confirmed = "confirmed",
        /// The declaration was cancelled.
        Released = "released",
    }
}

words! {
    /// How a reservation is settled.
    Settlement {
        /// The goods have left.
        Confirm = "confirm",
        /// The declaration was cancelled.
        Release = "release",
    }
}

/// What is left of one line, in grams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// How much may leave.
    pub licensed_grams: u64,
    /// How much is declared and has not left.
    pub reserved_grams: u64,
    /// How much has left.
    pub confirmed_grams: u64,
}

impl Balance {
    /// What can still be reserved.
    pub const fn left_grams(self) -> u64 {
        self.licensed_grams.saturating_sub(self.reserved_grams).saturating_sub(self.confirmed_grams)
    }
}

/// A licence and one of its lines, as customs must see them.
#[derive(Clone, Debug)]
pub struct LicenceView<'a> {
    /// Where it stands.
    pub state: LicenceState,
    /// The application to change it, while one is pending.
    pub pending_change: Option<CaseId>,
    /// From when to when.
    pub validity: Validity,
    /// How many shipments it allows.
    pub shipments: HowMany,
    /// Whether another shipment has left already.
    pub shipped: Shipped,
    /// What it says.
    pub content: &'a LicenceContent,
    /// The line.
    pub line: u16,
    /// The line's goods.
    pub control_code: &'a ControlCode,
    /// The line's tariff code.
    pub hs_code: Option<&'a HsCode>,
    /// What is left of the line.
    pub balance: Balance,
    /// What was declared before and not released: what conditions look back on.
    pub earlier: &'a [EarlierUse],
}

words! {
    /// Whether a shipment has left under a licence, other than the one in question: the lines of
    /// one declaration are one shipment.
    Shipped {
        /// No other has left.
        NotYet = "not_yet",
        /// Another one has left.
        Already = "already",
    }
}

/// What an exporter declares at the border.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The number of the customs declaration.
    pub number: String,
    /// The item of the control list.
    pub control_code: ControlCode,
    /// The tariff code.
    pub hs_code: Option<HsCode>,
    /// Where the goods go.
    pub destination: CountryCode,
    /// Who receives them.
    pub consignee: String,
    /// Who uses them in the end, where that is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_user: Option<String>,
    /// The customs office where they leave, where that is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortCode>,
    /// Documents that are referred to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<CustomsDocument>,
    /// How much.
    pub mass: Kilograms,
}

/// Why goods may not leave under a licence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The licence may not be used.
    #[error("the licence is {0}")]
    State(LicenceState),
    /// It is being changed (decree 792, article 18).
    #[error("the licence is not used while the application to change it is pending")]
    ChangePending {
        /// The application.
        case: CaseId,
    },
    /// Too early or too late.
    #[error("the licence is valid from {from} until {until}, not on {day}")]
    Validity {
        /// The first day.
        from: Date,
        /// The last day.
        until: Date,
        /// The day of the declaration.
        day: Date,
    },
    /// A single licence lapses with its first shipment.
    #[error("this licence allows one shipment, and one has left already")]
    AlreadyShipped,
    /// Another country.
    #[error("the licence is for {licensed}, not for {declared}")]
    Destination {
        /// What the licence says.
        licensed: CountryCode,
        /// What was declared.
        declared: CountryCode,
    },
    /// Another receiver.
    #[error("{declared:?} is not a consignee of the licence")]
    Consignee {
        /// What was declared.
        declared: String,
    },
    /// Other goods.
    #[error("the line is for {licensed}, not for {declared}")]
    Goods {
        /// What the licence says.
        licensed: String,
        /// What was declared.
        declared: String,
    },
    /// A condition of the licence does not hold.
    #[error("condition {number} does not hold: {}", sentence.en)]
    Condition {
        /// Which.
        number: u16,
        /// What it says.
        sentence: Sentence,
        /// The field it is about, as a JSON Pointer; empty where it is about the moment.
        field: &'static str,
    },
    /// Nothing.
    #[error("a reservation is of more than nothing")]
    Nothing,
    /// Not enough left.
    #[error("{} kg are left, {} kg were declared", kilograms(*left_grams), kilograms(*declared_grams))]
    Balance {
        /// What is left.
        left_grams: u64,
        /// What was declared.
        declared_grams: u64,
    },
    /// It was settled already, in another way.
    #[error("the reservation is already {0}")]
    AlreadySettled(ReservationState),
}

impl Refusal {
    /// A stable word for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::State(_) => "licence_state",
            Self::ChangePending { .. } => "licence_change_pending",
            Self::Validity { .. } => "licence_validity",
            Self::AlreadyShipped => "licence_already_shipped",
            Self::Destination { .. } => "licence_destination",
            Self::Consignee { .. } => "licence_consignee",
            Self::Goods { .. } => "licence_goods",
            Self::Condition { .. } => "licence_condition",
            Self::Nothing => "licence_nothing_declared",
            Self::Balance { .. } => "licence_balance",
            Self::AlreadySettled(_) => "reservation_already_settled",
        }
    }
}

/// May these goods be reserved today? State, validity, destination, consignee, goods, conditions,
/// balance: the first that says no is named.
pub fn judge_reservation(
    licence: &LicenceView<'_>,
    declared: &Declaration,
    today: Date,
) -> Result<(), Refusal> {
    usable(licence.state, licence.pending_change)?;
    if !licence.validity.covers(today) {
        let (from, until) = (licence.validity.from(), licence.validity.until());
        return Err(Refusal::Validity { from, until, day: today });
    }
    if licence.shipments == HowMany::One && licence.shipped == Shipped::Already {
        return Err(Refusal::AlreadyShipped);
    }
    let licensed = licence.content.destination;
    if declared.destination != licensed {
        return Err(Refusal::Destination { licensed, declared: declared.destination });
    }
    if !LicenceContent::names(&licence.content.consignees, &declared.consignee) {
        return Err(Refusal::Consignee { declared: declared.consignee.clone() });
    }
    same_goods(licence, declared)?;
    conditions_hold(licence, declared, today)?;
    let declared_grams = declared.mass.grams();
    let left_grams = licence.balance.left_grams();
    match declared_grams {
        0 => Err(Refusal::Nothing),
        grams if left_grams < grams => Err(Refusal::Balance { left_grams, declared_grams }),
        _ => Ok(()),
    }
}

/// May a declaration be amended, to what is declared now? Everything that counts for a reservation
/// counts again, except that the validity stays that of the day it was reserved. `licence` is as if
/// the declaration had not been made.
pub fn judge_amendment(
    licence: &LicenceView<'_>,
    reservation: ReservationState,
    declared: &Declaration,
    reserved_on: Date,
) -> Result<(), Refusal> {
    judge_settlement(reservation)?;
    judge_reservation(licence, declared, reserved_on)
}

/// May reserved goods leave? The state and the number of shipments count at this moment too; the
/// validity was judged when they were declared.
pub fn judge_confirmation(
    state: LicenceState,
    pending_change: Option<CaseId>,
    shipments: HowMany,
    shipped: Shipped,
    reservation: ReservationState,
) -> Result<(), Refusal> {
    judge_settlement(reservation)?;
    usable(state, pending_change)?;
    if shipments == HowMany::One && shipped == Shipped::Already {
        return Err(Refusal::AlreadyShipped);
    }
    Ok(())
}

/// Is there still something to settle?
pub const fn judge_settlement(reservation: ReservationState) -> Result<(), Refusal> {
    match reservation {
        ReservationState::Reserved => Ok(()),
        settled => Err(Refusal::AlreadySettled(settled)),
    }
}

fn usable(state: LicenceState, pending_change: Option<CaseId>) -> Result<(), Refusal> {
    match (state, pending_change) {
        (LicenceState::Issued, None) => Ok(()),
        (LicenceState::Issued, Some(case)) => Err(Refusal::ChangePending { case }),
        (state, _) => Err(Refusal::State(state)),
    }
}

fn conditions_hold(
    licence: &LicenceView<'_>,
    declared: &Declaration,
    today: Date,
) -> Result<(), Refusal> {
    let use_ = DeclaredUse {
        declaration: &declared.number,
        line: licence.line,
        grams: declared.mass.grams(),
        consignee: &declared.consignee,
        end_user: declared.end_user.as_deref(),
        port: declared.port.as_ref(),
        documents: &declared.documents,
        day: today,
    };
    match broken(&licence.content.conditions, &use_, licence.earlier) {
        None => Ok(()),
        Some(condition) => Err(Refusal::Condition {
            number: condition.number,
            sentence: condition.sentence(),
            field: condition.requirement.field(),
        }),
    }
}

fn same_goods(licence: &LicenceView<'_>, declared: &Declaration) -> Result<(), Refusal> {
    if declared.control_code != *licence.control_code {
        let licensed = licence.control_code.to_string();
        return Err(Refusal::Goods { licensed, declared: declared.control_code.to_string() });
    }
    match (licence.hs_code, &declared.hs_code) {
        (Some(licensed), Some(declared)) if !licensed.agrees_with(declared) => {
            Err(Refusal::Goods { licensed: licensed.to_string(), declared: declared.to_string() })
        }
        _ => Ok(()),
    }
}

fn kilograms(grams: u64) -> String {
    kilograms_of_grams(i64::try_from(grams).unwrap_or(i64::MAX))
}
