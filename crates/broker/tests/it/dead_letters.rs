//! What cannot be handled is kept, with the reason.

use crate::world::{World, a_message, all_done, until, until_async, works};
use broker::{
    DeadLetter, DeadLetterHandler, DeadLetters, Failure, Link, Publisher, Verdict,
    topology::DELIVERY_LIMIT,
};
use futures_util::StreamExt;
use lapin::{
    BasicProperties,
    options::{BasicConsumeOptions, BasicPublishOptions, BasicRejectOptions, QueueDeclareOptions},
    types::FieldTable,
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Keeps letters in memory; refuses the first two attempts, as a database that is away would.
#[derive(Default)]
struct Drawer {
    letters: Mutex<Vec<DeadLetter>>,
    refusals: AtomicU32,
}

impl DeadLetterHandler for Drawer {
    async fn store(&self, letters: &[DeadLetter]) -> anyhow::Result<()> {
        anyhow::ensure!(2 <= self.refusals.fetch_add(1, Ordering::Relaxed), "away");
        self.letters.lock().unwrap().extend_from_slice(letters);
        Ok(())
    }
}

fn keeps_dead_letters(world: &World) -> (Arc<Drawer>, DropGuard) {
    let drawer = Arc::new(Drawer::default());
    let queue = DeadLetters { broker: world.broker(), link: Link::default() };
    let shutdown = CancellationToken::new();
    let (told, keeper) = (shutdown.clone(), drawer.clone());
    tokio::spawn(async move { queue.run(&*keeper, &told).await });
    (drawer, shutdown.drop_guard())
}

async fn the_letter(drawer: &Drawer) -> DeadLetter {
    until("a letter is kept", || !drawer.letters.lock().unwrap().is_empty()).await;
    let letters = drawer.letters.lock().unwrap();
    assert_eq!(letters.len(), 1, "{letters:?}");
    letters[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_message_is_kept_with_its_reason_and_can_be_replayed() {
    let world = World::start().await;
    let message = a_message("filing.recorded");
    world.publishes(std::slice::from_ref(&message)).await;
    let worker = works(world.broker(), 5, |messages| {
        let refuse = |_| Verdict::Reject(anyhow::anyhow!("no such site").context("cannot screen"));
        Ok(messages.iter().map(refuse).collect())
    });
    let (drawer, keeping) = keeps_dead_letters(&world);
    let letter = the_letter(&drawer).await;
    let reason = Some("cannot screen: no such site".to_owned());
    let consumer = "worker.filings".to_owned();
    assert_eq!(letter, DeadLetter { consumer, message: message.clone(), error: reason });
    drop(worker);

    let worker = works(world.broker(), 5, all_done);
    let mut publisher = Publisher::new(world.broker());
    assert!(publisher.replay(&letter.consumer, &[letter.message], &CancellationToken::new()).await);
    until("it is handled", || worker.handler.times_seen(message.id) == 1).await;
    assert_eq!(worker.handler.seen()[0].1, message);
    drop((worker, keeping));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_attempt_makes_a_dead_letter() {
    let world = World::start().await;
    let message = a_message("filing.recorded");
    world.publishes(std::slice::from_ref(&message)).await;
    let worker =
        works(world.broker(), 2, |_| Err(Failure::Failed(anyhow::anyhow!("division by zero"))));
    let (drawer, keeping) = keeps_dead_letters(&world);
    let letter = the_letter(&drawer).await;
    assert_eq!(letter.error.unwrap(), "gave up after 2 attempts: division by zero");
    assert_eq!(letter.message, broker::Message { attempts: 1, ..message });
    drop((worker, keeping));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_message_is_kept_as_far_as_it_can_be_read() {
    let world = World::start().await;
    world.publishes(&[]).await;
    let queue = world.queue("worker.filings");
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let sent = world.channel.basic_publish("".into(), queue.into(), options, b"hello?", properties);
    sent.await.unwrap().await.unwrap();
    let worker = works(world.broker(), 5, all_done);
    let (drawer, keeping) = keeps_dead_letters(&world);
    let letter = the_letter(&drawer).await;
    assert_eq!(letter.error.unwrap(), "a message without a proper type");
    assert_eq!(letter.message.body, b"hello?");
    assert_eq!(worker.handler.seen(), []);
    drop((worker, keeping));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_its_consumers_die_of_is_given_up_in_the_end() {
    let world = World::start().await;
    let message = a_message("filing.recorded");
    world.publishes(std::slice::from_ref(&message)).await;
    let queue = world.queue("worker.filings");
    let options = BasicConsumeOptions::default();
    let tag = "dies".into();
    let mut arriving = world
        .channel
        .basic_consume(queue.as_str().into(), tag, options, FieldTable::default())
        .await
        .unwrap();
    for _ in 0..=DELIVERY_LIMIT {
        let delivery = arriving.next().await.unwrap().unwrap();
        delivery.acker.reject(BasicRejectOptions { requeue: true }).await.unwrap();
    }
    let (drawer, keeping) = keeps_dead_letters(&world);
    let letter = the_letter(&drawer).await;
    assert_eq!(letter.consumer, "worker.filings");
    assert_eq!((letter.message, letter.error), (message, None));
    until_async("the queue is empty", || async {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let name = queue.as_str().into();
        let queue = world.channel.queue_declare(name, passive, FieldTable::default()).await;
        queue.unwrap().message_count() == 0
    })
    .await;
    drop(keeping);
    world.end().await;
}
