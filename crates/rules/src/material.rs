//! Does the material of a site add up, month by month? What officials are told, and what filers.
//!
//! Officials are told by statistics: a balance beyond so many of its standard deviations, or a
//! sequence of them that Page's test finds (loss and gain apart, beginning anew after an alarm).
//! A filer is told by a rule of its own that is public: so many percent of what was there and came
//! in. The two share no number, so that what a filer is told says nothing of what officials look
//! for: neither how sure they are, nor from where on they ask.

use crate::{ParameterName, Parameters, balance, statistics::stated};
use domain::{
    balance::{ElementBook, MonthBook, Page},
    calendar_month::Month,
    element::Element,
    ids::{FilingId, LotId},
    metrology::{Errors, Metrology, real},
    regime::Sentence,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};

/// What officials are told of a month, or of an element of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BalanceState {
    /// It adds up.
    Closes,
    /// It was counted, but not before.
    NotOpened,
    /// It was not counted.
    NotClosed,
    /// It does not add up.
    DoesNotClose,
}

/// What filers are told of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedState {
    /// Its figures close.
    Closes,
    /// They do not.
    DoesNotClose,
    /// Its stock, or the one before, was not counted.
    NotClosed,
}

/// A month of a site as officials are told.
#[derive(Clone, Debug)]
pub struct MonthVerdict {
    /// Which month.
    pub month: Month,
    /// The worst of its elements.
    pub state: BalanceState,
    /// Its elements.
    pub elements: Vec<ElementVerdict>,
}

/// An element of a month.
#[derive(Clone, Copy, Debug)]
pub struct ElementVerdict {
    /// The books.
    pub book: ElementBook,
    /// Whether they add up.
    pub state: BalanceState,
    /// The balance in standard deviations; two decimals.
    pub sigmas: Option<Decimal>,
    /// The same, given the balances before it.
    pub sitmuf: Option<Decimal>,
    /// Page's sum for losses, then the one for gains.
    pub page: Option<(Decimal, Decimal)>,
}

/// A line with its part of a balance's doubt.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The filing it stands in.
    pub filing: FilingId,
    /// The filer's reference for that.
    pub reference: String,
    /// The line's number.
    pub line: u16,
    /// The lot it is about.
    pub lot: Option<LotId>,
    /// The lot's number as its maker calls it, where the reader knows it.
    pub lot_number: Option<String>,
    /// How much of the element.
    pub mass_mg: i64,
    /// One standard deviation of that.
    pub sigma_mg: f64,
}

impl BalanceState {
    /// Every state, from the best to the worst.
    pub const ALL: [Self; 4] = [Self::Closes, Self::NotOpened, Self::NotClosed, Self::DoesNotClose];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closes => "closes",
            Self::NotOpened => "not_opened",
            Self::NotClosed => "not_closed",
            Self::DoesNotClose => "does_not_close",
        }
    }
}

impl ReportedState {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closes => "closes",
            Self::DoesNotClose => "does_not_close",
            Self::NotClosed => "not_closed",
        }
    }
}

/// What balances take a measurement for.
pub fn measurement_class(parameters: &Parameters) -> Metrology {
    let share = |name| parameters.real(name) / 100.0;
    let weighing = Errors {
        random: share(ParameterName::WeighingErrorPercent),
        systematic: share(ParameterName::WeighingBiasPercent),
    };
    Metrology { weighing, ..balance::metrology(parameters) }
}

/// How many days from a month's last one a count may be and still close it.
pub fn stocktake_window_days(parameters: &Parameters) -> u32 {
    parameters.get(ParameterName::StocktakeWindowDays).trunc().to_u32().unwrap_or(0)
}

/// Judges a site's consecutive months for officials.
pub fn judge_books(parameters: &Parameters, books: &[MonthBook]) -> Vec<MonthVerdict> {
    let mut sums = [Page::default(); domain::element::ELEMENT_COUNT];
    let judge = |book: &MonthBook| {
        let elements: Vec<ElementVerdict> = book
            .elements
            .iter()
            .map(|element| judge(parameters, book, element, &mut sums[element.element.index()]))
            .collect();
        // A month of nothing has a state as well.
        let without = state_without_balance(book).unwrap_or(BalanceState::Closes);
        let state = elements.iter().map(|element| element.state).max().unwrap_or(without);
        MonthVerdict { month: book.month, state, elements }
    };
    books.iter().map(judge).collect()
}

const fn state_without_balance(book: &MonthBook) -> Option<BalanceState> {
    match (book.opened_at, book.closed_at) {
        (_, None) => Some(BalanceState::NotClosed),
        (None, Some(_)) => Some(BalanceState::NotOpened),
        (Some(_), Some(_)) => None,
    }
}

