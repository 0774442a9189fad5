//! Reporting by GS1 EPCIS 2.0: events in and out, and what they mean as filings.

use crate::world::{Answer, Filer, World, product};
use serde_json::{Value, json};
use testkit::uscc;

const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

pub(crate) fn document(events: &[Value]) -> Value {
    json!({
        "@context": [CONTEXT, { "lodestone": "urn:lodestone:epcis:" }],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-10-03T10:00:00+08:00",
        "epcisBody": { "eventList": events },
    })
}

fn event(members: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent", "eventTime": "2026-10-03T09:30:00.000+08:00",
        "eventTimeZoneOffset": "+08:00", "action": "OBSERVE",
    });
    let Value::Object(members) = members else { panic!("an event is an object") };
    event.as_object_mut().unwrap().extend(members);
    event
}

/// An observation that is no filing.
pub(crate) fn seen(number: u32) -> Value {
    event(json!({
        "bizStep": "inspecting", "epcList": [format!("urn:epc:id:sgtin:4012345.011111.{number}")],
        "readPoint": { "id": "urn:epc:id:sgln:4012345.00005.0" },
    }))
}

pub(crate) async fn capture(world: &World, filer: &Filer, document: &Value) -> Answer {
    world.post("/v1/epcis/capture", document).by(&filer.key).answer().await
}

