//! Everything a detector may know, fetched by somebody else before it is asked.
//!
//! Contexts describe the present state, keyed by subject: whatever the order in which filings
//! arrive, the last judgement of a subject rests on all of them.

use crate::{Law, normalised_name};
use domain::{
    calendar_month::{Month, beijing_date},
    codes::{Category, LineRole, Process, Severity, Stage},
    element::ELEMENT_COUNT,
    filing::{Client, Filing},
    identifiers::{CountryCode, CurrencyCode},
    ids::{
        CaseId, FilingId, GroupId, LicenceId, LotId, MovementId, OrganisationId, PartyId, SiteId,
    },
    mass::ElementMasses,
    movement::{DeclaredExports, Settlement},
    regime::QuotaScope,
};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use std::{collections::HashMap, sync::Arc};

/// A filing with everything that is needed to judge it.
#[derive(Clone, Debug)]
pub struct FilingContext {
    /// The filing; the current version of its reference.
    pub filing: Filing,
    /// Stages the site is registered for.
    pub site_stages: Vec<Stage>,
    /// The group the filer belongs to.
    pub group: Option<GroupId>,
    /// What is left of each lot that the filing moved, where it moved it.
    pub stocks: Vec<LotStock>,
    /// The site's month; only with filings that close a month or come after it.
    pub site_month: Option<SiteMonth>,
    /// Quotas that the filing draws on.
    pub quotas: Vec<QuotaStand>,
    /// Earlier filings of the same organisation with the same invoice number.
    pub same_invoice: Vec<OtherFiling>,
    /// Earlier filings of the same organisation, kind, site and moment.
    pub same_moment: Vec<OtherFiling>,
    /// What such goods were sold for lately, by anybody.
    pub prices: Arc<HashMap<PriceKey, Vec<PeerPrice>>>,
    /// Both sides of the movement that the filing starts or ends.
    pub movement: Option<MovementStand>,
    /// What is known about an export.
    pub export: Option<ExportStand>,
    /// What the movement that the filing starts or ends is settled by, with everything that is
    /// settled together with it.
    pub settlement: Option<Arc<Settlement>>,
    /// The export with its customs declaration and the other exports that name it.
    pub declared: Option<Arc<DeclaredExports>>,
    /// Shipments of the same organisation to the same client, this one left out.
    pub recent: Vec<RecentShipment>,
    /// The law, and the numbers that detectors use.
    pub law: Arc<Law>,
}

/// What is left of a lot at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotStock {
    /// Which lot.
    pub lot: LotId,
    /// Its maker's number for it.
    pub number: Option<String>,
    /// Where.
    pub site: SiteId,
    /// What ever came in.
    pub came_in_grams: i64,
    /// What is left of it.
    pub left_grams: i64,
    /// Rare earths that ever came in.
    pub came_in: ElementMasses,
    /// Rare earths left of them.
    pub left: ElementMasses,
    /// Of this lot under way to this filer.
    pub in_transit_grams: i64,
}

/// What a site's transformations of a month add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteMonth {
    /// Which site.
    pub site: SiteId,
    /// Which month.
    pub month: Month,
    /// What each process did; one entry a process.
    pub flows: Vec<ProcessFlows>,
}

/// What the transformations of one process add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFlows {
    /// Which process.
    pub process: Process,
    /// How many transformations.
    pub transformations: u32,
    /// What went in.
    pub inputs: ElementMasses,
    /// What came out.
    pub outputs: ElementMasses,
    /// What is said to be lost.
    pub losses: ElementMasses,
}

/// How a quota stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaStand {
    /// Whose.
    pub group: GroupId,
    /// Of which year.
    pub year: i16,
    /// Of what.
    pub scope: QuotaScope,
    /// All batches together, in oxide equivalent; none when no row gives any.
    pub granted_reo_grams: Option<i64>,
    /// Whether a batch is made up for demonstrations, or how well it was checked.
    pub verification: String,
    /// Used so far by the whole group, in oxide equivalent.
    pub drawn_reo_grams: i64,
}

/// Another current filing that may be the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherFiling {
    /// Which.
    pub filing: FilingId,
    /// Its reference.
    pub reference: String,
    /// To whom or from whom.
    pub party: Option<PartyId>,
    /// What else must be equal for the same filing: movement, month closed, destination and so on.
    pub terms: String,
    /// Its lines.
    pub lines: Vec<LineDigest>,
}

/// What makes two lines the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineDigest {
    /// What the line stands for.
    pub role: LineRole,
    /// Which lot.
    pub lot: Option<LotId>,
    /// How much.
    pub grams: u64,
}

/// Goods whose prices may be compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PriceKey {
    /// What kind.
    pub category: Category,
    /// Their trade grade.
    pub grade: Option<String>,
    /// In which money.
    pub currency: CurrencyCode,
}

/// What somebody sold such goods for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerPrice {
    /// Who.
    pub organisation: OrganisationId,
    /// For how much per kilogram.
    pub price: Decimal,
    /// When.
    pub happened_at: Timestamp,
}

/// Both sides of a movement, in their current versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementStand {
    /// Which movement.
    pub movement: MovementId,
    /// Who sent.
    pub seller: Option<OrganisationId>,
    /// What was sent; empty when no dispatch stands any more.
    pub dispatched: Vec<MovedLot>,
    /// What arrived, over all receipts.
    pub received: Vec<MovedLot>,
    /// How many receipts.
    pub receipts: u32,
}

