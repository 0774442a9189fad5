//! `determinations_per_second_core` and `catalogue_10k_seconds`: is it controlled, asked often.

use super::Bench;
use crate::{connection::Connection, docket::import_law, filers, measure::Figure, work::socket};
use anyhow::ensure;
use domain::{
    determination::{Assay, Completeness, Item, Judge, Share},
    regime::{ItemCategory, Regime},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ITEMS: usize = 10_000;
/// The goals that the issue sets.
const WANTED_PER_SECOND: f64 = 50_000.0;
const WANTED_SECONDS: f64 = 1.0;

/// What is asked about, in turns: kind of goods, and percent of each element.
const GOODS: [(ItemCategory, &[(&str, &str)]); 8] = [
    (ItemCategory::Magnet, &[("Nd", "27"), ("Fe", "69"), ("B", "1"), ("Dy", "3")]),
    (ItemCategory::Magnet, &[("Nd", "30"), ("Fe", "69"), ("B", "1")]),
    (ItemCategory::Magnet, &[("Sm", "25.4"), ("Co", "48.5"), ("Fe", "16"), ("Cu", "7")]),
    (ItemCategory::Oxide, &[("Nd", "85.7"), ("O", "14.3")]),
    (ItemCategory::Oxide, &[("Ho", "87"), ("O", "13")]),
    (ItemCategory::Alloy, &[("Tb", "17"), ("Dy", "43"), ("Fe", "40")]),
    (ItemCategory::Compound, &[("La", "30"), ("Ce", "40"), ("Y", "1"), ("Cl", "29")]),
    (ItemCategory::Metal, &[("Nd", "99.9"), ("Fe", "0.1")]),
];

/// Determinations in one thread, the law of the day being read already.
pub fn in_process(bench: &Bench) -> anyhow::Result<Figure> {
    let (runs, seconds) = if bench.quick { (3, 1) } else { (5, 3) };
    let regime = Regime::default_china_2025();
    let judge = Judge::on(&regime, domain::calendar_month::beijing_date(service::clock::now()));
    let items = GOODS.iter().map(|(category, parts)| item(*category, parts));
    let items: Vec<Item> = items.collect::<anyhow::Result<_>>()?;
    let mut rates = Vec::with_capacity(runs);
    for _ in 0..runs {
        let (begun, mut count) = (Instant::now(), 0_u32);
        while begun.elapsed() < Duration::from_secs(seconds) {
            for item in &items {
                std::hint::black_box(judge.determine(std::hint::black_box(item)));
                count += 1;
            }
        }
        rates.push(f64::from(count) / begun.elapsed().as_secs_f64());
    }
    let wanted = Some(WANTED_PER_SECOND);
    Ok(Figure::of_runs("determinations_per_second_core", "per_second", wanted, &rates))
}

/// A catalogue of ten thousand items over HTTP, judged, signed and stored.
pub async fn catalogue(bench: &Bench) -> anyhow::Result<Figure> {
    let runs = if bench.quick { 3 } else { 7 };
    let stack = bench.stack(vec!["licensing"]).await;
    import_law(stack.database()).await?;
    let filer = filers::register(stack.database(), 1).await.remove(0);
    let token = filers::grant_key(stack.database(), filer.organisation, "exporter").await;
    let mut connection = Connection::open(socket(&stack.url("licensing"))?).await?;
    let items: Vec<Value> = (0..ITEMS)
        .map(|number| {
            let (category, parts) = GOODS[number % GOODS.len()];
            let percent: serde_json::Map<String, Value> = parts
                .iter()
                .map(|(element, percent)| ((*element).to_owned(), json!(percent)))
                .collect();
            let composition = json!({"percent": percent, "completeness": "complete"});
            let goods = json!({"category": category, "composition": composition});
            json!({"reference": format!("item {number}"), "goods": goods})
        })
        .collect();
    let body = json!({"items": items, "destination": "DE"}).to_string();
    let mut seconds = Vec::with_capacity(runs);
    // The first only warms up.
    for run in 0..=runs {
        let begun = Instant::now();
        let key = format!("catalogue-{run}");
        let answer = connection.post("/v1/determinations/batch", &token, &key, &body).await?;
        let elapsed = begun.elapsed().as_secs_f64();
        ensure!(
            answer.status == 201,
            "{}: {:.500}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        if 0 < run {
            seconds.push(elapsed);
        }
    }
    let figure = Figure::of_runs("catalogue_10k_seconds", "s", Some(WANTED_SECONDS), &seconds);
    Ok(figure.with("request_bytes", body.len()))
}

fn item(category: ItemCategory, parts: &[(&str, &str)]) -> anyhow::Result<Item> {
    let mut shares = std::collections::BTreeMap::new();
    for (symbol, percent) in parts {
        let share = Share { percent: percent.parse()?, uncertainty_percent: Decimal::ZERO };
        shares.insert(symbol.parse()?, share);
    }
    Ok(Item { assay: Some(Assay::new(shares, Completeness::Complete)?), ..Item::of(category) })
}
