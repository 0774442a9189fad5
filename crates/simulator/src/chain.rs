//! The nation's books while the year is written down: who holds which lots, what is under way.
//!
//! Every act here moves exactly what it files, so that a clean plan gives no finding. Amounts are
//! grams, elements milligrams; the arithmetic of shares is the domain's own.

use crate::{
    calendar::Round,
    chance::Chance,
    filing::{Filing, Line, LotName, MovementName, Party},
    goods::Good,
    nation::{Nation, Trade},
};
use domain::{
    codes::{Category, FilingKind, Outcome, Process},
    composition::{Basis, Composition, StatedComposition},
    element::Element,
    mass::{ElementMasses, Kilograms},
};
use rust_decimal::{Decimal, dec};
use std::collections::BTreeMap;

/// Scales agree within this, in millionths.
const WEIGHING_ERROR: u64 = 400;
/// Less is not worth a line.
const DUST_GRAMS: u64 = 500;
/// Less is sold whole.
const LITTLE_GRAMS: u64 = 20_000;
/// Laboratories agree within this, in millionths.
const ASSAY_ERROR: u64 = 1_000;
/// Prices of one good vary by this around their month's, in millionths.
const PRICE_VARIATION: u64 = 60_000;
/// A shipment between these is not sent by chance: it would look like one kept just under a limit.
pub(crate) const LOOKS_SMALL_GRAMS: std::ops::RangeInclusive<u64> = 75_000..=101_000;

/// A lot, or what is left of it, in somebody's hands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stock {
    /// Which lot.
    pub(crate) lot: LotName,
    /// Of what.
    pub(crate) good: Good,
    /// How much.
    pub(crate) grams: u64,
    /// What its maker said was in how much: shares are taken of this.
    pub(crate) claimed: (u64, ElementMasses),
    /// The filings that brought it here.
    pub(crate) filings: Vec<usize>,
}

impl Stock {
    /// The rare earths in it.
    pub(crate) fn elements(&self) -> ElementMasses {
        self.claimed.1.share(kilograms(self.grams), kilograms(self.claimed.0))
    }

    /// So much of it.
    #[must_use]
    pub(crate) fn part(&self, grams: u64) -> Self {
        Self { grams, ..self.clone() }
    }
}

/// Goods between two organisations.
#[derive(Clone, Debug)]
pub(crate) struct UnderWay {
    /// Which movement.
    pub(crate) movement: MovementName,
    /// To whom.
    pub(crate) buyer: usize,
    /// What was sent.
    pub(crate) goods: Vec<Stock>,
    /// The round in which it arrives.
    pub(crate) arrives_in: usize,
}

/// Whoever buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buyer {
    /// Somebody who files.
    Filer(usize),
    /// A user who does not.
    User(usize),
}

/// What a transformation makes.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// What.
    pub(crate) good: Good,
    /// How much.
    pub(crate) grams: u64,
    /// What is in it.
    pub(crate) elements: ElementMasses,
}

/// How a dispatch departs from the ordinary.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// The price in thousandths of the ordinary one; 0 for the ordinary one.
    pub(crate) price_per_thousand: u64,
    /// The invoice number, where it is not the next one.
    pub(crate) invoice: Option<String>,
}

/// Everything so far.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Who takes part.
    pub(crate) nation: Nation,
    /// What chance decides.
    pub(crate) chance: Chance,
    /// What was filed, in an order in which it can be sent.
    pub(crate) filings: Vec<Filing>,
    /// What each organisation holds, oldest first.
    pub(crate) stock: Vec<Vec<Stock>>,
    /// What is between them.
    pub(crate) under_way: Vec<UnderWay>,
    /// The present round.
    pub(crate) round: Round,
    /// Its number.
    pub(crate) round_number: usize,
    /// Organisations that did something this month.
    pub(crate) active: Vec<bool>,
    by_trade: BTreeMap<Trade, Vec<usize>>,
    steps: Vec<i64>,
    numbers: Vec<BTreeMap<&'static str, u32>>,
}

