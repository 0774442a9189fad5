//! Asks clamd whether a file is infected (its `INSTREAM` command), where one is configured.

use anyhow::{Context, bail, ensure};
use std::{path::PathBuf, time::Duration};
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

const CHUNK_BYTES: usize = 64 * 1024;
const ANSWER_BYTES_AT_MOST: u64 = 4 * 1024;
const PATIENCE: Duration = Duration::from_mins(1);

/// Where clamd listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scanner {
    /// On a port.
    Tcp(String),
    /// On a socket of this machine.
    Unix(PathBuf),
}

/// What clamd says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing was found.
    Clean,
    /// This was found.
    Infected(String),
}

impl Scanner {
    /// Reads the setting.
    pub(crate) fn read(setting: &str) -> anyhow::Result<Self> {
        match setting.split_once(':') {
            Some(("tcp", address)) => Ok(Self::Tcp(address.trim_start_matches("//").to_owned())),
            Some(("unix", path)) => Ok(Self::Unix(PathBuf::from(path))),
            _ => bail!("`documents.clamd` is {setting:?}, neither tcp://host:port nor unix:/path"),
        }
    }

    /// Shows it a file, from its beginning.
    pub(super) async fn look_at(&self, file: File) -> anyhow::Result<Verdict> {
        let asked = async {
            match self {
                Self::Tcp(address) => ask(TcpStream::connect(address).await?, file).await,
                Self::Unix(path) => ask(UnixStream::connect(path).await?, file).await,
            }
        };
        timeout(PATIENCE, asked).await.context("clamd did not answer in time")?
    }
}

async fn ask(
    mut clamd: impl AsyncRead + AsyncWrite + Unpin,
    mut file: File,
) -> anyhow::Result<Verdict> {
    clamd.write_all(b"zINSTREAM\0").await?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk).await?;
        // A chunk of no bytes ends the stream.
        clamd.write_all(&u32::try_from(read)?.to_be_bytes()).await?;
        clamd.write_all(&chunk[..read]).await?;
        if read == 0 {
            break;
        }
    }
    clamd.flush().await?;
    let mut answer = Vec::new();
    clamd.take(ANSWER_BYTES_AT_MOST).read_to_end(&mut answer).await?;
    verdict(String::from_utf8_lossy(&answer).trim_end_matches(['\0', '\n']))
}

fn verdict(answer: &str) -> anyhow::Result<Verdict> {
    let said = answer.strip_prefix("stream: ").unwrap_or(answer);
    if let Some(name) = said.strip_suffix(" FOUND") {
        return Ok(Verdict::Infected(name.to_owned()));
    }
    ensure!(said == "OK", "clamd says {answer:?}");
    Ok(Verdict::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clamd_says_is_understood() {
        assert_eq!(verdict("stream: OK").unwrap(), Verdict::Clean);
        let infected = Verdict::Infected("Eicar-Signature".to_owned());
        assert_eq!(verdict("stream: Eicar-Signature FOUND").unwrap(), infected);
        for failure in ["INSTREAM size limit exceeded. ERROR", "", "UNKNOWN COMMAND"] {
            assert!(verdict(failure).is_err(), "{failure}");
        }
    }

    #[test]
    fn the_setting_names_a_port_or_a_socket() {
        let tcp = Scanner::Tcp("127.0.0.1:3310".to_owned());
        assert_eq!(Scanner::read("tcp://127.0.0.1:3310").unwrap(), tcp);
        assert_eq!(Scanner::read("unix:/run/c").unwrap(), Scanner::Unix("/run/c".into()));
        assert!(Scanner::read("127.0.0.1").is_err());
    }
}
