//! How officers work: queues, rules, flags, questions, advice, conditions, signatures, undoing.

use crate::world::{Person, World, a_declaration, a_draft};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

impl World {
    /// A queue of a team.
    async fn queue(&self, senior: &Person, code: &str) {
        let name =
            |kind: &str| json!({"code": code, "name_zh": format!("{kind}甲"), "name_en": kind});
        self.post(senior, "/v1/teams", name("team")).await.expect(201);
        let mut queue = name("queue");
        queue["team"] = json!(code);
        self.post(senior, "/v1/queues", queue).await.expect(201);
    }

    /// The worker has assessed an application.
    async fn assessed(&self, case: &str, risk: &str) {
        let owner = self.database.owner().await;
        let statement = format!(
            "insert into lodestone.application_assessments (id, case_id, case_version, risk, reasons, assessed_at)
             select gen_random_uuid(), '{case}', version, '{risk}', '[]', now() from lodestone.cases where id = '{case}'"
        );
        owner.batch_execute(&statement).await.unwrap();
    }

    /// Waits until a case lies in a queue.
    async fn lies_in(&self, officer: &Person, case: &str, queue: &str) -> Value {
        for _ in 0..400 {
            let seen = self.get(officer, &format!("/v1/cases/{case}")).await.expect(200);
            if seen.body["queue"] == queue {
                return seen.body;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{case} never came into {queue}");
    }
}

fn steps(body: &Value, action: &str) -> Vec<Value> {
    let history = body["history"].as_array().unwrap();
    history.iter().filter(|step| step["action"] == action).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_route_what_was_assessed_and_every_step_names_its_rule() {
    let world = World::start().await;
    let (exporter, officer, senior) =
        (world.exporter().await, world.officer().await, world.senior().await);
    world.queue(&senior, "fast").await;
    world.queue(&senior, "careful").await;
    let rules = |otherwise: &str| {
        json!({"reason": "the first version", "rules": {"otherwise": otherwise, "rules": [
            {"rule": "risky", "when": {"risks": ["high"]}, "queue": "careful", "flags": ["legal_review"]},
        ]}})
    };
    world.post(&officer, "/v1/routing", rules("fast")).await.expect(403);
    let wrong = world.post(&senior, "/v1/routing", rules("nowhere")).await.expect(422);
    assert_eq!(wrong.faults(), ["/rules/otherwise no_such_queue"]);
    let made = world.post_as(&senior, "/v1/routing", rules("fast"), "once").await.expect(201);
    assert_eq!(made.body["version"], 1);
    world.post_as(&senior, "/v1/routing", rules("fast"), "once").await.expect(200);

    let (plain, risky) = (
        world.submitted(&exporter, a_draft("single", "10")).await,
        world.submitted(&exporter, a_draft("single", "20")).await,
    );
    world.assessed(&plain, "low").await;
    world.assessed(&risky, "high").await;
    world.lies_in(&officer, &plain, "fast").await;
    let seen = world.lies_in(&officer, &risky, "careful").await;
    let route = &steps(&seen, "route")[0];
    assert_eq!(route["detail"]["rule"], "risky");
    assert_eq!(route["detail"]["routing_version"], 1);
    assert_eq!(seen["flags"][0]["flag"], "legal_review");
    // Its risk takes two signatures, as the dated rows say.
    assert_eq!(seen["order"]["signatures"], json!(["senior_officer", "senior_officer"]));

    // The queue page, filtered and counted.
    let page =
        world.get(&officer, "/v1/cases?queue=careful&risk=high&waits_for=flag").await.expect(200);
    assert_eq!(page.body["cases"].as_array().unwrap().len(), 1);
    assert_eq!(page.body["cases"][0]["id"], json!(risky));
    let blocked: i64 = page.body["counts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["blocked"].as_i64().unwrap())
        .sum();
    assert_eq!(blocked, 1);
    let queues = world.get(&officer, "/v1/queues").await.expect(200);
    assert_eq!(queues.body["queues"][0]["cases"], 1);
    world.get(&officer, "/v1/cases?risk=none").await.expect(400);

    // Moved by hand, with a reason; assessed anew, the rules take it up again.
    let there = json!({"queue": "fast", "reason": "a mistake"});
    world.acts(&officer, &risky, "move", there.clone()).await.expect(200);
    world.acts(&officer, &risky, "move", there).await.expect(409);
    let nowhere =
        world.acts(&officer, &risky, "move", json!({"queue": "gone", "reason": "x"})).await;
    assert_eq!(nowhere.expect(422).faults(), ["/queue no_such_queue"]);

    // Nothing of it is the applicant's.
    let own = world.get(&exporter, &format!("/v1/applications/{risky}")).await.expect(200);
    for secret in ["careful", "legal_review", "risky", "route", "high"] {
        assert!(!own.body.to_string().contains(secret), "{secret}: {:#}", own.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cases_of_an_absent_officer_are_assigned_to_others_at_once() {
    let world = World::start().await;
    let (exporter, officer, another, senior) = (
        world.exporter().await,
        world.officer().await,
        world.officer().await,
        world.senior().await,
    );
    let begun = world.under_review(&exporter, &officer, a_draft("single", "10")).await;
    let waiting = world.submitted(&exporter, a_draft("single", "10")).await;
    world.acts(&officer, &waiting, "assign", json!({"officer": another.id})).await.expect(403);
    world.acts(&officer, &waiting, "assign", json!({"officer": officer.id})).await.expect(200);
    world.acts(&another, &waiting, "accept", json!({})).await.expect(200);
    world.acts(&another, &waiting, "begin_review", json!({})).await.expect(403);
    let today = crate::world::today();
    let away = json!({"first_day": today, "last_day": today});
    let path = format!("/v1/officers/{}/absences", officer.id);
    world.post(&another, &path, away.clone()).await.expect(403);
    world.post(&officer, &path, away).await.expect(201);
    let offered = world.get(&senior, "/v1/cases?officer=absent").await.expect(200);
    let offered = offered.body["cases"].as_array().unwrap().clone();
    assert_eq!(offered.len(), 2);
    let mut cases: Vec<Value> =
        offered.iter().map(|it| json!({"id": it["id"], "version": it["version"]})).collect();
    cases.push(json!({"id": Uuid::now_v7(), "version": 1}));
    cases.push(json!({"id": begun, "version": 1}));
    let all = |officer: Uuid| json!({"officer": officer, "cases": cases.clone()});
    let refused = world.post(&senior, "/v1/cases/assignments", all(officer.id)).await.expect(200);
    assert_eq!(refused.body["cases"][0]["refused"], "absent");
    let became = world.post(&senior, "/v1/cases/assignments", all(another.id)).await.expect(200);
    let refusals: Vec<&Value> =
        became.body["cases"].as_array().unwrap().iter().map(|it| &it["refused"]).collect();
    assert_eq!(refusals, [&Value::Null, &Value::Null, &json!("no_such_case"), &json!("stale")]);
    let mine = world.get(&another, "/v1/cases?officer=me").await.expect(200);
    assert_eq!(mine.body["cases"].as_array().unwrap().len(), 2);
    let officers = world.get(&senior, "/v1/officers").await.expect(200);
    let of = |person: &Person| {
        let all = officers.body["officers"].as_array().unwrap();
        all.iter().find(|it| it["person"] == json!(person.id)).unwrap().clone()
    };
    assert_eq!((&of(&officer)["absent"], &of(&another)["cases"]), (&json!(true), &json!(2)));

    // Back early: not by anybody else's word, never in the past, and from then on there.
    let listed = world.get(&officer, &path).await.expect(200);
    let absence = &listed.body["absences"][0];
    assert_eq!(absence["last_day"], json!(today));
    let end = format!("{path}/{}/end", absence["id"].as_str().unwrap());
    world.post(&another, &end, json!({})).await.expect(403);
    let nobodys = format!("{path}/{}/end", Uuid::now_v7());
    world.post(&officer, &nobodys, json!({})).await.expect(404);
    let past = json!({"back_on": today.yesterday().unwrap()});
    let past = world.post(&officer, &end, past).await.expect(422);
    assert_eq!(past.faults(), ["/back_on in_the_past"]);
    for _ in 0..2 {
        let back = world.post(&officer, &end, json!({})).await.expect(200);
        assert_eq!(back.body["last_day"], json!(today.yesterday().unwrap()));
    }
    let listed = world.get(&senior, &path).await.expect(200);
    assert_eq!(listed.body["absences"], json!([]));
    let next = world.submitted(&exporter, a_draft("single", "10")).await;
    let next = json!({"officer": officer.id, "cases": [{"id": next, "version": 2}]});
    let given = world.post(&senior, "/v1/cases/assignments", next).await.expect(200);
    assert_eq!(given.body["cases"][0]["refused"], Value::Null, "{:#}", given.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_by_the_applicant_and_the_clock_goes_on() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let case = world.under_review(&exporter, &officer, a_draft("single", "10")).await;
    world.acts(&officer, &case, "ask_applicant", json!({"question": " "})).await.expect(422);
    let asked = json!({"question": "which line are the magnets for?"});
    let asked = world.acts(&officer, &case, "ask_applicant", asked).await.expect(200);
    assert_eq!(asked.body["clock"]["pauses"], json!([]), "it stops no clock");
    let path = format!("/v1/applications/{case}/queries");
    let own = world.get(&exporter, &path).await.expect(200);
    assert_eq!(own.body["queries"][0]["question"], "which line are the magnets for?");
    let answer = json!({"query": own.body["queries"][0]["query"], "answer": "the second"});
    let stranger = world.person(world.organisation("filer").await, &["exporter"]).await;
    world.on(&stranger, Method::POST, &path, own.etag(), answer.clone()).await.expect(404);
    world.on(&exporter, Method::POST, &path, own.etag(), answer.clone()).await.expect(200);
    let etag = world.present_etag(&case).await;
    world.on(&exporter, Method::POST, &path, &etag, answer.clone()).await.expect(409);
    let page = world.get(&officer, "/v1/cases?waits_for=reading").await.expect(200);
    assert_eq!(page.body["cases"][0]["answered_queries"], 1);
    let close = json!({"query": answer["query"]});
    let closed = world.acts(&officer, &case, "close_query", close).await.expect(200);
    assert_eq!(closed.body["queries"][0]["answer"], "the second");

    // Asked again, and withdrawn before it is answered.
    let again = json!({"question": "and which plant?"});
    world.acts(&officer, &case, "ask_applicant", again).await.expect(200);
    let own = world.get(&exporter, &path).await.expect(200);
    let withdraw = format!("/v1/applications/{case}/withdraw");
    world.on(&exporter, Method::POST, &withdraw, own.etag(), json!({})).await.expect(200);
    let answer = json!({"query": own.body["queries"][1]["query"], "answer": "too late"});
    let etag = world.present_etag(&case).await;
    let late = world.on(&exporter, Method::POST, &path, &etag, answer).await.expect(409);
    assert!(late.body["detail"].as_str().unwrap().contains("withdrawn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn agencies_advise_put_conditions_on_the_licence_and_alone_take_them_away() {
    let world = World::start().await;
    let (exporter, officer, senior) =
        (world.exporter().await, world.officer().await, world.senior().await);
    let (one, other) = (world.organisation("agency").await, world.organisation("agency").await);
    let (adviser, another) = (
        world.person(one, &["agency_adviser"]).await,
        world.person(other, &["agency_adviser"]).await,
    );
    let case = world.under_review(&exporter, &officer, a_draft("general", "10")).await;
    for agency in [one, other] {
        let ask = json!({"agency": agency, "question": "is the end user known?"});
        world.acts(&officer, &case, "ask_agency", ask).await.expect(200);
    }
    let condition = json!({"requirement": {"kind": "shipment_at_most", "quantity_kg": "4"}});
    let attached = world.acts(&adviser, &case, "attach_condition", condition).await.expect(200);
    assert_eq!(attached.body["conditions"][0]["number"], 1);
    assert_eq!(
        attached.body["exporter"],
        Value::Null,
        "what is known of the exporter is the authority's"
    );
    let nothing = json!({"requirement": {"kind": "shipment_at_most", "quantity_kg": "0"}});
    let fault = world.acts(&adviser, &case, "attach_condition", nothing).await.expect(422);
    assert_eq!(fault.faults(), ["/requirement/quantity_kg invalid_condition"]);
    // One of them asks back; the officer answers in the case, and both agencies read it.
    let back = json!({"question": "which furnace do they use?"});
    let asked = world.acts(&adviser, &case, "ask_back", back).await.expect(200);
    assert_eq!(asked.body["state"], "agency_advice");
    let query = asked.body["advice"]["asked_back"][0]["id"].clone();
    let told = |answer: &str| json!({"query": query, "answer": answer});
    world.acts(&adviser, &case, "answer_agency", told("ours")).await.expect(403);
    world.acts(&officer, &case, "answer_agency", told(" ")).await.expect(422);
    world.acts(&officer, &case, "answer_agency", told("the second")).await.expect(200);
    world.acts(&officer, &case, "answer_agency", told("the third")).await.expect(409);
    let read = world.get(&another, &format!("/v1/cases/{case}")).await.expect(200);
    assert_eq!(read.body["advice"]["asked_back"][0]["answer"], "the second");
    let own = world.get(&exporter, &format!("/v1/applications/{case}")).await.expect(200);
    assert!(!own.body.to_string().contains("furnace"), "{:#}", own.body);
    let advise = |advice: &str| json!({"advice": advice, "note": "as discussed"});
    let waits = world.acts(&adviser, &case, "advise", advise("proviso")).await.expect(200);
    assert_eq!(waits.body["state"], "agency_advice", "the other is still asked");
    let done = world.acts(&another, &case, "advise", advise("refuse")).await.expect(200);
    assert_eq!(done.body["state"], "under_final_review");
    assert_eq!(done.body["advice"]["conflicts"].as_array().unwrap().len(), 1);

    let remove = json!({"number": 1});
    world.acts(&officer, &case, "remove_condition", remove.clone()).await.expect(403);
    world.acts(&another, &case, "remove_condition", remove.clone()).await.expect(403);
    let note = json!({"note": "with the condition of the agency"});
    world.acts(&officer, &case, "recommend_approval", note).await.expect(200);
    world.acts(&adviser, &case, "remove_condition", remove).await.expect(409);
    let number = world.countersigned(&senior, &case).await;
    let customs = world.customs().await;
    let path = format!("/v1/licences/{number}/reservations");
    let broken = world.post(&customs, &path, a_declaration("5301-1", "5")).await;
    assert!(broken.status.is_client_error(), "{:#}", broken.body);
    assert!(broken.body.to_string().contains("condition"), "{:#}", broken.body);
    world.post(&customs, &path, a_declaration("5301-1", "4")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn high_risk_takes_two_signatures_and_a_step_is_taken_back_by_a_second_person() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let (first, second) = (world.senior().await, world.senior().await);
    let case = world.under_review(&exporter, &officer, a_draft("single", "10")).await;
    world.assessed(&case, "high").await;
    world.acts(&officer, &case, "recommend_approval", json!({"note": "known"})).await.expect(200);
    let once = world.acts(&first, &case, "countersign", json!({})).await.expect(200);
    assert_eq!(once.body["state"], "countersign");
    assert_eq!(world.database.count("lodestone.licences").await, 0);
    world.acts(&first, &case, "countersign", json!({})).await.expect(403);
    let why = json!({"reason": "the wrong case"});
    world.acts(&first, &case, "undo", why.clone()).await.expect(403);
    world.acts(&second, &case, "undo", json!({"reason": ""})).await.expect(422);
    let back = world.acts(&second, &case, "undo", why.clone()).await.expect(200);
    assert_eq!(back.body["order"]["signed"], json!([]));
    assert_eq!(steps(&back.body, "undo")[0]["detail"]["undone"], "countersign");
    world.acts(&first, &case, "countersign", json!({})).await.expect(200);
    // The database holds them apart, too: one signature does not decide, twice the same is none.
    let owner = world.database.owner().await;
    for (forged, constraint) in [
        ("signed_by = signed_by || signed_by", "case_signed_once_by_each"),
        ("signed_by = signed_by || recommended_by", "case_signed_by_others"),
        (
            "state = 'approved', countersigned_by = signed_by[1], licence = id",
            "case_signed_by_enough",
        ),
        (
            "state = 'approved', countersigned_by = signed_by[1], licence = id, signatures_required = 1, blocking_flags = 1",
            "case_decided_without_blocking_flags",
        ),
    ] {
        let statement = format!("update lodestone.cases set {forged} where id = '{case}'");
        let error = owner.batch_execute(&statement).await.unwrap_err();
        assert_eq!(error.as_db_error().unwrap().constraint(), Some(constraint), "{forged}");
    }
    let done = world.acts(&second, &case, "countersign", json!({})).await.expect(200);
    assert_eq!(done.body["state"], "approved");
    world.acts(&first, &case, "undo", why).await.expect(409);
    let own = world.get(&exporter, &format!("/v1/applications/{case}")).await.expect(200);
    assert!(!own.body.to_string().contains("undo"), "{:#}", own.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_with_a_conflict_of_interest_can_do_nothing_with_the_case() {
    let world = World::start().await;
    let (exporter, officer, senior) =
        (world.exporter().await, world.officer().await, world.senior().await);
    let case = world.under_review(&exporter, &officer, a_draft("single", "10")).await;
    let path = format!("/v1/officers/{}/conflicts", officer.id);
    let both = json!({"case": case, "exporter": world.exporter_organisation, "reason": "x"});
    world.post(&officer, &path, both).await.expect(422);
    let kin = json!({"exporter": world.exporter_organisation, "reason": "kinship"});
    world.post(&officer, &path, kin).await.expect(201);
    let refused = world.acts(&officer, &case, "note", json!({"text": "x"})).await.expect(403);
    assert!(refused.body["detail"].as_str().unwrap().contains("conflict of interest"));
    world.acts(&officer, &case, "recommend_approval", json!({"note": "x"})).await.expect(403);
    let to = |person: &Person| json!({"reviewer": person.id});
    let another = world.officer().await;
    world.acts(&senior, &case, "reassign", to(&another)).await.expect(200);
    world.acts(&senior, &case, "reassign", to(&officer)).await.expect(403);
    // And in the database itself.
    let owner = world.database.owner().await;
    for column in ["reviewer = $", "assigned_to = $", "signed_by = array[$]"] {
        let set = column.replace('$', &format!("'{}'::uuid", officer.id));
        let statement = format!("update lodestone.cases set {set} where id = '{case}'");
        let error = owner.batch_execute(&statement).await.unwrap_err();
        assert_eq!(error.as_db_error().unwrap().constraint(), Some("case_impartial"), "{column}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_case_shows_what_an_officer_decides_by() {
    let world = World::start().await;
    let (exporter, officer, senior) =
        (world.exporter().await, world.officer().await, world.senior().await);
    world.licence(a_draft("single", "10")).await;
    let case = world.submitted(&exporter, a_draft("single", "10")).await;
    let owner = world.database.owner().await;
    let finding = format!(
        "insert into lodestone.findings (id, detector, subject_key, detector_version, subject_kind, subject, organisation,
            audience, severity, evidence, sentence_zh, sentence_en, state, raised_at, caused_at)
         values (gen_random_uuid(), 'stock_exceeded', 'x', 1, 'organisation', '{0}', '{0}', 'official', 'alert', '{{}}',
            '超出库存', 'more than there was', 'open', now(), now())",
        world.exporter_organisation
    );
    owner.batch_execute(&finding).await.unwrap();
    world.acts(&officer, &case, "note", json!({"text": "seen before"})).await.expect(200);
    world
        .acts(&officer, &case, "raise_flag", json!({"flag": "gone", "note": "x"}))
        .await
        .expect(422);
    let seen = world.get(&senior, &format!("/v1/cases/{case}")).await.expect(200).body;
    assert_eq!(seen["goods"][0]["determination"]["outcome"], "controlled");
    assert_eq!(seen["parties"][0]["lists"], json!([]));
    assert_eq!(seen["exporter"]["approved"], 1);
    assert_eq!(seen["exporter"]["findings"][0]["sentence_zh"], "超出库存");
    assert_eq!(seen["precedents"][0]["same_goods"], true);
    assert_eq!(seen["precedents"][0]["outcome"], "approved");
    assert_eq!(seen["notes"][0]["text"], "seen before");
    assert_eq!(seen["order"]["risk"], "unassessed");
    let own = world.get(&exporter, &format!("/v1/applications/{case}")).await.expect(200);
    for secret in ["seen before", "more than there was", "note"] {
        assert!(!own.body["history"].to_string().contains(secret), "{secret}");
    }
    let rules = world.get(&officer, "/v1/case-rules").await.expect(200);
    assert_eq!(rules.body["refusal_grounds"].as_array().unwrap().len(), 8);
    assert_eq!(rules.body["countersigning"].as_array().unwrap().len(), 4);
    world.get(&exporter, "/v1/case-rules").await.expect(403);
}
