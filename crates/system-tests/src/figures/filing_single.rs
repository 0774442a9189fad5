//! `filing_single_vs_pgbench` and `filing_single_p99_ms`: filings one at a time, over HTTP.

use super::Bench;
use crate::{
    connection::Connection,
    filers::{self, Filer},
    measure::{Figure, median, milliseconds, percentile, processor_seconds, real},
    pgbench::{self, Baseline, Reference, Size, Substitutes},
    work::{Post, Work, post, socket, stock_up},
};
use anyhow::{Context, ensure};
use domain::{
    ids::{LotId, OrganisationId},
    movement::MovementReference,
};
use jiff::Timestamp;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use testkit::{Stack, TestDatabase};
use uuid::Uuid;

const CONNECTIONS: usize = 32;
const FILERS: usize = 8;
const WARM_UP: Duration = Duration::from_secs(3);

/// Measures both figures in one run of interleaved slices.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (slices, seconds) = if bench.quick { (3, 4) } else { (5, 8) };
    // Neither side has a relay beside it: the outbox fills up for both.
    let mut stack = bench.stack(vec!["reporting-api"]).await;
    let pid = stack.service("reporting-api").pid().context("the service runs")?;
    let filers = filers::register(stack.database(), FILERS).await;
    let load = Load {
        address: socket(&stack.url("reporting-api"))?,
        filers,
        happened_at: service::clock::now(),
        pid,
    };
    stock_up(load.address, &load.filers, load.happened_at).await?;
    let baseline = reference_filings(stack.database(), &load).await?;
    let size = |seconds| Size { filers: FILERS, connections: CONNECTIONS, seconds };

    load.run("w", WARM_UP).await?;
    baseline.run(stack.database(), stack.files(), &size(WARM_UP.as_secs()), 0).await?;
    let mut sides = Sides::default();
    for slice in 1..=slices {
        // The order alternates, so that neither side always meets what the other left behind.
        let first = slice % 2;
        for turn in 0..2_u64 {
            if (turn + first) % 2 == 0 {
                sides.of_service(&stack, &load, slice, Duration::from_secs(seconds)).await?;
            } else {
                sides.of_pgbench(&stack, &baseline, &size(seconds), slice).await?;
            }
        }
    }
    sides.print_rows()?;
    Ok(sides.figures())
}

/// A separation and the dispatch of its oxides through the service, as pgbench will write them.
async fn reference_filings(database: &TestDatabase, load: &Load) -> anyhow::Result<Baseline> {
    let (filer, buyer) = (&load.filers[0], &load.filers[1]);
    let mut work = Work::new(filer, buyer, load.happened_at, "ref".to_owned());
    let mut connection = Connection::open(load.address).await?;
    let (separation, dispatch) = (work.next_post(), work.next_post());
    let id = |answer: &serde_json::Value, member: &str| -> anyhow::Result<Uuid> {
        Ok(answer[member].as_str().with_context(|| format!("no {member}"))?.parse()?)
    };
    let organisation = OrganisationId::from_uuid(filer.organisation);
    let lot = |number: &str| LotId::of(organisation, number).as_uuid();
    let mut substitutes = Substitutes::from(pgbench::first_filer());
    substitutes.extend([
        pgbench::buyer(buyer.organisation),
        (separation.reference.clone(), pgbench::numbered("SEP-", "s", "")),
        (dispatch.reference.clone(), pgbench::numbered("DSP-", "d", "")),
        ("INV-ref-0".to_owned(), pgbench::numbered("INV-", "s", "")),
    ]);
    for feed in ["FEED-A", "FEED-B"] {
        substitutes.insert(lot(feed).to_string(), pgbench::of_each_filer(lot(feed)));
    }
    for (number, (code, ..)) in (1..).zip(filers::OXIDES) {
        let name = format!("ref-0-{code}");
        substitutes.insert(lot(&name).to_string(), pgbench::anywhere(number));
        substitutes.insert(name, pgbench::numbered("", "s", &format!("-{code}")));
    }
    let mut baseline = Baseline::default();
    let separated = accepted(&mut connection, filer, &separation).await?;
    let reference = Reference { filing: id(&separated, "id")?, number: "s", event: "se" };
    baseline.add(database, &reference, &substitutes).await?;
    let dispatched = accepted(&mut connection, filer, &dispatch).await?;
    substitutes.insert(id(&dispatched, "movement")?.to_string(), pgbench::anywhere(4));
    let reference: MovementReference =
        dispatched["movement_reference"].as_str().context("no movement_reference")?.parse()?;
    substitutes.insert(reference.compact(), pgbench::movement_reference("d"));
    let reference = Reference { filing: id(&dispatched, "id")?, number: "d", event: "de" };
    baseline.add(database, &reference, &substitutes).await?;
    Ok(baseline)
}

async fn accepted(
    connection: &mut Connection,
    filer: &Filer,
    filing: &Post,
) -> anyhow::Result<serde_json::Value> {
    let answer = post(connection, filer, filing).await?;
    ensure!(answer.status == 201, "refused with {}: {}", answer.status, answer.json());
    Ok(answer.json())
}

/// The load on the service: every connection posts, waits for the answer and posts again.
struct Load {
    address: SocketAddr,
    filers: Vec<Filer>,
    happened_at: Timestamp,
    pid: u32,
}

impl Load {
    /// Answers the latency of every filing acknowledged in this time.
    async fn run(&self, series: &str, time: Duration) -> anyhow::Result<Vec<f64>> {
        let deadline = Instant::now() + time;
        let mut tasks = Vec::with_capacity(CONNECTIONS);
        for place in 0..CONNECTIONS {
            let filer = &self.filers[place % FILERS];
            let buyer = &self.filers[(place + 1) % FILERS];
            let series = format!("{series}{place}");
            let work = Work::new(filer, buyer, self.happened_at, series);
            let connection = Connection::open(self.address).await?;
            tasks.push(tokio::spawn(post_until(connection, work, deadline)));
        }
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await??);
        }
        Ok(latencies)
    }
}