impl Chain {
    /// Nothing filed yet.
    pub(crate) fn new(nation: Nation, chance: Chance, round: Round) -> Self {
        let count = nation.organisations.len();
        let mut by_trade: BTreeMap<Trade, Vec<usize>> = BTreeMap::new();
        for (index, organisation) in nation.organisations.iter().enumerate() {
            by_trade.entry(organisation.trade).or_default().push(index);
        }
        Self {
            nation,
            chance,
            filings: Vec::new(),
            stock: vec![Vec::new(); count],
            under_way: Vec::new(),
            round,
            round_number: 0,
            active: vec![false; count],
            by_trade,
            steps: vec![0; count],
            numbers: vec![BTreeMap::new(); count],
        }
    }

    /// Begins a round.
    pub(crate) fn begin(&mut self, number: usize, round: Round) {
        self.round = round;
        self.round_number = number;
        self.steps.fill(0);
    }

    /// Somebody of a trade.
    pub(crate) fn somebody(&mut self, trade: Trade) -> usize {
        *self.chance.one_of(&self.by_trade[&trade])
    }

    /// Everybody of a trade.
    pub(crate) fn everybody(&self, trade: Trade) -> Vec<usize> {
        self.by_trade[&trade].clone()
    }

    /// A user at home.
    pub(crate) fn user(&mut self) -> Buyer {
        Buyer::User(self.chance.index(self.nation.users.len()))
    }

    /// How much of a good somebody holds.
    pub(crate) fn held(&self, who: usize, good: Good) -> u64 {
        self.stock[who].iter().filter(|stock| stock.good == good).map(|stock| stock.grams).sum()
    }

    /// Takes up to so much of a good out of somebody's stock, oldest first; no crumbs are left.
    pub(crate) fn take(&mut self, who: usize, good: Good, most_grams: u64) -> Vec<Stock> {
        let mut wanted = most_grams;
        let mut taken = Vec::new();
        for stock in self.stock[who].iter_mut().filter(|stock| stock.good == good) {
            if wanted < DUST_GRAMS {
                break;
            }
            let crumbs = stock.grams / 50;
            let all = stock.grams <= wanted + crumbs + DUST_GRAMS;
            let grams = if all { stock.grams } else { wanted };
            taken.push(stock.part(grams));
            stock.grams -= grams;
            wanted = wanted.saturating_sub(grams);
        }
        self.stock[who].retain(|stock| 0 < stock.grams);
        taken
    }

    /// Takes most of what there is of a good and leaves something for tomorrow.
    pub(crate) fn take_most(&mut self, who: usize, good: Good) -> Vec<Stock> {
        let held = self.held(who, good);
        self.take(who, good, if held < LITTLE_GRAMS { held } else { held / 10 * 9 })
    }

    /// Puts back what was taken.
    pub(crate) fn put_back(&mut self, who: usize, goods: Vec<Stock>) {
        for stock in goods.into_iter().rev() {
            let same = self.stock[who].iter_mut().find(|other| other.lot == stock.lot);
            match same {
                Some(other) => other.grams += stock.grams,
                None => self.stock[who].insert(0, stock),
            }
        }
    }

    /// A filing of somebody's, now.
    pub(crate) fn filing(&mut self, who: usize, kind: FilingKind, prefix: &'static str) -> Filing {
        let step = self.steps[who];
        self.steps[who] += 1;
        self.active[who] = true;
        let spread = self.chance.between(0, self.round.step_seconds.unsigned_abs() * 3 / 4);
        let happened_at =
            self.round.moment(step) + jiff::SignedDuration::from_secs(spread.cast_signed());
        let reference = self.number(who, prefix);
        Filing::new(who, kind, reference, happened_at)
    }

