//! What each trade does in a round.

use crate::{
    chain::{Buyer, Chain, LOOKS_SMALL_GRAMS, Output, Stock, Terms, came_with, kilograms},
    data::{Yield, process_yield, seasons},
    filing::Party,
    goods::{Good, MAGNET_REE_PERCENT},
    nation::Trade,
};
use domain::{
    codes::{Beyond, FilingKind, Process},
    element::Element,
    mass::ElementMasses,
};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};

/// Purity of what separation and smelting make, in percent.
const PURITY_PERCENT: Decimal = dec!(99.5);
const MIXED_PURITY_PERCENT: Decimal = dec!(95);
/// Less of a product goes with the residues.
const WORTH_KEEPING_MG: i64 = 500_000;
/// Less does not start a separation or recycling line.
const WORTH_STARTING_GRAMS: u64 = 50_000;
/// Less does not fill a cell or crucible.
const WORTH_SMELTING_GRAMS: u64 = 5_000;

/// What the processes yield and how busy the months are, read once.
#[derive(Debug)]
pub(crate) struct Practice {
    rock_beneficiation: Yield,
    leaching: Yield,
    cracking: Yield,
    separation: Yield,
    electrolysis: Yield,
    metallothermic: Yield,
    casting: Yield,
    milling: Yield,
    sintering: Yield,
    machining: Yield,
    recycling: Yield,
    seasons: [u64; 12],
    rounds_per_month: u64,
}

impl Practice {
    /// As the data say.
    pub(crate) fn published(rounds_per_month: u32) -> Self {
        Self {
            rock_beneficiation: process_yield("beneficiation_bayan_obo"),
            leaching: process_yield("leaching_ion_adsorption"),
            cracking: process_yield("cracking_leaching"),
            separation: process_yield("solvent_extraction_separation"),
            electrolysis: process_yield("molten_salt_electrolysis"),
            metallothermic: process_yield("metallothermic_reduction"),
            casting: process_yield("alloy_strip_casting"),
            milling: process_yield("hydrogen_decrepitation_jet_milling"),
            sintering: process_yield("pressing_sintering"),
            machining: process_yield("machining_coating"),
            recycling: process_yield("swarf_recycling_hydromet"),
            seasons: seasons(),
            rounds_per_month: u64::from(rounds_per_month),
        }
    }
}

/// Somebody's round.
pub(crate) fn act(chain: &mut Chain, practice: &Practice, who: usize) {
    chain.receive(who);
    match chain.nation.organisations[who].trade {
        Trade::RockMine => mine(chain, practice, who, (Good::RockOre, Good::RockConcentrate)),
        Trade::LightIonMine => {
            mine(chain, practice, who, (Good::LightClay, Good::LightPrecipitate));
        }
        Trade::HeavyIonMine => {
            mine(chain, practice, who, (Good::HeavyClay, Good::HeavyPrecipitate));
        }
        Trade::RockSeparator => separate_rock(chain, practice, who),
        Trade::IonSeparator => separate_ion(chain, practice, who),
        Trade::Smelter => smelt(chain, practice, who),
        Trade::AlloyMaker => cast(chain, practice, who),
        Trade::MagnetMaker => make_magnets(chain, practice, who),
        Trade::Recycler => recycle(chain, practice, who),
        Trade::Trader => trade(chain, who),
        Trade::Exporter => export(chain, who),
    }
}

/// A yield of today, in thousandths; the typical one is the likeliest.
fn todays(chain: &mut Chain, of: Yield) -> u64 {
    let span = (of.high - of.low) / 6;
    chain.chance.between(
        of.typical - span.min(of.typical - of.low),
        of.typical + span.min(of.high - of.typical),
    )
}

/// So many thousandths of each element.
fn recovered(elements: &ElementMasses, per_thousand: u64) -> ElementMasses {
    elements.share(kilograms(per_thousand), kilograms(1_000))
}

