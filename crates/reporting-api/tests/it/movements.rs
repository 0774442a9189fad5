//! Movements: a reference that goes with the goods, a receipt that is waiting to be sent, and what
//! both sides say when they do not agree.

use crate::world::{Answer, Filer, World};
use serde_json::{Value, json};

/// A seller with a lot of 1,000 kg, and somebody who buys from it.
pub(crate) struct Trade {
    pub(crate) world: World,
    pub(crate) seller: Filer,
    pub(crate) buyer: Filer,
    buyer_code: String,
}

pub(crate) async fn files(world: &World, filer: &Filer, form: &Value) -> Answer {
    let version = form["correction"]["version"].as_u64().unwrap_or(1);
    let key = format!("{}/{version}", form["reference"].as_str().unwrap());
    let ask = world.post("/v1/filings", form).by(&filer.key).header("Idempotency-Key", &key);
    ask.answer().await
}

impl Trade {
    pub(crate) async fn start() -> Self {
        let world = World::start().await;
        world.import_regime().await;
        let (seller, buyer) = (world.filer().await, world.filer().await);
        let registered =
            world.get(&format!("/v1/organisations/{}", buyer.id)).by(&buyer.key).answer().await;
        let buyer_code = registered.expect(200).said("uscc").to_owned();
        let trade = Self { world, seller, buyer, buyer_code };
        trade.lot("L1", "1000.000").await;
        trade
    }

    /// The seller extracts a lot.
    pub(crate) async fn lot(&self, number: &str, quantity_kg: &str) {
        let extraction = json!({
            "kind": "extraction", "reference": format!("EXT-{number}"), "site": "S1",
            "happened_at": "2026-10-01T10:00:00+08:00",
            "lines": [{"lot": number, "product": "P1", "quantity_kg": quantity_kg}],
        });
        files(&self.world, &self.seller, &extraction).await.expect(201);
    }

    /// A dispatch of so much of a lot to the buyer.
    pub(crate) fn dispatch(&self, reference: &str, lines: &[(&str, &str)]) -> Value {
        let lines: Vec<Value> =
            lines.iter().map(|(lot, mass)| json!({"lot": lot, "quantity_kg": mass})).collect();
        json!({
            "kind": "dispatch", "reference": reference, "site": "S1",
            "happened_at": "2026-10-02T10:00:00+08:00", "lines": lines,
            "client": {"name": "Buyer", "identifier": self.buyer_code, "country": "CN"},
        })
    }

    /// Dispatches 100 kg and answers the movement's reference and id.
    pub(crate) async fn sends(&self, reference: &str) -> (String, String) {
        let form = self.dispatch(reference, &[("L1", "100.000")]);
        let sent = files(&self.world, &self.seller, &form).await.expect(201);
        (sent.said("movement_reference").to_owned(), sent.said("movement").to_owned())
    }

    pub(crate) async fn movement(&self, filer: &Filer, name: &str) -> Answer {
        self.world.get(&format!("/v1/movements/{name}")).by(&filer.key).answer().await
    }
}