pub(crate) async fn events(world: &World, filer: &Filer, query: &str) -> Vec<Value> {
    let path = format!("/v1/epcis/events?{query}");
    let answer = world.get(&path).by(&filer.key).answer().await.expect(200);
    answer.body["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone()
}

/// A magnet maker's product, by its GTIN.
pub(crate) async fn with_gtin(world: &World, filer: &Filer) {
    let form = product("04012345123456");
    let path = format!("/v1/organisations/{}/products", filer.id);
    let session = world.sign_in(&filer.email).await;
    let added =
        world.post(&path, &form).by(&session).header("Idempotency-Key", "gtin").answer().await;
    added.expect(201);
}

pub(crate) fn made(lot: &str) -> Value {
    event(json!({
        "action": "ADD", "bizStep": "commissioning",
        "bizLocation": { "id": "https://example.com/sites/S1" },
        "quantityList": [{ "epcClass": format!("urn:epc:class:lgtin:4012345.012345.{lot}"), "quantity": 1.5, "uom": "TNE" }],
        "sensorElementList": [{ "sensorReport": [
            { "type": "Dimensionless", "chemicalSubstance": "urn:lodestone:element:Dy", "value": 80.5, "sDev": 0.25, "uom": "P1" },
        ] }],
    }))
}

fn shipped(lot: &str, advice: &str, to: &str) -> Value {
    event(json!({
        "eventTime": "2026-10-04T09:30:00.000+08:00", "bizStep": "shipping",
        "readPoint": { "id": "https://example.com/sites/S1" },
        "quantityList": [{ "epcClass": format!("https://id.gs1.org/01/04012345123456/10/{lot}"), "quantity": 1500, "uom": "KGM" }],
        "bizTransactionList": [
            { "type": "desadv", "bizTransaction": format!("urn:epcglobal:cbv:bt:4012345000009:{advice}") },
            { "type": "inv", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000009:INV-1" },
        ],
        "destinationList": [{ "type": "owning_party", "destination": format!("urn:lodestone:party:{to}") }],
    }))
}

fn received(lot: &str, advice: &str, from: &str) -> Value {
    event(json!({
        "eventTime": "2026-10-05T09:30:00.000+08:00", "bizStep": "receiving", "disposition": "in_progress",
        "bizLocation": { "id": "https://example.com/sites/S1" },
        "quantityList": [{ "epcClass": format!("https://id.gs1.org/01/04012345123456/10/{lot}"), "quantity": 1500, "uom": "KGM" }],
        "bizTransactionList": [{ "type": "desadv", "bizTransaction": format!("urn:epcglobal:cbv:bt:4012345000009:{advice}") }],
        "sourceList": [{ "type": "owning_party", "source": format!("urn:lodestone:party:{from}") }],
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_shipped_and_received_by_epcis_alone_is_on_record_as_filings() {
    let world = World::start().await;
    let (seller, buyer) = (world.filer().await, world.filer().await);
    with_gtin(&world, &seller).await;
    let (seller_code, buyer_code) = (uscc(1).to_string(), uscc(2).to_string());

    // Out of order on purpose, and in one document.
    let sent = document(&[made("L1"), shipped("L1", "DSP-1", &buyer_code), seen(1)]);
    let job = capture(&world, &seller, &sent).await.expect(202);
    assert_eq!(
        (&job.body["captured"], &job.body["filings"]),
        (&json!(3), &json!(2)),
        "{}",
        job.text
    );
    assert_eq!(job.body["errors"], json!([]));
    let reasons = &job.body["outcomes"][2]["no_filing"];
    assert_eq!(reasons, "ObjectEvent with step \"inspecting\" is no kind of filing");

    let taken = document(&[received("L1", "DSP-1", &seller_code)]);
    let taken = capture(&world, &buyer, &taken).await.expect(202);
    assert_eq!(taken.body["filings"], 1, "{}", taken.text);

    let list = world.get("/v1/filings?kind=dispatch").by(&seller.key).answer().await.expect(200);
    let dispatch = &list.body["filings"][0];
    assert_eq!(dispatch["reference"], "DSP-1");
    assert_eq!(dispatch["invoice"], "INV-1");
    let received = world.get("/v1/filings?kind=receipt").by(&buyer.key).answer().await.expect(200);
    assert_eq!(received.body["filings"][0]["movement"], dispatch["movement"]);
    let made = world.get("/v1/filings?kind=extraction").by(&seller.key).answer().await.expect(200);
    let path = format!("/v1/filings/{}", made.body["filings"][0]["id"].as_str().unwrap());
    let made = world.get(&path).by(&seller.key).answer().await.expect(200);
    // 80.5 % of 1.5 t.
    assert_eq!(made.body["lines"][0]["elements_mg"]["Dy"], 1_207_500_000_i64);

    // The whole document again: nothing new, and the filings are known.
    let again = capture(&world, &seller, &sent).await.expect(202);
    assert_eq!(again.body["captured"], 0);
    assert_eq!(again.body["duplicates"], 3);
    assert_eq!(again.body["filings"], 2, "{}", again.text);
    let list = world.get("/v1/filings").by(&seller.key).answer().await.expect(200);
    assert_eq!(list.body["filings"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_stored_once_and_its_error_declaration_beside_it() {
    let world = World::start().await;
    let filer = world.filer().await;
    let first = capture(&world, &filer, &document(&[seen(1), seen(1)])).await.expect(202);
    assert_eq!((&first.body["captured"], &first.body["duplicates"]), (&json!(1), &json!(1)));

    // The same in other words: a compact name, a link, members in another order.
    let mut other_words = seen(1);
    other_words["bizStep"] = json!("https://ref.gs1.org/cbv/BizStep-inspecting");
    other_words["readPoint"]["id"] = json!("https://example.com/414/4012345000054");
    other_words["eventTime"] = json!("2026-10-03T01:30:00Z");
    let again = capture(&world, &filer, &document(&[other_words])).await.expect(202);
    assert_eq!((&again.body["captured"], &again.body["duplicates"]), (&json!(0), &json!(1)));

    let mut wrong = seen(1);
    wrong["errorDeclaration"] =
        json!({ "declarationTime": "2026-10-06T00:00:00Z", "reason": "did_not_occur" });
    for expected in [1, 0] {
        let declared = capture(&world, &filer, &document(&[wrong.clone()])).await.expect(202);
        assert_eq!(declared.body["captured"], expected);
    }
    let all = events(&world, &filer, "").await;
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["eventID"], all[1]["eventID"]);
    assert_eq!(events(&world, &filer, "EXISTS_errorDeclaration=true").await.len(), 1);
    let id = all[0]["eventID"].as_str().unwrap().replace('/', "%2F").replace('?', "%3F");
    let path = format!("/v1/epcis/events/{id}");
    let both = world.get(&path).by(&filer.key).answer().await.expect(200);
    let both = &both.body["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
    assert_eq!(both.as_array().unwrap().len(), 2);
    assert_eq!(world.events("epcis.captured").await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fault_keeps_a_document_out_unless_it_is_told_to_proceed() {
    let world = World::start().await;
    let filer = world.filer().await;
    let mut late = seen(2);
    late["eventTime"] = json!("2026-02-30T00:00:00Z");
    let unknown_site = event(json!({
        "bizStep": "commissioning", "action": "ADD", "lodestone:site": "S9",
        "quantityList": [{ "epcClass": "urn:epc:class:lgtin:4012345.012345.L1", "quantity": 1, "uom": "KGM" }],
    }));
    let sent = document(&[seen(1), late, unknown_site]);
    let rolled_back = capture(&world, &filer, &sent).await.expect(202);
    assert_eq!(rolled_back.body["success"], false);
    assert_eq!(rolled_back.body["captured"], 0);
    assert_eq!(events(&world, &filer, "").await.len(), 0);
    let faults: Vec<&str> = rolled_back.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        faults,
        [
            "/epcisBody/eventList/1/eventTime",
            "/epcisBody/eventList/2/lodestone:site",
            "/epcisBody/eventList/2/quantityList/0",
        ]
    );

    let proceeded = world
        .post("/v1/epcis/capture", &sent)
        .by(&filer.key)
        .header("GS1-Capture-Error-Behaviour", "proceed")
        .answer()
        .await
        .expect(202);
    assert_eq!(
        (&proceeded.body["captured"], &proceeded.body["success"]),
        (&json!(1), &json!(false))
    );
    let location = proceeded.headers["Location"].to_str().unwrap().to_owned();
    let job = world.get(&location).by(&filer.key).answer().await.expect(200);
    assert_eq!(job.body["captured"], 1);
    assert_eq!(job.body["errors"], proceeded.body["errors"]);
    let stranger = world.filer().await;
    world.get(&location).by(&stranger.key).answer().await.expect(404);
    assert_eq!(events(&world, &stranger, "").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_found_by_what_they_name_in_the_order_in_which_they_happened() {
    let world = World::start().await;
    let filer = world.filer().await;
    let mut all: Vec<Value> = (0..10).map(seen).collect();
    for (hour, event) in all.iter_mut().enumerate() {
        event["eventTime"] = json!(format!("2026-10-03T{:02}:00:00Z", 9 - hour));
    }
    all.push(shipped("L9", "DSP-9", &uscc(77).to_string()));
    capture(&world, &filer, &document(&all)).await.expect(202);
    let cases = [
        ("", 11),
        ("eventType=ObjectEvent", 11),
        ("eventType=AggregationEvent", 0),
        ("EQ_bizStep=shipping", 1),
        ("EQ_bizStep=shipping%7Chttps://ref.gs1.org/cbv/BizStep-inspecting", 11),
        ("EQ_readPoint=https://id.gs1.org/414/4012345000054", 10),
        ("MATCH_epc=https://example.com/01/4012345111118/21/3", 1),
        ("MATCH_epc=urn:epc:id:sgtin:4012345.011111.3%7Curn:epc:id:sgtin:4012345.011111.4", 2),
        ("MATCH_anyEPCClass=urn:epc:class:lgtin:4012345.012345.L9", 1),
        ("EQ_bizTransaction_inv=urn:epcglobal:cbv:bt:4012345000009:INV-1", 1),
        ("EQ_bizTransaction_po=urn:epcglobal:cbv:bt:4012345000009:INV-1", 0),
        ("GE_eventTime=2026-10-03T05:00:00Z&LT_eventTime=2026-10-03T07:00:00Z", 2),
        (
            "EQ_readPoint=urn:epc:id:sgln:4012345.00005.0&MATCH_epc=urn:epc:id:sgtin:4012345.011111.3",
            1,
        ),
        ("GE_recordTime=2100-01-01T00:00:00Z", 0),
    ];
    for (query, count) in cases {
        assert_eq!(events(&world, &filer, query).await.len(), count, "{query}");
    }

    let mut times = Vec::new();
    let mut path =
        "/v1/epcis/events?EQ_readPoint=urn:epc:id:sgln:4012345.00005.0&perPage=3".to_owned();
    loop {
        let page = world.get(&path).by(&filer.key).answer().await.expect(200);
        let found = &page.body["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
        times.extend(found.as_array().unwrap().iter().map(|event| event["eventTime"].to_string()));
        let Some(link) = page.headers.get("Link") else { break };
        let link = link.to_str().unwrap();
        path = link[1..link.find('>').unwrap()].to_owned();
    }
    assert_eq!(times.len(), 10);
    assert!(times.is_sorted(), "{times:?}");

    for query in [
        "EQ_colour=red",
        "perPage=0",
        "GE_eventTime=yesterday",
        "nextPageToken=x",
        "EXISTS_errorDeclaration=maybe",
    ] {
        let path = format!("/v1/epcis/events?{query}");
        world.get(&path).by(&filer.key).answer().await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_epcis_is_refused_with_its_place_and_never_fails() {
    let world = World::start().await;
    let filer = world.filer().await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let many: Vec<Value> = (0..1_001).map(seen).collect();
    let text = |value: &Value| value.to_string().into_bytes();
    let mut old = document(&[]);
    old["schemaVersion"] = json!("1.2");
    let truncated = text(&document(&[seen(1)]));
    let cases: Vec<(Vec<u8>, u16)> = vec![
        (b"".to_vec(), 400),
        (b"[]".to_vec(), 400),
        (b"{}".to_vec(), 400),
        (b"{\"type\":\"EPCISDocument\"}".to_vec(), 400),
        (truncated[..truncated.len() / 2].to_vec(), 400),
        (text(&old), 400),
        (text(&document(&many)), 400),
        (b"{\"type\":\"EPCISDocument\",\"a\":\"\xff\"}".to_vec(), 400),
        (b"{\"type\":\"EPCISDocument\",\"a\":\"\\u0000\"}".to_vec(), 400),
        (deep.clone().into_bytes(), 400),
        (format!("{{\"type\":\"EPCISDocument\",\"a:b\":{deep}}}").into_bytes(), 400),
        (vec![b' '; 10 << 20], 413),
    ];
    for (body, status) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let asked = world.post("/v1/epcis/capture", &Value::Null).by(&filer.key).bytes(body);
        let answer = asked.answer().await;
        assert_eq!(answer.status.as_u16(), status, "{shown}: {}", answer.text);
    }
    let deep_event = format!(
        "{{\"@context\":[\"{CONTEXT}\"],\"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\"creationDate\":\"2026-10-03T10:00:00Z\",\"epcisBody\":{{\"eventList\":[{deep}]}}}}"
    );
    let asked = world.post("/v1/epcis/capture", &Value::Null).by(&filer.key);
    let answer = asked.bytes(deep_event.into_bytes()).answer().await;
    let refused = answer.status.as_u16() == 400 || answer.body["success"] == false;
    assert!(refused, "{}", answer.text);

    let sent = document(&[seen(1)]);
    for (name, value) in [
        ("GS1-EPCIS-Version", "1.2"),
        ("GS1-Capture-Error-Behaviour", "ignore"),
        ("GS1-Whatever", "1"),
    ] {
        let asked = world.post("/v1/epcis/capture", &sent).by(&filer.key).header(name, value);
        asked.answer().await.expect(400);
    }
    world.post("/v1/epcis/capture", &sent).answer().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_months_filings_leave_as_events_with_what_they_are_made_of() {
    let world = World::start().await;
    let filer = world.filer().await;
    with_gtin(&world, &filer).await;
    capture(&world, &filer, &document(&[made("L1")])).await.expect(202);
    let path = "/v1/epcis/export?month=2026-10";
    let exported = world.get(path).by(&filer.key).answer().await.expect(200);
    let event = &exported.body["epcisBody"]["eventList"][0];
    assert_eq!(
        event["quantityList"][0],
        json!({
            "epcClass": "https://id.gs1.org/01/04012345123456/10/L1", "quantity": 1500.0, "uom": "KGM",
        })
    );
    assert_eq!(
        event["sensorElementList"][0]["sensorReport"][0],
        json!({
            "type": "Dimensionless", "chemicalSubstance": "urn:lodestone:element:Dy", "value": 80.5,
            "sDev": 0.25, "uom": "P1",
        })
    );
    // It is EPCIS itself: another system, or we, can take it in.
    let other = world.filer().await;
    with_gtin(&world, &other).await;
    let taken = capture(&world, &other, &exported.body).await.expect(202);
    assert_eq!(taken.body["filings"], 1, "{}", taken.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_comes_before_its_dispatch_is_filed_by_itself_when_that_comes() {
    let world = World::start().await;
    let (seller, buyer) = (world.filer().await, world.filer().await);
    with_gtin(&world, &seller).await;
    let (seller_code, buyer_code) = (uscc(1).to_string(), uscc(2).to_string());
    let early = document(&[received("L1", "DSP-1", &seller_code)]);
    let job = capture(&world, &buyer, &early).await.expect(202);
    assert_eq!((&job.body["captured"], &job.body["filings"]), (&json!(1), &json!(0)));
    assert_eq!(
        job.body["outcomes"][0]["no_filing"],
        "nobody has announced this movement yet; it is filed when somebody does"
    );
    // Another dispatch of the seller's is not the one it waits for.
    let other = document(&[made("L1"), shipped("L1", "DSP-2", &buyer_code)]);
    capture(&world, &seller, &other).await.expect(202);
    assert_eq!(world.database.count("epcis_waiting").await, 1);
    capture(&world, &seller, &document(&[shipped("L1", "DSP-1", &buyer_code)])).await.expect(202);
    let receipts = async || {
        let list = world.get("/v1/filings?kind=receipt").by(&buyer.key).answer().await.expect(200);
        list.body["filings"].as_array().unwrap().clone()
    };
    let patience = std::time::Duration::from_secs(30);
    testkit::wait_until("the receipt is filed", patience, async || {
        (receipts().await.len() == 1).then_some(())
    })
    .await;
    testkit::wait_until("nothing waits", patience, async || {
        (world.database.count("epcis_waiting").await == 0).then_some(())
    })
    .await;
    // Sent again it is the same event and the same filing.
    let again = capture(&world, &buyer, &early).await.expect(202);
    assert_eq!((&again.body["duplicates"], &again.body["filings"]), (&json!(1), &json!(1)));
    assert_eq!(receipts().await.len(), 1);
}
