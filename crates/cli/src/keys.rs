//! `lodestone keys`: the key that signs, and the keys that programs show.

use crate::{
    client::{Access, Service},
    output::{answer, say},
};
use anyhow::Context;
use clap::Subcommand;
use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding},
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use uuid::Uuid;

#[derive(Subcommand)]
pub enum Command {
    /// Makes an Ed25519 key, PKCS#8 in PEM, readable by its owner only.
    GenerateSigning {
        /// Where to write it. A file that is there is never overwritten.
        #[arg(long)]
        out: PathBuf,
    },
    /// Lists API keys: yours; as an administrator, your organisation's.
    List {
        #[command(flatten)]
        access: Access,
        /// For programs: a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Revokes an API key. It works nowhere any more within five seconds.
    Revoke {
        /// Its id, which is also part of the key.
        id: Uuid,
        #[command(flatten)]
        access: Access,
    },
}

#[derive(Deserialize, Serialize)]
struct Key {
    id: Uuid,
    name: String,
    person_name: String,
    scopes: Vec<String>,
    created_at: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    keys: Vec<Key>,
    next: Option<String>,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::GenerateSigning { out } => generate_signing(&out),
        Command::List { access, json } => list(&Service::with_key(access)?, json).await,
        Command::Revoke { id, access } => {
            let service = Service::with_key(access)?;
            service.send(service.request(Method::DELETE, &format!("/v1/keys/{id}"))?).await?;
            Ok(say(&format!("{id} is revoked"))?)
        }
    }
}

async fn list(service: &Service, json: bool) -> anyhow::Result<()> {
    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let query: Vec<_> = cursor.into_iter().map(|cursor| ("cursor", cursor)).collect();
        let page: Page = service.get("/v1/keys", &query).await?;
        keys.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if json {
        return answer(&keys);
    }
    for Key { id, name, person_name, scopes, expires_at, revoked_at, .. } in keys {
        let end = match revoked_at {
            Some(at) => format!("revoked {at}"),
            None => format!("until {expires_at}"),
        };
        say(&format!("{id}  {name} ({person_name}): {}, {end}", scopes.join(" ")))?;
    }
    Ok(())
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
