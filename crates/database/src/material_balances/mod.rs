//! Material balances of sites: their measured sums by month, from a cache that knows when it holds.
//!
//! A site's time is cut where its months are closed (`domain::balance::segments`). The sums of a
//! segment are kept (`material_balances`) with the boundaries and with how often the filing writer
//! had counted something in the months that they reach into (`site_months`). Whoever asks reads
//! both in one snapshot: rows that still hold are taken as they are, the others are summed up anew
//! and stored. So a late filing costs the sums of the segments that reach into its calendar month,
//! mostly its own and the one after the count, and no others; what follows from them in later
//! months is arithmetic (`domain::balance::books`).
//!
//! Two that ask at once may store the same row; the later one wins. A row is never trusted for
//! being there, so it does not matter which.

mod cache;
mod lines;
mod sums;

pub use cache::{check, rebuild};
pub use lines::{Doubt, Wanted, contributions, entered_filings, movements_not_received};

use crate::{
    Error, act_for,
    schema::{filings, site_months, sites},
};
use cache::Key;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, QueryDsl,
    dsl::{exists, not},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use domain::{
    balance::{Segment, SegmentSums, segments},
    calendar_month::Month,
    ids::{OrganisationId, SiteId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Which site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SiteKey {
    /// Whose.
    pub organisation: OrganisationId,
    /// Which.
    pub site: SiteId,
}

/// A site at which something was filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancedSite {
    /// Which.
    pub key: SiteKey,
    /// Its owner's code for it.
    pub code: String,
}

/// Which sites to list.
#[derive(Clone, Debug, Default)]
pub struct SiteFilter {
    /// Of this organisation only.
    pub organisation: Option<OrganisationId>,
    /// With this code only.
    pub code: Option<String>,
    /// From this one on, in the order of keys.
    pub from: Option<SiteKey>,
    /// After this one.
    pub after: Option<SiteKey>,
}

/// A month of a site, summed up.
#[derive(Clone, Debug)]
pub struct SummedMonth {
    /// The part of time it stands for.
    pub segment: Segment,
    /// The sums.
    pub sums: SegmentSums,
    /// When they were computed.
    pub computed_at: Timestamp,
}

/// Up to when and how sites are summed up.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// The last month.
    pub until: Month,
    /// Within how many days of a month's end a count closes it.
    pub window_days: u32,
    /// When that is asked.
    pub now: Timestamp,
}

/// Sites at which something was filed, in the order of their keys. `acting` is the filer that
/// asks; officials ask with `None`, through their own role.
pub async fn list_sites(
    conn: &mut AsyncPgConnection,
    acting: Option<OrganisationId>,
    filter: &SiteFilter,
    limit: u16,
) -> Result<Vec<BalancedSite>, Error> {
    let filed = site_months::table
        .filter(site_months::organisation.eq(sites::organisation))
        .filter(site_months::site.eq(sites::id));
    let mut query = sites::table
        .filter(exists(filed))
        .order((sites::organisation, sites::id))
        .select((sites::organisation, sites::id, sites::code))
        .limit(limit.into())
        .into_boxed();
    if let Some(organisation) = filter.organisation {
        query = query.filter(sites::organisation.eq(organisation.as_uuid()));
    }
    if let Some(code) = &filter.code {
        query = query.filter(sites::code.eq(code));
    }
    if let Some(from) = filter.from {
        let (organisation, site) = (from.organisation.as_uuid(), from.site.as_uuid());
        query = query.filter(
            sites::organisation
                .gt(organisation)
                .or(sites::organisation.eq(organisation).and(sites::id.ge(site))),
        );
    }
    if let Some(after) = filter.after {
        let (organisation, site) = (after.organisation.as_uuid(), after.site.as_uuid());
        query = query.filter(
            sites::organisation
                .gt(organisation)
                .or(sites::organisation.eq(organisation).and(sites::id.gt(site))),
        );
    }
    let rows: Vec<(Uuid, Uuid, String)> = conn
        .transaction(async |conn| {
            act_for(conn, acting.as_slice()).await?;
            query.load(conn).await.map_err(Error::from)
        })
        .await?;
    let site = |(organisation, site, code)| BalancedSite {
        key: SiteKey {
            organisation: OrganisationId::from_uuid(organisation),
            site: SiteId::from_uuid(site),
        },
        code,
    };
    Ok(rows.into_iter().map(site).collect())
}

/// The months of these sites, from the one before something was filed first to the horizon.
pub async fn summed(
    conn: &mut AsyncPgConnection,
    acting: Option<OrganisationId>,
    sites: &[SiteKey],
    horizon: &Horizon,
) -> Result<BTreeMap<SiteKey, Vec<SummedMonth>>, Error> {
    if sites.is_empty() {
        return Ok(BTreeMap::new());
    }
    // One snapshot: what the counts say of the sums must be said of these sums.
    let (months, computed) = conn
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |conn| {
            act_for(conn, acting.as_slice()).await?;
            // Many aggregates are compiled for longer than they run, and want to sort in memory.
            conn.batch_execute("set local jit = off; set local work_mem = '32MB'").await?;
            sum_up(conn, sites, horizon).await
        })
        .await?;
    cache::store(conn, acting, &computed, horizon.now).await?;
    Ok(months)
}

