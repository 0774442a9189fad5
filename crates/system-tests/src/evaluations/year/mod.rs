//! `scripts/evaluate year`: how much of a labelled national year is found, on the real services.
//!
//! Each seed is a year of its own in a system of its own: registered, filed round by round, judged by
//! the worker, read back through `GET /v1/findings` as an inspector, compared with the labels. What no
//! detector is meant for is counted as not found. Intervals are bootstrapped over seeds.

pub mod load;
pub mod score;
pub mod table;

use crate::measure::{Figure, median, percentile};
use anyhow::{Context, ensure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use score::{Fraud, Score};
use serde_json::{Value, json};
use simulator::year::{FIRST_EVALUATION_SEED, ROUNDS, STRENGTHS_PERMILLE, Year, YearWanted};
use std::{collections::BTreeMap, time::Duration};
use table::TABLE;
use testkit::Binaries;

/// Promised of all typologies together.
const PROMISED: f64 = 0.90;
const FALSE_ALARMS_PER_1000: f64 = 2.0;
const FALSE_ALARMS_PER_PLANT_YEAR: f64 = 0.05;
const DIVERSION_3_PERCENT: f64 = 0.92;
const COLLUSION_10_PERCENT: f64 = 0.95;
/// Two months.
const DIVERSION_DELAY_DAYS: f64 = 61.0;
const RESAMPLES: usize = 2_000;

/// How large an evaluation is.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many years.
    pub seeds: u64,
    /// The seed of the first; the others follow.
    pub first_seed: u64,
    /// Firms of each.
    pub firms: usize,
    /// Whether it only shows that it works: one small year, and nothing is held against promises.
    pub quick: bool,
}

impl Options {
    /// How long one year may take: a quick one is over within minutes, on a busy machine in ten.
    const fn longest(&self) -> Duration {
        if self.quick { Duration::from_mins(15) } else { Duration::from_hours(4) }
    }

    /// As the issue asks for it; quick, one small year of a development seed.
    pub const fn new(quick: bool) -> Self {
        if quick {
            Self { seeds: 1, first_seed: 0, firms: 200, quick }
        } else {
            Self { seeds: 20, first_seed: FIRST_EVALUATION_SEED, firms: 2_000, quick }
        }
    }
}

/// Loads, scores and sums up.
pub async fn evaluate(binaries: &Binaries, options: &Options) -> anyhow::Result<Vec<Figure>> {
    ensure!(0 < options.seeds, "at least one seed");
    let mut scores = Vec::new();
    for seed in options.first_seed..options.first_seed + options.seeds {
        let year = Year::of(&YearWanted { seed, firms: options.firms });
        eprintln!(
            "seed {seed}: {} firms, {} filings, {} labels, {} deeds without an opportunity",
            year.firms.len(),
            year.entries.len(),
            year.labels.len(),
            year.not_carried_out
        );
        let loading = tokio::time::timeout(options.longest(), load::load(binaries, year, ROUNDS));
        let (year, loaded) = loading.await.context("a year took too long")??;
        let score = score::score(&year, &loaded);
        eprintln!(
            "seed {seed}: {} recorded and judged in {:.0} s, {} findings; false alarms {:?}; closed again {}; \
             of unknown detectors {:?}",
            loaded.recorded,
            loaded.seconds,
            loaded.findings.len(),
            score.by_detector,
            score.closed,
            score.unknown_detectors
        );
        scores.push(score);
    }
    Ok(figures(&scores, options))
}

/// A count of those that are right, among how many.
type Share = (f64, f64);

