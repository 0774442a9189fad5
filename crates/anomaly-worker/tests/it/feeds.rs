//! Invoices and customs declarations against what was filed, whichever comes first.

use crate::world::{Filer, World, export, kg, line, made, now, of, party, sale};
use database::{
    Role,
    events::Act,
    feeds::{
        HandedIn,
        declarations::{self, NewDeclaration, NewDeclarationLine},
        invoices::{self, NewInvoice, NewInvoiceLine},
    },
};
use domain::{
    codes::{Category, LineRole},
    element::Element,
    filing::{Claim, Line},
    identifiers::CurrencyCode,
    ids::{LotId, MovementId, OrganisationId},
    money::Money,
    regime::GoodsOrigin,
};
use insta::assert_snapshot;
use rust_decimal::Decimal;
use testkit::uscc;
use uuid::Uuid;

/// Gives a filer a unified social credit code.
async fn coded(world: &World, filer: Filer, number: u32) {
    let code = uscc(number).to_string();
    let owner = world.stack.database().owner().await;
    let update = "update lodestone.organisations set uscc = $1 where id = $2";
    owner.execute(update, &[&code, &filer.id.as_uuid()]).await.unwrap();
}

fn handed_in() -> HandedIn {
    let act = Act { person: None, at: now(), traceparent: None };
    HandedIn { office: OrganisationId::from_uuid(Uuid::now_v7()), act }
}

/// An invoice of filer 1 to filer 2 about neodymium.
async fn invoices_for(world: &World, version: u16, oxide_kilograms: i64) {
    let invoice = NewInvoice {
        id: Uuid::now_v7(),
        number: "INV-1".to_owned(),
        version,
        is_void: false,
        credits: None,
        issued_on: "2026-10-06".parse().unwrap(),
        seller: uscc(1),
        buyer: uscc(2),
        currency: CurrencyCode::CNY,
        content_hash: [version.to_le_bytes()[0]; 32],
        lines: vec![NewInvoiceLine {
            goods: "separated.nd".to_owned(),
            origin: GoodsOrigin::Separated,
            element: Some(Element::Nd),
            oxide_grams: oxide_kilograms * 1_000,
            amount: Decimal::from(1_000),
        }],
        movements: Vec::new(),
    };
    let mut conn = world.stack.database().pool(Role::Official).get().await.unwrap();
    invoices::record(&mut conn, &[invoice], &handed_in()).await.unwrap();
}

async fn declares(world: &World, version: u16, net_kilograms: i64) {
    let declaration = NewDeclaration {
        id: Uuid::now_v7(),
        number: "DEC-1".to_owned(),
        version,
        is_void: false,
        declared_on: "2026-10-04".parse().unwrap(),
        exporter: uscc(1),
        destination: "DE".parse().unwrap(),
        content_hash: [version.to_le_bytes()[0]; 32],
        lines: vec![NewDeclarationLine {
            line: 1,
            hs_code: "2846901900".parse().unwrap(),
            gross_grams: net_kilograms * 1_100,
            net_grams: net_kilograms * 1_000,
            value: Money { amount: Decimal::from(1_000), currency: CurrencyCode::CNY },
            licence: None,
        }],
    };
    let mut conn = world.stack.database().pool(Role::Official).get().await.unwrap();
    declarations::record(&mut conn, &[declaration], &handed_in()).await.unwrap();
}

/// So many kilograms of metal: 857.356 kg of neodymium are 1,000 kg of oxide.
fn metal(seller: Filer, kilograms: u64) -> Vec<Line> {
    let pure = of([(Element::Nd, 100)]);
    let lot = LotId::of(seller.id, "ND");
    vec![line(LineRole::Item, lot, Category::Metal, kg(kilograms), &pure)]
}

#[tokio::test(flavor = "multi_thread")]
async fn papers_that_disagree_are_found_and_closed_when_the_rest_arrives() {
    let world = World::start().await;
    let (seller, buyer) =
        (world.filer(&["export"], None).await, world.filer(&["export"], None).await);
    coded(&world, seller, 1).await;
    coded(&world, buyer, 2).await;
    let stock = made(seller, "ND", Category::Metal, kg(100_000), &of([(Element::Nd, 100)]));
    world.files(seller, "X-1", Claim::Extraction, vec![stock]).await;
    let client = || party(seller, "Buyer", "CN", Some(buyer));
    let movement = |reference: &str| MovementId::of(seller.id, reference);

    // The invoice is of two deliveries; the tax authority is quicker than the second.
    world
        .files(seller, "D-1", sale(client(), "INV-1", Some(movement("D-1"))), metal(seller, 600))
        .await;
    world.settles().await;
    assert_snapshot!(world.findings_about(seller).await, @"");
    invoices_for(&world, 1, 1_166).await;
    world.settles().await;
    assert_snapshot!(world.findings_about(seller).await, @"invoice_differs_from_dispatch (open): Invoice INV-1 does not agree with the dispatch (quantity): 699.826 kg of oxides were dispatched and 1166.000 kg invoiced.");
    let second = sale(client(), "INV-1", Some(movement("D-2")));
    let second = world.files(seller, "D-2", second, metal(seller, 400)).await;
    world.settles().await;
    assert_snapshot!(world.findings_about(seller).await, @"invoice_differs_from_dispatch (closed: no_longer_holds): Invoice INV-1 does not agree with the dispatch (quantity): 699.826 kg of oxides were dispatched and 1166.000 kg invoiced.");

    // The second is corrected to another invoice: the first is alone again.
    world
        .corrects(&second, sale(client(), "INV-2", Some(movement("D-2"))), metal(seller, 400))
        .await;
    world.settles().await;
    assert_snapshot!(world.findings_about(seller).await, @"invoice_differs_from_dispatch (open): Invoice INV-1 does not agree with the dispatch (quantity): 699.826 kg of oxides were dispatched and 1166.000 kg invoiced.");
    invoices_for(&world, 2, 700).await;
    world.settles().await;
    assert_snapshot!(world.findings_about(seller).await, @"invoice_differs_from_dispatch (closed: no_longer_holds): Invoice INV-1 does not agree with the dispatch (quantity): 699.826 kg of oxides were dispatched and 1166.000 kg invoiced.");
    assert_snapshot!(world.findings_shown_to(seller).await, @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_compared_with_its_declaration_whichever_comes_first() {
    let world = World::start().await;
    let seller = world.filer(&["export"], None).await;
    coded(&world, seller, 1).await;
    let stock = made(seller, "ND", Category::Metal, kg(100_000), &of([(Element::Nd, 100)]));
    world.files(seller, "X-1", Claim::Extraction, vec![stock]).await;
    declares(&world, 1, 700).await;
    let end_user = party(seller, "Rhein Motoren GmbH", "DE", None);
    world.files(seller, "E-1", export(end_user.clone(), None, "DEC-1"), metal(seller, 600)).await;
    world.settles().await;
    assert_snapshot!(world.findings_about(seller).await, @"declaration_differs_from_export (open): Customs declaration DEC-1 does not agree with the export filed (quantity): 600.000 kg were filed and 700.000 kg declared net.");
    // A second export under the same declaration was late.
    world.files(seller, "E-2", export(end_user, None, "DEC-1"), metal(seller, 100)).await;
    world.settles().await;
    assert_snapshot!(world.findings_about(seller).await, @"declaration_differs_from_export (closed: no_longer_holds): Customs declaration DEC-1 does not agree with the export filed (quantity): 600.000 kg were filed and 700.000 kg declared net.");
    assert_snapshot!(world.findings_shown_to(seller).await, @"");
}
