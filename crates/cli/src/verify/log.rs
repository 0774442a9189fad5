//! `lodestone verify log`: recomputes the log's tree from its leaves, and compares it with the
//! signed checkpoint and with the one that was kept the last time.

use super::keys::PublishedKeys;
use crate::{client::Service, output::say};
use anyhow::{Context, bail, ensure};
use clap::Args;
use domain::log::{Checkpoint, Frontier, Hash, verify_consistency};
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use service::signing::verify_note;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};
use url::Url;

#[derive(Args)]
pub struct Arguments {
    /// Address of the reporting service, which shows the log.
    #[arg(long, default_value = "http://127.0.0.1:8081")]
    url: Url,
    /// Address of the licensing service, which publishes the keys.
    #[arg(long, default_value = "http://127.0.0.1:8082")]
    licensing: Url,
    /// Where the last checkpoint is kept. One that is there must be a beginning of today's log.
    #[arg(long)]
    kept: Option<PathBuf>,
    /// Trusts the proof of consistency instead of reading every leaf.
    #[arg(long, requires = "kept")]
    proof_only: bool,
}

#[derive(Deserialize)]
struct Consistency {
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct Leaves {
    leaves: Vec<Leaf>,
}

#[derive(Deserialize)]
struct Leaf {
    index: u64,
    leaf_hash: String,
}

pub async fn verify(arguments: &Arguments) -> anyhow::Result<()> {
    let reporting = Service::public(arguments.url.clone())?;
    let licensing = Service::public(arguments.licensing.clone())?;
    let keys = PublishedKeys::read(&licensing).await?.all()?;
    let note = reporting.get_text("/v1/log/checkpoint").await?;
    let now = open(&note, &keys).context("the log's checkpoint")?;
    say(&format!("{}: {} entries, root {}", now.origin, now.size, now.root))?;
    let kept = arguments.kept.as_deref().map(|path| read_kept(path, &keys)).transpose()?.flatten();
    if let Some(then) = &kept {
        compare(&reporting, then, &now).await?;
        say(&format!("it begins with the {} entries of the checkpoint that was kept", then.size))?;
    }
    if !arguments.proof_only {
        recompute(&reporting, &now).await?;
        say("its leaves make up this root")?;
    }
    if let Some(path) = &arguments.kept {
        std::fs::write(path, note).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A checkpoint that one of these keys signed.
fn open(note: &str, keys: &[VerifyingKey]) -> anyhow::Result<Checkpoint> {
    let origin = note.lines().next().unwrap_or_default();
    let text = keys.iter().find_map(|key| verify_note(note, origin, key));
    Ok(text.context("no published key signed it")?.parse()?)
}

fn read_kept(path: &Path, keys: &[VerifyingKey]) -> anyhow::Result<Option<Checkpoint>> {
    match std::fs::read_to_string(path) {
        Ok(note) => open(&note, keys).with_context(|| path.display().to_string()).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

async fn compare(reporting: &Service, then: &Checkpoint, now: &Checkpoint) -> anyhow::Result<()> {
    ensure!(then.origin == now.origin, "the checkpoint that was kept is of {}", then.origin);
    if now.size < then.size {
        bail!("the log LOST entries: it had {} and has {}", then.size, now.size);
    }
    // Every log begins with an empty one, and there is nothing to prove about that.
    if then.size == 0 {
        return Ok(());
    }
    let sizes = [("from", then.size.to_string()), ("to", now.size.to_string())];
    let answer: Consistency = reporting.get("/v1/log/proof/consistency", &sizes).await?;
    let proof = answer.proof.iter().map(|hash| hash.parse()).collect::<Result<Vec<Hash>, _>>()?;
    let holds = verify_consistency((then.size, then.root), (now.size, now.root), &proof);
    ensure!(holds, "the log was CHANGED: it does not begin with the checkpoint that was kept");
    Ok(())
}

/// Reads every leaf; together they must make the signed root.
async fn recompute(reporting: &Service, now: &Checkpoint) -> anyhow::Result<()> {
    let mut tree = Frontier::default();
    while tree.size() < now.size {
        let from = [("from", tree.size().to_string())];
        let page: Leaves = reporting.get("/v1/log/leaves", &from).await?;
        ensure!(!page.leaves.is_empty(), "the log shows no leaf {}", tree.size());
        for leaf in page.leaves {
            // The log may have grown since its checkpoint was read.
            if tree.size() == now.size {
                break;
            }
            ensure!(leaf.index == tree.size(), "the log shows no leaf {}", tree.size());
            tree.push(leaf.leaf_hash.parse()?);
        }
    }
    ensure!(tree.root() == now.root, "the log's leaves do NOT make up its signed root");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::log::leaf_hash;
    use ed25519_dalek::SigningKey;
    use service::signing::sign_note;

    #[test]
    fn a_checkpoint_opens_with_the_key_that_signed_it_only() {
        let (ours, other) = (SigningKey::from_bytes(&[5; 32]), SigningKey::from_bytes(&[6; 32]));
        let origin = "example.com/log".to_owned();
        let checkpoint = Checkpoint { origin, size: 3, root: leaf_hash(b"x") };
        let note = sign_note(&checkpoint.to_string(), &checkpoint.origin, &ours);
        let keys = [other.verifying_key(), ours.verifying_key()];
        assert_eq!(open(&note, &keys).unwrap(), checkpoint);
        assert!(open(&note, &keys[..1]).is_err());
        assert!(open(&note.replace("\n3\n", "\n2\n"), &keys).is_err());
    }
}
