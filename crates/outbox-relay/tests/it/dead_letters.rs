//! What a consumer gives up is kept, and given back when somebody asks.

use crate::world::{Listener, PATIENCE, TRACEPARENT, a_relay, happens, licensing};
use broker::Verdict;
use database::{Role, dead_letters};
use domain::ids::PersonId;
use jiff::Timestamp;
use testkit::wait_until;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_kept_and_replayed_to_its_consumer() {
    let stack = a_relay().await;
    let refuses =
        Listener::start(stack.environment(), |_| Verdict::Reject(anyhow::anyhow!("no such site")));
    let ids = happens(&licensing(stack.database()), 1).await;
    let administrator = stack.database().pool(Role::Identity);
    let mut conn = administrator.get().await.unwrap();
    let kept = wait_until("the letter is kept", PATIENCE, async || {
        dead_letters::list(&mut conn, None, 10).await.unwrap().pop()
    })
    .await;
    assert_eq!(kept.letter.message, ids[0]);
    assert_eq!(kept.letter.consumer, "worker.licences");
    assert_eq!(kept.letter.event, "licence.moved");
    assert_eq!(kept.letter.error.as_deref(), Some("no such site"));
    assert_eq!(kept.letter.traceparent.as_deref(), Some(TRACEPARENT));
    assert_eq!((kept.replay_requested, kept.replayed_at), (None, None));
    drop(refuses);

    let accepts = Listener::start(stack.environment(), |_| Verdict::Done);
    let (person, now) = (PersonId::from_uuid(Uuid::now_v7()), Timestamp::UNIX_EPOCH);
    assert!(dead_letters::request_replay(&mut conn, kept.id, person, now).await.unwrap());
    assert!(!dead_letters::request_replay(&mut conn, kept.id, person, now).await.unwrap());
    accepts.hears(&ids).await;
    assert_eq!(accepts.messages()[0].body, kept.letter.body);
    assert_eq!(accepts.messages()[0].occurred_at.to_string(), "2026-03-05T01:02:03.456789Z");
    wait_until("it is noted as replayed", PATIENCE, async || {
        let letters = dead_letters::list(&mut conn, None, 10).await.unwrap();
        letters[0].replayed_at.is_some().then_some(())
    })
    .await;
}
