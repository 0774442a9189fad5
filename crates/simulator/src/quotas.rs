//! What groups may mine and separate, and which of them goes beyond it.

use crate::{
    chain::kilograms,
    filing::{Filing, Line, LotName},
    irregularities::Planted,
    nation::Nation,
};
use domain::{
    calendar_month::BEIJING,
    codes::{FilingKind, Process},
    composition::Composition,
    mass::ElementMasses,
};
use rust_decimal::{Decimal, dec, prelude::ToPrimitive};
use std::collections::BTreeMap;

/// What a group may do in a year: made up, like the groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Index in [`crate::GROUPS`].
    pub group: usize,
    /// The calendar year.
    pub year: i16,
    /// `mining` or `separation`.
    pub scope: &'static str,
    /// How much, as oxide.
    pub granted_reo_grams: u64,
}

const MINING: &str = "mining";
const SEPARATION: &str = "separation";
/// Thousandths of what a group uses that it is granted: enough, but for one group's mines.
const GRANTED: u64 = 1_300;
const GRANTED_TOO_LITTLE: u64 = 750;
const TOO_LITTLE_FOR: usize = 1;

/// What each group may do, and the filing with which one of them goes beyond it.
pub(crate) fn quotas(nation: &Nation, filings: &[Filing]) -> (Vec<Quota>, Option<Planted>) {
    let used = used(nation, filings);
    let mut totals: BTreeMap<(usize, i16, &'static str), u64> = BTreeMap::new();
    for (key, _, grams) in &used {
        *totals.entry(*key).or_default() += grams;
    }
    let quotas: Vec<Quota> = totals
        .into_iter()
        .map(|((group, year, scope), grams)| {
            let too_little = group == TOO_LITTLE_FOR && scope == MINING;
            let granted = if too_little { GRANTED_TOO_LITTLE } else { GRANTED };
            Quota { group, year, scope, granted_reo_grams: grams * granted / 1_000 }
        })
        .collect();
    let overrun =
        quotas.iter().rev().find(|quota| quota.group == TOO_LITTLE_FOR && quota.scope == MINING);
    let crossing = overrun.and_then(|quota| {
        let mut total = 0;
        let mut mined = used.iter().filter(|(key, ..)| *key == (quota.group, quota.year, MINING));
        let crosses = mined.find(|(_, _, grams)| {
            total += grams;
            quota.granted_reo_grams < total
        });
        crosses.map(|(_, index, _)| *index)
    });
    let planted = crossing.map(|index| Planted {
        detector: "quota_overrun",
        what: "a group mined a third more than its quota",
        organisation: filings[index].filer,
        references: vec![filings[index].reference.clone()],
    });
    (quotas, planted)
}

/// What draws on whose quota, filing by filing, in grams of oxide.
type Use = ((usize, i16, &'static str), usize, u64);

fn used(nation: &Nation, filings: &[Filing]) -> Vec<Use> {
    let mut claims: BTreeMap<&LotName, (u64, ElementMasses)> = BTreeMap::new();
    let mut used = Vec::new();
    for (index, filing) in filings.iter().enumerate() {
        for line in filing.every_line().filter(|line| line.product.is_some()) {
            if let Some(lot) = &line.lot {
                claims.insert(lot, (line.grams, claimed(line)));
            }
        }
        // A filing that is corrected counts once, as it stands in the end.
        let replaced = filings.get(index + 1).is_some_and(|next| {
            let same = next.filer == filing.filer && next.reference == filing.reference;
            same && next.correction.is_some()
        });
        let group = nation.organisations[filing.filer].group;
        let (scope, lines) = match (filing.kind, filing.process) {
            (FilingKind::Extraction, _) => (MINING, &filing.lines),
            (_, Some(Process::Separation)) => (SEPARATION, &filing.inputs),
            _ => continue,
        };
        let Some(group) = group.filter(|_| !replaced) else { continue };
        let elements = lines.iter().filter_map(|line| {
            let (grams, elements) = claims.get(line.lot.as_ref()?)?;
            Some(elements.share(kilograms(line.grams), kilograms(*grams)))
        });
        let grams = elements.map(|elements| oxide_grams(&elements)).sum();
        let year = filing.happened_at.to_zoned(BEIJING).year();
        used.push(((group, year, scope), index, grams));
    }
    used
}

fn claimed(line: &Line) -> ElementMasses {
    let composition =
        line.composition.as_ref().and_then(|stated| Composition::try_from(stated).ok());
    ElementMasses::in_mass(kilograms(line.grams), &composition.unwrap_or(Composition::NONE))
}

/// Rare earths as the mass of their oxides.
fn oxide_grams(elements: &ElementMasses) -> u64 {
    let mg: Decimal = elements
        .present()
        .map(|(element, mg)| Decimal::from(mg) / element.oxide_to_element())
        .sum();
    (mg / dec!(1_000)).round().to_u64().unwrap_or_default()
}
