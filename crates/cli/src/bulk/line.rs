//! Lines of the file, and what they are called.

use anyhow::{Context, ensure};
use domain::canonical::sha256_hex;
use serde::Deserialize;
use std::path::Path;
use tokio::{
    fs::File,
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
};

/// The services accept no larger body unless they are told to.
const LINE_LIMIT_BYTES: u64 = 1024 * 1024;
const KEY_DIGITS: usize = 40;

/// A line that is not empty.
pub struct Line {
    /// From 1.
    pub number: u64,
    /// How many bytes it takes in the file.
    pub bytes: u64,
    /// The filing, or why it is none.
    pub filing: Result<Filing, String>,
}

/// A filing as it is sent.
pub struct Filing {
    /// The filer's own name for it.
    pub reference: String,
    /// Equal for the same version of the same filing.
    pub idempotency_key: String,
    /// The line.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct Head {
    reference: String,
    correction: Option<Correction>,
}

#[derive(Deserialize)]
struct Correction {
    version: u16,
}

/// The lines of a file, read one by one.
pub struct Lines {
    file: BufReader<File>,
    number: u64,
}

impl Lines {
    pub async fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).await;
        let file = file.with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { file: BufReader::new(file), number: 0 })
    }

    /// The next line that is not empty.
    pub async fn next(&mut self) -> anyhow::Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            // One byte more than allowed tells a long line from a last one.
            let mut limited = (&mut self.file).take(LINE_LIMIT_BYTES + 1);
            let bytes = u64::try_from(limited.read_until(b'\n', &mut line).await?)?;
            if bytes == 0 {
                return Ok(None);
            }
            self.number += 1;
            ensure!(
                bytes <= LINE_LIMIT_BYTES,
                "line {} is longer than {LINE_LIMIT_BYTES} bytes",
                self.number
            );
            if !line.trim_ascii().is_empty() {
                let (number, filing) = (self.number, Filing::read(line));
                return Ok(Some(Line { number, bytes, filing }));
            }
        }
    }
}

impl Filing {
    fn read(body: Vec<u8>) -> Result<Self, String> {
        let head: Head = serde_json::from_slice(&body)
            .map_err(|error| format!("this is no filing with a reference: {error}"))?;
        let version = head.correction.map_or(1, |correction| correction.version);
        let name = format!("{}\n{version}", head.reference);
        let idempotency_key = format!("bulk-{}", &sha256_hex(name.as_bytes())[..KEY_DIGITS]);
        Ok(Self { reference: head.reference, idempotency_key, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(line: &str) -> String {
        Filing::read(line.as_bytes().to_vec()).unwrap_or_else(|why| panic!("{why}")).idempotency_key
    }

    #[test]
    fn a_key_is_of_the_reference_and_version_alone() {
        let first = key(r#"{"reference":"采-1","kind":"extraction"}"#);
        assert_eq!(first, key(r#"{"kind":"extraction","reference":"采-1","lines":[]}"#));
        assert_ne!(first, key(r#"{"reference":"采-2"}"#));
        assert_ne!(first, key(r#"{"reference":"采-1","correction":{"version":2,"reason":"x"}}"#));
        assert!(first.bytes().all(|byte| byte.is_ascii_graphic()) && first.len() <= 255);
    }

    #[tokio::test]
    async fn lines_are_numbered_as_in_the_file_and_bad_ones_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filings.ndjson");
        std::fs::write(&path, "{\"reference\":\"a\"}\n\n  \nnonsense\n{\"reference\":\"b\"}")
            .unwrap();
        let mut lines = Lines::open(&path).await.unwrap();
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            read.push((line.number, line.filing.map(|filing| filing.reference).ok()));
        }
        assert_eq!(read, [(1, Some("a".to_owned())), (4, None), (5, Some("b".to_owned()))]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filings.ndjson");
        let limit = usize::try_from(LINE_LIMIT_BYTES).unwrap();
        std::fs::write(&path, vec![b'x'; 2 * limit]).unwrap();
        assert!(Lines::open(&path).await.unwrap().next().await.is_err());
    }
}
