//! The services, asked as any other program would ask them.

use anyhow::{Context, anyhow};
use clap::Args;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use std::time::Duration;
use url::Url;

const TIMEOUT: Duration = Duration::from_mins(1);

/// Whom to ask, and as whom.
#[derive(Clone, Args)]
pub struct Access {
    /// Address of the reporting service.
    #[arg(long, default_value = "http://127.0.0.1:8081")]
    pub url: Url,
    /// An API key or a session's token. Better given as `LODESTONE_API_KEY`: others see arguments.
    #[arg(long, env = "LODESTONE_API_KEY", hide_env_values = true)]
    pub key: SecretString,
}

/// A service at an address.
#[derive(Clone)]
pub struct Service {
    client: Client,
    url: Url,
    key: Option<SecretString>,
}

/// What a service answers when it does not do what was asked.
#[derive(Debug, Deserialize)]
struct Problem {
    title: String,
    detail: String,
    #[serde(default)]
    violations: Vec<serde_json::Value>,
}

impl Service {
    /// A service that is asked as nobody in particular.
    pub fn public(url: Url) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { client, url, key: None })
    }

    /// A service that is shown a key.
    pub fn with_key(access: Access) -> anyhow::Result<Self> {
        Ok(Self { key: Some(access.key), ..Self::public(access.url)? })
    }

    /// A request, as whoever holds the key.
    pub fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let url = self.url.join(path).with_context(|| format!("{path} is no path"))?;
        let request = self.client.request(method, url);
        Ok(match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        })
    }

    /// Reads JSON.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<T> {
        let answer = self.send(self.request(Method::GET, path)?.query(query)).await?;
        answer.json().await.with_context(|| format!("{path} answered something else"))
    }

    /// Reads text.
    pub async fn get_text(&self, path: &str) -> anyhow::Result<String> {
        Ok(self.send(self.request(Method::GET, path)?).await?.text().await?)
    }

    /// Sends a request; what is refused is an error that says why.
    pub async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let answer = request.send().await;
        let answer = answer.with_context(|| format!("{} cannot be reached", self.url))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        Err(refusal(status, &answer.text().await?))
    }
}

/// A refusal in words.
pub fn refusal(status: StatusCode, body: &str) -> anyhow::Error {
    let Ok(problem) = serde_json::from_str::<Problem>(body) else {
        return anyhow!("{status}: {body}");
    };
    let mut lines = vec![format!("{status}: {}: {}", problem.title, problem.detail)];
    lines.extend(problem.violations.iter().map(ToString::to_string));
    anyhow!("{}", lines.join("\n    "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_service_said() {
        let body = r#"{"title":"Not found","detail":"there is no such key","status":404}"#;
        let said = refusal(StatusCode::NOT_FOUND, body).to_string();
        assert_eq!(said, "404 Not Found: Not found: there is no such key");
        let said = refusal(StatusCode::BAD_GATEWAY, "nobody there").to_string();
        assert_eq!(said, "502 Bad Gateway: nobody there");
    }
}
