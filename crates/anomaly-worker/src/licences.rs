//! Licences that were issued, moved or used: their exports are judged anew. So are goods that left
//! before the register was asked.

use crate::{
    border,
    consuming::Judges,
    filings::{Asked, judge_filings},
    message::Heard,
    telling::Told,
};
use database::{
    Error, Transaction,
    findings::Judged,
    screening::{self, Loader},
};
use domain::{
    event::Event,
    ids::{DepartureId, LicenceId},
};
use jiff::Timestamp;
use rules::of_departure;
use std::collections::HashMap;
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
            | Event::LicenceUsed { licence, .. }
            | Event::LicenceArrived { licence, .. } => Some(licence),
            Event::LicenceDeparted { licence, .. } => licence,
            _ => None,
        };
        let mut licences: Vec<LicenceId> = heard.iter().filter_map(licence).collect();
        licences.sort_unstable();
        licences.dedup();
        let latest = heard.iter().map(|heard| heard.occurred_at).max().unwrap_or(now);
        let exports = screening::exports_under(transaction, &licences).await?;
        let mut beside = departed(transaction, heard, now).await?;
        let asked: Asked = exports.into_iter().map(|export| (export, latest)).collect();
        let mut loader = self.loader.lock().await;
        beside.extend(border::used(transaction, &mut loader, &licences, (latest, now)).await?);
        judge_filings(transaction, &mut loader, &asked, beside, heard, now).await
    }
}

/// What detectors say about goods that left before the register was asked.
async fn departed(
    transaction: &mut Transaction,
    heard: &[Heard],
    now: Timestamp,
) -> Result<Vec<Judged>, Error> {
    let departure = |heard: &Heard| match heard.event {
        Event::LicenceDeparted { departure, .. } => Some((departure, heard.occurred_at)),
        _ => None,
    };
    let caused: HashMap<DepartureId, Timestamp> = heard.iter().filter_map(departure).collect();
    let ids: Vec<DepartureId> = caused.keys().copied().collect();
    let contexts = screening::departures(transaction, &ids).await?;
    let judged = contexts.iter().flat_map(|context| {
        let caused_at = caused.get(&context.departure).copied().unwrap_or(now);
        of_departure(context).into_iter().map(move |judgement| Judged { judgement, caused_at })
    });
    Ok(judged.collect())
}
