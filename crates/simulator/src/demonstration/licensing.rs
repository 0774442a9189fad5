//! Three applications: one becomes a licence and is used, one waits for its second signature, one
//! waits for anybody.

use super::{people::Officials, registration::Filer};
use crate::{
    Plan, Trade,
    api::{Answer, Api, text},
    calendar::midnight,
    filing::{Filing, Line, Party},
    goods::Good,
};
use anyhow::Context;
use domain::{codes::FilingKind, ids::OrganisationId, mass::kilograms_of_grams};
use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};

const CONTROL_CODE: &str = "1C905.a.4";
/// What a general licence asks for; a single one asks for the first five.
const DOCUMENTS: [&str; 8] = [
    "application_form",
    "id_legal_rep_managers_handler",
    "contract_or_other_proof",
    "technical_description_or_test_report",
    "end_user_end_use_certificate",
    "icp_operation_statement",
    "licence_use_statement",
    "channels_and_end_users_statement",
];
const LICENSED_GRAMS: u64 = 500_000;
const SHIPPED_GRAMS: u64 = 40_000;
const RESERVED_GRAMS: u64 = 60_000;

/// An application on its way.
struct Case {
    id: String,
    number: String,
    etag: String,
}

/// Plays the story and answers its numbers.
pub(super) async fn play(
    api: &Api,
    plan: &Plan,
    filers: &[Filer],
    officials: &Officials,
    today: Date,
) -> anyhow::Result<Value> {
    let Some(controlled) = &plan.controlled else { return Ok(Value::Null) };
    let holder = &filers[controlled.organisation];
    let exporters = plan.nation.of_trade(Trade::Exporter);
    let other = |nth: usize| &filers[exporters[nth % exporters.len()]];

    let issued = submit(api, plan, holder, ("general", 0), today).await?;
    let issued = decide(api, officials, issued, true).await?;
    let number =
        text(&issued.body, "licence/number").or_else(|_| text(&issued.body, "licence_number"));
    let number = match number {
        Ok(number) => number,
        // The case names the licence by its id only; its holder's list has the number.
        Err(_) => newest_licence(api, holder).await?,
    };
    let used = use_licence(api, plan, officials, &number).await?;
    let ids: Vec<OrganisationId> = filers.iter().map(|filer| filer.id).collect();
    let exported = export_under(api, plan, holder, &ids, (&number, today)).await?;

    let waiting = submit(api, plan, other(1), ("single", 1), today).await?;
    let waiting_number = waiting.number.clone();
    let waiting_id = waiting.id.clone();
    decide(api, officials, waiting, false).await?;
    let queued = submit(api, plan, other(2), ("single", 2), today).await?;
    Ok(json!({
        "licence": {
            "number": number, "holder": plan.nation.organisations[controlled.organisation].name_en,
            "control_code": CONTROL_CODE, "reservation": used, "export_filing": exported,
        },
        "waiting_for_countersignature": {"id": waiting_id, "number": waiting_number},
        "in_the_queue": {"id": queued.id, "number": queued.number},
    }))
}

async fn submit(
    api: &Api,
    plan: &Plan,
    applicant: &Filer,
    (kind, foreign): (&str, usize),
    today: Date,
) -> anyhow::Result<Case> {
    let party = &plan.nation.foreign[foreign];
    let party = json!({"name": party.name, "country": party.country, "identifier": party.lei});
    let documents: Vec<Value> = DOCUMENTS
        .iter()
        .take(if kind == "general" { DOCUMENTS.len() } else { 5 })
        .map(|document| {
            let sha256 = domain::canonical::sha256_hex(document.as_bytes());
            json!({"kind": document, "name": format!("{document}.pdf"), "sha256": sha256})
        })
        .collect();
    let facts = Good::MagnetsSh.facts();
    let form = json!({
        "kind": kind, "destination": party["country"], "consignees": [party], "end_users": [party],
        "end_use": {"category": "civil", "description": "traction motors for trains / 列车牵引电机"},
        "valid_from": today.to_string(), "valid_until": (today + 11.months()).to_string(),
        "contract": format!("EX-{}-{foreign:03}", today.year()),
        "lines": [{
            "description": facts.name_en,
            "goods": {"category": "magnet", "magnet_family": "ndfeb", "composition": {"percent":
                {"Nd": "21.4", "Pr": "7.1", "Dy": "3", "Fe": "67.3", "B": "1", "Al": "0.2"}, "completeness": "complete"}},
            "control_code": CONTROL_CODE, "hs_code": facts.hs_code,
            "quantity_kg": kilograms_of_grams(LICENSED_GRAMS.cast_signed()),
        }],
        "documents": documents,
    });
    let key = format!("application-{foreign}");
    let begun = api.licensing("POST", "/v1/applications").by(&applicant.key).once(&key).with(&form);
    let begun = api.send(&begun).await?;
    let id = text(&begun.body, "id")?;
    let path = format!("/v1/applications/{id}/submit");
    let etag = begun.etag.context("an application has an ETag")?;
    let submitted = api
        .send(&api.licensing("POST", &path).by(&applicant.key).if_still(&etag).with(&json!({})))
        .await?;
    let number = text(&submitted.body, "number")?;
    Ok(Case { id, number, etag: submitted.etag.context("an application has an ETag")? })
}

