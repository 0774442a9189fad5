//! The published figures that the nation is made of.

use domain::element::Element;
use rust_decimal::Decimal;
use std::{collections::BTreeMap, str::FromStr};

const MAGNITUDES: &str = include_str!("../data/magnitudes.csv");
const COMPOSITIONS: &str = include_str!("../data/compositions.csv");
const YIELDS: &str = include_str!("../data/yields.csv");
const MONTHLY_EXPORTS: &str = include_str!("../data/monthly-exports.csv");

/// A share that a process recovers, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Yield {
    /// Seen in bad months.
    pub(crate) low: u64,
    /// Seen in most.
    pub(crate) typical: u64,
    /// Seen in good ones.
    pub(crate) high: u64,
}

/// The whole number in `magnitudes.csv` of this name and unit's beginning.
pub(crate) fn magnitude(metric: &str) -> u64 {
    rows(MAGNITUDES)
        .find(|row| &row[0] == metric)
        .and_then(|row| row[1].parse().ok())
        .expect("the file has this metric, a test says so")
}

/// A process of `yields.csv`.
pub(crate) fn process_yield(stage: &str) -> Yield {
    let row =
        rows(YIELDS).find(|row| &row[0] == stage).expect("the file has this stage, a test says so");
    let thousandths = |text: &str| {
        let share = Decimal::from_str(text).expect("yields are decimals");
        u64::try_from(share * Decimal::ONE_THOUSAND).expect("a share is between 0 and 1")
    };
    Yield { low: thousandths(&row[3]), typical: thousandths(&row[4]), high: thousandths(&row[5]) }
}

/// The rare-earth oxides of an ore, as percent of its total rare-earth oxide.
pub(crate) fn oxides(material: &str) -> BTreeMap<Element, Decimal> {
    rows(COMPOSITIONS)
        .filter(|row| &row[0] == material)
        .map(|row| {
            let element = Element::ALL.into_iter().find(|element| element.oxide() == &row[1]);
            let percent = Decimal::from_str(&row[3]).expect("typical shares are decimals");
            (element.expect("ores are stated as trade oxides"), percent)
        })
        .collect()
}

/// Typical Dy and Tb together in a grade of magnets, in percent.
pub(crate) fn heavy_percent(grade: &str) -> Decimal {
    let row = rows(COMPOSITIONS).find(|row| &row[0] == grade);
    let row = row.expect("the file has this grade, a test says so");
    Decimal::from_str(&row[3]).expect("typical shares are decimals")
}

/// How busy each calendar month is, in thousandths of an ordinary one, January first.
///
/// From the tonnes of magnets exported to the world. Months around the start of export control in
/// 2025 are left out, they show a shock and no season; a month nobody reported is ordinary.
pub(crate) fn seasons() -> [u64; 12] {
    let mut tonnes: [Vec<u64>; 12] = Default::default();
    for row in rows(MONTHLY_EXPORTS) {
        let shock = ("2025-04"..="2025-06").contains(&&row[0]);
        if &row[1] == "rare_earth_magnets" && &row[2] == "WORLD" && !shock {
            let month: usize = row[0][5..].parse().expect("months are written like 2025-04");
            let amount = Decimal::from_str(&row[3]).expect("tonnes are decimals");
            tonnes[month - 1].push(u64::try_from(amount.trunc()).expect("tonnes are not negative"));
        }
    }
    let all: Vec<u64> = tonnes.iter().flatten().copied().collect();
    let ordinary = mean(&all);
    tonnes.map(
        |of_month| if of_month.is_empty() { 1_000 } else { mean(&of_month) * 1_000 / ordinary },
    )
}

fn mean(values: &[u64]) -> u64 {
    values.iter().sum::<u64>() / u64::try_from(values.len()).expect("few values")
}

fn rows(text: &'static str) -> impl Iterator<Item = csv::StringRecord> {
    let reader = csv::Reader::from_reader(text.as_bytes());
    reader.into_records().map(|row| row.expect("the files that ship are well formed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goods::Good;

    #[test]
    fn the_seasons_show_the_spring_festival() {
        let seasons = seasons();
        assert_eq!(seasons[3], 1_000, "no April outside the shock was reported");
        assert!(seasons[1] < 850, "February is short: {seasons:?}");
        assert!(seasons.iter().all(|month| (500..1_500).contains(month)));
    }

    #[test]
    fn an_ore_is_stated_nearly_whole() {
        for ore in
            ["bayan_obo_bastnaesite", "xunwu_ion_adsorption_light", "longnan_ion_adsorption_heavy"]
        {
            let sum: Decimal = oxides(ore).values().sum();
            assert!(Decimal::from(98) < sum && sum <= Decimal::from(102), "{ore}: {sum}");
        }
    }

    #[test]
    fn every_good_has_a_customs_code_of_the_list() {
        let codes: Vec<String> =
            rows(include_str!("../data/hs-codes.csv")).map(|row| row[0].to_owned()).collect();
        for good in Good::ALL {
            assert!(codes.iter().any(|code| code == good.facts().hs_code), "{good:?}");
        }
    }
}