fn figures(scores: &[Score], options: &Options) -> Vec<Figure> {
    let promised = |promise: f64| (!options.quick).then_some(promise);
    let mut figures = Vec::new();
    let precision = |name: &str| -> Vec<Share> {
        scores
            .iter()
            .map(|score| share(score.precision.get(name).copied().unwrap_or_default()))
            .collect()
    };
    let recall = |wanted: &dyn Fn(&Fraud) -> bool| -> Vec<Share> {
        scores.iter().map(|score| found(score, wanted)).collect()
    };
    figures.push(over_seeds("precision_at_n", "share", promised(PROMISED), &precision("all")));
    let all = over_seeds("recall", "share", promised(PROMISED), &recall(&|_| true));
    figures.push(all.with("by_strength", by_strength(scores, None)));
    for row in TABLE {
        let promise = promised(row.decides.promised());
        let of_it = |fraud: &Fraud| fraud.typology == row.typology;
        let cases: usize = scores
            .iter()
            .map(|score| score.frauds.iter().filter(|fraud| of_it(fraud)).count())
            .sum();
        if cases == 0 {
            continue;
        }
        for (name, shares) in
            [("precision_at_n", precision(row.typology)), ("recall", recall(&of_it))]
        {
            let mut figure =
                over_seeds(name, "share", promise, &shares).with("typology", row.typology);
            if name == "recall" {
                figure = figure
                    .with("cases", cases)
                    .with("detectors", row.detectors.to_vec())
                    .with("by_strength", by_strength(scores, Some(row.typology)))
                    .with("detection_delay_days", delay(scores, &of_it));
            }
            figures.push(figure);
        }
    }
    figures.extend(alarms(scores, options));
    figures.extend(delays(scores, options));
    let diverted = |fraud: &Fraud| {
        fraud.typology == "hidden_output"
            && fraud.strength_permille == 30
            && fraud.metrology == "typical"
    };
    let figure = over_seeds(
        "diversion_3pct_found",
        "share",
        promised(DIVERSION_3_PERCENT),
        &recall(&diverted),
    );
    let late = (!options.quick).then_some(DIVERSION_DELAY_DAYS);
    figures.push(
        figure
            .with("detection_delay_days", delay(scores, &diverted))
            .with("detection_delay_days_promised", late)
            .with("by_strength_and_metrology", by_strength_and_metrology(scores)),
    );
    let colluded = |fraud: &Fraud| {
        fraud.typology == "collusive_under_report" && fraud.strength_permille == 100
    };
    let named: Vec<Share> = scores
        .iter()
        .map(|score| {
            let cases: Vec<_> = score.frauds.iter().filter(|fraud| colluded(fraud)).collect();
            let right = cases.iter().filter(|fraud| fraud.names_the_right_firm).count();
            share((right, cases.len()))
        })
        .collect();
    figures.push(over_seeds(
        "collusion_10pct_found",
        "share",
        promised(COLLUSION_10_PERCENT),
        &named,
    ));
    figures
}

fn alarms(scores: &[Score], options: &Options) -> Vec<Figure> {
    let shares = |of: &dyn Fn(&Score) -> (usize, usize)| -> Vec<Share> {
        scores.iter().map(|score| share(of(score))).collect()
    };
    let mut per_1000 = over_seeds(
        "false_alarms_per_1000",
        "findings per 1000 filings",
        None,
        &shares(&|score| (score.false_alarms * 1_000, score.filings)),
    );
    let mut by_detector: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    for score in scores {
        score
            .by_detector
            .iter()
            .for_each(|(name, count)| *by_detector.entry(name).or_default() += count);
        score
            .unknown_detectors
            .iter()
            .for_each(|(name, count)| *unknown.entry(name).or_default() += count);
    }
    let sum = |of: fn(&Score) -> usize| scores.iter().map(of).sum::<usize>();
    per_1000 = per_1000
        .with("by_detector", json!(by_detector))
        .with("detectors_not_in_the_table", json!(unknown))
        .with("about_guilty_firms_by_other_detectors", sum(|score| score.beside_the_point))
        .with("closed_again", sum(|score| score.closed));
    let mut per_plant = over_seeds(
        "false_alarms_per_plant_year",
        "honest plants with one, of all",
        None,
        &shares(&|score| (score.plants_falsely_alarmed, score.honest_plants)),
    );
    if !options.quick {
        per_1000 = per_1000.with("at_most", FALSE_ALARMS_PER_1000);
        per_plant = per_plant.with("at_most", FALSE_ALARMS_PER_PLANT_YEAR);
    }
    let look_alikes = over_seeds(
        "look_alikes_flagged",
        "share",
        None,
        &shares(&|score| (score.look_alikes_flagged, score.look_alikes)),
    );
    vec![per_1000, per_plant, look_alikes]
}

fn delays(scores: &[Score], options: &Options) -> Vec<Figure> {
    let days: Vec<f64> = scores
        .iter()
        .flat_map(|score| &score.frauds)
        .filter_map(|fraud| fraud.found_after_days.map(days))
        .collect();
    let in_time =
        scores.iter().flat_map(|score| &score.frauds).filter(|fraud| fraud.in_time).count();
    let delay = Figure::of_runs("detection_delay_days", "d", None, &days)
        .with("found", days.len())
        .with("found_in_time", in_time)
        .with("resolution_days", 10);
    let latencies: Vec<f64> =
        scores.iter().flat_map(|score| score.flag_latencies_ms.iter().copied()).collect();
    let mut latency = Figure::of_runs("flag_latency_p99_ms", "ms", None, &latencies);
    latency.value = percentile(&latencies, 99);
    let latency = latency
        .with("p50", percentile(&latencies, 50))
        .with("load", "a round of ten days at once, not a steady stream")
        .with("seeds", options.seeds);
    vec![delay, latency]
}

