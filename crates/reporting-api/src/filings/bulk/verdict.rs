//! Verdicts: one line of NDJSON for each filing of a file, in its caller's language.

use super::{
    judge::Judged,
    language::{Language, in_chinese},
    unit::{Fault, Place, Unit},
};
use crate::filings::check;
use domain::ids::FilingId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// What becomes of a filing of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is recorded, or would be.
    Accepted,
    /// It was recorded before, exactly so; nothing was added.
    Unchanged,
    /// Its reference was recorded before with other content; it needs a correction.
    Changed,
    /// It cannot be recorded; see `problems`.
    Problem,
    /// It is right, but others of a file that is recorded as a whole are not.
    HeldBack,
}

/// What became of one filing of a file.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Verdict {
    /// The line, counted from 1; of a table the first row of the filing.
    pub line: u32,
    /// What becomes of it.
    pub status: Status,
    /// The filer's reference, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The filing that was recorded, now or before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filing: Option<Uuid>,
    /// The earlier line of this file with the same reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as_line: Option<u32>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Told>,
    /// What looks like a slip; it was recorded all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Told>,
}

/// One fault, told.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Told {
    /// In a file of lines: JSON Pointer into the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// In a table: the row, counted from 1 with the heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u32>,
    /// In a table: the column's heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// A stable word for machines.
    pub code: String,
    /// What stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// What is wrong.
    pub detail: String,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// A longer value is not repeated.
const VALUE_LIMIT_BYTES: usize = 200;

/// In which words and with which headings a file is told about.
#[derive(Clone, Debug)]
pub(super) struct Telling {
    pub(super) language: Language,
    /// A table's headings; `None` for a file of lines.
    pub(super) headings: Option<Vec<String>>,
    /// The same as a line, which stands before rows that are sent back.
    pub(super) heading_line: Option<String>,
}

impl Telling {
    /// For what is said about a file as a whole.
    pub(super) const fn without_headings(language: Language) -> Self {
        Self { language, headings: None, heading_line: None }
    }

