//! A real S3 service for one test: moto's server, in the environment that `scripts/test` makes.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{free_port, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server that speaks S3 on loopback and keeps everything in memory. It ends when it is dropped.
#[derive(Debug)]
pub struct S3Server {
    process: Child,
    address: SocketAddr,
    http: reqwest::Client,
}

impl S3Server {
    /// Any will do: it checks no signatures.
    pub const ACCESS_KEY_ID: &'static str = "for-tests-only";
    /// Likewise.
    pub const SECRET_ACCESS_KEY: &'static str = "for-tests-only";

    /// A server with one bucket.
    pub async fn start(bucket: &str) -> Self {
        let address = free_port();
        let process = Command::new(program())
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server is here: scripts/test installs it");
        let server = Self { process, address, http: reqwest::Client::new() };
        let bucket = server.url_of(bucket);
        wait_until("the S3 service makes a bucket", PATIENCE, async || {
            let made = server.http.put(&bucket).header("Authorization", AUTHORIZATION).send().await;
            made.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
        server
    }

    /// Its address, as a setting names it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The names of what lies in a bucket.
    pub async fn objects(&self, bucket: &str) -> Vec<String> {
        let list = format!("{}?list-type=2", self.url_of(bucket));
        let answer = self.http.get(list).header("Authorization", AUTHORIZATION).send().await;
        let listed = answer.expect("the S3 service answers").text().await.expect("it is text");
        let keys = listed.split("<Key>").skip(1);
        keys.filter_map(|rest| rest.split_once("</Key>")).map(|(key, _)| key.to_owned()).collect()
    }

    fn url_of(&self, bucket: &str) -> String {
        format!("{}/{bucket}", self.url())
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What tells moto which of the services it imitates is meant.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=for-tests-only/20261124/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// Where `scripts/lib/packages.sh` has put it.
#[expect(clippy::disallowed_methods, reason = "tests find what the scripts installed")]
fn program() -> PathBuf {
    let home = || std::env::var("HOME").expect("there is a home");
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{}/.cache", home()));
    PathBuf::from(cache).join("lodestone/tools/moto/bin/moto_server")
}
