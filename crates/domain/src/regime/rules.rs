//! Numbers, licence kinds, duties and lists: the rows that are not about items.

use super::ItemCategory;
use crate::{
    codes::{Stage, words},
    determination::EndUse,
    identifiers::CountryCode,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A sentence in the two languages that every person can choose from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sentence {
    /// 中文。
    pub zh: String,
    /// English.
    pub en: String,
}

impl Sentence {
    /// Both languages at once, because neither may be missing.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

words! {
    /// Numbers that rules use, by name.
    ParameterName {
        /// Dysprosium and terbium together in NdFeB: trade practice, not law.
        DyTbThresholdPercent = "dy_tb_threshold_percent",
        /// A content so small that a person should look.
        TracePercent = "trace_percent",
        /// From acceptance to decision.
        DecisionWorkingDays = "decision_working_days",
        /// From acceptance of a non-key change to decision.
        ChangeDecisionWorkingDays = "change_decision_working_days",
        /// From submission to the notice of missing papers.
        AcceptanceNoticeWorkingDays = "acceptance_notice_working_days",
        /// Day of the month on which the previous month's flows are due.
        FlowRecordDeadlineDay = "flow_record_deadline_day",
        /// How long records are kept.
        RecordRetentionYears = "record_retention_years",
        /// From which share a subsidiary counts as its listed owner.
        SubsidiaryThresholdPercent = "subsidiary_threshold_percent",
        /// By how many combined standard uncertainties seller and buyer may differ.
        ReceiptCoverageFactor = "receipt_coverage_factor",
        /// Standard uncertainty of a weighing for which none was stated.
        WeighingUncertaintyPercent = "weighing_uncertainty_percent",
        /// The largest standard uncertainty of a weighing that counts.
        WeighingUncertaintyLimitPercent = "weighing_uncertainty_limit_percent",
        /// Standard uncertainty of an element's mass for which none was stated.
        AssayUncertaintyPercent = "assay_uncertainty_percent",
        /// From the dispatch to the receipt.
        MovementReceiptWorkingDays = "movement_receipt_working_days",
        /// From a difference to its explanation.
        DifferenceExplanationWorkingDays = "difference_explanation_working_days",
        /// From an explanation to the answer.
        ExplanationAnswerWorkingDays = "explanation_answer_working_days",
        /// How long before an open item is due its owner is reminded.
        OpenItemReminderWorkingDays = "open_item_reminder_working_days",
        /// How long after an open item was due officials are told.
        OpenItemEscalationWorkingDays = "open_item_escalation_working_days",
    }
}

/// A number with its unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// How much.
    pub value: Decimal,
    /// Of what.
    pub unit: String,
    /// What else must be known to read it rightly.
    #[serde(default)]
    pub note: String,
    /// The announcement it stands or falls with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<String>,
}

words! {
    /// Causes that stop the decision clock. A question to the applicant is none of them.
    ClockStop {
        /// The goods are being identified.
        Identification = "identification",
        /// Experts were asked.
        ExpertOpinion = "expert_opinion",
        /// The exporter or the end user is checked on site.
        SiteCheck = "site_check",
    }
}

words! {
    /// Kinds of case that have no time limit.
    ClockExemption {
        /// For the State Council or the Central Military Commission to approve.
        StateCouncilCase = "state_council_case",
        /// A watch-listed importer or end user.
        WatchListedParty = "watch_listed_party",
    }
}

words! {
    /// Kinds of export licence.
    LicenceKind {
        /// One end user, one shipment.
        Single = "single",
        /// Named end users, several shipments, with a compliance programme.
        General = "general",
        /// A voucher by registration, for each shipment of the six cases.
        RegistrationVoucher = "registration_voucher",
    }
}

words! {
    /// One, or more than one.
    HowMany {
        /// Exactly one.
        One = "one",
        /// Any number that is named.
        Several = "several",
    }
}

/// What a kind of licence allows and asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceRule {
    /// The longest validity; none where the sources read name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_validity_months: Option<u16>,
    /// How many end users.
    pub end_users: HowMany,
    /// How many shipments.
    pub shipments: HowMany,
    /// The papers an application must come with.
    pub documents: Vec<String>,
    /// What the applicant must fulfil.
    pub conditions: Vec<String>,
}

