//! What is wrong in the nation, on purpose and with a label: each should become a finding.

use crate::{
    chain::{Buyer, Chain, Output, Stock, Terms},
    filing::Party,
    goods::Good,
    nation::Trade,
    trades::{Practice, recycle_these, ship},
};
use domain::{codes::Process, element::Element, mass::ElementMasses};
use serde::Serialize;

/// A deed that a detector should see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planted {
    /// The detector that should see it.
    pub detector: &'static str,
    /// What was done, in a sentence.
    pub what: &'static str,
    /// Index of whoever did it.
    pub organisation: usize,
    /// References of the filings that show it.
    pub references: Vec<String>,
}

/// Tries to do a deed in this round; nothing when what it needs is not there.
type Deed = fn(&mut Chain, &Practice, &mut Scheme) -> Option<Done>;

/// A deed that takes several rounds, as far as it has come.
#[derive(Debug, Default)]
struct Scheme {
    /// Who does it, once that is settled.
    organisation: Option<usize>,
    /// Goods put aside for it.
    aside: Vec<Stock>,
    /// What was filed for it.
    references: Vec<String>,
}

/// It is done.
struct Done {
    organisation: usize,
    references: Vec<String>,
}

/// How many shipments a series has.
const SPLIT_SHIPMENTS: usize = 4;

struct Wrong {
    detector: &'static str,
    what: &'static str,
    deed: Deed,
}

#[rustfmt::skip]
const WRONGS: [Wrong; 9] = [
    Wrong { detector: "recycler_fed_with_ore", what: "a recycler bought rare-earth concentrate and fed it to its plant", deed: feed_recycler_with_ore },
    Wrong { detector: "stock_drawn_below_zero", what: "a trader sold more of a lot than it ever held", deed: sell_what_is_not_there },
    Wrong { detector: "duplicate_invoice", what: "a separator used one invoice for sales to two clients", deed: reuse_invoice },
    Wrong { detector: "unit_price_far_from_peers", what: "oxide was sold at a third of what everybody else asks", deed: sell_far_too_cheap },
    Wrong { detector: "receipt_differs_from_dispatch", what: "an eighth of a shipment never arrived, and nobody complained", deed: receive_short },
    Wrong { detector: "export_without_licence", what: "magnets with dysprosium were exported without a licence", deed: export_without_licence },
    Wrong { detector: "party_on_list", what: "magnets were exported to an end user on the control list", deed: export_to_listed_party },
    Wrong { detector: "repeatedly_just_under_threshold", what: "shipments to one end user were kept just under 100 kg", deed: split_shipments },
    Wrong { detector: "element_balance_broken", what: "a separator made more dysprosium oxide than its feed contained", deed: conjure_dysprosium },
];

/// The deeds that are still to come.
#[derive(Debug)]
pub(crate) struct Schemers {
    /// Index into `WRONGS`, and how far it has come.
    pending: Vec<(usize, Scheme)>,
    /// What was done.
    pub(crate) planted: Vec<Planted>,
}

impl Schemers {
    /// All of them, with nothing done.
    pub(crate) fn new() -> Self {
        let pending = (0..WRONGS.len()).map(|index| (index, Scheme::default())).collect();
        Self { pending, planted: Vec::new() }
    }

    /// Tries everything that is still to come.
    pub(crate) fn act(&mut self, chain: &mut Chain, practice: &Practice) {
        for (index, mut scheme) in std::mem::take(&mut self.pending) {
            let Wrong { detector, what, deed } = WRONGS[index];
            match deed(chain, practice, &mut scheme) {
                None => self.pending.push((index, scheme)),
                Some(Done { organisation, references }) => {
                    self.planted.push(Planted { detector, what, organisation, references });
                }
            }
        }
    }
}

/// Somebody of the trade who holds at least so much of a good.
fn holder(chain: &Chain, trade: Trade, good: Good, grams: u64) -> Option<usize> {
    chain.everybody(trade).into_iter().find(|who| grams <= chain.held(*who, good))
}

fn reference(chain: &Chain, filing: usize) -> String {
    chain.filings[filing].reference.clone()
}

fn feed_recycler_with_ore(chain: &mut Chain, practice: &Practice, _: &mut Scheme) -> Option<Done> {
    let recycler = chain.everybody(Trade::Recycler)[0];
    let feed = chain.take(recycler, Good::RockConcentrate, u64::MAX / 2);
    if feed.is_empty() {
        let on_its_way = chain.under_way.iter().any(|under_way| {
            under_way.buyer == recycler
                && under_way.goods.iter().any(|stock| stock.good == Good::RockConcentrate)
        });
        let mine = holder(chain, Trade::RockMine, Good::RockConcentrate, 130_000)?;
        if !on_its_way {
            let goods = chain.take(mine, Good::RockConcentrate, u64::MAX / 2);
            chain.dispatch(mine, Buyer::Filer(recycler), goods, &Terms::default());
        }
        return None;
    }
    let filing = recycle_these(chain, practice, recycler, &feed)?;
    Some(Done { organisation: recycler, references: vec![reference(chain, filing)] })
}

fn sell_what_is_not_there(chain: &mut Chain, _: &Practice, _: &mut Scheme) -> Option<Done> {
    let trader =
        chain.everybody(Trade::Trader).into_iter().find(|who| !chain.stock[*who].is_empty())?;
    let held = chain.stock[trader].remove(0);
    let buyer = chain.user();
    let twice = Stock { grams: held.grams * 2 + 150_000, ..held };
    let filing = chain.dispatch(trader, buyer, vec![twice], &Terms::default())?;
    Some(Done { organisation: trader, references: vec![reference(chain, filing)] })
}

