//! What a chunk of a file must be checked against, asked for in one round trip.
//!
//! The same questions as in [`filing_context`](crate::filing_context), for thousands of filings of
//! one organisation at a time. Everything is read for that organisation.

use crate::{
    Error, Role, Target,
    filing_context::{IncomingMovement, LotClaim, Product, claim, product},
    row::Reader,
};
use domain::{
    ids::{FilingId, LotId, MovementId, OrganisationId, SiteId},
    movement::MovementName,
};
use futures_util::{future::try_join_all, try_join};
use postgres_types::ToSql;
use secrecy::ExposeSecret;
use std::collections::HashMap;
use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

/// What to look up.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Codes of sites.
    pub sites: Vec<String>,
    /// Codes of products.
    pub products: Vec<String>,
    /// Lots.
    pub lots: Vec<LotId>,
    /// Movements to this organisation.
    pub movements: Vec<MovementName>,
    /// USCCs and LEIs of those who may be filers.
    pub filers: Vec<String>,
    /// References with versions that may have been filed before.
    pub references: Vec<(String, u16)>,
}

/// What was found of it; what is not in here does not exist for this organisation.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Sites by code.
    pub sites: HashMap<String, SiteId>,
    /// Products by code.
    pub products: HashMap<String, Product>,
    /// The latest claims of lots.
    pub lots: HashMap<LotId, LotClaim>,
    /// Movements to this organisation, each under its id and under its reference.
    pub movements: HashMap<MovementName, IncomingMovement>,
    /// Registered filers by USCC or LEI.
    pub filers: HashMap<String, OrganisationId>,
    /// Filings by reference and version, with the fingerprint of their content.
    pub references: HashMap<(String, u16), (FilingId, Vec<u8>)>,
}

/// How much an organisation usually moves at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsualSize {
    /// The median of its latest lines.
    pub median_grams: i64,
    /// Of how many lines.
    pub lines: i64,
}

