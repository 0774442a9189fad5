//! A relay that cannot do its work says why, and does not start.

use crate::world::{PATIENCE, a_relay};
use std::{
    process::{Command, Stdio},
    time::Instant,
};
use testkit::{Binaries, Stack};

/// Starts a relay that is expected to end by itself; answers what it said.
async fn says(stack: &Stack, variable: &str, value: &str) -> String {
    let mut command = Command::new(Binaries::beside_this_program().path("outbox-relay"));
    command
        .env_clear()
        .envs(stack.environment().iter().cloned())
        .env("LODESTONE_HTTP__ADDRESS", testkit::free_port().to_string())
        .env(variable, value)
        .stdin(Stdio::null());
    let began = Instant::now();
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "it started: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_work_with_is_named() {
    let stack = a_relay().await;
    let cases = [
        ("LODESTONE_RELAY__BATCH", "3", "which is no setting"),
        ("LODESTONE_RELAY__BATCH_EVENTS", "many", "`relay.batch_events`"),
        (
            "LODESTONE_RELAY__DELETE_BEFORE_PUBLISH",
            "true",
            "refused unless LODESTONE_EXPERIMENT=yes",
        ),
        ("LODESTONE_SIGNING__KEY_FILE", "/nowhere/key.pem", "/nowhere/key.pem"),
        ("LODESTONE_LOG__FILTER", "outbox=loud", "`log.filter`"),
        ("DATABASE_URL", "postgres:nowhere", "`database.url` names no host"),
    ];
    for (variable, value, reason) in cases {
        let said = says(&stack, variable, value).await;
        assert!(said.contains(reason), "{variable}={value}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_older_than_the_program_is_refused() {
    let stack = a_relay().await;
    // The server's own first database was never migrated.
    let said = says(&stack, "DATABASE_URL", testkit::database_url().as_str()).await;
    assert!(said.contains("run `lodestone migrate`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let stack = a_relay().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = says(&stack, "LODESTONE_HTTP__ADDRESS", &address).await;
    assert!(said.contains(&format!("cannot listen on {address}; is the port taken?")), "{said}");
}
