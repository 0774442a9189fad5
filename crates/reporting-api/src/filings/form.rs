//! A filing as it is sent: one flat form for all kinds, so that JSON, spreadsheets and EPCIS meet
//! the same checks. Which members belong to which kind is the table in `members.rs`.

use domain::{
    calendar_month::Month,
    codes::{Beyond, FilingKind, Outcome, Process},
    composition::StatedComposition,
    ids::LotId,
    mass::Kilograms,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a filer sends.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilingForm {
    /// What it is about.
    #[schema(value_type = String, example = "dispatch")]
    pub kind: FilingKind,
    /// The filer's own reference, unique within the organisation; 1 to 64 characters.
    #[schema(example = "DSP-2026-000123")]
    pub reference: String,
    /// The code of the site where it happened.
    #[schema(example = "S1")]
    pub site: String,
    /// When it happened; a monthly return needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-10-03T09:30:00+08:00")]
    pub happened_at: Option<Timestamp>,
    /// Only for a correction of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<CorrectionForm>,
    /// Transformation: by which process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "separation")]
    pub process: Option<Process>,
    /// Transformation: what went in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<LineForm>,
    /// Transformation: what came out; each a new lot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<LineForm>,
    /// Transformation: what is known to be lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<LineForm>,
    /// All other kinds: what was extracted, moved, received, measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineForm>,
    /// Dispatch: who bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<PartyForm>,
    /// Import, and receipt from those who do not file: who supplied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<PartyForm>,
    /// Export: who uses it in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_user: Option<PartyForm>,
    /// Dispatch: the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Dispatch and export: the invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// Receipt: the movement that ended here, by its reference or its id. A reference is good for
    /// one receipt and its corrections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<String>,
    /// Receipt of a movement: how the goods were found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "satisfactory")]
    pub outcome: Option<Outcome>,
    /// Receipt from those who do not file: `end_of_life` or `domestic_use`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "end_of_life")]
    pub from: Option<Beyond>,
    /// Disposal: `waste`, `end_of_life` or `seized`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "waste")]
    pub to: Option<Beyond>,
    /// Import and export: the customs declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration: Option<String>,
    /// Import: the country goods came from (ISO 3166-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Export: the country goods go to (ISO 3166-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Export: the number of the export licence, when one was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Monthly return: the month that is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-10")]
    pub month: Option<String>,
    /// Monthly return: nothing happened in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nil: Option<bool>,
}

impl FilingForm {
    /// The return that closes a site's month.
    pub fn monthly_return(reference: String, site: String, month: Month, nil: bool) -> Self {
        Self {
            month: Some(month.to_string()),
            nil: Some(nil),
            ..Self::empty(FilingKind::MonthlyReturn, reference, site)
        }
    }

    /// The receipt of a movement at a site, lot by lot.
    pub fn receipt(
        reference: String,
        site: String,
        happened_at: Timestamp,
        movement: String,
        outcome: Outcome,
        lots: Vec<(LotId, Kilograms)>,
    ) -> Self {
        let line = |(lot, quantity): (LotId, Kilograms)| LineForm {
            lot: Some(lot.to_string()),
            product: None,
            quantity_kg: quantity.to_string(),
            refused_kg: None,
            uncertainty_kg: None,
            composition: None,
            unit_price: None,
        };
        Self {
            happened_at: Some(happened_at),
            movement: Some(movement),
            outcome: Some(outcome),
            lines: lots.into_iter().map(line).collect(),
            ..Self::empty(FilingKind::Receipt, reference, site)
        }
    }

    /// A form of which only the beginning is filled in.
    fn empty(kind: FilingKind, reference: String, site: String) -> Self {
        Self {
            kind,
            reference,
            site,
            happened_at: None,
            correction: None,
            process: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            losses: Vec::new(),
            lines: Vec::new(),
            client: None,
            supplier: None,
            end_user: None,
            contract: None,
            invoice: None,
            movement: None,
            outcome: None,
            from: None,
            to: None,
            declaration: None,
            origin: None,
            destination: None,
            licence: None,
            month: None,
            nil: None,
        }
    }
}

/// What makes a form a correction.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectionForm {
    /// The number this version shall have: one more than the version it replaces.
    #[schema(example = 2)]
    pub version: u16,
    /// Why the earlier version was wrong.
    pub reason: String,
}

/// One line of a form.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineForm {
    /// The filer's own lot number, or the id of a lot that was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// The code of the product, for a new lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Gross mass in kilograms, exact to the gram.
    #[schema(example = "1200.500")]
    pub quantity_kg: String,
    /// Receipt: how much of it was not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_kg: Option<String>,
    /// One standard uncertainty of the weighing in kilograms, where it is known: what seller and
    /// buyer may differ by follows from what both state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty_kg: Option<String>,
    /// What it is made of, where that differs from the product or lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub composition: Option<StatedComposition>,
    /// Price per kilogram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<MoneyForm>,
}

/// A client, supplier or end user.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyForm {
    /// Its name.
    pub name: String,
    /// USCC in China; elsewhere LEI or registration number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Its country (ISO 3166-1).
    #[schema(example = "CN")]
    pub country: String,
}

/// An amount of money.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyForm {
    /// A decimal with at most four decimals.
    #[schema(example = "412.50")]
    pub amount: String,
    /// ISO 4217.
    #[schema(example = "CNY")]
    pub currency: String,
}

/// Members whose names could be taken for codes of faults.
#[cfg(test)]
pub(super) const MEMBERS_WITH_UNDERSCORES: [&str; 7] = [
    "happened_at",
    "end_user",
    "quantity_kg",
    "refused_kg",
    "uncertainty_kg",
    "unit_price",
    "uncertainty_percent",
];
