//! What is done besides the daily trade: frauds that are filings of their own, and what only looks
//! like them.

use super::{
    books::{Books, Circling, Lot, ROUNDS_A_MONTH},
    data::{DESTINATIONS, Line, Ware},
    deeds::Kind,
    firms::foreign,
    moving::{Sale, To, split},
    trade::for_sale,
};
use crate::filing::Party;

/// Small shipments of a series: just under what its sender believes to be looked at.
const JUST_UNDER_GRAMS: (u64, u64) = (88_000, 98_500);
const SAMPLE_GRAMS: (u64, u64) = (2_000, 8_000);
/// A month of exports of a firm that has no history yet.
const SOME_GRAMS: u64 = 300_000;
/// Shares of a lot that go in circles at most, and how often.
const LEGS: usize = 6;

/// What a firm does besides in this round.
pub(crate) fn act(books: &mut Books, who: usize) {
    split_shipments(books, who);
    samples(books, who);
    listed(books, who);
    wrong_licence(books, who);
    stockpile(books, who);
    duplicate(books, who);
    circle(books, who);
    ghost(books, who);
}

/// To whom an export goes, and how much of it: by turns one of the regular buyers; a part of it
/// somewhere else where a firm diverts.
pub(crate) fn placed(books: &mut Books, who: usize, lots: Vec<Lot>) -> (To, Vec<Lot>) {
    let regular = books.firms[who].abroad.clone();
    let (party, country) = books.chance.one_of(&regular).clone();
    let mut lots = lots;
    if let Some((deed, strength)) = books.fraud(who, "hub_diversion") {
        let total = lots.iter().map(|lot| lot.book).sum::<u64>();
        let (apart, rest) = split(&lots, total * strength / 1_000);
        let hubs: Vec<usize> =
            (0..DESTINATIONS.len()).filter(|place| DESTINATIONS[*place].hub).collect();
        let (hub, to) = foreign(&mut books.chance, hubs[deed % hubs.len()]);
        let sale = Sale { deed: Some(deed), ..Sale::default() };
        books.send(who, &To::Abroad(hub, to), apart, sale);
        lots = rest;
    }
    if let Some(deed) = books.look_alike(who, "new_country") {
        let honest: Vec<usize> =
            (0..DESTINATIONS.len()).filter(|place| !DESTINATIONS[*place].hub).collect();
        let (new, to) = foreign(&mut books.chance, honest[deed % honest.len()]);
        let total = lots.iter().map(|lot| lot.book).sum::<u64>();
        let (apart, rest) = split(&lots, total / 10);
        books.send(who, &To::Abroad(new, to), apart, Sale { deed: Some(deed), ..Sale::default() });
        lots = rest;
    }
    (To::Abroad(party, country), lots)
}

/// Some magnets, whatever they are.
fn magnets(books: &mut Books, who: usize, grams: u64) -> Vec<Lot> {
    let ware =
        [Ware::MAGNETS_N, Ware::ROTORS].into_iter().find(|ware| grams <= books.held(who, *ware));
    // Nothing else than exactly so much: a whole lot could be a little more.
    let lots = ware.map(|ware| books.take(who, ware, grams)).unwrap_or_default();
    let (wanted, rest) = split(&lots, grams);
    books.put_back(who, rest);
    wanted
}

/// Three or more within thirty days, to one user under one name or several.
fn split_shipments(books: &mut Books, who: usize) {
    let Some((deed, strength)) = books.fraud(who, "split_shipments") else { return };
    let (party, country) = books.firms[who].abroad[0].clone();
    for number in 0..=(strength / 30).max(1) {
        let grams = books.chance.between(JUST_UNDER_GRAMS.0, JUST_UNDER_GRAMS.1);
        let lots = magnets(books, who, grams);
        let party = if deed % 2 == 0 {
            party.clone()
        } else {
            // Sister names at the same place.
            Party {
                name: format!("{} {}", party.name, number + 1),
                identifier: None,
                ..party.clone()
            }
        };
        let sale = Sale { deed: Some(deed), ..Sale::default() };
        books.send(who, &To::Abroad(party, country), lots, sale);
    }
}

fn samples(books: &mut Books, who: usize) {
    let Some(deed) = books.look_alike(who, "samples") else { return };
    for (party, country) in books.firms[who].abroad.clone() {
        let grams = books.chance.between(SAMPLE_GRAMS.0, SAMPLE_GRAMS.1);
        let lots = magnets(books, who, grams);
        let sale = Sale { deed: Some(deed), price_ppm: 60_000, ..Sale::default() };
        books.send(who, &To::Abroad(party, country), lots, sale);
    }
}