/// A connection that answers for one chunk after another.
#[derive(Debug)]
pub struct BulkReader {
    client: Client,
    act_for: Statement,
    sites: Statement,
    products: Statement,
    lots: Statement,
    movements: Statement,
    filers: Statement,
    references: Statement,
    usual_sizes: Statement,
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

const SITES: &str = "select code, id from sites where organisation = $1 and code = any ($2)";
const PRODUCTS: &str = "select code, id, category, hs_code, grade, composition from products
    where organisation = $1 and code = any ($2)";
const LOTS: &str = "select distinct on (lot.id) lot.* from lots lot
    where lot.id = any ($1) order by lot.id, lot.filing desc";
const MOVEMENTS: &str = "select line.*, moved.reference as movement_reference, used.reference as used_by
    from movements moved
    join movement_lines line on line.movement = moved.id and line.filing = moved.filing
    left join first_receipts used on used.organisation = $1 and used.movement = moved.id
    where (moved.id = any ($2) or moved.reference = any ($3)) and moved.buyer_organisation = $1
    and not exists (select from movements newer where newer.id = moved.id and newer.filing > moved.filing)
    order by line.movement, line.line";
const FILERS: &str = "select id, uscc, lei from organisations
    where kind = 'filer' and closed_at is null and (uscc = any ($1) or lei = any ($1))";
const REFERENCES: &str = "select known.reference, known.version, known.filing, known.content_hash
    from unnest($2::text[], $3::smallint[]) wanted (reference, version)
    cross join lateral (select * from filing_references one where one.organisation = $1
        and one.reference = wanted.reference and one.version = wanted.version limit 1) known";
/// Everything here is found by its key. Left to itself Postgres reads whole tables, and compares
/// each row with each key, while it takes them for small: a month's partition that is new has no
/// statistics.
const BY_KEY: &str =
    "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off;
    set plan_cache_mode = force_generic_plan";
/// Of the latest lines only, so that it costs the same however much was filed.
const USUAL_SIZES: &str = "select category,
        percentile_disc(0.5) within group (order by quantity_grams) as median_grams, count(*) as lines
    from (select category, quantity_grams from filing_lines
        where organisation = $1 and category is not null and role <> 'measured' and 0 < quantity_grams
        order by filing desc limit 5000) latest
    group by category";

impl BulkReader {
    /// Opens a connection with everything prepared on it.
    pub async fn connect(target: &Target) -> Result<Self, Error> {
        let url = target.url_as(Role::Reporting);
        let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the connection of a file's reader ended"
                );
            }
        });
        client.batch_execute(BY_KEY).await?;
        let set = "select set_config('lodestone.organisations', $1, true)";
        let (act_for, sites, products, lots, movements, filers, references, usual_sizes) = try_join!(
            client.prepare(set),
            client.prepare(SITES),
            client.prepare(PRODUCTS),
            client.prepare(LOTS),
            client.prepare(MOVEMENTS),
            client.prepare(FILERS),
            client.prepare(REFERENCES),
            client.prepare(USUAL_SIZES),
        )?;
        Ok(Self {
            client,
            act_for,
            sites,
            products,
            lots,
            movements,
            filers,
            references,
            usual_sizes,
        })
    }

    /// Whether the connection is still there.
    pub fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Looks all of it up, for this organisation.
    pub async fn look_up(
        &self,
        organisation: OrganisationId,
        wanted: &Wanted,
    ) -> Result<Looked, Error> {
        let acting = crate::connect::uuid_list(&[organisation]);
        let mine = organisation.as_uuid();
        let lots: Vec<Uuid> = wanted.lots.iter().map(|lot| lot.as_uuid()).collect();
        let (mut movements, mut named): (Vec<Uuid>, Vec<String>) = (Vec::new(), Vec::new());
        for name in &wanted.movements {
            match name {
                MovementName::Id(id) => movements.push(id.as_uuid()),
                MovementName::Reference(reference) => named.push(reference.compact()),
            }
        }
        let references: Vec<&str> =
            wanted.references.iter().map(|(reference, _)| reference.as_str()).collect();
        let versions: Vec<i16> =
            wanted.references.iter().map(|(_, version)| version.cast_signed()).collect();
        let ask: [(&Statement, Parameters<'_>, bool); 6] = [
            (&self.sites, &[&mine, &wanted.sites], wanted.sites.is_empty()),
            (&self.products, &[&mine, &wanted.products], wanted.products.is_empty()),
            (&self.lots, &[&lots], lots.is_empty()),
            (&self.movements, &[&mine, &movements, &named], wanted.movements.is_empty()),
            (&self.filers, &[&wanted.filers], wanted.filers.is_empty()),
            (&self.references, &[&mine, &references, &versions], references.is_empty()),
        ];
        let asked = ask.map(async |(statement, parameters, nothing_wanted)| {
            if nothing_wanted {
                return Ok(Vec::new());
            }
            self.client.query(statement, parameters).await
        });
        let acting: Parameters<'_> = &[&acting];
        // Sent together, in this order: one round trip.
        let ((), _, rows, ()) = try_join!(
            self.client.batch_execute("begin"),
            self.client.execute(&self.act_for, acting),
            try_join_all(asked),
            self.client.batch_execute("commit"),
        )?;
        let [sites, products, lots, movements, filers, references] =
            <[Vec<Row>; 6]>::try_from(rows).expect("each question has an answer");
        looked(&sites, &products, &lots, &movements, &filers, &references)
    }

    /// The usual size of this organisation's lines, by category of goods.
    pub async fn usual_sizes(
        &self,
        organisation: OrganisationId,
    ) -> Result<HashMap<String, UsualSize>, Error> {
        let acting = crate::connect::uuid_list(&[organisation]);
        let mine = organisation.as_uuid();
        let (acting, mine): (Parameters<'_>, Parameters<'_>) = (&[&acting], &[&mine]);
        let ((), _, rows, ()) = try_join!(
            self.client.batch_execute("begin"),
            self.client.execute(&self.act_for, acting),
            self.client.query(&self.usual_sizes, mine),
            self.client.batch_execute("commit"),
        )?;
        let size = |row: &Row| {
            let usual = UsualSize { median_grams: row.get(1), lines: row.get(2) };
            (row.get(0), usual)
        };
        Ok(rows.iter().map(size).collect())
    }
}

fn looked(
    sites: &[Row],
    products: &[Row],
    lots: &[Row],
    movements: &[Row],
    filers: &[Row],
    references: &[Row],
) -> Result<Looked, Error> {
    let mut looked = Looked {
        sites: sites.iter().map(|row| (row.get(0), SiteId::from_uuid(row.get(1)))).collect(),
        ..Looked::default()
    };
    for row in products {
        let found = product(row.get(1), row.get(2), row.get(3), row.get(4), row.get(5))?;
        looked.products.insert(row.get(0), found);
    }
    for row in lots {
        let found = claim("lots", row)?;
        looked.lots.insert(found.id, found);
    }
    for row in movements {
        let id: Uuid = row.get("movement");
        let reader = Reader { table: "movements", id };
        let reference = reader.word("reference", row.get("movement_reference"))?;
        let id = MovementId::from_uuid(id);
        let lot = claim("movement_lines", row)?;
        for name in [MovementName::Id(id), MovementName::Reference(reference)] {
            let nothing = || IncomingMovement { id, lots: Vec::new(), used_by: row.get("used_by") };
            let movement = looked.movements.entry(name).or_insert_with(nothing);
            movement.lots.push(lot.clone());
        }
    }
    for row in filers {
        let id = OrganisationId::from_uuid(row.get(0));
        let names: [Option<String>; 2] = [row.get(1), row.get(2)];
        looked.filers.extend(names.into_iter().flatten().map(|name| (name, id)));
    }
    for row in references {
        let key = (row.get(0), row.get::<_, i16>(1).cast_unsigned());
        looked.references.insert(key, (FilingId::from_uuid(row.get(2)), row.get(3)));
    }
    Ok(looked)
}