fn reuse_invoice(chain: &mut Chain, _: &Practice, _: &mut Scheme) -> Option<Done> {
    let separator = holder(chain, Trade::RockSeparator, Good::LaCeOxide, 600_000)?;
    let invoice = chain.number(separator, "INV");
    let mut references = Vec::new();
    for user in 0..2 {
        let goods = chain.take(separator, Good::LaCeOxide, 250_000);
        let terms = Terms { invoice: Some(invoice.clone()), ..Terms::default() };
        let filing = chain.dispatch(separator, Buyer::User(user), goods, &terms)?;
        references.push(reference(chain, filing));
    }
    Some(Done { organisation: separator, references })
}

fn sell_far_too_cheap(chain: &mut Chain, _: &Practice, _: &mut Scheme) -> Option<Done> {
    let seller = holder(chain, Trade::RockSeparator, Good::PrNdOxide, 120_000)?;
    let goods = chain.take(seller, Good::PrNdOxide, 110_000);
    let buyer = Buyer::Filer(chain.somebody(Trade::Trader));
    let terms = Terms { price_per_thousand: 330, ..Terms::default() };
    let filing = chain.dispatch(seller, buyer, goods, &terms)?;
    Some(Done { organisation: seller, references: vec![reference(chain, filing)] })
}

fn receive_short(chain: &mut Chain, _: &Practice, _: &mut Scheme) -> Option<Done> {
    let buyers = chain.everybody(Trade::MagnetMaker);
    let round = chain.round_number;
    let arrived = |under_way: &crate::chain::UnderWay| {
        buyers.contains(&under_way.buyer)
            && under_way.arrives_in <= round
            && 200_000 < under_way.goods.iter().map(|stock| stock.grams).sum::<u64>()
    };
    let position = chain.under_way.iter().position(arrived)?;
    let arrived = chain.under_way.remove(position);
    let (buyer, seller) = (arrived.buyer, arrived.movement.clone());
    let filing = chain.receive_one(buyer, arrived, 875);
    Some(Done { organisation: buyer, references: vec![reference(chain, filing), seller.reference] })
}

fn export_without_licence(chain: &mut Chain, _: &Practice, _: &mut Scheme) -> Option<Done> {
    let exporter = holder(chain, Trade::Exporter, Good::MagnetsSh, 130_000)
        .or_else(|| bring_magnets_to_an_exporter(chain, Good::MagnetsSh))?;
    let goods = chain.take(exporter, Good::MagnetsSh, 120_000);
    let filing = ship(chain, exporter, goods, Some(abroad("Gulf Precision Trading LLC", "AE")))?;
    Some(Done { organisation: exporter, references: vec![reference(chain, filing)] })
}

/// Exporters may hold none of a controlled grade: then a maker sends some, for a later round.
fn bring_magnets_to_an_exporter(chain: &mut Chain, good: Good) -> Option<usize> {
    let maker = holder(chain, Trade::MagnetMaker, good, 160_000)?;
    let exporter = chain.everybody(Trade::Exporter)[0];
    let goods = chain.take(maker, good, 150_000);
    chain.dispatch(maker, Buyer::Filer(exporter), goods, &Terms::default());
    None
}

fn export_to_listed_party(chain: &mut Chain, _: &Practice, _: &mut Scheme) -> Option<Done> {
    let exporter = holder(chain, Trade::Exporter, Good::MagnetsN, 150_000)?;
    let goods = chain.take(exporter, Good::MagnetsN, 140_000);
    let filing = ship(chain, exporter, goods, Some(abroad("USA Rare Earth, Inc.", "US")))?;
    Some(Done { organisation: exporter, references: vec![reference(chain, filing)] })
}

fn split_shipments(chain: &mut Chain, _: &Practice, scheme: &mut Scheme) -> Option<Done> {
    let Some(exporter) = scheme.organisation else {
        // Parcels are cut from one lot, so that each is one line.
        let (exporter, lot) = chain.everybody(Trade::Exporter).into_iter().find_map(|who| {
            let large = |stock: &&Stock| stock.good == Good::MagnetsN && 395_000 <= stock.grams;
            Some((who, chain.stock[who].iter().find(large)?.clone()))
        })?;
        scheme.organisation = Some(exporter);
        for _ in 0..SPLIT_SHIPMENTS {
            let grams = chain.chance.between(92_000, 98_000);
            scheme.aside.push(lot.part(grams));
            let stock = chain.stock[exporter].iter_mut().find(|stock| stock.lot == lot.lot);
            stock.expect("it was found a moment ago").grams -= grams;
        }
        return None;
    };
    let parcel = vec![scheme.aside.pop()?];
    let filing = ship(chain, exporter, parcel, Some(abroad("Harbour Crown Components FZE", "AE")))?;
    scheme.references.push(reference(chain, filing));
    let references = scheme.references.clone();
    (scheme.references.len() == SPLIT_SHIPMENTS)
        .then_some(Done { organisation: exporter, references })
}

fn conjure_dysprosium(chain: &mut Chain, _: &Practice, _: &mut Scheme) -> Option<Done> {
    let separator = chain
        .everybody(Trade::IonSeparator)
        .into_iter()
        .find(|who| 400_000 < chain.held(*who, Good::MixedOxide))?;
    let inputs = chain.take(separator, Good::MixedOxide, 400_000);
    let mut elements = ElementMasses::ZERO;
    elements.0[Element::Dy.index()] = 60_000_000;
    let outputs = [Output { good: Good::DyOxide, grams: 69_200, elements }];
    let filing = chain.transform(separator, Process::Separation, &inputs, &outputs, None);
    Some(Done { organisation: separator, references: vec![reference(chain, filing)] })
}

fn abroad(name: &str, country: &str) -> Party {
    Party { name: name.to_owned(), identifier: None, country: country.to_owned() }
}
