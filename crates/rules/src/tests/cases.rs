//! For every detector what it must see, an innocent look-alike, and what it cannot judge.

use super::world::*;
use crate::{
    FilingContext, GoodsStatus, LicenceLookup, LineDigest, OtherFiling, Parameter, Parameters,
    ProcessFlows, QuotaStand, RecentShipment, SiteMonth,
};
use domain::{
    calendar_month::Month,
    codes::{Category, LineRole, Process, Stage},
    element::Element,
    filing::Claim,
    mass::ElementMasses,
    regime::{QuotaScope, Regime, RowKind, Verification},
};
use jiff::civil::date;
use std::sync::Arc;

/// What a detector must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Must {
    Find,
    FindNothing,
    Abstain,
}
use Must::{Abstain, Find, FindNothing};

pub(super) struct Case {
    pub(super) detector: &'static str,
    pub(super) must: Must,
    pub(super) story: &'static str,
    pub(super) context: FilingContext,
}

fn case(detector: &'static str, must: Must, story: &'static str, context: FilingContext) -> Case {
    Case { detector, must, story, context }
}

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    let stock_of = |before, after| with(dispatch(), |it| it.stocks = vec![stock(before, after)]);
    let licensed = |change: fn(&mut crate::LicenceStand)| {
        let mut stand = licence();
        change(&mut stand);
        export(controlled(), LicenceLookup::Known(Box::new(stand)))
    };
    vec![
        case("stock_drawn_below_zero", Find, "a lot is sold beyond what was produced", stock_of(40_000, -60_000)),
        case("stock_drawn_below_zero", Find, "more dysprosium is drawn than the lot held", with(dispatch(), |it| it.stocks = vec![without_dysprosium()])),
        case("stock_drawn_below_zero", FindNothing, "a lot is used up to the gram", stock_of(100_000, 0)),
        case("stock_drawn_below_zero", FindNothing, "an assay of its own draws a trace more than was claimed", with(dispatch(), |it| it.stocks = vec![within_assay()])),
        case("stock_drawn_below_zero", Abstain, "the receipt is not filed yet", with(dispatch(), |it| it.stocks = vec![on_its_way()])),

        case("element_balance_broken", Find, "more metal comes out than oxide went in", reduction(1_000)),
        case("element_balance_broken", Find, "half of the metal is missing", reduction(425)),
        case("element_balance_broken", Find, "terbium comes out of nothing", with(reduction(800), |it| it.filing.lines[1].elements = elements([(Element::Nd, 800_000), (Element::Tb, 5_000)]))),
        case("element_balance_broken", Find, "a month adds up to a gain", with(dispatch(), |it| it.site_month = Some(month(1_060)))),
        case("element_balance_broken", FindNothing, "the process lost what it usually loses, unsaid", reduction(760)),
        case("element_balance_broken", FindNothing, "the scale read one percent more", reduction(858)),
        case("element_balance_broken", Abstain, "no line states any rare earths", context(Claim::Transformation { process: Process::Assembly }, vec![line(1, LineRole::Input, 41, 5)])),

        case("quota_overrun", Find, "the group mined beyond its quota", mining(Some(1_000_000), 1_250_000)),
        case("quota_overrun", FindNothing, "the group mined exactly its quota", mining(Some(1_000_000), 1_000_000)),
        case("quota_overrun", Abstain, "no row gives the group a quota", mining(None, 1_000_000)),
        case("quota_overrun", Abstain, "the miner belongs to no group", context(Claim::Extraction, vec![line(1, LineRole::Item, 71, 5)])),

        case("duplicate_invoice", Find, "one invoice for two clients", with(dispatch(), |it| it.same_invoice = vec![other(22, 99, 5_000)])),
        case("duplicate_invoice", Find, "one invoice, the same lot and quantity again", with(dispatch(), |it| it.same_invoice = vec![other(21, 31, 100_000)])),
        case("duplicate_invoice", FindNothing, "one invoice delivered in two parts", with(dispatch(), |it| it.same_invoice = vec![other(21, 32, 100_000)])),
        case("duplicate_invoice", Abstain, "the other filing has no lines", with(dispatch(), |it| it.same_invoice = vec![OtherFiling { lines: Vec::new(), ..other(21, 31, 1) }])),

        case("duplicate_filing", Find, "the same dispatch under another reference", with(dispatch(), |it| it.same_moment = vec![other(21, 31, 100_000)])),
        case("duplicate_filing", FindNothing, "two equal bags leave at the same moment", with(dispatch(), |it| it.same_moment = vec![other(21, 32, 100_000)])),
        case("duplicate_filing", Abstain, "nothing but quantities could tell them apart", with(dispatch(), |it| { it.filing.lines[0].lot = None; it.same_moment = vec![nameless(21, 100_000)]; })),

        case("unit_price_far_from_peers", Find, "magnets at a tenth of the price", priced(40)),
        case("unit_price_far_from_peers", FindNothing, "a good customer's rebate of a tenth", priced(360)),
        case("unit_price_far_from_peers", Abstain, "too few others sold such magnets", with(priced(40), |it| it.prices = peers(19))),

        case("receipt_differs_from_dispatch", Find, "a tenth did not arrive", receipt(1_000, 890)),
        case("receipt_differs_from_dispatch", Find, "the buyer's assay says otherwise", with(receipt(1_000, 1_000), disagree)),
        case("receipt_differs_from_dispatch", FindNothing, "two scales differ by two percent", receipt(1_000, 980)),
        case("receipt_differs_from_dispatch", Abstain, "the buyer has not filed yet", with(receipt(1_000, 0), unreceived)),

        case("invoice_differs_from_dispatch", Find, "a fifth less was invoiced than sent", settled(invoiced(80))),
        case("invoice_differs_from_dispatch", Find, "cheap lanthanum was invoiced for dysprosium", settled(with(invoiced(100), |it| it.invoices[0].lines[0].element = Some(Element::La)))),
        case("invoice_differs_from_dispatch", Find, "the invoice is somebody else's", settled(with(invoiced(100), |it| it.invoices[0].seller = "914403001922038216".to_owned()))),
        case("invoice_differs_from_dispatch", FindNothing, "the invoice states two percent less", settled(invoiced(98))),
        case("invoice_differs_from_dispatch", Abstain, "the tax authority has no invoice yet", settled(with(invoiced(100), |it| { it.links.clear(); it.invoices.clear(); }))),

        case("declaration_differs_from_export", Find, "a tenth more left than was filed", declared(112, |_| {})),
        case("declaration_differs_from_export", Find, "declared to another country as other goods", declared(100, |it| { let paper = it.declaration.as_mut().unwrap(); paper.destination = "NL".to_owned(); paper.lines[0].hs_code = "8505191000".parse().unwrap(); })),
        case("declaration_differs_from_export", FindNothing, "the border's scales show two percent less", declared(98, |_| {})),
        case("declaration_differs_from_export", Abstain, "the customs handed nothing in yet", declared(100, |it| it.declaration = None)),

        case("export_without_licence", Find, "magnets with dysprosium leave without a licence", export(controlled(), LicenceLookup::NotNamed)),
        case("export_without_licence", FindNothing, "magnets without heavy rare earths need none", export(GoodsStatus::NotControlled, LicenceLookup::NotNamed)),
        case("export_without_licence", Abstain, "nobody can say whether the goods are controlled", export(GoodsStatus::Undetermined, LicenceLookup::NotNamed)),

        case("export_beyond_licence", Find, "a gram more than was licensed", licensed(|it| it.filed_before_grams = 400_001)),
        case("export_beyond_licence", Find, "the licence has expired and is for another country", licensed(|it| { it.valid_until = date(2026, 10, 2); it.destination = "JP".to_owned(); })),
        case("export_beyond_licence", Find, "the licence is suspended, somebody else's and for other goods", licensed(|it| { it.state = "suspended".to_owned(); it.holder = organisation(THEM); it.codes = vec!["1C902".to_owned()]; })),
        case("export_beyond_licence", Find, "customs saw less, for another end user", licensed(|it| { it.confirmed_grams = Some(90_000); it.end_user = "Somebody Else".to_owned(); })),
        case("export_beyond_licence", FindNothing, "the last gram of the licence on its last day", licensed(|it| it.valid_until = date(2026, 10, 3))),
        case("export_beyond_licence", Abstain, "the register does not hold the number yet", export(controlled(), LicenceLookup::Unknown { number: "LS-2026-9".to_owned() })),

        case("recycler_fed_with_ore", Find, "concentrate is fed to a recycler", recycling(Some(Category::Concentrate))),
        case("recycler_fed_with_ore", FindNothing, "a recycler uses scrap", recycling(Some(Category::Scrap))),
        case("recycler_fed_with_ore", Abstain, "nothing says what was fed", recycling(None)),
        case("recycler_fed_with_ore", Abstain, "no row bans it", with(recycling(Some(Category::Ore)), forget_bans)),

        case("party_on_list", Find, "the client is on the watch list under another spelling", with(dispatch(), |it| name_client(it, "ＨＩＤＤＥＮ harbour, trading LIMITED", "HK"))),
        case("party_on_list", Find, "the client bears the same name in another country", with(dispatch(), |it| name_client(it, "Hidden Harbour Trading", "SG"))),
        case("party_on_list", Find, "the client is on the control list", with(dispatch(), |it| name_client(it, "MP Materials Corp.", "US"))),
        case("party_on_list", FindNothing, "the client's name only begins alike", with(dispatch(), |it| name_client(it, "Hidden Harbour Trading Consultants", "HK"))),
        case("party_on_list", Find, "the client writes a listed name with a slip", with(dispatch(), |it| name_client(it, "Hiden Harbour Trade Co", "HK"))),
        case("party_on_list", FindNothing, "the client shares a trade and a town with a listed name", with(dispatch(), |it| name_client(it, "Hong Kong Trading Ltd", "HK"))),
        case("party_on_list", Abstain, "no list is known", with(dispatch(), |it| Arc::make_mut(&mut it.law).listed.clear())),

        case("repeatedly_just_under_threshold", Find, "the third shipment of 95 kg in a month", with(dispatch(), |it| small(it, 95, &[95, 96]))),
        case("repeatedly_just_under_threshold", FindNothing, "a customer who always takes 20 kg", with(dispatch(), |it| small(it, 20, &[20, 20, 20, 20, 20, 20]))),
        case("repeatedly_just_under_threshold", FindNothing, "two shipments just under it", with(dispatch(), |it| small(it, 95, &[95]))),
        case("repeatedly_just_under_threshold", Abstain, "no rule knows such a limit", with(dispatch(), forget_limit)),
    ]
}

