//! What the tax authority and the customs hand in, matched with what was filed; filers see nothing
//! of it.

use crate::{
    movements::{Trade, files, receipt},
    world::{Answer, PASSWORD, World},
};
use serde_json::{Value, json};

/// Somebody of an office of this kind, signed in.
async fn office(world: &World, kind: &str) -> String {
    let administrator = world.administrator().await;
    let email = format!("{kind}@office.example");
    let mut form = world.filer_form();
    form["kind"] = kind.into();
    form["first_administrator"] = json!({"email": email, "name": "官员"});
    form.as_object_mut().unwrap().remove("first_key");
    let registered = world.post("/v1/organisations", &form).by(&administrator).answer().await;
    let token = registered.expect(201).said("invitation/token").to_owned();
    let form = json!({"token": token, "name": "官员", "password": PASSWORD});
    world.post("/v1/invitations/accept", &form).answer().await.expect(201);
    world.sign_in(&email).await
}

async fn inspector(world: &World) -> String {
    let administrator = world.administrator().await;
    world.colleague(&administrator, "inspector@authority.example", &["inspector"]).await
}

async fn code_of(world: &World, filer: &crate::world::Filer) -> String {
    let path = format!("/v1/organisations/{}", filer.id);
    world.get(&path).by(&filer.key).answer().await.expect(200).said("uscc").to_owned()
}

impl Trade {
    async fn invoice(&self, number: &str, quantity: (&str, &str), amount: &str) -> Value {
        json!({
            "number": number, "issued_on": "2026-10-05",
            "seller": code_of(&self.world, &self.seller).await, "buyer": code_of(&self.world, &self.buyer).await,
            "lines": [{"goods": "separated.dy", "quantity": quantity.0, "unit": quantity.1, "amount": amount}],
        })
    }

    /// How an official finds a movement matched.
    async fn matched(&self, inspector: &str, movement: &str) -> Value {
        let path = format!("/v1/movements/{movement}/match?organisation={}", self.seller.id);
        let ask = self.world.get(&path).by(inspector).header("Lodestone-Purpose", "four-way match");
        ask.answer().await.expect(200).body
    }

    async fn unmatched(&self, inspector: &str, list: &str) -> Value {
        let path = format!("/v1/feeds/unmatched?list={list}");
        let ask =
            self.world.get(&path).by(inspector).header("Lodestone-Purpose", "what stands alone");
        ask.answer().await.expect(200).body["unmatched"].clone()
    }
}

fn verdicts(answer: &Answer) -> Vec<String> {
    let verdict = |entry: &Value| {
        let word = entry["verdict"].as_str().unwrap();
        let faults: Vec<String> = entry["violations"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| {
                format!(" {} {}", it["pointer"].as_str().unwrap(), it["code"].as_str().unwrap())
            })
            .collect();
        format!("{word}{}", faults.concat())
    };
    answer.body["verdicts"].as_array().unwrap().iter().map(verdict).collect()
}

