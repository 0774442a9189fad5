//! Where a filer may have made a slip, when its figures do not close.
//!
//! Only from what the filer itself filed, and by rules anybody may know: a filer is helped to find
//! its errors without learning what officials look for. Each hint names a place, and what is odd
//! there; none says that anything is wrong.

use crate::{ParameterName, Parameters, statistics::median};
use domain::{
    calendar_month::Month,
    codes::{FilingKind, LineRole},
    element::{ELEMENT_COUNT, Element},
    ids::{FilingId, LotId, MovementId},
    mass::{ElementMasses, kilograms_of_grams},
    metrology::real,
    regime::Sentence,
};
use jiff::civil::Date;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use std::collections::BTreeMap;

/// Hints of one kind at most: whoever sees these will find the rest.
const MOST_OF_A_KIND: usize = 5;
/// Others of the same product, from which on a line is compared with them.
const FEWEST_OTHERS: usize = 2;
/// How near a ratio must be to 1,000 to look like kilograms for tonnes.
const UNIT_RATIO: std::ops::RangeInclusive<f64> = 500.0..=2_000.0;
/// How near a ratio of contents must be to a conversion factor, as a share of it.
const FACTOR_TOLERANCE: f64 = 0.01;

/// A filing as its lines are looked at.
#[derive(Clone, Debug)]
pub struct EnteredFiling {
    /// Which.
    pub id: FilingId,
    /// The filer's reference for it.
    pub reference: String,
    /// What it was filed as.
    pub kind: FilingKind,
    /// Its lines, by number.
    pub lines: Vec<EnteredLine>,
}

/// A line of it.
#[derive(Clone, Debug)]
pub struct EnteredLine {
    /// From 1.
    pub number: u16,
    /// What it stands for.
    pub role: LineRole,
    /// The lot it is about.
    pub lot: Option<LotId>,
    /// What kind of goods it is: lines that are alike are compared.
    pub product: String,
    /// Gross mass.
    pub quantity_grams: i64,
    /// Rare earths in it.
    pub elements: ElementMasses,
}

/// What kind of slip it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryErrorKind {
    /// The stock was not counted.
    MissingStocktake,
    /// Goods sent here were never said to have arrived.
    NotReceived,
    /// The same was filed under two references.
    EnteredTwice,
    /// A mass is about a thousand times those of others like it, or a thousandth.
    UnitConfusion,
    /// A content is off by the factor between an oxide and its element.
    OxideOrElement,
    /// More came out of a process than went into it.
    OutputsHeavier,
}

/// Where to look for a slip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryError {
    /// What it may be.
    pub kind: EntryErrorKind,
    /// In which filing.
    pub filing: Option<FilingId>,
    /// The filer's reference for it.
    pub reference: Option<String>,
    /// In which line.
    pub line: Option<u16>,
    /// What is odd.
    pub sentence: Sentence,
}

impl EntryErrorKind {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingStocktake => "missing_stocktake",
            Self::NotReceived => "not_received",
            Self::EnteredTwice => "entered_twice",
            Self::UnitConfusion => "unit_confusion",
            Self::OxideOrElement => "oxide_or_element",
            Self::OutputsHeavier => "outputs_heavier",
        }
    }
}

impl EntryError {
    /// The stock was not counted around a month's end.
    pub fn stock_not_counted(month: Month, window_days: u32) -> Self {
        let last = month.last_day();
        Self::of_month(
            EntryErrorKind::MissingStocktake,
            Sentence::new(
                format!("{last} 前后 {window_days} 天内没有盘点申报。"),
                format!("no stocktake was filed within {window_days} days of {last}."),
            ),
        )
    }

    /// The stock was counted for the first time: there is nothing to compare with.
    pub fn stock_not_counted_before(month: Month) -> Self {
        Self::of_month(
            EntryErrorKind::MissingStocktake,
            Sentence::new(
                format!("{month} 之前没有盘点申报，无期初库存。"),
                format!(
                    "no stocktake was filed before that of {month}: there is no opening stock."
                ),
            ),
        )
    }

