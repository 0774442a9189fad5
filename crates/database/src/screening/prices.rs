//! What goods were sold for lately, by anybody.
//!
//! A market does not move within seconds: what was asked a moment ago is kept for a moment, so
//! that a busy worker does not read the same sales with every batch.

use super::{
    ask::{Ask, Bind, Statement},
    filings::Known,
};
use crate::{
    Error,
    row::{Reader, from_numeric},
};
use bigdecimal::BigDecimal;
use diesel::{
    QueryableByName,
    sql_types::{Integer, Numeric, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{codes::FilingKind, ids::OrganisationId};
use jiff::{SignedDuration, Timestamp};
use rules::{PeerPrice, PriceKey, priced_goods};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

/// The latest sales of goods that are the same.
struct Prices;

impl Statement for Prices {
    const TEXT: &'static str = "
        select asked.number::integer as asked, sold.organisation, sold.unit_price, f.happened_at
        from unnest(?::text[], ?::text[], ?::text[]) with ordinality as asked (category, grade, currency, number)
        cross join lateral (
            select l.organisation, l.filing, l.unit_price from filing_lines l
            where l.category = asked.category and coalesce(l.grade, '') = coalesce(asked.grade, '')
                and l.currency = asked.currency and l.unit_price is not null
            order by l.filing desc limit 200
        ) sold
        join filings f on f.organisation = sold.organisation and f.id = sold.filing
        where f.kind in ('dispatch', 'export') and sold.unit_price > 0
            and not exists (select from filing_references newer where newer.organisation = f.organisation
                and newer.reference = f.reference and newer.version = f.version + 1)";
}

#[derive(QueryableByName)]
struct PriceRow {
    #[diesel(sql_type = Integer)]
    asked: i32,
    #[diesel(sql_type = SqlUuid)]
    organisation: Uuid,
    #[diesel(sql_type = Numeric)]
    unit_price: BigDecimal,
    #[diesel(sql_type = Timestamptz)]
    happened_at: jiff_diesel::Timestamp,
}

/// Sales that are read again only after a while.
#[derive(Debug, Default)]
pub(super) struct Market {
    /// Read at that time.
    sales: HashMap<PriceKey, (Timestamp, Vec<PeerPrice>)>,
}

const FRESH: SignedDuration = SignedDuration::from_secs(10);
/// Fewer sales than this may soon be enough to compare with: they are read again at once.
const MANY: usize = 100;
/// Kinds of goods remembered at most.
const REMEMBERED: usize = 1_000;

impl Market {
    /// What the goods that these filings sell were sold for.
    pub(super) async fn prices(
        &mut self,
        conn: &mut AsyncPgConnection,
        known: &[Known],
        now: Timestamp,
    ) -> Result<Arc<HashMap<PriceKey, Vec<PeerPrice>>>, Error> {
        let sells = |kind| matches!(kind, FilingKind::Dispatch | FilingKind::Export);
        let wanted: HashSet<PriceKey> = known
            .iter()
            .map(|it| &it.filing)
            .filter(|filing| sells(filing.claim.kind()))
            .flat_map(|filing| &filing.lines)
            .filter_map(|line| priced_goods(line).map(|(key, _)| key))
            .collect();
        let is_fresh = |key: &PriceKey| {
            let sales = self.sales.get(key);
            sales.is_some_and(|(read_at, sales)| {
                MANY <= sales.len() && now.duration_since(*read_at) < FRESH
            })
        };
        let asked: Vec<PriceKey> = wanted.iter().filter(|key| !is_fresh(key)).cloned().collect();
        self.read(conn, asked, now).await?;
        let known = wanted.into_iter().filter_map(|key| {
            let sales = self.sales.get(&key)?.1.clone();
            Some((key, sales))
        });
        Ok(Arc::new(known.collect()))
    }

    async fn read(
        &mut self,
        conn: &mut AsyncPgConnection,
        asked: Vec<PriceKey>,
        now: Timestamp,
    ) -> Result<(), Error> {
        if asked.is_empty() {
            return Ok(());
        }
        if REMEMBERED < self.sales.len() {
            self.sales.clear();
        }
        let binds = vec![
            Bind::Texts(asked.iter().map(|key| key.category.to_string()).collect()),
            Bind::OptionalTexts(asked.iter().map(|key| key.grade.clone()).collect()),
            Bind::Texts(asked.iter().map(|key| key.currency.to_string()).collect()),
        ];
        let rows: Vec<PriceRow> = Ask::<Prices>::with(binds).load(conn).await?;
        let mut sales: Vec<Vec<PeerPrice>> = asked.iter().map(|_| Vec::new()).collect();
        for row in rows {
            let reader = Reader { table: "filing_lines", id: row.organisation };
            let index = usize::try_from(row.asked - 1).ok();
            let sales = index.and_then(|index| sales.get_mut(index));
            let price =
                from_numeric(&row.unit_price).ok_or_else(|| reader.corrupt("unit_price"))?;
            sales.ok_or_else(|| reader.corrupt("asked"))?.push(PeerPrice {
                organisation: OrganisationId::from_uuid(row.organisation),
                price,
                happened_at: row.happened_at.into(),
            });
        }
        for (key, sales) in asked.into_iter().zip(sales) {
            self.sales.insert(key, (now, sales));
        }
        Ok(())
    }
}
