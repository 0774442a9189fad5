//! Goods on their way: dispatches, receipts, exports; and the papers of other authorities on them.

use super::{
    books::{Books, Lot, UnderWay},
    data::Ware,
    draw::{changed, normal_ppm},
    firms::foreign,
    making::{moved, said},
};
use crate::{
    chain::kilograms,
    filing::{Filing, Line, MovementName, Party},
};
use domain::{
    calendar_month::beijing_date,
    codes::{Beyond, FilingKind, Outcome},
    mass::kilograms_of_grams,
};
use serde_json::json;

/// How a sale departs from the ordinary.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sale {
    /// The price against the firm's ordinary one, in millionths.
    pub(crate) price_ppm: i64,
    /// The invoice number, where it is not the next one.
    pub(crate) invoice: Option<String>,
    /// The licence an export names.
    pub(crate) licence: Option<String>,
    /// The deed it belongs to.
    pub(crate) deed: Option<usize>,
}

/// To whom.
#[derive(Clone, Debug)]
pub(crate) enum To {
    /// Somebody who files.
    Filer(usize),
    /// Somebody at home who does not.
    User(Party),
    /// Somebody abroad, in a country.
    Abroad(Party, &'static str),
}

/// Prices of one firm's sales in a month vary by this.
const PRICE_VARIATION_PPM: u64 = 18_000;
/// What a price is when value is hidden or made up, against the ordinary one.
const UNDERVALUED_PPM: i64 = -450_000;
const OVERVALUED_PPM: i64 = 600_000;
const BULK_DISCOUNT_PPM: i64 = -90_000;
const SMALL_LOT_PREMIUM_PPM: i64 = 110_000;
/// Of a thousand, so many dispatches have a price that is corrected afterwards, come in late, or
/// arrive a round later than others.
const WRONG_PRICE_PERMILLE: u64 = 5;
const LATE_PERMILLE: u64 = 15;
const SLOW_PERMILLE: u64 = 200;
/// What is short when goods wear on the way, in millionths.
const WEAR_PPM: (u64, u64) = (3_000, 7_000);
/// Packing, in thousandths of the goods.
const PACKING_PERMILLE: u64 = 60;

impl Books {
    /// Sells, the whole at an ordinary price; or, where value is hidden or made up, the part of it
    /// that does so in a shipment of its own.
    pub(crate) fn sell(&mut self, who: usize, to: &To, lots: Vec<Lot>, sale: Sale) {
        let total = lots.iter().map(|lot| lot.book).sum::<u64>();
        if total == 0 {
            return;
        }
        self.sold[who] += total;
        for (typology, price_ppm) in
            [("undervaluation", UNDERVALUED_PPM), ("overvaluation", OVERVALUED_PPM)]
        {
            let Some((deed, strength)) = self.fraud(who, typology) else { continue };
            // The value that is wrong is that share of all.
            let permille = (strength * 1_000_000 / price_ppm.unsigned_abs()).min(1_000);
            let (apart, rest) = split(&lots, total * permille / 1_000);
            self.send(who, to, apart, &Sale { price_ppm, deed: Some(deed), ..sale.clone() });
            return self.send(who, to, rest, &sale);
        }
        let mut sale = sale;
        for (kind, price_ppm) in
            [("bulk_discount", BULK_DISCOUNT_PPM), ("small_lot_premium", SMALL_LOT_PREMIUM_PPM)]
        {
            if let Some(deed) = self.look_alike(who, kind) {
                sale = Sale { price_ppm, deed: Some(deed), ..sale };
            }
        }
        self.send(who, to, lots, &sale);
    }

    /// The next number of a tax invoice, which is nobody else's.
    pub(crate) fn invoice_number(&mut self, who: usize) -> String {
        format!("{who:05}-{}", self.number(who, "INV"))
    }

    /// Sends goods off.
    pub(crate) fn send(&mut self, who: usize, to: &To, lots: Vec<Lot>, sale: &Sale) {
        if lots.is_empty() {
            return;
        }
        match to {
            To::Abroad(party, country) => self.export(who, (party, country), &lots, sale),
            To::Filer(_) | To::User(_) => self.dispatch(who, to, lots, sale),
        }
    }

