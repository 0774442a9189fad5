//! A licence as its holder and officials see it.

use super::conditions::ConditionView;
use database::licences::{LicenceHeader, LicenceRecord, ReservationRecord};
use domain::mass::kilograms_of_grams;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use service::signer::SignatureView;
use utoipa::ToSchema;
use uuid::Uuid;

/// A licence as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LicenceHeaderView {
    /// Its number.
    #[schema(example = "LS-2026-000123-W")]
    number: String,
    /// Who holds it.
    organisation: Uuid,
    /// What kind it is.
    kind: &'static str,
    /// Where it stands.
    state: &'static str,
    /// The first day.
    valid_from: String,
    /// The last day.
    valid_until: String,
    /// Where the goods go.
    destination: String,
    /// When it was issued.
    issued_at: String,
}

/// A licence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LicenceView {
    /// Its number.
    #[schema(example = "LS-2026-000123-W")]
    number: String,
    /// The application it answers.
    case: Uuid,
    /// What it is worth today: its state, or exhausted, expired, `not_yet_valid`.
    standing: &'static str,
    /// Where it stands.
    state: &'static str,
    /// The application to change it, while one is pending: it is not used until that ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_change: Option<Uuid>,
    /// Its version, which is its `ETag`.
    version: u32,
    /// What it says, as it was signed.
    #[schema(value_type = Object)]
    content: Value,
    /// When it was issued.
    issued_at: String,
    /// What is left of each line.
    lines: Vec<LineView>,
    /// What customs check by machine besides.
    conditions: Vec<ConditionView>,
    /// The signature over its content.
    signed: SignatureView,
}

/// One line with its balance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineView {
    /// From 1.
    line: u16,
    /// The item of the control list.
    control_code: String,
    /// The goods in words.
    description: String,
    /// Their tariff code.
    hs_code: Option<String>,
    /// How much may leave.
    licensed_kg: String,
    /// How much is declared and has not left.
    reserved_kg: String,
    /// How much has left.
    confirmed_kg: String,
    /// What can still be reserved.
    left_kg: String,
}

/// A reservation at customs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReservationView {
    /// Its id.
    id: Uuid,
    /// The line of the licence.
    line: u16,
    /// The customs declaration.
    declaration: String,
    /// The line of the declaration.
    declaration_line: u16,
    /// How much.
    quantity_kg: String,
    /// `reserved`, `confirmed` or `released`.
    state: &'static str,
    /// When it was made.
    reserved_at: String,
    /// How often it was amended.
    amendment: u16,
    /// When it was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<String>,
}

pub(crate) fn kilograms(grams: u64) -> String {
    kilograms_of_grams(grams.cast_signed())
}

impl From<&LicenceHeader> for LicenceHeaderView {
    fn from(header: &LicenceHeader) -> Self {
        Self {
            number: header.number.to_string(),
            organisation: header.organisation.as_uuid(),
            kind: header.kind.as_str(),
            state: header.state.as_str(),
            valid_from: header.valid_from.to_string(),
            valid_until: header.valid_until.to_string(),
            destination: header.destination.to_string(),
            issued_at: header.issued_at.to_string(),
        }
    }
}

impl LicenceView {
    /// A licence as of a day.
    pub(crate) fn of(record: &LicenceRecord, today: Date) -> Self {
        let lines = record.lines.iter().map(|line| LineView {
            line: line.line,
            control_code: line.control_code.to_string(),
            description: line.description.clone(),
            hs_code: line.hs_code.as_ref().map(ToString::to_string),
            licensed_kg: kilograms(line.balance.licensed_grams),
            reserved_kg: kilograms(line.balance.reserved_grams),
            confirmed_kg: kilograms(line.balance.confirmed_grams),
            left_kg: kilograms(line.balance.left_grams()),
        });
        Self {
            number: record.number.to_string(),
            case: record.case.as_uuid(),
            standing: record.standing(today).as_str(),
            state: record.state.as_str(),
            pending_change: record.pending_change.map(domain::ids::CaseId::as_uuid),
            version: record.version,
            content: serde_json::to_value(&record.content).expect("a content is plain JSON"),
            issued_at: record.issued_at.to_string(),
            lines: lines.collect(),
            conditions: record.content.conditions.iter().map(ConditionView::from).collect(),
            signed: SignatureView::of(
                &record.signing_key,
                &record.signed_content,
                &record.signature,
            ),
        }
    }
}

impl From<&ReservationRecord> for ReservationView {
    fn from(record: &ReservationRecord) -> Self {
        Self {
            id: record.id.as_uuid(),
            line: record.line,
            declaration: record.declaration.clone(),
            declaration_line: record.declaration_line,
            quantity_kg: kilograms(record.grams),
            state: record.state.as_str(),
            reserved_at: record.reserved_at.to_string(),
            amendment: record.amendment,
            settled_at: record.settled_at.map(|at| at.to_string()),
        }
    }
}