    /// The verdict on a filing that was judged.
    pub(super) fn verdict(&self, unit: &Unit, judged: &Judged) -> Verdict {
        let verdict = Verdict {
            line: unit.place.number,
            status: Status::Accepted,
            reference: unit.reference().map(str::to_owned),
            filing: None,
            same_as_line: None,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        match judged {
            Judged::Ready { entry, warnings } => Verdict {
                filing: Some(entry.filing.id.as_uuid()),
                warnings: warnings.iter().map(|fault| self.told(fault, Some(unit))).collect(),
                ..verdict
            },
            Judged::Before { filing, line, same_content } => {
                let before = Verdict {
                    filing: filing.map(FilingId::as_uuid),
                    same_as_line: *line,
                    ..verdict
                };
                if *same_content { before.unchanged() } else { self.changed(before) }
            }
            Judged::Faulty(faults) => Verdict {
                status: Status::Problem,
                problems: faults.iter().map(|fault| self.told(fault, Some(unit))).collect(),
                ..verdict
            },
            Judged::Waits(_) => Verdict { status: Status::Problem, ..verdict },
        }
    }

    /// The verdict on filings that wait for one another.
    pub(super) fn circular(&self, place: Place, unit: &Unit) -> Verdict {
        let detail = "these filings wait for lots of one another, directly or around corners";
        let fault = Fault::new("", "circular", detail)
            .expecting("lots that are made before they are used: check the lot numbers");
        Verdict { line: place.number, ..self.verdict(unit, &Judged::Faulty(vec![fault])) }
    }

    /// The same verdict for a reference that stands for something else.
    pub(super) fn changed(&self, verdict: Verdict) -> Verdict {
        let detail = "this reference was filed before, with other content";
        let fault = Fault::new("/reference", "changed_content", detail)
            .expecting("the same content, or a correction with its version and reason");
        let problems = vec![self.told(&fault, None)];
        Verdict { status: Status::Changed, problems, warnings: Vec::new(), ..verdict }
    }

    /// The same verdict for a receipt that names its movement by a reference which another receipt
    /// has used up.
    pub(super) fn reference_used(&self, verdict: Verdict, by: &str) -> Verdict {
        let problems = vec![self.told(&check::reference_used(by).into(), None)];
        let (filing, warnings) = (None, Vec::new());
        Verdict { status: Status::Problem, filing, problems, warnings, ..verdict }
    }

    /// The same verdict for a line that is right in a file that is not.
    pub(super) fn held_back(&self, verdict: Verdict) -> Verdict {
        let detail = "other lines of the file are wrong, and it is to be recorded as a whole";
        let fault = Fault::new("", "held_back", detail)
            .expecting("the whole file again, with the other lines put right");
        let problems = vec![self.told(&fault, None)];
        Verdict { status: Status::HeldBack, filing: None, problems, ..verdict }
    }

    /// The same verdict for a line that the database refused.
    pub(super) fn not_recorded(&self, verdict: Verdict) -> Verdict {
        let fault = Fault::new("", "not_recorded", "this filing could not be stored")
            .expecting("tell the authority the id of this job");
        let problems = vec![self.told(&fault, None)];
        Verdict { status: Status::Problem, filing: None, problems, ..verdict }
    }

    /// What is wrong with the file as a whole.
    pub(super) fn refusal(&self, faults: &[Fault]) -> Vec<Told> {
        let told = faults.iter().map(|fault| {
            let told = self.told(fault, None);
            let pointer = told.pointer.filter(|pointer| !pointer.is_empty());
            let column = fault.value.as_ref().and_then(|value| value.as_str().map(str::to_owned));
            Told { pointer, row: fault.row, column: fault.column.and(column), ..told }
        });
        told.collect()
    }

    fn told(&self, fault: &Fault, unit: Option<&Unit>) -> Told {
        let value = fault.value.clone().or_else(|| stated(unit?, &fault.pointer));
        let value = value.filter(|value| value.to_string().len() <= VALUE_LIMIT_BYTES);
        let (detail, expected) = self.sentences(fault, value.as_ref());
        let told = Told {
            pointer: None,
            row: None,
            column: None,
            code: fault.code.to_string(),
            value,
            detail,
            expected,
        };
        let Some(headings) = &self.headings else {
            return Told { pointer: Some(fault.pointer.clone()), ..told };
        };
        let cell = unit.and_then(|unit| {
            let exact = unit.cells.iter().find(|cell| cell.pointer == fault.pointer);
            // A fault of a whole part is shown at the first cell of that part.
            let part = format!("{}/", fault.pointer);
            exact.or_else(|| unit.cells.iter().find(|cell| cell.pointer.starts_with(&part)))
        });
        let row = fault.row.or(cell.map(|cell| cell.row));
        let column = fault.column.or(cell.map(|cell| cell.column));
        let heading = column.and_then(|column| headings.get(column).cloned());
        let member = || Some(fault.pointer.clone()).filter(|pointer| !pointer.is_empty());
        Told {
            row: row.or_else(|| unit.map(|unit| unit.place.number)),
            // What has no column yet is named by the field that is missing.
            pointer: if heading.is_none() { member() } else { None },
            column: heading,
            ..told
        }
    }

    fn sentences(&self, fault: &Fault, value: Option<&Value>) -> (String, Option<String>) {
        if self.language == Language::Chinese
            && let Some((wrong, right)) = in_chinese(&fault.code)
        {
            let detail = match value {
                Some(Value::String(text)) => format!("{wrong}：“{text}”"),
                Some(value) if !value.is_object() && !value.is_array() => {
                    format!("{wrong}：{value}")
                }
                _ => wrong.to_owned(),
            };
            return (detail, Some(right.to_owned()));
        }
        (fault.detail.clone(), fault.expected.clone())
    }
}

impl Verdict {
    /// The same verdict for a filing that is there already.
    pub(super) fn unchanged(self) -> Self {
        Self { status: Status::Unchanged, warnings: Vec::new(), ..self }
    }

    /// Whether its line is to be corrected and sent again.
    pub(super) const fn is_rejected(&self) -> bool {
        matches!(self.status, Status::Problem | Status::Changed | Status::HeldBack)
    }

    /// Appends its line.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self).expect("a verdict is always valid JSON");
        out.push(b'\n');
    }
}

/// What the filing says at this place.
fn stated(unit: &Unit, pointer: &str) -> Option<Value> {
    let form = unit.form.as_deref().ok()?;
    if pointer.is_empty() {
        return None;
    }
    serde_json::to_value(form).ok()?.pointer(pointer).cloned()
}
