//! What happened is put into the log, published in its order, and signed.

use crate::world::{LOG, Listener, PATIENCE, TRACEPARENT, a_relay, happens, licensing, number};
use broker::Verdict;
use domain::log::{Checkpoint, Frontier, Hash, leaf_hash};
use std::collections::HashSet;
use testkit::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_heard_with_its_trace_and_has_a_place_in_the_log() {
    let stack = a_relay().await;
    let listener = Listener::start(stack.environment(), |_| Verdict::Done);
    let ids = happens(&licensing(stack.database()), 200).await;
    listener.hears(&ids).await;

    let messages = listener.messages();
    assert_eq!(messages.len(), ids.len(), "without a fault nothing is repeated");
    let heard: HashSet<_> = messages.iter().map(|message| message.id).collect();
    assert_eq!(heard, ids.iter().copied().collect());
    for message in &messages {
        assert_eq!(message.event, "licence.moved");
        assert_eq!(message.traceparent.as_deref(), Some(TRACEPARENT));
        assert_eq!(message.occurred_at.to_string(), "2026-03-05T01:02:03.456789Z");
    }
    let database = stack.database();
    let gapless = "select count(*) from log_leaves where index < (select count(*) from log_leaves)";
    assert_eq!(number(database, gapless).await, 200);
    assert_eq!(database.count("outbox").await, 0);
    wait_until("all is noted as published", PATIENCE, async || {
        (number(database, "select published from relay_state").await == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signed_checkpoint_is_the_root_of_what_the_events_say() {
    let stack = a_relay().await;
    let ids = happens(&licensing(stack.database()), 37).await;
    let owner = stack.database().owner().await;
    let note: String = wait_until("all is signed", PATIENCE, async || {
        let signed = "select note from log_checkpoints where size = 37";
        owner.query_opt(signed, &[]).await.unwrap().map(|row| row.get(0))
    })
    .await;

    let key_file = stack.environment().iter().find(|(name, _)| name.ends_with("SIGNING__KEY_FILE"));
    let key = service::signing::read_key(key_file.unwrap().1.as_ref()).unwrap();
    let text = service::signing::verify_note(&note, LOG, &key.verifying_key()).unwrap();
    let checkpoint: Checkpoint = text.parse().unwrap();
    let rows = owner
        .query("select body from log_leaves join events on id = event order by index", &[])
        .await
        .unwrap();
    let tree: Frontier = rows.iter().map(|row| leaf_hash(row.get(0))).collect();
    assert_eq!(checkpoint, Checkpoint { origin: LOG.to_owned(), size: 37, root: tree.root() });

    happens(&licensing(stack.database()), 5).await;
    wait_until("the grown log is signed", PATIENCE, async || {
        let signed = "select root from log_checkpoints where size = 42";
        let row = owner.query_opt(signed, &[]).await.unwrap()?;
        let root: Vec<u8> = row.get(0);
        Some(Hash::from_bytes(root.try_into().unwrap()))
    })
    .await;
    assert_eq!(ids.len(), 37);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_heard_within_moments() {
    let stack = a_relay().await;
    let listener = Listener::start(stack.environment(), |_| Verdict::Done);
    let pool = licensing(stack.database());
    // The first one also waits for connections to be made.
    listener.hears(&happens(&pool, 1).await).await;
    let mut waits = Vec::new();
    for _ in 0..20 {
        let began = std::time::Instant::now();
        listener.hears(&happens(&pool, 1).await).await;
        waits.push(began.elapsed());
    }
    waits.sort();
    assert!(waits[10].as_millis() < 500, "half of the events took longer than {:?}", waits[10]);
}
