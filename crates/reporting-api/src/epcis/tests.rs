//! What events become: which filing, or why none.

use super::translate::{Translation, translate};
use ::epcis::{document::Document, hash::Prehasher};
use serde_json::{Value, json};
use std::fmt::Write;

fn translation(event: &Value) -> String {
    let body = json!({
        "@context": [{ "lodestone": "urn:lodestone:epcis:", "ours": "urn:lodestone:epcis:" }],
        "type": "EPCISDocument", "epcisBody": { "eventList": [event] },
    })
    .to_string();
    let document = Document::read(&body, 1).unwrap();
    let event = document.events().next().unwrap().unwrap();
    let hash = Prehasher::default().hash(&event.members, &event.context);
    match translate(&event, &hash) {
        Translation::Filing(candidate) => {
            let mut form = serde_json::to_value(&candidate.form).unwrap();
            if form["reference"] == hex::encode(hash.as_bytes()) {
                form["reference"] = json!("<hash>");
            }
            let seller = candidate.seller.map_or(String::new(), |seller| format!(" of {seller}"));
            format!("{}{seller}", serde_json::to_string(&form).unwrap())
        }
        Translation::NoFiling(reason) => format!("no filing: {reason}"),
        Translation::Faulty(faults) => serde_json::to_string(&faults).unwrap(),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table, a case a line")]
fn the_table_of_events_and_filings() {
    let lot = |lot: &str, quantity: f64, unit: &str| json!({ "epcClass": format!("urn:epc:class:lgtin:4012345.012345.{lot}"), "quantity": quantity, "uom": unit });
    let event = |kind: &str, action: &str, step: &str, more: Value| {
        let mut event = json!({
            "type": kind, "eventTime": "2026-10-03T09:30:00+08:00", "eventTimeZoneOffset": "+08:00",
            "action": action, "bizStep": step, "readPoint": { "id": "https://example.com/sites/S1" },
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let report = |symbol: &str, value: f64| json!({ "type": "Dimensionless", "chemicalSubstance": format!("urn:lodestone:element:{symbol}"), "value": value, "sDev": 0.1, "uom": "P1" });
    let cases = [
        event(
            "ObjectEvent",
            "ADD",
            "commissioning",
            json!({ "quantityList": [lot("A", 2.5, "TNE")], "sensorElementList": [{ "sensorReport": [report("Nd", 29.5)] }] }),
        ),
        event(
            "ObjectEvent",
            "ADD",
            "cbv:BizStep-commissioning",
            json!({ "lodestone:product": "NDFEB", "quantityList": [lot("A", 1250.0, "GRM")] }),
        ),
        event(
            "ObjectEvent",
            "ADD",
            "commissioning",
            json!({ "quantityList": [lot("A", 2.5, "KGM"), lot("B", 1.0, "KGM")], "sensorElementList": [
            { "sensorMetadata": { "lodestone:lot": "B" }, "sensorReport": [report("Dy", 1.5)] }, { "sensorReport": [report("Nd", 30.0)] } ] }),
        ),
        event(
            "TransformationEvent",
            "",
            "commissioning",
            json!({ "inputQuantityList": [lot("A", 10.0, "KGM")], "outputQuantityList": [lot("B", 9.0, "KGM")], "ours:process": "separation", "ours:losses": [{ "ours:quantity_kg": "1" }] }),
        ),
        event(
            "TransformationEvent",
            "",
            "commissioning",
            json!({ "inputQuantityList": [lot("A", 10.0, "KGM")], "outputQuantityList": [lot("B", 9.0, "KGM")] }),
        ),
        event(
            "AggregationEvent",
            "OBSERVE",
            "shipping",
            json!({ "childQuantityList": [lot("A", 10.0, "KGM")], "destinationList": [{ "type": "owning_party", "destination": "urn:x:914403001922038216" }],
            "bizTransactionList": [{ "type": "desadv", "bizTransaction": "urn:x:DSP-1" }, { "type": "po", "bizTransaction": "urn:x:C-1" }, { "type": "inv", "bizTransaction": "urn:x:I-1" }] }),
        ),
        event(
            "ObjectEvent",
            "OBSERVE",
            "shipping",
            json!({ "quantityList": [lot("A", 10.0, "KGM")], "lodestone:client": { "lodestone:name": "Magnets GmbH", "lodestone:country": "DE" }, "lodestone:lots": [{ "lot": "A", "unit_price": { "amount": "5", "currency": "EUR" } }] }),
        ),
        event(
            "ObjectEvent",
            "OBSERVE",
            "receiving",
            json!({ "quantityList": [lot("A", 10.0, "KGM")], "disposition": "damaged", "sourceList": [{ "type": "owning_party", "source": "urn:x:914403001922038216" }], "bizTransactionList": [{ "type": "desadv", "bizTransaction": "urn:x:DSP-1" }] }),
        ),
        event(
            "ObjectEvent",
            "OBSERVE",
            "stock_taking",
            json!({ "quantityList": [lot("A", 10.0, "KGM")] }),
        ),
        event(
            "ObjectEvent",
            "DELETE",
            "destroying",
            json!({ "quantityList": [lot("A", 10.0, "KGM")], "lodestone:kind": "disposal", "lodestone:to": "waste" }),
        ),
        event(
            "ObjectEvent",
            "OBSERVE",
            "shipping",
            json!({ "quantityList": [lot("A", 10.0, "EA")] }),
        ),
        event(
            "ObjectEvent",
            "OBSERVE",
            "shipping",
            json!({ "quantityList": [{ "epcClass": "urn:epc:idpat:sgtin:4012345.011111.*", "quantity": 10, "uom": "KGM" }] }),
        ),
        event(
            "ObjectEvent",
            "OBSERVE",
            "shipping",
            json!({ "epcList": ["urn:epc:id:sgtin:4012345.011111.1"] }),
        ),
        event("ObjectEvent", "OBSERVE", "https://example.com/milling", json!({})),
        event("ObjectEvent", "OBSERVE", "inspecting", json!({ "lodestone:site": "S1" })),
        event("ObjectEvent", "ADD", "commissioning", json!({ "lodestone:kind": "mining" })),
        event(
            "ObjectEvent",
            "ADD",
            "commissioning",
            json!({ "quantityList": [lot("A", 1.0, "KGM")], "lodestone:correction": { "version": "two" } }),
        ),
        event(
            "ObjectEvent",
            "ADD",
            "commissioning",
            json!({ "errorDeclaration": { "declarationTime": "2026-10-03T09:30:00+08:00" }, "quantityList": [lot("A", 1.0, "KGM")] }),
        ),
    ];
    let mut table = String::new();
    for case in cases {
        writeln!(table, "{}\n", translation(&case)).unwrap();
    }
    insta::assert_snapshot!(table);
}
