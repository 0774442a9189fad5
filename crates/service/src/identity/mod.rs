//! Who is asking, as types: a handler that needs an officer takes an [`Officer`].
//!
//! A request shows a bearer token: a person's session or a machine's key. What stands behind it
//! is remembered for [`REMEMBERED`], so what was revoked, and a role that ended, works no longer
//! than that, in any process. A token that nobody holds is not remembered. Somebody who may act
//! for several organisations says for which in `Lodestone-Organisation`.

pub mod password;
mod permission;
mod token;

pub use password::{Passwords, check_choice};
pub use permission::{
    Administrator, AgencyAdviser, Analyst, Auditor, Customs, Exporter, Identified, Inspector,
    ORGANISATION, Officer, Official, OrganisationAdministrator, Reporter, SeniorOfficer, Signed,
    TaxOfficer,
};
pub use token::{NoToken, Token, TokenKind};

use crate::{
    clock,
    problem::Problem,
    rate_limit::{self, CallerLimit},
};
use anyhow::anyhow;
use database::{
    Pool,
    identity::{self, Identity},
};
use jiff::Timestamp;
use moka::future::Cache;
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// How long what stands behind a token is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(3);
const REMEMBERED_TOKENS: u64 = 20_000;

/// Why nobody is known by a token; shared by all who asked at once.
enum Refusal {
    Nobody,
    Unavailable(String),
    Failed(String),
}

impl From<database::Error> for Refusal {
    fn from(error: database::Error) -> Self {
        let is_unavailable = error.is_unavailable();
        let reason = format!("{:#}", anyhow::Error::from(error));
        if is_unavailable { Self::Unavailable(reason) } else { Self::Failed(reason) }
    }
}

/// Answers who stands behind a token.
#[derive(Clone)]
pub struct Authenticator {
    pool: Pool,
    known: Cache<[u8; 32], Arc<Identity>>,
    failures: Option<CallerLimit>,
}

impl Authenticator {
    /// Asks through `pool`, which must be of the identity role; `failures` slows down guessing.
    pub fn new(pool: Pool, failures: Option<CallerLimit>) -> Self {
        let known =
            Cache::builder().max_capacity(REMEMBERED_TOKENS).time_to_live(REMEMBERED).build();
        Self { pool, known, failures }
    }

    /// Who stands behind the token that a caller at `address` shows. Failures are counted
    /// against the address.
    pub async fn authenticate(
        &self,
        token: &str,
        address: Option<SocketAddr>,
    ) -> Result<Arc<Identity>, Problem> {
        let Ok(token) = token.parse::<Token>() else { return Err(self.failed(address)) };
        let (hash, now) = (token.hash(), clock::now());
        // Of many requests at once with a token that was forgotten, one asks.
        let asked = self.known.try_get_with(hash, self.ask(&hash, now)).await;
        match asked {
            Ok(identity) if now < identity.expires_at => Ok(identity),
            Ok(_) => Err(self.failed(address)),
            Err(refusal) => match &*refusal {
                Refusal::Nobody => Err(self.failed(address)),
                Refusal::Unavailable(reason) => {
                    Err(Problem::DependencyDown(anyhow!("cannot tell who is asking: {reason}")))
                }
                Refusal::Failed(reason) => {
                    Err(Problem::Internal(anyhow!("cannot tell who is asking: {reason}")))
                }
            },
        }
    }

    async fn ask(&self, hash: &[u8; 32], now: Timestamp) -> Result<Arc<Identity>, Refusal> {
        let mut conn = self.pool.get().await.map_err(database::Error::from)?;
        let found = identity::authenticate(&mut conn, hash, now).await?;
        found.map(Arc::new).ok_or(Refusal::Nobody)
    }

    /// Forgets everybody, in this process: something about somebody has just changed.
    pub fn forget(&self) {
        self.known.invalidate_all();
    }

    fn failed(&self, address: Option<SocketAddr>) -> Problem {
        let counted = self.failures.as_ref().map(|limit| limit.count(rate_limit::peer(address)));
        counted.and_then(Result::err).unwrap_or(Problem::Unauthenticated)
    }
}