/// Who may not have which kinds of licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceExclusion {
    /// The kinds that are barred.
    pub kinds: Vec<LicenceKind>,
    /// Why, for people.
    #[serde(flatten)]
    pub text: Sentence,
}

/// Who files what by when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilingDuty {
    /// Whoever is registered for this stage.
    pub stage: Stage,
    /// What must be filed.
    pub duty: DutyKind,
    /// The day of the following month, where one is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_day: Option<i8>,
    /// The article; empty where none was found.
    pub article: String,
    /// What the duty says, for people.
    #[serde(flatten)]
    pub text: Sentence,
}

words! {
    /// What a filing duty asks for.
    DutyKind {
        /// Flows, closed by a return each month.
        MonthlyReturn = "monthly_return",
        /// Flows, without a stated day.
        FlowRecord = "flow_record",
        /// Traded volumes and who the clients are.
        TradingVolumesAndClients = "trading_volumes_and_clients",
    }
}

/// Who may not use ore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedBan {
    /// Whoever is registered for this stage.
    pub stage: Stage,
    /// What is banned, for people.
    #[serde(flatten)]
    pub text: Sentence,
}

words! {
    /// The two lists of parties; their effects differ.
    PartyList {
        /// Single licences only, with a risk report and an undertaking; no time limit.
        Watch = "watch",
        /// Banned unless specially approved.
        Control = "control",
    }
}

/// A party that an announcement names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedParty {
    /// Which list.
    pub list: PartyList,
    /// The name as published.
    pub name: String,
    /// A registration number, where one was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Where it is, as ISO 3166-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The announcement.
    pub announcement: String,
}

words! {
    /// What a quota limits.
    QuotaScope {
        /// Ore taken from the ground.
        Mining = "mining",
        /// Separation of domestic, imported and by-product minerals.
        Separation = "separation",
    }
}

/// How much a group may mine or separate in a year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// The group, or `national` for the whole country.
    pub holder: String,
    /// The year.
    pub year: i16,
    /// What it limits.
    pub scope: QuotaScope,
    /// How much, in tonnes of rare-earth oxide.
    pub rare_earth_oxide_tonnes: u64,
    /// Made up for demonstrations.
    pub fictitious: bool,
}

/// What customs asks for under a tariff code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffCondition {
    /// The supervision condition as published, such as `34Bxy`.
    pub conditions: String,
    /// What else is known, such as the year of the table.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl TariffCondition {
    /// Condition 3: some goods under the code need a dual-use licence.
    pub fn asks_for_dual_use_licence(&self) -> bool {
        self.conditions.contains('3')
    }

    /// Condition 4: an ordinary export licence.
    pub fn asks_for_export_licence(&self) -> bool {
        self.conditions.contains('4')
    }
}

/// What is to be known about a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationNotice {
    /// Where to.
    pub destination: CountryCode,
    /// The announcement that says so.
    pub announcement: String,
    /// What, for people.
    #[serde(flatten)]
    pub text: Sentence,
}

words! {
    /// Whether a paper must come, or is usually asked for.
    DocumentDuty {
        /// Without it an application is not complete.
        Required = "required",
        /// Officers usually ask for it; no law read names it.
        Practised = "practised",
    }
}

/// A paper that an application comes with, and for which applications. What is empty limits
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRule {
    /// The paper.
    pub document: String,
    /// Whether it must come.
    pub duty: DocumentDuty,
    /// For these kinds of licence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<LicenceKind>,
    /// For goods of these categories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<ItemCategory>,
    /// For these destinations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<CountryCode>,
    /// For these end uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end_uses: Vec<EndUse>,
    /// For parties on this list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<PartyList>,
    /// Whether the paper may come through the sealed channel from the end user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
    /// 中文。
    pub zh: String,
    /// English.
    pub en: String,
}
