//! Licences that were issued, moved or used: their exports are judged anew.

use crate::{
    consuming::Judges,
    filings::{Asked, judge_filings},
    message::Heard,
    telling::Told,
};
use database::{
    Error, Transaction,
    screening::{self, Loader},
};
use domain::{event::Event, ids::LicenceId};
use jiff::Timestamp;
use tokio::sync::Mutex;

/// Judges exports whose licence changed.
#[derive(Default)]
pub(crate) struct Licences {
    loader: Mutex<Loader>,
}

impl Judges for Licences {
    async fn judge(
        &self,
        transaction: &mut Transaction,
        heard: &[Heard],
        now: Timestamp,
    ) -> Result<Told, Error> {
        let licence = |heard: &Heard| match heard.event {
            Event::LicenceIssued { licence, .. }
            | Event::LicenceMoved { licence, .. }
            | Event::LicenceUsed { licence, .. } => Some(licence),
            _ => None,
        };
        let mut licences: Vec<LicenceId> = heard.iter().filter_map(licence).collect();
        licences.sort_unstable();
        licences.dedup();
        let latest = heard.iter().map(|heard| heard.occurred_at).max().unwrap_or(now);
        let exports = screening::exports_under(transaction, &licences).await?;
        let asked: Asked = exports.into_iter().map(|export| (export, latest)).collect();
        let mut loader = self.loader.lock().await;
        judge_filings(transaction, &mut loader, &asked, heard, now).await
    }
}
