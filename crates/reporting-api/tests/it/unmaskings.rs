//! The name behind a pseudonym: who learns it, who else decides, and what its owner sees of that.

use crate::{statistics::a_trade, world::World};
use serde_json::{Value, json};
use uuid::Uuid;

const PURPOSE: (&str, &str) = ("Lodestone-Purpose", "a quarterly look");

struct Office<'a> {
    world: &'a World,
    inspector: String,
    senior_officer: String,
}

impl<'a> Office<'a> {
    async fn open(world: &'a World) -> Self {
        let administrator = world.administrator().await;
        let person = async |name: &str, role: &str| {
            world.colleague(&administrator, &format!("{name}@authority.example"), &[role]).await
        };
        Self {
            world,
            inspector: person("inspector", "inspector").await,
            senior_officer: person("senior", "senior_officer").await,
        }
    }

    /// The pseudonym of the client of the only dispatch, as somebody sees it.
    async fn pseudonym(&self, by: &str, organisation: Uuid) -> String {
        let path = format!("/v1/filings?kind=dispatch&organisation={organisation}");
        let asked = self.world.get(&path).by(by).header(PURPOSE.0, PURPOSE.1);
        let list = asked.answer().await.expect(200);
        list.body["filings"][0]["party_pseudonym"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, by: &str, form: &Value, status: u16) -> Value {
        self.world.post("/v1/unmaskings", form).by(by).answer().await.expect(status).body
    }

    async fn decide(&self, by: &str, id: &str, state: &str, status: u16) {
        let path = format!("/v1/unmaskings/{id}/decision");
        let form = json!({ "state": state });
        self.world.post(&path, &form).by(by).answer().await.expect(status);
    }

    async fn look(&self, by: &str, id: &str) -> Value {
        let path = format!("/v1/unmaskings/{id}");
        self.world.get(&path).by(by).answer().await.expect(200).body
    }

    /// What the owner sees that was read of a name, with the purpose.
    async fn told(&self, owner: &str) -> Vec<String> {
        let log = self.world.get("/v1/access-log?limit=200").by(owner).answer().await.expect(200);
        let reads = log.body["reads"].as_array().unwrap().clone();
        let names = reads.iter().filter(|read| {
            read["subject"].as_str().is_some_and(|subject| subject.starts_with("name of party"))
        });
        names.map(|read| read["purpose"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_takes_two_and_its_owner_sees_who_looked_and_why() {
    let world = World::start().await;
    let office = Office::open(&world).await;
    let (filer, stranger) = (world.filer().await, world.filer().await);
    a_trade(&world, &filer.key).await;
    let pseudonym = office.pseudonym(&office.inspector, filer.id).await;
    let form = json!({"organisation": filer.id, "party_pseudonym": pseudonym, "purpose": "same lorry twice"});
    let asked = office.ask(&office.inspector, &form, 201).await;
    let id = asked["id"].as_str().unwrap();
    assert_eq!((&asked["state"], &asked["party"]), (&json!("asked"), &Value::Null));

    let waiting = world.get("/v1/unmaskings").by(&office.senior_officer).answer().await.expect(200);
    assert_eq!(waiting.body["unmaskings"][0]["purpose"], "same lorry twice");
    office.decide(&office.inspector, id, "approved", 403).await;
    assert_eq!(office.told(&filer.key).await, [""; 0], "nobody has looked yet");
    office.decide(&office.senior_officer, id, "approved", 200).await;
    office.decide(&office.senior_officer, id, "refused", 409).await;
    let seen = office.look(&office.inspector, id).await;
    assert_eq!(seen["party"]["name"], "A client");
    assert_eq!(office.told(&filer.key).await, ["same lorry twice"]);
    assert_eq!(office.told(&stranger.key).await, [""; 0]);

    // Another's pseudonym is nobody's, and nobody reads another's request.
    let of_another =
        json!({"organisation": filer.id, "party_pseudonym": pseudonym, "purpose": "x"});
    office.ask(&office.senior_officer, &of_another, 404).await;
    let path = format!("/v1/unmaskings/{id}");
    world.get(&path).by(&office.senior_officer).answer().await.expect(404);
    for outsider in [&filer.key, &stranger.key] {
        world.get(&path).by(outsider).answer().await.expect(403);
        office.ask(outsider, &form, 403).await;
    }

    let again = office.ask(&office.inspector, &form, 201).await;
    let refused = again["id"].as_str().unwrap();
    office.decide(&office.senior_officer, refused, "refused", 200).await;
    let seen = office.look(&office.inspector, refused).await;
    assert_eq!((&seen["state"], &seen["party"]), (&json!("refused"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_ones_own_case_a_name_is_learned_at_once() {
    let world = World::start().await;
    let office = Office::open(&world).await;
    let filer = world.filer().await;
    a_trade(&world, &filer.key).await;
    let finding = Uuid::now_v7();
    let owner = world.database.owner().await;
    owner
        .execute(
            "insert into lodestone.findings (id, detector, subject_key, detector_version, subject_kind, subject,
                organisation, audience, severity, evidence, sentence_zh, sentence_en, state, raised_at, caused_at)
             values ($1::uuid, 'ghost_buyer', $1::uuid::text, 1, 'organisation', $2, $2, 'official', 'alert', '{}', '', '', 'open', now(), now())",
            &[&finding, &filer.id],
        )
        .await
        .unwrap();
    let pseudonym = office.pseudonym(&office.inspector, filer.id).await;
    let form = json!({"organisation": filer.id, "party_pseudonym": pseudonym,
        "purpose": "who buys from a ghost", "finding": finding});
    let not_mine_yet = office.ask(&office.inspector, &form, 201).await;
    assert_eq!(not_mine_yet["state"], "asked");

    let path = format!("/v1/findings/{finding}/disposition");
    let review = json!({"state": "under_review", "reason": "I look into it"});
    world.post(&path, &review).by(&office.inspector).answer().await.expect(200);
    let mine = office.ask(&office.inspector, &form, 201).await;
    assert_eq!((&mine["state"], &mine["party"]["name"]), (&json!("approved"), &json!("A client")));
    assert_eq!(office.told(&filer.key).await, ["who buys from a ghost"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_investigation_may_keep_the_owner_from_seeing_it_until_a_day() {
    let world = World::start().await;
    let office = Office::open(&world).await;
    let administrator = world.administrator().await;
    let filer = world.filer().await;
    a_trade(&world, &filer.key).await;
    let pseudonym = office.pseudonym(&office.inspector, filer.id).await;
    let delayed = |until: &str, reason: &str| {
        json!({"organisation": filer.id, "party_pseudonym": pseudonym, "purpose": "a raid",
            "delay": {"until": until, "reason": reason}})
    };
    office.ask(&office.inspector, &delayed("2020-01-01", "they would hide it"), 422).await;
    office.ask(&office.inspector, &delayed("2099-01-01", " "), 422).await;
    let until = crate::world::now().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap();
    let until = until.tomorrow().unwrap().to_string();
    let asked = office.ask(&office.inspector, &delayed(&until, "they would hide it"), 201).await;
    let id = asked["id"].as_str().unwrap();
    office.decide(&office.senior_officer, id, "approved", 200).await;
    assert_eq!(office.look(&office.inspector, id).await["party"]["name"], "A client");
    assert_eq!(office.told(&filer.key).await, [""; 0], "the owner is not to see it yet");

    // It was logged at once all the same: an auditor sees it now, the owner when the day has come.
    let auditor = world.colleague(&administrator, "auditor@authority.example", &["auditor"]).await;
    let path = format!("/v1/access-log?organisation={}", filer.id);
    let log = world.get(&path).by(&auditor).answer().await.expect(200);
    assert!(log.text.contains("a raid"), "{}", log.text);
    let owner = world.database.owner().await;
    owner
        .batch_execute(
            "update lodestone.unmaskings set asked_at = asked_at - interval '3 days', owner_sees_from = current_date - 1",
        )
        .await
        .unwrap();
    assert_eq!(office.told(&filer.key).await, ["a raid"]);
}
