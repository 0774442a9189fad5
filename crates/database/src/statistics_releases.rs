//! Releases of national statistics: what they are made from, what was published, never changed.

use crate::{
    ChangeError, CorruptRow, Error, act_for,
    events::{self, Act},
    idempotency::{self, KeyedRequest},
    licensed,
    row::Reader,
    schema::{statistics_cells, statistics_contributions, statistics_releases},
};
use diesel::{
    ExpressionMethods, HasQuery, Insertable, OptionalExtension, QueryDsl, QueryableByName, dsl,
    sql_types::{Array, BigInt, Date, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    calendar_month::Month,
    disclosure::{Contribution, Frozen, Published, PublishedCell, ReleasedTable},
    element::{ELEMENT_COUNT, Element},
    event::Event,
    flow::FlowKind,
    ids::PersonId,
    mass::ElementMasses,
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Rows are inserted this many at a time: Postgres takes 65,535 parameters in one statement.
const ROWS_AT_ONCE: usize = 5_000;

/// Which release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseKey {
    /// Of which table.
    pub table: ReleasedTable,
    /// Of which month.
    pub month: Month,
    /// From 1.
    pub revision: u32,
}

/// A release to be stored.
#[derive(Clone, Debug)]
pub struct NewRelease {
    /// Its id.
    pub id: Uuid,
    /// Which.
    pub key: ReleaseKey,
    /// Under which disclosure rules.
    pub rules_version: &'static str,
    /// By whom.
    pub published_by: PersonId,
    /// What it was made from.
    pub contributions: Vec<Contribution>,
    /// What it tells; masses in grams of oxide.
    pub published: Published,
}

/// A release as it is listed.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its id.
    pub id: Uuid,
    /// Which.
    pub key: ReleaseKey,
    /// When it was published.
    pub published_at: Timestamp,
    /// Under which disclosure rules.
    pub rules_version: String,
}

/// A cell as the public may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedCell {
    /// Category, province and element, or item, destination and element; `all` for totals.
    pub names: [String; 3],
    /// As oxide; `None` where it is not told.
    pub reo_grams: Option<i64>,
}

#[derive(QueryableByName)]
struct SumRow {
    #[diesel(sql_type = SqlUuid)]
    contributor: Uuid,
    #[diesel(sql_type = Text)]
    category: String,
    #[diesel(sql_type = Text)]
    region: String,
    #[diesel(sql_type = Array<BigInt>)]
    elements: Vec<i64>,
}

/// What every group put into a month's table, in grams of oxide; of stock, what it has at the end
/// of the month, by everything that ever came and went. As the official role.
///
/// Where corrections took back more than a group filed in a month, it contributed nothing.
pub async fn contributions(
    conn: &mut AsyncPgConnection,
    table: ReleasedTable,
    month: Month,
) -> Result<Vec<Contribution>, Error> {
    if table.is_of_licences() {
        let facts = licensed::facts(conn, (month, month), i64::MAX).await?;
        return Ok(domain::licensed::contributions(&facts, table));
    }
    let (months, sign) = if table == ReleasedTable::Stock {
        let adding: Vec<String> = FlowKind::ALL
            .iter()
            .filter(|flow| flow.adds())
            .map(|flow| format!("'{flow}'"))
            .collect();
        (
            "m.month <= $1",
            format!("case when m.flow in ({}) then 1 else -1 end * ", adding.join(", ")),
        )
    } else {
        ("m.month = $1", String::new())
    };
    let sums = Element::ALL.map(|element| {
        format!("saturated(sum({sign}m.{}_mg))", element.symbol().to_ascii_lowercase())
    });
    let statement = format!(
        "select coalesce(o.group_id, o.id) as contributor, m.category, left(s.region, 2) as region,
            array[{}] as elements
         from monthly_flows m
         join organisations o on o.id = m.organisation
         join sites s on s.organisation = m.organisation and s.id = m.site
         where {months} and m.flow = any ($2)
         group by 1, 2, 3 order by 1, 2, 3",
        sums.join(", ")
    );
    let flows: Vec<&str> = table.flows().iter().map(|flow| flow.as_str()).collect();
    let rows: Vec<SumRow> = conn
        .transaction(async |conn| {
            act_for(conn, &[]).await?;
            diesel::sql_query(statement)
                .bind::<Date, _>(month.first_day().to_diesel())
                .bind::<Array<Text>, _>(flows)
                .load(conn)
                .await
                .map_err(Error::from)
        })
        .await?;
    let mut contributions = Vec::new();
    for row in rows {
        let reader = Reader { table: "monthly_flows", id: row.contributor };
        let elements: [i64; ELEMENT_COUNT] =
            row.elements.try_into().map_err(|_| reader.corrupt("elements"))?;
        let masses = ElementMasses(elements);
        for element in Element::ALL {
            let grams = u64::try_from(masses.only(element).oxide_grams()).unwrap_or(0);
            if 0 < grams {
                contributions.push(Contribution {
                    path: [&row.category, &row.region, &element.to_string()]
                        .map(|name| vec![name.clone()]),
                    by: row.contributor,
                    amount: grams,
                });
            }
        }
    }
    Ok(contributions)
}