fn sum(goods: &[Stock]) -> (u64, ElementMasses) {
    goods.iter().fold((0, ElementMasses::ZERO), |(grams, elements), stock| {
        (grams + stock.grams, elements.plus(&stock.elements()))
    })
}

/// Only these elements.
fn only(elements: &ElementMasses, wanted: &[Element]) -> ElementMasses {
    let mut kept = ElementMasses::ZERO;
    for element in wanted {
        kept.0[element.index()] = elements.get(*element);
    }
    kept
}

/// Goods of these elements as oxides, this pure.
fn as_oxide(good: Good, elements: ElementMasses, purity_percent: Decimal) -> Output {
    let oxide_mg: Decimal = elements
        .present()
        .map(|(element, mg)| Decimal::from(mg) / element.oxide_to_element())
        .sum();
    output(good, oxide_mg, elements, purity_percent)
}

/// Goods of these elements as metal or alloy, this much of it rare earths.
fn as_metal(good: Good, elements: ElementMasses, share_percent: Decimal) -> Output {
    output(good, Decimal::from(elements.total_mg()), elements, share_percent)
}

fn output(good: Good, pure_mg: Decimal, elements: ElementMasses, share_percent: Decimal) -> Output {
    let grams = (pure_mg / share_percent / dec!(10)).round().to_u64().unwrap_or_default();
    Output { good, grams, elements }
}

/// What went in and did not come out; never lighter than the elements in it.
fn remainder(inputs: &[Stock], outputs: &[Output]) -> (u64, ElementMasses) {
    let (grams_in, mut elements) = sum(inputs);
    let mut grams_out = 0;
    for output in outputs {
        grams_out += output.grams;
        elements = elements.minus(&output.elements);
    }
    let elements = elements.surplus();
    let at_least = u64::try_from(elements.total_mg() / 600).unwrap_or_default() + 1;
    (grams_in.saturating_sub(grams_out).max(at_least), elements)
}

fn mine(chain: &mut Chain, practice: &Practice, who: usize, (ore, concentrate): (Good, Good)) {
    // Maintenance stops are part of life.
    if chain.chance.happens(40) {
        return;
    }
    let of = if ore == Good::RockOre { practice.rock_beneficiation } else { practice.leaching };
    let month = usize::from(chain.round.month.first_day().month().unsigned_abs()) - 1;
    let reo = chain.nation.monthly_reo_grams(who) * practice.seasons[month]
        / 1_000
        / practice.rounds_per_month;
    let reo = chain.chance.about(reo, 150_000);
    let reo_percent: Decimal = ore.typical().percent.values().sum();
    let mined = Decimal::from(reo) * dec!(100_000) / reo_percent / Decimal::from(of.typical);
    chain.extract(who, ore, mined.to_u64().unwrap_or_default().max(1_000));
    let inputs = chain.take(who, ore, u64::MAX / 2);
    let share = todays(chain, of);
    let kept = recovered(&sum(&inputs).1, share);
    let purity: Decimal = concentrate.typical().percent.values().sum();
    let outputs = [as_oxide(concentrate, kept, purity)];
    let loss = remainder(&inputs, &outputs);
    chain.transform(who, Process::Beneficiation, &inputs, &outputs, Some(loss));
    let to = if ore == Good::RockOre { Trade::RockSeparator } else { Trade::IonSeparator };
    let buyer = Buyer::Filer(chain.somebody(to));
    let goods = chain.take_most(who, concentrate);
    chain.dispatch(who, buyer, goods, &Terms::default());
}

const LIGHT: &[(Good, &[Element])] = &[
    (Good::PrNdOxide, &[Element::Pr, Element::Nd]),
    (Good::LaCeOxide, &[Element::La, Element::Ce]),
];
const HEAVY: &[(Good, &[Element])] = &[
    (Good::DyOxide, &[Element::Dy]),
    (Good::TbOxide, &[Element::Tb]),
    (Good::YOxide, &[Element::Y]),
    (Good::GdOxide, &[Element::Gd]),
];

