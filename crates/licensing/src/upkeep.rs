//! What happens by the passing of time: submissions that nobody objected to count as accepted,
//! and answers to old requests are forgotten.

use crate::{app::App, keys};
use anyhow::Context;
use database::{
    cases::{self, Moment, accept_overdue},
    licensing_requests,
};
use jiff::{SignedDuration, Timestamp};
use service::{clock, retry, schema};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(1);
/// An application that was assessed lies in its queue this soon.
const ROUTING_INTERVAL: Duration = Duration::from_secs(2);
/// Assessments of earlier than this were routed, or nobody routes.
const ASSESSED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// Repeats of a request are recognised this long.
const REQUESTS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Works until told to stop; an old schema stops the process.
pub(crate) async fn run(app: App, shutdown: CancellationToken) -> anyhow::Result<()> {
    if !schema::require(&app.pool, &shutdown).await? {
        return Ok(());
    }
    let noted = retry::until_it_succeeds("note the signing key", &shutdown, || {
        keys::note(&app, clock::now())
    });
    if noted.await.is_none() {
        return Ok(());
    }
    loop {
        if let Err(error) = once(&app, clock::now()).await {
            tracing::warn!(error = %format!("{error:#}"), "upkeep will try again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn once(app: &App, now: Timestamp) -> anyhow::Result<()> {
    let mut conn = app.pool.get().await?;
    licensing_requests::forget(&mut conn, now - REQUESTS_KEPT).await?;
    let Some(version) = database::regime::version_in_force(&mut conn, now).await? else {
        return Ok(());
    };
    let regime = app.regimes.named(&mut conn, &version).await.context("the law cannot be read")?;
    let Some(regime) = regime else { return Ok(()) };
    let moment = Moment { at: now, traceparent: None };
    let accepted = accept_overdue(&mut conn, &moment, &regime).await?;
    if 0 < accepted {
        tracing::info!(cases = accepted, "counted as accepted by the passing of time");
    }
    Ok(())
}

/// Lets the rules in force route what has come in, until told to stop.
pub(crate) async fn route(app: App, shutdown: CancellationToken) -> anyhow::Result<()> {
    if !schema::require(&app.pool, &shutdown).await? {
        return Ok(());
    }
    loop {
        if let Err(error) = route_once(&app, clock::now()).await {
            tracing::warn!(error = %format!("{error:#}"), "routing will try again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(ROUTING_INTERVAL) => {}
        }
    }
}

async fn route_once(app: &App, now: Timestamp) -> anyhow::Result<()> {
    let mut conn = app.pool.get().await?;
    let Some(routing) = cases::routing_in_force(&mut conn, now).await? else { return Ok(()) };
    let waiting = cases::unrouted(&mut conn, now - ASSESSED_WITHIN, now).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let Some(version) = database::regime::version_in_force(&mut conn, now).await? else {
        return Ok(());
    };
    let regime = app.regimes.named(&mut conn, &version).await.context("the law cannot be read")?;
    let Some(regime) = regime else { return Ok(()) };
    let moment = Moment { at: now, traceparent: None };
    for id in waiting {
        // One that cannot be routed does not keep the others from it.
        if let Err(error) = cases::route(&mut conn, id, &routing, &moment, &regime).await {
            tracing::warn!(case.id = %id, error = %error, "a case was not routed");
        }
    }
    Ok(())
}