fn with<T>(mut context: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut context);
    context
}

fn without_dysprosium() -> crate::LotStock {
    let mut stock = stock(100_000, 0);
    stock.came_in = elements([(Element::Nd, 30_000)]);
    stock.left.0[Element::Dy.index()] = -500_000;
    stock
}

fn within_assay() -> crate::LotStock {
    let mut stock = stock(100_000, 0);
    stock.came_in = elements([(Element::Nd, 30_000)]);
    stock.left.0[Element::Nd.index()] = -300_000;
    stock
}

fn on_its_way() -> crate::LotStock {
    crate::LotStock { in_transit_grams: 200_000, ..stock(0, -100_000) }
}

/// A month of 40 batches with a tonne of neodymium going in.
fn month(out_kilograms: i64) -> SiteMonth {
    let flows = ProcessFlows {
        process: Process::MetalReduction,
        transformations: 40,
        inputs: elements([(Element::Nd, 1_000_000)]),
        outputs: elements([(Element::Nd, out_kilograms * 1_000)]),
        losses: ElementMasses::ZERO,
    };
    SiteMonth { site: site(), month: Month::of(date(2026, 9, 1)), flows: vec![flows] }
}

fn mining(granted: Option<i64>, drawn: i64) -> FilingContext {
    with(context(Claim::Extraction, vec![line(1, LineRole::Item, 71, 5)]), |it| {
        it.site_stages = vec![Stage::Mining];
        it.group = Some(group());
        it.quotas = vec![QuotaStand {
            group: group(),
            year: 2026,
            scope: QuotaScope::Mining,
            granted_reo_grams: granted,
            verification: "fictitious".to_owned(),
            drawn_reo_grams: drawn,
        }];
    })
}