/// Separates what is there; whatever no product of its own takes ends up mixed.
fn separate(
    chain: &mut Chain,
    practice: &Practice,
    who: usize,
    inputs: Vec<Stock>,
    into: &[&[(Good, &[Element])]],
) {
    if sum(&inputs).0 < WORTH_STARTING_GRAMS {
        return chain.put_back(who, inputs);
    }
    let inputs = &inputs[..];
    let share = todays(chain, practice.cracking) * todays(chain, practice.separation) / 1_000;
    let mut left = recovered(&sum(inputs).1, share);
    let mut outputs = Vec::new();
    for (good, elements) in into.iter().copied().flatten() {
        let part = only(&left, elements);
        if WORTH_KEEPING_MG < part.total_mg() {
            outputs.push(as_oxide(*good, part, PURITY_PERCENT));
            left = left.minus(&part);
        }
    }
    if WORTH_KEEPING_MG < left.total_mg() {
        outputs.push(as_oxide(Good::MixedOxide, left, MIXED_PURITY_PERCENT));
    }
    let loss = remainder(inputs, &outputs);
    chain.transform(who, Process::Separation, inputs, &outputs, Some(loss));
}

fn separate_rock(chain: &mut Chain, practice: &Practice, who: usize) {
    let inputs = chain.take(who, Good::RockConcentrate, u64::MAX / 2);
    separate(chain, practice, who, inputs, &[LIGHT]);
    sell_oxides(chain, who);
    if chain.chance.happens(150) {
        let buyer = Buyer::Filer(chain.somebody(Trade::IonSeparator));
        let goods = chain.take_most(who, Good::MixedOxide);
        chain.dispatch(who, buyer, goods, &Terms::default());
    }
}

fn separate_ion(chain: &mut Chain, practice: &Practice, who: usize) {
    if chain.chance.happens(60) {
        import_precipitate(chain, who);
    }
    let mut inputs = chain.take(who, Good::HeavyPrecipitate, u64::MAX / 2);
    inputs.extend(chain.take(who, Good::LightPrecipitate, u64::MAX / 2));
    let (bought, own): (Vec<_>, Vec<_>) = chain
        .take(who, Good::MixedOxide, u64::MAX / 2)
        .into_iter()
        .partition(|stock| stock.lot.maker != who);
    chain.put_back(who, own);
    inputs.extend(bought);
    separate(chain, practice, who, inputs, &[LIGHT, HEAVY]);
    sell_oxides(chain, who);
    if chain.chance.happens(300) {
        for good in [Good::TbOxide, Good::YOxide, Good::GdOxide] {
            let (buyer, goods) = (chain.user(), chain.take_most(who, good));
            chain.dispatch(who, buyer, goods, &Terms::default());
        }
    }
}

fn import_precipitate(chain: &mut Chain, who: usize) {
    let mut filing = chain.filing(who, FilingKind::Import, "IMP");
    let miner = &chain.nation.foreign_miner;
    filing.party = Some(Party {
        name: miner.name.clone(),
        identifier: None,
        country: miner.country.to_owned(),
    });
    filing.country = Some(miner.country);
    filing.declaration = Some(chain.number(who, "CDI"));
    let grams = chain.chance.between(8_000_000, 20_000_000);
    chain.take_in(filing, Good::HeavyPrecipitate, grams);
}

fn sell_oxides(chain: &mut Chain, who: usize) {
    let buyer = if chain.chance.happens(750) { Trade::Smelter } else { Trade::Trader };
    let buyer = Buyer::Filer(chain.somebody(buyer));
    let goods = chain.take_most(who, Good::PrNdOxide);
    chain.dispatch(who, buyer, goods, &Terms::default());
    let buyer = match chain.chance.between(1, 10) {
        1..=6 => chain.user(),
        7..=8 => Buyer::Filer(chain.somebody(Trade::Trader)),
        _ => Buyer::Filer(chain.somebody(Trade::Exporter)),
    };
    let goods = chain.take_most(who, Good::LaCeOxide);
    chain.dispatch(who, buyer, goods, &Terms::default());
    let buyer = Buyer::Filer(chain.somebody(Trade::Smelter));
    let goods = chain.take_most(who, Good::DyOxide);
    chain.dispatch(who, buyer, goods, &Terms::default());
}

