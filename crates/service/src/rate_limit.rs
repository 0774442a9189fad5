//! How much one caller may ask, counted in this process.
//!
//! Callers are told apart by their credential, or by their address while they show none. Whether
//! a credential is real is not known here: who guesses credentials is slowed by the limit on
//! failed sign-ins, which counts addresses.

use crate::{problem::Problem, settings};
use actix_web::{
    dev::ServiceRequest,
    http::header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const FORGET_INTERVAL: Duration = Duration::from_mins(1);

type Buckets = RateLimiter<u64, DashMapStateStore<u64>, DefaultClock, StateInformationMiddleware>;

/// A limit for each of many callers.
#[derive(Clone)]
pub struct CallerLimit {
    inner: Arc<Inner>,
}

struct Inner {
    buckets: Buckets,
    clock: DefaultClock,
    burst: u32,
    refill: Duration,
    hasher: RandomState,
}

/// What a caller has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    limit: u32,
    remaining: u32,
    reset_seconds: u64,
}

impl CallerLimit {
    /// `burst` at once, and one more each `refill`. `None` where either is zero: no limit.
    pub fn new(burst: u32, refill: Duration) -> Option<Self> {
        let quota = Quota::with_period(refill)?.allow_burst(NonZeroU32::new(burst)?);
        let buckets = RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>();
        let (clock, hasher) = (DefaultClock::default(), RandomState::new());
        Some(Self { inner: Arc::new(Inner { buckets, clock, burst, refill, hasher }) })
    }

    /// The limit on all requests, as set.
    pub fn on_requests(settings: &settings::RateLimit) -> Option<Self> {
        let refill = Duration::from_secs(1).checked_div(settings.requests_per_second)?;
        Self::new(settings.burst, refill)
    }

    /// The limit on sign-ins that fail or prove nothing, as set.
    pub fn on_sign_ins(settings: &settings::RateLimit) -> Option<Self> {
        let refill = Duration::from_mins(1).checked_div(settings.sign_ins_per_minute)?;
        Self::new(settings.sign_ins_per_minute, refill)
    }

    /// Counts one request of a caller, or refuses it.
    pub fn count(&self, caller: impl AsRef<[u8]>) -> Result<Allowance, Problem> {
        let inner = &*self.inner;
        let key = inner.hasher.hash_one(caller.as_ref());
        match inner.buckets.check_key(&key) {
            Ok(snapshot) => Ok(self.allowance(snapshot.remaining_burst_capacity())),
            Err(refusal) => {
                let wait = refusal.wait_time_from(inner.clock.now());
                let seconds = usize::try_from(whole_seconds(wait)).unwrap_or(usize::MAX);
                Err(Problem::TooManyRequests { retry_after_seconds: seconds.max(1) })
            }
        }
    }

    fn allowance(&self, remaining: u32) -> Allowance {
        let Inner { burst, refill, .. } = *self.inner;
        let reset_seconds = whole_seconds(refill.saturating_mul(burst.saturating_sub(remaining)));
        Allowance { limit: burst, remaining, reset_seconds }
    }

    /// Forgets callers who were not seen for long, until the process stops.
    pub async fn upkeep(self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(FORGET_INTERVAL) => {
                    self.inner.buckets.retain_recent();
                    self.inner.buckets.shrink_to_fit();
                }
            }
        }
    }
}

impl Allowance {
    /// As the `RateLimit` headers say it.
    pub(crate) fn headers(self) -> [(HeaderName, HeaderValue); 3] {
        [
            (LIMIT, self.limit.into()),
            (REMAINING, self.remaining.into()),
            (RESET, self.reset_seconds.into()),
        ]
    }
}

/// Who is asking: a credential, or else an address.
pub(crate) fn caller(request: &ServiceRequest) -> Vec<u8> {
    if let Some(credential) = request.headers().get(AUTHORIZATION) {
        return credential.as_bytes().to_vec();
    }
    peer(request.peer_addr())
}

/// The address of a caller as a key to count by.
pub fn peer(address: Option<std::net::SocketAddr>) -> Vec<u8> {
    address.map(|address| address.ip().to_string().into_bytes()).unwrap_or_default()
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_a_burst_of_their_own_and_is_then_told_to_wait() {
        let limit = CallerLimit::new(2, Duration::from_secs(30)).unwrap();
        let left = |limit: &CallerLimit, caller: &str| limit.count(caller).unwrap().remaining;
        assert_eq!((left(&limit, "a"), left(&limit, "a")), (1, 0));
        assert!(matches!(
            limit.count("a"),
            Err(Problem::TooManyRequests { retry_after_seconds: 29..=30 })
        ));
        assert_eq!(left(&limit, "b"), 1);
    }

    #[test]
    fn the_headers_say_when_all_is_there_again() {
        let limit = CallerLimit::new(10, Duration::from_millis(500)).unwrap();
        let said = limit.count("a").unwrap().headers();
        let said = said.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        assert_eq!(said, ["ratelimit-limit: 10", "ratelimit-remaining: 9", "ratelimit-reset: 1"]);
    }

    #[test]
    fn zero_turns_a_limit_off() {
        let off = settings::RateLimit { requests_per_second: 0, burst: 9, sign_ins_per_minute: 0 };
        assert!(CallerLimit::on_requests(&off).is_none());
        assert!(CallerLimit::on_sign_ins(&off).is_none());
    }
}
