//! A document of EPCIS is recorded whole or not at all, whatever happens at the last moment.

use crate::{
    epcis::{capture, document, events, made, seen, with_gtin},
    world::{Filer, World},
};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::wait_until;

const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the database refuse filings of a lot, as only a fault of ours could.
const REFUSE: &str = "create function lodestone.refuse() returns trigger language plpgsql as $$
        begin
            if new.number = 'L2' then raise exception 'no'; end if;
            return new;
        end $$;
    create trigger refuse before insert on lodestone.lots for each row execute function lodestone.refuse()";

/// How much of a filer's is there to be read.
async fn readable(world: &World, filer: &Filer) -> (usize, usize) {
    let list = world.get("/v1/filings").by(&filer.key).answer().await.expect(200);
    let filings = list.body["filings"].as_array().unwrap().len();
    (filings, events(world, filer, "").await.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filing_that_cannot_be_written_at_the_last_takes_its_document_back() {
    let world = World::start().await;
    let filer = world.filer().await;
    with_gtin(&world, &filer).await;
    world.sql(REFUSE).await;
    let sent = document(&[made("L1"), made("L2"), made("L3"), seen(1)]);
    let job = capture(&world, &filer, &sent).await.expect(202);
    assert_eq!(job.body["success"], false, "{}", job.text);
    assert_eq!((&job.body["captured"], &job.body["filings"]), (&json!(0), &json!(0)));
    let fault = &job.body["errors"][0];
    let place = "/epcisBody/eventList/1";
    assert_eq!((&fault["pointer"], &fault["code"]), (&json!(place), &json!("not_recorded")));
    assert_eq!(readable(&world, &filer).await, (0, 0));
    for table in [
        "filings",
        "lots",
        "postings",
        "epcis_event_keys",
        "idempotency_keys where key like 'epcis:%'",
    ] {
        assert_eq!(world.database.count(table).await, 0, "{table}");
    }

    // Told to proceed, it keeps out what cannot be written and nothing else.
    let job = world
        .post("/v1/epcis/capture", &sent)
        .by(&filer.key)
        .header("GS1-Capture-Error-Behaviour", "proceed")
        .answer()
        .await
        .expect(202);
    assert_eq!((&job.body["captured"], &job.body["filings"]), (&json!(3), &json!(2)));
    assert_eq!(job.body["errors"][0]["pointer"], place);
    assert_eq!(readable(&world, &filer).await, (2, 3));

    // Mended, the whole document adds what was missing.
    world.sql("drop trigger refuse on lodestone.lots").await;
    let job = capture(&world, &filer, &sent).await.expect(202);
    assert_eq!((&job.body["captured"], &job.body["duplicates"]), (&json!(1), &json!(3)));
    assert_eq!((&job.body["filings"], &job.body["success"]), (&json!(3), &json!(true)));
    assert_eq!(readable(&world, &filer).await, (3, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_is_taken_takes_back_the_document_that_means_it() {
    let world = World::start().await;
    let filer = world.filer().await;
    with_gtin(&world, &filer).await;
    let meant = |lot: &str, reference: &str| {
        let mut event = made(lot);
        event["lodestone:kind"] = json!("extraction");
        event["lodestone:reference"] = json!(reference);
        event
    };
    capture(&world, &filer, &document(&[meant("L1", "EXT-1")])).await.expect(202);
    assert_eq!(readable(&world, &filer).await, (1, 1));
    let sent = document(&[meant("L2", "EXT-2"), meant("L3", "EXT-1")]);
    let job = capture(&world, &filer, &sent).await.expect(202);
    assert_eq!(job.body["success"], false, "{}", job.text);
    let fault = &job.body["errors"][0];
    let place = "/epcisBody/eventList/1/lodestone:reference";
    assert_eq!((&fault["pointer"], &fault["code"]), (&json!(place), &json!("duplicate_reference")));
    assert_eq!(readable(&world, &filer).await, (1, 1));
    // Two of one document cannot have it either.
    let sent = document(&[meant("L2", "EXT-2"), meant("L3", "EXT-2")]);
    let job = capture(&world, &filer, &sent).await.expect(202);
    assert_eq!((&job.body["success"], &job.body["captured"]), (&json!(false), &json!(0)));
    assert_eq!(readable(&world, &filer).await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_under_way_cannot_be_read_and_a_crash_leaves_nothing_of_it() {
    let mut world = World::start().await;
    let filer = world.filer().await;
    with_gtin(&world, &filer).await;
    let sent = document(&[made("L1"), made("L2"), seen(1)]);
    // Everything but the job is written; that waits.
    let owner = world.database.owner().await;
    owner
        .batch_execute("begin; lock table lodestone.epcis_captures in exclusive mode")
        .await
        .unwrap();
    let under_way = world.post("/v1/epcis/capture", &sent).by(&filer.key).begin();
    let waits = "select count(*) from pg_locks where not granted
        and relation = 'lodestone.epcis_captures'::regclass
        and database = (select oid from pg_database where datname = current_database())";
    wait_until("the document waits", PATIENCE, async || {
        (owner.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 1).then_some(())
    })
    .await;
    assert_eq!(readable(&world, &filer).await, (0, 0));
    world.kill_and_start().await;
    assert!(under_way.await.unwrap().is_err(), "nobody was answered");
    owner.batch_execute("rollback").await.unwrap();
    wait_until("the connection that died is noticed", PATIENCE, async || {
        let writing = "select count(*) from pg_stat_activity where datname = current_database()
            and usename = 'lodestone_filing_writer' and state <> 'idle'";
        (owner.query_one(writing, &[]).await.unwrap().get::<_, i64>(0) == 0).then_some(())
    })
    .await;
    // Its commit was never sent, or it was and all of it is there; sent again it is there once.
    let left = readable(&world, &filer).await;
    assert!(left == (0, 0) || left == (2, 3), "half a document: {left:?}");
    let job = capture(&world, &filer, &sent).await.expect(202);
    assert_eq!((&job.body["filings"], &job.body["success"]), (&json!(2), &json!(true)));
    assert_eq!(readable(&world, &filer).await, (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_documents_with_the_same_events_store_each_once() {
    let world = World::start().await;
    let filer = world.filer().await;
    with_gtin(&world, &filer).await;
    let lots: Vec<String> = (0..20).map(|number| format!("L{number}")).collect();
    let all = document(&lots.iter().map(|lot| made(lot)).collect::<Vec<Value>>());
    let turned = document(&lots.iter().rev().map(|lot| made(lot)).collect::<Vec<Value>>());
    let sent =
        (0..10).map(|turn| capture(&world, &filer, if turn % 2 == 0 { &all } else { &turned }));
    let jobs = futures_util::future::join_all(sent).await;
    let captured: u64 = jobs
        .iter()
        .map(|job| {
            assert_eq!(job.status.as_u16(), 202, "{}", job.text);
            assert_eq!((&job.body["success"], &job.body["filings"]), (&json!(true), &json!(20)));
            job.body["captured"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(captured, 20);
    assert_eq!(readable(&world, &filer).await, (20, 20));
}
