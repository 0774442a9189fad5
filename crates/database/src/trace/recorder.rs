//! Everything that traces rest on, in the order it became true: for a reader that keeps it at hand
//! and must never miss a filing that was acknowledged.
//!
//! A filing's id and moment are given before its transaction commits, so neither says what is new:
//! what commits late has a smaller id than what was seen already. Its transaction does. At the moment
//! of a look every transaction older than the oldest one under way has ended, and what it recorded is
//! seen. What is from a later one is seen as far as it has committed, and looked at again next time.
//!
//! Looks are made in *rounds*, because there may be more than is read at once. When a round that began
//! after somebody was acknowledged is over, that filing is among what was answered.
//!
//! It reads as a role that sees every organisation. A recorder lives as long as its connection: what
//! was kept through it must be thrown away with it, for the database may then be another.

use crate::{CorruptRow, Error, Role, Target, row::Reader};
use domain::{
    calendar_month::Month,
    element::ELEMENT_COUNT,
    ids::{FilingId, LotId, OrganisationId, SiteId},
    mass::ElementMasses,
    trace::{Claimed, Filed, RecordedLine},
};
use futures_util::try_join;
use jiff::{Timestamp, civil::Date};
use secrecy::ExposeSecret;
use std::{collections::HashMap, sync::Arc};
use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

/// Small questions by key, whatever statistics say of tables that grow meanwhile.
const SESSION: &str = "
    set plan_cache_mode = force_generic_plan; set jit = off;
    set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off";

const LOOK: &str = "
    select seen.settled, later.recorded_in, later.organisation, later.filing
    from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as settled) seen
    left join lateral (select recorded_in, organisation, filing from filing_references
        where (recorded_in, filing) > ($1, $2) order by recorded_in, filing limit $3) later on true";

const NAMES: &str = "select name_zh, name_en from organisations where id = $1";

const FILINGS: &str = "
    select f.id, f.organisation, f.site, site.code, f.kind, f.process, f.month, f.replaces, f.movement
    from unnest($1::uuid[], $2::uuid[]) asked (organisation, filing)
    join filings f on f.organisation = asked.organisation and f.id = asked.filing
    left join sites site on site.organisation = f.organisation and site.id = f.site";

const LINES: &str = "
    select line.filing, line.role, line.lot, line.la_mg, line.ce_mg, line.pr_mg, line.nd_mg, line.pm_mg,
        line.sm_mg, line.eu_mg, line.gd_mg, line.tb_mg, line.dy_mg, line.ho_mg, line.er_mg, line.tm_mg,
        line.yb_mg, line.lu_mg, line.sc_mg, line.y_mg
    from unnest($1::uuid[], $2::uuid[]) asked (organisation, filing)
    join filing_lines line on line.organisation = asked.organisation and line.filing = asked.filing";

const CLAIMS: &str = "
    select claim.filing, claim.id, claim.number, claim.la_mg, claim.ce_mg, claim.pr_mg, claim.nd_mg,
        claim.pm_mg, claim.sm_mg, claim.eu_mg, claim.gd_mg, claim.tb_mg, claim.dy_mg, claim.ho_mg,
        claim.er_mg, claim.tm_mg, claim.yb_mg, claim.lu_mg, claim.sc_mg, claim.y_mg,
        claim.category, claim.grade, claim.quantity_grams, claim.happened_at
    from unnest($1::uuid[], $2::uuid[]) asked (organisation, filing)
    join lots claim on claim.organisation = asked.organisation and claim.filing = asked.filing";

const MOVED: &str = "
    select line.filing, line.lot from unnest($1::uuid[], $2::uuid[]) asked (movement, filing)
    join movement_lines line on line.movement = asked.movement and line.filing = asked.filing";

/// Reads what was recorded.
#[derive(Debug)]
pub struct Recorder {
    client: Client,
    statements: Statements,
    passed: Passed,
}

/// What a look found.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Filings that were not answered before.
    pub filed: Vec<Filed>,
    /// Whether the round is over: there is no more for now.
    pub is_all: bool,
    /// What the organisation that was asked about is called, in Chinese and English.
    pub names: Option<(Arc<str>, Arc<str>)>,
}

#[derive(Debug)]
struct Statements {
    look: Statement,
    names: Statement,
    filings: Statement,
    lines: Statement,
    claims: Statement,
    moved: Statement,
}

/// Where a filing stands among what was recorded: its transaction, and its id within that.
type Place = (i64, Uuid);

/// Who filed a filing, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Noticed {
    place: Place,
    organisation: Uuid,
}

/// How far one has come.
#[derive(Debug)]
struct Passed {
    /// All filings up to here were answered, and there will be no others.
    until: Place,
    /// Those answered that are beyond it, with their transactions.
    beyond: HashMap<Uuid, i64>,
    /// In the middle of a round: the oldest transaction under way when it began, and where to go on.
    round: Option<(i64, Place)>,
}

