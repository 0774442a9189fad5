//! Kills, poison and load: nothing is judged twice, nobody is held up for long.

use crate::world::{Filer, World, kg, line, made, of, party, sale};
use domain::{
    codes::{Category, LineRole},
    element::Element,
    filing::Claim,
    ids::LotId,
};
use std::time::Duration;
use testkit::wait_until;
use uuid::Uuid;

/// Filings that were judged; the law was imported as well.
const SCREENED: &str = "select count(*) from lodestone.screenings where event = 'filing.recorded'";

async fn sells(world: &World, maker: Filer, reference: &str, kilograms: u64) {
    let magnets = of([(Element::Nd, 30)]);
    let goods =
        line(LineRole::Item, LotId::of(maker.id, "M"), Category::Magnet, kg(kilograms), &magnets);
    let claim = sale(party(maker, reference, "CN", None), reference, None);
    world.files(maker, reference, claim, vec![goods]).await;
}

async fn makes(world: &World, maker: Filer, kilograms: u64) {
    let magnets = of([(Element::Nd, 30)]);
    let lot = made(maker, "M", Category::Magnet, kg(kilograms), &magnets);
    world.files(maker, "X-1", Claim::Extraction, vec![lot]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_again_and_again_judges_every_filing_once() {
    let mut world = World::start().await;
    let maker = world.filer(&["magnet_making"], None).await;
    makes(&world, maker, 1_000).await;
    for round in 0..5 {
        for number in 0..40 {
            sells(&world, maker, &format!("D-{round}-{number}"), 10).await;
        }
        world.stack.service("anomaly-worker").kill();
        world.stack.service("anomaly-worker").start_again();
    }
    world.stack.service("anomaly-worker").becomes_ready().await;
    world.settles().await;
    let doubled = "select count(*) from (select message from lodestone.screenings group by message having 1 < count(*)) doubled";
    assert_eq!(world.number(doubled).await, 0);
    assert_eq!(world.number(SCREENED).await, 201);
    assert_eq!(world.number("select count(*) from lodestone.findings").await, 1);
    let raised = "select count(*) from lodestone.events where name = 'finding.raised'";
    assert_eq!(world.number(raised).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_and_its_repeat_in_one_batch_are_one() {
    let mut world = World::start().await;
    let maker = world.filer(&["magnet_making"], None).await;
    world.stack.service("anomaly-worker").kill();
    makes(&world, maker, 1_000).await;
    is_published(&world, 1).await;
    // The relay tells everything again when it does not know how far it came.
    let owner = world.stack.database().owner().await;
    owner.execute("update lodestone.relay_state set published = 0", &[]).await.unwrap();
    sells(&world, maker, "D-1", 10).await;
    is_published(&world, 2).await;
    world.stack.service("anomaly-worker").start_again();
    world.settles().await;
    assert_eq!(world.number(SCREENED).await, 2);
}

async fn is_published(world: &World, filings: i64) {
    let recorded = "select count(*) from lodestone.relay_state where published = sequenced
        and (select count(*) from lodestone.log_leaves l join lodestone.events e on e.id = l.event
            where e.name = 'filing.recorded') = ";
    wait_until("what was filed is published", Duration::from_secs(20), async || {
        (world.number(&format!("{recorded}{filings}")).await == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_inbox_the_worker_would_judge_twice_and_that_shows() {
    let settings = [("LODESTONE_WORKER__SKIP_INBOX", "true"), ("LODESTONE_EXPERIMENT", "yes")];
    let world = World::start_with(&settings).await;
    let maker = world.filer(&["magnet_making"], None).await;
    makes(&world, maker, 1_000).await;
    world.settles().await;
    // The relay tells everything again when it does not know how far it came.
    let owner = world.stack.database().owner().await;
    owner.execute("update lodestone.relay_state set published = 0", &[]).await.unwrap();
    sells(&world, maker, "D-1", 10).await;
    world.settles().await;
    wait_until("the repeat is judged too", Duration::from_secs(20), async || {
        (3 <= world.number(SCREENED).await).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_filing_becomes_a_dead_letter_and_holds_up_nobody() {
    let world = World::start_with(&[("LODESTONE_CONSUMER__ATTEMPTS", "1")]).await;
    let maker = world.filer(&["magnet_making"], None).await;
    makes(&world, maker, 1_000).await;
    world.settles().await;
    let owner = world.stack.database().owner().await;
    // No service could have written this; the owner can.
    let poison = Uuid::now_v7();
    owner
        .execute(
            "insert into lodestone.filings (organisation, id, site, kind, reference, version, happened_at, recorded_at,
                month, channel, filed_by)
             values ($1, $2, $3, 'extraction', 'poison', 1, now(), now(), '2026-10-01', 'api', $2)",
            &[&maker.id.as_uuid(), &poison, &maker.site.as_uuid()],
        )
        .await
        .unwrap();
    owner
        .execute(
            "insert into lodestone.filing_lines (organisation, filing, line, role, category, quantity_grams, refused_grams,
                la_mg, ce_mg, pr_mg, nd_mg, pm_mg, sm_mg, eu_mg, gd_mg, tb_mg, dy_mg, ho_mg, er_mg, tm_mg, yb_mg,
                lu_mg, sc_mg, y_mg)
             values ($1, $2, 1, 'output', 'unicorns', 1, 0, 0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0)",
            &[&maker.id.as_uuid(), &poison],
        )
        .await
        .unwrap();
    let told = serde_json::json!({
        "event": "filing.recorded", "event_version": 1, "filing": poison, "organisation": maker.id,
        "site": maker.site, "kind": "extraction", "month": "2026-10", "version": 1,
    });
    let body = serde_json::to_vec(&told).unwrap();
    owner
        .execute(
            "insert into lodestone.events (id, name, organisation, subject, occurred_at, body)
             values ($2, 'filing.recorded', $1, $2, now(), $3)",
            &[&maker.id.as_uuid(), &poison, &body],
        )
        .await
        .unwrap();
    owner.execute("insert into lodestone.outbox values ($1)", &[&poison]).await.unwrap();
    for number in 0..20 {
        sells(&world, maker, &format!("D-{number}"), 100).await;
    }
    wait_until("the others are judged", Duration::from_secs(20), async || {
        (world.number(SCREENED).await == 21).then_some(())
    })
    .await;
    assert_eq!(world.number("select count(*) from lodestone.findings").await, 1);
    wait_until("the poison is a dead letter", Duration::from_secs(20), async || {
        let dead = "select count(*) from lodestone.dead_letters where consumer = 'worker.filings'
            and error like '%corrupt row in filing_lines, column category%'";
        (world.number(dead).await == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_follow_their_filings_within_a_second_at_two_hundred_a_second() {
    let world = World::start().await;
    let maker = world.filer(&["magnet_making"], None).await;
    let busy = world.filer(&["magnet_making"], None).await;
    makes(&world, maker, 1_000_000).await;
    makes(&world, busy, 1_000_000).await;
    world.settles().await;
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    for number in 0..1_000_u32 {
        tick.tick().await;
        let reference = format!("D-{number}");
        if number % 20 == 0 {
            // From a lot that never was.
            let magnets = of([(Element::Nd, 30)]);
            let lot = LotId::of(maker.id, &reference);
            let goods = line(LineRole::Item, lot, Category::Magnet, kg(5), &magnets);
            let claim = sale(party(maker, &reference, "CN", None), &reference, None);
            world.files(maker, &reference, claim, vec![goods]).await;
        } else {
            sells(&world, busy, &reference, 5).await;
        }
    }
    world.settles().await;
    assert_eq!(world.number("select count(*) from lodestone.findings").await, 50);
    let slowest = "select (max(extract(epoch from raised_at - caused_at)) * 1000)::bigint from lodestone.findings";
    let median = "select (percentile_cont(0.5) within group (order by extract(epoch from raised_at - caused_at)) * 1000)::bigint from lodestone.findings";
    let (slowest, median) = (world.number(slowest).await, world.number(median).await);
    eprintln!("flag latency: median {median} ms, slowest {slowest} ms");
    assert!(slowest < 1_000, "the slowest finding took {slowest} ms");
}