    /// Goods were sent here and never said to have arrived.
    pub fn not_received(movement: MovementId, dispatched: Date) -> Self {
        Self::of_month(
            EntryErrorKind::NotReceived,
            Sentence::new(
                format!("{dispatched} 发往贵单位的货物（{movement}）没有收货申报，是否已到货？"),
                format!(
                    "movement {movement} was dispatched to you on {dispatched}; no receipt was filed: did it arrive?"
                ),
            ),
        )
    }

    const fn of_month(kind: EntryErrorKind, sentence: Sentence) -> Self {
        Self { kind, filing: None, reference: None, line: None, sentence }
    }
}

/// What is odd about a month's filings, by kind and then in the order of the filings.
pub fn entry_errors(parameters: &Parameters, filings: &[EnteredFiling]) -> Vec<EntryError> {
    let most = |errors: Vec<EntryError>| errors.into_iter().take(MOST_OF_A_KIND);
    let accuracy = parameters.get(ParameterName::PublishedBalancePercent).to_f64().unwrap_or(0.0);
    most(entered_twice(filings))
        .chain(most(unlike_others(filings, unit_confusion)))
        .chain(most(unlike_others(filings, oxide_or_element)))
        .chain(most(outputs_heavier(filings, accuracy / 100.0)))
        .collect()
}

fn entered_twice(filings: &[EnteredFiling]) -> Vec<EntryError> {
    type Terms = Vec<(LineRole, Option<LotId>, i64)>;
    let mut seen: BTreeMap<(FilingKind, Terms), &EnteredFiling> = BTreeMap::new();
    let mut errors = Vec::new();
    for filing in filings {
        let mut terms: Terms =
            filing.lines.iter().map(|line| (line.role, line.lot, line.quantity_grams)).collect();
        terms.sort_unstable();
        if terms.iter().all(|(_, lot, _)| lot.is_none()) {
            continue;
        }
        let first = *seen.entry((filing.kind, terms)).or_insert(filing);
        if first.id != filing.id {
            let (one, other) = (&first.reference, &filing.reference);
            errors.push(EntryError {
                kind: EntryErrorKind::EnteredTwice,
                filing: Some(filing.id),
                reference: Some(filing.reference.clone()),
                line: None,
                sentence: Sentence::new(
                    format!("申报 {other} 与 {one} 的批次和数量完全相同，是否重复录入？"),
                    format!("{other} has the same lots and masses as {one}: was it entered twice?"),
                ),
            });
        }
    }
    errors
}

/// A line with the filing it stands in.
type Placed<'a> = (&'a EnteredFiling, &'a EnteredLine);

/// Compares every line with the others of the same kind and product.
fn unlike_others(
    filings: &[EnteredFiling],
    odd: impl Fn(&EnteredLine, &[&EnteredLine]) -> Option<(EntryErrorKind, Sentence)>,
) -> Vec<EntryError> {
    let mut alike: BTreeMap<(FilingKind, LineRole, &str), Vec<Placed<'_>>> = BTreeMap::new();
    for filing in filings {
        for line in &filing.lines {
            let key = (filing.kind, line.role, line.product.as_str());
            alike.entry(key).or_default().push((filing, line));
        }
    }
    let mut errors = Vec::new();
    for lines in alike.values().filter(|lines| FEWEST_OTHERS < lines.len()) {
        let all: Vec<&EnteredLine> = lines.iter().map(|(_, line)| *line).collect();
        for (filing, line) in lines {
            if let Some((kind, sentence)) = odd(line, &all) {
                errors.push(EntryError {
                    kind,
                    filing: Some(filing.id),
                    reference: Some(filing.reference.clone()),
                    line: Some(line.number),
                    sentence,
                });
            }
        }
    }
    errors
}