impl Recorder {
    /// Connects; everything there is will be answered first.
    pub async fn connect(target: &Target) -> Result<Self, Error> {
        let url = target.url_as(Role::Tracer);
        let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the connection that traces are kept through ended"
                );
            }
        });
        client.batch_execute(SESSION).await?;
        let statements = Statements {
            look: client.prepare(LOOK).await?,
            names: client.prepare(NAMES).await?,
            filings: client.prepare(FILINGS).await?,
            lines: client.prepare(LINES).await?,
            claims: client.prepare(CLAIMS).await?,
            moved: client.prepare(MOVED).await?,
        };
        Ok(Self { client, statements, passed: Passed::default() })
    }

    /// Whether the next look begins a round.
    pub const fn is_between_rounds(&self) -> bool {
        self.passed.round.is_none()
    }

    /// Answers at most `most` filings that were recorded, and what an organisation is called.
    ///
    /// After an error the recorder must not be used any more.
    pub async fn next(
        &mut self,
        most: usize,
        names_of: Option<OrganisationId>,
    ) -> Result<Recording, Error> {
        let (transaction, filing) = self.passed.next();
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let (rows, names) = try_join!(
            async {
                let parameters: [&(dyn postgres_types::ToSql + Sync); 3] =
                    [&transaction, &filing, &limit];
                Ok(self.client.query(&self.statements.look, &parameters).await?)
            },
            async {
                match names_of {
                    Some(organisation) => self.names(organisation).await,
                    None => Ok(None),
                }
            },
        )?;
        let settled = rows.first().map_or(0, |row| row.get(0));
        let noticed: Vec<Noticed> = rows
            .iter()
            .filter_map(|row| {
                let transaction = row.get::<_, Option<i64>>(1)?;
                Some(Noticed { place: (transaction, row.get(3)), organisation: row.get(2) })
            })
            .collect();
        let is_all = noticed.len() < most;
        let new = self.passed.advance(settled, noticed, is_all);
        Ok(Recording { filed: self.load(&new).await?, is_all, names })
    }

    /// What an organisation is called, in Chinese and English.
    pub async fn names(
        &self,
        organisation: OrganisationId,
    ) -> Result<Option<(Arc<str>, Arc<str>)>, Error> {
        let row = self.client.query_opt(&self.statements.names, &[&organisation.as_uuid()]).await?;
        Ok(row.map(|row| (row.get::<_, &str>(0).into(), row.get::<_, &str>(1).into())))
    }

    async fn load(&self, new: &[Noticed]) -> Result<Vec<Filed>, Error> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let (owners, ids): (Vec<Uuid>, Vec<Uuid>) =
            new.iter().map(|noticed| (noticed.organisation, noticed.place.1)).unzip();
        let rows = self.client.query(&self.statements.filings, &[&owners, &ids]).await?;
        let mut filed = rows.iter().map(filed).collect::<Result<Vec<_>, _>>()?;
        let places: HashMap<Uuid, usize> = filed
            .iter()
            .enumerate()
            .map(|(place, filed)| (filed.filing.as_uuid(), place))
            .collect();
        let made = filed.iter().filter(|filed| filed.process.is_some());
        let (makers, steps): (Vec<Uuid>, Vec<Uuid>) =
            made.map(|filed| (filed.organisation.as_uuid(), filed.filing.as_uuid())).unzip();
        let sent = rows.iter().filter(|row| row.get::<_, &str>(4) == "dispatch");
        let (movements, dispatches): (Vec<Uuid>, Vec<Uuid>) = sent
            .filter_map(|row| Some((row.get::<_, Option<Uuid>>(8)?, row.get::<_, Uuid>(0))))
            .unzip();
        let (lines, claims, moved) = try_join!(
            self.rows(&self.statements.lines, &makers, &steps),
            self.rows(&self.statements.claims, &owners, &ids),
            self.rows(&self.statements.moved, &movements, &dispatches),
        )?;
        for row in &lines {
            filed[places[&row.get::<_, Uuid>(0)]].lines.push(line(row)?);
        }
        for row in &claims {
            filed[places[&row.get::<_, Uuid>(0)]].claims.push(claimed(row)?);
        }
        for row in &moved {
            filed[places[&row.get::<_, Uuid>(0)]].moved.push(LotId::from_uuid(row.get(1)));
        }
        Ok(filed)
    }

    async fn rows(
        &self,
        statement: &Statement,
        first: &Vec<Uuid>,
        second: &Vec<Uuid>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        if first.is_empty() {
            return Ok(Vec::new());
        }
        self.client.query(statement, &[first, second]).await
    }
}

impl Default for Passed {
    fn default() -> Self {
        Self { until: (i64::MIN, Uuid::nil()), beyond: HashMap::new(), round: None }
    }
}

impl Passed {
    /// After which place to look.
    fn next(&self) -> Place {
        self.round.map_or(self.until, |(_, place)| place)
    }