    fn dispatch(&mut self, who: usize, to: &To, lots: Vec<Lot>, sale: &Sale) {
        let mut filing = self.filing(who, FilingKind::Dispatch, "DSP");
        if let Some(deed) = sale.deed {
            self.note(deed, &filing);
        }
        filing.party = Some(match to {
            To::Filer(buyer) => Party {
                name: self.firms[*buyer].name_zh.clone(),
                identifier: Some(self.firms[*buyer].uscc.to_string()),
                country: "CN".to_owned(),
            },
            To::User(party) | To::Abroad(party, _) => party.clone(),
        });
        // Regular partners have one contract for the year, which their systems fill in.
        filing.contract = Some(match to {
            To::Filer(buyer) => format!("HT-{who:04}-{buyer:04}"),
            To::User(_) | To::Abroad(..) => format!("HT-{who:04}-U"),
        });
        filing.invoice = Some(sale.invoice.clone().unwrap_or_else(|| self.invoice_number(who)));
        filing.lines = lots.iter().map(|lot| self.priced(who, lot, sale)).collect();
        let lots = self.under_reported(who, to, lots, &mut filing);
        self.hand_in_invoice(who, to, &lots, &filing);
        self.file_dispatch(who, to, filing.clone());
        if let To::Filer(buyer) = to {
            let slow = usize::from(self.chance.happens(SLOW_PERMILLE));
            let movement = MovementName { seller: who, reference: filing.reference };
            let arrives_in = self.round + 1 + slow;
            self.under_way[*buyer].push(UnderWay { movement, lots, arrives_in });
        }
    }

    /// Files it: at once, late, or wrong and then right.
    fn file_dispatch(&mut self, who: usize, to: &To, filing: Filing) {
        let resent = self.look_alike(who, "sent_again");
        if let Some(deed) = resent {
            self.note(deed, &filing);
            self.file(filing.clone());
            return self.file(filing);
        }
        if matches!(to, To::User(_)) && self.chance.happens(LATE_PERMILLE) {
            let later = usize::try_from(self.chance.between(1, 3)).unwrap_or(1);
            return self.file_in(self.round + later, filing);
        }
        if self.chance.happens(WRONG_PRICE_PERMILLE) {
            let mut wrong = filing.clone();
            for line in &mut wrong.lines {
                line.price_fen = line.price_fen.map(|fen| fen * 10);
            }
            self.file(wrong);
            let reason = "单价多写一个零 / the price had a nought too many";
            return self.file(Filing { correction: Some((2, reason)), ..filing });
        }
        self.file(filing);
    }

    /// What a filing says of a lot that is sold.
    fn priced(&mut self, who: usize, lot: &Lot, sale: &Sale) -> Line {
        let market = self.month_facts().price_fen(lot.ware);
        let error = normal_ppm(&mut self.chance, PRICE_VARIATION_PPM);
        let own = changed(market, self.firms[who].price_ppm + error);
        let uncertainty_grams = self.stated_uncertainty(who, lot.book);
        let price_fen = Some(changed(own, sale.price_ppm).max(1));
        Line { uncertainty_grams, price_fen, ..moved(lot) }
    }

    /// Says less than is on the lorry, where seller and buyer agreed to, or the seller alone; what
    /// is not said stays in the books and is not there.
    fn under_reported(
        &mut self,
        who: usize,
        to: &To,
        lots: Vec<Lot>,
        filing: &mut Filing,
    ) -> Vec<Lot> {
        let To::Filer(_) = to else { return lots };
        let agreed = self.fraud(who, "collusive_under_report");
        let alone = self.fraud(who, "one_sided_sale");
        let Some((deed, strength)) = agreed.or(alone) else { return lots };
        self.note(deed, filing);
        let mut sent = Vec::new();
        for (line, lot) in filing.lines.iter_mut().zip(lots) {
            line.grams = (lot.book * (1_000 - strength) / 1_000).max(1);
            let mut said = lot.part(line.grams);
            let mut left = lot.part(lot.book - line.grams);
            (left.truly, left.elements) = (0, domain::mass::ElementMasses::ZERO);
            if agreed.is_none() {
                // The buyer weighs what came, and says so.
                (said.truly, said.elements) = (lot.truly, lot.elements);
            }
            sent.push(said);
            self.lots[who].push(left);
        }
        sent
    }

