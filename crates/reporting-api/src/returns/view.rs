//! Returns as they are shown.

use crate::filings::view::elements_mg;
use domain::{
    mass::{ElementMasses, kilograms_of_grams},
    regime::{Dated, FilingDuty},
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Where every return of some months stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReturnsView {
    /// The day in Beijing that everything is judged by.
    #[schema(example = "2026-11-09")]
    pub today: String,
    /// The version of the law that the duties are from.
    pub regime_version: String,
    /// The duties of this organisation's stages.
    pub duties: Vec<DutyView>,
    /// By month, the newest first, and site.
    pub returns: Vec<ReturnView>,
}

/// What a stage must file, and how sure that is.
#[derive(Debug, Serialize, ToSchema)]
pub struct DutyView {
    /// Whoever is registered for this stage.
    #[schema(example = "mining")]
    pub stage: String,
    /// What must be filed.
    #[schema(example = "monthly_return")]
    pub duty: String,
    /// The day of the following month; absent where no source states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_day: Option<i8>,
    /// The article; empty where none was found.
    pub article: String,
    /// The duty in Chinese.
    pub text_zh: String,
    /// The duty in English.
    pub text_en: String,
    /// Where that is from.
    pub source: String,
    /// How well it was checked against the official text.
    #[schema(example = "transcription")]
    pub verification: String,
}

/// Where one return stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReturnView {
    /// For which month.
    #[schema(example = "2026-10")]
    pub month: String,
    /// For which site, by its code.
    pub site: String,
    /// `month_open`, `due`, `overdue`, `no_day_stated`, `filed`, `filed_late` or `amended`.
    #[schema(example = "due")]
    pub standing: &'static str,
    /// The last day on which it is in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Days left until then; negative when they have passed; absent once filed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i32>,
    /// Its latest version, once filed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filed: Option<FiledView>,
}

/// The latest version of a return.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FiledView {
    /// The filing.
    pub filing: Uuid,
    /// Its reference.
    pub reference: String,
    /// Its version; the first is 1.
    pub version: u16,
    /// Whether nothing happened.
    pub nil: bool,
    /// When this version was recorded.
    pub recorded_at: String,
}

/// What the books say of a month, site by site, with a return that is ready to be filed.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrefillView {
    /// The month.
    pub month: String,
    /// Each site.
    pub sites: Vec<SitePrefillView>,
    /// What is missing before the books are complete.
    pub missing: Vec<MissingView>,
    /// What to send to `POST /v1/returns`, as the books stand.
    pub form: FormView,
}

/// What the books say of a site's month.
#[derive(Debug, Serialize, ToSchema)]
pub struct SitePrefillView {
    /// Its code.
    pub site: String,
    /// Stock at the beginning, by the books.
    pub opening: AmountView,
    /// What came and left.
    pub flows: Vec<FlowView>,
    /// Stock at the end, by the books.
    pub closing: AmountView,
    /// When stock was last measured in the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_at: Option<String>,
}

/// A mass.
#[derive(Debug, Serialize, ToSchema)]
pub struct AmountView {
    /// Gross, in kilograms; negative where more left than came.
    #[schema(example = "1200.500")]
    pub gross_kg: String,
    /// Milligrams of each rare-earth element in it.
    pub elements_mg: BTreeMap<String, i64>,
}

/// What came or left under one kind of filing.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowView {
    /// What was filed.
    #[schema(example = "dispatch")]
    pub kind: String,
    /// By which process, for transformations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// `came` or `left`.
    pub direction: &'static str,
    /// How much.
    #[serde(flatten)]
    pub amount: AmountView,
}

/// Something that should be filed first.
#[derive(Debug, Serialize, ToSchema)]
pub struct MissingView {
    /// `receipt`, `stocktake` or `stock_below_zero`.
    #[schema(example = "receipt")]
    pub what: &'static str,
    /// The site, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The movement, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movement: Option<Uuid>,
    /// In Chinese.
    pub text_zh: String,
    /// In English.
    pub text_en: String,
}

/// A return as `POST /v1/returns` takes it.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormView {
    /// The month.
    pub month: String,
    /// Whether nothing happened.
    pub nil: bool,
}

impl From<&Dated<FilingDuty>> for DutyView {
    fn from(duty: &Dated<FilingDuty>) -> Self {
        let FilingDuty { stage, duty: kind, deadline_day, article, text } = &duty.value;
        Self {
            stage: stage.to_string(),
            duty: kind.to_string(),
            deadline_day: *deadline_day,
            article: article.clone(),
            text_zh: text.zh.clone(),
            text_en: text.en.clone(),
            source: duty.provenance.source.clone(),
            verification: duty.provenance.verification.to_string(),
        }
    }
}

impl AmountView {
    /// A mass of so many grams with these elements in it.
    pub fn of(gross_grams: i64, elements: &ElementMasses) -> Self {
        Self { gross_kg: kilograms_of_grams(gross_grams), elements_mg: elements_mg(elements) }
    }
}
