//! A file on its way in: received piece by piece, judged by its bytes, looked at by the scanner.

use super::{
    Papers,
    kinds::{self, TAKEN_IN_WORDS},
    scanner::Verdict,
};
use crate::problems;
use actix_web::web;
use domain::violation::Violation;
use futures_util::StreamExt;
use service::problem::{Problem, Violation as Fault};
use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::{AsyncSeekExt, AsyncWriteExt},
};

const NAME_CHARACTERS_AT_MOST: usize = 200;
const KIND_CHARACTERS_AT_MOST: usize = 100;

/// A file that may be kept.
pub(crate) struct Received {
    /// From its beginning; gone from the disk when it is dropped.
    pub(crate) file: File,
    /// What it is.
    pub(crate) media_type: &'static str,
    /// How large it is.
    pub(crate) size_bytes: u64,
    /// SHA-256 of its bytes.
    pub(crate) sha256: [u8; 32],
    /// Whether a scanner looked at it.
    pub(crate) scanned: bool,
}

impl Papers {
    /// Takes a file in, or says why not.
    pub(crate) async fn receive(
        &self,
        payload: web::Payload,
        claimed: Option<String>,
    ) -> Result<Received, Problem> {
        let (mut file, size_bytes, sha256) = self.spool(payload).await?;
        if size_bytes == 0 {
            let fault = Violation::new("", "empty", "the file is empty");
            return Err(problems::of_faults(vec![fault]));
        }
        let mut inspected = file.try_clone().await.map_err(disk)?.into_std().await;
        // Inflating an archive takes a while: other requests are not held up.
        let judged = web::block(move || kinds::kind_of(&mut inspected, claimed.as_deref())).await;
        let media_type =
            judged.map_err(|error| Problem::Internal(error.into()))?.map_err(|refused| {
                let fault = Violation::new("", refused.code(), refused.to_string());
                problems::of_faults(vec![fault.expecting(TAKEN_IN_WORDS)])
            })?;
        let scanned = self.scan(&mut file).await?;
        file.rewind().await.map_err(disk)?;
        Ok(Received { file, media_type, size_bytes, sha256, scanned })
    }

    /// Writes the body to a file without a name, and counts and hashes it on the way.
    async fn spool(&self, mut payload: web::Payload) -> Result<(File, u64, [u8; 32]), Problem> {
        let mut file = File::from_std(tempfile::tempfile().map_err(disk)?);
        let (mut size, mut hash) = (0_usize, Sha256::new());
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|error| {
                let detail = format!("the body ended early: {error}");
                Problem::InvalidBody(Box::new(Fault::at("", "incomplete", detail)))
            })?;
            size += piece.len();
            if self.limit_bytes < size {
                return Err(Problem::TooLarge { limit_bytes: self.limit_bytes });
            }
            hash.update(&piece);
            file.write_all(&piece).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)?;
        Ok((file, u64::try_from(size).unwrap_or(u64::MAX), hash.finalize().into()))
    }

    async fn scan(&self, file: &mut File) -> Result<bool, Problem> {
        let Some(scanner) = &self.scanner else { return Ok(false) };
        file.rewind().await.map_err(disk)?;
        let shown = file.try_clone().await.map_err(disk)?;
        match scanner.look_at(shown).await.map_err(Problem::DependencyDown)? {
            Verdict::Clean => Ok(true),
            Verdict::Infected(name) => {
                let detail = format!("the scanner found {name} in the file");
                Err(problems::of_faults(vec![Violation::new("", "infected", detail)]))
            }
        }
    }
}

fn disk(error: std::io::Error) -> Problem {
    Problem::Internal(anyhow::Error::from(error).context("a file on its way in cannot be kept"))
}

/// Checks what a paper is called.
pub(crate) fn check_names(kind: &str, name: &str) -> Result<(), Problem> {
    let mut faults = Vec::new();
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if kind.is_empty() || KIND_CHARACTERS_AT_MOST < kind.len() || !kind.bytes().all(is_word) {
        let fault = Violation::new("/kind", "invalid_kind", "this is no kind of paper");
        faults.push(fault.expecting("a kind of the document list, such as application_form"));
    }
    let bad = |character: char| character.is_control() || matches!(character, '/' | '\\');
    let length = name.trim().chars().count();
    if length == 0 || NAME_CHARACTERS_AT_MOST < length || name.chars().any(bad) {
        let fault = Violation::new("/name", "invalid_name", "this is no name of a file");
        faults.push(fault.expecting(format!(
            "1 to {NAME_CHARACTERS_AT_MOST} characters without path separators"
        )));
    }
    if faults.is_empty() { Ok(()) } else { Err(problems::of_faults(faults)) }
}
