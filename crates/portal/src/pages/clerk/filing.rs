//! Filing by form: eight kinds, lines that are added and removed without scripts, corrections.

use super::FILERS;
use crate::{
    api::{self, Catalogue, Failure},
    form::{Form, ShownForm},
    refusal::Refusal,
    visitor::{Notice, Visitor},
};
use actix_web::{HttpResponse, web};
use domain::codes::{FilingKind, Outcome, Process};
use jiff::{Timestamp, civil::DateTime};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the form of a kind asks beside reference, site and time.
struct Asks {
    kind: FilingKind,
    /// Groups of lines.
    lines: &'static [&'static str],
    /// Other members, each of which is a block of the template.
    members: &'static [&'static str],
}

#[rustfmt::skip]
const TABLE: &[Asks] = &[
    Asks { kind: FilingKind::Extraction,     lines: &["lines"], members: &[] },
    Asks { kind: FilingKind::Transformation, lines: &["inputs", "outputs", "losses"], members: &["process"] },
    Asks { kind: FilingKind::Dispatch,       lines: &["lines"], members: &["client", "contract", "invoice"] },
    Asks { kind: FilingKind::Receipt,        lines: &["lines"], members: &["movement", "outcome", "supplier", "from"] },
    Asks { kind: FilingKind::Import,         lines: &["lines"], members: &["supplier", "declaration", "origin"] },
    Asks { kind: FilingKind::Export,         lines: &["lines"], members: &["end_user", "declaration", "destination", "licence", "invoice"] },
    Asks { kind: FilingKind::Stocktake,      lines: &["lines"], members: &[] },
    Asks { kind: FilingKind::Disposal,       lines: &["lines"], members: &["to"] },
];

fn asks(kind: &str) -> Result<&'static Asks, Refusal> {
    TABLE.iter().find(|asks| asks.kind.as_str() == kind).ok_or(Refusal::NotFound)
}

/// `GET /filings/new`
pub(crate) async fn choose(visitor: Visitor) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let kinds: Vec<&str> = TABLE.iter().map(|asks| asks.kind.as_str()).collect();
    Ok(visitor.page("clerk/choose.html", json!({"kinds": kinds})))
}

/// What a form begins with.
#[derive(Debug, Deserialize)]
pub(crate) struct AskQuery {
    /// The filing that is to be corrected.
    corrects: Option<String>,
}

/// `GET /filings/new/{kind}`
pub(crate) async fn ask(
    visitor: Visitor,
    kind: web::Path<String>,
    query: web::Query<AskQuery>,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let asks = asks(&kind)?;
    let api = &visitor.portal.api;
    let mut form = ShownForm::default();
    let mut lengths: Vec<_> = asks.lines.iter().map(|list| (*list, 1)).collect();
    let catalogue = match &query.corrects {
        None => api.catalogue(&visitor).await?,
        Some(id) => {
            lengths = fill_from(&mut form, asks, &api.filing(&visitor, id).await?);
            api.catalogue(&visitor).await?
        }
    };
    Ok(page(&visitor, &kind, &form, &catalogue, &lengths, false))
}

/// The form of a correction: everything as it was said before, in the next version.
fn fill_from(form: &mut ShownForm, asks: &Asks, filing: &Value) -> Vec<(&'static str, usize)> {
    const ROLES: [(&str, &str); 3] =
        [("input", "inputs"), ("output", "outputs"), ("loss", "losses")];
    for name in ["reference", "site", "process", "contract", "invoice", "licence", "declaration"] {
        form.fill(name, &filing[name]);
    }
    for (name, from) in
        [("outcome", "outcome"), ("movement", "movement"), ("from", "beyond"), ("to", "beyond")]
    {
        if asks.members.contains(&name) {
            form.fill(name, &filing[from]);
        }
    }
    for (name, from) in [("origin", "country"), ("destination", "country")] {
        if asks.members.contains(&name) {
            form.fill(name, &filing[from]);
        }
    }
    for name in ["client", "supplier", "end_user"] {
        if asks.members.contains(&name) {
            form.fill(name, &filing["party"]);
        }
    }
    form.put("happened_at", local_time(&filing["happened_at"]));
    form.put("correction/version", (filing["version"].as_u64().unwrap_or(1) + 1).to_string());
    let mut lengths: Vec<_> = asks.lines.iter().map(|list| (*list, 0)).collect();
    for line in filing["lines"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let role = line["role"].as_str().unwrap_or_default();
        // Only a transformation tells its lines apart in its form.
        let list = ROLES.iter().find(|(word, _)| *word == role).map(|(_, list)| *list);
        let list = list.filter(|list| asks.lines.contains(list)).unwrap_or("lines");
        let Some((_, length)) = lengths.iter_mut().find(|(name, _)| *name == list) else {
            continue;
        };
        let lot = if line["lot_number"].is_null() { &line["lot"] } else { &line["lot_number"] };
        form.fill(&format!("{list}/{length}/lot"), lot);
        for name in ["quantity_kg", "uncertainty_kg", "unit_price"] {
            form.fill(&format!("{list}/{length}/{name}"), &line[name]);
        }
        *length += 1;
    }
    for (_, length) in &mut lengths {
        *length = (*length).max(1);
    }
    lengths
}

