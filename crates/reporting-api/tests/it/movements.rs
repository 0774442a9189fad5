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
    assert_eq!(verdicts.words(), ["accepted", "problem reference_used", "accepted"]);
    let received = trade.movement(buyer, &reference).await.expect(200).body;
    assert_eq!((&received["id"], &received["received"]), (&json!(id), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_waits_to_be_sent_and_says_afterwards_what_was_short() {
    let trade = Trade::start().await;
    trade.lot("L2", "500.000").await;
    let (world, buyer) = (&trade.world, &trade.buyer);
    let mut form = trade.dispatch("DSP-1", &[("L1", "400.000"), ("L2", "300.000")]);
    form["lines"][0]["uncertainty_kg"] = json!("0.300");
    let sent = files(world, &trade.seller, &form).await.expect(201);
    let path = format!("/v1/movements/{}/receipt", sent.said("movement_reference"));
    let prefilled = world.get(&path).by(&buyer.key).answer().await.expect(200).body;
    assert_eq!((&prefilled["state"], &prefilled["lots"]), (&json!("under_way"), &json!([])));
    let mut form = prefilled["form"].clone();
    assert_eq!((&form["outcome"], &form["site"]), (&json!("satisfactory"), &json!("S1")));
    // To the seller there is nothing to send.
    let shown = world.get(&path).by(&trade.seller.key).answer().await.expect(200).body;
    assert_eq!(shown["form"], Value::Null);

    // As it is, it can be sent; here the first lot is short by more than both scales together.
    form["lines"][0]["quantity_kg"] = json!("398.999");
    form["lines"][0]["uncertainty_kg"] = json!("0.400");
    form["lines"][1]["quantity_kg"] = json!("301.000");
    form["outcome"] = json!("unsatisfactory");
    files(world, buyer, &form).await.expect(201);
    for reader in [buyer, &trade.seller] {
        let shown = world.get(&path).by(&reader.key).answer().await.expect(200).body;
        assert_eq!((&shown["form"], &shown["state"]), (&Value::Null, &json!("difference_open")));
        let lots = shown["lots"].as_array().unwrap();
        let lot = |sent: &str| lots.iter().find(|lot| lot["sent_kg"] == sent).unwrap();
        assert_eq!(lot("400.000")["shortage_kg"], "1.001", "{shown}");
        assert_eq!(lot("400.000")["tolerance_kg"], "1.000");
        assert_eq!(lot("400.000")["agreement"], "beyond_uncertainty");
        // Nobody stated anything about the second: the published class holds.
        assert_eq!(lot("300.000")["excess_kg"], "1.000");
        assert_eq!(lot("300.000")["tolerance_kg"], "4.249");
        assert_eq!(lot("300.000")["agreement"], "within_uncertainty");
        // What the buyer calls its receipt is the buyer's.
        let is_buyer = reader.id == buyer.id;
        assert_eq!(shown["receipts"][0]["reference"].is_string(), is_buyer, "{shown}");
    }
    let outgoing = world.get("/v1/movements?side=outgoing").by(&trade.seller.key).answer().await;
    assert_eq!(outgoing.expect(200).body["movements"][0]["state"], "difference_open");
}

/// Says something about a movement.
async fn says(trade: &Trade, by: &Filer, what: &str, key: &str, form: Value) -> Answer {
    let ask = trade.world.post(&format!("/v1/movements/{what}"), &form).by(&by.key);
    ask.header("Idempotency-Key", key).answer().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_explained_contested_explained_anew_and_agreed() {
    let trade = Trade::start().await;
    let (world, seller, buyer) = (&trade.world, &trade.seller, &trade.buyer);
    let (reference, id) = trade.sends("DSP-1").await;
    let state = async |reader: &Filer| {
        let shown = trade.movement(reader, &reference).await.expect(200).body;
        (shown["state"].as_str().unwrap().to_owned(), shown["turn_of"].clone())
    };
    let (explanations, answers) =
        (format!("{reference}/explanations"), format!("{reference}/answers"));
    // While it is under way there is nothing to explain.
    let early = json!({"reason": "a drum was left behind"});
    says(&trade, seller, &explanations, "early", early.clone()).await.expect(409);
    let movement = trade.movement(buyer, &id).await.body;
    files(world, buyer, &receipt("R-1", &reference, &movement, "80.000")).await.expect(201);
    assert_eq!(state(buyer).await, ("difference_open".to_owned(), json!(seller.id)));
    let shown = trade.movement(seller, &id).await.body;
    assert!(shown["due"].is_string(), "{shown}");

    // The seller explains, once whatever is sent how often; only the other side may answer.
    let first = says(&trade, seller, &explanations, "1", early.clone()).await.expect(201);
    let again = says(&trade, seller, &explanations, "1", early.clone()).await.expect(200);
    assert_eq!(again.body["id"], first.body["id"]);
    says(&trade, seller, &explanations, "1", json!({"reason": "other"})).await.expect(422);
    assert_eq!(state(seller).await, ("explained".to_owned(), json!(buyer.id)));
    let accepts = |of: &Answer| json!({"explanation": of.body["id"], "verdict": "accepted"});
    says(&trade, seller, &answers, "a", accepts(&first)).await.expect(409);
    let silent = json!({"explanation": first.body["id"], "verdict": "contested"});
    let silent = says(&trade, buyer, &answers, "a", silent).await.expect(422);
    assert_eq!(silent.faults(), ["/reason missing"]);
    let contests = json!({"explanation": first.body["id"], "verdict": "contested", "reason": "all drums came"});
    says(&trade, buyer, &answers, "b", contests.clone()).await.expect(201);
    says(&trade, buyer, &answers, "b", contests).await.expect(200);
    says(&trade, buyer, &answers, "c", accepts(&first)).await.expect(409);
    assert_eq!(state(buyer).await, ("contested".to_owned(), json!(seller.id)));

    // Explained anew, about that lot; and accepted.
    let lot = movement["lines"][0]["lot"].clone();
    let second = json!({"lot": lot, "reason": "the scale was wrong"});
    let second = says(&trade, seller, &explanations, "2", second).await.expect(201);
    says(&trade, buyer, &answers, "d", accepts(&second)).await.expect(201);
    assert_eq!(state(seller).await, ("agreed".to_owned(), Value::Null));
    let shown = trade.movement(buyer, &id).await.body;
    assert_eq!(shown["explanations"][0]["answer"]["reason"], "all drums came");
    // Which of the other side's people spoke is theirs.
    assert_eq!(shown["explanations"][0]["person"], Value::Null);
    assert!(shown["explanations"][0]["answer"]["person"].is_string(), "{shown}");
    assert_eq!(world.events("movement.explained").await.len(), 2);
    assert_eq!(world.events("movement.answered").await.len(), 2);

    // A corrected receipt is another claim: what was agreed about the old one no longer counts.
    let mut corrected = receipt("R-1", &reference, &movement, "70.000");
    corrected["correction"] = json!({"version": 2, "reason": "weighed again"});
    files(world, buyer, &corrected).await.expect(201);
    assert_eq!(state(buyer).await.0, "difference_open");

    // Nobody else hears or says anything; what cannot be is named.
    let stranger = world.filer().await;
    for what in [&explanations, &answers] {
        says(&trade, &stranger, what, "s", accepts(&first)).await;
    }
    says(&trade, &stranger, &explanations, "s", json!({"reason": "x"})).await.expect(404);
    says(&trade, &stranger, &answers, "s", accepts(&second)).await.expect(404);
    let unknown = json!({"lot": stranger.id, "reason": " x"});
    let unknown = says(&trade, seller, &explanations, "u", unknown).await.expect(422);
    assert_eq!(unknown.faults(), ["/reason invalid_text", "/lot unknown_lot"]);
    let unknown = json!({"explanation": stranger.id, "verdict": "accepted"});
    let unknown = says(&trade, buyer, &answers, "u", unknown).await.expect(422);
    assert_eq!(unknown.faults(), ["/explanation unknown_explanation"]);

    // An official sees both sides, for a purpose.
    let administrator = world.administrator().await;
    let inspector = world.colleague(&administrator, "i@authority.example", &["inspector"]).await;
    let path = format!("/v1/movements/{id}?organisation={}", seller.id);
    world.get(&path).by(&inspector).answer().await.expect(400);
    let ask = world.get(&path).by(&inspector).header("Lodestone-Purpose", "a shortage");
    let shown = ask.answer().await.expect(200).body;
    assert_eq!(shown["explanations"].as_array().unwrap().len(), 2);
    assert_eq!(shown["receipts"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_keeps_others_out_of_what_parties_say() {
    let trade = Trade::start().await;
    let (reference, id) = trade.sends("DSP-1").await;
    let movement = trade.movement(&trade.buyer, &id).await.body;
    let form = receipt("R-1", &reference, &movement, "80.000");
    files(&trade.world, &trade.buyer, &form).await.expect(201);
    let said = json!({"reason": "a drum was left behind"});
    let path = format!("{reference}/explanations");
    says(&trade, &trade.seller, &path, "1", said).await.expect(201);
    let stranger = trade.world.filer().await;
    let acting = async |filer: &Filer| {
        let organisation = domain::ids::OrganisationId::from_uuid(filer.id);
        trade.world.database.acting_for(database::Role::Reporting, &[organisation]).await
    };
    let sides = format!("select count(*) from lodestone.movement_sides(array['{id}']::uuid[])");
    for (filer, lines, explained) in
        [(&trade.seller, 2, 1), (&trade.buyer, 2, 1), (&stranger, 0, 0)]
    {
        let client = acting(filer).await;
        let count =
            async |query: &str| client.query_one(query, &[]).await.unwrap().get::<_, i64>(0);
        assert_eq!(count(&sides).await, lines);
        assert_eq!(count("select count(*) from lodestone.movement_explanations").await, explained);
    }
    // Nobody speaks about a movement that is not theirs, whatever parties they name.
    let client = acting(&stranger).await;
    for (seller, buyer) in [(stranger.id, trade.buyer.id), (trade.seller.id, stranger.id)] {
        let insertion = format!(
            "insert into lodestone.movement_explanations values ('{}', gen_random_uuid(), '{id}',
                '{seller}', '{buyer}', null, 'x', gen_random_uuid(), now())",
            stranger.id
        );
        let refused = client.execute(&insertion, &[]).await.unwrap_err();
        assert!(
            refused.as_db_error().unwrap().message().contains("row-level security"),
            "{refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_first_receipts_in_the_same_moment_exactly_one_is_it() {
    const PAIRS: usize = 200;
    let trade = Trade::start().await;
    let (world, buyer) = (&trade.world, &trade.buyer);
    let mut movements = Vec::with_capacity(PAIRS);
    for pair in 0..PAIRS {
        let form = trade.dispatch(&format!("DSP-{pair}"), &[("L1", "1.000")]);
        let sent = files(world, &trade.seller, &form).await.expect(201);
        let movement = trade.movement(buyer, sent.said("movement_reference")).await.expect(200);
        movements.push(movement.body);
    }
    let receive = async |pair: usize, which: &str, member: &str| {
        let movement = &movements[pair];
        let name = movement[member].as_str().unwrap();
        let form = receipt(&format!("R-{pair}-{which}"), name, movement, "1.000");
        files(world, buyer, &form).await
    };
    let (mut first, mut used, mut beside) = (0, 0, 0);
    for pair in 0..PAIRS {
        // Every second pair names the movement once by its id: that is a claim, and recorded.
        let other = if pair % 2 == 0 { "reference" } else { "id" };
        let answers = tokio::join!(receive(pair, "a", "reference"), receive(pair, "b", other));
        for answer in [answers.0, answers.1] {
            match (answer.status.as_u16(), &answer.body["received_before_by"]) {
                (201, Value::Null) => first += 1,
                (201, _) => beside += 1,
                (422, _) => {
                    assert_eq!(answer.faults(), ["/movement reference_used"]);
                    used += 1;
                }
                (status, _) => panic!("{status}: {}", answer.text),
            }
        }
    }
    assert_eq!(first, PAIRS);
    assert_eq!(used + beside, PAIRS);
    assert!(PAIRS / 2 <= used, "{used}");
    assert_eq!(world.database.count("first_receipts").await, i64::try_from(PAIRS).unwrap());
    let receipts = world.database.count("filings where kind = 'receipt'").await;
    assert_eq!(receipts, i64::try_from(PAIRS + beside).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_single_receipts_race_for_a_reference_and_one_has_it() {
    let trade = Trade::start().await;
    let (world, buyer) = (&trade.world, &trade.buyer);
    let mut movements = Vec::new();
    for number in 0..40 {
        let form = trade.dispatch(&format!("DSP-{number}"), &[("L1", "1.000")]);
        let sent = files(world, &trade.seller, &form).await.expect(201);
        let movement = trade.movement(buyer, sent.said("movement_reference")).await.expect(200);
        movements.push(movement.body);
    }
    let form = |which: &str, (number, movement): (usize, &Value)| {
        let name = movement["reference"].as_str().unwrap();
        receipt(&format!("R-{number}-{which}"), name, movement, "1.000")
    };
    let lines: Vec<Value> = movements.iter().enumerate().map(|it| form("file", it)).collect();
    let singly = async {
        let mut recorded = 0;
        for one in movements.iter().enumerate() {
            let answer = files(world, buyer, &form("one", one)).await;
            match answer.status.as_u16() {
                201 => recorded += 1,
                422 => assert_eq!(answer.faults(), ["/movement reference_used"]),
                status => panic!("{status}: {}", answer.text),
            }
        }
        recorded
    };
    let (verdicts, recorded) = tokio::join!(world.commit(buyer, &lines), singly);
    let words = verdicts.words();
    let accepted = words.iter().filter(|word| *word == "accepted").count();
    let used = words.iter().filter(|word| *word == "problem reference_used").count();
    assert_eq!(accepted + used, 40, "{words:?}");
    assert_eq!(accepted + recorded, 40);
    let first = world.database.count("first_receipts").await;
    assert_eq!((first, world.database.count("filings where kind = 'receipt'").await), (40, 40));
}

/// What lies between the sites of a movement's parties, as the books say.
async fn in_transit_grams(world: &World, movement: &str) -> i64 {
    let sum = format!(
        "select coalesce(sum(gross_grams), 0)::bigint from lodestone.account_balances
         where kind = 'in_transit' and key = '{movement}'"
    );
    world.database.owner().await.query_one(&sum, &[]).await.unwrap().get(0)
}

impl Trade {
    /// Corrects a dispatch of 100 kg so that it goes to somebody else.
    async fn corrects(&self, reference: &str, version: u16, client: Value) -> Answer {
        let mut form = self.dispatch(reference, &[("L1", "100.000")]);
        form["client"] = client;
        form["correction"] = json!({"version": version, "reason": "loaded onto another lorry"});
        files(&self.world, &self.seller, &form).await.expect(201)
    }

    async fn as_client(&self, filer: &Filer) -> Value {
        let path = format!("/v1/organisations/{}", filer.id);
        let found = self.world.get(&path).by(&filer.key).answer().await.expect(200);
        json!({"name": "Other", "identifier": found.said("uscc"), "country": "CN"})
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_corrected_to_another_buyer_leaves_nothing_open_with_the_first() {
    let trade = Trade::start().await;
    let (world, first) = (&trade.world, &trade.buyer);
    let second = world.filer().await;
    let (reference, id) = trade.sends("DSP-1").await;
    let to_second = trade.as_client(&second).await;
    let corrected = trade.corrects("DSP-1", 2, to_second).await;
    assert_eq!(
        (corrected.said("movement"), corrected.said("movement_reference")),
        (&*id, &*reference)
    );

    // The first buyer keeps sight of what it was told, sees that it is over, and not where it went.
    let withdrawn = trade.movement(first, &reference).await.expect(200);
    assert_eq!(withdrawn.body["state"], "withdrawn");
    assert!(withdrawn.body["withdrawn_at"].is_string());
    assert!(withdrawn.body["turn_of"].is_null() && withdrawn.body["due"].is_null());
    assert!(!withdrawn.text.contains(&second.id.to_string()), "{}", withdrawn.text);
    let list = world.get("/v1/movements").by(&first.key).answer().await.expect(200);
    assert_eq!(list.body["movements"][0]["state"], "withdrawn");
    let prefilled = world.get(&format!("/v1/movements/{id}/receipt")).by(&first.key).answer().await;
    assert!(prefilled.expect(200).body["form"].is_null());

    // The second has what the first would have had, and knows of no other.
    let movement = trade.movement(&second, &reference).await.expect(200);
    assert_eq!(movement.body["state"], "under_way");
    assert_eq!(movement.body["turn_of"], json!(second.id));
    assert!(!movement.text.contains(&first.id.to_string()), "{}", movement.text);
    let form = receipt("R-1", &reference, &movement.body, "100.000");
    files(world, &second, &form).await.expect(201);
    let seen = trade.movement(&trade.seller, &id).await.expect(200).body;
    assert_eq!((&seen["state"], &seen["buyer"]), (&json!("received"), &json!(second.id)));
    assert_eq!(seen["former"][0]["buyer"], json!(first.id));
    assert_eq!(seen["former"][0]["state"], "withdrawn");
    assert_eq!(in_transit_grams(world, &id).await, 0);
    let lot = movement.body["lines"][0]["lot"].as_str().unwrap();
    let path = format!("/v1/lots/{lot}/trace?direction=backward");
    world.get(&path).by(&second.key).answer().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_buyer_received_of_a_corrected_dispatch_is_for_its_seller_to_explain() {
    let trade = Trade::start().await;
    let (world, first) = (&trade.world, &trade.buyer);
    let second = world.filer().await;
    let (reference, id) = trade.sends("DSP-1").await;
    let movement = trade.movement(first, &reference).await.expect(200).body;
    let received = receipt("R-1", &reference, &movement, "100.000");
    files(world, first, &received).await.expect(201);
    let to_second = trade.as_client(&second).await;
    trade.corrects("DSP-1", 2, to_second).await;

    let stands = async |filer: &Filer, place: &str| {
        let detail = trade.movement(filer, &id).await.expect(200).body;
        let leg = detail.pointer(place).unwrap().clone();
        (leg["state"].as_str().unwrap().to_owned(), leg["turn_of"].clone())
    };
    let seller = json!(trade.seller.id);
    assert_eq!(stands(first, "").await, ("difference_open".to_owned(), seller.clone()));
    assert_eq!(stands(&trade.seller, "/former/0").await, ("difference_open".to_owned(), seller));
    assert_eq!(stands(&second, "").await, ("under_way".to_owned(), json!(second.id)));
    // In the books more was taken from the lorry than lay on it: that is what is claimed.
    let form = receipt("R-2", &reference, &movement, "100.000");
    files(world, &second, &form).await.expect(201);
    assert_eq!(in_transit_grams(world, &id).await, -100_000);

    // To the second buyer there is nothing to explain; to the first there is, and it answers.
    let reason = json!({"reason": "it went to somebody else"});
    let nothing = says(&trade, &trade.seller, &format!("{id}/explanations"), "k1", reason).await;
    nothing.expect(409);
    let reason = json!({"reason": "unloaded by mistake and taken on", "buyer": first.id});
    let told = says(&trade, &trade.seller, &format!("{id}/explanations"), "k2", reason).await;
    let told = told.expect(201).body;
    assert_eq!(stands(first, "").await, ("explained".to_owned(), json!(first.id)));
    let strange = json!({"explanation": told["id"], "verdict": "accepted"});
    says(&trade, &second, &format!("{id}/answers"), "k3", strange.clone()).await.expect(422);
    assert!(!trade.movement(&second, &id).await.expect(200).text.contains("by mistake"));
    says(&trade, first, &format!("{id}/answers"), "k4", strange).await.expect(201);
    assert_eq!(stands(&trade.seller, "/former/0").await.0, "agreed");

    // Or it corrects what it filed: then nothing stands against the dispatch any more.
    let mut refused = received;
    refused["outcome"] = json!("refused");
    refused["lines"][0]["quantity_kg"] = json!("0.000");
    refused["lines"][0]["refused_kg"] = json!("100.000");
    refused["correction"] = json!({"version": 2, "reason": "it was not for us"});
    files(world, first, &refused).await.expect(201);
    assert_eq!(stands(&trade.seller, "/former/0").await, ("withdrawn".to_owned(), Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_corrected_to_somebody_who_does_not_file_is_withdrawn_too_and_may_come_back() {
    let trade = Trade::start().await;
    let (reference, id) = trade.sends("DSP-1").await;
    let nobody_here = testkit::uscc(9_999).to_string();
    let client = json!({"name": "Somebody", "identifier": nobody_here, "country": "CN"});
    let corrected = trade.corrects("DSP-1", 2, client).await;
    assert!(corrected.body["movement"].is_null(), "{}", corrected.text);
    for filer in [&trade.buyer, &trade.seller] {
        let seen = trade.movement(filer, &id).await.expect(200).body;
        assert_eq!((&seen["state"], &seen["turn_of"]), (&json!("withdrawn"), &Value::Null));
    }
    assert_eq!(in_transit_grams(&trade.world, &id).await, 0);
    let back = trade.as_client(&trade.buyer).await;
    let corrected = trade.corrects("DSP-1", 3, back).await;
    assert_eq!(corrected.said("movement"), id);
    let seen = trade.movement(&trade.buyer, &id).await.expect(200).body;
    assert_eq!((&seen["state"], &seen["turn_of"]), (&json!("under_way"), &json!(trade.buyer.id)));
    assert_eq!(in_transit_grams(&trade.world, &id).await, 100_000);
    assert_ne!(reference, "");
}
