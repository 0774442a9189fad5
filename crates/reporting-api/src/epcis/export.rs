//! `GET /v1/epcis/export`: an organisation's filings of a month as an EPCIS document.
//!
//! What a lot is made of stands in `sensorElementList`, each element in percent of the gross mass
//! with one standard deviation where the filer stated one. A later version replaces an earlier.

use super::view::CONTEXT;
use crate::reading::{Reading, ReadingQuery};
use actix_web::{HttpResponse, get, web};
use database::epcis::{Filed, FiledLine, filed_in};
use domain::{
    calendar_month::{Month, beijing_date},
    codes::{FilingKind, LineRole},
    element::Element,
    ids::{FilingId, OrganisationId},
};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{
    clock, cursor,
    problem::{Problem, ProblemDetails},
    secret::ServerSecret,
};
use utoipa::IntoParams;
use uuid::Uuid;

const PAGE: u16 = 200;

/// Which month.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// The month; the present one unless said.
    #[param(value_type = Option<String>, example = "2026-10")]
    month: Option<Month>,
    /// Where the last page said the document goes on.
    cursor: Option<String>,
    /// Officials: whose filings.
    #[param(value_type = Option<Uuid>)]
    organisation: Option<OrganisationId>,
}

/// An organisation's filings of a month as an `EPCISDocument`, at most 200 at a time.
///
/// The cursor of the next page stands in `Link`. Monthly returns are no events and left out.
/// Officials name an organisation and, in `Lodestone-Purpose`, why; the read is logged for that
/// organisation to see.
#[utoipa::path(
    tag = "epcis",
    params(ExportQuery, ("Lodestone-Purpose" = Option<String>, Header, description = "Officials: why")),
    responses((status = 200, description = "An EPCISDocument", body = Object), (status = 400, body = ProblemDetails))
)]
#[get("/v1/epcis/export")]
pub async fn export(
    reading: Reading,
    secret: web::Data<ServerSecret>,
    query: web::Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let month = query.month.unwrap_or_else(|| Month::of(beijing_date(clock::now())));
    let subject = format!("EPCIS export of {month}");
    let mut access = reading.of(&ReadingQuery::new(query.organisation, subject)).await?;
    let organisation = access.organisation;
    let list = format!("epcis export of {organisation} {month}");
    let after: Option<Uuid> =
        query.cursor.as_deref().map(|sealed| cursor::open(&secret, &list, sealed)).transpose()?;
    let after = after.map(FilingId::from_uuid);
    let filed = filed_in(&mut access.conn, organisation, month, after, PAGE).await?;
    let mut answer = HttpResponse::Ok();
    if let Some(last) = filed.last().filter(|_| filed.len() == usize::from(PAGE)) {
        let next = cursor::seal(&secret, &list, &last.id.as_uuid());
        let link = format!("</v1/epcis/export?month={month}&cursor={next}>; rel=\"next\"");
        answer.insert_header(("Link", link));
    }
    Ok(answer.json(json!({
        "@context": [CONTEXT, { "lodestone": super::NAMESPACE }],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": clock::now().to_string(),
        "epcisBody": { "eventList": filed.iter().map(event).collect::<Vec<_>>() },
    })))
}