    /// The next number of a series.
    pub(crate) fn number(&mut self, who: usize, prefix: &'static str) -> String {
        let last = self.numbers[who].entry(prefix).or_default();
        *last += 1;
        format!("{prefix}-{:06}", *last)
    }

    /// Records a filing.
    pub(crate) fn file(&mut self, mut filing: Filing) -> usize {
        filing.after.sort_unstable();
        filing.after.dedup();
        self.filings.push(filing);
        self.filings.len() - 1
    }

    /// A new lot of this good's own making; its line and what is now in stock.
    fn new_lot(&mut self, who: usize, output: &Output) -> (Line, Stock) {
        let lot = LotName { maker: who, number: self.number(who, "L") };
        let stated = self.assay(output);
        let composition = Composition::try_from(&stated).expect("an assay is near what is there");
        let claimed = ElementMasses::in_mass(kilograms(output.grams), &composition);
        let line = Line {
            lot: Some(lot.clone()),
            product: Some(output.good.facts().code),
            grams: output.grams,
            composition: Some(stated),
            ..Line::default()
        };
        let stock = Stock {
            lot,
            good: output.good,
            grams: output.grams,
            claimed: (output.grams, claimed),
            filings: vec![self.filings.len()],
        };
        (line, stock)
    }

    /// What a laboratory finds in goods, with its own error; worth stating from oxides onward.
    fn assay(&mut self, output: &Output) -> StatedComposition {
        let basis = output.good.basis();
        let refined =
            !matches!(output.good.facts().category, Category::Ore | Category::Concentrate);
        let mut percent = BTreeMap::new();
        let mut uncertainty_percent = BTreeMap::new();
        for (element, mg) in output.elements.present() {
            let error = Decimal::from(self.chance.about(1_000_000, ASSAY_ERROR)) / dec!(1_000_000);
            let share = Decimal::from(mg) / dec!(10) / Decimal::from(output.grams);
            let share = match basis {
                Basis::Element => share,
                Basis::Oxide => share / element.oxide_to_element(),
            };
            let share = (share * error).round_dp(8).normalize();
            if share.is_zero() {
                continue;
            }
            percent.insert(element, share);
            if refined {
                uncertainty_percent.insert(element, (share * dec!(0.001)).round_dp(8).normalize());
            }
        }
        StatedComposition { basis, percent, uncertainty_percent }
    }

    /// Takes ore out of the ground.
    pub(crate) fn extract(&mut self, who: usize, good: Good, grams: u64) -> usize {
        let elements = ElementMasses::in_mass(kilograms(grams), &good.composition());
        let mut filing = self.filing(who, FilingKind::Extraction, "EXT");
        let (mut line, stock) = self.new_lot(who, &Output { good, grams, elements });
        let misread = self.chance.happens(12);
        if misread {
            let right = line.clone();
            line.grams += line.grams / 80;
            filing.lines.push(line);
            let first = self.file(filing.clone());
            let correction = Filing {
                lines: vec![right],
                after: vec![first],
                correction: Some((2, "地磅单重新核对 / weighbridge ticket read again")),
                ..filing
            };
            let second = self.file(correction);
            self.stock[who].push(Stock { filings: vec![second], ..stock });
            return second;
        }
        filing.lines.push(line);
        let index = self.file(filing);
        self.stock[who].push(stock);
        index
    }

    /// Takes goods in from somebody who does not file here.
    pub(crate) fn take_in(&mut self, mut filing: Filing, good: Good, grams: u64) -> usize {
        let who = filing.filer;
        let elements = ElementMasses::in_mass(kilograms(grams), &good.composition());
        let (line, stock) = self.new_lot(who, &Output { good, grams, elements });
        filing.lines.push(line);
        let index = self.file(filing);
        self.stock[who].push(stock);
        index
    }

