//! Exports against the licences they name, as licences are issued, used and moved.

use crate::world::{Filer, World, export, kg, line, made, now, of, party};
use database::{Role, events};
use domain::{
    codes::{Category, LineRole},
    element::Element,
    event::Event,
    filing::Claim,
    ids::{CaseId, EventId, LicenceId, LotId},
};
use insta::assert_snapshot;
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