fn found(score: &Score, wanted: &dyn Fn(&Fraud) -> bool) -> Share {
    let cases: Vec<&Fraud> = score.frauds.iter().filter(|fraud| wanted(fraud)).collect();
    let right = cases.iter().filter(|fraud| fraud.found_after_days.is_some()).count();
    share((right, cases.len()))
}

fn share((right, of): (usize, usize)) -> Share {
    let real = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    (real(right), real(of))
}

fn days(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

fn delay(scores: &[Score], wanted: &dyn Fn(&Fraud) -> bool) -> Option<f64> {
    let days: Vec<f64> = scores
        .iter()
        .flat_map(|score| &score.frauds)
        .filter(|fraud| wanted(fraud))
        .filter_map(|fraud| fraud.found_after_days.map(days))
        .collect();
    (!days.is_empty()).then(|| median(&days))
}

/// Found and all, for each strength in percent.
fn by_strength(scores: &[Score], typology: Option<&str>) -> Value {
    let told = STRENGTHS_PERMILLE.map(|strength| {
        let wanted = |fraud: &Fraud| {
            fraud.strength_permille == strength
                && typology.is_none_or(|name| fraud.typology == name)
        };
        (format!("{}%", strength / 10), found_of(scores, &wanted))
    });
    Value::Object(told.into_iter().collect())
}

/// The same of hidden output, for each class of plants.
fn by_strength_and_metrology(scores: &[Score]) -> Value {
    let mut told = serde_json::Map::new();
    for class in ["good", "typical", "poor"] {
        for strength in STRENGTHS_PERMILLE {
            let wanted = |fraud: &Fraud| {
                fraud.typology == "hidden_output"
                    && fraud.strength_permille == strength
                    && fraud.metrology == class
            };
            told.insert(format!("{class} {}%", strength / 10), found_of(scores, &wanted));
        }
    }
    Value::Object(told)
}

fn found_of(scores: &[Score], wanted: &dyn Fn(&Fraud) -> bool) -> Value {
    let all: Vec<Share> = scores.iter().map(|score| found(score, wanted)).collect();
    let sum = |of: fn(&Share) -> f64| all.iter().map(of).sum::<f64>();
    json!({"found": sum(|share| share.0), "cases": sum(|share| share.1)})
}

/// All seeds together, and between which values 95 of 100 draws of as many seeds lie.
fn over_seeds(
    figure: &'static str,
    unit: &'static str,
    baseline: Option<f64>,
    shares: &[Share],
) -> Figure {
    let mut chance = ChaCha8Rng::seed_from_u64(0);
    let drawn: Vec<f64> = (0..RESAMPLES)
        .map(|_| ratio((0..shares.len()).map(|_| &shares[chance.random_range(0..shares.len())])))
        .filter(|value| value.is_finite())
        .collect();
    let mut told = Figure::of_runs(figure, unit, baseline, &[ratio(shares.iter())]);
    if !drawn.is_empty() {
        (told.low, told.high) = (per_mille(&drawn, 25), per_mille(&drawn, 975));
    }
    told.runs = shares.len();
    told
}

fn ratio<'a>(shares: impl Iterator<Item = &'a Share>) -> f64 {
    let (right, of) = shares.fold((0.0, 0.0), |sum, share| (sum.0 + share.0, sum.1 + share.1));
    right / of
}

/// The value that so many of a thousand do not exceed.
fn per_mille(values: &[f64], of_thousand: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * of_thousand).div_ceil(1_000).saturating_sub(1);
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_pooled_and_their_interval_holds_them() {
        let shares = [(9.0, 10.0), (5.0, 10.0), (7.0, 10.0), (8.0, 10.0)];
        let figure = over_seeds("recall", "share", None, &shares);
        assert!((figure.value - 0.725).abs() < 1e-9);
        assert!(0.5 <= figure.low && figure.low < figure.value);
        assert!(figure.value < figure.high && figure.high <= 0.9);
        assert_eq!(figure.runs, 4);
    }

    #[test]
    fn the_table_has_a_row_for_everything_that_the_simulator_injects() {
        let year = Year::of(&YearWanted { seed: 3, firms: 200 });
        for label in &year.labels {
            assert!(table::row(label.typology).is_some(), "{}", label.typology);
        }
    }
}
