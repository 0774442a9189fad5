//! Compares what was found with what was injected, for one year.
//!
//! A finding concerns a label when its detector is meant for the typology (`table.rs`) and it is about
//! one of the label's firms, filings, movements or groups, raised no earlier than the deed. Suspects
//! are firms; they are ranked by the gravest finding, then by how many there are.

use super::{
    load::Loaded,
    table::{BALANCES, TABLE, is_known, row},
};
use domain::ids::MovementId;
use jiff::{Timestamp, civil::Date};
use serde_json::Value;
use simulator::year::{Label, Line, Year, recorded_on};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// What became of one year.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// What became of each fraud.
    pub frauds: Vec<Fraud>,
    /// Guilty among the first n suspects, and n: by typology, and of all.
    pub precision: BTreeMap<&'static str, (usize, usize)>,
    /// Findings for officials that stand, concern no fraud and are about honest firms.
    pub false_alarms: usize,
    /// Of those, how many are about a firm in a look-alike of the detector's typologies.
    pub look_alikes_flagged: usize,
    /// How many look-alikes there were.
    pub look_alikes: usize,
    /// Findings about guilty firms by detectors that are not meant for what they did.
    pub beside_the_point: usize,
    /// Findings of detectors that the table does not know.
    pub unknown_detectors: BTreeMap<String, usize>,
    /// False alarms by detector.
    pub by_detector: BTreeMap<String, usize>,
    /// Findings that were closed again, such as after a correction.
    pub closed: usize,
    /// Honest plants with a false alarm of a balance, in all months together.
    pub plants_falsely_alarmed: usize,
    /// Honest plants.
    pub honest_plants: usize,
    /// Filings recorded.
    pub filings: usize,
    /// From a filing's own time to its finding, in milliseconds.
    pub flag_latencies_ms: Vec<f64>,
}

/// What became of a fraud.
#[derive(Clone, Debug)]
pub struct Fraud {
    /// Its typology.
    pub typology: &'static str,
    /// In thousandths.
    pub strength_permille: u64,
    /// How well the plant measures.
    pub metrology: &'static str,
    /// Days from its first filing to the end of the round in which it was found.
    pub found_after_days: Option<i64>,
    /// Whether that was by the day by which it should be found.
    pub in_time: bool,
    /// Whether the finding names the one who did it.
    pub names_the_right_firm: bool,
}

/// What a label is about.
struct Concern<'a> {
    label: &'a Label,
    ids: HashSet<Uuid>,
    doer: Uuid,
}

struct Found<'a> {
    detector: &'a str,
    organisation: Option<Uuid>,
    subject: Option<Uuid>,
    gravity: u8,
    on: Date,
    closed: bool,
}

/// Scores a year.
pub fn score(year: &Year, loaded: &Loaded) -> Score {
    let concerns: Vec<Concern<'_>> =
        year.labels.iter().map(|label| concern(year, loaded, label)).collect();
    let all: Vec<Found<'_>> =
        loaded.findings.iter().filter_map(|finding| found(finding, &loaded.judged_at)).collect();
    let standing: Vec<&Found<'_>> = all.iter().filter(|found| !found.closed).collect();
    let mut score = Score {
        frauds: concerns.iter().filter_map(|concern| fraud(concern, &standing)).collect(),
        closed: all.len() - standing.len(),
        filings: loaded.recorded,
        flag_latencies_ms: loaded.flag_latencies_ms.clone(),
        ..Score::default()
    };
    precision(&mut score, &concerns, &standing);
    false_alarms(&mut score, &concerns, &standing);
    plants(&mut score, year, loaded, &concerns, &standing);
    score
}

fn concern<'a>(year: &Year, loaded: &Loaded, label: &'a Label) -> Concern<'a> {
    let firm = |index: usize| loaded.nation.firms[index].id;
    let mut ids: HashSet<Uuid> = label.firms.iter().map(|index| firm(*index).as_uuid()).collect();
    for (who, reference) in &label.references {
        ids.extend(loaded.filings.get(&(*who, reference.clone())).into_iter().flatten());
        ids.insert(MovementId::of(firm(*who), reference).as_uuid());
    }
    // A group counts as a whole only for what the group did.
    if let Some(group) = label.group {
        ids.insert(loaded.nation.groups[group]);
    }
    debug_assert!(label.firms.iter().all(|index| *index < year.firms.len()));
    Concern { label, ids, doer: firm(label.firms[0]).as_uuid() }
}

fn found<'a>(finding: &'a Value, judged_at: &[Timestamp]) -> Option<Found<'a>> {
    if finding["audience"] != "official" {
        return None;
    }
    let id = |name: &str| finding[name].as_str().and_then(|text| text.parse().ok());
    let raised_at: Timestamp = finding["raised_at"].as_str()?.parse().ok()?;
    let round = judged_at.partition_point(|judged| *judged < raised_at).min(judged_at.len() - 1);
    Some(Found {
        detector: finding["detector"].as_str()?,
        organisation: id("organisation"),
        subject: id("subject"),
        gravity: match finding["severity"].as_str() {
            Some("alert") => 3,
            Some("warning") => 2,
            _ => 1,
        },
        on: recorded_on(round),
        closed: matches!(finding["state"].as_str(), Some("closed" | "dismissed")),
    })
}