    /// Receives what has arrived.
    pub(crate) fn receive(&mut self, who: usize) {
        let round = self.round;
        let (arrived, under_way): (Vec<_>, Vec<_>) = std::mem::take(&mut self.under_way[who])
            .into_iter()
            .partition(|goods| goods.arrives_in <= round);
        self.under_way[who] = under_way;
        for goods in arrived {
            self.receive_one(who, goods);
        }
    }

    fn receive_one(&mut self, who: usize, goods: UnderWay) {
        let mut filing = self.filing(who, FilingKind::Receipt, "RCP");
        let seller = goods.movement.seller;
        let returned = self.look_alike(seller, "goods_returned");
        let worn = self.look_alike(seller, "wear_on_the_way");
        for mut lot in goods.lots {
            if let Some(deed) = worn {
                self.note(deed, &filing);
                let short = self.chance.between(WEAR_PPM.0, WEAR_PPM.1).cast_signed();
                lot.truly = changed(lot.truly, -short);
            }
            let mut line = moved(&lot);
            line.grams = self.weigh(who, lot.truly);
            line.uncertainty_grams = self.stated_uncertainty(who, line.grams);
            if let Some(deed) = returned {
                self.note(deed, &filing);
                line.refused_grams = line.grams / 4;
                line.grams -= line.refused_grams;
                lot = lot.part(lot.book / 4 * 3);
            }
            lot.said = lot.said.share(kilograms(line.grams), kilograms(lot.book));
            lot.book = line.grams;
            filing.lines.push(line);
            self.lots[who].push(lot);
        }
        filing.movement = Some(goods.movement);
        filing.outcome = Some(match (returned, worn) {
            (Some(_), _) => Outcome::PartiallyRefused,
            (None, Some(_)) => Outcome::Unsatisfactory,
            (None, None) => Outcome::Satisfactory,
        });
        self.file(filing);
    }

    /// Collects from those who do not file.
    pub(crate) fn collect(&mut self, who: usize, ware: Ware, truly: u64) {
        let mut filing = self.filing(who, FilingKind::Receipt, "COL");
        let users = self.firms[who].users.clone();
        filing.party = Some(self.chance.one_of(&users).clone());
        filing.beyond = Some(Beyond::EndOfLife);
        let filing = self.take_in(filing, ware, truly);
        self.file(filing);
    }

    /// Imports from abroad.
    pub(crate) fn import(&mut self, who: usize, ware: Ware, truly: u64, deed: Option<usize>) {
        let mut filing = self.filing(who, FilingKind::Import, "IMP");
        if let Some(deed) = deed {
            self.note(deed, &filing);
        }
        let (party, country) = foreign(&mut self.chance, 3);
        filing.party = Some(party);
        filing.country = Some(country);
        filing.declaration = Some(format!("I{who:05}{}", self.number(who, "D")));
        let filing = self.take_in(filing, ware, truly);
        self.file(filing);
    }