fn judge(
    parameters: &Parameters,
    month: &MonthBook,
    book: &ElementBook,
    sums: &mut Page,
) -> ElementVerdict {
    let Some(balance) = book.balance else {
        let state = state_without_balance(month).unwrap_or(BalanceState::NotOpened);
        return ElementVerdict { book: *book, state, sigmas: None, sitmuf: None, page: None };
    };
    let floor = parameters.real(ParameterName::ElementFloorMg);
    let shewhart = parameters.real(ParameterName::BalanceShewhartSigmas);
    let decision = parameters.real(ParameterName::BalancePageDecision);
    let sigmas = real(balance.muf_mg) / balance.sigma_mg;
    *sums = sums.after(balance.sitmuf, parameters.real(ParameterName::BalancePageReference));
    let told = *sums;
    let is_far = shewhart < sigmas.abs() || shewhart < balance.sitmuf.abs();
    let is_much = |mass: i64| floor < real(mass).abs();
    let adds_up_to_an_alarm = decision < told.loss.max(told.gain);
    if adds_up_to_an_alarm {
        // What was found is told once; what follows is watched anew.
        *sums = Page::default();
    }
    let alarm = is_far && is_much(balance.muf_mg)
        || adds_up_to_an_alarm && (is_much(balance.cumuf_mg) || is_much(balance.muf_mg));
    ElementVerdict {
        book: *book,
        state: if alarm { BalanceState::DoesNotClose } else { BalanceState::Closes },
        sigmas: stated(sigmas),
        sitmuf: stated(balance.sitmuf),
        page: stated(told.loss).zip(stated(told.gain)),
    }
}

/// What a filer is told of a month, by the published rule alone.
pub fn reported_state(parameters: &Parameters, book: &MonthBook) -> ReportedState {
    if book.opened_at.is_none() || book.closed_at.is_none() {
        return ReportedState::NotClosed;
    }
    let percent = parameters.get(ParameterName::PublishedBalancePercent);
    let floor = parameters.get(ParameterName::PublishedBalanceFloorMg);
    let closes = book.elements.iter().all(|element| {
        let Some(balance) = element.balance else { return true };
        let there = element.opening.map_or(0, |opening| opening.mass_mg);
        let handled = Decimal::from(there) + Decimal::from(element.inflow.mass_mg);
        let allowed = (handled.abs() * percent / Decimal::ONE_HUNDRED).max(floor);
        Decimal::from(balance.muf_mg).abs() <= allowed
    });
    if closes { ReportedState::Closes } else { ReportedState::DoesNotClose }
}

impl MonthVerdict {
    /// The elements that do not close, the gravest first.
    pub fn worst(&self) -> Vec<&ElementVerdict> {
        let mut worst: Vec<&ElementVerdict> = self
            .elements
            .iter()
            .filter(|element| element.state == BalanceState::DoesNotClose)
            .collect();
        worst.sort_by_key(|element| std::cmp::Reverse(element.sigmas.unwrap_or_default().abs()));
        worst
    }

    /// One plain sentence; `largest` contributes most to the doubt of the gravest element.
    pub fn sentence(&self, largest: Option<&Contribution>) -> Sentence {
        let month = self.month;
        let plain =
            |zh: &str, en: &str| Sentence::new(format!("{month} {zh}"), format!("{month} {en}"));
        match self.state {
            BalanceState::Closes => plain("物料平衡。", "closes."),
            BalanceState::NotOpened => plain(
                "已盘点，但此前没有盘点，无法核算平衡。",
                "was counted, but nothing was counted before it: there is no balance yet.",
            ),
            BalanceState::NotClosed => {
                plain("月末前后没有盘点，未结平。", "is not closed: its stock was not counted.")
            }
            BalanceState::DoesNotClose => self.broken_sentence(largest),
        }
    }

    fn broken_sentence(&self, largest: Option<&Contribution>) -> Sentence {
        let month = self.month;
        let Some((worst, balance)) =
            self.worst().first().and_then(|worst| Some((*worst, worst.book.balance?)))
        else {
            return Sentence::new(
                format!("{month} 物料不平衡。"),
                format!("{month} does not close."),
            );
        };
        let element: Element = worst.book.element;
        let sigmas = worst.sigmas.unwrap_or_default().abs().round_dp(1).normalize();
        let grams = Decimal::new(balance.muf_mg, 3).abs().round_dp(3).normalize();
        let (zh, en) =
            if 0 <= balance.muf_mg { ("短少", "missing") } else { ("多出", "too much") };
        let (name, symbol) = (element.name_zh(), element.symbol());
        let (because_zh, because_en) = largest.map_or_else(Default::default, |it| {
            let (lot_zh, lot_en) = match &it.lot_number {
                Some(number) => (format!("批次 {number}"), format!("lot {number}")),
                None => (
                    format!("申报 {} 第 {} 行", it.reference, it.line),
                    format!("line {} of filing {}", it.line, it.reference),
                ),
            };
            (
                format!("；不确定度贡献最大的是{lot_zh}"),
                format!("; the largest contributor is {lot_en}"),
            )
        });
        Sentence::new(
            format!("{month} {name}偏差 {sigmas} 个标准差：{zh} {grams} 克{because_zh}。"),
            format!("{month}: {symbol} is off by {sigmas} sigma, {grams} g are {en}{because_en}."),
        )
    }
}

impl Contribution {
    /// Its share of a variance, in percent; one decimal.
    pub fn share_percent(&self, sigma_mg: f64) -> Option<Decimal> {
        stated((self.sigma_mg / sigma_mg.max(1.0)).powi(2) * 100.0)
            .map(|share| share.min(Decimal::ONE_HUNDRED).round_dp(1).normalize())
    }
}

/// A standard deviation in whole milligrams, rounded up.
pub fn whole_mg(sigma_mg: f64) -> i64 {
    Decimal::try_from(sigma_mg.clamp(0.0, 9e18))
        .ok()
        .and_then(|sigma| sigma.ceil().to_i64())
        .unwrap_or(i64::MAX)
}
