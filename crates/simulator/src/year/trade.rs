//! What each line of business does in a round of ten days.

use super::{
    books::{Books, Lot},
    data::{Line, Ware},
    making::{millionths, only, sum},
    moving::{Sale, To},
};
use domain::{codes::Process, element::Element};

/// Less does not start a line, a cell or a furnace.
const WORTH_STARTING_GRAMS: u64 = 20_000;
const WORTH_SELLING_GRAMS: u64 = 4_000;
/// A mine of middling size is so large.
const MIDDLING: u64 = 2_000;
const ALL: u64 = u64::MAX / 4;
/// Of what a seller holds, this much leaves with one sale, in percent.
const SOLD_PERCENT: u64 = 85;

/// Whether a firm is in business.
pub(crate) fn is_open(books: &Books, who: usize) -> bool {
    let (from, until) = books.firms[who].works;
    (from..=until).contains(&books.month())
}

/// What comes first in a firm's round: the post.
pub(crate) fn begin(books: &mut Books, who: usize) {
    books.hurrying = None;
    books.receive(who);
}

/// A firm's round.
pub(crate) fn act(books: &mut Books, who: usize) {
    let line = books.firms[who].line;
    let month = books.month_facts();
    let busy = line.facts().acts_permille * month.busy_permille / 1_000;
    let peak = books.look_alike(who, "seasonal_peak").or(books.look_alike(who, "new_year_peak"));
    let stopped =
        ["maintenance_stop", "nil_month"].iter().any(|kind| books.look_alike(who, kind).is_some());
    if stopped || !(peak.is_some() || books.chance.happens(busy)) {
        return;
    }
    match line {
        Line::RockMine => mine(books, who, (Ware::ORE, Ware::CONCENTRATE), "rock_beneficiation"),
        Line::IonMine => mine(books, who, (Ware::CLAY, Ware::PRECIPITATE), "leaching"),
        Line::Separator => separate(books, who),
        Line::Smelter => smelt(books, who),
        Line::AlloyMaker => cast(books, who),
        Line::MagnetMaker => make_magnets(books, who),
        Line::ProductMaker => assemble(books, who),
        Line::Recycler => recycle(books, who),
        Line::Trader => trade(books, who),
        Line::Exporter => export(books, who),
    }
}

/// A share of a month's doings that falls into this round.
fn a_round(books: &mut Books, a_month_kg: u64, size: u64) -> u64 {
    let busy = books.month_facts().busy_permille;
    let grams = a_month_kg * size / MIDDLING * busy / 3;
    books.chance.about(grams, 200_000)
}

fn mine(books: &mut Books, who: usize, (ore, product): (Ware, Ware), process: &'static str) {
    // Kilograms of rare-earth oxide; the ground holds more than comes of it.
    let size = books.firms[who].size;
    let a_month_kg = books.firms[who].line.facts().kg_a_month;
    let oxide = a_round(books, a_month_kg, size);
    let ore_grams = oxide * 1_000_000 / ore.pure_ppm();
    books.extract(who, ore, ore_grams.clamp(20_000, 60_000_000_000));
    transform(books, who, ore, Process::Beneficiation, process, product);
    sell_to(books, who, Line::Separator, product);
}

/// Turns all there is of one ware into another.
fn transform(books: &mut Books, who: usize, from: Ware, process: Process, key: &str, into: Ware) {
    let inputs = books.take(who, from, ALL);
    if worth(&inputs) < WORTH_STARTING_GRAMS {
        return books.put_back(who, inputs);
    }
    for batch in batches(books, who, inputs) {
        let kept = millionths(&sum(&batch), books.yields(who, key));
        books.make(who, process, &batch, &[(into, kept)]);
    }
}

fn worth(lots: &[Lot]) -> u64 {
    lots.iter().map(|lot| lot.book).sum()
}

/// All in one batch; a plant that says it did more than its furnaces can says many, one after the
/// other within the hour.
fn batches(books: &mut Books, who: usize, inputs: Vec<Lot>) -> Vec<Vec<Lot>> {
    let Some((deed, strength)) = books.fraud(who, "impossible_capacity") else {
        return vec![inputs];
    };
    let batches = 3 + strength / 10;
    let mut left = inputs;
    let mut all = Vec::new();
    let each = worth(&left) / batches;
    for _ in 1..batches {
        let (one, rest) = super::moving::split(&left, each);
        all.push(one);
        left = rest;
    }
    all.push(left);
    all.retain(|batch| !batch.is_empty());
    books.hurrying = Some((who, deed));
    all
}

