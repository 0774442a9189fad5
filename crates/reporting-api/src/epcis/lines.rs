//! Quantities of an event as lines of a form: which lot, how many kilograms, made of what.

use super::mapping::grams_in;
use ::epcis::identifier;
use domain::element::Element;
use rust_decimal::{Decimal, dec};
use serde_json::{Map, Number, Value, json};

/// What is said of lots beside their quantities.
pub(super) struct Details<'a> {
    /// Our extension's `lots`, each naming its `lot`.
    pub(super) lots: &'a [Value],
    /// The product of all new lots, where it is said once.
    pub(super) product: Option<&'a Value>,
    /// `sensorElementList`.
    pub(super) sensors: &'a [Value],
    /// Whether lines make new lots, which need a product.
    pub(super) new: bool,
}

/// The line of one quantity element, or why it is none.
pub(super) fn line(quantity: &Value, details: &Details<'_>, only: bool) -> Result<Value, String> {
    let class = quantity.get("epcClass").and_then(Value::as_str).unwrap_or_default();
    let Some(of) = identifier::lot_of(class) else {
        return Err(format!("{class:?} names no lot"));
    };
    let unit = quantity.get("uom").and_then(Value::as_str);
    let Some(grams) = unit.and_then(grams_in) else {
        let unit = unit.map_or_else(|| "a count".to_owned(), |unit| format!("in {unit}"));
        return Err(format!("the quantity of {class:?} is {unit}; a mass is in KGM, GRM or TNE"));
    };
    let Some(Value::Number(amount)) = quantity.get("quantity") else {
        return Err(format!("of {class:?} no quantity is said"));
    };
    let Some(kilograms) = kilograms(amount, grams) else {
        return Err(format!("{amount} {} is no mass", unit.unwrap_or_default()));
    };
    let detail = details.lots.iter().find(|detail| detail.get("lot") == Some(&json!(of.lot)));
    let mut line = Map::new();
    for (name, value) in detail.and_then(Value::as_object).into_iter().flatten() {
        line.insert(name.clone(), value.clone());
    }
    line.insert(
        "lot".to_owned(),
        json!(detail.and_then(|it| it.get("id")).unwrap_or(&json!(of.lot))),
    );
    line.remove("id");
    line.insert("quantity_kg".to_owned(), json!(kilograms));
    if details.new && !line.contains_key("product") {
        let product = details.product.cloned().unwrap_or_else(|| json!(of.gtin));
        line.insert("product".to_owned(), product);
    }
    if !line.contains_key("composition")
        && let Some(composition) = composition(details.sensors, &of.lot, only)
    {
        line.insert("composition".to_owned(), composition);
    }
    Ok(Value::Object(line))
}

/// An amount as kilograms, in plain decimals; exactness to the gram is the form's check.
fn kilograms(amount: &Number, grams: u32) -> Option<String> {
    let text = amount.to_string();
    let amount =
        Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).ok()?;
    let kilograms = amount.checked_mul(Decimal::from(grams))?.checked_div(dec!(1_000))?;
    Some(kilograms.normalize().to_string())
}

/// What sensors measured of a lot: percent of each element, with one standard deviation.
///
/// A report counts when its `chemicalSubstance` ends with an element's symbol and its unit is
/// percent (P1). Without `lot` in its metadata it is of the only lot.
fn composition(sensors: &[Value], lot: &str, only: bool) -> Option<Value> {
    let mut percent = Map::new();
    let mut uncertainty = Map::new();
    let of_this = |sensor: &&Value| {
        let metadata = sensor.get("sensorMetadata").and_then(Value::as_object);
        let named = metadata.and_then(|members| {
            members.iter().find(|(name, _)| name.ends_with(":lot")).map(|(_, value)| value)
        });
        named.map_or(only, |named| named.as_str() == Some(lot))
    };
    let reports =
        sensors.iter().filter(of_this).filter_map(|it| it.get("sensorReport")?.as_array());
    for report in reports.flatten() {
        let text = |name: &str| report.get(name).and_then(Value::as_str);
        let symbol = text("chemicalSubstance").and_then(identifier::last_segment);
        let Some(symbol) = symbol.filter(|symbol| symbol.parse::<Element>().is_ok()) else {
            continue;
        };
        if text("uom") != Some("P1") {
            continue;
        }
        if let Some(Value::Number(value)) = report.get("value") {
            percent.insert(symbol.clone(), json!(value.to_string()));
        }
        if let Some(Value::Number(deviation)) = report.get("sDev") {
            uncertainty.insert(symbol, json!(deviation.to_string()));
        }
    }
    (!percent.is_empty()).then(|| json!({ "percent": percent, "uncertainty_percent": uncertainty }))
}
