//! The two interfaces, as the portal calls them: with the person's own session and nothing else.
//!
//! Nobody else makes requests. A failure is either the interface's own answer, a problem that is
//! shown as it was meant, or that it does not answer at all.

mod failure;
mod licensing;
mod reporting;

pub(crate) use failure::{Failure, Fault, Refused};
pub(crate) use reporting::{Catalogue, Organisation};

use crate::visitor::{Session, Visitor};
use reqwest::{
    Method, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use service::trace;
use std::{fmt, time::Duration};
use url::Url;
use uuid::Uuid;

/// Longer than any page should wait.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Files of many filings are worked off while they are sent.
const FILE_TIMEOUT: Duration = Duration::from_mins(5);

/// One of the two interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// What was made, traded and found.
    Reporting,
    /// Applications, cases and licences.
    Licensing,
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reporting => "reporting",
            Self::Licensing => "licensing",
        })
    }
}

/// Where both interfaces are.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    reporting: Url,
    licensing: Url,
}

impl Api {
    pub(crate) fn new(reporting: Url, licensing: Url) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // They are neighbours; no proxy of the environment stands between.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, reporting, licensing })
    }

    /// A call on behalf of a visitor. Each word of the path is one segment, whatever is in it.
    pub(crate) fn call(
        &self,
        visitor: &Visitor,
        half: Half,
        method: Method,
        path: &[&str],
    ) -> Call {
        let base = match half {
            Half::Reporting => &self.reporting,
            Half::Licensing => &self.licensing,
        };
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        let request = self
            .http
            .request(method, url)
            .header(trace::HEADER, visitor.trace.continued().to_string())
            .header("Accept-Language", visitor.language.tag());
        let call = Call { half, request };
        match visitor.session() {
            Some(session) => call.of_session(session),
            None => call,
        }
    }
}

/// A request that is being put together.
pub(crate) struct Call {
    half: Half,
    request: reqwest::RequestBuilder,
}

impl Call {
    /// With somebody's session.
    pub(crate) fn of_session(mut self, session: &Session) -> Self {
        self.request = self
            .request
            .header(AUTHORIZATION, format!("Bearer {}", session.token))
            .header("Lodestone-Organisation", session.organisation.to_string());
        self
    }

    /// With a parameter in the query, where there is a value.
    pub(crate) fn with<V: Serialize>(mut self, name: &str, value: Option<V>) -> Self {
        if let Some(value) = value {
            self.request = self.request.query(&[(name, value)]);
        }
        self
    }

    /// Once, however often the browser sends the form.
    pub(crate) fn once(mut self, key: &str) -> Self {
        self.request = self.request.header("Idempotency-Key", key);
        self
    }

    /// With a body in JSON.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// With a file as the body.
    pub(crate) fn file(mut self, content_type: &str, bytes: bytes::Bytes) -> Self {
        self.request =
            self.request.header(CONTENT_TYPE, content_type).body(bytes).timeout(FILE_TIMEOUT);
        self
    }

    /// With another kind of answer than JSON.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sends it; the answer as the type wanted.
    pub(crate) async fn send<T: DeserializeOwned>(self) -> Result<T, Failure> {
        let half = self.half;
        let response = self.response().await?;
        let bytes = response.bytes().await.map_err(|error| unavailable(half, &error))?;
        let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(text).map_err(|error| unavailable(half, &error))
    }

    /// Sends it; the answer as it stands, for pages that show it field by field.
    pub(crate) async fn value(self) -> Result<Value, Failure> {
        self.send().await
    }

    /// Sends it; the answer as it comes, such as a file.
    pub(crate) async fn response(self) -> Result<Response, Failure> {
        let half = self.half;
        let response = self.request.send().await.map_err(|error| unavailable(half, &error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let retry = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_seconds = retry.and_then(|value| value.parse().ok());
        let bytes = response.bytes().await.unwrap_or_default();
        if status.is_server_error() {
            tracing::warn!(%half, status = status.as_u16(), "an interface failed");
            return Err(Failure::Unavailable { half });
        }
        Err(Failure::Refused(Box::new(Refused::read(status.as_u16(), &bytes, retry_seconds))))
    }
}

fn unavailable(half: Half, error: &dyn std::error::Error) -> Failure {
    tracing::warn!(%half, error = %error, "an interface does not answer");
    Failure::Unavailable { half }
}

/// A key for [`Call::once`] that a form carries, so that a double click is one effect.
pub(crate) fn once_key() -> String {
    Uuid::now_v7().to_string()
}
