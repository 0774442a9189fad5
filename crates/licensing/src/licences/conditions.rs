//! Conditions as officials write them, and as people read them.

use crate::problems;
use domain::{
    ids::OrganisationId,
    licence::{CONDITIONS_AT_MOST, Condition, Requirement},
    violation::Violation,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::problem::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

/// A condition as an official writes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConditionForm {
    /// The line it is for; without one, the whole licence.
    #[serde(default)]
    line: Option<u16>,
    /// What must hold.
    #[schema(value_type = Object)]
    requirement: Requirement,
}

/// A condition as people read it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConditionView {
    /// How refusals name it.
    number: u16,
    /// The organisation that set it.
    author: Uuid,
    /// The line it is for; absent for the whole licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u16>,
    /// What must hold, for machines.
    #[schema(value_type = Object)]
    requirement: Value,
    /// What must hold, in Chinese.
    sentence_zh: String,
    /// What must hold, in English.
    sentence_en: String,
}

impl From<&Condition> for ConditionView {
    fn from(condition: &Condition) -> Self {
        let sentence = condition.sentence();
        Self {
            number: condition.number,
            author: condition.author.as_uuid(),
            line: condition.line,
            requirement: serde_json::to_value(&condition.requirement)
                .expect("a requirement is plain JSON"),
            sentence_zh: sentence.zh,
            sentence_en: sentence.en,
        }
    }
}

/// One condition that an organisation sets.
pub(crate) fn of_one(form: ConditionForm, author: OrganisationId) -> Result<Condition, Problem> {
    let mut faults = form.requirement.faults("/requirement");
    if form.line == Some(0) {
        faults.push(Violation::new("/line", "out_of_range", "lines count from 1"));
    }
    if !faults.is_empty() {
        return Err(problems::of_faults(faults));
    }
    Ok(Condition { number: 1, author, line: form.line, requirement: form.requirement })
}

/// The conditions that an organisation sets, numbered in the order they were written.
pub(crate) fn authored(
    forms: Vec<ConditionForm>,
    author: OrganisationId,
) -> Result<Vec<Condition>, Problem> {
    let mut faults = Vec::new();
    if CONDITIONS_AT_MOST < forms.len() {
        let fault = Violation::new("/conditions", "too_many", "these are too many conditions");
        faults.push(fault.expecting(format!("at most {CONDITIONS_AT_MOST}")));
    }
    for (index, form) in forms.iter().enumerate() {
        faults.extend(form.requirement.faults(&format!("/conditions/{index}/requirement")));
        if form.line == Some(0) {
            let pointer = format!("/conditions/{index}/line");
            faults.push(Violation::new(pointer, "out_of_range", "lines count from 1"));
        }
    }
    if !faults.is_empty() {
        return Err(problems::of_faults(faults));
    }
    let conditions = (1..).zip(forms).map(|(number, form)| Condition {
        number,
        author,
        line: form.line,
        requirement: form.requirement,
    });
    Ok(conditions.collect())
}
