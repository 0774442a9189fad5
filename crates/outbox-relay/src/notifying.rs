//! Looks for open items that somebody is to be told about, and tells them once.
//!
//! The clocks are rows of the law; without a version in force nobody is chased. Whatever is found
//! again is not told again, so a sweep may stop anywhere and begin anew.

use crate::{leading::pause, relay::Relay};
use database::{
    Connection,
    chasing::{self, OwingSite},
    movements::sides::Told,
    notifications::{self, ByMail},
    regime,
};
use domain::{
    calendar_month::{Month, beijing_date},
    ids::{MovementId, OrganisationId, SiteId},
    movement::Tolerance,
    open_item::{Clocks, DueStep, ItemSubject, OpenItem, OpenItemKind},
    regime::Regime,
    returns::due,
};
use jiff::{SignedDuration, ToSpan, civil::Date};
use service::clock;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};
use uuid::Uuid;

const BATCH: u16 = 200;
/// Movements whose dispatch is older are nobody's open item any more.
const CHASED_DAYS: i64 = 120;
/// Months before this one whose returns are asked for.
const MONTHS: usize = 3;

/// Sweeps until told to stop.
pub(crate) async fn run(relay: &Relay) {
    let interval = Duration::from_secs(relay.notifications.sweep_seconds);
    while sweep(relay).await.is_some() && pause(relay, interval).await {}
}

/// One sweep; `None` when told to stop in it.
async fn sweep(relay: &Relay) -> Option<()> {
    let (now, began) = (clock::now(), Instant::now());
    let load = |mut conn: Connection| async move { regime::in_force(&mut conn, now).await };
    let Some(regime) = relay.as_notifier("read the law", load).await? else { return Some(()) };
    let law = Law::of(regime, beijing_date(now));
    let told = movements(relay, &law).await? + returns(relay, &law).await?;
    if 0 < told {
        tracing::info!(told, "notified");
        metrics::counter!("relay_notifications_total").increment(told.try_into().unwrap_or(0));
    }
    metrics::gauge!("relay_notification_sweep_seconds").set(began.elapsed());
    metrics::counter!("relay_notification_sweeps_total").increment(1);
    Some(())
}

/// The rows that say who is to be told what.
struct Law {
    clocks: Clocks,
    tolerance: Option<Tolerance>,
    regime: Regime,
    today: Date,
}

impl Law {
    fn of(regime: Regime, today: Date) -> Self {
        let (clocks, tolerance) = (Clocks::on(&regime, today), Tolerance::on(&regime, today));
        Self { clocks, tolerance, regime, today }
    }

    /// What is to be done about a movement between its seller and one buyer, if anything is.
    fn open_item(&self, movement: MovementId, told: &Told) -> Option<OpenItem> {
        let standing = told.sides.standing(self.tolerance.as_ref());
        if told.sides.withdrawn_at.is_some() {
            OpenItem::of_withdrawn(movement, told.reference, &standing)
        } else {
            OpenItem::of_movement(movement, told.reference, &standing)
        }
    }

    /// Whom an item is to be told to by now.
    fn told_about(&self, item: OpenItem) -> impl Iterator<Item = (OpenItem, DueStep)> + use<> {
        let steps = self.clocks.to_tell(&item, self.regime.calendar(), self.today);
        steps.into_iter().map(move |step| (item.clone(), step))
    }
}

/// That a movement goes to somebody else, for the buyer to whom it went before.
fn withdrawal(movement: MovementId, told: &Told) -> Option<OpenItem> {
    let withdrawn_at = told.sides.withdrawn_at?;
    Some(OpenItem::withdrawal(movement, told.reference, told.sides.buyer, withdrawn_at))
}

async fn movements(relay: &Relay, law: &Law) -> Option<usize> {
    let now = clock::now();
    let oldest = now - SignedDuration::from_hours(24 * CHASED_DAYS);
    let look = |mut conn: Connection| async move { chasing::look(&mut conn, oldest, now).await };
    relay.as_notifier("look what was said", look).await?;
    let (mut after, mut told) = (Uuid::nil(), 0);
    loop {
        let read = |mut conn: Connection| async move {
            chasing::movements_after(&mut conn, after, BATCH).await
        };
        let found = relay.as_notifier("look for open movements", read).await?;
        let (mut items, mut settled) = (Vec::new(), Vec::new());
        for (movement, buyers) in &found {
            let mut is_open = false;
            for told in buyers {
                let open = law.open_item(movement.id, told);
                is_open |= open.is_some();
                items.extend(open.into_iter().flat_map(|item| law.told_about(item)));
                items.extend(
                    withdrawal(movement.id, told).into_iter().flat_map(|it| law.told_about(it)),
                );
            }
            if !is_open {
                settled.push((movement.id, movement.dispatch));
            }
        }
        told += tell(relay, &items).await?;
        let settled = &settled;
        let forget =
            |mut conn: Connection| async move { chasing::settled(&mut conn, settled).await };
        relay.as_notifier("forget what is settled", forget).await?;
        match found.last() {
            Some((last, _)) if found.len() == usize::from(BATCH) => after = last.dispatch.as_uuid(),
            _ => return Some(told),
        }
    }
}

async fn returns(relay: &Relay, law: &Law) -> Option<usize> {
    let this_month = Month::of(law.today);
    let before = |months: usize| {
        let months = i64::try_from(months).unwrap_or(0);
        Month::of(this_month.first_day().saturating_sub(months.months()))
    };
    let months: Vec<Month> = (1..=MONTHS).map(before).collect();
    let (first, last) = (before(MONTHS), before(1));
    let read =
        |mut conn: Connection| async move { chasing::returns_filed(&mut conn, first, last).await };
    let filed = relay.as_notifier("look for returns", read).await?;
    let (mut after, mut told) = (None, 0);
    loop {
        let read = |mut conn: Connection| async move {
            chasing::sites_after(&mut conn, after, BATCH).await
        };
        let sites = relay.as_notifier("look for sites", read).await?;
        let items: Vec<(OpenItem, DueStep)> = sites
            .iter()
            .flat_map(|site| months.iter().filter_map(|month| owed(law, site, *month, &filed)))
            .flat_map(|item| law.told_about(item))
            .collect();
        told += tell(relay, &items).await?;
        match sites.last() {
            Some(last) if sites.len() == usize::from(BATCH) => {
                after = Some((last.organisation, last.site));
            }
            _ => return Some(told),
        }
    }
}

/// The return that a site owes for a month and has not filed.
fn owed(
    law: &Law,
    site: &OwingSite,
    month: Month,
    filed: &HashSet<(OrganisationId, SiteId, Month)>,
) -> Option<OpenItem> {
    let registered = Month::of(beijing_date(site.registered_at));
    if month < registered || filed.contains(&(site.organisation, site.site, month)) {
        return None;
    }
    let due = due(law.regime.filing_duties(month.last_day()), &site.stages, month)?;
    Some(OpenItem {
        kind: OpenItemKind::ReturnMissing,
        owner: site.organisation,
        subject: ItemSubject::Return { site: site.code.clone(), month },
        since: month.next().first_day(),
        due: Some(due.day),
    })
}

async fn tell(relay: &Relay, items: &[(OpenItem, DueStep)]) -> Option<usize> {
    if items.is_empty() {
        return Some(0);
    }
    let by_mail = if relay.post.is_some() { ByMail::Yes } else { ByMail::No };
    let now = clock::now();
    let store = |mut conn: Connection| async move {
        notifications::tell(&mut conn, items, by_mail, now).await
    };
    relay.as_notifier("store notifications", store).await
}