/// A filing as an event.
fn event(filed: &Filed) -> Value {
    let (kind, action, step) = match filed.kind {
        FilingKind::Extraction | FilingKind::Import => ("ObjectEvent", "ADD", "commissioning"),
        FilingKind::Transformation => ("TransformationEvent", "", "commissioning"),
        FilingKind::Dispatch | FilingKind::Export => ("ObjectEvent", "OBSERVE", "shipping"),
        FilingKind::Receipt => ("ObjectEvent", "OBSERVE", "receiving"),
        FilingKind::Disposal => ("ObjectEvent", "DELETE", "destroying"),
        FilingKind::Stocktake | FilingKind::MonthlyReturn => {
            ("ObjectEvent", "OBSERVE", "stock_taking")
        }
    };
    let place = json!({ "id": format!("urn:lodestone:site:{}", filed.site) });
    let mut event = Map::from_iter([
        ("type".to_owned(), json!(kind)),
        ("eventTime".to_owned(), json!(filed.happened_at.to_string())),
        ("eventTimeZoneOffset".to_owned(), json!("+08:00")),
        ("eventID".to_owned(), json!(format!("urn:uuid:{}", filed.id))),
        ("bizStep".to_owned(), json!(step)),
        ("readPoint".to_owned(), place),
        ("lodestone:kind".to_owned(), json!(filed.kind)),
        ("lodestone:site".to_owned(), json!(filed.site)),
        ("lodestone:reference".to_owned(), json!(filed.reference)),
    ]);
    if !action.is_empty() {
        event.insert("action".to_owned(), json!(action));
    }
    if let Some(process) = &filed.process {
        event.insert("lodestone:process".to_owned(), json!(process));
    }
    if let Some(invoice) = &filed.invoice {
        event.insert("lodestone:invoice".to_owned(), json!(invoice));
    }
    let (mut inputs, mut others, mut sensors) = (Vec::new(), Vec::new(), Vec::new());
    for line in &filed.lines {
        let Some(class) = class(line) else { continue };
        let quantity = json!({
            "epcClass": class, "quantity": number(Decimal::new(line.quantity_grams, 3)), "uom": "KGM",
        });
        if line.role == LineRole::Input {
            inputs.push(quantity);
        } else {
            others.push(quantity);
            sensors.extend(sensor(line));
        }
    }
    let lists = match filed.kind {
        FilingKind::Transformation => {
            [("inputQuantityList", inputs), ("outputQuantityList", others)]
        }
        _ => [("inputQuantityList", Vec::new()), ("quantityList", others)],
    };
    for (name, list) in lists.into_iter().chain([("sensorElementList", sensors)]) {
        if !list.is_empty() {
            event.insert(name.to_owned(), json!(list));
        }
    }
    Value::Object(event)
}

/// A lot as a class: by its GTIN where the product has one, else by its id.
fn class(line: &FiledLine) -> Option<String> {
    let gtin = line
        .product
        .as_deref()
        .filter(|code| code.len() == 14 && code.bytes().all(|byte| byte.is_ascii_digit()));
    let plain = |number: &&str| {
        number
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    match (gtin, line.lot_number.as_deref().filter(plain)) {
        (Some(gtin), Some(number)) => Some(format!("https://id.gs1.org/01/{gtin}/10/{number}")),
        _ => line.lot.map(|lot| format!("urn:lodestone:lot:{lot}")),
    }
}

/// What a lot is made of, as measurements.
fn sensor(line: &FiledLine) -> Option<Value> {
    let gross_mg = Decimal::from(line.quantity_grams) * dec!(1_000);
    let percent = |milligrams: i64| {
        let share = (Decimal::from(milligrams) * dec!(100)).checked_div(gross_mg)?;
        Some(share.round_dp(8))
    };
    let mut reports = Vec::new();
    for (index, element) in Element::ALL.into_iter().enumerate() {
        let milligrams = line.elements_mg.get(index).copied().filter(|milligrams| 0 < *milligrams);
        let Some(share) = milligrams.and_then(percent) else { continue };
        let mut report = json!({
            "type": "Dimensionless", "chemicalSubstance": format!("urn:lodestone:element:{element}"),
            "value": number(share), "uom": "P1",
        });
        let sigma = line.sigma_mg.as_ref().and_then(|sigma| percent(*sigma.get(index)?));
        if let Some(sigma) = sigma.filter(|sigma| !sigma.is_zero()) {
            report["sDev"] = number(sigma);
        }
        reports.push(report);
    }
    let lot = line.lot_number.clone().or_else(|| line.lot.map(|lot| lot.to_string()))?;
    (!reports.is_empty())
        .then(|| json!({ "sensorMetadata": { "lodestone:lot": lot }, "sensorReport": reports }))
}

/// A decimal as JSON has numbers; EPCIS knows no other.
fn number(decimal: Decimal) -> Value {
    decimal.to_f64().map_or(Value::Null, |number| json!(number))
}
