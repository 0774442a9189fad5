//! `trace_300_p50_vs_cte`, `trace_300_p99_ms`, `trace_100k_seconds`: what it costs to follow a lot.
//!
//! Two million edges between a million lots, in trees of 300 lots whose branches meet again, and
//! one of a hundred thousand; each batch takes four lots. They are the owner's own, written straight
//! into the tables. An answer over HTTP is compared with the bare recursive query over the same
//! edges, which finds the same lots and says nothing of them; both are asked about one tree after
//! another, in turns. The answer is whole: shares of every element with their bounds, the lots in
//! full and their steps. Before that the service has taken in what was written; how long that took
//! and what it keeps is said, too.

use super::Bench;
use crate::{
    connection::Connection,
    filers::{self, Filer},
    measure::{Figure, median, milliseconds, percentile},
    work::socket,
};
use anyhow::ensure;
use std::time::{Duration, Instant};
use testkit::TestDatabase;
use uuid::Uuid;

/// Lots in an ordinary tree.
const LOTS: i32 = 300;
/// Lots in the large one, which is tree 0.
const MANY_LOTS: i32 = 100_000;
/// What the goals are.
const WANTED_RATIO: f64 = 2.0;
const WANTED_MS: f64 = 20.0;
const WANTED_SECONDS: f64 = 1.0;
/// How long the service may take to take in all edges.
const PATIENCE: Duration = Duration::from_mins(5);

const BARE: &str = "
    with recursive reached (lot) as (
        select $1::uuid
        union
        select edge.input_lot from reached join lot_edges edge on edge.output_lot = reached.lot
    )
    select lot from reached";

/// Measures them.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (trees, asked) = if bench.quick { (700, 200) } else { (3_500, 1_000) };
    let stack = bench.stack(vec!["reporting-api"]).await;
    let owner = filers::register(stack.database(), 1).await.remove(0);
    let client = stack.database().owner().await;
    let began = Instant::now();
    grow(stack.database(), &owner, trees).await?;
    eprintln!("{trees} trees grown in {:.0} s", began.elapsed().as_secs_f64());
    let bare = client.prepare(BARE).await?;
    let mut connection = Connection::open(socket(&stack.url("reporting-api"))?).await?;
    let filled = fill(&mut connection, &owner, trees * LOTS + MANY_LOTS).await?;
    let (mut ratios, mut answers, mut queries) = (Vec::new(), Vec::new(), Vec::new());
    // The first tenth only warms up.
    for turn in 0..asked + asked / 10 {
        // A step that has no divisor with the number of trees visits them all.
        let lot = lot(1 + turn * 37 % trees, 0);
        let began = Instant::now();
        let reached = client.query(&bare, &[&lot]).await?.len();
        let query = milliseconds(began.elapsed());
        let began = Instant::now();
        let answered = ask(&mut connection, &owner, lot, 1_000).await?;
        let answer = milliseconds(began.elapsed());
        ensure!(reached == answered, "{reached} lots by the query, {answered} in the answer");
        if asked / 10 <= turn {
            queries.push(query);
            answers.push(answer);
        }
    }
    ratios.push(median(&answers) / median(&queries));
    let many = many(&mut connection, &owner, if bench.quick { 3 } else { 7 }).await?;
    let ratio = Figure::of_runs("trace_300_p50_vs_cte", "ratio", Some(WANTED_RATIO), &ratios)
        .with("fill_seconds", filled.seconds)
        .with("kept_mib", filled.kept_mib)
        .with("answer_p50_ms", median(&answers))
        .with("query_p50_ms", median(&queries));
    let mut slowest = Figure::of_runs("trace_300_p99_ms", "ms", Some(WANTED_MS), &answers);
    slowest.value = percentile(&answers, 99);
    Ok(vec![
        ratio,
        slowest,
        Figure::of_runs("trace_100k_seconds", "s", Some(WANTED_SECONDS), &many),
    ])
}

/// What the service keeps, and how long it took to take it in.
struct Filled {
    seconds: f64,
    kept_mib: f64,
}