    /// Takes in what a look found, in order, and answers what is new of it. `settled` is the oldest
    /// transaction that was under way then; `is_all` says that nothing was left out.
    fn advance(&mut self, settled: i64, found: Vec<Noticed>, is_all: bool) -> Vec<Noticed> {
        let settled = self.round.map_or(settled, |(began, _)| began);
        let last = found.last().map(|noticed| noticed.place);
        let mut new = found;
        new.retain(|noticed| !self.beyond.contains_key(&noticed.place.1));
        for Noticed { place: (transaction, filing), .. } in &new {
            if settled <= *transaction {
                self.beyond.insert(*filing, *transaction);
            }
        }
        self.round = match last {
            Some(last) if !is_all => Some((settled, last)),
            _ => {
                self.until = self.until.max((settled - 1, Uuid::max()));
                self.beyond.retain(|_, transaction| settled <= *transaction);
                None
            }
        };
        new
    }
}

fn filed(row: &Row) -> Result<Filed, CorruptRow> {
    let id: Uuid = row.get(0);
    let reader = Reader { table: "filings", id };
    Ok(Filed {
        filing: FilingId::from_uuid(id),
        organisation: OrganisationId::from_uuid(row.get(1)),
        site: (SiteId::from_uuid(row.get(2)), row.get(3)),
        kind: reader.word("kind", row.get(4))?,
        process: reader.optional_word("process", row.get(5))?,
        month: Month::of(row.get::<_, Date>(6)),
        replaces: row.get::<_, Option<Uuid>>(7).map(FilingId::from_uuid),
        lines: Vec::new(),
        claims: Vec::new(),
        moved: Vec::new(),
    })
}

fn line(row: &Row) -> Result<RecordedLine, CorruptRow> {
    let reader = Reader { table: "filing_lines", id: row.get(0) };
    Ok(RecordedLine {
        role: reader.word("role", row.get(1))?,
        lot: row.get::<_, Option<Uuid>>(2).map(LotId::from_uuid),
        elements: elements(row),
    })
}

fn claimed(row: &Row) -> Result<Claimed, CorruptRow> {
    let id = row.get(1);
    Ok(Claimed {
        lot: LotId::from_uuid(id),
        number: row.get(2),
        category: row.get(20),
        grade: row.get(21),
        quantity: Reader { table: "lots", id }.mass("quantity_grams", row.get(22))?,
        happened_at: row.get::<_, Timestamp>(23),
        elements: elements(row),
    })
}

/// The element columns, which begin at the fourth in both kinds of rows.
fn elements(row: &Row) -> ElementMasses {
    let masses: [i64; ELEMENT_COUNT] = std::array::from_fn(|index| row.get(3 + index));
    ElementMasses(masses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noticed(transaction: i64, filing: u128) -> Noticed {
        Noticed { place: (transaction, Uuid::from_u128(filing)), organisation: Uuid::nil() }
    }

    fn ids(noticed: &[Noticed]) -> Vec<u128> {
        noticed.iter().map(|noticed| noticed.place.1.as_u128()).collect()
    }

    /// What a look sees of what is committed.
    fn look(passed: &mut Passed, settled: i64, committed: &[Noticed], most: usize) -> Vec<u128> {
        let mut found: Vec<Noticed> = committed.to_vec();
        found.retain(|noticed| passed.next() < noticed.place);
        found.sort_unstable_by_key(|noticed| noticed.place);
        found.truncate(most);
        let is_all = found.len() < most;
        ids(&passed.advance(settled, found, is_all))
    }

    #[test]
    fn what_commits_late_is_answered_and_nothing_twice() {
        let mut passed = Passed::default();
        // 10 is under way and will record 1; 11 has recorded 2.
        assert_eq!(look(&mut passed, 10, &[noticed(9, 5), noticed(11, 2)], 100), [5, 2]);
        assert_eq!(look(&mut passed, 10, &[noticed(9, 5), noticed(11, 2)], 100), [0; 0]);
        let later = [noticed(9, 5), noticed(10, 1), noticed(11, 2), noticed(12, 3)];
        assert_eq!(look(&mut passed, 13, &later, 100), [1, 3]);
        assert!(passed.beyond.is_empty());
        assert_eq!(look(&mut passed, 13, &later, 100), [0; 0]);
    }

    #[test]
    fn what_commits_behind_a_round_that_goes_on_is_answered_by_the_next() {
        let mut passed = Passed::default();
        let mut committed = vec![noticed(1, 1), noticed(7, 2), noticed(8, 3)];
        assert_eq!(look(&mut passed, 5, &committed, 2), [1, 2]);
        assert!(passed.round.is_some());
        // Meanwhile 5 and 6 commit, of which the round has passed the place.
        committed.extend([noticed(5, 4), noticed(6, 5)]);
        assert_eq!(look(&mut passed, 9, &committed, 2), [3]);
        assert!(passed.round.is_none());
        assert_eq!(look(&mut passed, 9, &committed, 9), [4, 5]);
        assert_eq!(look(&mut passed, 9, &committed, 9), [0; 0]);
    }
}