fn separate(books: &mut Books, who: usize) {
    let mut inputs = books.take(who, Ware::CONCENTRATE, ALL);
    inputs.extend(books.take(who, Ware::PRECIPITATE, ALL));
    if worth(&inputs) < WORTH_STARTING_GRAMS {
        books.put_back(who, inputs);
    } else {
        let mut left = millionths(&sum(&inputs), books.yields(who, "separation"));
        let mut outputs = Vec::new();
        for (ware, elements) in [
            (Ware::PRND_OXIDE, &[Element::Pr, Element::Nd][..]),
            (Ware::LACE_OXIDE, &[Element::La, Element::Ce]),
            (Ware::DY_OXIDE, &[Element::Dy]),
            (Ware::TB_OXIDE, &[Element::Tb]),
        ] {
            let part = only(&left, elements);
            left = left.minus(&part);
            outputs.push((ware, part));
        }
        outputs.push((Ware::MIXED_OXIDE, left));
        let oxide = sum(&inputs).oxide_grams().unsigned_abs();
        books.drawn.push((books.round, who, oxide));
        books.make(who, Process::Separation, &inputs, &outputs);
    }
    let first = if books.chance.happens(800) { Line::Smelter } else { Line::Trader };
    sell_to(books, who, first, Ware::PRND_OXIDE);
    sell_to(books, who, Line::Smelter, Ware::DY_OXIDE);
    for ware in [Ware::LACE_OXIDE, Ware::TB_OXIDE, Ware::MIXED_OXIDE] {
        if books.chance.happens(450) {
            sell_to_user(books, who, ware);
        }
    }
}

fn smelt(books: &mut Books, who: usize) {
    transform(
        books,
        who,
        Ware::PRND_OXIDE,
        Process::MetalReduction,
        "electrolysis",
        Ware::PRND_METAL,
    );
    transform(
        books,
        who,
        Ware::DY_OXIDE,
        Process::MetalReduction,
        "metallothermic",
        Ware::DY_METAL,
    );
    let buyer = if books.chance.happens(850) { Line::AlloyMaker } else { Line::Trader };
    sell_to(books, who, buyer, Ware::PRND_METAL);
    sell_to(books, who, Line::AlloyMaker, Ware::DY_METAL);
}

fn cast(books: &mut Books, who: usize) {
    let (light, heavy) = (books.held(who, Ware::PRND_METAL), books.held(who, Ware::DY_METAL));
    // Flakes SH hold 28 parts of Dy to 282 of Pr and Nd.
    let for_sh = heavy * 282 / 28;
    let (grade, light_wanted, heavy_wanted) = if WORTH_STARTING_GRAMS < for_sh.min(light) {
        if for_sh < light {
            (Ware::FLAKES_SH, for_sh, heavy)
        } else {
            (Ware::FLAKES_SH, light, light * 28 / 282)
        }
    } else {
        (Ware::FLAKES_N, light, 0)
    };
    let mut inputs = books.take(who, Ware::PRND_METAL, light_wanted);
    if worth(&inputs) < WORTH_STARTING_GRAMS / 4 {
        books.put_back(who, inputs);
    } else {
        if 0 < heavy_wanted {
            inputs.extend(books.take(who, Ware::DY_METAL, heavy_wanted));
        }
        for batch in batches(books, who, inputs) {
            let kept = millionths(&sum(&batch), books.yields(who, "casting"));
            books.make(who, Process::Alloying, &batch, &[(grade, kept)]);
        }
    }
    sell_to(books, who, Line::MagnetMaker, Ware::FLAKES_N);
    sell_to(books, who, Line::MagnetMaker, Ware::FLAKES_SH);
}

fn make_magnets(books: &mut Books, who: usize) {
    for (flakes, magnets) in
        [(Ware::FLAKES_N, Ware::MAGNETS_N), (Ware::FLAKES_SH, Ware::MAGNETS_SH)]
    {
        let inputs = books.take(who, flakes, ALL);
        if worth(&inputs) < WORTH_STARTING_GRAMS {
            books.put_back(who, inputs);
            continue;
        }
        for batch in batches(books, who, inputs) {
            let entered = sum(&batch);
            let kept = millionths(&entered, books.yields(who, "magnet_making"));
            // Of what is ground off, nine tenths are swept up.
            let swarf = millionths(&entered.minus(&kept), 900_000);
            books.make(
                who,
                Process::MagnetMaking,
                &batch,
                &[(magnets, kept), (Ware::SWARF, swarf)],
            );
        }
    }
    for magnets in [Ware::MAGNETS_N, Ware::MAGNETS_SH] {
        match books.chance.between(1, 10) {
            1..=5 => sell_to(books, who, Line::Exporter, magnets),
            6..=7 => sell_to(books, who, Line::ProductMaker, magnets),
            8 => sell_to(books, who, Line::Trader, magnets),
            _ => sell_to_user(books, who, magnets),
        }
    }
    if books.chance.happens(400) {
        sell_to(books, who, Line::Recycler, Ware::SWARF);
    }
}