    /// Turns inputs into outputs and a loss, which says what is in it too.
    pub(crate) fn transform(
        &mut self,
        who: usize,
        process: Process,
        inputs: &[Stock],
        outputs: &[Output],
        loss: Option<(u64, ElementMasses)>,
    ) -> usize {
        let mut filing = self.filing(who, FilingKind::Transformation, "TRF");
        filing.process = Some(process);
        filing.after = came_with(inputs);
        filing.inputs = inputs.iter().map(moved).collect();
        let mut made = Vec::new();
        for output in outputs.iter().filter(|output| 0 < output.grams) {
            let (line, stock) = self.new_lot(who, output);
            filing.outputs.push(line);
            made.push(stock);
        }
        if let Some((grams, elements)) = loss.filter(|(grams, _)| 0 < *grams) {
            let share = |mg: i64| {
                (Decimal::from(mg) / dec!(10) / Decimal::from(grams)).round_dp(8).normalize()
            };
            let percent: BTreeMap<Element, Decimal> = elements
                .surplus()
                .present()
                .map(|(element, mg)| (element, share(mg)))
                .filter(|(_, share)| !share.is_zero())
                .collect();
            let composition = StatedComposition {
                basis: Basis::Element,
                percent,
                uncertainty_percent: BTreeMap::new(),
            };
            filing.losses.push(Line { grams, composition: Some(composition), ..Line::default() });
        }
        let index = self.file(filing);
        self.stock[who].extend(made);
        index
    }

    /// Sends goods to a buyer. Gives them back to the stock and answers nothing when the shipment
    /// would look like one kept just under a limit.
    pub(crate) fn dispatch(
        &mut self,
        who: usize,
        buyer: Buyer,
        goods: Vec<Stock>,
        terms: &Terms,
    ) -> Option<usize> {
        let total: u64 = goods.iter().map(|stock| stock.grams).sum();
        if total == 0 || LOOKS_SMALL_GRAMS.contains(&total) {
            self.put_back(who, goods);
            return None;
        }
        let mut filing = self.filing(who, FilingKind::Dispatch, "DSP");
        filing.after = came_with(&goods);
        filing.lines = goods.iter().map(|stock| self.sold(stock, terms)).collect();
        filing.party = Some(self.party(buyer));
        filing.invoice = Some(terms.invoice.clone().unwrap_or_else(|| self.number(who, "INV")));
        filing.contract = Some(format!("HT-{}-{who:03}", self.round.month.year()));
        let reference = filing.reference.clone();
        let index = if self.chance.happens(8) {
            self.file_with_wrong_price(filing)
        } else {
            self.file(filing)
        };
        if let Buyer::Filer(buyer) = buyer {
            let goods =
                goods.into_iter().map(|stock| Stock { filings: vec![index], ..stock }).collect();
            let arrives_in =
                self.round_number + usize::try_from(self.chance.between(1, 2)).unwrap_or(1);
            let movement = MovementName { seller: who, reference };
            self.under_way.push(UnderWay { movement, buyer, goods, arrives_in });
        }
        Some(index)
    }

    /// A price mistyped by a little, and put right.
    fn file_with_wrong_price(&mut self, right: Filing) -> usize {
        let mut wrong = right.clone();
        for line in &mut wrong.lines {
            line.price_fen = line.price_fen.map(|fen| fen + fen / 25);
        }
        let first = self.file(wrong);
        let after = vec![first];
        self.file(Filing {
            after,
            correction: Some((2, "发票单价录入错误 / unit price mistyped")),
            ..right
        })
    }

    /// A line about goods that are sold, with a price near the ordinary one.
    pub(crate) fn sold(&mut self, stock: &Stock, terms: &Terms) -> Line {
        let ordinary = stock.good.facts().price_fen;
        // Prices drift by the month, the same for everybody.
        let drift = 1_000 + u64::from(self.round.month.first_day().month().unsigned_abs()) * 4;
        let asked = match terms.price_per_thousand {
            0 => ordinary,
            per_thousand => ordinary * per_thousand / 1_000,
        };
        let price = self.chance.about(asked * drift / 1_000, PRICE_VARIATION);
        Line { price_fen: Some(price.max(1)), ..moved(stock) }
    }

