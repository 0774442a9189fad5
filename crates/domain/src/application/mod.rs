//! What an application for a licence says, and whether it says enough.
//!
//! A [`Draft`] may lack anything; its fields are right where they are there, because their types
//! are. [`complete`] turns a draft into an [`Application`] or names every field that is missing
//! or contradicts the regime, so that the applicant hears it all at once.

mod cited;
mod completeness;
mod earlier;
mod first_time;
mod goods;
mod papers;
#[cfg(test)]
mod tests;

pub use cited::StockStanding;
pub use completeness::{HandedIn, complete};
pub use earlier::{EarlierEffect, EarlierLicence};
pub use first_time::{FirstSubmission, FirstTimeComplete};
pub use goods::{InvalidGoods, StatedComposition, StatedGoods};
pub use papers::{Paper, papers};

use crate::{
    codes::words,
    determination::EndUse,
    identifiers::{CountryCode, CurrencyCode, HsCode},
    ids::{DeterminationId, LotId},
    licence::{SerialNumber, Validity},
    mass::Kilograms,
    regime::{ControlCode, LicenceKind, ParameterName},
};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An application while it is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What kind of licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<LicenceKind>,
    /// What is asked for.
    #[serde(default, skip_serializing_if = "Purpose::is_new")]
    pub purpose: Purpose,
    /// The licence that is changed or renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_licence: Option<SerialNumber>,
    /// Why it is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_reason: Option<String>,
    /// Which of the cases a voucher is registered for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher_case: Option<VoucherCase>,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<CountryCode>,
    /// Who receives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consignees: Vec<NamedParty>,
    /// Who uses them in the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end_users: Vec<NamedParty>,
    /// Agents, brokers and whoever else takes part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub third_parties: Vec<NamedParty>,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_use: Option<StatedEndUse>,
    /// The first day wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Date>,
    /// The last day wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Date>,
    /// The contract's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<DraftLine>,
    /// The papers, by their fingerprints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
}

words! {
    /// What an application asks for.
    Purpose {
        /// A licence for goods that have none.
        NewLicence = "new_licence",
        /// Other terms of a licence, none of them key: its use pauses until the decision.
        NonKeyChange = "non_key_change",
        /// Another item, destination, end user or end use: a new application, and the old licence
        /// is given back.
        KeyChange = "key_change",
        /// The same again, after a licence that ends.
        Renewal = "renewal",
    }
}

#[expect(clippy::derivable_impls, reason = "the words come from a macro that derives no default")]
impl Default for Purpose {
    fn default() -> Self {
        Self::NewLicence
    }
}

impl Purpose {
    /// The dated row that says how many working days a decision on it may take: a change of no key
    /// element has its own (decree 792, article 18), everything else the ordinary one (article 17).
    pub const fn decision_limit(self) -> ParameterName {
        match self {
            Self::NonKeyChange => ParameterName::ChangeDecisionWorkingDays,
            Self::NewLicence | Self::KeyChange | Self::Renewal => {
                ParameterName::DecisionWorkingDays
            }
        }
    }

    /// Whether nothing earlier is referred to.
    pub const fn is_new(&self) -> bool {
        matches!(self, Self::NewLicence)
    }
}

words! {
    /// The six cases in which a voucher by registration stands for a licence (decree 792, article
    /// 19, as transcribed in `licence-rules.toml`).
    VoucherCase {
        /// Repaired or tested here, back to the same origin and end user.
        InboundRepairReturned = "inbound_repair_returned",
        /// Repaired or tested abroad, and brought back.
        OutboundRepairReturned = "outbound_repair_returned",
        /// Shown at an exhibition here, and returned.
        ExhibitionHereReturned = "exhibition_here_returned",
        /// Shown at an exhibition abroad, and brought back.
        ExhibitionAbroadReturned = "exhibition_abroad_returned",
        /// Parts of civil aircraft, for repair and as spares.
        CivilAircraftParts = "civil_aircraft_parts",
        /// Another case that the ministry names.
        Other = "other",
    }
}

/// A party as the applicant names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedParty {
    /// Its name.
    pub name: String,
    /// Its LEI or registration number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<CountryCode>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What the goods are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatedEndUse {
    /// As far as the law distinguishes.
    pub category: EndUse,
    /// In words.
    pub description: String,
}

/// One line of goods while it is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftLine {
    /// The goods in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What they are made of and look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goods: Option<StatedGoods>,
    /// The item of the control list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_code: Option<ControlCode>,
    /// The tariff code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hs_code: Option<HsCode>,
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_kg: Option<Kilograms>,
    /// The price of a kilogram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<StatedPrice>,
    /// An earlier answer to whether these goods are controlled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub determination: Option<DeterminationId>,
    /// The reported lots that the goods come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<CitedLot>,
}

/// A reported lot that goods come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CitedLot {
    /// Which.
    pub lot: LotId,
    /// How much of it.
    pub quantity_kg: Kilograms,
}

/// A price as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatedPrice {
    /// How much.
    pub amount: Decimal,
    /// Of what (ISO 4217).
    pub currency: CurrencyCode,
}

/// A paper that belongs to the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Which of the papers that the licence kind asks for.
    pub kind: String,
    /// What the file is called.
    pub name: String,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
}

words! {
    /// As what an application names a party.
    PartyPart {
        /// Who receives the goods.
        Consignee = "consignee",
        /// Who uses them in the end.
        EndUser = "end_user",
        /// Who else takes part.
        ThirdParty = "third_party",
    }
}

impl Draft {
    /// Everybody it names, and as what.
    pub fn parties(&self) -> impl Iterator<Item = (PartyPart, &NamedParty)> {
        let consignees = self.consignees.iter().map(|party| (PartyPart::Consignee, party));
        let end_users = self.end_users.iter().map(|party| (PartyPart::EndUser, party));
        let third_parties = self.third_parties.iter().map(|party| (PartyPart::ThirdParty, party));
        consignees.chain(end_users).chain(third_parties)
    }
}

/// An application that says enough to be decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// What kind of licence.
    pub kind: LicenceKind,
    /// What is asked for.
    pub purpose: Purpose,
    /// Where the goods go.
    pub destination: CountryCode,
    /// Who receives them; at least one.
    pub consignees: Vec<NamedParty>,
    /// Who uses them in the end; at least one.
    pub end_users: Vec<NamedParty>,
    /// What for.
    pub end_use: StatedEndUse,
    /// From when to when.
    pub validity: Validity,
    /// The goods; at least one line.
    pub lines: Vec<ApplicationLine>,
}

/// One line of goods, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationLine {
    /// The goods in words.
    pub description: String,
    /// What they are made of and look like.
    pub goods: StatedGoods,
    /// The item of the control list.
    pub control_code: ControlCode,
    /// The tariff code.
    pub hs_code: HsCode,
    /// How much; more than nothing.
    pub quantity: Kilograms,
}