fn assemble(books: &mut Books, who: usize) {
    for magnets in [Ware::MAGNETS_N, Ware::MAGNETS_SH] {
        transform(books, who, magnets, Process::Assembly, "assembly", Ware::ROTORS);
    }
    if books.chance.happens(350) {
        sell_abroad(books, who, Ware::ROTORS);
    } else {
        sell_to_user(books, who, Ware::ROTORS);
    }
}

fn recycle(books: &mut Books, who: usize) {
    if books.chance.happens(350) {
        let size = books.firms[who].size;
        let grams = a_round(books, Line::Recycler.facts().kg_a_month, size);
        books.collect(who, Ware::END_OF_LIFE, grams.max(WORTH_STARTING_GRAMS));
    }
    let mut inputs = books.take(who, Ware::SWARF, ALL);
    inputs.extend(books.take(who, Ware::END_OF_LIFE, ALL));
    if worth(&inputs) < WORTH_STARTING_GRAMS {
        books.put_back(who, inputs);
    } else {
        let kept = millionths(&sum(&inputs), books.yields(who, "recycling"));
        let dy = only(&kept, &[Element::Dy]);
        let outputs = [(Ware::PRND_OXIDE, kept.minus(&dy)), (Ware::DY_OXIDE, dy)];
        books.make(who, Process::Recycling, &inputs, &outputs);
    }
    sell_to(books, who, Line::Smelter, Ware::PRND_OXIDE);
    sell_to(books, who, Line::Smelter, Ware::DY_OXIDE);
}

fn trade(books: &mut Books, who: usize) {
    if books.fraud(who, "ghost_buyer").is_some() {
        return;
    }
    for (ware, buyer) in [
        (Ware::PRND_OXIDE, Line::Smelter),
        (Ware::PRND_METAL, Line::AlloyMaker),
        (Ware::MAGNETS_N, Line::Exporter),
        (Ware::MAGNETS_SH, Line::Exporter),
    ] {
        if books.chance.happens(700) {
            sell_to(books, who, buyer, ware);
        } else {
            sell_to_user(books, who, ware);
        }
    }
}

fn export(books: &mut Books, who: usize) {
    sell_abroad(books, who, Ware::MAGNETS_N);
    // From April on a licence is needed for what holds dysprosium: it is sold at home instead.
    if books.month() < super::CONTROLS {
        sell_abroad(books, who, Ware::MAGNETS_SH);
    } else if books.fraud(who, "wrong_licence").is_none() {
        sell_to_user(books, who, Ware::MAGNETS_SH);
    }
}

/// Takes what a sale of a ware takes.
pub(crate) fn for_sale(books: &mut Books, who: usize, ware: Ware) -> Vec<Lot> {
    let held = books.held(who, ware);
    if held < WORTH_SELLING_GRAMS {
        return Vec::new();
    }
    books.take(who, ware, held * SOLD_PERCENT / 100)
}

fn sell_to(books: &mut Books, who: usize, line: Line, ware: Ware) {
    let Some(regulars) = books.firms[who].regulars.get(&line).cloned() else {
        return sell_to_user(books, who, ware);
    };
    let month = books.month();
    let open: Vec<usize> = regulars
        .into_iter()
        .filter(|buyer| {
            (books.firms[*buyer].works.0..=books.firms[*buyer].works.1).contains(&month)
        })
        .collect();
    if open.is_empty() {
        return sell_to_user(books, who, ware);
    }
    let buyer = *books.chance.one_of(&open);
    let lots = for_sale(books, who, ware);
    books.sell(who, &To::Filer(buyer), lots, Sale::default());
}

fn sell_to_user(books: &mut Books, who: usize, ware: Ware) {
    let users = books.firms[who].users.clone();
    let user = books.chance.one_of(&users).clone();
    let lots = for_sale(books, who, ware);
    books.sell(who, &To::User(user), lots, Sale::default());
}

fn sell_abroad(books: &mut Books, who: usize, ware: Ware) {
    let lots = for_sale(books, who, ware);
    let (abroad, lots) = super::schemes::placed(books, who, lots);
    books.sell(who, &abroad, lots, Sale::default());
}
