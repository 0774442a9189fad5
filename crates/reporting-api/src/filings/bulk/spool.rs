//! Where files lie until every line has its verdict: a folder of the service's own.
//!
//! A file is received under another name and takes its own when it is whole, so that what is
//! found after a crash is whole or was never acknowledged. Only the owner may read the folder.

use actix_web::web::Payload;
use domain::ids::OrganisationId;
use futures_util::StreamExt;
use service::problem::{Problem, Violation};
use sha2::{Digest, Sha256};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};
use uuid::Uuid;

/// The largest file that is taken.
pub(super) const FILE_LIMIT_BYTES: u64 = 2 << 30;
/// Bytes that are written at a time.
const WRITE_BYTES: usize = 1 << 20;
/// How the names of workbooks that are kept end.
const KEPT_AS: &str = "workbook";
/// A sender that is silent for so long has gone away.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(1);
/// Workbooks that are dealt with are kept so long, if they are not larger: they go back annotated.
const KEPT: Duration = Duration::from_hours(30 * 24);
const KEPT_LIMIT_BYTES: u64 = 64 << 20;
/// What nobody knows and is older than this was left by a crash.
const STRAY_AGE: Duration = Duration::from_hours(1);

/// The folder.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
}

/// A file that is here; removed with this value.
#[derive(Debug)]
pub(super) struct Received {
    path: PathBuf,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
    keep: bool,
}

impl Spool {
    /// Opens the folder, and makes it when there is none.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder })
    }

    /// Takes a file in, as it comes. With `durable` it is on the disk before this returns.
    pub(super) async fn receive(
        &self,
        mut payload: Payload,
        durable: bool,
    ) -> Result<Received, Problem> {
        let part = self.folder.join(format!("{}.part", Uuid::now_v7()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let mut writing = Writing { file: file.map_err(internal)?, hash: Sha256::new() };
        let mut received = Received { path: part, bytes: 0, sha256: [0; 32], keep: false };
        let mut waiting: Vec<u8> = Vec::with_capacity(WRITE_BYTES);
        loop {
            let piece = tokio::time::timeout(SILENCE_TIMEOUT, payload.next()).await;
            let Some(piece) = piece.map_err(|_| broken_off("nothing came for a minute"))? else {
                break;
            };
            let piece = piece.map_err(|error| broken_off(&error.to_string()))?;
            received.bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            if FILE_LIMIT_BYTES < received.bytes {
                let limit_bytes = usize::try_from(FILE_LIMIT_BYTES).unwrap_or(usize::MAX);
                return Err(Problem::TooLarge { limit_bytes });
            }
            waiting.extend_from_slice(&piece);
            if WRITE_BYTES <= waiting.len() {
                (writing, waiting) = blocking(move || writing.write(waiting)).await?;
            }
        }
        received.sha256 = blocking(move || {
            let (writing, _) = writing.write(waiting)?;
            if durable {
                writing.file.sync_all()?;
            }
            Ok(writing.hash.finalize().into())
        })
        .await?;
        Ok(received)
    }

    /// Gives a whole file the name of its job; `false` when that job has a file already.
    pub(super) fn assign(
        &self,
        received: &mut Received,
        organisation: OrganisationId,
        job: Uuid,
    ) -> Result<bool, Problem> {
        let whole = self.folder.join(format!("{organisation}.{job}.upload"));
        // Unlike a rename, a link never takes another file's place.
        match std::fs::hard_link(&received.path, &whole) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(internal(error)),
        }
        remove(&received.path);
        received.path = whole;
        let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(internal)?;
        Ok(true)
    }

    /// Files that were whole when the service stopped: whose, which job, where.
    pub(super) fn left(&self) -> io::Result<Vec<(OrganisationId, Uuid, PathBuf)>> {
        let mut left = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let parts: Vec<&str> = name.split('.').collect();
            let [organisation, job, "upload"] = parts[..] else {
                let kept = if parts.last() == Some(&KEPT_AS) { KEPT } else { STRAY_AGE };
                remove_older(&path, kept);
                continue;
            };
            if let (Ok(organisation), Ok(job)) = (organisation.parse(), job.parse()) {
                left.push((organisation, job, path));
            }
        }
        left.sort_by_key(|(_, job, _)| *job);
        Ok(left)
    }

    /// The workbook of a job that was dealt with, while it is kept.
    pub(super) fn kept(&self, organisation: OrganisationId, job: Uuid) -> Option<PathBuf> {
        let path = self.folder.join(format!("{organisation}.{job}.{KEPT_AS}"));
        path.exists().then_some(path)
    }

    /// Removes what has been kept long enough.
    pub(super) fn tidy(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == KEPT_AS) {
                remove_older(&path, KEPT);
            }
        }
        Ok(())
    }

    /// A file beside that of a job, for what is made of it on the way.
    pub(super) fn beside(path: &Path, what: &str) -> io::Result<File> {
        let path = path.with_extension(what);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        // It has no name any more and goes with its last user.
        std::fs::remove_file(path)?;
        Ok(file)
    }
}

/// Removes what a crash left behind, unless somebody may be writing it just now.
pub(super) fn remove_stray(path: &Path) {
    remove_older(path, STRAY_AGE);
}

fn remove_older(path: &Path, than: Duration) {
    let age = path.metadata().and_then(|metadata| metadata.modified());
    let age = age.ok().and_then(|modified| modified.elapsed().ok());
    if age.is_some_and(|age| than < age) {
        remove(path);
    }
}

/// Sets a workbook that is dealt with aside, or removes it when it is too large to be kept.
pub(super) fn set_aside(path: &Path) {
    let small = path.metadata().is_ok_and(|metadata| metadata.len() <= KEPT_LIMIT_BYTES);
    if !small || std::fs::rename(path, path.with_extension(KEPT_AS)).is_err() {
        remove(path);
    }
}

/// Removes a file that is dealt with.
pub(super) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(error = &error as &dyn std::error::Error, "a file was not removed");
    }
}

impl Received {
    /// Leaves the file where it is: a job will deal with it.
    pub(super) fn keep(mut self) -> PathBuf {
        self.keep = true;
        self.path.clone()
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.keep {
            remove(&self.path);
        }
    }
}

struct Writing {
    file: File,
    hash: Sha256,
}

impl Writing {
    fn write(mut self, mut bytes: Vec<u8>) -> io::Result<(Self, Vec<u8>)> {
        self.file.write_all(&bytes)?;
        self.hash.update(&bytes);
        bytes.clear();
        Ok((self, bytes))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|panic| Problem::Internal(panic.into()))?.map_err(internal)
}

fn internal(error: io::Error) -> Problem {
    Problem::Internal(anyhow::Error::new(error).context("a file cannot be kept"))
}

fn broken_off(reason: &str) -> Problem {
    let detail = format!("the upload broke off and nothing of it was recorded: {reason}");
    let violation = Violation::at("", "incomplete", detail).expecting("the whole file, once more");
    Problem::InvalidBody(Box::new(violation))
}
