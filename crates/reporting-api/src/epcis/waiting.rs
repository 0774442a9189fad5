//! Receipts that came before their dispatch: filed once the dispatch is on record.
//!
//! Looked for again and again rather than told: a dispatch may come by any entrance and through
//! any process. Recording twice is harmless, because the receipt keeps the key of its event.

use crate::filings::{
    FilingForm,
    desk::{Desk, Sender},
};
use database::{
    Pool,
    epcis::waiting::{self, Became, Waiting},
};
use domain::{codes::Channel, ids::OrganisationId};
use service::{clock, idempotency::IdempotencyKey, problem::Problem};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LOOK_AGAIN: Duration = Duration::from_secs(1);
const BATCH: u16 = 50;

/// Files what is ready until told to stop.
pub async fn work(desk: Desk, pool: Pool, shutdown: CancellationToken) -> anyhow::Result<()> {
    loop {
        if let Err(error) = look(&desk, &pool).await {
            // The receipt stays where it is: the next look tries it again.
            tracing::warn!(error = format!("{error:#}"), "receipts that wait were not filed");
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

async fn look(desk: &Desk, pool: &Pool) -> anyhow::Result<()> {
    let ready = waiting::ready(&mut *pool.get().await?, BATCH).await?;
    for (organisation, event) in ready {
        let Some(waits) = waiting::find(pool, organisation, event).await? else { continue };
        let became = file(desk, organisation, &waits).await?;
        if let Became::Refused(reason) = &became {
            tracing::info!(event.id = %event, reason, "a receipt that waited is no filing");
        }
        waiting::settle(&mut *pool.get().await?, organisation, event, &became).await?;
    }
    Ok(())
}

async fn file(
    desk: &Desk,
    organisation: OrganisationId,
    waits: &Waiting,
) -> Result<Became, Problem> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Problem::Internal(anyhow::anyhow!("a receipt that waits cannot be read: {error}"))
    };
    let form: FilingForm =
        serde_json::from_value(waits.form.clone()).map_err(|error| unreadable(&error))?;
    let key = IdempotencyKey::parse(&waits.key)?;
    let sender = Sender {
        organisation,
        person: waits.person,
        channel: Channel::Epcis,
        at: clock::now(),
        traceparent: None,
    };
    match desk.record(&form, &sender, Some(&key)).await {
        Ok(_) => Ok(Became::Filed),
        Err(Problem::ValidationFailed(faults)) => {
            let reason = faults.into_iter().next().map_or_else(String::new, |it| it.detail);
            Ok(Became::Refused(reason))
        }
        Err(problem @ (Problem::DuplicateReference { .. } | Problem::IdempotencyKeyReused)) => {
            Ok(Became::Refused(problem.to_string()))
        }
        Err(problem) => Err(problem),
    }
}
