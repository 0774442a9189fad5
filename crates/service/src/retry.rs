//! How long to wait before trying again: longer each time, and never in step with the others.

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::{future::Future, time::Duration};
use tokio_util::sync::CancellationToken;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The waits between attempts to reach something that will come back: 0.1 s, doubling to 5 s,
/// with jitter, for ever.
#[derive(Debug)]
pub struct Backoff(ExponentialBackoff);

impl Default for Backoff {
    fn default() -> Self {
        Self(policy())
    }
}

impl Backoff {
    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        self.0.next().unwrap_or(LONGEST_WAIT)
    }

    /// Begins again with the shortest wait.
    pub fn reset(&mut self) {
        self.0 = policy();
    }
}

fn policy() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Attempts something until it succeeds; `None` when told to stop first. Failures are logged.
pub async fn until_it_succeeds<T, E, F>(
    what: &str,
    shutdown: &CancellationToken,
    mut attempt: impl FnMut() -> F,
) -> Option<T>
where
    E: std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let mut backoff = Backoff::default();
    loop {
        let outcome = tokio::select! {
            () = shutdown.cancelled() => return None,
            outcome = attempt() => outcome,
        };
        match outcome {
            Ok(value) => return Some(value),
            Err(error) => tracing::warn!(error = %format!("{error:#}"), "cannot {what} yet"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return None,
            () = tokio::time::sleep(backoff.next_wait()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_below_a_bound() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..20).map(|_| backoff.next_wait()).collect();
        assert!(waits[0] < 3 * FIRST_WAIT, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 2 * LONGEST_WAIT), "{waits:?}");
        assert!(LONGEST_WAIT <= waits[19], "{waits:?}");
        backoff.reset();
        assert!(backoff.next_wait() < 3 * FIRST_WAIT);
    }

    #[tokio::test]
    async fn it_stops_trying_when_told_to() {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        let outcome = until_it_succeeds("do it", &shutdown, async || Err::<(), _>("never")).await;
        assert_eq!(outcome, None);
    }

    #[tokio::test]
    async fn it_tries_until_it_succeeds() {
        let mut attempts = 0;
        let never = CancellationToken::new();
        let outcome = until_it_succeeds("do it", &never, || {
            attempts += 1;
            let answer = if attempts < 3 { Err("not yet") } else { Ok(attempts) };
            async move { answer }
        });
        assert_eq!(outcome.await, Some(3));
    }
}
