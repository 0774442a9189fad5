//! What became of each line, as NDJSON: for the program that made the file.

use super::{LineName, Refused};
use anyhow::Context;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

/// The file of verdicts, written as they come.
pub struct Verdicts {
    file: BufWriter<File>,
    recorded: u64,
}

#[derive(Serialize)]
struct Verdict<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    /// `recorded`, `recorded_before` or `refused`.
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

impl Verdicts {
    /// Begins anew: a line that was recorded before is answered so again.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file: BufWriter::new(file), recorded: 0 })
    }

    /// How many are recorded.
    pub const fn recorded(&self) -> u64 {
        self.recorded
    }

    /// A filing is recorded, now or before.
    pub fn record(&mut self, line: &LineName, id: &str, before: bool) -> anyhow::Result<()> {
        self.recorded += 1;
        let verdict = if before { "recorded_before" } else { "recorded" };
        let (line, reference) = (line.number, line.reference.as_deref());
        self.write(&Verdict { line, reference, verdict, id: Some(id), why: None })
    }

    /// These are refused for good. Answers how many they are.
    pub fn refuse_all(&mut self, refused: BTreeMap<u64, Refused>) -> anyhow::Result<u64> {
        let mut count = 0;
        for Refused { line, why } in refused.into_values() {
            let (line, reference) = (line.number, line.reference.as_deref());
            let why = Some(why.as_str());
            self.write(&Verdict { line, reference, verdict: "refused", id: None, why })?;
            count += 1;
        }
        Ok(count)
    }

    /// Makes sure that all of it is in the file.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        Ok(self.file.flush()?)
    }

    fn write(&mut self, verdict: &Verdict<'_>) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.file, verdict)?;
        Ok(self.file.write_all(b"\n")?)
    }
}