/// Which revision of a table's month comes next, from 1.
pub async fn next_revision(
    conn: &mut AsyncPgConnection,
    table: ReleasedTable,
    month: Month,
) -> Result<u32, Error> {
    let latest: Option<i32> = statistics_releases::table
        .filter(statistics_releases::table_name.eq(table.as_str()))
        .filter(statistics_releases::month.eq(month.first_day().to_diesel()))
        .select(dsl::max(statistics_releases::revision))
        .first(conn)
        .await?;
    Ok(latest.map_or(0, i32::unsigned_abs) + 1)
}

/// Every release so far that one of a table's month may be compared with, the first first, with
/// what it was made from: of the same month, or of any month where all are one series. As the
/// official role.
pub async fn earlier(
    conn: &mut AsyncPgConnection,
    table: ReleasedTable,
    month: Month,
) -> Result<Vec<Frozen>, Error> {
    let mut query = statistics_releases::table
        .filter(statistics_releases::table_name.eq(table.as_str()))
        .into_boxed();
    if !table.is_series() {
        query = query.filter(statistics_releases::month.eq(month.first_day().to_diesel()));
    }
    // By id: in the order in which they were published.
    let releases: Vec<(Uuid, Vec<i16>)> = query
        .order(statistics_releases::id)
        .select((statistics_releases::id, statistics_releases::levels))
        .load(conn)
        .await?;
    let mut earlier = Vec::with_capacity(releases.len());
    for (id, levels) in releases {
        let reader = Reader { table: "statistics_releases", id };
        let levels: Vec<usize> = levels
            .into_iter()
            .map(|level| usize::try_from(level).map_err(|_| reader.corrupt("levels")))
            .collect::<Result<_, CorruptRow>>()?;
        let suppressed = cells(conn, id).await?.into_iter();
        let suppressed: BTreeSet<[String; 3]> =
            suppressed.filter(|cell| cell.reo_grams.is_none()).map(|cell| cell.names).collect();
        earlier.push(Frozen {
            contributions: frozen_contributions(conn, id).await?,
            levels: levels.try_into().map_err(|_| reader.corrupt("levels"))?,
            suppressed,
        });
    }
    Ok(earlier)
}

async fn frozen_contributions(
    conn: &mut AsyncPgConnection,
    release: Uuid,
) -> Result<Vec<Contribution>, Error> {
    use statistics_contributions as c;
    let rows: Vec<(Uuid, String, String, String, i64)> = c::table
        .filter(c::release.eq(release))
        .order((c::contributor, c::category, c::region, c::element))
        .select((c::contributor, c::category, c::region, c::element, c::reo_grams))
        .load(conn)
        .await?;
    let contribution =
        |(by, category, region, element, grams): (Uuid, String, String, String, i64)| {
            Contribution {
                path: [category, region, element].map(|name| vec![name]),
                by,
                amount: grams.unsigned_abs(),
            }
        };
    Ok(rows.into_iter().map(contribution).collect())
}

#[derive(Insertable)]
#[diesel(table_name = statistics_cells)]
struct NewCell<'a> {
    release: Uuid,
    category: &'a str,
    region: &'a str,
    element: &'a str,
    reo_grams: Option<i64>,
}

#[derive(Insertable)]
#[diesel(table_name = statistics_contributions)]
struct NewContribution<'a> {
    release: Uuid,
    contributor: Uuid,
    category: &'a str,
    region: &'a str,
    element: &'a str,
    reo_grams: i64,
}