fn smelt(chain: &mut Chain, practice: &Practice, who: usize) {
    for (oxide, metal, of) in [
        (Good::PrNdOxide, Good::PrNdMetal, practice.electrolysis),
        (Good::DyOxide, Good::DyMetal, practice.metallothermic),
    ] {
        if WORTH_SMELTING_GRAMS < chain.held(who, oxide) {
            let inputs = chain.take(who, oxide, u64::MAX / 2);
            let share = todays(chain, of);
            let kept = recovered(&sum(&inputs).1, share);
            let outputs = [as_metal(metal, kept, PURITY_PERCENT)];
            let loss = remainder(&inputs, &outputs);
            chain.transform(who, Process::MetalReduction, &inputs, &outputs, Some(loss));
        }
        let buyer = if metal == Good::PrNdMetal && chain.chance.happens(150) {
            Trade::Trader
        } else {
            Trade::AlloyMaker
        };
        let buyer = Buyer::Filer(chain.somebody(buyer));
        let goods = chain.take_most(who, metal);
        chain.dispatch(who, buyer, goods, &Terms::default());
    }
}

fn cast(chain: &mut Chain, practice: &Practice, who: usize) {
    // The grade that the dysprosium in stock allows for all of the metal, or the plain one.
    let (light, heavy) = (chain.held(who, Good::PrNdMetal), chain.held(who, Good::DyMetal));
    let (grade, light_wanted, heavy_wanted) = if chain.chance.happens(450) && 20_000 < heavy {
        // Per hundred grams of flakes: 28.5 g of Pr and Nd, 3 g of Dy; or 30 g and 1.5 g.
        if chain.chance.happens(500) {
            (Good::FlakesSh, heavy * 285 / 30, heavy)
        } else {
            (Good::FlakesH, heavy * 300 / 15, heavy)
        }
    } else {
        (Good::FlakesN, light / 10 * 9, 0)
    };
    let heavy_wanted = if light < light_wanted {
        heavy_wanted * light / light_wanted.max(1)
    } else {
        heavy_wanted
    };
    let mut inputs = chain.take(who, Good::PrNdMetal, light_wanted.min(light));
    if inputs.is_empty() {
        return;
    }
    inputs.extend(chain.take(who, Good::DyMetal, heavy_wanted));
    let share = todays(chain, practice.casting);
    let kept = recovered(&sum(&inputs).1, share);
    let outputs = [as_metal(grade, kept, MAGNET_REE_PERCENT)];
    let loss = remainder(&inputs, &outputs);
    chain.transform(who, Process::Alloying, &inputs, &outputs, Some(loss));
    for grade in [Good::FlakesN, Good::FlakesH, Good::FlakesSh] {
        let buyer = Buyer::Filer(chain.somebody(Trade::MagnetMaker));
        let goods = chain.take_most(who, grade);
        chain.dispatch(who, buyer, goods, &Terms::default());
    }
}

fn make_magnets(chain: &mut Chain, practice: &Practice, who: usize) {
    for (flakes, blanks, magnets) in [
        (Good::FlakesN, Good::BlanksN, Good::MagnetsN),
        (Good::FlakesH, Good::BlanksH, Good::MagnetsH),
        (Good::FlakesSh, Good::BlanksSh, Good::MagnetsSh),
    ] {
        sinter(chain, practice, who, (flakes, blanks));
        machine(chain, practice, who, (blanks, magnets));
        sell_magnets(chain, who, magnets);
    }
    if chain.chance.happens(250) {
        let buyer = Buyer::Filer(chain.somebody(Trade::Recycler));
        let goods = chain.take_most(who, Good::Swarf);
        chain.dispatch(who, buyer, goods, &Terms::default());
    }
    if chain.chance.happens(15) {
        let goods = chain.take(who, Good::Swarf, 4_000);
        if !goods.is_empty() {
            let mut filing = chain.filing(who, FilingKind::Disposal, "DIS");
            filing.beyond = Some(Beyond::Waste);
            filing.after = came_with(&goods);
            filing.lines = goods.iter().map(crate::chain::moved).collect();
            chain.file(filing);
        }
    }
}

