//! Applications are assessed once a version, with reasons.

use crate::world::{PATIENCE, World, now};
use database::{Role, events};
use domain::{
    event::Event,
    ids::{CaseId, EventId},
};
use serde_json::json;
use testkit::wait_until;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn an_application_for_a_listed_end_user_is_of_high_risk() {
    let world = World::start().await;
    let exporter = world.filer(&["export"], None).await;
    let owner = world.stack.database().owner().await;
    let mut conn = world.stack.database().pool(Role::Licensing).get().await.unwrap();
    let submits = |name: &str| json!({ "end_users": [{ "name": name, "country": "US" }], "lines": [{ "quantity_kg": "90.000" }] });
    let mut cases = Vec::new();
    for name in ["Honest Motors", "MP Materials, Inc.", "Honest Motors Ltd", "HONEST MOTORS"] {
        let case = Uuid::now_v7();
        owner
            .execute(
                "insert into lodestone.cases (id, number, organisation, version, kind, state, submitted_at, created_by,
                    created_at, updated_at, content)
                 values ($1, $1::uuid::text, $2, 2, 'single', 'submitted', now(), $1, now(), now(), $3)",
                &[&case, &exporter.id.as_uuid(), &submits(name)],
            )
            .await
            .unwrap();
        let event = Event::ApplicationSubmitted {
            case: CaseId::from_uuid(case),
            organisation: exporter.id,
            version: 2,
        };
        for _ in 0..2 {
            let origin = events::Origin {
                id: EventId::from_uuid(Uuid::now_v7()),
                occurred_at: now(),
                person: None,
                traceparent: None,
            };
            events::append_alone(&mut conn, &origin, case, &event).await.unwrap();
        }
        world.settles().await;
        cases.push(case);
    }
    let mut risks = Vec::new();
    for case in cases {
        let assessed = "select risk, reasons->0->>'reason' from lodestone.application_assessments where case_id = $1";
        let rows = owner.query(assessed, &[&case]).await.unwrap();
        assert_eq!(rows.len(), 1, "one assessment a version, however often it is told");
        risks.push((rows[0].get::<_, String>(0), rows[0].get::<_, String>(1)));
    }
    let expected = [
        ("low", "list_incomplete"),
        ("high", "party_on_list"),
        ("low", "list_incomplete"),
        ("medium", "repeated_small_applications"),
    ];
    assert_eq!(risks, expected.map(|(risk, reason)| (risk.to_owned(), reason.to_owned())));
    let told = "select count(*) from lodestone.events where name = 'application.assessed'";
    assert_eq!(world.number(told).await, 4);
    let found = "select count(*) from lodestone.findings where subject_kind = 'application'";
    assert_eq!(world.number(found).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_listed_later_is_found_in_open_applications_and_forgotten_when_taken_off() {
    let world = World::start().await;
    let exporter = world.filer(&["export"], None).await;
    let owner = world.stack.database().owner().await;
    let mut conn = world.stack.database().pool(Role::Identity).get().await.unwrap();
    let content = json!({ "end_users": [{ "name": "Later Listed Drives GmbH", "country": "DE" }], "lines": [] });
    let mut cases = Vec::new();
    for state in ["submitted", "returned"] {
        let case = Uuid::now_v7();
        let statement =
            "insert into lodestone.cases (id, number, organisation, version, kind, state,
                submitted_at, created_by, created_at, updated_at, content)
             values ($1, $1::uuid::text, $2, 2, 'single', $4, now(), $1, now(), now(), $3)";
        let row: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
            &[&case, &exporter.id.as_uuid(), &content, &state];
        owner.execute(statement, row).await.unwrap();
        cases.push(case);
    }
    let entry = Uuid::now_v7();
    let statement =
        "insert into lodestone.listed_parties (id, list, name, valid_from, source, verification)
        values ($1, 'control', 'LATER LISTED DRIVES', current_date - 1, 'a test', 'fictitious')";
    owner.execute(statement, &[&entry]).await.unwrap();
    let changes = async |conn: &mut database::Connection, change: &str| {
        let event = Event::PartyListed { entry, change: change.to_owned() };
        let origin = events::Origin {
            id: EventId::from_uuid(Uuid::now_v7()),
            occurred_at: now(),
            person: None,
            traceparent: None,
        };
        events::append_alone(conn, &origin, entry, &event).await.unwrap();
        world.settles().await;
    };
    let risks = async || {
        let statement = "select string_agg(risk, ' ' order by assessed_at)
            from lodestone.application_assessments where case_id = any ($1)";
        let row = owner.query_one(statement, &[&cases]).await.unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_default()
    };
    changes(&mut conn, "listed").await;
    assert_eq!(risks().await, "high", "the open one; not the one that went back");
    let open = "select count(*) from lodestone.findings where detector = 'party_on_list' and state = 'open'";
    assert_eq!(world.number(open).await, 1);
    changes(&mut conn, "told again").await;
    assert_eq!(risks().await, "high", "nothing is new");

    let ended = "update lodestone.listed_parties set valid_until = current_date where id = $1";
    owner.execute(ended, &[&entry]).await.unwrap();
    changes(&mut conn, "delisted").await;
    assert_eq!(risks().await, "high low");
    assert_eq!(world.number(open).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_made_ahead_of_time_is_found_on_its_day_without_anybody_telling() {
    let world = World::start().await;
    let exporter = world.filer(&["export"], None).await;
    let owner = world.stack.database().owner().await;
    let content = json!({ "end_users": [{ "name": "Soon Listed Drives GmbH", "country": "DE" }], "lines": [] });
    let case = Uuid::now_v7();
    let statement = "insert into lodestone.cases (id, number, organisation, version, kind, state,
            submitted_at, created_by, created_at, updated_at, content)
        values ($1, $1::uuid::text, $2, 2, 'single', 'submitted', now(), $1, now(), now(), $3)";
    owner.execute(statement, &[&case, &exporter.id.as_uuid(), &content]).await.unwrap();
    // One whose day has come, and one whose day comes tomorrow; nobody tells of either.
    let today = "(now() at time zone 'Asia/Shanghai')::date";
    for (name, day) in [("SOON LISTED DRIVES", "0"), ("NEVER LISTED DRIVES", "1")] {
        let statement = format!(
            "insert into lodestone.listed_parties (id, list, name, valid_from, source, verification)
             values (gen_random_uuid(), 'control', '{name}', {today} + {day}, 'a test', 'fictitious')"
        );
        owner.batch_execute(&statement).await.unwrap();
    }
    let told = "select count(*) from lodestone.events where name = 'party.listed' and convert_from(body, 'UTF8') like '%begins%'";
    wait_until("the day is told", PATIENCE, async || (world.number(told).await == 1).then_some(()))
        .await;
    world.settles().await;
    let found = "select count(*) from lodestone.findings where detector = 'party_on_list'
        and state = 'open' and subject_kind = 'application'";
    assert_eq!(world.number(found).await, 1);
    assert_eq!(world.number(told).await, 1, "its day is told once");
}
