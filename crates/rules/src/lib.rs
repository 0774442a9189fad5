//! What is suspicious: one function for each detector, over data that somebody else fetched.
//!
//! A detector never guesses. About each subject it says that it found something, with typed
//! evidence and a plain sentence; that nothing is wrong, so that an earlier finding may be closed;
//! or that it abstains, and why. A finding decides nothing: a person does.
//!
//! Absent on purpose: clocks, SQL, messages, and any score without a reason.

mod application;
mod balance;
mod border;
mod context;
mod departure;
mod duplicates;
mod entry_errors;
mod evidence;
mod finding;
mod goods;
mod law;
mod licence;
mod matching;
mod material;
mod parameters;
mod parties;
mod price;
mod quota;
mod receipt;
mod recycling;
mod statistics;
mod stock;
mod table;
#[cfg(test)]
mod tests;
mod threshold;

pub use application::{Assessment, REPEAT, Reason, Risk, WINDOWS_BEFORE, assess};
pub use balance::{BrokenBalance, ElementDifference};
pub use border::{ArrivalFault, ArrivedOtherwise, NotFiled, UseContext};
pub use context::{
    ApplicationContext, ApplicationParty, DestinationStand, ExportStand, FilingContext, Goods,
    GoodsStatus, LicenceLookup, LicenceStand, LineDigest, LotStock, MovedLot, MovementStand,
    NamedParty, OpenFinding, OtherApplication, OtherFiling, PartyRole, PeerPrice, PriceKey,
    ProcessFlows, QuotaStand, RecentShipment, ReportsStand, SiteMonth,
};
pub use departure::{DepartureContext, ExcessUse};
pub use duplicates::{
    DuplicateFiling, DuplicateInvoice, SameFiling, invoice_of, terms, terms_of_return,
};
pub use entry_errors::{EnteredFiling, EnteredLine, EntryError, EntryErrorKind, entry_errors};
pub use evidence::Evidence;
pub use finding::{Abstention, Closure, Finding, Judgement, Outcome, Subject, may_become};
pub use goods::status_of;
pub use law::{Law, Listed};
pub use licence::{BeyondLicence, ExportedWithoutLicence, LicenceFault};
pub use matching::{DifferentDeclaration, DifferentInvoice, match_terms};
pub use material::{
    BalanceState, Contribution, ElementVerdict, MonthVerdict, ReportedState, judge_books,
    measurement_class, reported_state, stocktake_window_days, whole_mg,
};
pub use parameters::{
    InvalidParameter, PARAMETERS, Parameter, ParameterName, ParameterSpec, Parameters,
};
pub use parties::{ListedPartyMatch, MatchedBy, is_listed, normalised_name};
pub use price::{FarPrice, priced_goods};
pub use quota::{QuotaOverrun, drawn_on};
pub use receipt::{DifferentReceipt, LotDifference};
pub use recycling::OreFed;
pub use stock::NegativeStock;
pub use table::{
    DETECTORS, Detector, Judge, Tempo, detector, evaluate, markdown, of_departure, of_use, screen,
};
pub use threshold::{JustUnder, is_just_under};