    fn party(&self, buyer: Buyer) -> Party {
        let (name, uscc) = match buyer {
            Buyer::Filer(index) => {
                let organisation = &self.nation.organisations[index];
                (organisation.name_zh.clone(), organisation.uscc.to_string())
            }
            Buyer::User(index) => {
                let user = &self.nation.users[index];
                (user.name.clone(), user.uscc.to_string())
            }
        };
        Party { name, identifier: Some(uscc), country: "CN".to_owned() }
    }

    /// Receives everything that has arrived at somebody's gate.
    pub(crate) fn receive(&mut self, who: usize) {
        let round = self.round_number;
        let (arrived, under_way) =
            std::mem::take(&mut self.under_way).into_iter().partition(|under_way: &UnderWay| {
                under_way.buyer == who && under_way.arrives_in <= round
            });
        self.under_way = under_way;
        for arrived in arrived {
            self.receive_one(who, arrived, 1_000);
        }
    }

    /// Receives a movement; so many thousandths of it are said to have arrived.
    pub(crate) fn receive_one(
        &mut self,
        who: usize,
        arrived: UnderWay,
        per_thousand: u64,
    ) -> usize {
        let mut filing = self.filing(who, FilingKind::Receipt, "RCV");
        let partly_refused = per_thousand == 1_000 && self.chance.happens(6);
        filing.outcome = Some(match self.chance.between(1, 100) {
            _ if partly_refused => Outcome::PartiallyRefused,
            1..=2 => Outcome::Unsatisfactory,
            _ => Outcome::Satisfactory,
        });
        filing.after = came_with(&arrived.goods);
        filing.movement = Some(arrived.movement);
        let index = self.filings.len();
        for stock in arrived.goods {
            let weighed = self.chance.about(stock.grams, WEIGHING_ERROR) * per_thousand / 1_000;
            let refused_grams = if partly_refused { weighed / 20 } else { 0 };
            let grams = weighed - refused_grams;
            filing.lines.push(Line { refused_grams, ..moved(&stock.part(grams)) });
            self.keep(who, Stock { filings: vec![index], ..stock.part(grams) });
        }
        self.file(filing)
    }

    /// Puts goods into stock; more of a lot that is there already joins it.
    fn keep(&mut self, who: usize, stock: Stock) {
        match self.stock[who].iter_mut().find(|other| other.lot == stock.lot) {
            Some(other) => {
                other.grams += stock.grams;
                other.filings.extend(stock.filings);
            }
            None => self.stock[who].push(stock),
        }
    }

    /// Measures everything somebody holds.
    pub(crate) fn take_stock(&mut self, who: usize) {
        if self.stock[who].is_empty() {
            return;
        }
        let mut filing = self.filing(who, FilingKind::Stocktake, "STK");
        filing.after = came_with(&self.stock[who]);
        for index in 0..self.stock[who].len() {
            let stock = self.stock[who][index].clone();
            let weighed = self.chance.about(stock.grams, WEIGHING_ERROR);
            filing.lines.push(moved(&stock.part(weighed)));
        }
        self.file(filing);
    }
}

/// The filings that brought goods to where they are.
pub(crate) fn came_with(goods: &[Stock]) -> Vec<usize> {
    goods.iter().flat_map(|stock| stock.filings.iter().copied()).collect()
}

/// A line about goods as they are.
pub(crate) fn moved(stock: &Stock) -> Line {
    Line { lot: Some(stock.lot.clone()), grams: stock.grams, ..Line::default() }
}

/// A mass the plan makes; far below what one line may say.
pub(crate) fn kilograms(grams: u64) -> Kilograms {
    Kilograms::from_grams(grams).expect("a round's goods weigh less than a line may say")
}
