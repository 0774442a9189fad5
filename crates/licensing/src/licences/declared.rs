//! What is declared of goods at the border, as customs send it.

use crate::problems;
use domain::{
    identifiers::{CountryCode, HsCode, PortCode},
    licence::{CustomsDocument, Declaration},
    mass::Kilograms,
    regime::ControlCode,
    violation::Violation,
};
use serde::Deserialize;
use service::problem::Problem;
use utoipa::ToSchema;

const DECLARATION_CHARACTERS_AT_MOST: usize = 64;
const DOCUMENTS_AT_MOST: usize = 50;
const TEXT_CHARACTERS_AT_MOST: usize = 500;

/// What a line of a declaration says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeclaredForm {
    /// How much.
    #[schema(value_type = String, example = "250.000")]
    pub(super) quantity_kg: Kilograms,
    /// The item of the control list that was declared.
    #[schema(value_type = String, example = "1C905.a.4")]
    pub(super) control_code: ControlCode,
    /// The tariff code that was declared.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "8505111000")]
    pub(super) hs_code: Option<HsCode>,
    /// Where the goods go.
    #[schema(value_type = String, example = "DE")]
    pub(super) destination: CountryCode,
    /// Who receives them.
    #[schema(example = "Beispiel Motoren GmbH")]
    pub(super) consignee: String,
    /// Who uses them in the end; needed where a condition names end users.
    #[serde(default)]
    pub(super) end_user: Option<String>,
    /// The customs office where they leave; needed where a condition names offices.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2248")]
    pub(super) port: Option<PortCode>,
    /// Documents that the declaration refers to, each `{"kind", "reference"}`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub(super) documents: Vec<CustomsDocument>,
}

impl DeclaredForm {
    /// The declaration of this number.
    pub(super) fn under(self, number: String) -> Declaration {
        Declaration {
            number,
            control_code: self.control_code,
            hs_code: self.hs_code,
            destination: self.destination,
            consignee: self.consignee,
            end_user: self.end_user,
            port: self.port,
            documents: self.documents,
            mass: self.quantity_kg,
        }
    }
}

/// What is wrong with a declaration, with pointers below `at`.
pub(super) fn faults_of(declared: &Declaration, at: &str) -> Vec<Violation> {
    let mut faults = Vec::new();
    let mut texts = vec![
        ("/consignee".to_owned(), &declared.consignee),
        ("/control_code".to_owned(), &declared.control_code.0),
    ];
    texts.extend(declared.end_user.iter().map(|name| ("/end_user".to_owned(), name)));
    for (index, document) in declared.documents.iter().enumerate() {
        texts.push((format!("/documents/{index}/kind"), &document.kind));
        texts.push((format!("/documents/{index}/reference"), &document.reference));
    }
    for (pointer, text) in texts {
        if TEXT_CHARACTERS_AT_MOST < text.chars().count() || text.contains('\0') {
            let fault = Violation::new(format!("{at}{pointer}"), "invalid_text", "this is no name");
            let expected =
                format!("at most {TEXT_CHARACTERS_AT_MOST} characters, none of them NUL");
            faults.push(fault.expecting(expected));
        }
    }
    if DOCUMENTS_AT_MOST < declared.documents.len() {
        let fault = Violation::new(format!("{at}/documents"), "too_many", "these are too many");
        faults.push(fault.expecting(format!("at most {DOCUMENTS_AT_MOST}")));
    }
    faults
}

/// What is wrong with the number of a declaration.
pub(super) fn faults_of_number(number: &str, pointer: &str) -> Option<Violation> {
    let length = number.trim().chars().count();
    if (1..=DECLARATION_CHARACTERS_AT_MOST).contains(&length) && !number.contains('\0') {
        return None;
    }
    let fault = Violation::new(pointer, "invalid_declaration", "this is no number");
    Some(fault.expecting(format!("1 to {DECLARATION_CHARACTERS_AT_MOST} characters")))
}

/// What is wrong with the number of a line, or of an amendment.
pub(super) fn faults_of_count(count: u16, pointer: &str) -> Option<Violation> {
    if count > 0 && i16::try_from(count).is_ok() {
        return None;
    }
    let fault = Violation::new(pointer, "out_of_range", "this counts from 1");
    Some(fault.expecting(format!("1 to {}", i16::MAX)))
}

/// All of them, if there are any.
pub(super) fn refuse(faults: Vec<Violation>) -> Result<(), Problem> {
    if faults.is_empty() { Ok(()) } else { Err(problems::of_faults(faults)) }
}