async fn post_until(
    mut connection: Connection,
    mut work: Work,
    deadline: Instant,
) -> anyhow::Result<Vec<f64>> {
    let mut latencies = Vec::new();
    loop {
        let filing = work.next_post();
        let began = Instant::now();
        let answer = post(&mut connection, work.filer(), &filing).await?;
        ensure!(answer.status == 201, "refused with {}: {}", answer.status, answer.json());
        let ended = Instant::now();
        if deadline < ended {
            return Ok(latencies);
        }
        latencies.push(milliseconds(ended - began));
    }
}

/// What both sides did, slice by slice.
#[derive(Default)]
struct Sides {
    service: Vec<f64>,
    pgbench: Vec<f64>,
    p99: Vec<f64>,
    /// For each side: filings, and rows by table.
    rows: [(u64, Vec<(&'static str, u64)>); 2],
}

impl Sides {
    async fn of_service(
        &mut self,
        stack: &Stack,
        load: &Load,
        slice: u64,
        time: Duration,
    ) -> anyhow::Result<()> {
        let before = pgbench::row_counts(stack.database()).await;
        let used = || (processor_seconds(std::process::id()), processor_seconds(load.pid));
        let (generator, service) = used();
        let latencies = load.run(&format!("{slice}-"), time).await?;
        let (generator_after, service_after) = used();
        let count = u64::try_from(latencies.len())?;
        let share = |before: Option<f64>, after: Option<f64>| {
            100.0 * (after.unwrap_or_default() - before.unwrap_or_default()) / time.as_secs_f64()
        };
        let per_second = real(count) / time.as_secs_f64();
        let p99 = percentile(&latencies, 99);
        eprintln!(
            "slice {slice}: reporting-api {per_second:.0} filings/s, p50 {:.1} ms, p99 {p99:.1} ms; \
             of one core: reporting-api {:.0} %, this generator {:.0} %",
            percentile(&latencies, 50),
            share(service, service_after),
            share(generator, generator_after),
        );
        self.service.push(per_second);
        self.p99.push(p99);
        // Whoever waited when the slice ended was still written, and not counted above.
        let filings = stored(stack.database(), &before).await;
        self.add_rows(0, filings, &before, stack.database()).await;
        Ok(())
    }

    async fn of_pgbench(
        &mut self,
        stack: &Stack,
        baseline: &Baseline,
        size: &Size,
        slice: u64,
    ) -> anyhow::Result<()> {
        let before = pgbench::row_counts(stack.database()).await;
        let run = baseline.run(stack.database(), stack.files(), size, slice).await?;
        eprintln!("slice {slice}: pgbench {:.0} filings/s", run.per_second);
        self.pgbench.push(run.per_second);
        self.add_rows(1, run.filings, &before, stack.database()).await;
        Ok(())
    }

    async fn add_rows(
        &mut self,
        side: usize,
        filings: u64,
        before: &[(&'static str, u64)],
        database: &TestDatabase,
    ) {
        let (total, rows) = &mut self.rows[side];
        *total += filings;
        let after = pgbench::row_counts(database).await;
        for (place, ((table, before), (_, after))) in before.iter().zip(after).enumerate() {
            match rows.get_mut(place) {
                Some((_, sum)) => *sum += after - before,
                None => rows.push((table, after - before)),
            }
        }
    }

    /// Both sides must have written the same: rows per filing, table by table.
    fn print_rows(&self) -> anyhow::Result<()> {
        let [(service_filings, service), (pgbench_filings, pgbench)] = &self.rows;
        eprintln!("\nrows written by table, and per filing:");
        eprintln!("{:<20}{:>22}{:>22}{:>9}", "", "reporting-api", "pgbench", "ratio");
        let mut same = true;
        for ((table, by_service), (_, by_pgbench)) in service.iter().zip(pgbench) {
            let each = real(*by_service) / real(*service_filings);
            let theirs = real(*by_pgbench) / real(*pgbench_filings);
            let ratio = if by_pgbench == by_service { 1.0 } else { each / theirs };
            same &= (ratio - 1.0).abs() < 0.02;
            eprintln!(
                "{table:<20}{by_service:>14}{each:>8.3}{by_pgbench:>14}{theirs:>8.3}{ratio:>9.3}"
            );
        }
        eprintln!("{:<20}{service_filings:>14}{:>8}{pgbench_filings:>14}\n", "filings in all", "");
        ensure!(same, "the two sides did not write the same rows");
        Ok(())
    }

    fn figures(&self) -> Vec<Figure> {
        let ratios: Vec<f64> =
            self.service.iter().zip(&self.pgbench).map(|(mine, theirs)| mine / theirs).collect();
        let (service, pgbench) = (median(&self.service), median(&self.pgbench));
        let mut ratio =
            Figure::of_runs("filing_single_vs_pgbench", "ratio", Some(pgbench), &ratios)
                .with("filings_per_second", service.round());
        ratio.value = service / pgbench;
        vec![ratio, Figure::of_runs("filing_single_p99_ms", "ms", None, &self.p99)]
    }
}

/// How many filings came since these rows were counted.
async fn stored(database: &TestDatabase, before: &[(&'static str, u64)]) -> u64 {
    let filings = |counts: &[(&'static str, u64)]| {
        counts.iter().find(|(table, _)| *table == "filings").map_or(0, |(_, rows)| *rows)
    };
    filings(&pgbench::row_counts(database).await) - filings(before)
}
