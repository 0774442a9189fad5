//! Events: what became true, told to whoever must hear it.
//!
//! An event is written in the transaction that made it true. Its JSON is a contract: members may
//! be added, which nobody who reads it minds; what changes or goes is a new version.

use crate::{
    calendar_month::Month,
    codes::{FilingKind, Severity},
    ids::{
        CaseId, CredentialId, DelegationId, DepartureId, DeterminationBatchId, DeterminationId,
        DocumentId, ExplanationId, FilingId, FindingId, GroupId, LicenceId, MovementId,
        OrganisationId, PersonId, ReservationId, SealedChannelId, SiteId,
    },
    movement::AnswerVerdict,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version of the JSON below; a consumer refuses one it does not know.
pub const EVENT_VERSION: u16 = 1;

/// Everything the system tells itself and the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
#[expect(missing_docs, reason = "the names are the words of the domain README")]
pub enum Event {
    #[serde(rename = "filing.recorded")]
    FilingRecorded {
        filing: FilingId,
        organisation: OrganisationId,
        site: SiteId,
        kind: FilingKind,
        month: Month,
        version: u16,
    },
    /// A document of EPCIS events was taken in; what it says about matter is filed beside it.
    #[serde(rename = "epcis.captured")]
    EpcisCaptured { capture: Uuid, organisation: OrganisationId, captured: u32, duplicates: u32 },
    /// A party of a movement said why there is a difference.
    #[serde(rename = "movement.explained")]
    MovementExplained {
        movement: MovementId,
        explanation: ExplanationId,
        organisation: OrganisationId,
    },
    /// The other party accepted or contested it.
    #[serde(rename = "movement.answered")]
    MovementAnswered {
        movement: MovementId,
        explanation: ExplanationId,
        organisation: OrganisationId,
        verdict: AnswerVerdict,
    },
    /// The tax authority handed an invoice in, or a later version of one.
    #[serde(rename = "feed.invoice_recorded")]
    InvoiceRecorded { invoice: Uuid, number: String, version: u16 },
    /// The customs handed a declaration in, or a later version of one.
    #[serde(rename = "feed.declaration_recorded")]
    DeclarationRecorded { declaration: Uuid, number: String, version: u16 },
    /// National statistics of a month were released to the public.
    #[serde(rename = "statistics.released")]
    StatisticsReleased {
        release: Uuid,
        table: String,
        month: Month,
        revision: u32,
        person: PersonId,
    },
    #[serde(rename = "organisation.registered")]
    OrganisationRegistered { organisation: OrganisationId },
    #[serde(rename = "organisation.changed")]
    OrganisationChanged { organisation: OrganisationId, change: String },
    #[serde(rename = "group.registered")]
    GroupRegistered { group: GroupId },
    #[serde(rename = "credential.changed")]
    CredentialChanged {
        credential: CredentialId,
        person: PersonId,
        /// `None` for a session, which may act for all of a person's organisations.
        organisation: Option<OrganisationId>,
        change: String,
    },
    #[serde(rename = "delegation.changed")]
    DelegationChanged {
        delegation: DelegationId,
        organisation: OrganisationId,
        agent: OrganisationId,
        change: String,
    },
    #[serde(rename = "quota.granted")]
    QuotaGranted { quota: Uuid, group: GroupId },
    #[serde(rename = "party.listed")]
    PartyListed { entry: Uuid, change: String },
    #[serde(rename = "dead_letter.replay_requested")]
    ReplayRequested { dead_letter: Uuid, person: PersonId },
    #[serde(rename = "organisation.closed")]
    OrganisationClosed { organisation: OrganisationId },
    #[serde(rename = "person.changed")]
    PersonChanged { person: PersonId, organisation: OrganisationId, change: String },
    #[serde(rename = "regime.imported")]
    RegimeImported { version: String, person: Option<PersonId> },
    /// Others may have a key that signs.
    #[serde(rename = "signing_key.compromised")]
    KeyCompromised { key_id: String, since: String, person: PersonId },
    #[serde(rename = "determination.made")]
    DeterminationMade { determination: DeterminationId, organisation: Option<OrganisationId> },
    /// A whole catalogue was judged.
    #[serde(rename = "determination.batch_made")]
    DeterminationBatchMade { batch: DeterminationBatchId, organisation: OrganisationId, items: u32 },
    /// A paper was handed in.
    #[serde(rename = "application.document_added")]
    DocumentAdded {
        document: DocumentId,
        case: CaseId,
        organisation: OrganisationId,
        kind: String,
        version: u32,
        sha256: String,
    },
    /// Something happened to the way on which an end user answers past the supplier; never what
    /// was said on it.
    #[serde(rename = "sealed_channel.moved")]
    SealedChannelMoved {
        channel: SealedChannelId,
        case: CaseId,
        organisation: OrganisationId,
        step: String,
    },
    /// An official read what an end user handed in: the end user sees that.
    #[serde(rename = "sealed_channel.read")]
    SealedRead { channel: SealedChannelId, person: PersonId, purpose: String },
    #[serde(rename = "application.submitted")]
    ApplicationSubmitted { case: CaseId, organisation: OrganisationId, version: u32 },
    #[serde(rename = "application.assessed")]
    ApplicationAssessed { case: CaseId, version: u32 },
    #[serde(rename = "case.moved")]
    CaseMoved {
        case: CaseId,
        organisation: OrganisationId,
        action: String,
        state: String,
        person: Option<PersonId>,
        version: u32,
    },
    /// Officials did something with a case that is theirs: no applicant's log entry.
    #[serde(rename = "case.worked")]
    CaseWorked {
        case: CaseId,
        action: String,
        state: String,
        person: Option<PersonId>,
        version: u32,
    },
    #[serde(rename = "licence.issued")]
    LicenceIssued { licence: LicenceId, case: CaseId, organisation: OrganisationId, number: String },
    #[serde(rename = "licence.moved")]
    LicenceMoved {
        licence: LicenceId,
        /// Whose; older entries do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organisation: Option<OrganisationId>,
        action: String,
        state: String,
        person: Option<PersonId>,
    },
    #[serde(rename = "licence.used")]
    LicenceUsed {
        licence: LicenceId,
        reservation: ReservationId,
        organisation: OrganisationId,
        /// `reserved`, `amended`, `confirmed` or `released`.
        step: String,
        declaration: String,
        line: u16,
        grams: u64,
    },
    /// Goods had left before the register was asked.
    #[serde(rename = "licence.departed")]
    LicenceDeparted {
        departure: DepartureId,
        /// `None` where the number is unknown.
        licence: Option<LicenceId>,
        organisation: Option<OrganisationId>,
        number: String,
        declaration: String,
        line: u16,
        grams: u64,
        excess_grams: u64,
    },
    /// The exporter reported how far goods have come.
    #[serde(rename = "licence.arrived")]
    LicenceArrived {
        licence: LicenceId,
        arrival: Uuid,
        organisation: OrganisationId,
        stage: String,
        declaration: String,
    },
    #[serde(rename = "finding.raised")]
    FindingRaised {
        finding: FindingId,
        detector: String,
        severity: Severity,
        organisation: Option<OrganisationId>,
    },
    #[serde(rename = "finding.disposed")]
    FindingDisposed { finding: FindingId, state: String, person: PersonId },
    /// The system itself closed a finding, because it no longer holds.
    #[serde(rename = "finding.closed")]
    FindingClosed { finding: FindingId, reason: String },
    /// An official read findings. No filer's log entry: it would warn the one suspected.
    #[serde(rename = "finding.read")]
    FindingsRead { person: PersonId, findings: Vec<FindingId> },
    /// An official asked for the name behind a pseudonym, or another decided about that.
    #[serde(rename = "unmasking.changed")]
    UnmaskingChanged { unmasking: Uuid, state: String, person: PersonId },
    /// An official read what is confidential: the owner may see that, and why.
    #[serde(rename = "confidential.read")]
    ConfidentialRead { person: PersonId, owner: OrganisationId, subject: String, purpose: String },
}

impl Event {
    /// The routing key, which is also the tag in the JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::FilingRecorded { .. } => "filing.recorded",
            Self::EpcisCaptured { .. } => "epcis.captured",
            Self::MovementExplained { .. } => "movement.explained",
            Self::MovementAnswered { .. } => "movement.answered",
            Self::InvoiceRecorded { .. } => "feed.invoice_recorded",
            Self::DeclarationRecorded { .. } => "feed.declaration_recorded",
            Self::StatisticsReleased { .. } => "statistics.released",
            Self::OrganisationRegistered { .. } => "organisation.registered",
            Self::OrganisationChanged { .. } => "organisation.changed",
            Self::GroupRegistered { .. } => "group.registered",
            Self::CredentialChanged { .. } => "credential.changed",
            Self::DelegationChanged { .. } => "delegation.changed",
            Self::QuotaGranted { .. } => "quota.granted",
            Self::PartyListed { .. } => "party.listed",
            Self::ReplayRequested { .. } => "dead_letter.replay_requested",
            Self::OrganisationClosed { .. } => "organisation.closed",
            Self::PersonChanged { .. } => "person.changed",
            Self::RegimeImported { .. } => "regime.imported",
            Self::KeyCompromised { .. } => "signing_key.compromised",
            Self::DeterminationMade { .. } => "determination.made",
            Self::DeterminationBatchMade { .. } => "determination.batch_made",
            Self::DocumentAdded { .. } => "application.document_added",
            Self::SealedChannelMoved { .. } => "sealed_channel.moved",
            Self::SealedRead { .. } => "sealed_channel.read",
            Self::ApplicationSubmitted { .. } => "application.submitted",
            Self::ApplicationAssessed { .. } => "application.assessed",
            Self::CaseMoved { .. } => "case.moved",
            Self::CaseWorked { .. } => "case.worked",
            Self::LicenceIssued { .. } => "licence.issued",
            Self::LicenceMoved { .. } => "licence.moved",
            Self::LicenceUsed { .. } => "licence.used",
            Self::LicenceDeparted { .. } => "licence.departed",
            Self::LicenceArrived { .. } => "licence.arrived",
            Self::FindingRaised { .. } => "finding.raised",
            Self::FindingDisposed { .. } => "finding.disposed",
            Self::FindingClosed { .. } => "finding.closed",
            Self::FindingsRead { .. } => "finding.read",
            Self::UnmaskingChanged { .. } => "unmasking.changed",
            Self::ConfidentialRead { .. } => "confidential.read",
        }
    }

    /// Whose log entry this is: who may see it in full.
    pub const fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::FilingRecorded { organisation, .. }
            | Self::EpcisCaptured { organisation, .. }
            | Self::MovementExplained { organisation, .. }
            | Self::MovementAnswered { organisation, .. }
            | Self::OrganisationRegistered { organisation }
            | Self::OrganisationClosed { organisation }
            | Self::OrganisationChanged { organisation, .. }
            | Self::DelegationChanged { organisation, .. }
            | Self::PersonChanged { organisation, .. }
            | Self::DeterminationBatchMade { organisation, .. }
            | Self::DocumentAdded { organisation, .. }
            | Self::SealedChannelMoved { organisation, .. }
            | Self::ApplicationSubmitted { organisation, .. }
            | Self::CaseMoved { organisation, .. }
            | Self::LicenceIssued { organisation, .. }
            | Self::LicenceUsed { organisation, .. }
            | Self::LicenceArrived { organisation, .. }
            | Self::ConfidentialRead { owner: organisation, .. } => Some(*organisation),
            Self::DeterminationMade { organisation, .. }
            | Self::LicenceMoved { organisation, .. }
            | Self::LicenceDeparted { organisation, .. }
            | Self::CredentialChanged { organisation, .. } => *organisation,
            // Who looked at what an end user sealed is told the end user, not the supplier.
            Self::SealedRead { .. }
            // What authorities hand in is theirs.
            | Self::InvoiceRecorded { .. }
            | Self::DeclarationRecorded { .. }
            // What officials suspect is theirs: a finding is nobody's log entry but their own.
            | Self::StatisticsReleased { .. }
            | Self::RegimeImported { .. }
            | Self::GroupRegistered { .. }
            | Self::QuotaGranted { .. }
            | Self::PartyListed { .. }
            | Self::KeyCompromised { .. }
            | Self::ReplayRequested { .. }
            | Self::ApplicationAssessed { .. }
            | Self::CaseWorked { .. }
            | Self::FindingRaised { .. }
            | Self::FindingDisposed { .. }
            | Self::FindingClosed { .. }
            | Self::FindingsRead { .. }
            | Self::UnmaskingChanged { .. } => None,
        }
    }
}
