//! `lodestone keys`: the key that signs.

use crate::output::say;
use anyhow::Context;
use clap::Subcommand;
use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding},
};
use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

#[derive(Subcommand)]
pub enum Command {
    /// Makes an Ed25519 key, PKCS#8 in PEM, readable by its owner only.
    GenerateSigning {
        /// Where to write it. A file that is there is never overwritten.
        #[arg(long)]
        out: PathBuf,
    },
}

pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::GenerateSigning { out } => generate_signing(&out),
    }
}

fn generate_signing(out: &Path) -> anyhow::Result<()> {
    let key = SigningKey::from_bytes(&rand::random());
    let pem = key.to_pkcs8_pem(LineEnding::LF).context("the key cannot be written as PKCS#8")?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let mut file = file.with_context(|| format!("cannot create {}", out.display()))?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    let public = hex::encode(key.verifying_key().as_bytes());
    Ok(say(&format!("{}: a new signing key, public part {public}", out.display()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_generated_key_can_be_read_by_the_services_and_by_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signing.pem");
        generate_signing(&path).unwrap();
        service::signing::read_key(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_is_there_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signing.pem");
        generate_signing(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(generate_signing(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}