impl Concern<'_> {
    /// Whether a finding is about this.
    fn is_of(&self, found: &Found<'_>) -> bool {
        let meant =
            row(self.label.typology).is_some_and(|row| row.detectors.contains(&found.detector));
        meant && self.is_about(found) && self.label.first_on <= found.on
    }

    fn is_about(&self, found: &Found<'_>) -> bool {
        [found.organisation, found.subject].iter().flatten().any(|id| self.ids.contains(id))
    }
}

fn fraud(concern: &Concern<'_>, standing: &[&Found<'_>]) -> Option<Fraud> {
    let label = concern.label;
    let first = standing.iter().filter(|found| concern.is_of(found)).min_by_key(|found| found.on);
    let days = |on: Date| i64::from(label.first_on.until(on).map_or(0, |span| span.get_days()));
    Some(Fraud {
        typology: label.typology,
        strength_permille: label.strength_permille?,
        metrology: label.metrology,
        found_after_days: first.map(|found| days(found.on)),
        in_time: first.is_some_and(|found| found.on <= label.by),
        names_the_right_firm: standing
            .iter()
            .any(|found| concern.is_of(found) && found.organisation == Some(concern.doer)),
    })
}

/// Of the suspects, as many as there are guilty ones: how many of those are.
fn precision(score: &mut Score, concerns: &[Concern<'_>], standing: &[&Found<'_>]) {
    let guilty_of = |suspect: &Uuid, typology: Option<&str>| {
        concerns.iter().any(|concern| {
            let of_it = typology.is_none_or(|name| concern.label.typology == name);
            concern.label.is_fraud() && of_it && concern.ids.contains(suspect)
        })
    };
    let all = ranked(standing.iter().filter(|found| is_known(found.detector)));
    let cases = concerns.iter().filter(|concern| concern.label.is_fraud()).count();
    let right = all.iter().take(cases).filter(|suspect| guilty_of(suspect, None)).count();
    score.precision.insert("all", (right, cases));
    for row in TABLE {
        let meant = |found: &&&Found<'_>| row.detectors.contains(&found.detector);
        let suspects = ranked(standing.iter().filter(meant));
        // A detector that serves several typologies is right about any of them, and there are as many
        // cases as of all of them.
        let served: BTreeSet<&str> = TABLE
            .iter()
            .filter(|other| {
                let same = other.detectors.iter().any(|name| row.detectors.contains(name));
                same || other.typology == row.typology
            })
            .map(|other| other.typology)
            .collect();
        let of_it = |concern: &&Concern<'_>| {
            concern.label.is_fraud() && served.contains(concern.label.typology)
        };
        let cases = concerns.iter().filter(of_it).count();
        let right = suspects
            .iter()
            .take(cases)
            .filter(|suspect| served.iter().any(|name| guilty_of(suspect, Some(name))))
            .count();
        score.precision.insert(row.typology, (right, cases));
    }
}

/// Suspects, the gravest first.
fn ranked<'a>(found: impl Iterator<Item = &'a &'a Found<'a>>) -> Vec<Uuid> {
    let mut weights: HashMap<Uuid, (u8, usize)> = HashMap::new();
    for found in found {
        let Some(suspect) = found.organisation.or(found.subject) else { continue };
        let weight = weights.entry(suspect).or_default();
        weight.0 = weight.0.max(found.gravity);
        weight.1 += 1;
    }
    let mut suspects: Vec<_> = weights.into_iter().collect();
    suspects.sort_by_key(|(suspect, weight)| (std::cmp::Reverse(*weight), *suspect));
    suspects.into_iter().map(|(suspect, _)| suspect).collect()
}

fn false_alarms(score: &mut Score, concerns: &[Concern<'_>], standing: &[&Found<'_>]) {
    score.look_alikes = concerns.iter().filter(|concern| !concern.label.is_fraud()).count();
    let mut flagged = BTreeSet::new();
    for found in standing {
        if !is_known(found.detector) {
            *score.unknown_detectors.entry(found.detector.to_owned()).or_default() += 1;
        }
        if concerns.iter().any(|concern| concern.label.is_fraud() && concern.is_of(found)) {
            continue;
        }
        if concerns.iter().any(|concern| concern.label.is_fraud() && concern.is_about(found)) {
            score.beside_the_point += 1;
            continue;
        }
        score.false_alarms += 1;
        *score.by_detector.entry(found.detector.to_owned()).or_default() += 1;
        let resembles =
            concerns.iter().filter(|concern| !concern.label.is_fraud() && concern.is_of(found));
        flagged.extend(resembles.map(|concern| concern.label.number));
    }
    score.look_alikes_flagged = flagged.len();
}

fn plants(
    score: &mut Score,
    year: &Year,
    loaded: &Loaded,
    concerns: &[Concern<'_>],
    standing: &[&Found<'_>],
) {
    let guilty = |id: Uuid| {
        concerns.iter().any(|concern| concern.label.is_fraud() && concern.ids.contains(&id))
    };
    let alarmed: HashSet<Uuid> = standing
        .iter()
        .filter(|found| BALANCES.contains(&found.detector))
        .filter_map(|found| found.organisation)
        .collect();
    for (firm, registered) in year.firms.iter().zip(&loaded.nation.firms) {
        let id = registered.id.as_uuid();
        if matches!(firm.line, Line::Trader | Line::Exporter) || guilty(id) {
            continue;
        }
        score.honest_plants += 1;
        score.plants_falsely_alarmed += usize::from(alarmed.contains(&id));
    }
}