    fn export(&mut self, who: usize, to: (&Party, &'static str), lots: &[Lot], sale: &Sale) {
        let mut filing = self.filing(who, FilingKind::Export, "EXP");
        if let Some(deed) = sale.deed {
            self.note(deed, &filing);
        }
        filing.party = Some(to.0.clone());
        filing.country = Some(to.1);
        filing.licence.clone_from(&sale.licence);
        filing.declaration = Some(format!("E{who:05}{}", self.number(who, "D")));
        filing.invoice = Some(self.invoice_number(who));
        filing.lines = lots.iter().map(|lot| self.priced(who, lot, sale)).collect();
        self.declare(who, lots, &filing);
        self.file(filing);
    }

    /// What customs see of it.
    fn declare(&mut self, who: usize, lots: &[Lot], filing: &Filing) {
        let day = beijing_date(filing.happened_at);
        let lines: Vec<_> = filing
            .lines
            .iter()
            .zip(lots)
            .enumerate()
            .map(|(index, (line, lot))| {
                let fen = u128::from(line.price_fen.unwrap_or(0)) * u128::from(line.grams) / 1_000;
                let gross = line.grams + line.grams * PACKING_PERMILLE / 1_000;
                json!({
                    "line": index + 1, "hs_code": lot.ware.facts().hs_code,
                    "gross_kg": kilograms_of_grams(gross.cast_signed()),
                    "net_kg": kilograms_of_grams(line.grams.cast_signed()),
                    "value": format!("{}.{:02}", fen / 100, fen % 100), "currency": "CNY",
                    "licence": filing.licence,
                })
            })
            .collect();
        let declaration = json!({
            "number": filing.declaration, "declared_on": day, "exporter": self.firms[who].uscc,
            "destination": filing.country, "lines": lines,
        });
        self.declarations.push((self.round, declaration));
    }

    /// What the tax authority sees of a dispatch from mines and separators, in oxide.
    fn hand_in_invoice(&mut self, who: usize, to: &To, lots: &[Lot], filing: &Filing) {
        let To::Filer(buyer) = to else { return };
        let Some(goods) = lots.first().and_then(|lot| catalogued(lot.ware)) else { return };
        let mut oxide = said(lots).oxide_grams().unsigned_abs();
        let number = filing.invoice.clone();
        let form = |oxide: u64, version: u16, fen: u128| {
            json!({
                "number": number, "version": version, "issued_on": beijing_date(filing.happened_at),
                "seller": self.firms[who].uscc, "buyer": self.firms[*buyer].uscc,
                "lines": [{"goods": goods, "quantity": kilograms_of_grams(oxide.cast_signed()), "unit": "kg",
                    "amount": format!("{}.{:02}", fen / 100, fen % 100)}],
            })
        };
        let fen: u128 = filing
            .lines
            .iter()
            .map(|line| u128::from(line.price_fen.unwrap_or(0)) * u128::from(line.grams) / 1_000)
            .sum();
        let mut handed_in = Vec::new();
        let disagreeing = self.fraud(who, "documents_disagree");
        let corrected = self.look_alike(who, "credit_note");
        if let Some((_, strength)) = disagreeing {
            oxide = oxide * (1_000 - strength) / 1_000;
        }
        if corrected.is_some() {
            handed_in.push(form(oxide / 2, 1, fen / 2));
            handed_in.push(form(oxide, 2, fen));
        } else {
            handed_in.push(form(oxide, 1, fen));
        }
        let round = self.round;
        self.invoices.extend(handed_in.into_iter().map(|invoice| (round, invoice)));
        for deed in disagreeing.map(|(deed, _)| deed).into_iter().chain(corrected) {
            self.note(deed, filing);
        }
    }
}

/// The code of the goods in the catalogue of tax invoices.
fn catalogued(ware: Ware) -> Option<&'static str> {
    Some(match ware {
        Ware::CONCENTRATE => "ore.light",
        Ware::PRECIPITATE => "ore.ion_adsorption",
        Ware::PRND_OXIDE => "separated.pr_nd",
        Ware::DY_OXIDE => "separated.dy",
        Ware::TB_OXIDE => "separated.tb",
        Ware::LACE_OXIDE | Ware::MIXED_OXIDE => "separated.other",
        _ => return None,
    })
}

/// So many grams of these goods, and the rest.
pub(crate) fn split(lots: &[Lot], grams: u64) -> (Vec<Lot>, Vec<Lot>) {
    let (mut apart, mut rest) = (Vec::new(), Vec::new());
    let mut wanted = grams;
    for lot in lots {
        let taken = wanted.min(lot.book);
        wanted -= taken;
        if 0 < taken {
            apart.push(lot.part(taken));
        }
        if taken < lot.book {
            let mut left = lot.part(lot.book - taken);
            // Both parts together are the whole, to the milligram.
            let part = lot.part(taken);
            left.truly = lot.truly - part.truly;
            left.elements = lot.elements.minus(&part.elements);
            left.said = lot.said.minus(&part.said);
            rest.push(left);
        }
    }
    (apart, rest)
}
