//! The law as handlers use it: the version in force is asked for each time, its rows are kept.

use crate::problem::Problem;
use anyhow::anyhow;
use database::{Connection, regime};
use domain::regime::{Regime, RegimeVersion};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Versions kept at most; a version never changes, so none of them grows old.
const VERSIONS_KEPT: usize = 16;

/// Versions of the law that were asked for.
#[derive(Default)]
pub struct Regimes {
    loaded: Mutex<HashMap<RegimeVersion, Arc<Regime>>>,
}

impl Regimes {
    /// The version that judgements use at a moment.
    pub async fn in_force(
        &self,
        conn: &mut Connection,
        at: Timestamp,
    ) -> Result<Arc<Regime>, Problem> {
        let version = regime::version_in_force(conn, at).await?;
        let regime = match version {
            Some(version) => self.named(conn, &version).await?,
            None => None,
        };
        regime.ok_or_else(|| {
            let missing = "no version of the law is in force: run `lodestone regime import`";
            Problem::DependencyDown(anyhow!(missing))
        })
    }

    /// A version by its name.
    pub async fn named(
        &self,
        conn: &mut Connection,
        version: &RegimeVersion,
    ) -> Result<Option<Arc<Regime>>, Problem> {
        let known =
            self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(version).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(regime) = regime::load(conn, version).await?.map(Arc::new) else {
            return Ok(None);
        };
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if VERSIONS_KEPT <= loaded.len() {
            loaded.clear();
        }
        loaded.insert(version.clone(), Arc::clone(&regime));
        Ok(Some(regime))
    }
}
