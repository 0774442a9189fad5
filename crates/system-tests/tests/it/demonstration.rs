use crate::tour;
use jiff::civil::Date;
use simulator::{
    Plan, Wanted,
    api::Api,
    demonstration::{AdministratorSignIn, Demonstration, run},
};
use std::{collections::BTreeSet, time::Duration};
use testkit::{ADMINISTRATOR_EMAIL, ADMINISTRATOR_PASSWORD, Stack, rendered, wait_until};

/// Loads the demonstration of a small nation that filed so much: what was planned, and what came of it.
pub(crate) async fn load(stack: &Stack, filings: usize) -> (Plan, Demonstration) {
    let owner = stack.database().owner().await;
    let today = "select to_char(now() at time zone 'Asia/Shanghai', 'YYYY-MM-DD')";
    let today: Date = rendered(&owner, today).await.parse().unwrap();
    let plan = Plan::of(&Wanted { seed: 1, organisations: 40, filings, until: today });
    let api = Api::new(
        stack.url("reporting-api").parse().unwrap(),
        stack.url("licensing").parse().unwrap(),
    )
    .unwrap();
    let administrator = AdministratorSignIn {
        email: ADMINISTRATOR_EMAIL.to_owned(),
        password: ADMINISTRATOR_PASSWORD.to_owned(),
    };
    let loaded = run(&api, &plan, &administrator, 32, today).await.unwrap();
    (plan, loaded)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_loads_and_every_planted_deed_becomes_a_finding() {
    let stack = Stack::installed().await;
    let owner = stack.database().owner().await;
    let (plan, done) = load(&stack, 5_000).await;

    assert!(done.credentials.iter().any(|credential| credential.role == "senior_officer"));
    assert!(done.story["licensing"]["licence"]["number"].is_string());
    wait_until("every filing was screened", Duration::from_mins(2), async || {
        let unscreened = "filings f where not exists (select from lodestone.screenings s where s.subject = f.id)";
        (stack.database().count(unscreened).await == 0).then_some(())
    })
    .await;
    // What nobody has begun with lies in a queue, by the rules that ship.
    assert_eq!(done.story["queues"].as_array().map(Vec::len), Some(3));
    wait_until("the waiting application lies in a queue", Duration::from_mins(1), async || {
        let queued = done.story["licensing"]["in_the_queue"]["id"].as_str().unwrap();
        let routed = format!("cases where id = '{queued}' and queue = 'controlled'");
        (stack.database().count(&routed).await == 1).then_some(())
    })
    .await;
    // Exactly what was done on purpose: clean filings raise nothing.
    let found = owner
        .query("select distinct detector from lodestone.findings where state = 'open'", &[])
        .await
        .unwrap();
    let found: BTreeSet<String> = found.iter().map(|row| row.get(0)).collect();
    let planted: BTreeSet<String> =
        plan.planted.iter().map(|planted| planted.detector.to_owned()).collect();
    assert_eq!(planted.len(), 10, "{planted:?}");
    assert_eq!(planted, found);

    // A newcomer's way in: the tour, on what was just loaded.
    let directory = stack.files().join("checkout");
    tour::check(&tour::paste(&stack, &done, &directory));
}