/// How much of a lot one side says has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedLot {
    /// Which lot.
    pub lot: LotId,
    /// Gross mass.
    pub grams: i64,
    /// Rare earths in it.
    pub elements: ElementMasses,
    /// One standard deviation of them, where it was stated.
    pub sigma_mg: [i64; ELEMENT_COUNT],
}

/// What is known about an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportStand {
    /// Whether its goods are controlled, for each line.
    pub goods: Vec<Goods>,
    /// The licence it names.
    pub licence: LicenceLookup,
}

/// One line of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goods {
    /// Which line.
    pub line: u16,
    /// How much.
    pub grams: i64,
    /// Whether it is controlled.
    pub status: GoodsStatus,
}

/// Whether goods are controlled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoodsStatus {
    /// They are, under these codes.
    Controlled(Vec<String>),
    /// They are not.
    NotControlled,
    /// The rows do not settle it.
    Undetermined,
}

/// What looking up a licence gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LicenceLookup {
    /// The export names none.
    NotNamed,
    /// It names one that the register does not hold.
    Unknown {
        /// The number it names.
        number: String,
    },
    /// It is this one.
    Known(Box<LicenceStand>),
}

/// A licence and its use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceStand {
    /// Which licence.
    pub licence: LicenceId,
    /// Its number.
    pub number: String,
    /// Whose.
    pub holder: OrganisationId,
    /// `issued`, `suspended`, `revoked`, `surrendered` or `superseded`.
    pub state: String,
    /// Its first day.
    pub valid_from: Date,
    /// Its last day.
    pub valid_until: Date,
    /// Where goods may go.
    pub destination: String,
    /// Who may use them.
    pub end_user: String,
    /// Control codes of its lines.
    pub codes: Vec<String>,
    /// All lines together.
    pub licensed_grams: i64,
    /// Exported under it by earlier filings.
    pub filed_before_grams: i64,
    /// What customs confirmed under this export's declaration, once it did.
    pub confirmed_grams: Option<i64>,
}

/// A shipment to the same client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentShipment {
    /// Which filing.
    pub filing: FilingId,
    /// When.
    pub happened_at: Timestamp,
    /// How much.
    pub grams: i64,
}

/// An application with everything that is needed to assess it.
#[derive(Clone, Debug)]
pub struct ApplicationContext {
    /// Which.
    pub case: CaseId,
    /// Whose.
    pub organisation: OrganisationId,
    /// On which day it was submitted.
    pub submitted_on: Date,
    /// On which day it is judged: lists that changed since count.
    pub judged_on: Date,
    /// How much it asks for.
    pub grams: i64,
    /// How the exporter reported before it applied.
    pub reports: ReportsStand,
    /// What the exporter's sites hold together, by its own filings.
    pub stock_grams: i64,
    /// What else was asked for to the same destination; `None` when it names none.
    pub destination: Option<DestinationStand>,
    /// Earlier applications of the exporter that were approved, for an end user and goods that this
    /// one names and nobody new.
    pub approved_alike: u32,
    /// Everybody it names.
    pub parties: Vec<ApplicationParty>,
    /// What is suspected of the exporter already.
    pub open_findings: Vec<OpenFinding>,
    /// Its other applications for the same end user.
    pub others: Vec<OtherApplication>,
    /// The law, and the numbers that detectors use.
    pub law: Arc<Law>,
}

/// How an exporter reported, over the months whose returns were due before it applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportsStand {
    /// Returns that were due.
    pub due: u32,
    /// Those that had not come.
    pub missing: u32,
    /// Whether it files at all.
    pub has_filed: bool,
}

/// What everybody asked to export to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationStand {
    /// Which.
    pub destination: CountryCode,
    /// In the window before this application, itself included.
    pub grams: i64,
    /// In the four windows before that.
    pub grams_before: i64,
    /// How many applications those were.
    pub applications_before: u32,
}

/// Somebody an application names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationParty {
    /// As what.
    pub role: PartyRole,
    /// Who.
    pub party: NamedParty,
}

/// As what a party is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRole {
    /// Who buys, in a filing.
    Client,
    /// Who uses the goods.
    EndUser,
    /// Who receives them.
    Consignee,
    /// Anybody else.
    ThirdParty,
}

/// A party by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedParty {
    /// Its name as written.
    pub name: String,
    /// USCC, LEI or registration number.
    pub identifier: Option<String>,
    /// Its country.
    pub country: Option<CountryCode>,
}

/// A finding that is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFinding {
    /// Who found it.
    pub detector: String,
    /// How grave it is.
    pub severity: Severity,
}

/// Another application of the same exporter for the same end user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherApplication {
    /// Which.
    pub case: CaseId,
    /// When it was submitted.
    pub submitted_on: Date,
    /// How much it asks for.
    pub grams: i64,
}

impl FilingContext {
    /// The Beijing day on which it happened: the day whose law counts.
    pub fn day(&self) -> Date {
        beijing_date(self.filing.happened_at)
    }
}

impl LineDigest {
    /// The digest of every line of a filing, in an order of its own.
    pub fn of(filing: &Filing) -> Vec<Self> {
        let mut lines: Vec<Self> = filing
            .lines
            .iter()
            .map(|line| Self { role: line.role, lot: line.lot, grams: line.quantity.grams() })
            .collect();
        lines.sort();
        lines
    }
}

impl From<&Client> for NamedParty {
    fn from(client: &Client) -> Self {
        Self {
            name: client.name.clone(),
            identifier: client.identifier.clone(),
            country: Some(client.country),
        }
    }
}

impl NamedParty {
    /// Its name as names are compared.
    pub fn normalised(&self) -> String {
        normalised_name(&self.name)
    }
}