/// Accepts, reviews and recommends; and countersigns, if that is wanted: once, or twice where the
/// risk that the worker saw meanwhile asks for it.
async fn decide(
    api: &Api,
    officials: &Officials,
    case: Case,
    countersign: bool,
) -> anyhow::Result<Answer> {
    let officer = &officials.officer.token;
    let note = json!({"note": "End user and end use are plausible; channels are known."});
    let mut steps = vec![
        ("accept", officer, json!({})),
        ("begin_review", officer, json!({})),
        ("recommend_approval", officer, note),
    ];
    if countersign {
        steps.push(("countersign", &officials.senior_officer.token, json!({})));
    }
    let mut etag = case.etag;
    let mut last = None;
    for (action, token, body) in steps {
        let path = format!("/v1/cases/{}/{action}", case.id);
        let answer =
            api.send(&api.licensing("POST", &path).by(token).if_still(&etag).with(&body)).await?;
        etag = answer.etag.clone().context("a case has an ETag")?;
        last = Some(answer);
    }
    if countersign && last.as_ref().is_some_and(|answer| answer.body["state"] == "countersign") {
        let token = &officials.second_senior_officer.token;
        let path = format!("/v1/cases/{}/countersign", case.id);
        let sign = api.licensing("POST", &path).by(token).if_still(&etag).with(&json!({}));
        last = Some(api.send(&sign).await?);
    }
    last.context("there were steps")
}

async fn newest_licence(api: &Api, holder: &Filer) -> anyhow::Result<String> {
    let answer = api.send(&api.licensing("GET", "/v1/licences").by(&holder.key)).await?;
    text(&answer.body, "licences/0/number")
}

/// Customs: one declaration released, another still open.
async fn use_licence(
    api: &Api,
    plan: &Plan,
    officials: &Officials,
    number: &str,
) -> anyhow::Result<Value> {
    let customs = &officials.customs.token;
    let foreign = &plan.nation.foreign[0];
    let form = |declaration: &str, grams: u64| {
        json!({
            "line": 1, "declaration": declaration, "declaration_line": 1,
            "quantity_kg": kilograms_of_grams(grams.cast_signed()),
            "control_code": CONTROL_CODE, "hs_code": Good::MagnetsSh.facts().hs_code,
            "destination": foreign.country, "consignee": foreign.name,
        })
    };
    let path = format!("/v1/licences/{number}/reservations");
    let reserve = |declaration: &'static str, grams| {
        api.licensing("POST", &path).by(customs).once(declaration).with(&form(declaration, grams))
    };
    let first = api.send(&reserve(DECLARATION, SHIPPED_GRAMS)).await?;
    let id = text(&first.body, "id")?;
    let confirm =
        api.licensing("POST", &format!("{path}/{id}/confirm")).by(customs).with(&json!({}));
    api.send(&confirm).await?;
    let second = api.send(&reserve("310120261100000002", RESERVED_GRAMS)).await?;
    Ok(json!({"confirmed": id, "open": text(&second.body, "id")?}))
}

const DECLARATION: &str = "310120261100000001";

/// The holder files the export that customs released.
async fn export_under(
    api: &Api,
    plan: &Plan,
    holder: &Filer,
    ids: &[OrganisationId],
    (number, today): (&str, Date),
) -> anyhow::Result<String> {
    let controlled = plan.controlled.as_ref().context("somebody holds controlled goods")?;
    let foreign = &plan.nation.foreign[0];
    let mut filing = Filing::new(
        controlled.organisation,
        FilingKind::Export,
        "EXP-LICENSED-1".to_owned(),
        midnight(today),
    );
    filing.declaration = Some(DECLARATION.to_owned());
    filing.country = Some(foreign.country);
    filing.licence = Some(number.to_owned());
    let identifier = foreign.lei.as_ref().map(ToString::to_string);
    filing.party =
        Some(Party { name: foreign.name.clone(), identifier, country: foreign.country.to_owned() });
    filing.lines.push(Line {
        lot: Some(controlled.lot.clone()),
        grams: SHIPPED_GRAMS.min(controlled.grams),
        price_fen: Some(Good::MagnetsSh.facts().price_fen),
        ..Line::default()
    });
    let request = api
        .reporting("POST", "/v1/filings")
        .by(&holder.key)
        .once(&filing.idempotency_key())
        .with_bytes(filing.body(ids));
    text(&api.send(&request).await?.body, "id")
}
