//! Exports against the licences they name, as licences are issued, used and moved.

use crate::world::{Filer, PATIENCE, World, export, kg, line, made, now, of, party};
use database::{Role, events};
use domain::{
    codes::{Category, LineRole},
    element::Element,
    event::Event,
    filing::Claim,
    ids::{CaseId, DepartureId, EventId, LicenceId, LotId},
};
use insta::assert_snapshot;
use testkit::wait_until;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_judged_by_the_licence_as_it_stands() {
    let world = World::start().await;
    let exporter = world.filer(&["export"], None).await;
    let magnets = of([(Element::Nd, 29), (Element::Dy, 2)]);
    let made_here = vec![made(exporter, "M", Category::Magnet, kg(5_000), &magnets)];
    world.files(exporter, "X-1", Claim::Extraction, made_here).await;
    let goods = |kilograms| {
        vec![line(
            LineRole::Item,
            LotId::of(exporter.id, "M"),
            Category::Magnet,
            kg(kilograms),
            &magnets,
        )]
    };
    let end_user = || party(exporter, "Rhein Motoren GmbH", "DE", None);
    world.files(exporter, "E-1", export(end_user(), None, "DEC-1"), goods(150)).await;
    world.files(exporter, "E-2", export(end_user(), Some("LS-1"), "DEC-2"), goods(300)).await;
    world.files(exporter, "E-3", export(end_user(), Some("LS-1"), "DEC-3"), goods(201)).await;
    world.settles().await;
    // Nothing is known of the licence yet, so nothing is said of it.
    assert_snapshot!(world.findings_about(exporter).await, @"export_without_licence (open): 150.000 kg of controlled goods (1C905.a.4) were exported to DE without a licence.");

    let licence = issue(&world, exporter, 500).await;
    world.settles().await;
    assert_snapshot!(world.findings_about(exporter).await, @"
    export_beyond_licence (open): Licence LS-1 allows 500.000 kg, of which 501.000 kg were filed.
    export_without_licence (open): 150.000 kg of controlled goods (1C905.a.4) were exported to DE without a licence.
    ");

    let owner = world.stack.database().owner().await;
    let raised = "update lodestone.licence_lines set licensed_grams = 600000 where licence = $1";
    owner.execute(raised, &[&licence.as_uuid()]).await.unwrap();
    let suspended = "update lodestone.licences set state = 'suspended' where id = $1";
    owner.execute(suspended, &[&licence.as_uuid()]).await.unwrap();
    tell(
        &world,
        licence,
        Event::LicenceMoved {
            licence,
            organisation: None,
            action: "suspend".to_owned(),
            state: "suspended".to_owned(),
            person: None,
        },
    )
    .await;
    world.settles().await;
    assert_snapshot!(world.findings_about(exporter).await, @"
    export_beyond_licence (open): Licence LS-1 is suspended.
    export_beyond_licence (open): Licence LS-1 is suspended.
    export_without_licence (open): 150.000 kg of controlled goods (1C905.a.4) were exported to DE without a licence.
    ");

    let reinstated = "update lodestone.licences set state = 'issued' where id = $1";
    owner.execute(reinstated, &[&licence.as_uuid()]).await.unwrap();
    tell(
        &world,
        licence,
        Event::LicenceMoved {
            licence,
            organisation: None,
            action: "reinstate".to_owned(),
            state: "issued".to_owned(),
            person: None,
        },
    )
    .await;
    world.settles().await;
    assert_snapshot!(world.findings_about(exporter).await, @"
    export_beyond_licence (closed: no_longer_holds): Licence LS-1 is suspended.
    export_beyond_licence (closed: no_longer_holds): Licence LS-1 is suspended.
    export_without_licence (open): 150.000 kg of controlled goods (1C905.a.4) were exported to DE without a licence.
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_customs_confirmed_and_nobody_filed_is_found_as_days_pass_and_forgotten_once_it_is() {
    let world = World::start().await;
    let exporter = world.filer(&["export"], None).await;
    let magnets = of([(Element::Nd, 29), (Element::Dy, 2)]);
    let made_here = vec![made(exporter, "M", Category::Magnet, kg(5_000), &magnets)];
    world.files(exporter, "X-1", Claim::Extraction, made_here).await;
    let licence = issue(&world, exporter, 500).await;
    let owner = world.stack.database().owner().await;
    // One declaration of forty days ago, one of yesterday: no message tells of either.
    let confirmed = "insert into lodestone.licence_reservations (id, licence, line, declaration, declaration_line,
            grams, state, reserved_by, reserved_at, settled_by, settled_at)
        select gen_random_uuid(), $1, 1, declaration, 1, 100000, 'confirmed', $1, now() - days, $1, now() - days
        from (values ('OLD:1', interval '40 days'), ('NEW-1', interval '1 day')) as those (declaration, days)";
    owner.execute(confirmed, &[&licence.as_uuid()]).await.unwrap();
    let found = "select count(*) from lodestone.findings where detector = 'confirmed_goods_not_filed' and state = 'open'";
    wait_until("the old one is found", PATIENCE, async || {
        (world.number(found).await == 1).then_some(())
    })
    .await;
    let told = world.findings_about(exporter).await;
    assert!(
        told.contains("Customs confirmed 100.000 kg under licence LS-1 and declaration OLD:1"),
        "{told}"
    );
    assert_eq!(world.findings_shown_to(exporter).await, "", "it is for officials");

    let end_user = party(exporter, "Rhein Motoren GmbH", "DE", None);
    let goods = vec![line(
        LineRole::Item,
        LotId::of(exporter.id, "M"),
        Category::Magnet,
        kg(100),
        &magnets,
    )];
    world.files(exporter, "E-1", export(end_user, Some("LS-1"), "OLD:1"), goods).await;
    wait_until("it is filed after all", PATIENCE, async || {
        (world.number(found).await == 0).then_some(())
    })
    .await;
    let told = world.findings_about(exporter).await;
    assert!(told.contains("confirmed_goods_not_filed (closed: no_longer_holds)"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn arrivals_that_contradict_what_left_are_found_when_they_are_reported() {
    let world = World::start().await;
    let exporter = world.filer(&["export"], None).await;
    let licence = issue(&world, exporter, 500).await;
    let owner = world.stack.database().owner().await;
    let confirmed = "insert into lodestone.licence_reservations (id, licence, line, declaration, declaration_line,
            grams, state, reserved_by, reserved_at, settled_by, settled_at)
        select gen_random_uuid(), $1, 1, declaration, 1, 100000, 'confirmed', $1, now(), $1, now()
        from unnest(array['D-1', 'D-2', 'D-3']) as declaration";
    owner.execute(confirmed, &[&licence.as_uuid()]).await.unwrap();
    for (declaration, grams, country) in
        [("D-1", 100_000_i64, "DE"), ("D-2", 100_001, "DE"), ("D-3", 1, "AE"), ("D-4", 1, "DE")]
    {
        let arrival = Uuid::now_v7();
        let reported =
            "insert into lodestone.licence_arrivals (id, organisation, licence, declaration, stage,
                occurred_on, grams, place, country, reported_by, reported_at)
            values ($1, $2, $3, $4, 'arrived', current_date, $5, 'a port', $6, $1, now())";
        let row: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
            &[&arrival, &exporter.id.as_uuid(), &licence.as_uuid(), &declaration, &grams, &country];
        owner.execute(reported, row).await.unwrap();
        let event = Event::LicenceArrived {
            licence,
            arrival,
            organisation: exporter.id,
            stage: "arrived".to_owned(),
            declaration: declaration.to_owned(),
        };
        tell(&world, licence, event).await;
    }
    world.settles().await;
    assert_snapshot!(world.findings_about(exporter).await, @"
    arrival_differs_from_confirmed (open): Licence LS-1, declaration D-2: 100.001 kg arrived, 100.000 kg left.
    arrival_differs_from_confirmed (open): Licence LS-1, declaration D-3: the goods came to AE, licensed was DE.
    arrival_differs_from_confirmed (open): Licence LS-1, declaration D-4: customs confirmed nothing under it.
    ");
    assert_eq!(world.findings_shown_to(exporter).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_left_beyond_their_licence_while_the_line_was_down_are_found() {
    let world = World::start().await;
    let exporter = world.filer(&["export"], None).await;
    let licence = issue(&world, exporter, 500).await;
    let owner = world.stack.database().owner().await;
    for (declaration, excess) in [("D-1", 0_i64), ("D-2", 20_000)] {
        let departure = DepartureId::from_uuid(Uuid::now_v7());
        let left = "insert into lodestone.licence_departures (id, organisation, licence, number, line, declaration,
                declaration_line, grams, excess_grams, departed_on, declared, recorded_by, recorded_at)
            values ($1, $2, $3, 'LS-1', 1, $4, 1, 300000, $5, '2026-11-20', '{}', $1, now())";
        let row: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[
            &departure.as_uuid(),
            &exporter.id.as_uuid(),
            &licence.as_uuid(),
            &declaration,
            &excess,
        ];
        owner.execute(left, row).await.unwrap();
        let event = Event::LicenceDeparted {
            departure,
            licence: Some(licence),
            organisation: Some(exporter.id),
            number: "LS-1".to_owned(),
            declaration: declaration.to_owned(),
            line: 1,
            grams: 300_000,
            excess_grams: excess.unsigned_abs(),
        };
        // Told twice, found once.
        for _ in 0..2 {
            tell(&world, licence, event.clone()).await;
        }
    }
    world.settles().await;
    assert_snapshot!(world.findings_about(exporter).await, @"departure_beyond_licence (open): 300.000 kg left under declaration D-2 on 2026-11-20, 20.000 kg of it beyond what licence LS-1 allows.");
    assert_eq!(world.findings_shown_to(exporter).await, "");
}

/// A licence for magnets to Germany, in the name of the exporter.
async fn issue(world: &World, exporter: Filer, kilograms: i64) -> LicenceId {
    let (licence, case) = (Uuid::now_v7(), Uuid::now_v7());
    let owner = world.stack.database().owner().await;
    owner
        .execute(
            "insert into lodestone.licences (id, number, case_id, organisation, version, kind, state, valid_from,
                valid_until, destination, consignee, end_user, end_use, issued_at, issued_by, signed_content,
                signing_key, signature)
             values ($1, 'LS-1', $2, $3, 1, 'general', 'issued', '2026-01-01', '2027-12-31', 'DE', 'Rhein Motoren',
                'Rhein Motoren', 'motors', now(), $1, '', '', '')",
            &[&licence, &case, &exporter.id.as_uuid()],
        )
        .await
        .unwrap();
    let grams = kilograms * 1_000;
    owner
        .execute(
            "insert into lodestone.licence_lines (licence, line, control_code, description, licensed_grams)
             values ($1, 1, '1C905.a', 'magnets', $2)",
            &[&licence, &grams],
        )
        .await
        .unwrap();
    let licence = LicenceId::from_uuid(licence);
    let event = Event::LicenceIssued {
        licence,
        case: CaseId::from_uuid(case),
        organisation: exporter.id,
        number: "LS-1".to_owned(),
    };
    tell(world, licence, event).await;
    licence
}

async fn tell(world: &World, licence: LicenceId, event: Event) {
    let mut conn = world.stack.database().pool(Role::Licensing).get().await.unwrap();
    let origin = events::Origin {
        id: EventId::from_uuid(Uuid::now_v7()),
        occurred_at: now(),
        person: None,
        traceparent: None,
    };
    events::append_alone(&mut conn, &origin, licence.as_uuid(), &event).await.unwrap();
}
