//! Filings: found, not found, found no longer.

use crate::world::{
    World, arrival, filing, hours_later, kg, line, made, now, numbered, of, party, priced, process,
    sale,
};
use database::{Role, findings};
use domain::{
    codes::{Category, FindingState, LineRole, Process},
    element::Element,
    filing::Claim,
    ids::{EventId, LotId, MovementId, PersonId},
};
use insta::assert_snapshot;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_chain_from_mine_to_buyer_raises_nothing() {
    let world = World::start().await;
    let group = world.group(1_000).await;
    let mine = world.filer(&["mining", "separation"], Some(group)).await;
    let smelter = world.filer(&["metal_smelting"], None).await;
    let (ore, oxide, metal) =
        (of([(Element::Nd, 20)]), of([(Element::Nd, 85)]), of([(Element::Nd, 99)]));

    let dug = world
        .files(
            mine,
            "X-1",
            Claim::Extraction,
            vec![made(mine, "ore", Category::Ore, kg(1_000), &ore)],
        )
        .await;
    let separation = numbered(vec![
        line(LineRole::Input, dug.lot(), Category::Ore, kg(1_000), &ore),
        made(mine, "oxide", Category::Oxide, kg(220), &oxide),
    ]);
    world.files(mine, "T-1", process(Process::Separation), separation).await;
    let oxide_lot = LotId::of(mine.id, "oxide");
    let movement = MovementId::of(mine.id, "D-1");
    let claim = sale(party(mine, "Smelter", "CN", Some(smelter)), "INV-1", Some(movement));
    world
        .files(
            mine,
            "D-1",
            claim,
            vec![line(LineRole::Item, oxide_lot, Category::Oxide, kg(220), &oxide)],
        )
        .await;
    let received = line(LineRole::Item, oxide_lot, Category::Oxide, kg(219), &oxide);
    world.files(smelter, "R-1", arrival(movement), vec![received]).await;
    let reduction = numbered(vec![
        line(LineRole::Input, oxide_lot, Category::Oxide, kg(219), &oxide),
        made(smelter, "metal", Category::Metal, kg(180), &metal),
    ]);
    world.files(smelter, "T-2", process(Process::MetalReduction), reduction).await;
    world.settles().await;

    assert_snapshot!(world.findings_about(mine).await, @"");
    assert_snapshot!(world.findings_about(smelter).await, @"");
    assert_eq!(world.number("select count(*) from lodestone.findings").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smuggler_is_flagged_for_officials_and_hears_only_of_the_quality_of_his_data() {
    let world = World::start().await;
    let group = world.group(100).await;
    let mine = world.filer(&["mining", "separation"], Some(group)).await;
    let (ore, oxide) = (of([(Element::Nd, 20)]), of([(Element::Nd, 60), (Element::Dy, 20)]));

    world
        .files(
            mine,
            "X-1",
            Claim::Extraction,
            vec![made(mine, "ore", Category::Ore, kg(1_000_000), &ore)],
        )
        .await;
    let ore_lot = LotId::of(mine.id, "ore");
    let laundering = numbered(vec![
        line(LineRole::Input, ore_lot, Category::Ore, kg(1_000), &ore),
        made(mine, "oxide", Category::Oxide, kg(500), &oxide),
    ]);
    world.files(mine, "T-1", process(Process::Separation), laundering).await;
    let oxide_lot = LotId::of(mine.id, "oxide");
    for (reference, client, kilograms) in [("D-1", "One Ltd", 450), ("D-2", "Two Ltd", 451)] {
        let goods = line(LineRole::Item, oxide_lot, Category::Oxide, kg(kilograms), &oxide);
        world
            .files(
                mine,
                reference,
                sale(party(mine, client, "CN", None), "INV-1", None),
                vec![goods],
            )
            .await;
    }
    let listed = sale(party(mine, "MP Materials Corp", "US", None), "INV-2", None);
    let goods = line(LineRole::Item, ore_lot, Category::Ore, kg(5), &ore);
    world.files(mine, "D-3", listed, vec![goods]).await;
    world.settles().await;

    assert_snapshot!(world.findings_about(mine).await);
    assert_snapshot!(world.findings_shown_to(mine).await, @"stock_drawn_below_zero (open): Of lot oxide 500.000 kg came in; 401.000 kg more than that were taken out.");
    let of_group = "select count(*) from lodestone.findings where detector = 'quota_overrun' and organisation is null";
    assert_eq!(world.number(of_group).await, 1);
    let traced = format!(
        "select count(*) from lodestone.events where name = 'finding.raised' and traceparent = '{}'",
        crate::world::TRACEPARENT
    );
    assert!(2 <= world.number(&traced).await, "the trace leads from the request to the finding");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_late_closes_what_it_explains() {
    let world = World::start().await;
    let maker = world.filer(&["magnet_making"], None).await;
    let buyer = world.filer(&["trading"], None).await;
    let magnets = of([(Element::Nd, 30)]);
    let lot = LotId::of(maker.id, "M-1");
    let movement = MovementId::of(maker.id, "D-1");

    // The buyer sells on before anybody filed where the goods came from.
    let claim = sale(party(maker, "Buyer", "CN", Some(buyer)), "INV-1", Some(movement));
    world
        .files(
            maker,
            "D-1",
            claim,
            vec![line(LineRole::Item, lot, Category::Magnet, kg(100), &magnets)],
        )
        .await;
    let onward = line(LineRole::Item, lot, Category::Magnet, kg(90), &magnets);
    world
        .files(buyer, "D-9", sale(party(buyer, "User", "CN", None), "INV-9", None), vec![onward])
        .await;
    world.settles().await;
    let said = |text: String| text.replace(&lot.to_string(), "LOT");
    assert_snapshot!(said(world.findings_about(maker).await), @"stock_drawn_below_zero (open): Of lot LOT 0.000 kg came in; 100.000 kg more than that were taken out.");
    assert_snapshot!(world.findings_about(buyer).await, @"");

    let received = line(LineRole::Item, lot, Category::Magnet, kg(80), &magnets);
    world.files(buyer, "R-1", arrival(movement), vec![received]).await;
    world
        .files(
            maker,
            "X-1",
            Claim::Extraction,
            vec![made(maker, "M-1", Category::Magnet, kg(100), &magnets)],
        )
        .await;
    world.settles().await;
    assert_snapshot!(said(world.findings_about(maker).await), @"
    receipt_differs_from_dispatch (open): 100.000 kg were dispatched and 80.000 kg received: more apart than measurement explains.
    stock_drawn_below_zero (closed: no_longer_holds): Of lot LOT 0.000 kg came in; 100.000 kg more than that were taken out.
    ");
    assert_snapshot!(world.findings_about(buyer).await, @"stock_drawn_below_zero (open): Of lot M-1 80.000 kg came in; 10.000 kg more than that were taken out.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_takes_back_what_was_found_about_what_it_corrects() {
    let world = World::start().await;
    let maker = world.filer(&["recycling"], None).await;
    let scrap = of([(Element::Nd, 25)]);
    let feed = |number: &str, category| {
        numbered(vec![
            line(LineRole::Input, LotId::of(maker.id, number), category, kg(100), &scrap),
            made(maker, "oxide", Category::Oxide, kg(29), &of([(Element::Nd, 80)])),
        ])
    };
    let collected = |number: &str, category| vec![made(maker, number, category, kg(200), &scrap)];
    world.files(maker, "X-1", Claim::Extraction, collected("A", Category::Concentrate)).await;
    world.files(maker, "X-2", Claim::Extraction, collected("B", Category::Scrap)).await;
    let recycling = process(Process::Recycling);
    let first =
        world.files(maker, "T-1", recycling.clone(), feed("A", Category::Concentrate)).await;
    let client = || party(maker, "Client", "CN", None);
    let goods = |kilograms| {
        vec![line(LineRole::Item, LotId::of(maker.id, "B"), Category::Scrap, kg(kilograms), &scrap)]
    };
    let sold = world.files(maker, "D-1", sale(client(), "INV-1", None), goods(20)).await;
    let other = party(maker, "Another client", "CN", None);
    let again = hours_later(filing(maker, "D-2", sale(other, "INV-1", None), goods(30)), 5);
    world.write(again, None).await;
    world.settles().await;
    assert_snapshot!(world.findings_about(maker).await, @"
    duplicate_invoice (open): Invoice INV-1 of D-2 was used before for another client, in D-1.
    recycler_fed_with_ore (open): 100.000 kg of concentrate were fed to a recycler, who may not use mineral feed.
    ");

    // It was scrap after all, and the first sale had another invoice.
    world.corrects(&first, recycling, feed("B", Category::Scrap)).await;
    world.corrects(&sold, sale(client(), "INV-2", None), goods(20)).await;
    world.settles().await;
    assert_snapshot!(world.findings_about(maker).await, @"
    duplicate_invoice (closed: no_longer_holds): Invoice INV-1 of D-2 was used before for another client, in D-1.
    recycler_fed_with_ore (closed: corrected): 100.000 kg of concentrate were fed to a recycler, who may not use mineral feed.
    ");
    let closed = "select count(*) from lodestone.events where name = 'finding.closed'";
    assert_eq!(world.number(closed).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_repeats_short_receipts_and_split_shipments_are_seen() {
    let world = World::start().await;
    let maker = world.filer(&["magnet_making"], None).await;
    let other = world.filer(&["magnet_making"], None).await;
    let buyer = world.filer(&["trading"], None).await;
    let magnets = of([(Element::Nd, 30)]);
    for (filer, number) in [(maker, "M"), (other, "O")] {
        world
            .files(
                filer,
                "X-1",
                Claim::Extraction,
                vec![made(filer, number, Category::Magnet, kg(100_000), &magnets)],
            )
            .await;
    }
    for number in 0..25_u32 {
        let goods =
            line(LineRole::Item, LotId::of(other.id, "O"), Category::Magnet, kg(50), &magnets);
        let claim = sale(
            party(other, &format!("Client {number}"), "CN", None),
            &format!("I-{number}"),
            None,
        );
        let filing =
            filing(other, &format!("P-{number}"), claim, vec![priced(goods, 390 + number)]);
        world.write(hours_later(filing, i64::from(number)), None).await;
    }
    world.settles().await;
    let goods = |kilograms| {
        line(LineRole::Item, LotId::of(maker.id, "M"), Category::Magnet, kg(kilograms), &magnets)
    };
    let cheap = sale(party(maker, "Friend", "CN", None), "INV-1", None);
    world.files(maker, "D-1", cheap.clone(), vec![priced(goods(500), 40)]).await;
    world.files(maker, "D-2", cheap, vec![priced(goods(500), 40)]).await;
    let movement = MovementId::of(maker.id, "D-3");
    let claim = sale(party(maker, "Buyer", "CN", Some(buyer)), "INV-3", Some(movement));
    world.files(maker, "D-3", claim, vec![goods(1_000)]).await;
    world.files(buyer, "R-3", arrival(movement), vec![goods(880)]).await;
    for number in 4..7 {
        let claim = sale(party(maker, "Splitter", "CN", None), &format!("INV-{number}"), None);
        let filing = filing(maker, &format!("D-{number}"), claim, vec![goods(95)]);
        world.write(hours_later(filing, number), None).await;
    }
    world.settles().await;
    assert_snapshot!(world.findings_about(maker).await);
    assert_snapshot!(world.findings_about(other).await, @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_was_closed_is_balanced_and_the_quota_of_a_group_is_shared() {
    let world = World::start().await;
    let group = world.group(10).await;
    let one = world.filer(&["mining"], Some(group)).await;
    let two = world.filer(&["mining"], Some(group)).await;
    let ore = of([(Element::Nd, 20)]);
    for filer in [one, two] {
        world
            .files(
                filer,
                "X-1",
                Claim::Extraction,
                vec![made(filer, "ore", Category::Ore, kg(30_000), &ore)],
            )
            .await;
    }
    // Each batch gains four percent, which one weighing may do; a month of them does not.
    for batch in 0..30_u32 {
        let number = format!("C-{batch}");
        let gain = numbered(vec![
            line(LineRole::Input, LotId::of(one.id, "ore"), Category::Ore, kg(500), &ore),
            made(one, &number, Category::Concentrate, kg(520), &ore),
        ]);
        let filing = filing(one, &format!("T-{batch}"), process(Process::Beneficiation), gain);
        world.write(hours_later(filing, i64::from(batch)), None).await;
    }
    world.settles().await;
    assert_snapshot!(world.findings_about(one).await, @"");
    world.files(one, "M-10", Claim::MonthlyReturn { nil: false }, Vec::new()).await;
    world.settles().await;
    assert_snapshot!(world.findings_about(one).await);
    let overrun = "select count(*) from lodestone.findings where detector = 'quota_overrun' and state = 'open'";
    assert_eq!(world.number(overrun).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_decided_stays_decided_until_it_becomes_graver() {
    let world = World::start().await;
    let maker = world.filer(&["magnet_making"], None).await;
    let magnets = of([(Element::Nd, 30)]);
    world
        .files(
            maker,
            "X-1",
            Claim::Extraction,
            vec![made(maker, "M", Category::Magnet, kg(1_000), &magnets)],
        )
        .await;
    let sells = async |reference: &str, kilograms| {
        let goods = line(
            LineRole::Item,
            LotId::of(maker.id, "M"),
            Category::Magnet,
            kg(kilograms),
            &magnets,
        );
        world
            .files(
                maker,
                reference,
                sale(party(maker, reference, "CN", None), reference, None),
                vec![goods],
            )
            .await;
        world.settles().await;
    };
    sells("D-1", 1_050).await;
    let mut conn = world.stack.database().pool(Role::Official).get().await.unwrap();
    let found = findings::list(&mut conn, None, &findings::Filter::default(), 10).await.unwrap();
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    let decide = |state| findings::Disposition {
        state,
        reason: "the scale was checked".to_owned(),
        person: PersonId::from_uuid(Uuid::now_v7()),
        decided_at: now(),
    };
    let origin = || database::events::Origin {
        id: EventId::from_uuid(Uuid::now_v7()),
        occurred_at: now(),
        person: None,
        traceparent: None,
    };
    let mut dispose = async |state| {
        let (id, decision) = (Uuid::now_v7(), decide(state));
        findings::dispose(&mut conn, finding.id, id, &decision, &origin()).await.unwrap()
    };
    assert_eq!(dispose(FindingState::Dismissed).await, findings::Disposed::Taken);
    let state = FindingState::Dismissed;
    assert_eq!(dispose(FindingState::Confirmed).await, findings::Disposed::NotAllowed { state });

    // A slip that stays a slip is not raised again; one that becomes grave is.
    sells("D-2", 10).await;
    assert_snapshot!(world.findings_about(maker).await, @"stock_drawn_below_zero (dismissed): Of lot M 1000.000 kg came in; 50.000 kg more than that were taken out.");
    sells("D-3", 500).await;
    assert_snapshot!(world.findings_about(maker).await, @"stock_drawn_below_zero (open): Of lot M 1000.000 kg came in; 560.000 kg more than that were taken out.");
    let mut conn = world.stack.database().pool(Role::Official).get().await.unwrap();
    assert_eq!(findings::dispositions(&mut conn, finding.id).await.unwrap().len(), 1);
    let raised = "select count(*) from lodestone.events where name = 'finding.raised'";
    assert_eq!(world.number(raised).await, 2);
}
