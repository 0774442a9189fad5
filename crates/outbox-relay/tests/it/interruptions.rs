//! Relays that are killed, brokers that are away, and two relays at once.

use crate::world::{
    AwayBroker, Listener, PATIENCE, a_relay, a_relay_without_broker, another_relay, happens,
    licensing, number,
};
use broker::Verdict;
use std::time::Duration;
use testkit::{TestDatabase, wait_until};

const GAPS: &str = "select coalesce(max(index) + 1, 0) - count(*) from log_leaves";

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_again_and_again_loses_nothing() {
    let mut stack = a_relay().await;
    let listener = Listener::start(stack.environment(), |_| Verdict::Done);
    let pool = licensing(stack.database());
    let making = tokio::spawn(async move {
        let mut ids = Vec::new();
        for _ in 0..12 {
            ids.extend(happens(&pool, 50).await);
        }
        ids
    });
    let mut kills = 0;
    while !making.is_finished() || kills < 5 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let relay = stack.service("outbox-relay");
        relay.kill();
        relay.start_again();
        kills += 1;
    }
    let ids = making.await.unwrap();
    listener.hears(&ids).await;
    assert_eq!(number(stack.database(), GAPS).await, 0);
    assert_eq!(stack.database().count("log_leaves").await, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_dies_another_relay_goes_on() {
    let mut stack = a_relay().await;
    let listener = Listener::start(stack.environment(), |_| Verdict::Done);
    let pool = licensing(stack.database());
    listener.hears(&happens(&pool, 10).await).await;
    let another = another_relay(&stack).await;
    assert!(!leads(&another.url()).await, "two relays lead");
    assert!(leads(&stack.url("outbox-relay")).await);

    stack.service("outbox-relay").kill();
    listener.hears(&happens(&pool, 10).await).await;
    assert!(leads(&another.url()).await);
    assert_eq!(number(stack.database(), GAPS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_the_database_that_break_are_made_anew() {
    let stack = a_relay().await;
    let listener = Listener::start(stack.environment(), |_| Verdict::Done);
    let pool = licensing(stack.database());
    let broken = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                  where usename = 'lodestone_relay' and datname = current_database()";
    for _ in 0..3 {
        listener.hears(&happens(&pool, 20).await).await;
        assert!(0 < number(stack.database(), broken).await, "there was nothing to break");
    }
    listener.hears(&happens(&pool, 20).await).await;
    assert_eq!(number(stack.database(), GAPS).await, 0);
}

async fn leads(url: &str) -> bool {
    let numbers = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
    numbers.lines().any(|line| line == "relay_leads 1")
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_the_log_grows_and_everything_is_heard_afterwards() {
    let (mut stack, database) = (a_relay().await, TestDatabase::create().await);
    stack.service("outbox-relay").stop();
    let broker = AwayBroker::new();
    let mut relay = a_relay_without_broker(&database, &stack, &broker.url, &[]);
    let ids = happens(&licensing(&database), 200).await;
    wait_until("the log has them", PATIENCE, async || {
        (number(&database, "select sequenced from relay_state").await == 200).then_some(())
    })
    .await;
    assert_eq!(number(&database, "select published from relay_state").await, 0);
    let ready = reqwest::get(format!("{}/health/ready", relay.url())).await.unwrap();
    assert_eq!(ready.status(), 503);
    let said = ready.text().await.unwrap();
    assert!(said.contains(r#"{"name":"broker","ready":false}"#), "{said}");
    assert!(said.contains(r#"{"name":"database","ready":true}"#), "{said}");

    broker.comes_back();
    let listener = Listener::start(stack.environment(), |_| Verdict::Done);
    listener.hears(&ids).await;
    relay.becomes_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_experiment_that_notes_before_it_publishes_loses_events() {
    let (mut stack, database) = (a_relay().await, TestDatabase::create().await);
    stack.service("outbox-relay").stop();
    let experiment =
        [("LODESTONE_RELAY__DELETE_BEFORE_PUBLISH", "true"), ("LODESTONE_EXPERIMENT", "yes")];
    let broker = AwayBroker::new();
    let mut relay = a_relay_without_broker(&database, &stack, &broker.url, &experiment);
    let happened = happens(&licensing(&database), 20).await;
    wait_until("some count as published", PATIENCE, async || {
        (0 < number(&database, "select published from relay_state").await).then_some(())
    })
    .await;
    relay.kill();

    let listener = Listener::start(stack.environment(), |_| Verdict::Done);
    let _relay = a_relay_without_broker(&database, &stack, &testkit::amqp_url(), &[]);
    listener.hears(&happens(&licensing(&database), 1).await).await;
    let heard = listener.messages();
    let lost = happened.iter().filter(|id| heard.iter().all(|message| message.id != **id));
    assert!(0 < lost.count(), "nothing was lost: the harness could not tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_a_relay_stops_soon() {
    let mut stack = a_relay().await;
    let listener = Listener::start(stack.environment(), |_| Verdict::Done);
    listener.hears(&happens(&licensing(stack.database()), 10).await).await;
    let began = std::time::Instant::now();
    stack.service("outbox-relay").stop();
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
}