type Months = BTreeMap<SiteKey, Vec<SummedMonth>>;

async fn sum_up(
    conn: &mut AsyncPgConnection,
    sites: &[SiteKey],
    horizon: &Horizon,
) -> Result<(Months, Vec<cache::Computed>), Error> {
    let versions = versions(conn, sites).await?;
    let stocktakes = stocktakes(conn, sites).await?;
    let mut cached = cache::load(conn, sites).await?;
    let mut stale = Vec::new();
    let mut wanted = Vec::new();
    for site in sites {
        let Some(counted) = versions.get(site) else { continue };
        // A count on the first days of a month closes the one before, of which nothing was filed.
        let Some(first) = counted.keys().next().map(|month| month.previous()) else { continue };
        let at = stocktakes.get(site).map_or(&[][..], Vec::as_slice);
        for segment in segments(first, horizon.until, at, horizon.window_days) {
            let key = Key { site: *site, month: segment.month };
            let computed_from = reached(counted, &segment);
            let held = cached.remove(&key).filter(|held| held.holds(&segment, computed_from));
            if held.is_none() {
                stale.push((key, segment, computed_from));
            }
            wanted.push((key, segment, held));
        }
    }
    let mut fresh = sums::of(conn, &stale).await?;
    let computed: Vec<cache::Computed> = stale
        .into_iter()
        .map(|(key, segment, computed_from)| {
            let sums = fresh.remove(&key).unwrap_or_default();
            cache::Computed { key, segment, computed_from, sums }
        })
        .collect();
    let mut anew: BTreeMap<Key, SegmentSums> =
        computed.iter().map(|computed| (computed.key, computed.sums.clone())).collect();
    let mut months = Months::new();
    for (key, segment, held) in wanted {
        let (sums, computed_at) = match held {
            Some(held) => (held.sums, held.computed_at),
            None => (anew.remove(&key).unwrap_or_default(), horizon.now),
        };
        months.entry(key.site).or_default().push(SummedMonth { segment, sums, computed_at });
    }
    Ok((months, computed))
}

/// How often something was counted in the calendar months that a segment reaches into.
fn reached(counted: &BTreeMap<Month, i64>, segment: &Segment) -> i64 {
    let (first, last) = segment.calendar_months();
    counted.range(first..=last).map(|(_, version)| version).sum()
}

type Versions = BTreeMap<SiteKey, BTreeMap<Month, i64>>;

async fn versions(conn: &mut AsyncPgConnection, sites: &[SiteKey]) -> Result<Versions, Error> {
    let (organisations, ids) = columns(sites);
    let rows: Vec<(Uuid, Uuid, jiff_diesel::Date, i64)> = site_months::table
        .filter(site_months::organisation.eq_any(organisations))
        .filter(site_months::site.eq_any(ids))
        .select((
            site_months::organisation,
            site_months::site,
            site_months::month,
            site_months::version,
        ))
        .load(conn)
        .await?;
    let mut versions = Versions::new();
    for (organisation, site, month, version) in rows {
        let months = versions.entry(key(organisation, site)).or_default();
        months.insert(Month::of(month.to_jiff()), version);
    }
    Ok(versions)
}

/// When stock was counted at each site, as far as it stands.
async fn stocktakes(
    conn: &mut AsyncPgConnection,
    sites: &[SiteKey],
) -> Result<BTreeMap<SiteKey, Vec<Timestamp>>, Error> {
    let (organisations, ids) = columns(sites);
    let newer = diesel::alias!(filings as newer);
    let replaced = newer
        .filter(newer.field(filings::organisation).eq(filings::organisation))
        .filter(newer.field(filings::replaces).eq(filings::id.nullable()));
    let rows: Vec<(Uuid, Uuid, jiff_diesel::Timestamp)> = filings::table
        .filter(filings::kind.eq("stocktake"))
        .filter(filings::organisation.eq_any(organisations))
        .filter(filings::site.eq_any(ids))
        .filter(not(exists(replaced)))
        .select((filings::organisation, filings::site, filings::happened_at))
        .load(conn)
        .await?;
    let mut stocktakes: BTreeMap<SiteKey, Vec<Timestamp>> = BTreeMap::new();
    for (organisation, site, at) in rows {
        stocktakes.entry(key(organisation, site)).or_default().push(at.to_jiff());
    }
    Ok(stocktakes)
}

const fn key(organisation: Uuid, site: Uuid) -> SiteKey {
    SiteKey { organisation: OrganisationId::from_uuid(organisation), site: SiteId::from_uuid(site) }
}

/// Sites as columns. A site's id is one organisation's only, so pairs need not be kept.
fn columns(sites: &[SiteKey]) -> (Vec<Uuid>, Vec<Uuid>) {
    let mut organisations: Vec<Uuid> =
        sites.iter().map(|site| site.organisation.as_uuid()).collect();
    organisations.dedup();
    (organisations, sites.iter().map(|site| site.site.as_uuid()).collect())
}
