//! Names looked for in a list: who is found, at what false alarms, and how fast.

use crate::names_pairs::kinds;
use anyhow::Context;
use names::{Index, Kind};
use serde_json::{Value, json};
use std::{collections::HashMap, path::Path};

/// Hits below that are none.
const LEAST: f64 = 0.3;
/// Of those who are not on the list, how many may be taken for somebody who is.
const FALSE_ALARMS: f64 = 0.01;

/// Somebody listed.
struct Listed {
    id: String,
    name: String,
    schema: String,
}

/// A name to be looked for.
struct Query {
    name: String,
    /// The id or the name of who is meant; none when nobody on the list is.
    expected: Option<String>,
    schema: String,
}

/// A list as an index for each kind.
struct Lists {
    indices: HashMap<Kind, Index<usize>>,
    listed: Vec<Listed>,
}

pub(crate) fn evaluate(list: &Path, queries: &Path, wrong: bool) -> anyhow::Result<Vec<Value>> {
    let listed = rows(list)?.into_iter().enumerate().map(|(at, mut row)| Listed {
        id: take(&mut row, &["id"]).unwrap_or_else(|| at.to_string()),
        name: take(&mut row, &["name", "name1", "caption"]).unwrap_or_default(),
        schema: take(&mut row, &["schema", "type"]).unwrap_or_default(),
    });
    let lists = Lists::of(listed.collect());
    let of_list = &["expected", "match", "expected_id", "target", "target_id", "id", "listed"];
    let queries: Vec<Query> = rows(queries)?
        .into_iter()
        .map(|mut row| Query {
            name: take(&mut row, &["query", "name", "name1"]).unwrap_or_default(),
            schema: take(&mut row, &["schema", "type"]).unwrap_or_default(),
            expected: take(&mut row, of_list).filter(|expected| {
                !matches!(
                    expected.to_ascii_lowercase().as_str(),
                    "" | "none" | "false" | "0" | "null"
                )
            }),
        })
        .collect();
    let started = processor_seconds();
    let found: Vec<Vec<(usize, f64)>> = queries.iter().map(|query| lists.search(query)).collect();
    let seconds = processor_seconds() - started;
    let mut positives = Vec::new();
    let mut alarms = Vec::new();
    for (query, hits) in queries.iter().zip(&found) {
        match &query.expected {
            None => alarms.push(hits.first().map_or(0.0, |hit| hit.1)),
            Some(expected) => {
                let is_meant = |at: usize| lists.is(at, expected);
                let score = hits.iter().find(|hit| is_meant(hit.0)).map_or(0.0, |hit| hit.1);
                let other = hits.iter().find(|hit| !is_meant(hit.0)).map_or(0.0, |hit| hit.1);
                positives.push((query, score, other));
            }
        }
    }
    let is_labelled = !alarms.is_empty();
    if !is_labelled {
        alarms = positives.iter().map(|(_, _, other)| *other).collect();
    }
    alarms.sort_by(|one, other| other.total_cmp(one));
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    let allowed = (number(alarms.len()) * FALSE_ALARMS).floor() as usize;
    let beyond = alarms.get(allowed).copied().unwrap_or(0.0);
    let reached = positives.iter().filter(|(_, score, _)| *score > beyond).count();
    if wrong {
        for (query, score, other) in positives.iter().filter(|(_, score, _)| *score <= beyond) {
            eprintln!("{score:.3} (others {other:.3}) {:?} is {:?}", query.name, query.expected);
        }
    }
    let recall = number(reached) / number(positives.len()).max(1.0);
    let per_second = number(queries.len()) / seconds.max(1e-9);
    Ok(vec![
        json!({ "figure": "names_recall_at_1pct_false_alarms", "value": (recall * 1e4).round() / 1e4,
            "unit": "recall", "baseline": 0.994, "listed": lists.listed.len(), "queries": queries.len(),
            "threshold": (beyond * 1e4).round() / 1e4,
            "false_alarms_from": if is_labelled { "queries_without_match" } else { "others_on_the_list" },
            "runs": 1 }),
        json!({ "figure": "names_per_second_core", "value": per_second.round(), "unit": "names_per_second",
            "baseline": 10_000.0, "runs": 1 }),
    ])
}

impl Lists {
    fn of(listed: Vec<Listed>) -> Self {
        let mut indices: HashMap<Kind, Index<usize>> = HashMap::new();
        for (at, listed) in listed.iter().enumerate() {
            for kind in kinds(&listed.schema) {
                indices.entry(*kind).or_insert_with(|| Index::new(*kind)).insert(at, &listed.name);
            }
        }
        Self { indices, listed }
    }

    fn search(&self, query: &Query) -> Vec<(usize, f64)> {
        let mut hits: Vec<(usize, f64)> = Vec::new();
        for kind in kinds(&query.schema) {
            let Some(index) = self.indices.get(kind) else { continue };
            for hit in index.search(&query.name, LEAST) {
                match hits.iter_mut().find(|known| known.0 == hit.key) {
                    Some(known) => known.1 = known.1.max(hit.score),
                    None => hits.push((hit.key, hit.score)),
                }
            }
        }
        hits.sort_by(|one, other| other.1.total_cmp(&one.1));
        hits
    }

    fn is(&self, at: usize, expected: &str) -> bool {
        self.listed[at].id == expected || self.listed[at].name == expected
    }
}

/// What this thread has had of a core, so that others on the machine do not count. In seconds.
pub(crate) fn processor_seconds() -> f64 {
    let read = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = read.split(' ').next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e9
}

type Row = HashMap<String, String>;

fn take(row: &mut Row, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| row.remove(*name))
}

/// The rows of a CSV file; of one without a known header, each line is a name.
fn rows(path: &Path) -> anyhow::Result<Vec<Row>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let known = ["name", "query", "name1", "caption"];
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header: Vec<String> =
        reader.headers()?.iter().map(|cell| cell.trim().to_ascii_lowercase()).collect();
    if !header.iter().any(|cell| known.contains(&cell.as_str())) {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        return Ok(lines.map(|line| Row::from([("name".to_owned(), line.to_owned())])).collect());
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let cells = header.iter().cloned().zip(record.iter().map(ToOwned::to_owned));
        rows.push(cells.collect());
    }
    Ok(rows)
}
