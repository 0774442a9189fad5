//! What left under licences: judged with every use and report of arrival, and again as days pass,
//! because what nobody says is told by no message.

use crate::telling::Told;
use anyhow::Context;
use database::{
    Error, Pool, Transaction,
    findings::{self, Judged},
    screening::{self, Loader},
};
use domain::ids::{FindingId, LicenceId};
use jiff::Timestamp;
use rules::{UseContext, of_use};
use service::clock;
use std::{collections::HashMap, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const INTERVAL: Duration = Duration::from_secs(10);

/// What detectors say about what left under these licences.
pub(crate) async fn used(
    transaction: &mut Transaction,
    loader: &mut Loader,
    licences: &[LicenceId],
    (caused_at, now): (Timestamp, Timestamp),
) -> Result<Vec<Judged>, Error> {
    Ok(judged(&loader.uses(transaction, licences, now).await?, caused_at))
}

/// Looks for what has become due, until told to stop.
pub(crate) async fn watch(pool: &Pool, shutdown: &CancellationToken) {
    let mut loader = Loader::default();
    loop {
        match once(pool, &mut loader, clock::now()).await {
            Ok(told) => told.measure(clock::now()),
            Err(error) => {
                tracing::warn!(error = %format!("{error:#}"), "what left is looked at again");
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn once(pool: &Pool, loader: &mut Loader, now: Timestamp) -> anyhow::Result<Told> {
    let mut transaction = Transaction::begin(pool).await.context("no transaction")?;
    // Others judge meanwhile: most of the time nothing has become due.
    if loader.due_uses(&mut transaction, now).await?.is_empty() {
        transaction.roll_back().await?;
        return Ok(Told::default());
    }
    screening::judge_alone(&mut transaction).await?;
    let judged = judged(&loader.due_uses(&mut transaction, now).await?, now);
    let new_id = || FindingId::from_uuid(Uuid::now_v7());
    let recorded = findings::record(&mut transaction, &judged, new_id, now).await?;
    let mut told = Told::default();
    told.tell(&mut transaction, recorded, &HashMap::new(), now).await?;
    transaction.commit().await?;
    Ok(told)
}

fn judged(contexts: &[UseContext], caused_at: Timestamp) -> Vec<Judged> {
    let judgements = contexts.iter().flat_map(of_use);
    judgements.map(|judgement| Judged { judgement, caused_at }).collect()
}
