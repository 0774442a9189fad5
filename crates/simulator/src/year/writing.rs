//! A year as files: the requests in their order, and beside them what is true.

use super::{ROUNDS, Year, recorded_on, registration};
use anyhow::Context;
use domain::mass::kilograms_of_grams;
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

/// Writes `organisations.ndjson`, `quotas.ndjson`, `listed-parties.ndjson`, `filings.ndjson`,
/// `invoices.ndjson`, `declarations.ndjson` and `labels.json` into a folder.
pub fn write(year: &Year, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let codes: Vec<_> = year.firms.iter().map(|firm| firm.uscc.clone()).collect();
    let organisations = year.firms.iter().map(|firm| {
        let group = firm.group.map(|group| format!("{{group:{group}}}"));
        registration::form(firm, group.as_deref(), None)
    });
    lines(folder, "organisations.ndjson", organisations)?;
    let quotas = year.quotas.iter().map(|quota| {
        json!({
            "group": format!("{{group:{}}}", quota.group), "year": quota.year, "scope": quota.scope, "batch": 1,
            "granted_reo_kg": kilograms_of_grams(quota.granted_reo_grams.cast_signed()),
            "source": registration::SOURCE, "verification": "fictitious",
        })
    });
    lines(folder, "quotas.ndjson", quotas)?;
    lines(folder, "listed-parties.ndjson", year.listed.iter().map(registration::listed_form))?;
    let filings = year.entries.iter().map(|entry| {
        json!({
            "recorded_on": recorded_on(entry.round), "organisation": codes[entry.filing.filer],
            "idempotency_key": entry.filing.idempotency_key(), "filing": entry.filing.template(&codes),
        })
    });
    lines(folder, "filings.ndjson", filings)?;
    let handed_in = |feed: &[(usize, Value)]| -> Vec<Value> {
        let mut feed: Vec<_> = feed.to_vec();
        feed.sort_by_key(|(round, _)| *round);
        feed.into_iter()
            .map(|(round, entry)| json!({"recorded_on": recorded_on(round), "entry": entry}))
            .collect()
    };
    lines(folder, "invoices.ndjson", handed_in(&year.invoices).into_iter())?;
    lines(folder, "declarations.ndjson", handed_in(&year.declarations).into_iter())?;
    let labels = json!({
        "seed": year.wanted.seed, "for": registration::purpose(year.wanted.seed),
        "firms": year.firms.len(), "rounds": ROUNDS, "first_day": super::FIRST_DAY,
        "filings": year.entries.len(), "not_carried_out": year.not_carried_out, "labels": year.labels,
    });
    let path = folder.join("labels.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&labels)?)
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn lines<T: Serialize>(
    folder: &Path,
    name: &str,
    rows: impl Iterator<Item = T>,
) -> anyhow::Result<()> {
    let path = folder.join(name);
    let file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    let mut file = BufWriter::new(file);
    for row in rows {
        serde_json::to_writer(&mut file, &row)?;
        file.write_all(b"\n")?;
    }
    file.flush().with_context(|| format!("{} cannot be written", path.display()))
}
