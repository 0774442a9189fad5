//! Small contexts to begin from: everything in them is as it should be.

use crate::{
    ExportStand, FilingContext, Goods, GoodsStatus, Law, LicenceLookup, LicenceStand, Listed,
    LotStock, MovedLot, MovementStand, Parameters, PeerPrice, PriceKey, normalised_name,
};
use domain::{
    calendar_month::Month,
    codes::{Category, Channel, LineRole, Outcome, Process, Stage},
    element::{ELEMENT_COUNT, Element},
    filing::{Claim, Client, Filing, Line},
    identifiers::{CountryCode, CurrencyCode},
    ids::{
        FilingId, GroupId, LicenceId, LotId, MovementId, OrganisationId, PartyId, PersonId, SiteId,
    },
    mass::{ElementMasses, Kilograms},
    money::Money,
    movement::{
        CustomsDeclaration, DeclaredExports, DeclaredGoods, ExportedGoods, FiledExport,
        InvoicedGoods, OxideContent, Settlement, SoldGoods, TaxInvoice,
    },
    regime::{PartyList, Regime, Verification},
};
use jiff::{Timestamp, civil::date};
use rust_decimal::Decimal;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};
use uuid::Uuid;

pub(super) const US: u128 = 1;
pub(super) const THEM: u128 = 2;

pub(super) const fn organisation(number: u128) -> OrganisationId {
    OrganisationId::from_uuid(Uuid::from_u128(number))
}

pub(super) const fn filing_id(number: u128) -> FilingId {
    FilingId::from_uuid(Uuid::from_u128(number))
}

pub(super) const fn lot(number: u128) -> LotId {
    LotId::from_uuid(Uuid::from_u128(number))
}

pub(super) const fn site() -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(11))
}

pub(super) const fn group() -> GroupId {
    GroupId::from_uuid(Uuid::from_u128(12))
}

pub(super) const fn movement_id() -> MovementId {
    MovementId::from_uuid(Uuid::from_u128(13))
}