fn sinter(chain: &mut Chain, practice: &Practice, who: usize, (flakes, blanks): (Good, Good)) {
    let inputs = chain.take(who, flakes, u64::MAX / 2);
    if inputs.is_empty() {
        return;
    }
    let share = todays(chain, practice.milling) * todays(chain, practice.sintering) / 1_000;
    let (grams, elements) = sum(&inputs);
    let outputs = [Output {
        good: blanks,
        grams: grams * share / 1_000,
        elements: recovered(&elements, share),
    }];
    let loss = remainder(&inputs, &outputs);
    chain.transform(who, Process::MagnetMaking, &inputs, &outputs, Some(loss));
}

fn machine(chain: &mut Chain, practice: &Practice, who: usize, (blanks, magnets): (Good, Good)) {
    let inputs = chain.take(who, blanks, u64::MAX / 2);
    if inputs.is_empty() {
        return;
    }
    let share = todays(chain, practice.machining);
    // Most of what is ground away is caught.
    let swarf = (1_000 - share) * 92 / 100;
    let (grams, elements) = sum(&inputs);
    let part = |good, per_thousand| Output {
        good,
        grams: grams * per_thousand / 1_000,
        elements: recovered(&elements, per_thousand),
    };
    let outputs = [part(magnets, share), part(Good::Swarf, swarf)];
    let loss = remainder(&inputs, &outputs);
    chain.transform(who, Process::Machining, &inputs, &outputs, Some(loss));
}

fn sell_magnets(chain: &mut Chain, who: usize, magnets: Good) {
    let plain = magnets == Good::MagnetsN;
    let buyer = match chain.chance.between(1, 100) {
        1..=30 if plain => Buyer::Filer(chain.somebody(Trade::Exporter)),
        1..=15 => Buyer::Filer(chain.somebody(Trade::Exporter)),
        31..=38 if plain => Buyer::Filer(chain.somebody(Trade::Trader)),
        _ => chain.user(),
    };
    let goods = chain.take_most(who, magnets);
    chain.dispatch(who, buyer, goods, &Terms::default());
}

fn recycle(chain: &mut Chain, practice: &Practice, who: usize) {
    if chain.chance.happens(500) {
        let index = chain.chance.index(chain.nation.collectors.len());
        let collector = &chain.nation.collectors[index];
        let party = Party {
            name: collector.name.clone(),
            identifier: Some(collector.uscc.to_string()),
            country: "CN".to_owned(),
        };
        let mut filing = chain.filing(who, FilingKind::Receipt, "COL");
        filing.party = Some(party);
        filing.beyond = Some(Beyond::EndOfLife);
        let grams = chain.chance.between(300_000, 2_500_000);
        chain.take_in(filing, Good::EndOfLifeMagnets, grams);
    }
    let mut inputs = chain.take(who, Good::Swarf, u64::MAX / 2);
    inputs.extend(chain.take(who, Good::EndOfLifeMagnets, u64::MAX / 2));
    if sum(&inputs).0 < WORTH_STARTING_GRAMS {
        chain.put_back(who, inputs);
    } else {
        recycle_these(chain, practice, who, &inputs);
    }
    for good in [Good::PrNdOxide, Good::DyOxide] {
        let buyer = Buyer::Filer(chain.somebody(Trade::Smelter));
        let goods = chain.take_most(who, good);
        chain.dispatch(who, buyer, goods, &Terms::default());
    }
}

