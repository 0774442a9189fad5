//! `flag_latency_p99_ms`: how soon after its commit a suspect filing is flagged.
//!
//! Two hundred filings a second arrive whether or not the last is answered; one in twenty takes
//! more out of a lot than there ever was. Counted from the moment such a filing was sent to the
//! moment its finding can be read: a little more than from commit to finding, never less.

use super::Bench;
use crate::{
    connection::Connection,
    filers,
    measure::{Figure, milliseconds, percentile},
    work::{Post, Work, post, socket, stock_up},
};
use anyhow::ensure;
use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};
use testkit::TestDatabase;
use tokio::{sync::mpsc, time::sleep_until};
use uuid::Uuid;

/// One for each filer.
const CONNECTIONS: u32 = 64;
const FILINGS_PER_SECOND: u32 = 200;
/// One pair of filings out of so many filings is planted.
const PLANTED_EVERY: u64 = 20;
const FILERS: usize = 64;
const LOOK_EVERY: Duration = Duration::from_millis(3);
const PATIENCE: Duration = Duration::from_secs(30);
const WARM_UP: Duration = Duration::from_secs(3);
/// The goal that the issue sets, in milliseconds.
const WANTED_MS: f64 = 1000.0;

/// Measures it.
pub async fn measure(bench: &Bench) -> anyhow::Result<Figure> {
    let time = Duration::from_secs(if bench.quick { 10 } else { 30 });
    let stack = bench.stack(vec!["reporting-api", "anomaly-worker", "outbox-relay"]).await;
    let filers = filers::register(stack.database(), FILERS).await;
    let address = socket(&stack.url("reporting-api"))?;
    let happened_at = service::clock::now();
    stock_up(address, &filers, happened_at).await?;

    let (planted, mut to_find) = mpsc::unbounded_channel();
    let began = Instant::now();
    let until = began + WARM_UP + time;
    let mut tasks = Vec::new();
    for place in 0..CONNECTIONS {
        let at = usize::try_from(place)?;
        let (filer, buyer) = (&filers[at % FILERS], &filers[(at + 1) % FILERS]);
        let work = Work::new(filer, buyer, happened_at, format!("f{place}"));
        let pace = Pace {
            interval: Duration::from_secs(1) * CONNECTIONS / FILINGS_PER_SECOND,
            next: began + Duration::from_secs(1) / FILINGS_PER_SECOND * place,
            until,
        };
        tasks.push(tokio::spawn(arrive(address, work, pace, planted.clone())));
    }
    drop(planted);
    let flagged = find(stack.database(), &mut to_find).await?;
    let mut filings = 0;
    for task in tasks {
        filings += task.await??;
    }
    let latencies: Vec<f64> = flagged
        .iter()
        .filter(|(sent, _)| began + WARM_UP <= *sent)
        .map(|(sent, found)| milliseconds(*found - *sent))
        .collect();
    let per_second = f64::from(filings) / (WARM_UP + time).as_secs_f64();
    eprintln!(
        "{per_second:.0} filings/s, {} planted and found: p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
        latencies.len(),
        percentile(&latencies, 50),
        percentile(&latencies, 99),
        percentile(&latencies, 100),
    );
    told_by_the_worker(stack.database()).await?;
    ensure!(f64::from(FILINGS_PER_SECOND) * 0.95 < per_second, "the load was not sustained");
    let mut figure = Figure::of_runs("flag_latency_p99_ms", "ms", Some(WANTED_MS), &latencies);
    figure.value = percentile(&latencies, 99);
    Ok(figure.with("p50", percentile(&latencies, 50).round()))
}

/// When filings arrive.
struct Pace {
    interval: Duration,
    next: Instant,
    until: Instant,
}

struct Planted {
    lot: Uuid,
    sent: Instant,
}

/// Posts at a steady pace, however long each takes. Answers how many.
async fn arrive(
    address: SocketAddr,
    mut work: Work,
    mut pace: Pace,
    planted: mpsc::UnboundedSender<Planted>,
) -> anyhow::Result<u32> {
    let mut connection = Connection::open(address).await?;
    let mut posted = 0;
    while pace.next < pace.until {
        let wanted: Vec<(Post, Option<Uuid>)> = if u64::from(posted) % PLANTED_EVERY < 2 {
            let (made, gone, lot) = work.invented_stock();
            vec![(made, None), (gone, Some(lot.as_uuid()))]
        } else {
            vec![(work.next_post(), None)]
        };
        for (filing, lot) in wanted {
            sleep_until(pace.next.into()).await;
            pace.next += pace.interval;
            let sent = Instant::now();
            let answer = post(&mut connection, work.filer(), &filing).await?;
            ensure!(answer.status == 201, "refused with {}: {}", answer.status, answer.json());
            posted += 1;
            if let Some(lot) = lot {
                // Nobody hears of it any more once the finder has given up, and said so.
                let _ = planted.send(Planted { lot, sent });
            }
        }
    }
    Ok(posted)
}

/// Looks for findings until everything planted is found. Answers when each was sent and found.
async fn find(
    database: &TestDatabase,
    to_find: &mut mpsc::UnboundedReceiver<Planted>,
) -> anyhow::Result<Vec<(Instant, Instant)>> {
    let owner = database.owner().await;
    let look = owner
        .prepare(
            "select subject from findings
             where detector = 'stock_drawn_below_zero' and now() - interval '10 seconds' < raised_at",
        )
        .await?;
    let (mut missing, mut seen) = (HashMap::new(), HashMap::<Uuid, Instant>::new());
    let mut flagged = Vec::new();
    let mut last_progress = Instant::now();
    loop {
        for row in owner.query(&look, &[]).await? {
            seen.entry(row.get(0)).or_insert_with(Instant::now);
        }
        let ended = loop {
            match to_find.try_recv() {
                Ok(planted) => drop(missing.insert(planted.lot, planted.sent)),
                Err(mpsc::error::TryRecvError::Empty) => break false,
                Err(mpsc::error::TryRecvError::Disconnected) => break true,
            }
        };
        let before = missing.len();
        missing.retain(|lot, sent| match seen.get(lot) {
            Some(found) => {
                flagged.push((*sent, *found));
                false
            }
            None => true,
        });
        if missing.len() < before || missing.is_empty() {
            last_progress = Instant::now();
        }
        if ended && missing.is_empty() {
            return Ok(flagged);
        }
        ensure!(
            last_progress.elapsed() < PATIENCE,
            "{} planted filings were not flagged, {} were",
            missing.len(),
            flagged.len()
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What the worker itself says: from the filing's own time to the finding's.
async fn told_by_the_worker(database: &TestDatabase) -> anyhow::Result<()> {
    let owner = database.owner().await;
    let rows = owner
        .query(
            "select detector, count(*),
                    extract(epoch from percentile_cont(0.99) within group (order by raised_at - caused_at))::float8
             from findings group by detector order by detector",
            &[],
        )
        .await?;
    for row in &rows {
        let (detector, count, p99): (String, i64, f64) = (row.get(0), row.get(1), row.get(2));
        eprintln!("  {detector}: {count} findings, by their own times p99 {:.1} ms", p99 * 1000.0);
    }
    Ok(())
}