/// Publishes a release, as the role that keeps the register. Of two at once one is refused.
pub async fn publish(
    conn: &mut AsyncPgConnection,
    release: &NewRelease,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    let grams = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    let cells: Vec<NewCell<'_>> = release
        .published
        .cells
        .iter()
        .map(|PublishedCell { names: [category, region, element], value }| {
            let reo_grams = value.as_ref().ok().map(|value| grams(*value));
            NewCell { release: release.id, category, region, element, reo_grams }
        })
        .collect();
    let contributions = summed(&release.contributions);
    let contributions: Vec<NewContribution<'_>> = contributions
        .iter()
        .map(|((contributor, [category, region, element]), amount)| NewContribution {
            release: release.id,
            contributor: *contributor,
            category,
            region,
            element,
            reo_grams: grams(*amount),
        })
        .collect();
    let levels = release.published.levels.map(|level| i16::try_from(level).unwrap_or(i16::MAX));
    let ReleaseKey { table, month, revision } = release.key;
    conn.transaction(async |conn| {
        idempotency::claim(conn, request, act.at).await?;
        diesel::insert_into(statistics_releases::table)
            .values((
                statistics_releases::id.eq(release.id),
                statistics_releases::table_name.eq(table.as_str()),
                statistics_releases::month.eq(month.first_day().to_diesel()),
                statistics_releases::revision.eq(revision.cast_signed()),
                statistics_releases::levels.eq(levels.to_vec()),
                statistics_releases::rules_version.eq(release.rules_version),
                statistics_releases::published_by.eq(release.published_by.as_uuid()),
                statistics_releases::published_at.eq(act.at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        for rows in cells.chunks(ROWS_AT_ONCE) {
            diesel::insert_into(statistics_cells::table).values(rows).execute(conn).await?;
        }
        for rows in contributions.chunks(ROWS_AT_ONCE) {
            diesel::insert_into(statistics_contributions::table).values(rows).execute(conn).await?;
        }
        let event = Event::StatisticsReleased {
            release: release.id,
            table: table.as_str().to_owned(),
            month,
            revision,
            person: release.published_by,
        };
        Ok(events::append(conn, &act.origin(), release.id, &event).await?)
    })
    .await
}

type Summed<'a> = BTreeMap<(Uuid, [&'a str; 3]), u64>;

fn summed(contributions: &[Contribution]) -> Summed<'_> {
    let mut sums = Summed::new();
    for contribution in contributions {
        let names = contribution.path.each_ref().map(|path| path.last().map_or("", String::as_str));
        let sum = sums.entry((contribution.by, names)).or_default();
        *sum = sum.saturating_add(contribution.amount);
    }
    sums
}

#[derive(HasQuery)]
#[diesel(table_name = statistics_releases)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct ReleaseRow {
    id: Uuid,
    table_name: String,
    month: jiff_diesel::Date,
    revision: i32,
    rules_version: String,
    published_at: jiff_diesel::Timestamp,
}

impl TryFrom<ReleaseRow> for Release {
    type Error = CorruptRow;

    fn try_from(row: ReleaseRow) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "statistics_releases", id: row.id };
        let key = ReleaseKey {
            table: reader.word("table_name", &row.table_name)?,
            month: Month::of(row.month.to_jiff()),
            revision: u32::try_from(row.revision).map_err(|_| reader.corrupt("revision"))?,
        };
        Ok(Self {
            id: row.id,
            key,
            published_at: row.published_at.to_jiff(),
            rules_version: row.rules_version,
        })
    }
}

/// Releases, the latest first; at most `limit` before the one with this id.
pub async fn list(
    conn: &mut AsyncPgConnection,
    before: Option<Uuid>,
    limit: u16,
) -> Result<Vec<Release>, Error> {
    let rows: Vec<ReleaseRow> = ReleaseRow::query()
        .filter(statistics_releases::id.lt(before.unwrap_or(Uuid::max())))
        .order(statistics_releases::id.desc())
        .limit(limit.into())
        .load(conn)
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// A release with its cells: of a revision, or the latest.
pub async fn find(
    conn: &mut AsyncPgConnection,
    table: ReleasedTable,
    month: Month,
    revision: Option<u32>,
) -> Result<Option<(Release, Vec<ReleasedCell>)>, Error> {
    let mut query = ReleaseRow::query()
        .filter(statistics_releases::table_name.eq(table.as_str()))
        .filter(statistics_releases::month.eq(month.first_day().to_diesel()))
        .order(statistics_releases::revision.desc())
        .into_boxed();
    if let Some(revision) = revision {
        let revision = i32::try_from(revision).unwrap_or(i32::MAX);
        query = query.filter(statistics_releases::revision.eq(revision));
    }
    let Some(row) = query.first(conn).await.optional()? else { return Ok(None) };
    let release = Release::try_from(row)?;
    let cells = cells(conn, release.id).await?;
    Ok(Some((release, cells)))
}

async fn cells(conn: &mut AsyncPgConnection, release: Uuid) -> Result<Vec<ReleasedCell>, Error> {
    use statistics_cells as c;
    let rows: Vec<(String, String, String, Option<i64>)> = c::table
        .filter(c::release.eq(release))
        .order((c::category, c::region, c::element))
        .select((c::category, c::region, c::element, c::reo_grams))
        .load(conn)
        .await?;
    let cell = |(category, region, element, reo_grams)| ReleasedCell {
        names: [category, region, element],
        reo_grams,
    };
    Ok(rows.into_iter().map(cell).collect())
}