/// Feeds a recycling plant.
pub(crate) fn recycle_these(
    chain: &mut Chain,
    practice: &Practice,
    who: usize,
    inputs: &[Stock],
) -> Option<usize> {
    if inputs.is_empty() {
        return None;
    }
    let share = todays(chain, practice.recycling);
    let kept = recovered(&sum(inputs).1, share);
    let parts = [
        (Good::PrNdOxide, only(&kept, &[Element::Pr, Element::Nd])),
        (Good::DyOxide, only(&kept, &[Element::Dy])),
    ];
    let outputs: Vec<_> = parts
        .into_iter()
        .filter(|(_, elements)| WORTH_KEEPING_MG < elements.total_mg())
        .map(|(good, elements)| as_oxide(good, elements, PURITY_PERCENT))
        .collect();
    let loss = remainder(inputs, &outputs);
    Some(chain.transform(who, Process::Recycling, inputs, &outputs, Some(loss)))
}

fn trade(chain: &mut Chain, who: usize) {
    let held: std::collections::BTreeSet<Good> =
        chain.stock[who].iter().map(|stock| stock.good).collect();
    for good in held {
        let buyer = match good {
            Good::PrNdOxide | Good::DyOxide => Buyer::Filer(chain.somebody(Trade::Smelter)),
            Good::PrNdMetal | Good::DyMetal => Buyer::Filer(chain.somebody(Trade::AlloyMaker)),
            Good::MagnetsN | Good::LaCeOxide if chain.chance.happens(500) => {
                Buyer::Filer(chain.somebody(Trade::Exporter))
            }
            _ => chain.user(),
        };
        let goods = chain.take_most(who, good);
        chain.dispatch(who, buyer, goods, &Terms::default());
    }
}

fn export(chain: &mut Chain, who: usize) {
    for good in [Good::MagnetsN, Good::LaCeOxide] {
        // Two shipments rather than one, to different buyers.
        for _ in 0..2 {
            let most = chain.held(who, good) / 2;
            let goods = chain.take(who, good, most);
            ship(chain, who, goods, None);
        }
    }
    // Controlled grades wait for a licence; most are sold at home instead.
    for good in [Good::MagnetsH, Good::MagnetsSh] {
        if chain.chance.happens(200) {
            let most = chain.held(who, good) / 2;
            let (buyer, goods) = (chain.user(), chain.take(who, good, most));
            chain.dispatch(who, buyer, goods, &Terms::default());
        }
    }
}

/// Sends goods abroad without a licence; to this end user, or to any.
pub(crate) fn ship(
    chain: &mut Chain,
    who: usize,
    goods: Vec<Stock>,
    end_user: Option<Party>,
) -> Option<usize> {
    let total: u64 = goods.iter().map(|stock| stock.grams).sum();
    if total == 0 || (end_user.is_none() && LOOKS_SMALL_GRAMS.contains(&total)) {
        chain.put_back(who, goods);
        return None;
    }
    let index = chain.chance.index(chain.nation.foreign.len());
    let foreign = chain.nation.foreign[index].clone();
    let mut filing = chain.filing(who, FilingKind::Export, "EXP");
    filing.declaration = Some(chain.number(who, "CDE"));
    filing.invoice = Some(chain.number(who, "INV"));
    let known = end_user.and_then(|party| Some((country_code(&party.country)?, party)));
    let (country, party) = known.unwrap_or_else(|| {
        let identifier = foreign.lei.as_ref().map(ToString::to_string);
        let party =
            Party { name: foreign.name.clone(), identifier, country: foreign.country.to_owned() };
        (foreign.country, party)
    });
    filing.country = Some(country);
    filing.party = Some(party);
    filing.after = came_with(&goods);
    filing.lines = goods.iter().map(|stock| chain.sold(stock, &Terms::default())).collect();
    Some(chain.file(filing))
}

fn country_code(country: &str) -> Option<&'static str> {
    ["DE", "US", "KR", "VN", "JP", "DK", "CH", "FR", "CZ", "IN", "AE"]
        .into_iter()
        .find(|code| *code == country)
}
