//! What was injected, in a form to compare findings with.

use super::{
    books::Books,
    deeds::{Kind, facts},
};
use domain::{calendar_month::beijing_date, identifiers::Uscc};
use jiff::{ToSpan, civil::Date};
use serde::Serialize;

/// One fraud, or one honest event that resembles one.
#[derive(Clone, Debug, Serialize)]
pub struct Label {
    /// Its number in this year.
    pub number: usize,
    /// Which typology it is, or resembles.
    pub typology: &'static str,
    /// How much of throughput or value is concerned, in thousandths; absent for look-alikes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength_permille: Option<u64>,
    /// What it is, where it is no fraud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_alike: Option<&'static str>,
    /// Who does it, first, and who takes part: indices of firms.
    pub firms: Vec<usize>,
    /// The same by their codes.
    pub codes: Vec<Uscc>,
    /// The group whose quota it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<usize>,
    /// The filings it consists of: index of the firm and reference.
    pub references: Vec<(usize, String)>,
    /// How well the plant measures.
    pub metrology: &'static str,
    /// The day of the first of them.
    pub first_on: Date,
    /// What gives it away.
    pub found_by: &'static str,
    /// The day by which it should be found.
    pub by: Date,
}

impl Label {
    /// Whether it is a fraud.
    pub const fn is_fraud(&self) -> bool {
        self.strength_permille.is_some()
    }
}

/// Labels of what was carried out.
pub(crate) fn of(books: &Books) -> Vec<Label> {
    let carried_out =
        books.deeds.iter().zip(&books.traces).enumerate().filter_map(|(number, (deed, trace))| {
            let nothing_to_file = matches!(
                deed.kind,
                Kind::LookAlike(
                    "maintenance_stop"
                        | "yield_falls"
                        | "yield_rises"
                        | "smaller_orders"
                        | "rounded_scale"
                        | "seasonal_peak"
                        | "new_year_peak"
                        | "bankruptcy"
                        | "new_firm"
                )
            );
            let first_on = match trace.first_at {
                Some(at) => beijing_date(at),
                None if nothing_to_file => super::books::calendar_month(deed.from).first_day(),
                None => return None,
            };
            let facts = facts(deed.typology);
            let mut firms = vec![deed.firm];
            firms.extend(&deed.partners);
            firms.extend(trace.members.iter().filter(|member| **member != deed.firm));
            let (strength_permille, look_alike) = match deed.kind {
                Kind::Fraud(strength) => (Some(strength), None),
                Kind::LookAlike(kind) => (None, Some(kind)),
            };
            Some(Label {
                number,
                typology: deed.typology,
                strength_permille,
                look_alike,
                codes: firms.iter().map(|firm| books.firms[*firm].uscc.clone()).collect(),
                firms,
                group: trace.group,
                references: trace.references.clone(),
                metrology: books.firms[deed.firm].metrology.class,
                first_on,
                found_by: facts.found_by,
                by: first_on + facts.days_to_find.days(),
            })
        });
    carried_out.collect()
}