/// The receipt of what a movement says, with another mass of each lot.
pub(crate) fn receipt(reference: &str, name: &str, movement: &Value, kg: &str) -> Value {
    let lines: Vec<Value> = movement["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!({"lot": line["lot"], "quantity_kg": kg}))
        .collect();
    json!({
        "kind": "receipt", "reference": reference, "site": "S1", "happened_at": "2026-10-03T10:00:00+08:00",
        "movement": name, "outcome": "satisfactory", "lines": lines,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_goes_with_the_goods_and_is_good_for_one_receipt() {
    let trade = Trade::start().await;
    let (world, buyer) = (&trade.world, &trade.buyer);
    let (reference, id) = trade.sends("DSP-1").await;
    let by_reference = trade.movement(buyer, &reference).await.expect(200).body;
    assert_eq!(by_reference, trade.movement(buyer, &id).await.expect(200).body);
    assert_eq!(by_reference["reference"], reference);
    assert_eq!(trade.movement(&trade.seller, &reference).await.expect(200).body["id"], id);
    // Read over the telephone: small letters, no hyphens.
    let spoken = reference.replace('-', "").to_lowercase();
    assert_eq!(trade.movement(buyer, &spoken).await.expect(200).body["id"], id);

    // What is mistyped is said so; somebody else's is like one that does not exist.
    let last = if reference.ends_with('7') { '8' } else { '7' };
    let mistyped = format!("{}{last}", &reference[..reference.len() - 1]);
    let answer = trade.movement(buyer, &mistyped).await.expect(400);
    assert!(answer.text.contains("was expected: something is mistyped"), "{}", answer.text);
    let stranger = world.filer().await;
    let others = trade.movement(&stranger, &reference).await.expect(404);
    let nobodys = trade.movement(&stranger, "M-7A8Z-FHAX-1T5J-N").await.expect(404);
    assert_eq!(others.body["detail"], nobodys.body["detail"]);
    let form = receipt("R-1", &reference, &by_reference, "100.000");
    let others = files(world, &stranger, &form).await.expect(422);
    assert!(others.faults().contains(&"/movement unknown_movement".to_owned()));
    let wrong = receipt("R-1", &mistyped, &by_reference, "100.000");
    let wrong = files(world, buyer, &wrong).await.expect(422);
    assert!(wrong.faults().contains(&"/movement invalid_movement".to_owned()));

    // The first receipt uses it up; the same again is the same, a correction is one, too.
    let received = files(world, buyer, &form).await.expect(201);
    assert_eq!(received.body["movement"], id);
    assert_eq!(files(world, buyer, &form).await.expect(200).body, received.body);
    let mut corrected = receipt("R-1", &reference, &by_reference, "99.000");
    corrected["correction"] = json!({"version": 2, "reason": "weighed again"});
    files(world, buyer, &corrected).await.expect(201);
    let again = receipt("R-2", &reference, &by_reference, "1.000");
    let again = files(world, buyer, &again).await.expect(422);
    assert_eq!(again.faults(), ["/movement reference_used"]);
    assert!(again.text.contains("already used by your receipt"), "{}", again.text);
    // That more of it arrived is a claim, and recorded; the answer says what stands beside it.
    let more = receipt("R-2", &id, &by_reference, "1.000");
    let more = files(world, buyer, &more).await.expect(201);
    assert_eq!(more.body["received_before_by"], "R-1");
    assert_eq!(world.database.count("filings where kind = 'receipt'").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_versions_of_a_movement_and_files_know_it_by_one_reference() {
    let trade = Trade::start().await;
    let (world, buyer) = (&trade.world, &trade.buyer);
    let (reference, id) = trade.sends("DSP-1").await;
    let mut corrected = trade.dispatch("DSP-1", &[("L1", "90.000")]);
    corrected["correction"] = json!({"version": 2, "reason": "a slip"});
    let answer = files(world, &trade.seller, &corrected).await.expect(201);
    assert_eq!(answer.body["movement_reference"], reference);
    let movement = trade.movement(buyer, &reference).await.expect(200).body;
    assert_eq!(movement["lines"][0]["quantity_kg"], "90.000");
    let (other, _) = trade.sends("DSP-2").await;
    assert_ne!(other, reference);

    let form = |own: &str, name: &str| receipt(own, name, &movement, "90.000");
    let file = [form("R-1", &reference), form("R-2", &reference), form("R-3", &id)];
    let verdicts = world.commit(buyer, &file).await;
    assert_eq!(verdicts.words(), ["recorded", "problem reference_used", "recorded"]);
    let received = trade.movement(buyer, &reference).await.expect(200).body;
    assert_eq!((&received["id"], &received["received"]), (&json!(id), &json!(true)));
}
