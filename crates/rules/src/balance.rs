//! Do the elements that came out of a transformation agree with those that went in?

use crate::{
    Abstention, Evidence, FilingContext, Outcome, ParameterName, Parameters, SiteMonth, Subject,
    finding::Opinion, statistics::stated,
};
use domain::{
    calendar_month::Month,
    codes::{LineRole, Process, Severity},
    element::{ELEMENT_COUNT, Element},
    filing::Claim,
    metrology::{Errors, Metrology, Sum, real},
    regime::Sentence,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::Serialize;

/// A balance that does not close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenBalance {
    /// The process, for one transformation.
    pub process: Option<Process>,
    /// The month, for all transformations of a site.
    pub month: Option<Month>,
    /// The elements that do not close, the gravest first.
    pub elements: Vec<ElementDifference>,
}

/// An element that does not close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ElementDifference {
    /// Which.
    pub element: Element,
    /// What went in.
    pub input_mg: i64,
    /// What came out.
    pub output_mg: i64,
    /// What is said to be lost.
    pub loss_mg: i64,
    /// In, less out, less lost: above zero something is missing, below zero it was made of nothing.
    pub unaccounted_mg: i64,
    /// One standard deviation of that, stated or assumed.
    pub sigma_mg: i64,
    /// By how many of them it is beyond what its process may lose unsaid.
    pub sigmas: Decimal,
}

/// One sum for each element.
type Sides = [Sum; ELEMENT_COUNT];

/// What is compared for each element.
struct Flows {
    inputs: Sides,
    outputs: Sides,
    losses: Sides,
    /// What the processes may lose beyond what they said.
    unsaid: [f64; ELEMENT_COUNT],
}

/// Flags a transformation, or a site's month of them, whose elements do not close.
///
/// Typologies 1 (hidden output: too little comes out) and 2 (laundered ore: more comes out than
/// went in). Beyond `balance_sigmas` standard deviations: of each line as stated, else the class
/// `typical` (1 % random, independent; 0.5 % systematic, one instrument a side). Losses that
/// nobody stated are allowed up to the process's worst yield; a gain never is. Without any rare
/// earths stated: abstains.
pub(crate) fn broken(context: &FilingContext) -> Vec<Opinion> {
    let parameters = &context.law.parameters;
    let mut opinions = Vec::new();
    let organisation = Some(context.filing.organisation);
    if let Claim::Transformation { process } = context.filing.claim {
        let flows = Flows::of_filing(context, process);
        let outcome = judge(parameters, &flows, Some(process), None);
        opinions.push(Opinion::new(Subject::Filing(context.filing.id), organisation, outcome));
    }
    if let Some(site_month) = &context.site_month {
        let flows = Flows::of_month(parameters, site_month);
        let outcome = judge(parameters, &flows, None, Some(site_month.month));
        let subject = Subject::SiteMonth { site: site_month.site, month: site_month.month };
        opinions.push(Opinion::new(subject, organisation, outcome));
    }
    opinions
}

impl Flows {
    fn of_filing(context: &FilingContext, process: Process) -> Self {
        let parameters = &context.law.parameters;
        let side = |role| {
            let mut sides = NOTHING;
            for line in context.filing.lines.iter().filter(|line| line.role == role) {
                for (index, side) in sides.iter_mut().enumerate() {
                    side.add(line.elements.0[index], line.elements_sigma_mg[index]);
                }
            }
            sides
        };
        let (inputs, losses) = (side(LineRole::Input), side(LineRole::Loss));
        let allowance = allowance(parameters, process);
        let unsaid = std::array::from_fn(|index| {
            (allowance * real(inputs[index].mass_mg) - real(losses[index].mass_mg)).max(0.0)
        });
        Self { inputs, outputs: side(LineRole::Output), losses, unsaid }
    }

    /// A month of transformations, taken as alike in size within a process: their random errors
    /// average out, the systematic ones stay.
    fn of_month(parameters: &Parameters, month: &SiteMonth) -> Self {
        let mut flows = Self {
            inputs: NOTHING,
            outputs: NOTHING,
            losses: NOTHING,
            unsaid: [0.0; ELEMENT_COUNT],
        };
        for of_process in &month.flows {
            let times = of_process.transformations;
            let allowance = allowance(parameters, of_process.process);
            for index in 0..ELEMENT_COUNT {
                let masses = [&of_process.inputs, &of_process.outputs, &of_process.losses];
                let [input, output, loss] = masses.map(|masses| masses.0[index]);
                flows.inputs[index].add_alike(input, times);
                flows.outputs[index].add_alike(output, times);
                flows.losses[index].add_alike(loss, times);
                flows.unsaid[index] += (allowance * real(input) - real(loss)).max(0.0);
            }
        }
        flows
    }
}

const NOTHING: Sides = [Sum::NOTHING; ELEMENT_COUNT];

