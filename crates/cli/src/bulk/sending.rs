//! Sends one filing until it is answered for good.

use super::line::{Filing, Line};
use crate::client::{Service, refusal};
use anyhow::{Context, bail};
use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::Deserialize;
use std::time::Duration;

/// With the pauses below about two minutes: a restart of a service is no reason to give up.
const ATTEMPTS: u32 = 30;
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(5);

/// What became of a filing.
pub enum Outcome {
    /// It is recorded.
    Recorded {
        /// Its id.
        id: String,
        /// By an earlier request with the same key.
        before: bool,
    },
    /// It is not, and this is why.
    Refused(String),
}

#[derive(Deserialize)]
struct Recorded {
    id: String,
}

/// Sends a line. An error is one of the whole upload, such as a key that is not accepted.
pub async fn send(service: &Service, line: &Line) -> anyhow::Result<Outcome> {
    let filing = match &line.filing {
        Ok(filing) => filing,
        Err(why) => return Ok(Outcome::Refused(why.clone())),
    };
    let outcome = send_filing(service, filing).await;
    outcome.with_context(|| {
        format!("stopped at line {}; the same command goes on where this ended", line.number)
    })
}

async fn send_filing(service: &Service, filing: &Filing) -> anyhow::Result<Outcome> {
    let mut pause = PAUSE_FIRST;
    for attempt in 1.. {
        let request = service
            .request(Method::POST, "/v1/filings")?
            .header("Idempotency-Key", &filing.idempotency_key)
            .header(CONTENT_TYPE, "application/json")
            .body(filing.body.clone());
        match request.send().await {
            Ok(answer) if !is_for_later(answer.status()) => return outcome(answer).await,
            Ok(answer) if attempt == ATTEMPTS => {
                return Err(refusal(answer.status(), &answer.text().await?));
            }
            Ok(answer) => tokio::time::sleep(asked_pause(&answer).unwrap_or(pause)).await,
            Err(error) if error.is_builder() || attempt == ATTEMPTS => return Err(error.into()),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(PAUSE_LAST);
    }
    unreachable!("the last attempt returns")
}

async fn outcome(answer: Response) -> anyhow::Result<Outcome> {
    let status = answer.status();
    match status {
        StatusCode::CREATED | StatusCode::OK => {
            let recorded: Recorded = answer.json().await?;
            Ok(Outcome::Recorded { id: recorded.id, before: status == StatusCode::OK })
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            Err(refusal(status, &answer.text().await?))
        }
        _ if status.is_client_error() => {
            Ok(Outcome::Refused(refusal(status, &answer.text().await?).to_string()))
        }
        _ => bail!("the service answered {status}"),
    }
}

/// Whether the same request may be answered otherwise in a moment.
fn is_for_later(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn asked_pause(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_LAST))
}
