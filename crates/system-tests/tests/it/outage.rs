//! RabbitMQ goes away while people keep filing.

use crate::world::{Filer, World, product};
use serde_json::{Value, json};
use simulator::api::text;
use std::{collections::BTreeSet, time::Duration};
use testkit::{Proxy, StackOptions, amqp_url, wait_until};
use url::Url;

const FILINGS: u32 = 240;
/// About fifty filings a second, whatever the machine.
const PAUSE: Duration = Duration::from_millis(20);

/// The same broker, by way of a wire that can be cut.
async fn broker_behind_a_wire() -> (Proxy, String) {
    let mut url: Url = amqp_url().parse().unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5672));
    let proxy = Proxy::to(target).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address().port())).unwrap();
    (proxy, url.to_string())
}

fn extraction(number: u32) -> Value {
    json!({
        "kind": "extraction", "reference": format!("EXT-{number}"), "site": "S1",
        "happened_at": "2026-10-02T10:00:00+08:00",
        "lines": [{"lot": format!("ORE-{number}"), "product": "ORE", "quantity_kg": "100.000"}],
    })
}

/// More of a lot is thrown away than there is: something for the worker to find.
fn disposal(number: u32) -> Value {
    json!({
        "kind": "disposal", "reference": format!("DIS-{number}"), "site": "S1", "to": "waste",
        "happened_at": "2026-10-03T10:00:00+08:00",
        "lines": [{"lot": format!("ORE-{number}"), "quantity_kg": "150.000"}],
    })
}

async fn files_steadily(world: &World, miner: &Filer, numbers: std::ops::Range<u32>) {
    for number in numbers {
        world.files(miner, extraction(number)).await;
        world.files(miner, disposal(number)).await;
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filings_are_accepted_while_the_broker_is_away_and_take_effect_once_when_it_is_back() {
    let (wire, amqp) = broker_behind_a_wire().await;
    let world = World::start_with(StackOptions { amqp, ..StackOptions::default() }).await;
    let ore = product("ORE", "ore", "2530902000", json!({"Nd": "0.9"}));
    let miner = world.filer("Outage Mine", &["mining"], vec![ore]).await;

    let third = FILINGS / 6;
    files_steadily(&world, &miner, 0..third).await;
    wire.cut();
    files_steadily(&world, &miner, third..2 * third).await;
    let database = world.stack.database();
    let heard = database.count("screenings").await;
    assert!(heard < i64::from(4 * third), "nothing can be heard while the wire is cut");
    wire.mend();
    files_steadily(&world, &miner, 2 * third..3 * third).await;
    world.settles().await;
    wait_until("everything is published", Duration::from_mins(1), async || {
        let behind =
            "relay_state where published < sequenced or exists (select from lodestone.outbox)";
        (database.count(behind).await == 0).then_some(())
    })
    .await;

    assert_eq!(database.count("filings").await, i64::from(FILINGS));
    let screened_more_than_once =
        "(select subject from lodestone.screenings group by subject having count(*) <> 1) twice";
    assert_eq!(database.count(screened_more_than_once).await, 0);
    assert_eq!(
        database.count("screenings where event = 'filing.recorded'").await,
        i64::from(FILINGS)
    );
    // One finding for each lot, no more and no fewer.
    let found = world.api.reporting("GET", "/v1/findings?limit=200").by(&miner.key);
    let found = world.sends(found).await.body;
    let found: Vec<String> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| text(finding, "subject").unwrap())
        .collect();
    assert_eq!(found.len(), usize::try_from(FILINGS / 2).unwrap());
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
}
