//! Loads a year through the public interfaces, round by round, and waits after each until the worker
//! has judged all of it.
//!
//! The register notes when it records something, and nobody can tell it another time. So the
//! simulated day of a finding is the last day of the round in which it was raised: nothing of the next
//! round is sent before the worker has caught up.

use crate::{connection::Connection, figures::bulk, filers, work::socket};
use anyhow::{Context, ensure};
use domain::ids::OrganisationId;
use jiff::Timestamp;
use serde_json::Value;
use service::clock;
use simulator::{
    api::Api,
    year::{
        Entry, Year,
        registration::{self, Nation},
    },
};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::{
    ADMINISTRATOR_EMAIL, ADMINISTRATOR_PASSWORD, Binaries, Contents, Stack, StackOptions,
    TestDatabase,
};
use tokio::task::JoinSet;
use uuid::Uuid;

const CONNECTIONS: usize = 8;
const NDJSON: &str = "application/x-ndjson";
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A worker that judges nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_mins(3);
/// Entries of a feed in one request.
const FEED_ENTRIES: usize = 5_000;

/// A year that was loaded and judged.
#[derive(Debug)]
pub struct Loaded {
    /// Ids of firms and groups.
    pub nation: Nation,
    /// When the worker had judged each round.
    pub judged_at: Vec<Timestamp>,
    /// Every finding, as the interface shows it to an inspector.
    pub findings: Vec<Value>,
    /// The ids under which each filing of a firm was recorded, by reference.
    pub filings: HashMap<(usize, String), Vec<Uuid>>,
    /// From a filing's own time to the finding's, in milliseconds.
    pub flag_latencies_ms: Vec<f64>,
    /// Filings that were recorded.
    pub recorded: usize,
    /// How long sending and judging took, in seconds.
    pub seconds: f64,
}

struct World {
    stack: Stack,
    year: Arc<Year>,
    nation: Arc<Nation>,
    customs: String,
    tax: String,
    inspector: String,
    recorded: usize,
    handed_in: usize,
}