fn unit_confusion(line: &EnteredLine, all: &[&EnteredLine]) -> Option<(EntryErrorKind, Sentence)> {
    let mut masses: Vec<f64> = all.iter().map(|line| real(line.quantity_grams)).collect();
    let usual = median(&mut masses).filter(|usual| 0.0 < *usual)?;
    let ratio = real(line.quantity_grams) / usual;
    let (zh, en) = if UNIT_RATIO.contains(&ratio) {
        ("约为同类产品的一千倍", "about a thousand times")
    } else if 0.0 < ratio && UNIT_RATIO.contains(&ratio.recip()) {
        ("约为同类产品的千分之一", "about a thousandth of")
    } else {
        return None;
    };
    let kg = kilograms_of_grams(line.quantity_grams);
    let sentence = Sentence::new(
        format!("{kg} 千克{zh}，单位是千克还是吨？"),
        format!("{kg} kg are {en} others of the same product: kilograms or tonnes?"),
    );
    Some((EntryErrorKind::UnitConfusion, sentence))
}

fn oxide_or_element(
    line: &EnteredLine,
    all: &[&EnteredLine],
) -> Option<(EntryErrorKind, Sentence)> {
    let (element, mass) = line.elements.present().max_by_key(|(_, mass)| *mass)?;
    let content = |line: &EnteredLine| {
        let gross = real(line.quantity_grams);
        (0.0 < gross).then(|| real(line.elements.get(element)) / gross)
    };
    let mut contents: Vec<f64> = all.iter().filter_map(|line| content(line)).collect();
    let usual = median(&mut contents).filter(|usual| 0.0 < *usual)?;
    let factor = element.oxide_to_element().to_f64().filter(|factor| 0.0 < *factor)?;
    let ratio = content(line)? / usual;
    let is_near = |wanted: f64| (ratio / wanted - 1.0).abs() < FACTOR_TOLERANCE;
    if mass == 0 || !(is_near(factor) || is_near(factor.recip())) {
        return None;
    }
    let (symbol, oxide) = (element.symbol(), element.oxide());
    let sentence = Sentence::new(
        format!(
            "{}含量与同类产品之比恰为 {oxide} 与 {symbol} 的换算系数，填的是氧化物还是元素？",
            element.name_zh()
        ),
        format!(
            "its content of {symbol} differs from others of the same product by the factor between {oxide} and {symbol}: oxide or element?"
        ),
    );
    Some((EntryErrorKind::OxideOrElement, sentence))
}

fn outputs_heavier(filings: &[EnteredFiling], accuracy: f64) -> Vec<EntryError> {
    let transformations = filings.iter().filter(|filing| filing.kind == FilingKind::Transformation);
    transformations
        .filter_map(|filing| {
            let (mut inputs, mut outputs) = ([0_i64; ELEMENT_COUNT], [0_i64; ELEMENT_COUNT]);
            for line in &filing.lines {
                let side = if line.role == LineRole::Input { &mut inputs } else { &mut outputs };
                for (sum, mass) in side.iter_mut().zip(line.elements.0) {
                    *sum = sum.saturating_add(mass);
                }
            }
            let heavier = Element::ALL.into_iter().find(|element| {
                let (input, output) = (inputs[element.index()], outputs[element.index()]);
                real(input) * (1.0 + accuracy) < real(output)
                    && 1_000 < output.saturating_sub(input)
            })?;
            let grams = |masses: [i64; ELEMENT_COUNT]| {
                Decimal::new(masses[heavier.index()], 3).round_dp(0).normalize()
            };
            let (input, output) = (grams(inputs), grams(outputs));
            Some(EntryError {
                kind: EntryErrorKind::OutputsHeavier,
                filing: Some(filing.id),
                reference: Some(filing.reference.clone()),
                line: None,
                sentence: Sentence::new(
                    format!(
                        "投入{} {input} 克，产出 {output} 克，产出多于投入。",
                        heavier.name_zh()
                    ),
                    format!(
                        "{input} g of {heavier} went in and {output} g came out: more than went in."
                    ),
                ),
            })
        })
        .collect()
}