/// An export to a listed party under a name that is not quite the published one; and to somebody
/// who only has a word of it in theirs.
fn listed(books: &mut Books, who: usize) {
    let fraud = books.fraud(who, "listed_end_user");
    let similar = books.look_alike(who, "similar_name");
    let Some(deed) = fraud.map(|(deed, _)| deed).or(similar) else { return };
    let listed = books.listed[deed % books.listed.len()].clone();
    let name = match (fraud, deed % 3) {
        (None, _) => {
            let first = listed.name.split(' ').next().unwrap_or_default();
            format!("{first} Kitchenware {}", books.chance.between(2, 9))
        }
        (Some(_), 0) => listed.name.to_uppercase(),
        (Some(_), 1) => listed.name.replace("Aero", "Aéro").replace("Co., Ltd.", "Company Limited"),
        (Some(_), _) => {
            let mut words: Vec<&str> = listed.name.split(' ').collect();
            words.swap(0, 1);
            words.join(" ")
        }
    };
    let country =
        DESTINATIONS.iter().map(|place| place.country).find(|code| *code == listed.country);
    let party = Party { name, identifier: None, country: listed.country.clone() };
    let strength = fraud.map_or(30, |(_, strength)| strength);
    let grams = (books.sold[who].max(SOME_GRAMS) / 10 * strength / 1_000).max(SAMPLE_GRAMS.0);
    let lots = magnets(books, who, grams);
    let sale = Sale { deed: Some(deed), ..Sale::default() };
    books.send(who, &To::Abroad(party, country.unwrap_or("US")), lots, sale);
}

/// Controlled magnets without a licence, or under one that does not exist; and honest exports of
/// magnets that need none.
fn wrong_licence(books: &mut Books, who: usize) {
    if let Some(deed) = books.look_alike(who, "uncontrolled_export") {
        let lots = for_sale(books, who, Ware::MAGNETS_N);
        let (party, country) = books.firms[who].abroad[0].clone();
        let sale = Sale { deed: Some(deed), ..Sale::default() };
        return books.send(who, &To::Abroad(party, country), lots, sale);
    }
    let Some((deed, strength)) = books.fraud(who, "wrong_licence") else { return };
    // The controls hold from the fourth of the month on.
    if books.round.is_multiple_of(ROUNDS_A_MONTH) {
        return;
    }
    let held = books.held(who, Ware::MAGNETS_SH);
    let lots = books.take(who, Ware::MAGNETS_SH, (held * strength / 100).max(SAMPLE_GRAMS.0));
    let (party, country) = books.firms[who].abroad[0].clone();
    let licence = (deed % 2 == 1).then(|| format!("DUL-2024-{deed:06}"));
    books.send(
        who,
        &To::Abroad(party, country),
        lots,
        Sale { licence, deed: Some(deed), ..Sale::default() },
    );
}

/// Buys ahead of the controls and sends abroad what it can: so much of a year's sales within three
/// months, besides the ordinary.
fn stockpile(books: &mut Books, who: usize) {
    let Some((deed, strength)) = books.fraud(who, "stockpiling") else { return };
    let a_round = books.sold[who].max(SOME_GRAMS) * strength / 1_000 / 9;
    if a_round < SAMPLE_GRAMS.0 {
        return;
    }
    books.import(who, Ware::MAGNETS_SH, a_round * 11 / 10, Some(deed));
    let lots = books.take(who, Ware::MAGNETS_SH, a_round);
    let (party, country) = books.firms[who].abroad[0].clone();
    books.send(
        who,
        &To::Abroad(party, country),
        lots,
        Sale { deed: Some(deed), ..Sale::default() },
    );
}

/// By turns an invoice that was used before, and more of a lot than there is.
fn duplicate(books: &mut Books, who: usize) {
    let Some((deed, strength)) = books.fraud(who, "duplicate_documents") else { return };
    let Some(ware) = books.lots[who].iter().filter(|lot| 0 < lot.truly).map(|lot| lot.ware).next()
    else {
        return;
    };
    let held = books.held(who, ware);
    let mut lots = books.take(who, ware, (held * strength / 100).max(SAMPLE_GRAMS.0));
    let users = books.firms[who].users.clone();
    let to = To::User(users[0].clone());
    let mut sale = Sale { deed: Some(deed), ..Sale::default() };
    if deed % 2 == 0 {
        let (one, other) = split(&lots, lots.iter().map(|lot| lot.book).sum::<u64>() / 2);
        sale.invoice = Some(books.number(who, "INV"));
        books.send(who, &to, one, sale.clone());
        return books.send(who, &to, other, sale);
    }
    // The whole lot and so much of it again.
    if let Some(lot) = lots.first_mut() {
        let left: u64 = books.lots[who]
            .iter()
            .filter(|other| other.name == lot.name)
            .map(|other| other.book)
            .sum();
        lot.book += left + (lot.book + left) * strength / 1_000;
        let name = lot.name.clone();
        books.lots[who].retain(|other| other.name != name);
    }
    books.send(who, &to, lots, sale);
}

