//! A message counts as handled when its handler has returned.

use crate::world::{World, a_message, all_done, until, works};
use broker::{Failure, Verdict};
use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_not_delivered_again() {
    let world = World::start().await;
    let messages: Vec<_> = (0..120).map(|_| a_message("filing.recorded")).collect();
    world.publishes(&messages).await;
    let worker = works(world.broker(), 5, all_done);
    until("all are handled", || worker.handler.seen().len() == messages.len()).await;
    let batches = worker.handler.batches();
    assert!(batches.len() < messages.len(), "messages were not handled together: {batches:?}");
    assert!(batches.iter().all(|batch| *batch <= 50), "{batches:?}");
    drop(worker);

    let marker = a_message("filing.recorded");
    world.publishes(std::slice::from_ref(&marker)).await;
    let second = works(world.broker(), 5, all_done);
    until("the next message comes", || second.handler.times_seen(marker.id) == 1).await;
    assert_eq!(second.handler.seen().len(), 1);
    drop(second);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_before_the_acknowledgement_brings_the_message_again() {
    let world = World::start().await;
    let (broker, line) = world.broker_over_a_weak_line().await;
    let message = a_message("filing.recorded");
    world.publishes(std::slice::from_ref(&message)).await;
    let first = AtomicBool::new(true);
    let worker = works(broker, 5, move |messages| {
        if first.swap(false, Ordering::Relaxed) {
            line.cut();
            std::thread::sleep(Duration::from_millis(100));
        }
        all_done(messages)
    });
    until("the message comes twice", || worker.handler.times_seen(message.id) == 2).await;
    until("the link is up again", || worker.link.is_up()).await;
    assert_eq!(worker.handler.attempts(message.id), 0, "a lost connection is not an attempt");
    drop(worker);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_message_returns_after_its_delay_with_its_attempts_counted() {
    let world = World::start().await;
    let message = a_message("filing.recorded");
    world.publishes(std::slice::from_ref(&message)).await;
    let worker = works(world.broker(), 5, |messages| {
        Ok(messages
            .iter()
            .map(|message| match message.attempts {
                0 => Verdict::Retry(anyhow::anyhow!("not yet")),
                _ => Verdict::Done,
            })
            .collect())
    });
    until("the message returns", || worker.handler.times_seen(message.id) == 2).await;
    let seen = worker.handler.seen();
    let waited = seen[1].0 - seen[0].0;
    assert!(Duration::from_millis(950) <= waited, "it came back after {waited:?}");
    assert!(waited < Duration::from_secs(5), "it came back only after {waited:?}");
    assert_eq!(seen[1].1, broker::Message { attempts: 1, ..message });
    drop(worker);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_message_does_not_hold_up_its_neighbours() {
    let world = World::start().await;
    let messages: Vec<_> = (0..20).map(|_| a_message("filing.recorded")).collect();
    let poisoned = messages[7].id;
    world.publishes(&messages).await;
    let worker = works(world.broker(), 5, move |messages| {
        if messages.iter().any(|message| message.id == poisoned) {
            return Err(Failure::Failed(anyhow::anyhow!("a constraint says no")));
        }
        all_done(messages)
    });
    until("the poisoned one was attempted", || worker.handler.attempts(poisoned) == 1).await;
    until("its neighbours are handled", || {
        messages.iter().all(|message| 0 < worker.handler.times_seen(message.id))
    })
    .await;
    until("it comes again", || worker.handler.attempts(poisoned) == 2).await;
    let innocent = messages.iter().filter(|message| message.id != poisoned);
    assert_eq!(innocent.map(|message| worker.handler.attempts(message.id)).sum::<u32>(), 0);
    drop(worker);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_has_failed_an_attempt() {
    let world = World::start().await;
    let message = a_message("filing.recorded");
    world.publishes(std::slice::from_ref(&message)).await;
    let worker = works(world.broker(), 5, |messages| {
        assert!(0 < messages[0].attempts, "the first attempt panics");
        all_done(messages)
    });
    until("the message returns", || worker.handler.times_seen(message.id) == 2).await;
    assert_eq!(worker.handler.attempts(message.id), 1);
    drop(worker);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_is_waited_for_and_not_counted() {
    let world = World::start().await;
    let message = a_message("filing.recorded");
    world.publishes(std::slice::from_ref(&message)).await;
    let refusals = AtomicU32::new(0);
    let worker = works(world.broker(), 1, move |messages| {
        if refusals.fetch_add(1, Ordering::Relaxed) < 3 {
            return Err(Failure::Unavailable(anyhow::anyhow!("connection refused")));
        }
        all_done(messages)
    });
    until("it is handled at last", || worker.handler.times_seen(message.id) == 4).await;
    assert_eq!(worker.handler.attempts(message.id), 0);
    drop(worker);
    world.end().await;
}
