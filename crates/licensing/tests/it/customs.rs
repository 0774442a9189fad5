//! What happens at the border when things do not go straight.

use crate::world::{World, a_declaration, a_draft, now};
use database::{Role, cases::Moment, licences};
use domain::{
    ids::{CaseId, PersonId},
    licence::{ChangeOutcome, SerialNumber},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

fn declared(kilograms: &str) -> Value {
    json!({
        "quantity_kg": kilograms, "control_code": "1C905.a.4", "hs_code": "8505111000",
        "destination": "DE", "consignee": "Beispiel Motoren GmbH",
    })
}

fn departure(number: &str, declaration: &str, kilograms: &str) -> Value {
    json!({
        "licence": number, "line": 1, "declaration": declaration, "declaration_line": 1,
        "departed_on": crate::world::today().to_string(), "declared": declared(kilograms),
    })
}

/// Licensed, reserved and confirmed grams of the only line.
async fn balance(world: &World) -> (i64, i64, i64) {
    let owner = world.database.owner().await;
    let line =
        "select licensed_grams, reserved_grams, confirmed_grams from lodestone.licence_lines";
    let row = owner.query_one(line, &[]).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declaration_is_amended_once_for_each_number_and_what_it_said_is_kept() {
    let world = World::start().await;
    let customs = world.customs().await;
    let number = world.licence(a_draft("general", "100")).await;
    let path = format!("/v1/licences/{number}/reservations");
    let reserved = world.post(&customs, &path, a_declaration("5301-1", "30")).await.expect(201);
    let amend = format!("{path}/{}/amend", reserved.id());
    let to = |amendment: u16, kilograms: &str| json!({"amendment": amendment, "declared": declared(kilograms)});
    // The same amendment, at once and again, is one.
    let tries = (0..6).map(|_| world.post(&customs, &amend, to(1, "45")));
    for answer in join_all(tries).await {
        assert_eq!(answer.expect(200).body["quantity_kg"], "45.000");
    }
    assert_eq!(balance(&world).await, (100_000, 45_000, 0));
    world.post(&customs, &amend, to(1, "46")).await.expect(409);
    world.post(&customs, &amend, to(3, "46")).await.expect(409);
    world.post(&customs, &amend, to(0, "46")).await.expect(422);
    let refused = world.post(&customs, &amend, to(2, "100.001")).await.expect(409);
    assert_eq!(refused.faults(), [" licence_balance"]);
    let mut elsewhere = to(2, "1");
    elsewhere["declared"]["destination"] = json!("FR");
    let refused = world.post(&customs, &amend, elsewhere).await.expect(422);
    assert_eq!(refused.faults(), ["/destination licence_destination"]);
    world.post(&customs, &amend, to(2, "100")).await.expect(200);
    assert_eq!(balance(&world).await, (100_000, 100_000, 0));

    // A late repeat of the first declaration is still the same declaration.
    world.post(&customs, &path, a_declaration("5301-1", "30")).await.expect(200);
    world.post(&customs, &path, a_declaration("5301-1", "31")).await.expect(409);
    let kept = world.get(&customs, &format!("{path}/{}/amendments", reserved.id())).await;
    let before: Vec<&str> = kept.body["amendments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|amendment| amendment["quantity_kg_before"].as_str().unwrap())
        .collect();
    assert_eq!(before, ["30.000", "45.000"]);
    let confirm = format!("{path}/{}/confirm", reserved.id());
    world.post(&customs, &confirm, json!({})).await.expect(200);
    let settled = world.post(&customs, &amend, to(3, "1")).await.expect(409);
    assert_eq!(settled.faults(), [" reservation_already_settled"]);
    let amended = "lodestone.licence_events where action = 'amended'";
    assert_eq!(world.database.count(amended).await, 2, "an event for each effect and no other");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_while_the_line_was_down_is_never_denied() {
    let world = World::start().await;
    let (customs, exporter) = (world.customs().await, world.exporter().await);
    let number = world.licence(a_draft("general", "100")).await;
    let path = format!("/v1/licences/{number}/reservations");
    world.post(&customs, &path, a_declaration("5301-1", "30")).await.expect(201);
    world.post(&customs, &path, a_declaration("5301-2", "40")).await.expect(201);

    let mut elsewhere = departure(&number, "5301-4", "10");
    elsewhere["declared"]["destination"] = json!("FR");
    let told = json!({"departures": [
        // What was reserved for it counts.
        departure(&number, "5301-1", "35"),
        // Nothing was reserved: what is left is drawn, and the rest is excess.
        departure(&number, "5301-3", "30"),
        // Nowhere it may go, and nothing left.
        elsewhere,
        departure("LS-2026-999999-X", "5301-5", "1"),
    ]});
    let reconcile = "/v1/licences/reconciliation";
    world.post(&exporter, reconcile, told.clone()).await.expect(403);
    let answer = world.post(&customs, reconcile, told.clone()).await.expect(200);
    let said = |answer: &Value| -> Vec<(String, String, Value)> {
        let text = |one: &Value| one.as_str().unwrap_or_default().to_owned();
        let departures = answer["departures"].as_array().unwrap();
        departures
            .iter()
            .map(|one| {
                (text(&one["outcome"]), text(&one["excess_kg"]), one["irregularity"].clone())
            })
            .collect()
    };
    let row = |outcome: &str, excess: &str, irregularity: Value| {
        (outcome.to_owned(), excess.to_owned(), irregularity)
    };
    assert_eq!(
        said(&answer.body),
        [
            row("recorded", "0.000", Value::Null),
            row("recorded", "5.000", Value::Null),
            row("recorded", "10.000", json!("licence_destination")),
            row("recorded", "1.000", json!("no_such_licence")),
        ]
    );
    // 35 of the first, 25 of the third; 40 stay reserved for the second.
    assert_eq!(balance(&world).await, (100_000, 40_000, 60_000));

    let again = world.post(&customs, reconcile, told).await.expect(200);
    assert!(said(&again.body).iter().all(|(outcome, ..)| outcome == "recorded_before"));
    let other = json!({"departures": [departure(&number, "5301-3", "31")]});
    let contradicts = world.post(&customs, reconcile, other).await.expect(200);
    assert_eq!(contradicts.body["departures"][0]["outcome"], "contradicts");
    assert_eq!(balance(&world).await, (100_000, 40_000, 60_000));
    let events = world.database.count("lodestone.events where name = 'licence.departed'").await;
    assert_eq!(events, 4, "an event for each effect and no other");

    // Officials see why; the exporter does not even see that there is a list.
    let departures = format!("/v1/licences/{number}/departures");
    let seen = world.get(&customs, &departures).await.expect(200);
    assert_eq!(seen.body["departures"].as_array().unwrap().len(), 3);
    world.get(&exporter, &departures).await.expect(403);

    let mut wrong = departure(&number, " ", "0");
    wrong["departed_on"] = json!("2999-01-01");
    wrong["line"] = json!(0);
    let refused = world.post(&customs, reconcile, json!({"departures": [wrong]})).await.expect(422);
    assert_eq!(refused.faults().len(), 4, "{:#}", refused.body);
    world.post(&customs, reconcile, json!({"departures": []})).await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_left_under_a_suspended_or_used_up_licence_are_recorded_with_the_reason() {
    let world = World::start().await;
    let (customs, officer) = (world.customs().await, world.officer().await);
    let number = world.licence(a_draft("single", "10")).await;
    let path = format!("/v1/licences/{number}");
    let seen = world.get(&officer, &path).await.expect(200);
    let (suspend, reason) = (format!("{path}/suspend"), json!({"reason": "a doubt"}));
    world.on(&officer, reqwest::Method::POST, &suspend, seen.etag(), reason).await.expect(200);
    let told = json!({"departures": [departure(&number, "5301-1", "10")]});
    let answer = world.post(&customs, "/v1/licences/reconciliation", told).await.expect(200);
    assert_eq!(answer.body["departures"][0]["irregularity"], "licence_state");
    assert_eq!(answer.body["departures"][0]["excess_kg"], "0.000");
    assert_eq!(balance(&world).await, (10_000, 0, 10_000));
    let told = json!({"departures": [departure(&number, "5301-2", "1")]});
    let answer = world.post(&customs, "/v1/licences/reconciliation", told).await.expect(200);
    assert_eq!(answer.body["departures"][0]["excess_kg"], "1.000");
    assert_eq!(balance(&world).await, (10_000, 0, 10_000), "the balance stops at nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_reports_arrivals_once_for_each_request() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let number = world.licence(a_draft("general", "100")).await;
    let path = format!("/v1/licences/{number}/arrivals");
    let report = json!({
        "declaration": "5301-1", "stage": "arrived", "occurred_on": crate::world::today().to_string(),
        "quantity_kg": "30.000", "place": "Nürnberg", "country": "DE",
    });
    let first = world.post_as(&exporter, &path, report.clone(), "a-1").await.expect(201);
    let again = world.post_as(&exporter, &path, report.clone(), "a-1").await.expect(200);
    assert_eq!(first.body, again.body);
    let mut other = report.clone();
    other["stage"] = json!("installed");
    world.post_as(&exporter, &path, other.clone(), "a-1").await.expect(422);
    world.post_as(&exporter, &path, other, "a-2").await.expect(201);
    let seen = world.get(&officer, &path).await.expect(200);
    assert_eq!(seen.body["arrivals"].as_array().unwrap().len(), 2);

    let stranger = world.organisation("filer").await;
    let stranger = world.person(stranger, &["exporter"]).await;
    world.post(&stranger, &path, report.clone()).await.expect(404);
    world.get(&stranger, &path).await.expect(404);
    world.post(&officer, &path, report.clone()).await.expect(403);
    let mut wrong = report;
    wrong["occurred_on"] = json!("2999-01-01");
    wrong["quantity_kg"] = json!("0");
    wrong["place"] = json!("");
    let refused = world.post(&exporter, &path, wrong).await.expect(422);
    assert_eq!(refused.faults().len(), 3, "{:#}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_change_suspends_use_until_it_ends() {
    let world = World::start().await;
    let (customs, exporter) = (world.customs().await, world.exporter().await);
    let number = world.licence(a_draft("general", "100")).await;
    let path = format!("/v1/licences/{number}");
    let reservations = format!("{path}/reservations");
    let reserved = world.post(&customs, &reservations, a_declaration("5301-1", "5")).await;
    let confirm = format!("{reservations}/{}/confirm", reserved.expect(201).id());

    let serial: SerialNumber = number.parse().unwrap();
    let (person, moment) =
        (PersonId::from_uuid(exporter.id), Moment { at: now(), traceparent: None });
    let change = CaseId::from_uuid(Uuid::now_v7());
    let holder = domain::ids::OrganisationId::from_uuid(world.exporter_organisation);
    let applicants = world.database.pool(Role::Applicant);
    let begun = database::acting_for(&applicants, holder, async |conn| {
        licences::begin_change(conn, serial, change, person, &moment).await
    });
    begun.await.expect("the holder's application begins the change");
    let second = database::acting_for(&applicants, holder, async |conn| {
        let case = CaseId::from_uuid(Uuid::now_v7());
        licences::begin_change(conn, serial, case, person, &moment).await
    });
    assert!(
        matches!(second.await, Err(licences::LicenceError::ChangePending(case)) if case == change)
    );

    let refused =
        world.post(&customs, &reservations, a_declaration("5301-2", "5")).await.expect(409);
    assert_eq!(refused.faults(), [" licence_change_pending"]);
    world.post(&customs, &confirm, json!({})).await.expect(409);
    let seen = world.get(&exporter, &path).await.expect(200);
    assert_eq!(seen.body["standing"], "suspended");
    let verified = world.anybody_gets(&format!("/v1/verify/{number}")).await.expect(200);
    assert_eq!(verified.body["statement"]["standing"], "suspended");

    let mut conn = world.database.pool(Role::Licensing).get().await.unwrap();
    let ended =
        licences::end_change(&mut conn, change, ChangeOutcome::Refused, None, &moment).await;
    assert!(ended.unwrap().is_some());
    let again =
        licences::end_change(&mut conn, change, ChangeOutcome::Approved, None, &moment).await;
    assert!(again.unwrap().is_none(), "it has ended already");
    world.post(&customs, &confirm, json!({})).await.expect(200);

    let change = CaseId::from_uuid(Uuid::now_v7());
    licences::end_change(&mut conn, change, ChangeOutcome::Approved, None, &moment).await.unwrap();
    let begun = database::acting_for(&applicants, holder, async |conn| {
        licences::begin_change(conn, serial, change, person, &moment).await
    });
    begun.await.unwrap();
    let ended =
        licences::end_change(&mut conn, change, ChangeOutcome::Approved, Some(person), &moment);
    assert_eq!(ended.await.unwrap().unwrap().state.as_str(), "superseded");
    let refused =
        world.post(&customs, &reservations, a_declaration("5301-3", "5")).await.expect(409);
    assert_eq!(refused.faults(), [" licence_state"]);
}
