//! The public interfaces, asked as any other program would ask them.

use anyhow::{Context, bail};
use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    header::{CONTENT_TYPE, ETAG, RETRY_AFTER},
};
use serde_json::Value;
use std::time::Duration;
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(30);
/// A request that was not refused for what it says is sent again: the key makes that harmless.
const ATTEMPTS: u32 = 40;
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LAST: Duration = Duration::from_secs(2);

/// Where the services are, and connections to them.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    /// The reporting service.
    pub reporting: Url,
    /// The licensing service.
    pub licensing: Url,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The version that was answered, where there is one.
    pub etag: Option<String>,
    /// The body; null where there is none.
    pub body: Value,
}

/// A request that can be sent as often as needed.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    url: Url,
    token: Option<String>,
    idempotency_key: Option<String>,
    if_match: Option<String>,
    organisation: Option<String>,
    body: Option<Vec<u8>>,
}

impl Api {
    /// The services at these addresses.
    pub fn new(reporting: Url, licensing: Url) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(TIMEOUT).pool_max_idle_per_host(256).build()?;
        Ok(Self { client, reporting, licensing })
    }

    /// Sends a request once.
    pub async fn send_once(&self, request: &Request) -> reqwest::Result<Answer> {
        let answer = request.builder(&self.client).send().await?;
        let status = answer.status();
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = header(ETAG).map(ToOwned::to_owned);
        let bytes = answer.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, etag, body })
    }

    /// Sends a request until it is answered for good; what is refused is an error.
    pub async fn send(&self, request: &Request) -> anyhow::Result<Answer> {
        let mut pause = PAUSE_FIRST;
        for _ in 0..ATTEMPTS {
            match request.builder(&self.client).send().await {
                Ok(answer) if later(answer.status()) => {
                    let seconds = answer.headers().get(RETRY_AFTER);
                    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
                    tokio::time::sleep(seconds.map_or(pause, Duration::from_secs).min(PAUSE_LAST))
                        .await;
                }
                Ok(answer) => return accepted(request, answer).await,
                Err(error) if error.is_builder() => return Err(error.into()),
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(PAUSE_LAST);
        }
        let answer = self.send_once(request).await;
        let answer = answer.with_context(|| format!("{} cannot be reached", request.url))?;
        bail!("{} answered {} {ATTEMPTS} times", request.url, answer.status)
    }

    /// Signs a person in; the token of their session.
    pub async fn sign_in(&self, email: &str, password: &str) -> anyhow::Result<String> {
        let form = serde_json::json!({"email": email, "password": password});
        let answer = self.send(&self.reporting("POST", "/v1/sessions").with(&form)).await?;
        text(&answer.body, "token")
    }

    /// A request to the reporting service.
    pub fn reporting(&self, method: &str, path: &str) -> Request {
        Request::new(method, &self.reporting, path)
    }

    /// A request to the licensing service.
    pub fn licensing(&self, method: &str, path: &str) -> Request {
        Request::new(method, &self.licensing, path)
    }
}

impl Request {
    fn new(method: &str, base: &Url, path: &str) -> Self {
        Self {
            method: method.parse().expect("methods here are constants"),
            url: base.join(path).expect("paths here are paths"),
            token: None,
            idempotency_key: None,
            if_match: None,
            organisation: None,
            body: None,
        }
    }

    /// As whoever holds this token.
    #[must_use]
    pub fn by(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// To be done once, however often it is sent.
    #[must_use]
    pub fn once(self, key: &str) -> Self {
        Self { idempotency_key: Some(key.to_owned()), ..self }
    }

    /// Only if nothing has changed since this version was read.
    #[must_use]
    pub fn if_still(self, etag: &str) -> Self {
        Self { if_match: Some(etag.to_owned()), ..self }
    }

    /// For this one of the organisations that the caller may act for.
    #[must_use]
    pub fn acting_for(self, organisation: &str) -> Self {
        Self { organisation: Some(organisation.to_owned()), ..self }
    }

    /// With a JSON body.
    #[must_use]
    pub fn with(self, body: &Value) -> Self {
        self.with_bytes(body.to_string().into_bytes())
    }

    /// With these bytes as body.
    #[must_use]
    pub fn with_bytes(self, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..self }
    }

    fn builder(&self, client: &Client) -> RequestBuilder {
        let mut builder = client.request(self.method.clone(), self.url.clone());
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        for (name, value) in [
            ("Idempotency-Key", &self.idempotency_key),
            ("If-Match", &self.if_match),
            ("Lodestone-Organisation", &self.organisation),
        ] {
            if let Some(value) = value {
                builder = builder.header(name, value);
            }
        }
        match &self.body {
            Some(body) => builder.header(CONTENT_TYPE, "application/json").body(body.clone()),
            None => builder,
        }
    }
}

fn later(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE
}

async fn accepted(request: &Request, answer: reqwest::Response) -> anyhow::Result<Answer> {
    let status = answer.status();
    let etag =
        answer.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let text = answer.text().await?;
    if !status.is_success() {
        let sent = request.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        bail!("{} {} answered {status}: {text}\nto {sent}", request.method, request.url);
    }
    Ok(Answer { status, etag, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
}

/// A text in an answer.
pub fn text(body: &Value, member: &str) -> anyhow::Result<String> {
    let text = body.pointer(&format!("/{member}")).and_then(Value::as_str);
    Ok(text.with_context(|| format!("no `{member}` in {body}"))?.to_owned())
}
