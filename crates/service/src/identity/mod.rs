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
};
pub use token::{NoToken, Token, TokenKind};

use crate::{
    clock,
    problem::Problem,
    rate_limit::{self, CallerLimit},
};
use database::{
    Pool,
    identity::{self, Identity},
};
use moka::future::Cache;
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// How long what stands behind a token is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(3);
const REMEMBERED_TOKENS: u64 = 20_000;

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
        if let Some(identity) = self.known.get(&hash).await {
            let in_time = now < identity.expires_at;
            return if in_time { Ok(identity) } else { Err(self.failed(address)) };
        }
        let mut conn = self.pool.get().await.map_err(database::Error::from)?;
        let found = identity::authenticate(&mut conn, &hash, now).await?;
        let Some(identity) = found.map(Arc::new) else { return Err(self.failed(address)) };
        self.known.insert(hash, Arc::clone(&identity)).await;
        Ok(identity)
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