/// Loads the first so many rounds of it into a system of its own.
pub async fn load(
    binaries: &Binaries,
    year: Year,
    rounds: usize,
) -> anyhow::Result<(Arc<Year>, Loaded)> {
    let mut world = World::start(binaries, year).await?;
    let began = Instant::now();
    let mut judged_at = Vec::with_capacity(rounds);
    for round in 0..rounds {
        world.file(round).await.with_context(|| format!("round {round}"))?;
        world.hand_in(round).await.with_context(|| format!("round {round}"))?;
        world.judged().await.with_context(|| format!("round {round}"))?;
        judged_at.push(clock::now());
        if round % 3 == 2 {
            let seconds = began.elapsed().as_secs_f64();
            eprintln!(
                "round {} of {rounds}, {} filings, {seconds:.0} s",
                round + 1,
                world.recorded
            );
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let findings = world.findings().await?;
    let filings = world.filings().await?;
    let flag_latencies_ms = latencies(world.stack.database()).await?;
    let loaded = Loaded {
        nation: (*world.nation).clone(),
        judged_at,
        findings,
        filings,
        flag_latencies_ms,
        recorded: world.recorded,
        seconds,
    };
    Ok((Arc::clone(&world.year), loaded))
}

impl World {
    async fn start(binaries: &Binaries, year: Year) -> anyhow::Result<Self> {
        let options = StackOptions {
            binaries: binaries.clone(),
            contents: Contents::Installed,
            services: vec!["reporting-api", "anomaly-worker", "outbox-relay"],
            environment: vec![("LODESTONE_LOG__FILTER".to_owned(), "warn".to_owned())],
            ..Default::default()
        };
        let stack = Stack::start_with(options).await;
        let reporting: url::Url = stack.url("reporting-api").parse()?;
        let api = Api::new(reporting.clone(), reporting)?;
        let administrator = api.sign_in(ADMINISTRATOR_EMAIL, ADMINISTRATOR_PASSWORD).await?;
        let began = Instant::now();
        let nation = registration::register(&api, &year, &administrator).await?;
        eprintln!(
            "{} firms registered in {:.0} s",
            nation.firms.len(),
            began.elapsed().as_secs_f64()
        );
        let database = stack.database();
        let authority = authority(database).await?;
        let inspector = filers::grant_key(database, authority, "inspector").await;
        let customs =
            filers::grant_key(database, office(database, "customs").await?, "customs").await;
        let tax_authority = office(database, "tax_authority").await?;
        let tax = filers::grant_key(database, tax_authority, "tax_officer").await;
        let (year, nation) = (Arc::new(year), Arc::new(nation));
        Ok(Self { stack, year, nation, customs, tax, inspector, recorded: 0, handed_in: 0 })
    }

    /// Every firm's filings of a round, as one file of its own, several firms at once.
    async fn file(&mut self, round: usize) -> anyhow::Result<()> {
        let ids: Vec<OrganisationId> = self.nation.firms.iter().map(|firm| firm.id).collect();
        let mut of_firm: HashMap<usize, Vec<&Entry>> = HashMap::new();
        for entry in self.year.in_round(round) {
            of_firm.entry(entry.filing.filer).or_default().push(entry);
        }
        let mut files: Vec<(usize, usize, Vec<u8>)> = of_firm
            .into_iter()
            .map(|(firm, entries)| {
                let mut file = Vec::new();
                for entry in &entries {
                    file.extend(entry.filing.body(&ids));
                    file.push(b'\n');
                }
                (firm, entries.len(), file)
            })
            .collect();
        files.sort_unstable_by_key(|(firm, ..)| *firm);
        let (files, next) = (Arc::new(files), Arc::new(AtomicUsize::new(0)));
        let address = socket(&self.stack.url("reporting-api"))?;
        let mut senders = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (files, next, nation) =
                (Arc::clone(&files), Arc::clone(&next), Arc::clone(&self.nation));
            senders.spawn(async move {
                let mut accepted = 0;
                while let Some((firm, count, file)) =
                    files.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let key = &nation.firms[*firm].key;
                    let length = u64::try_from(file.len())?;
                    let sent =
                        bulk::send(address, key, NDJSON, "commit", file.as_slice(), length).await?;
                    let counted = |name: &str| {
                        sent.summary[name]
                            .as_u64()
                            .and_then(|it| usize::try_from(it).ok())
                            .unwrap_or(0)
                    };
                    // What is sent twice is known the second time.
                    ensure!(
                        counted("accepted") + counted("unchanged") == *count,
                        "firm {firm}: {} of {count}: {}",
                        sent.summary,
                        sent.faults()
                    );
                    accepted += counted("accepted");
                }
                anyhow::Ok(accepted)
            });
        }
        while let Some(accepted) = senders.join_next().await {
            self.recorded += accepted??;
        }
        Ok(())
    }

    /// What the other authorities hand in.
    async fn hand_in(&mut self, round: usize) -> anyhow::Result<()> {
        let feeds = [
            ("/v1/feeds/invoices", &self.year.invoices, &self.tax),
            ("/v1/feeds/declarations", &self.year.declarations, &self.customs),
        ];
        let mut connection = Connection::open(socket(&self.stack.url("reporting-api"))?).await?;
        for (path, feed, key) in feeds {
            let entries: Vec<&Value> =
                feed.iter().filter(|(of, _)| *of == round).map(|(_, entry)| entry).collect();
            for part in entries.chunks(FEED_ENTRIES) {
                let body = serde_json::to_string(part)?;
                let answer = connection.post(path, key, "year", &body).await?;
                let said = answer.json();
                ensure!(answer.is_success(), "{path}: {} {said}", answer.status);
                let refused = said.to_string().matches("\"verdict\":\"refused\"").count();
                ensure!(refused == 0, "{path} refused {refused} entries: {said}");
                self.handed_in += part.len();
            }
        }
        Ok(())
    }

    /// Waits until the worker has judged everything that was sent.
    async fn judged(&self) -> anyhow::Result<()> {
        let owner = self.stack.database().owner().await;
        let wanted = i64::try_from(self.recorded + self.handed_in)?;
        let (mut judged, mut since) = (0, Instant::now());
        loop {
            let row = owner
                .query_one(
                    "select count(*) from screenings
                     where event in ('filing.recorded', 'feed.invoice_recorded', 'feed.declaration_recorded')",
                    &[],
                )
                .await?;
            let now: i64 = row.get(0);
            if wanted <= now {
                return Ok(());
            }
            if judged < now {
                (judged, since) = (now, Instant::now());
            }
            ensure!(
                since.elapsed() < PATIENCE,
                "the worker has judged {now} of {wanted} and stopped"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Every finding, page by page, as an inspector reads them.
    async fn findings(&self) -> anyhow::Result<Vec<Value>> {
        let mut connection = Connection::open(socket(&self.stack.url("reporting-api"))?).await?;
        let (mut findings, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/findings?limit=200{cursor}");
            let answer = connection.get(&path, &self.inspector).await?;
            let mut page = answer.json();
            ensure!(answer.status == 200, "findings: {} {page}", answer.status);
            let found = page["findings"].as_array_mut().context("a page has findings")?;
            findings.append(found);
            let Some(next) = page["next"].as_str() else { return Ok(findings) };
            cursor = format!("&cursor={next}");
        }
    }

    /// Under which ids filings were recorded.
    async fn filings(&self) -> anyhow::Result<HashMap<(usize, String), Vec<Uuid>>> {
        let firms: HashMap<Uuid, usize> = self
            .nation
            .firms
            .iter()
            .enumerate()
            .map(|(index, firm)| (firm.id.as_uuid(), index))
            .collect();
        let owner = self.stack.database().owner().await;
        let rows = owner.query("select organisation, reference, id from filings", &[]).await?;
        let mut filings: HashMap<(usize, String), Vec<Uuid>> = HashMap::new();
        for row in rows {
            let organisation: Uuid = row.get(0);
            if let Some(firm) = firms.get(&organisation) {
                filings.entry((*firm, row.get(1))).or_default().push(row.get(2));
            }
        }
        Ok(filings)
    }
}

async fn authority(database: &TestDatabase) -> anyhow::Result<Uuid> {
    let owner = database.owner().await;
    let row = owner
        .query_one("select id from organisations where kind = 'authority' limit 1", &[])
        .await?;
    Ok(row.get(0))
}

/// An office of another authority.
async fn office(database: &TestDatabase, kind: &str) -> anyhow::Result<Uuid> {
    let id = Uuid::now_v7();
    let owner = database.owner().await;
    owner
        .execute(
            "insert into organisations (id, kind, registration, country, name_zh, name_en, registered_at)
             values ($1, $2, $2, 'CN', $2, $2, now())",
            &[&id, &kind],
        )
        .await?;
    Ok(id)
}

/// What findings say of themselves: from what caused them to their being there.
async fn latencies(database: &TestDatabase) -> anyhow::Result<Vec<f64>> {
    let owner = database.owner().await;
    let rows = owner
        .query(
            "select (extract(epoch from raised_at - caused_at) * 1000)::float8 from findings",
            &[],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
