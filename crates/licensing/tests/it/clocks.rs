//! Clocks, forecasts and processing times, from what happened.

use crate::world::{World, a_draft};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_law_names_stops_the_clock_and_what_was_taken_back_never_did() {
    let world = World::start().await;
    let (exporter, officer, senior) =
        (world.exporter().await, world.officer().await, world.senior().await);
    let case = world.under_review(&exporter, &officer, a_draft("single", "10")).await;
    let stop = |cause: &str| json!({"cause": cause});
    world.acts(&officer, &case, "stop_clock", stop("lunch")).await.expect(400);
    let stopped = world.acts(&officer, &case, "stop_clock", stop("site_check")).await.expect(200);
    assert_eq!(stopped.body["clock"]["no_due_date"], "stopped");
    assert_eq!(stopped.body["clock"]["pauses"][0]["cause"], "site_check");
    let undone = world.acts(&senior, &case, "undo", json!({"reason": "no site"})).await.expect(200);
    assert_eq!(undone.body["clock"]["pauses"], json!([]));
    assert!(undone.body["clock"]["due_on"].is_string());
    let own = world.get(&exporter, &format!("/v1/applications/{case}")).await.expect(200);
    assert_eq!(own.body["clock"], undone.body["clock"], "the applicant sees the same clock");
    let exempt = json!({"exemption": "state_council_case", "note": "for the State Council"});
    world.acts(&officer, &case, "exempt", exempt.clone()).await.expect(403);
    let exempt = world.acts(&senior, &case, "exempt", exempt).await.expect(200);
    assert_eq!(exempt.body["clock"]["no_due_date"], "exempt");
    let page = world.get(&officer, "/v1/cases").await.expect(200);
    assert_eq!(page.body["cases"][0]["clock"]["no_due_date"], "exempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn forecasts_and_processing_times_come_from_decided_cases() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let owner = world.database.owner().await;
    // Last year thirty cases of three exporters were decided, and five of another kind.
    let decided = "
        with made as (
            select gen_random_uuid() as id, number, case when number <= 30 then 'single' else 'general' end as kind,
                md5((number % 3)::text)::uuid as exporter, (now() - interval '300 days')::date as day
            from generate_series(1, 35) number),
        cases as (
            insert into lodestone.cases (id, number, organisation, version, kind, state, recommended_outcome, recommended_by,
                countersigned_by, signed_by, licence, reviewer, submitted_at, created_by, created_at, updated_at, content)
            select id, 'X-' || number, exporter, 3, kind, 'approved', 'approve', md5('r')::uuid, md5('s')::uuid,
                array[md5('s')::uuid], id, null, day, md5('c')::uuid, day, day, '{\"destination\": \"DE\"}' from made)
        insert into lodestone.case_events (case_id, version, action, state, person, occurred_at, occurred_on, detail)
        select id, step, action, state, null, day + after * interval '1 day', day + after, '{}'
        from made cross join lateral (values (1, 'submit', 'submitted', 0), (2, 'accept', 'accepted', 1),
            (3, 'countersign', 'approved', 20 + number)) as steps (step, action, state, after)";
    owner.batch_execute(decided).await.unwrap();
    let case = world.under_review(&exporter, &officer, a_draft("single", "10")).await;
    let seen = world.get(&officer, &format!("/v1/cases/{case}")).await.expect(200);
    assert_eq!(seen.body["forecast"]["forecast"], "expected", "{:#}", seen.body["forecast"]);
    assert_eq!(seen.body["forecast"]["cases"], 30);
    let other = world.under_review(&exporter, &officer, a_draft("general", "10")).await;
    let seen = world.get(&officer, &format!("/v1/cases/{other}")).await.expect(200);
    assert_eq!(seen.body["forecast"], json!({"forecast": "no_history", "cases": 5, "needed": 20}));
    let times = world.anybody_gets("/v1/processing-times").await.expect(200);
    let cells = times.body["cells"].as_array().unwrap();
    let told: u64 = cells.iter().filter_map(|cell| cell["cases"].as_u64()).sum();
    assert!((10..=30).contains(&told), "{:#}", times.body);
    let general = cells.iter().filter(|cell| cell["kind"] == "general");
    assert!(general.clone().count() > 0);
    assert!(
        general.clone().all(|cell| cell.get("median_working_days").is_none()),
        "five are too few"
    );
}
