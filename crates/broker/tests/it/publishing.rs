//! A message counts as published when RabbitMQ has it.

use crate::world::{World, a_message, all_done, until, works};
use broker::{PublishError, Publisher};
use std::{collections::HashSet, time::Duration};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_confirmed_arrives_whole() {
    let world = World::start().await;
    let message = a_message("filing.recorded");
    world.publishes(std::slice::from_ref(&message)).await;
    let worker = works(world.broker(), 5, all_done);
    until("the message arrives", || worker.handler.times_seen(message.id) == 1).await;
    assert_eq!(worker.handler.seen()[0].1, message);
    drop(worker);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_nobody_hears_is_no_error() {
    let world = World::start().await;
    let mut publisher = Publisher::new(world.broker());
    let outcome = publisher.attempt(&[a_message("finding.raised")]).await;
    assert!(outcome.failure().is_none(), "{outcome:?}");
    assert!(publisher.link().is_up());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_queue_is_gone_is_not_lost() {
    let world = World::start().await;
    let mut publisher = Publisher::new(world.broker());
    let shutdown = CancellationToken::new();
    assert!(publisher.connect(&shutdown).await);
    world.delete_queue("worker.filings").await;

    let messages = [a_message("finding.raised"), a_message("filing.recorded")];
    let outcome = publisher.attempt(&messages).await;
    assert_eq!(outcome.confirmed().collect::<Vec<_>>(), [true, false]);
    assert!(
        matches!(outcome.failure(), Some(PublishError::Unroutable(key)) if key == "filing.recorded")
    );

    assert!(publisher.publish(&messages[1..], &shutdown).await);
    let worker = works(world.broker(), 5, all_done);
    until("the message arrives", || worker.handler.times_seen(messages[1].id) == 1).await;
    drop(worker);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_line_that_breaks_every_message_arrives() {
    let world = World::start().await;
    let (broker, line) = world.broker_over_a_weak_line().await;
    let messages: Vec<_> = (0..5_000).map(|_| a_message("filing.recorded")).collect();
    let expected: HashSet<_> = messages.iter().map(|message| message.id).collect();
    let publishing = tokio::spawn(async move {
        let (mut publisher, shutdown) = (Publisher::new(broker), CancellationToken::new());
        for window in messages.chunks(500) {
            assert!(publisher.publish(window, &shutdown).await);
        }
    });
    let mut cuts = 0;
    while !publishing.is_finished() {
        tokio::time::sleep(Duration::from_millis(60)).await;
        if cuts < 8 {
            line.cut();
            cuts += 1;
        }
    }
    publishing.await.unwrap();
    assert!(0 < cuts, "the line was never cut");
    let worker = works(world.broker(), 5, all_done);
    until("every message arrives", || {
        let seen: HashSet<_> =
            worker.handler.seen().iter().map(|(_, message)| message.id).collect();
        seen == expected
    })
    .await;
    drop(worker);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_waits_for_its_broker_and_stops_when_told() {
    let world = World::start().await;
    let mut broker = world.broker();
    broker.url = "amqp://127.0.0.1:1/%2f".to_owned().into();
    let shutdown = CancellationToken::new();
    let mut publisher = Publisher::new(broker);
    let link = publisher.link();
    let told = shutdown.clone();
    let waiting =
        tokio::spawn(
            async move { publisher.publish(&[a_message("filing.recorded")], &told).await },
        );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    assert!(link.check().is_err());
    shutdown.cancel();
    assert!(!waiting.await.unwrap());
}