pub(super) const fn party(number: u128) -> PartyId {
    PartyId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn noon() -> Timestamp {
    at("2026-10-03T04:00:00Z")
}

pub(super) fn elements<const N: usize>(grams: [(Element, i64); N]) -> ElementMasses {
    let mut masses = ElementMasses::ZERO;
    for (element, grams) in grams {
        masses.0[element.index()] = grams * 1_000;
    }
    masses
}

/// The shipped law, with one more party; read once.
pub(super) fn law() -> Arc<Law> {
    static LAW: LazyLock<Arc<Law>> = LazyLock::new(|| Arc::new(read_law()));
    Arc::clone(&LAW)
}

fn read_law() -> Law {
    let watched = Listed {
        list: PartyList::Watch,
        name: "Hidden Harbour Trading Ltd.".to_owned(),
        normalised: normalised_name("Hidden Harbour Trading Ltd."),
        identifier: Some("HK-552200".to_owned()),
        country: Some("HK".to_owned()),
        valid_from: Some(date(2026, 1, 1)),
        valid_until: None,
        source: "made up for tests".to_owned(),
        verification: Verification::Fictitious,
    };
    Law::new(Regime::default_china_2025(), vec![watched], Parameters::default())
}

pub(super) fn line(number: u16, role: LineRole, lot_number: u128, kilograms: u64) -> Line {
    Line {
        number,
        role,
        lot: Some(lot(lot_number)),
        lot_number: None,
        product: None,
        category: Some(Category::Magnet),
        hs_code: None,
        grade: Some("N42".to_owned()),
        quantity: Kilograms::from_grams(kilograms * 1_000).unwrap(),
        refused: Kilograms::ZERO,
        uncertainty: Kilograms::ZERO,
        elements: ElementMasses::ZERO,
        elements_sigma_mg: [0; ELEMENT_COUNT],
        unit_price: None,
    }
}

pub(super) fn client(name: &str, country: &str) -> Client {
    Client {
        party: party(21),
        name: name.to_owned(),
        identifier: None,
        country: country.parse().unwrap(),
        organisation: None,
    }
}

pub(super) fn context(claim: Claim, lines: Vec<Line>) -> FilingContext {
    let filing = Filing {
        id: filing_id(900),
        organisation: organisation(US),
        site: site(),
        reference: "F-900".to_owned(),
        version: 1,
        correction: None,
        happened_at: noon(),
        recorded_at: noon(),
        month: Month::of(date(2026, 10, 1)),
        channel: Channel::Api,
        filed_by: PersonId::from_uuid(Uuid::from_u128(3)),
        claim,
        lines,
    };
    FilingContext {
        filing,
        site_stages: vec![Stage::MagnetMaking],
        group: None,
        stocks: Vec::new(),
        site_month: None,
        quotas: Vec::new(),
        same_invoice: Vec::new(),
        same_moment: Vec::new(),
        prices: Arc::default(),
        movement: None,
        export: None,
        settlement: None,
        declared: None,
        recent: Vec::new(),
        law: law(),
    }
}

/// 100 kg of magnets to an honest client.
pub(super) fn dispatch() -> FilingContext {
    let claim = Claim::Dispatch {
        client: client("Honest Motors", "CN"),
        movement: None,
        contract: None,
        invoice: Some("INV-7".to_owned()),
    };
    context(claim, vec![line(1, LineRole::Item, 31, 100)])
}

pub(super) fn stock(came_in_grams: i64, left_grams: i64) -> LotStock {
    LotStock {
        lot: lot(31),
        number: Some("M-31".to_owned()),
        site: site(),
        came_in_grams,
        left_grams,
        left: ElementMasses::ZERO,
        came_in: ElementMasses::ZERO,
        in_transit_grams: 0,
    }
}

/// 1,000 kg of neodymium oxide, which holds 850 kg of neodymium, become metal.
pub(super) fn reduction(neodymium_out_kilograms: i64) -> FilingContext {
    let mut input = line(1, LineRole::Input, 41, 1_000);
    input.category = Some(Category::Oxide);
    input.elements = elements([(Element::Nd, 850_000)]);
    let mut output = line(2, LineRole::Output, 42, 850);
    output.category = Some(Category::Metal);
    output.elements = elements([(Element::Nd, neodymium_out_kilograms * 1_000)]);
    context(Claim::Transformation { process: Process::MetalReduction }, vec![input, output])
}

/// Sales of others between 390 and 410 yuan.
pub(super) fn peers(count: i64) -> Arc<HashMap<PriceKey, Vec<PeerPrice>>> {
    let key = PriceKey {
        category: Category::Magnet,
        grade: Some("N42".to_owned()),
        currency: CurrencyCode::CNY,
    };
    let peer = |number: i64| PeerPrice {
        organisation: organisation(THEM),
        price: Decimal::from(390 + number % 21),
        happened_at: noon(),
    };
    Arc::new(HashMap::from([(key, (0..count).map(peer).collect())]))
}

pub(super) fn priced(amount: i64) -> FilingContext {
    let mut context = dispatch();
    context.filing.lines[0].unit_price =
        Some(Money { amount: amount.into(), currency: CurrencyCode::CNY });
    context.prices = peers(40);
    context
}

pub(super) fn moved(kilograms: i64) -> MovedLot {
    MovedLot {
        lot: lot(31),
        grams: kilograms * 1_000,
        elements: ElementMasses::ZERO,
        sigma_mg: [0; ELEMENT_COUNT],
    }
}

pub(super) fn receipt(sent_kilograms: i64, received_kilograms: i64) -> FilingContext {
    let claim = Claim::Receipt { movement: movement_id(), outcome: Outcome::Satisfactory };
    let mut context = context(claim, vec![line(1, LineRole::Item, 31, 1)]);
    context.movement = Some(MovementStand {
        movement: movement_id(),
        seller: Some(organisation(THEM)),
        dispatched: vec![moved(sent_kilograms)],
        received: vec![moved(received_kilograms)],
        receipts: 1,
    });
    context
}

/// 100 kg of dysprosium oxide in one movement, and an invoice for so much of it.
pub(super) fn invoiced(kilograms: i64) -> Settlement {
    let mut content = OxideContent::NOTHING;
    let mut holds = ElementMasses::ZERO;
    holds.0[Element::Dy.index()] = 87_132_100;
    content.add(&holds, &[0; ELEMENT_COUNT]);
    let goods = SoldGoods {
        movement: movement_id(),
        seller: organisation(US),
        seller_code: Some("91350100M000100Y43".to_owned()),
        buyer_code: Some("914403001922038216".to_owned()),
        dispatched_on: date(2026, 10, 3),
        content,
        value: None,
    };
    let line = InvoicedGoods {
        element: Some(Element::Dy),
        oxide_grams: kilograms * 1_000,
        amount: Decimal::from(kilograms * 1_600),
    };
    let invoice = TaxInvoice {
        number: "INV-7".to_owned(),
        credits: None,
        issued_on: date(2026, 10, 5),
        seller: "91350100M000100Y43".to_owned(),
        buyer: "914403001922038216".to_owned(),
        currency: CurrencyCode::CNY,
        lines: vec![line],
    };
    Settlement {
        links: std::collections::BTreeSet::from([(movement_id(), invoice.number.clone())]),
        dispatches: vec![goods],
        invoices: vec![invoice],
    }
}

/// A dispatch with what settles it.
pub(super) fn settled(settlement: Settlement) -> FilingContext {
    let mut context = dispatch();
    context.settlement = Some(Arc::new(settlement));
    context
}

/// An export of 100 kg with its customs declaration of so much.
pub(super) fn declared(kilograms: i64, change: impl FnOnce(&mut DeclaredExports)) -> FilingContext {
    let mut context = export(GoodsStatus::NotControlled, LicenceLookup::NotNamed);
    let magnets = || "85051110".parse().unwrap();
    let filed = FiledExport {
        filing: context.filing.id,
        exporter: organisation(US),
        exporter_code: Some("91350100M000100Y43".to_owned()),
        exported_on: date(2026, 10, 3),
        destination: "DE".to_owned(),
        licence: None,
        goods: vec![ExportedGoods {
            hs_code: Some(magnets()),
            grams: 100_000,
            uncertainty_grams: 0,
        }],
        content: OxideContent::NOTHING,
        value: None,
    };
    let line = DeclaredGoods {
        hs_code: magnets(),
        net_grams: kilograms * 1_000,
        value: Money { amount: Decimal::from(kilograms * 400), currency: CurrencyCode::CNY },
        licence: None,
    };
    let declaration = CustomsDeclaration {
        number: "D-1".to_owned(),
        declared_on: date(2026, 10, 2),
        exporter: "91350100M000100Y43".to_owned(),
        destination: "DE".to_owned(),
        lines: vec![line],
    };
    let mut exports = DeclaredExports { exports: vec![filed], declaration: Some(declaration) };
    change(&mut exports);
    context.declared = Some(Arc::new(exports));
    context
}

pub(super) fn export(status: GoodsStatus, licence: LicenceLookup) -> FilingContext {
    let claim = Claim::Export {
        end_user: client("Rhein Motoren GmbH", "DE"),
        licence: None,
        declaration: "D-1".to_owned(),
        destination: "DE".parse::<CountryCode>().unwrap(),
        invoice: None,
    };
    let mut context = context(claim, vec![line(1, LineRole::Item, 31, 100)]);
    let goods = vec![Goods { line: 1, grams: 100_000, status }];
    context.export = Some(ExportStand { goods, licence });
    context
}

pub(super) fn controlled() -> GoodsStatus {
    GoodsStatus::Controlled(vec!["1C906.a.2".to_owned()])
}

pub(super) fn licence() -> LicenceStand {
    LicenceStand {
        licence: LicenceId::from_uuid(Uuid::from_u128(51)),
        number: "LS-2026-000001-7".to_owned(),
        holder: organisation(US),
        state: "issued".to_owned(),
        valid_from: date(2026, 9, 1),
        valid_until: date(2027, 8, 31),
        destination: "DE".to_owned(),
        end_user: "RHEIN MOTOREN".to_owned(),
        codes: vec!["1C906.a".to_owned()],
        licensed_grams: 500_000,
        filed_before_grams: 400_000,
        confirmed_grams: None,
    }
}

pub(super) fn recycling(category: Option<Category>) -> FilingContext {
    let mut input = line(1, LineRole::Input, 61, 2_000);
    input.category = category;
    let mut context = context(Claim::Transformation { process: Process::Recycling }, vec![input]);
    context.site_stages = vec![Stage::Recycling];
    context
}
