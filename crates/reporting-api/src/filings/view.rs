//! What is answered about filings.

use crate::reading::Pseudonyms;
use database::filings::{Detail, DetailLine, Header, Party};
use domain::mass::ElementMasses;
use serde::Serialize;
use service::signer::SignatureView;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is answered to a filing that was recorded.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Recorded {
    /// The filing's id.
    pub id: Uuid,
    /// The filer's reference.
    pub reference: String,
    /// Which version of it.
    pub version: u16,
    /// What it was filed as.
    #[schema(example = "dispatch")]
    pub kind: String,
    /// Whose filing it is.
    pub organisation: Uuid,
    /// The site's code.
    pub site: String,
    /// The month it belongs to.
    #[schema(example = "2026-10")]
    pub month: String,
    /// When it was recorded.
    pub recorded_at: String,
    /// Lots made here, by the filer's number.
    pub lots: Vec<RecordedLot>,
    /// The movement that a dispatch starts or a receipt ends.
    pub movement: Option<Uuid>,
    /// What the movement that a dispatch starts is called on paper and over the telephone: it goes
    /// with the goods, and the buyer's receipt may name it instead of the id.
    #[schema(example = "M-7A8Z-FHAX-1T5J-N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movement_reference: Option<String>,
    /// The reference of an earlier receipt of yours for the same movement: this one counts besides
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_before_by: Option<String>,
}

/// What was recorded, with its receipt.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipted {
    /// What was recorded.
    #[serde(flatten)]
    #[schema(value_type = Recorded)]
    pub recorded: serde_json::Value,
    /// The signature over what was recorded, when and by whom; `/v1/filings/{id}/receipt` shows it
    /// again.
    pub receipt: SignatureView,
}

/// A lot and the id under which others may refer to it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordedLot {
    /// The filer's number.
    pub lot: String,
    /// Its id.
    pub id: Uuid,
}

/// A page of filings.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilingPage {
    /// Newest first.
    pub filings: Vec<FilingView>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A filing.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilingView {
    /// Its id.
    pub id: Uuid,
    /// Whose filing it is.
    pub organisation: Uuid,
    /// The site's code.
    pub site: String,
    /// What it is about.
    pub kind: String,
    /// The filer's reference.
    pub reference: String,
    /// Its version.
    pub version: u16,
    /// What it corrects, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correction: Option<CorrectionView>,
    /// When it happened, as claimed.
    pub happened_at: String,
    /// When it was recorded.
    pub recorded_at: String,
    /// The month it belongs to.
    pub month: String,
    /// The process of a transformation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The client, supplier or end user, as its owner knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party: Option<PartyView>,
    /// A pseudonym for that party, the same in all filings of this organisation that you read. An
    /// official's is that official's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_pseudonym: Option<Uuid>,
    /// The movement it starts or ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movement: Option<Uuid>,
    /// How a receipt found the goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Where goods came from or went to when no filer is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
    /// The contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The invoice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// The export licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The customs declaration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declaration: Option<String>,
    /// Origin of an import, destination of an export.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Whether a monthly return says that nothing happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nil: Option<bool>,
    /// Its lines; lists leave them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<LineView>>,
}

/// What a version corrects.
#[derive(Debug, Serialize, ToSchema)]
pub struct CorrectionView {
    /// The version it replaces.
    pub replaces: Uuid,
    /// The filer's reason.
    pub reason: String,
}

/// A party as its owner knows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartyView {
    /// Its name.
    pub name: String,
    /// USCC, LEI or registration number.
    pub identifier: Option<String>,
    /// Its country.
    pub country: String,
}

/// A line of a filing.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineView {
    /// From 1.
    pub line: u16,
    /// What it stands for.
    pub role: String,
    /// The lot's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<Uuid>,
    /// Its maker's number, for a lot made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_number: Option<String>,
    /// What kind of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Their customs code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hs_code: Option<String>,
    /// Their grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Gross mass in kilograms.
    pub quantity_kg: String,
    /// What was refused of it.
    pub refused_kg: String,
    /// One standard uncertainty of the weighing, where it was stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertainty_kg: Option<String>,
    /// Milligrams of each rare-earth element that is there.
    pub elements_mg: BTreeMap<String, i64>,
    /// Price per kilogram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<PriceView>,
}

/// A price.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceView {
    /// A decimal.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

impl FilingView {
    /// A filing as its reader may see it: parties under the names that the reader has for them.
    pub fn of(header: Header, pseudonyms: &Pseudonyms) -> Self {
        let organisation = header.organisation;
        Self {
            id: header.id.as_uuid(),
            organisation: header.organisation.as_uuid(),
            site: header.site,
            kind: header.kind.to_string(),
            reference: header.reference,
            version: header.version,
            correction: header
                .correction
                .map(|(replaces, reason)| CorrectionView { replaces: replaces.as_uuid(), reason }),
            happened_at: header.happened_at.to_string(),
            recorded_at: header.recorded_at.to_string(),
            month: header.month.to_string(),
            process: header.process,
            party: None,
            party_pseudonym: header.party.map(|party| pseudonyms.of(organisation, party)),
            movement: header.movement,
            outcome: header.outcome,
            beyond: header.beyond,
            contract: header.contract,
            invoice: header.invoice,
            licence: header.licence,
            declaration: header.declaration,
            country: header.country,
            nil: header.nil,
            lines: None,
        }
    }

    /// The same with its lines and, for its owner, its party.
    pub fn in_detail(detail: Detail, pseudonyms: &Pseudonyms) -> Self {
        Self {
            party: detail.party.map(PartyView::from),
            lines: Some(detail.lines.into_iter().map(LineView::from).collect()),
            ..Self::of(detail.header, pseudonyms)
        }
    }
}

impl From<Party> for PartyView {
    fn from(party: Party) -> Self {
        Self { name: party.name, identifier: party.identifier, country: party.country }
    }
}

impl From<DetailLine> for LineView {
    fn from(line: DetailLine) -> Self {
        Self {
            line: line.number,
            role: line.role.to_string(),
            lot: line.lot.map(domain::ids::LotId::as_uuid),
            lot_number: line.lot_number,
            category: line.category,
            hs_code: line.hs_code,
            grade: line.grade,
            quantity_kg: line.quantity.to_string(),
            refused_kg: line.refused.to_string(),
            uncertainty_kg: (0 < line.uncertainty.grams()).then(|| line.uncertainty.to_string()),
            elements_mg: elements_mg(&line.elements),
            unit_price: line
                .unit_price
                .map(|(amount, currency)| PriceView { amount: amount.to_string(), currency }),
        }
    }
}

/// Element masses by symbol, only those that are there.
pub fn elements_mg(elements: &ElementMasses) -> BTreeMap<String, i64> {
    elements.present().map(|(element, mass)| (element.to_string(), mass)).collect()
}