/// `POST /filings/new/{kind}`
pub(crate) async fn file(
    visitor: Visitor,
    kind: web::Path<String>,
    mut form: Form,
) -> Result<HttpResponse, Refusal> {
    visitor.with_role(FILERS)?;
    let asks = asks(&kind)?;
    let api = &visitor.portal.api;
    let button = form.get("_button").unwrap_or("file").to_owned();
    let mut lengths: Vec<_> =
        asks.lines.iter().map(|list| (*list, form.length(list).max(1))).collect();
    if let Some((list, change)) = button.split_once(' ') {
        change_lines(&mut form, &mut lengths, list, change);
        let catalogue = api.catalogue(&visitor).await?;
        return Ok(page(&visitor, &kind, &form.shown(), &catalogue, &lengths, false));
    }
    for list in asks.lines {
        form.close_gaps(list);
    }
    let once = form.get("_once").unwrap_or_default().to_owned();
    match api.file(&visitor, &once, &body(&kind, &form)).await {
        Ok(filed) => {
            let notice = Notice::about("notice-filed", text(&filed["reference"]));
            let address = format!("/filings/{}", text(&filed["id"]));
            Ok(visitor.go(&address, Some(notice)))
        }
        Err(Failure::Refused(refused)) if matches!(refused.status, 400 | 409 | 422) => {
            let catalogue = api.catalogue(&visitor).await?;
            let lengths: Vec<_> =
                asks.lines.iter().map(|list| (*list, form.length(list).max(1))).collect();
            let shown = form.refused(&refused, visitor.language);
            Ok(page(&visitor, &kind, &shown, &catalogue, &lengths, false))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Adds a line at the end, or takes one out.
fn change_lines(form: &mut Form, lengths: &mut [(&'static str, usize)], list: &str, change: &str) {
    let Some((name, length)) = lengths.iter_mut().find(|(name, _)| *name == list) else { return };
    match change.parse::<usize>() {
        Ok(index) => {
            form.remove(&format!("{name}/{index}/"));
            form.close_gaps(name);
            *length = form.length(name).max(1);
        }
        Err(_) => *length += 1,
    }
}

/// The interface's form: our fields, with the time in Beijing and prices in yuan unless said.
fn body(kind: &str, form: &Form) -> Value {
    let mut body = form.body();
    body["kind"] = kind.into();
    if let Some(happened) = form.get("happened_at") {
        body["happened_at"] = beijing(happened).into();
    }
    if let Some(version) = form.get("correction/version").and_then(|text| text.parse::<u16>().ok())
    {
        body["correction"]["version"] = version.into();
    }
    for list in ["inputs", "outputs", "losses", "lines"] {
        let lines = body.get_mut(list).and_then(Value::as_array_mut);
        for line in lines.into_iter().flatten() {
            let is_priced = !line["unit_price"]["amount"].is_null();
            if let Some(line) = line.as_object_mut().filter(|_| !is_priced) {
                line.remove("unit_price");
            }
        }
    }
    body
}

/// A local time as browsers send it, in Beijing; anything else stays as it is, to be refused.
fn beijing(text: &str) -> String {
    match text.parse::<DateTime>() {
        Ok(local) => format!("{local}+08:00"),
        Err(_) => text.to_owned(),
    }
}

/// A moment as browsers take it, in Beijing to the minute.
pub(super) fn local_time(value: &Value) -> String {
    let at = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    at.map(|at| at.to_zoned(domain::calendar_month::BEIJING).strftime("%Y-%m-%dT%H:%M").to_string())
        .unwrap_or_default()
}

/// The page with the form.
pub(super) fn page(
    visitor: &Visitor,
    kind: &str,
    form: &ShownForm,
    catalogue: &Catalogue,
    lengths: &[(&'static str, usize)],
    prefilled: bool,
) -> HttpResponse {
    let members = asks(kind).map(|asks| asks.members).unwrap_or_default();
    let processes: Vec<&str> = Process::ALL.iter().map(|word| word.as_str()).collect();
    let outcomes: Vec<&str> = Outcome::ALL.iter().map(|word| word.as_str()).collect();
    visitor.page(
        "clerk/form.html",
        json!({
            "kind": kind, "form": form, "members": members, "lists": lengths,
            "catalogue": catalogue, "prefilled": prefilled, "once": api::once_key(),
            "processes": processes, "outcomes": outcomes,
        }),
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_but_the_return_has_a_form() {
        let mut kinds: Vec<&str> = FilingKind::ALL.iter().map(|kind| kind.as_str()).collect();
        kinds.retain(|kind| *kind != "monthly_return");
        let asked: Vec<&str> = TABLE.iter().map(|asks| asks.kind.as_str()).collect();
        assert_eq!(asked, kinds);
    }

    #[test]
    fn times_are_beijings() {
        assert_eq!(beijing("2026-11-24T09:30"), "2026-11-24T09:30:00+08:00");
        assert_eq!(beijing("yesterday"), "yesterday");
        assert_eq!(local_time(&json!("2026-11-24T01:30:00Z")), "2026-11-24T09:30");
        assert_eq!(local_time(&Value::Null), "");
    }
}