/// Asks for a trace, which wakes the service, and waits until it has taken in so many filings and
/// answers from them.
async fn fill(connection: &mut Connection, owner: &Filer, filings: i32) -> anyhow::Result<Filled> {
    let began = Instant::now();
    loop {
        ask(connection, owner, lot(1, 0), 1_000).await?;
        let page = connection.get("/metrics", &owner.token).await?;
        let page = std::str::from_utf8(&page.body)?;
        let number = |name: &str| -> f64 {
            let value = page.lines().find_map(|line| line.strip_prefix(name));
            value.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
        };
        let from_memory = number("traces_total{from=\"memory\"} ");
        if f64::from(filings) <= number("trace_kept_filings ") && 0.0 < from_memory {
            let kept_mib = number("trace_kept_bytes ") / f64::from(1 << 20);
            return Ok(Filled { seconds: began.elapsed().as_secs_f64(), kept_mib });
        }
        ensure!(began.elapsed() < PATIENCE, "not taken in after {PATIENCE:?}: {page}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Follows the large tree a few times.
async fn many(connection: &mut Connection, owner: &Filer, runs: usize) -> anyhow::Result<Vec<f64>> {
    let mut seconds = Vec::with_capacity(runs);
    for _ in 0..runs {
        let began = Instant::now();
        let reached = ask(connection, owner, lot(0, 0), 500).await?;
        seconds.push(began.elapsed().as_secs_f64());
        ensure!(MANY_LOTS - 2 <= i32::try_from(reached)?, "{reached} lots");
    }
    Ok(seconds)
}

/// Asks for a trace; answers how many lots it reached.
async fn ask(
    connection: &mut Connection,
    owner: &Filer,
    lot: Uuid,
    limit: u16,
) -> anyhow::Result<usize> {
    let path = format!("/v1/lots/{lot}/trace?limit={limit}");
    let answer = connection.get(&path, &owner.token).await?;
    ensure!(answer.status == 200, "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    // Read where it stands, so that reading the answer is not what is measured.
    let text = std::str::from_utf8(&answer.body)?;
    let count = text.split_once("\"lots_reached\":").and_then(|(_, rest)| rest.split_once(','));
    Ok(count.map(|(count, _)| count.parse()).transpose()?.unwrap_or(0))
}

/// The lot at a place of a tree, as [`grow`] numbers them.
fn lot(tree: i32, place: i32) -> Uuid {
    Uuid::from_u128(
        (u128::from(tree.unsigned_abs()) << 64 | u128::from(place.unsigned_abs()))
            .wrapping_mul(SCATTER),
    )
}

/// Odd, so that no two numbers meet: ids are spread over their index like those of real lots.
const SCATTER: u128 = 0x9e37_79b9_7f4a_7c15;

/// Writes the trees: the lot at place `i` was made from those at `2i + 1` to `2i + 4`.
async fn grow(database: &TestDatabase, owner: &Filer, trees: i32) -> anyhow::Result<()> {
    let client = database.owner().await;
    client
        .batch_execute(
            "create temporary table made (tree integer, place integer, lot uuid, filing uuid, at timestamptz);
             select create_partitions('2026-01-01', 11); set jit = off;
             -- Every row would ask its foreign key, and find what was written just before.
             set session_replication_role = replica",
        )
        .await?;
    for tree in 0..=trees {
        let (ids, filings) = places(tree, if tree == 0 { MANY_LOTS } else { LOTS })?;
        client.execute(WRITE_PLACES, &[&tree, &ids, &filings]).await?;
    }
    client.batch_execute("create unique index on made (tree, place); analyze made").await?;
    let site = filers::patterned(filers::SITE_PREFIX, filers::FIRST);
    let statements = STATEMENTS
        .replace("{organisation}", &format!("'{}'::uuid", owner.organisation))
        .replace("{site}", &format!("'{site}'::uuid"))
        .replace("{inner}", &format!("place * 2 + 4 < case tree when 0 then {MANY_LOTS} else {LOTS} end"))
        .replace("{elements}", "la_mg, ce_mg, pr_mg, nd_mg, pm_mg, sm_mg, eu_mg, gd_mg, tb_mg, dy_mg, ho_mg, er_mg, tm_mg, yb_mg, lu_mg, sc_mg, y_mg")
        .replace("{whole}", "0, 0, 7000000, 23000000, 0, 0, 0, 0, 50000, 300000, 0, 0, 0, 0, 0, 0, 0")
        .replace("{part}", "0, 0, 1750000, 5750000, 0, 0, 0, 0, 12500, 75000, 0, 0, 0, 0, 0, 0, 0");
    client.batch_execute(&statements).await?;
    client.batch_execute("vacuum analyze").await?;
    Ok(())
}

/// One tree's lots and the filings that made them, a moment apart: what was made later is filed
/// later.
fn places(tree: i32, lots: i32) -> anyhow::Result<(Vec<Uuid>, Vec<Uuid>)> {
    let first: jiff::Timestamp = "2026-01-05T00:00:00Z".parse()?;
    let filing = |place: i32| {
        let millisecond = first.as_millisecond().unsigned_abs()
            + u64::from(tree.unsigned_abs()) * 7_000_000
            + u64::from((lots - place).unsigned_abs()) * 50;
        let serial = u128::from(tree.unsigned_abs()) << 20 | u128::from(place.unsigned_abs());
        Uuid::from_u128(u128::from(millisecond) << 80 | serial)
    };
    Ok(((0..lots).map(|place| lot(tree, place)).collect(), (0..lots).map(filing).collect()))
}

/// A filing's moment stands in its id.
const WRITE_PLACES: &str = "
    insert into made select $1, place - 1, lot, filing,
        to_timestamp(('x' || lpad(left(replace(filing::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0)
    from unnest($2::uuid[], $3::uuid[]) with ordinality as row (lot, filing, place)";

const STATEMENTS: &str = "
    insert into filings (organisation, id, site, kind, reference, version, happened_at, recorded_at, month,
            channel, filed_by, process)
        select {organisation}, filing, {site}, case when {inner} then 'transformation' else 'extraction' end,
            filing::text, 1, at, at, date_trunc('month', at)::date, 'bulk', {organisation},
            case when {inner} then 'alloying' end from made;
    insert into filing_references (organisation, reference, version, filing, content_hash)
        select {organisation}, filing::text, 1, filing, '\\x00' from made;
    insert into lots (organisation, id, filing, number, site, category, happened_at, quantity_grams, {elements})
        select {organisation}, lot, filing, tree || '-' || place, {site}, 'alloy', at, 100000, {whole} from made;
    insert into lot_edges (organisation, filing, input_lot, output_lot)
        select {organisation}, made.filing, input.lot, made.lot
        from (select * from made where {inner}) made
        join made input on input.tree = made.tree and input.place between made.place * 2 + 1 and made.place * 2 + 4;
    insert into filing_lines (organisation, filing, line, role, lot, category, quantity_grams, refused_grams, {elements})
        select organisation, filing, row_number() over (partition by filing), 'input', input_lot, 'alloy', 25000, 0, {part}
        from lot_edges;
    insert into filing_lines (organisation, filing, line, role, lot, category, quantity_grams, refused_grams, {elements})
        select {organisation}, filing, 5, 'output', lot, 'alloy', 100000, 0, {whole} from made where {inner};";
