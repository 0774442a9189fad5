//! Labelled pairs of names: how often the judgement is the label.

use crate::names_lists::processor_seconds;
use anyhow::{Context, bail};
use names::{Kind, Name, score};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// From which score two names match: the default of lists.
pub(crate) const THRESHOLD: f64 = 0.84;

/// Judged and labelled.
#[derive(Clone, Copy, Default)]
struct Counts {
    hits: u32,
    false_alarms: u32,
    missed: u32,
    rejected: u32,
}

pub(crate) struct Pair {
    one: String,
    other: String,
    is_match: bool,
    schema: String,
}

/// Prints F1 of all, of each schema, and of organisations together.
pub(crate) fn evaluate(
    path: &Path,
    threshold: f64,
    show_wrong: bool,
) -> anyhow::Result<Vec<Value>> {
    let pairs = read(path)?;
    let started = processor_seconds();
    let scores: Vec<f64> = pairs.iter().map(judge).collect();
    let mut rounds = 1;
    // The processor's time is counted in ticks: a short file is judged again until there are some.
    while processor_seconds() - started < 0.2 && rounds < 1_000 {
        for pair in &pairs {
            std::hint::black_box(judge(pair));
        }
        rounds += 1;
    }
    let seconds = (processor_seconds() - started) / f64::from(rounds);
    let mut by_schema: BTreeMap<String, Counts> = BTreeMap::new();
    let mut all = Counts::default();
    let mut organisations = Counts::default();
    for (pair, score) in pairs.iter().zip(&scores) {
        let found = *score >= threshold;
        if show_wrong && found != pair.is_match {
            eprintln!(
                "{score:.3} {} {:?} {:?} {}",
                pair.is_match, pair.one, pair.other, pair.schema
            );
        }
        all.count(pair.is_match, found);
        if kinds(&pair.schema) == [Kind::Organisation] {
            organisations.count(pair.is_match, found);
        }
        by_schema.entry(pair.schema.clone()).or_default().count(pair.is_match, found);
    }
    let mut figures = vec![all.figure("names_f1", Some(0.80), threshold)];
    figures.push(organisations.figure("names_f1_organisations", Some(0.88), threshold));
    for (schema, counts) in by_schema {
        let mut figure = counts.figure("names_f1_of_schema", None, threshold);
        figure["schema"] = json!(schema);
        figures.push(figure);
    }
    let pairs_per_second = f64::from(u32::try_from(pairs.len())?) / seconds.max(1e-9);
    figures.push(json!({ "figure": "names_pairs_per_second", "value": pairs_per_second.round(),
        "unit": "pairs_per_second", "baseline": 840.0, "runs": 1 }));
    Ok(figures)
}

impl Counts {
    fn count(&mut self, is_match: bool, found: bool) {
        let count = match (is_match, found) {
            (true, true) => &mut self.hits,
            (false, true) => &mut self.false_alarms,
            (true, false) => &mut self.missed,
            (false, false) => &mut self.rejected,
        };
        *count += 1;
    }

    fn figure(self, name: &str, baseline: Option<f64>, threshold: f64) -> Value {
        let share = |of: u32, whole: u32| {
            if whole == 0 { 0.0 } else { (f64::from(of) / f64::from(whole) * 1e4).round() / 1e4 }
        };
        let (hits, alarms, missed) = (self.hits, self.false_alarms, self.missed);
        json!({ "figure": name, "value": share(2 * hits, 2 * hits + alarms + missed), "unit": "f1",
            "baseline": baseline, "precision": share(hits, hits + alarms),
            "recall": share(hits, hits + missed), "pairs": hits + alarms + missed + self.rejected,
            "threshold": threshold, "runs": 1 })
    }
}

/// As what a name of a schema may be read.
pub(crate) fn kinds(schema: &str) -> &'static [Kind] {
    match schema.to_ascii_lowercase().as_str() {
        "person" => &[Kind::Person],
        "company" | "organization" | "organisation" | "publicbody" => &[Kind::Organisation],
        "vessel" | "airplane" | "vehicle" => &[Kind::Vessel],
        "address" => &[Kind::Address],
        _ => &[Kind::Organisation, Kind::Person],
    }
}

fn judge(pair: &Pair) -> f64 {
    let scores = kinds(&pair.schema)
        .iter()
        .map(|kind| score(&Name::read(&pair.one, *kind), &Name::read(&pair.other, *kind), |_| 0.0));
    scores.fold(0.0, f64::max)
}

fn read(path: &Path) -> anyhow::Result<Vec<Pair>> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let header = reader.headers()?.clone();
    let column = |name: &str| header.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
    let needed = |name: &str| column(name).with_context(|| format!("no column {name}"));
    let (one, other, label) = (needed("name1")?, needed("name2")?, needed("is_match")?);
    let schema = column("schema");
    let mut pairs = Vec::new();
    for record in reader.records() {
        let record = record?;
        let cell = |at: usize| record.get(at).unwrap_or_default().to_owned();
        let is_match = match cell(label).trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "t" | "positive" => true,
            "false" | "0" | "no" | "f" | "negative" => false,
            other => bail!("is_match of line {} is {other:?}", pairs.len() + 2),
        };
        let schema = schema.map_or_else(String::new, cell);
        pairs.push(Pair { one: cell(one), other: cell(other), is_match, schema });
    }
    Ok(pairs)
}