/// Goods that go from hand to hand and come back, again and again; and goods that are sent to be
/// worked on, and come back once.
fn circle(books: &mut Books, who: usize) {
    let circling = std::mem::take(&mut books.circling);
    let here = |going: &Circling| {
        going.holder == who
            && books.lots[who].iter().any(|lot| lot.name == going.lot && 0 < lot.truly)
    };
    let (due, kept): (Vec<_>, Vec<_>) = circling.into_iter().partition(here);
    books.circling = kept;
    for going in due {
        pass_on(books, going, None);
    }
    let fraud = books.fraud(who, "circular_trade");
    let Some((deed, strength)) = fraud.or(books.look_alike(who, "tolling").map(|deed| (deed, 100)))
    else {
        return;
    };
    if books.circling.iter().any(|going| going.deed == deed)
        || books.deeds[deed].partners.is_empty()
    {
        return;
    }
    let bought = |lot: &&Lot| 0 < lot.truly && 40_000 < lot.book;
    let Some(lot) = books.lots[who].iter().find(bought) else { return };
    // Strength is of the firm's trade: some lots' worth of it goes round at once.
    let grams = (books.sold[who] / 4 * strength / 100).clamp(20_000, lot.book);
    let lot = lot.name.clone();
    pass_on(books, Circling { deed, lot, legs: 0, holder: who }, Some(grams));
}

fn pass_on(books: &mut Books, going: Circling, part: Option<u64>) {
    let Circling { deed, lot: name, legs, holder } = going;
    let fraud = matches!(books.deeds[deed].kind, Kind::Fraud(_));
    let mut round: Vec<usize> = vec![books.deeds[deed].firm];
    round.extend(&books.deeds[deed].partners);
    round.truncate(if fraud { 3 } else { 2 });
    if legs == if fraud { LEGS } else { 2 } {
        return;
    }
    let at = round.iter().position(|firm| *firm == holder).unwrap_or_default();
    let next = round[(at + 1) % round.len()];
    let Some(place) = books.lots[holder].iter().rposition(|lot| lot.name == name) else { return };
    let whole = books.lots[holder].remove(place);
    let (sent, rest) = split(&[whole], part.unwrap_or(u64::MAX));
    books.put_back(holder, rest);
    let sale = Sale { deed: Some(deed), ..Sale::default() };
    books.send(holder, &To::Filer(next), sent, sale);
    books.circling.push(Circling { deed, lot: name, legs: legs + 1, holder: next });
}

/// A new firm with one supplier, who sends it what it can; nothing goes on from there.
fn ghost(books: &mut Books, who: usize) {
    let line = books.firms[who].line;
    if line != Line::MagnetMaker && line != Line::Smelter {
        return;
    }
    let month = books.month();
    let supplied = books.deeds.iter().enumerate().find(|(_, deed)| {
        deed.typology == "ghost_buyer"
            && matches!(deed.kind, Kind::Fraud(_) | Kind::LookAlike("new_firm"))
            && (deed.from..=deed.until).contains(&month)
            && deed.supplier == Some(who)
    });
    let Some((deed, strength)) = supplied.map(|(index, deed)| (index, deed.kind)) else { return };
    let ware = if line == Line::Smelter { Ware::PRND_METAL } else { Ware::MAGNETS_N };
    let share = match strength {
        Kind::Fraud(strength) => strength * 5,
        Kind::LookAlike(_) => 200,
    };
    let held = books.held(who, ware);
    let lots = books.take(who, ware, (held * share / 1_000).max(SAMPLE_GRAMS.0));
    let buyer = books.deeds[deed].firm;
    books.send(who, &To::Filer(buyer), lots, Sale { deed: Some(deed), ..Sale::default() });
}

/// Parties that are listed in the year: made up, like everybody.
pub(crate) fn listed_parties(books: &mut Books) -> Vec<Party> {
    const NAMES: [(&str, &str); 12] = [
        ("Aerolith Guidance Systems Inc.", "US"),
        ("Redstone Ballistics LLC", "US"),
        ("Halcyon Aero Dynamics Inc.", "US"),
        ("Kestrel Rocket Motors LLC", "US"),
        ("Tidewater Naval Works Inc.", "US"),
        ("Sierra Interceptor Group Inc.", "US"),
        ("Nordhafen Wehrtechnik GmbH", "DE"),
        ("Formosa Strait Aero Co., Ltd.", "TW"),
        ("Keelung Missile Parts Co., Ltd.", "TW"),
        ("Umbra Optronics S.p.A.", "IT"),
        ("Chitose Defence Motors KK", "JP"),
        ("Daehan Torpedo Co., Ltd.", "KR"),
    ];
    let start = books.chance.index(NAMES.len());
    let all = NAMES.iter().cycle().skip(start).take(NAMES.len());
    all.map(|(name, country)| Party {
        name: (*name).to_owned(),
        identifier: None,
        country: (*country).to_owned(),
    })
    .collect()
}