async fn hands_in(world: &World, officer: &str, feed: &str, entries: &Value) -> Answer {
    world.post(&format!("/v1/feeds/{feed}"), entries).by(officer).answer().await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_recorded_once_a_version_and_refused_only_when_it_cannot_be_read() {
    let trade = Trade::start().await;
    let world = &trade.world;
    let officer = office(world, "tax_authority").await;
    let good = trade.invoice("INV-1", ("0.100", "t"), "160000.00").await;
    let other = |change: &dyn Fn(&mut Value)| {
        let mut other = good.clone();
        change(&mut other);
        other
    };
    let entries = json!([
        good,
        good,
        other(&|it| it["lines"][0]["amount"] = json!("1")),
        other(&|it| {
            it["version"] = json!(3);
            it["lines"][0]["quantity"] = json!("80");
            it["lines"][0]["unit"] = json!("kg");
        }),
        other(&|it| {
            it["version"] = json!(2);
            it["void"] = json!(true);
            it["lines"] = json!([]);
        }),
        other(&|it| {
            it["number"] = json!("INV-2");
            let mut ore = it["lines"][0].clone();
            ore["goods"] = json!("ore.light");
            it["lines"].as_array_mut().unwrap().push(ore);
        }),
        other(&|it| {
            it["number"] = json!("INV-3");
            it["lines"][0]["goods"] = json!("gold");
            it["lines"][0]["quantity"] = json!("1,5");
        }),
        other(&|it| it["buyer"] = json!("914403001922038217")),
        other(&|it| {
            it["number"] = json!("INV-4");
            it["lines"] = json!([]);
        }),
        other(&|it| it["colour"] = json!("red")),
        other(&|it| it["number"] = json!("x\u{0}")),
    ]);
    let answer = hands_in(world, &officer, "invoices", &entries).await;
    assert_eq!(
        verdicts(&answer),
        [
            "recorded",
            "duplicate",
            "refused /version version_taken",
            "replaces",
            "replaces",
            "refused /lines mixed_goods",
            "refused /lines/0/goods unknown_goods /lines/0/quantity invalid_quantity",
            "refused /buyer invalid_value",
            "refused /lines out_of_range",
            "refused /colour unknown_field",
            "refused /number nul_character",
        ]
    );
    assert_eq!((&answer.body["added"], &answer.body["refused"]), (&json!(3), &json!(7)));
    // Everything again adds nothing, one entry a line as well as in an array.
    let lines: Vec<String> =
        entries.as_array().unwrap().iter().take(2).map(Value::to_string).collect();
    let again = world.ask(&reqwest::Method::POST, "/v1/feeds/invoices").by(&officer);
    let again =
        again.header("Content-Type", "application/x-ndjson").bytes(lines.join("\n").into_bytes());
    assert_eq!(verdicts(&again.answer().await.expect(200)), ["duplicate", "duplicate"]);
    assert_eq!(world.database.count("tax_invoices").await, 3);
    assert_eq!(world.events("feed.invoice_recorded").await.len(), 3);

    // What is no list of entries is said so, and who is no tax officer is sent away.
    let ask = |body: &str, media: &str| {
        let ask = world.ask(&reqwest::Method::POST, "/v1/feeds/invoices").by(&officer);
        ask.header("Content-Type", media).bytes(body.as_bytes().to_vec())
    };
    ask("{}", "application/json").answer().await.expect(400);
    ask("[{}", "application/json").answer().await.expect(400);
    ask("[]", "text/csv").answer().await.expect(415);
    assert_eq!(ask("[]", "application/json").answer().await.expect(200).body["entries"], 0);
    let customs = office(world, "customs").await;
    for stranger in [&trade.seller.key, &customs, &world.administrator().await] {
        world.post("/v1/feeds/invoices", &json!([])).by(stranger).answer().await.expect(403);
    }
    world.post("/v1/feeds/declarations", &json!([])).by(&officer).answer().await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movement_is_matched_with_receipt_invoice_and_declaration() {
    let trade = Trade::start().await;
    let (world, buyer) = (&trade.world, &trade.buyer);
    let (tax, customs) = (office(world, "tax_authority").await, office(world, "customs").await);
    let inspector = inspector(world).await;
    let mut form = trade.dispatch("DSP-1", &[("L1", "100.000")]);
    form["invoice"] = json!("INV-1");
    form["lines"][0]["unit_price"] = json!({"amount": "1600", "currency": "CNY"});
    let sent = files(world, &trade.seller, &form).await.expect(201);
    let (reference, id) =
        (sent.said("movement_reference").to_owned(), sent.said("movement").to_owned());

    // Nothing was handed in: the invoice should be there, and stands among what is overdue.
    let matched = trade.matched(&inspector, &reference).await;
    assert_eq!(
        (&matched["invoice"]["state"], &matched["export"]["state"]),
        (&json!("overdue"), &json!("not_applicable"))
    );
    assert_eq!(matched["oxide_kg"], "99.900");
    assert_eq!(trade.unmatched(&inspector, "dispatches").await[0]["movement"], json!(reference));

    // An invoice of as much as both sides can tell apart matches; one for a fifth less does not.
    let paper = trade.invoice("INV-1", ("98.000", "kg"), "156960").await;
    hands_in(world, &tax, "invoices", &json!([paper])).await;
    let matched = trade.matched(&inspector, &id).await;
    assert_eq!(
        (&matched["invoice"]["state"], &matched["invoice"]["papers"]),
        (&json!("matched"), &json!(["INV-1"])),
        "{matched}"
    );
    let mut less = trade.invoice("INV-1", ("80.000", "kg"), "128128").await;
    less["version"] = json!(2);
    hands_in(world, &tax, "invoices", &json!([less])).await;
    let matched = trade.matched(&inspector, &id).await;
    assert_eq!(matched["invoice"]["differences"], json!(["quantity"]), "{matched}");
    assert_eq!(matched["invoice"]["stated_kg"], "80.000");
    assert_eq!(trade.unmatched(&inspector, "dispatches").await, json!([]));

    // A second invoice for the rest names the movement itself.
    let mut rest = trade.invoice("INV-2", ("0.020", "t"), "32032").await;
    rest["movements"] = json!([reference]);
    hands_in(world, &tax, "invoices", &json!([rest])).await;
    let matched = trade.matched(&inspector, &id).await;
    assert_eq!(matched["invoice"]["state"], "matched", "{matched}");
    assert_eq!(matched["invoice"]["papers"], json!(["INV-1", "INV-2"]));

    // It arrives, and the buyer exports half of it: to one country, as the customs see to another.
    let movement = trade.movement(buyer, &id).await.body;
    files(world, buyer, &receipt("R-1", &reference, &movement, "99.000")).await.expect(201);
    let export = json!({
        "kind": "export", "reference": "EXP-1", "site": "S1", "happened_at": "2026-10-10T10:00:00+08:00",
        "end_user": {"name": "Rhein Motoren GmbH", "country": "DE"}, "declaration": "D-1", "destination": "DE",
        "lines": [{"lot": movement["lines"][0]["lot"], "quantity_kg": "50.000"}],
    });
    let exported = files(world, buyer, &export).await.expect(201);
    let matched = trade.matched(&inspector, &id).await;
    assert_eq!(
        (&matched["receipt"]["state"], &matched["export"]["state"]),
        (&json!("matched"), &json!("overdue"))
    );
    assert_eq!(
        trade.unmatched(&inspector, "exports").await[0]["filing"],
        json!(exported.said("id"))
    );
    let declaration = json!({
        "number": "D-1", "declared_on": "2026-10-09", "exporter": code_of(world, buyer).await, "destination": "DE",
        "lines": [{"line": 1, "hs_code": "2846901500", "gross_kg": "52.000", "net_kg": "50.500", "value": "80000", "currency": "CNY"}],
    });
    let mut detour = declaration.clone();
    (detour["version"], detour["destination"]) = (json!(2), json!("NL"));
    let mut unknown = declaration.clone();
    unknown["number"] = json!("D-2");
    let mut light = declaration.clone();
    (light["number"], light["lines"][0]["gross_kg"]) = (json!("D-3"), json!("50.000"));
    let answer =
        hands_in(world, &customs, "declarations", &json!([declaration, unknown, light])).await;
    assert_eq!(
        verdicts(&answer),
        ["recorded", "recorded", "refused /lines/0/gross_kg gross_below_net"]
    );
    assert_eq!(trade.matched(&inspector, &id).await["export"]["state"], "matched");
    assert_eq!(
        verdicts(&hands_in(world, &customs, "declarations", &json!([detour])).await),
        ["replaces"]
    );
    let matched = trade.matched(&inspector, &id).await;
    assert_eq!(matched["exports"][0]["leg"]["differences"], json!(["destination"]), "{matched}");
    let alone = trade.unmatched(&inspector, "declarations").await;
    assert_eq!((&alone[0]["number"], alone.as_array().unwrap().len()), (&json!("D-2"), 1));

    // Neither party learns of any of it, but both see that an official looked, and why.
    for reader in [&trade.seller, buyer] {
        let path = format!("/v1/movements/{id}/match?organisation={}", trade.seller.id);
        world.get(&path).by(&reader.key).answer().await.expect(403);
        world.get("/v1/feeds/unmatched?list=invoices").by(&reader.key).answer().await.expect(403);
        let seen = trade.movement(reader, &id).await.expect(200).text;
        assert!(!seen.contains("INV-2") && !seen.contains("sigma"), "{seen}");
        let administrator = world.sign_in(&reader.email).await;
        let log = world.get("/v1/access-log").by(&administrator).answer().await.expect(200).text;
        assert!(log.contains("four-way match"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invoices_that_nothing_names_are_found_by_what_they_say_and_never_guessed() {
    let trade = Trade::start().await;
    let world = &trade.world;
    let (tax, inspector) = (office(world, "tax_authority").await, inspector(world).await);
    let (_, first) = trade.sends("DSP-1").await;
    let papers = json!([
        trade.invoice("INV-1", ("100", "kg"), "1").await,
        trade.invoice("INV-2", ("40", "kg"), "1").await,
    ]);
    hands_in(world, &tax, "invoices", &papers).await;
    let matched = trade.matched(&inspector, &first).await;
    assert_eq!(
        (&matched["invoice"]["state"], &matched["invoice"]["papers"]),
        (&json!("matched"), &json!(["INV-1"]))
    );
    // Another movement of as much between the same two: now either could be meant.
    trade.sends("DSP-2").await;
    let matched = trade.matched(&inspector, &first).await;
    assert_eq!(matched["invoice"]["state"], "ambiguous", "{matched}");
    let alone = trade.unmatched(&inspector, "invoices").await;
    let numbers: Vec<&str> =
        alone.as_array().unwrap().iter().map(|it| it["number"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["INV-2", "INV-1"]);
}
