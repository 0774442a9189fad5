//! A message is taken into account once, whoever handles it, and failed attempts are counted.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use database::{Connection, Role, inbox};
use diesel_async::{AnsiTransactionManager, TransactionManager};
use jiff::Timestamp;
use std::collections::HashSet;
use testkit::TestDatabase;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

async fn a_worker(database: &TestDatabase) -> Connection {
    database.pool(Role::Worker).get().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_accepted_once_by_each_consumer() {
    let database = TestDatabase::create().await;
    let mut conn = a_worker(&database).await;
    let [one, two, three] = [(); 3].map(|()| Uuid::now_v7());
    let first = inbox::accept(&mut conn, "screening", &[one, two, one], NOW).await.unwrap();
    assert_eq!(first, HashSet::from([one, two]));
    let second = inbox::accept(&mut conn, "screening", &[two, three], NOW).await.unwrap();
    assert_eq!(second, HashSet::from([three]));
    let other = inbox::accept(&mut conn, "matching", &[one], NOW).await.unwrap();
    assert_eq!(other, HashSet::from([one]));
    assert_eq!(inbox::accept(&mut conn, "matching", &[], NOW).await.unwrap(), HashSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_handle_the_same_message_at_once_wait_and_one_has_the_effect() {
    let database = TestDatabase::create().await;
    let (mut one, mut other) = (a_worker(&database).await, a_worker(&database).await);
    let message = Uuid::now_v7();
    AnsiTransactionManager::begin_transaction(&mut *one).await.unwrap();
    assert_eq!(inbox::accept(&mut one, "screening", &[message], NOW).await.unwrap().len(), 1);
    let waiting =
        tokio::spawn(async move { inbox::accept(&mut other, "screening", &[message], NOW).await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!waiting.is_finished(), "the second did not wait for the first");
    AnsiTransactionManager::commit_transaction(&mut *one).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), HashSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_that_fails_takes_its_acceptance_back_and_its_attempt_stays_counted() {
    let database = TestDatabase::create().await;
    let mut conn = a_worker(&database).await;
    let message = Uuid::now_v7();
    let attempt = async |conn: &mut Connection, failed_before| {
        AnsiTransactionManager::begin_transaction(&mut **conn).await.unwrap();
        let accepted = inbox::accept(conn, "screening", &[message], NOW).await.unwrap();
        assert_eq!(accepted.len(), 1, "it was never done");
        AnsiTransactionManager::rollback_transaction(&mut **conn).await.unwrap();
        inbox::count_attempt(conn, "screening", message, failed_before, "no", NOW).await.unwrap()
    };
    assert_eq!(attempt(&mut conn, 0).await, 1);
    assert_eq!(attempt(&mut conn, 1).await, 2);
    // Counted, but killed before the message went to wait: it says the same of itself again.
    assert_eq!(attempt(&mut conn, 1).await, 2);
    // Replayed by an administrator: it begins anew.
    assert_eq!(attempt(&mut conn, 0).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_long_ago_is_forgotten() {
    let database = TestDatabase::create().await;
    let mut conn = a_worker(&database).await;
    let later: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let (old, new) = (Uuid::now_v7(), Uuid::now_v7());
    inbox::accept(&mut conn, "screening", &[old], NOW).await.unwrap();
    inbox::accept(&mut conn, "screening", &[new], later).await.unwrap();
    assert_eq!(inbox::forget(&mut conn, later).await.unwrap(), 1);
    let again = inbox::accept(&mut conn, "screening", &[old, new], later).await.unwrap();
    assert_eq!(again, HashSet::from([old]));
}