/// The share of an element that a process may lose unsaid.
fn allowance(parameters: &Parameters, process: Process) -> f64 {
    let percent = parameters.unstated_loss_percent(process).to_f64().unwrap_or(100.0);
    percent.clamp(0.0, 100.0) / 100.0
}

/// What detectors take a measurement for: what a line states covers all of it.
pub(crate) fn metrology(parameters: &Parameters) -> Metrology {
    let unstated = Errors {
        random: parameters.real(ParameterName::RandomErrorPercent) / 100.0,
        systematic: parameters.real(ParameterName::SystematicErrorPercent) / 100.0,
    };
    Metrology { unstated, weighing: Errors::default() }
}

fn judge(
    parameters: &Parameters,
    flows: &Flows,
    process: Option<Process>,
    month: Option<Month>,
) -> Outcome<(Severity, Evidence)> {
    let measured = flows.inputs.iter().chain(&flows.outputs).any(|side| side.mass_mg != 0);
    if !measured {
        return Outcome::Abstained(Abstention::NoElementsStated);
    }
    let mut elements: Vec<ElementDifference> = Element::ALL
        .into_iter()
        .filter_map(|element| difference(parameters, flows, element))
        .collect();
    if elements.is_empty() {
        return Outcome::Clean;
    }
    elements.sort_by_key(|difference| std::cmp::Reverse(difference.unaccounted_mg.unsigned_abs()));
    let conjured = elements.iter().any(|difference| difference.unaccounted_mg < 0);
    let severity = if conjured { Severity::Alert } else { Severity::Warning };
    Outcome::Found((severity, Evidence::BrokenBalance(BrokenBalance { process, month, elements })))
}

/// How far an element is off, when it is off too far.
fn difference(
    parameters: &Parameters,
    flows: &Flows,
    element: Element,
) -> Option<ElementDifference> {
    let metrology = metrology(parameters);
    let index = element.index();
    let (input, output, loss) = (flows.inputs[index], flows.outputs[index], flows.losses[index]);
    let unaccounted = input.mass_mg.saturating_sub(output.mass_mg).saturating_sub(loss.mass_mg);
    let beyond = if unaccounted < 0 {
        real(unaccounted).abs()
    } else {
        real(unaccounted) - flows.unsaid[index]
    };
    let sides = [input, output, loss];
    let sigma = sides.iter().map(|side| side.variance(&metrology)).sum::<f64>().sqrt();
    let limit = parameters.real(ParameterName::BalanceSigmas) * sigma;
    let limit = limit.max(parameters.real(ParameterName::ElementFloorMg));
    if !beyond.is_finite() || !sigma.is_finite() || beyond <= limit {
        return None;
    }
    Some(ElementDifference {
        element,
        input_mg: input.mass_mg,
        output_mg: output.mass_mg,
        loss_mg: loss.mass_mg,
        unaccounted_mg: unaccounted,
        sigma_mg: stated(sigma / 1_000.0).map_or(0, kilo_to_whole),
        sigmas: stated(beyond / sigma.max(1.0))?,
    })
}

fn kilo_to_whole(thousands: Decimal) -> i64 {
    (thousands * Decimal::ONE_THOUSAND).to_i64().unwrap_or(i64::MAX)
}

impl BrokenBalance {
    pub(crate) fn sentence(&self) -> Sentence {
        let Some(worst) = self.elements.first() else {
            return Sentence::new("元素不平衡。", "An element balance does not close.");
        };
        let grams = Decimal::new(worst.unaccounted_mg, 3).abs().round_dp(0).normalize();
        let (symbol, name) = (worst.element.symbol(), worst.element.name_zh());
        let sigmas = worst.sigmas.round_dp(1).normalize();
        let (zh, en) = match self.month {
            Some(month) => (format!("{month} 全月加工"), format!("over {month}")),
            None => ("本次加工".to_owned(), "in this transformation".to_owned()),
        };
        if worst.unaccounted_mg < 0 && worst.input_mg == 0 {
            Sentence::new(
                format!("{zh}产出 {grams} 克{name}，而投入中没有{name}。"),
                format!("{grams} g of {symbol} came out {en} although none went in."),
            )
        } else if worst.unaccounted_mg < 0 {
            Sentence::new(
                format!(
                    "{zh}产出的{name}比投入多 {grams} 克，超出测量不确定度的 {sigmas} 倍标准差。"
                ),
                format!(
                    "{grams} g more {symbol} came out {en} than went in: {sigmas} standard deviations."
                ),
            )
        } else {
            Sentence::new(
                format!("{zh}有 {grams} 克{name}去向不明，超出合理损失 {sigmas} 倍标准差。"),
                format!(
                    "{grams} g of {symbol} are missing {en}: {sigmas} standard deviations beyond plausible losses."
                ),
            )
        }
    }
}
