//! Numbers from measurements, and the one line of JSON that tells them.

use serde::Serialize;
use serde_json::{Map, Value};
use std::{fs, time::Duration};

/// Clock ticks a second in `/proc`, as every Linux on our platforms has it.
const TICKS_PER_SECOND: f64 = 100.0;

/// A measured figure. Its JSON is a contract: tools compare these lines.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Its name.
    pub figure: &'static str,
    /// The median.
    pub value: f64,
    /// In which unit.
    pub unit: &'static str,
    /// What it is compared with, in the unit of that.
    pub baseline: Option<f64>,
    /// The lowest run.
    pub low: f64,
    /// The highest run.
    pub high: f64,
    /// How many runs.
    pub runs: usize,
    /// What else there is to know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Figure {
    /// A figure from its runs: the median, and the spread.
    pub fn of_runs(
        figure: &'static str,
        unit: &'static str,
        baseline: Option<f64>,
        runs: &[f64],
    ) -> Self {
        let low = runs.iter().copied().fold(f64::INFINITY, f64::min);
        let high = runs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (value, more) = (median(runs), Map::new());
        Self { figure, value, unit, baseline, low, high, runs: runs.len(), more }
    }

    /// The same with a further field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Prints it as one line.
    pub fn print(&self) {
        let rounded = Self {
            value: rounded(self.value),
            baseline: self.baseline.map(rounded),
            low: rounded(self.low),
            high: rounded(self.high),
            ..self.clone()
        };
        let line = serde_json::to_string(&rounded).expect("a figure is always valid JSON");
        println!("{line}");
    }
}

/// Three decimals are more than any of them is good for.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The middle of some values; of none, nothing that compares.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The value that so many percent of the values do not exceed.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// In milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub const fn real(count: u64) -> f64 {
    count as f64
}

/// How long a process has run on a processor, in seconds. Nothing when it is gone.
pub fn processor_seconds(pid: u32) -> Option<f64> {
    let fields = stat(pid)?;
    Some(real(field(&fields, 11)? + field(&fields, 12)?) / TICKS_PER_SECOND)
}

/// How long a PostgreSQL server has run on a processor in all its processes, those that ended
/// included, in seconds. Nothing when it is gone.
pub fn server_seconds(postmaster: u32) -> Option<f64> {
    let mut ticks = 0;
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Whoever ended since the folder was read is among the postmaster's own children by now.
        let Some(fields) = stat(pid) else { continue };
        if pid == postmaster {
            ticks +=
                [11, 12, 13, 14].iter().filter_map(|place| field(&fields, *place)).sum::<u64>();
        } else if field(&fields, 1) == Some(postmaster.into()) {
            ticks += [11, 12].iter().filter_map(|place| field(&fields, *place)).sum::<u64>();
        }
    }
    (0 < ticks).then(|| real(ticks) / TICKS_PER_SECOND)
}

/// The process that started another.
pub fn parent_of(pid: u32) -> Option<u32> {
    field(&stat(pid)?, 1)?.try_into().ok()
}

/// What `/proc` tells of a process after its name, which may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect())
}

fn field(fields: &[String], place: usize) -> Option<u64> {
    fields.get(place)?.parse().ok()
}

/// How much memory of a process is resident, in MiB.
pub fn resident_mib(pid: u32) -> Option<f64> {
    memory_mib(pid, "VmRSS:")
}

/// How much memory of a process was resident when it was most, in MiB.
pub fn peak_resident_mib(pid: u32) -> Option<f64> {
    memory_mib(pid, "VmHWM:")
}

fn memory_mib(pid: u32, label: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(label))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(real(kib) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).rev().map(real).collect();
        let told = [1, 50, 99, 100].map(|percent| percentile(&values, percent));
        assert!(told.iter().zip([1.0, 50.0, 99.0, 100.0]).all(|(a, b)| (a - b).abs() < 1e-9));
        assert!(percentile(&[], 50).is_nan());
    }

    #[test]
    fn a_process_can_be_looked_at() {
        let pid = std::process::id();
        assert!(processor_seconds(pid).is_some() && resident_mib(pid) > Some(0.5));
        assert!(resident_mib(0).is_none());
    }
}