fn other(client: u128, lot_number: u128, grams: u64) -> OtherFiling {
    OtherFiling {
        filing: filing_id(800),
        reference: "F-800".to_owned(),
        party: Some(party(client)),
        terms: String::new(),
        lines: vec![LineDigest { role: LineRole::Item, lot: Some(lot(lot_number)), grams }],
    }
}

fn nameless(client: u128, grams: u64) -> OtherFiling {
    let line = LineDigest { role: LineRole::Item, lot: None, grams };
    OtherFiling { lines: vec![line], ..other(client, 31, grams) }
}

fn disagree(context: &mut FilingContext) {
    let movement = context.movement.as_mut().unwrap();
    movement.dispatched[0].elements = elements([(Element::Dy, 30_000)]);
    movement.received[0].elements = elements([(Element::Dy, 20_000)]);
    movement.dispatched[0].sigma_mg[Element::Dy.index()] = 300_000;
}

fn unreceived(context: &mut FilingContext) {
    let movement = context.movement.as_mut().unwrap();
    movement.received.clear();
    movement.receipts = 0;
}

fn forget_bans(context: &mut FilingContext) {
    let law = Arc::make_mut(&mut context.law);
    let rows: Vec<_> =
        law.regime.rows().into_iter().filter(|row| row.kind != RowKind::FeedBan).collect();
    law.regime = Regime::from_rows(&rows).unwrap();
}

fn name_client(context: &mut FilingContext, name: &str, country: &str) {
    if let Claim::Dispatch { client: named, .. } = &mut context.filing.claim {
        *named = client(name, country);
    }
}

fn small(context: &mut FilingContext, kilograms: u64, others: &[i64]) {
    context.filing.lines = vec![line(1, LineRole::Item, 31, kilograms)];
    let shipment = |(number, kilograms): (u128, &i64)| RecentShipment {
        filing: filing_id(number),
        happened_at: at("2026-09-20T04:00:00Z"),
        grams: kilograms * 1_000,
    };
    context.recent = (100..).zip(others).map(shipment).collect();
}

fn forget_limit(context: &mut FilingContext) {
    let nothing = Parameter {
        value: 0.into(),
        source: "test".to_owned(),
        verification: Verification::Fictitious,
    };
    let rows = [("small_shipment_grams@test", nothing)];
    Arc::make_mut(&mut context.law).parameters = Parameters::with_rows(rows).unwrap();
}
