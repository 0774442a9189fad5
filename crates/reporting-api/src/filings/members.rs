//! Which members a form of each kind must and may have, on one screen.

use super::form::FilingForm;
use domain::{codes::FilingKind, violation::Violation};

/// What a kind asks of its form.
struct Members {
    kind: FilingKind,
    must: &'static [&'static str],
    may: &'static [&'static str],
}

/// Members of every form.
const COMMON: [&str; 5] = ["kind", "reference", "site", "happened_at", "correction"];

#[rustfmt::skip]
const TABLE: &[Members] = &[
    Members { kind: FilingKind::Extraction,     must: &["happened_at", "lines"],                                      may: &[] },
    Members { kind: FilingKind::Transformation, must: &["happened_at", "process", "inputs", "outputs"],               may: &["losses"] },
    Members { kind: FilingKind::Dispatch,       must: &["happened_at", "client", "lines"],                            may: &["contract", "invoice"] },
    // Of a movement, or from those who do not file: `movement` decides which of the rest it needs.
    Members { kind: FilingKind::Receipt,        must: &["happened_at", "lines"],                                      may: &["movement", "outcome", "supplier", "from"] },
    Members { kind: FilingKind::Import,         must: &["happened_at", "supplier", "declaration", "origin", "lines"], may: &[] },
    Members { kind: FilingKind::Export,         must: &["happened_at", "end_user", "declaration", "destination", "lines"], may: &["licence", "invoice"] },
    Members { kind: FilingKind::Stocktake,      must: &["happened_at", "lines"],                                      may: &[] },
    Members { kind: FilingKind::Disposal,       must: &["happened_at", "to", "lines"],                                may: &[] },
    Members { kind: FilingKind::MonthlyReturn,  must: &["month", "nil"],                                              may: &["happened_at"] },
];

/// Members that a receipt of a movement must have, and one from those who do not file.
const OF_MOVEMENT: [&str; 2] = ["movement", "outcome"];
const OF_NON_FILER: [&str; 2] = ["supplier", "from"];

/// Names every member that is missing or out of place.
pub(super) fn check(form: &FilingForm, violations: &mut Vec<Violation>) {
    let row = TABLE.iter().find(|row| row.kind == form.kind).expect("every kind has a row");
    let (more, not): (&[&str], &[&str]) = match form.kind {
        FilingKind::Receipt if form.movement.is_some() => (&OF_MOVEMENT, &OF_NON_FILER),
        FilingKind::Receipt => (&OF_NON_FILER, &OF_MOVEMENT),
        _ => (&[], &[]),
    };
    let kind = form.kind;
    for member in row.must.iter().chain(more) {
        if !is_present(form, member) {
            let detail = format!("a filing of kind {kind} must say `{member}`");
            violations.push(Violation::new(format!("/{member}"), "missing", detail));
        }
    }
    for member in PRESENCE.iter().map(|(member, _)| *member) {
        let known =
            COMMON.contains(&member) || row.must.contains(&member) || row.may.contains(&member);
        if is_present(form, member) && (!known || not.contains(&member)) {
            let detail = format!("a filing of kind {kind} has no `{member}`");
            violations.push(
                Violation::new(format!("/{member}"), "out_of_place", detail)
                    .expecting("leave it out, or file another kind"),
            );
        }
    }
}

type Presence = fn(&FilingForm) -> bool;

const PRESENCE: [(&str, Presence); 21] = [
    ("happened_at", |form| form.happened_at.is_some()),
    ("process", |form| form.process.is_some()),
    ("inputs", |form| !form.inputs.is_empty()),
    ("outputs", |form| !form.outputs.is_empty()),
    ("losses", |form| !form.losses.is_empty()),
    ("lines", |form| !form.lines.is_empty()),
    ("client", |form| form.client.is_some()),
    ("supplier", |form| form.supplier.is_some()),
    ("end_user", |form| form.end_user.is_some()),
    ("contract", |form| form.contract.is_some()),
    ("invoice", |form| form.invoice.is_some()),
    ("movement", |form| form.movement.is_some()),
    ("outcome", |form| form.outcome.is_some()),
    ("from", |form| form.from.is_some()),
    ("to", |form| form.to.is_some()),
    ("declaration", |form| form.declaration.is_some()),
    ("origin", |form| form.origin.is_some()),
    ("destination", |form| form.destination.is_some()),
    ("licence", |form| form.licence.is_some()),
    ("month", |form| form.month.is_some()),
    ("nil", |form| form.nil.is_some()),
];

fn is_present(form: &FilingForm, member: &str) -> bool {
    PRESENCE.iter().any(|(name, present)| *name == member && present(form))
}
