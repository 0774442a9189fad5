//! `reservation_vs_update` and `reservation_overdraft_grams`: licences drawn down at the border.
//!
//! The baseline is what PostgreSQL alone can do: the guarded UPDATE and the INSERT into the ledger of
//! reservations, with the tables' own constraints, in one transaction, as the same role, by `pgbench`.
//! The service besides says who asks, judges by the law, writes the licence's step and the event, and
//! passes a trigger that is off while pgbench runs.

use super::Bench;
use crate::{
    connection::Connection,
    docket::{CONTROL_CODE, Copied, DESTINATION, House, LICENCE_PREFIX, consignee_of, copy},
    measure::{Figure, median, milliseconds, percentile, processor_seconds, real},
};
use anyhow::{Context, ensure};
use database::Role;
use std::{
    fs,
    time::{Duration, Instant},
};
use testkit::{Stack, TestDatabase};
use tokio::process::Command;
use uuid::Uuid;

const CONNECTIONS: usize = 32;
const LICENCES: usize = 300;
/// Lines of each licence.
const LINES: usize = 2;
const RESERVED_GRAMS: u64 = 130;
const RESERVED_KG: &str = "0.130";
/// The least that the issue asks for.
const WANTED: f64 = 0.7;
const WARM_UP: Duration = Duration::from_secs(2);

/// Who wants the last of a line, and how much more they want than there is.
const CLIENTS: usize = 200;
const OVERSUBSCRIBED: usize = 5;
const LAST_GRAMS: u64 = 130_000;

/// Measures both: the ratio in slices of both sides in turns.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (slices, seconds) = if bench.quick { (3, 4) } else { (5, 8) };
    let mut stack = bench.stack(vec!["licensing"]).await;
    let pid = stack.service("licensing").pid().context("licensing runs")?;
    let house = House::open(&stack).await?;
    let template = house.approved(stack.database()).await?;
    let licences = copy(&house, stack.database(), &vec![template; LICENCES]).await?;
    let border = Border { house, licences };

    border.run("w", WARM_UP).await?;
    let mut baseline = Baseline::of(&stack, &border).await?;
    baseline.run(WARM_UP.as_secs()).await?;
    let (mut service, mut pgbench, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    for slice in 0..slices {
        for turn in 0..2_u32 {
            // The order alternates, so that neither side always meets what the other left behind.
            if (turn + slice) % 2 == 0 {
                let before = processor_seconds(pid).unwrap_or_default();
                let time = Duration::from_secs(seconds);
                let latencies = border.run(&format!("{slice}"), time).await?;
                let rate = real(latencies.len() as u64) / time.as_secs_f64();
                let busy =
                    (processor_seconds(pid).unwrap_or_default() - before) / time.as_secs_f64();
                eprintln!(
                    "slice {slice}: licensing {rate:.0} reservations/s, p50 {:.1} ms, p99 {:.1} ms, {:.0} % of a core",
                    percentile(&latencies, 50),
                    percentile(&latencies, 99),
                    busy * 100.0
                );
                service.push(rate);
                p99.push(percentile(&latencies, 99));
            } else {
                let rate = baseline.run(seconds).await?;
                eprintln!("slice {slice}: pgbench {rate:.0} reservations/s");
                pgbench.push(rate);
            }
        }
    }
    agrees(stack.database()).await?;
    let ratios: Vec<f64> = service.iter().zip(&pgbench).map(|(mine, bare)| mine / bare).collect();
    let mut ratio = Figure::of_runs("reservation_vs_update", "ratio", Some(WANTED), &ratios)
        .with("reservations_per_second", median(&service).round())
        .with("update_per_second", median(&pgbench).round())
        .with("p99_ms", (median(&p99) * 10.0).round() / 10.0);
    ratio.value = median(&service) / median(&pgbench);
    let overdraft = border.overdraft(stack.database()).await?;
    Ok(vec![ratio, overdraft])
}

/// Licences and those who draw them down.
struct Border {
    house: House,
    licences: Vec<Copied>,
}

impl Border {
    /// How long each reservation took that was acknowledged in this time.
    async fn run(&self, series: &str, time: Duration) -> anyhow::Result<Vec<f64>> {
        let deadline = Instant::now() + time;
        let mut desks = Vec::with_capacity(CONNECTIONS);
        for desk in 0..CONNECTIONS {
            let connection = self.house.connect().await?;
            let token = self.house.customs.token.clone();
            let numbers: Vec<(String, String)> = (0..self.licences.len())
                .map(|place| (place * 7 + desk * 11) % self.licences.len())
                .map(|place| (self.licences[place].licence_number.clone(), consignee_of(place + 1)))
                .collect();
            let series = format!("{series}-{desk}");
            desks.push(tokio::spawn(declare(connection, token, numbers, series, deadline)));
        }
        let mut latencies = Vec::new();
        for desk in desks {
            latencies.extend(desk.await??);
        }
        Ok(latencies)
    }

    /// Two hundred clients want five times what a line has left. Grams beyond it, by what was
    /// answered, by the balance and by the ledger, added up.
    async fn overdraft(&self, database: &TestDatabase) -> anyhow::Result<Figure> {
        let (licence, client) = (&self.licences[0], database.owner().await);
        client
            .execute(
                "update licence_lines set licensed_grams = reserved_grams + confirmed_grams + $2
                 where licence = $1 and line = 1",
                &[&licence.licence, &LAST_GRAMS.cast_signed()],
            )
            .await?;
        let before = ledger(&client, licence.licence).await?;
        let each = LAST_GRAMS * OVERSUBSCRIBED as u64 / RESERVED_GRAMS / CLIENTS as u64;
        let mut desks = Vec::with_capacity(CLIENTS);
        for desk in 0..CLIENTS {
            let connection = self.house.connect().await?;
            let (token, number) =
                (self.house.customs.token.clone(), licence.licence_number.clone());
            desks.push(tokio::spawn(async move {
                let mut connection = connection;
                let mut accepted = 0;
                for count in 0..each {
                    let declaration = format!("last-{desk}-{count}");
                    let body = declaration_of(1, &declaration, &consignee_of(1));
                    let path = format!("/v1/licences/{number}/reservations");
                    let answer = connection.post(&path, &token, &declaration, &body).await?;
                    match answer.status {
                        201 => accepted += RESERVED_GRAMS,
                        409 => {}
                        other => anyhow::bail!("answered with {other}: {}", answer.json()),
                    }
                }
                Ok(accepted)
            }));
        }
        let mut accepted = 0;
        for desk in desks {
            accepted += desk.await??;
        }
        let (reserved, licensed) = ledger(&client, licence.licence).await?;
        let drawn = reserved - before.0;
        let beyond = |grams: i64| grams.max(0).unsigned_abs();
        let overdraft = beyond(accepted.cast_signed() - LAST_GRAMS.cast_signed())
            + beyond(reserved - licensed)
            + drawn.abs_diff(accepted.cast_signed());
        eprintln!("{CLIENTS} clients were granted {accepted} g of {LAST_GRAMS} g");
        ensure!(accepted == LAST_GRAMS, "{accepted} g were granted where {LAST_GRAMS} g were left");
        Ok(Figure::of_runs("reservation_overdraft_grams", "g", Some(0.0), &[real(overdraft)])
            .with("granted_grams", accepted)
            .with("clients", CLIENTS)
            .with("requests", each * CLIENTS as u64))
    }
}

/// What a line has reserved, by its ledger, and what it is licensed for less what has left.
async fn ledger(client: &tokio_postgres::Client, licence: Uuid) -> anyhow::Result<(i64, i64)> {
    let row = client
        .query_one(
            "select (select coalesce(sum(grams), 0)::bigint from licence_reservations r
                 where (r.licence, r.line) = (l.licence, l.line) and state = 'reserved'),
                 l.licensed_grams - l.confirmed_grams, l.reserved_grams
             from licence_lines l where l.licence = $1 and l.line = 1",
            &[&licence],
        )
        .await?;
    let (in_ledger, reserved): (i64, i64) = (row.get(0), row.get(2));
    ensure!(in_ledger == reserved, "{in_ledger} g lie in the ledger, {reserved} g are reserved");
    Ok((in_ledger, row.get(1)))
}

/// Balances are the sums of their ledgers, after both sides.
async fn agrees(database: &TestDatabase) -> anyhow::Result<()> {
    let differing = database
        .count(
            "licence_lines l where reserved_grams <> (select coalesce(sum(grams), 0) from licence_reservations r
             where (r.licence, r.line) = (l.licence, l.line) and r.state = 'reserved')",
        )
        .await;
    ensure!(differing == 0, "{differing} balances differ from their reservations");
    Ok(())
}

async fn declare(
    mut connection: Connection,
    token: String,
    licences: Vec<(String, String)>,
    series: String,
    deadline: Instant,
) -> anyhow::Result<Vec<f64>> {
    let mut latencies = Vec::new();
    for count in 0.. {
        let (number, consignee) = &licences[count % licences.len()];
        let declaration = format!("D-{series}-{count}");
        let line = 1 + count / licences.len() % LINES;
        let body = declaration_of(line, &declaration, consignee);
        let path = format!("/v1/licences/{number}/reservations");
        let begun = Instant::now();
        let answer = connection.post(&path, &token, &declaration, &body).await?;
        ensure!(answer.status == 201, "refused with {}: {}", answer.status, answer.json());
        let ended = Instant::now();
        if deadline < ended {
            break;
        }
        latencies.push(milliseconds(ended - begun));
    }
    Ok(latencies)
}

/// What customs say is declared.
pub fn declaration_of(line: usize, declaration: &str, consignee: &str) -> String {
    format!(
        r#"{{"line":{line},"declaration":"{declaration}","declaration_line":1,"quantity_kg":"{RESERVED_KG}","control_code":"{CONTROL_CODE}","hs_code":"8505111000","destination":"{DESTINATION}","consignee":"{consignee}"}}"#
    )
}

/// The bare transaction, run by `pgbench`.
struct Baseline {
    script: std::path::PathBuf,
    url: url::Url,
    owner: tokio_postgres::Client,
    runs: u64,
}

/// Keeps reservations from licences that are not in force; not a part of the bare transaction.
const TRIGGER: &str = "reservation_under_a_licence_in_force";

impl Baseline {
    async fn of(stack: &Stack, border: &Border) -> anyhow::Result<Self> {
        let places: Vec<u64> = border
            .licences
            .iter()
            .map(|copied| Ok(copied.licence.to_string().replace('-', "")[24..].parse()?))
            .collect::<anyhow::Result<_>>()?;
        let (first, last) = (places[0], places[places.len() - 1]);
        let declared: serde_json::Value =
            serde_json::from_str(&declaration_of(1, "D", "Beispiel Motoren 1 GmbH"))?;
        let declared = declared.to_string().replace(':', "\\072");
        let half = Uuid::now_v7().simple().to_string();
        let half = format!("{}7001", &half[..12]);
        let person = border.house.customs.person;
        let script = format!(
            "\\set i :i + 1\n\
             \\set n random({first}, {last})\n\
             \\set line random(1, {LINES})\n\
             \\set s 8000000000000000 + :i * 1000 + :client_id\n\
             begin;\n\
             update licence_lines set reserved_grams = reserved_grams + {RESERVED_GRAMS}
                 where licence = ('{LICENCE_PREFIX}' || lpad(:n::text, 8, '0'))::uuid and line = :line
                     and reserved_grams + confirmed_grams + {RESERVED_GRAMS} <= licensed_grams;\n\
             insert into licence_reservations (id, licence, line, declaration, declaration_line, grams, state, reserved_by,
                     reserved_at, declared)
                 values (('{half}' || :s::text)::uuid, ('{LICENCE_PREFIX}' || lpad(:n::text, 8, '0'))::uuid, :line,
                     'B-' || :s::text, 1, {RESERVED_GRAMS}, 'reserved', '{person}', now(), E'{declared}');\n\
             commit;\n"
        );
        // pgbench reads a statement up to its semicolon, and line by line only its own commands.
        let path = stack.files().join("reservations.pgbench");
        fs::write(&path, script)?;
        let mut url = stack.database().url().clone();
        ensure!(url.set_username(Role::Licensing.name()).is_ok(), "{url} has no host");
        Ok(Self { script: path, url, owner: stack.database().owner().await, runs: 0 })
    }

    /// Reservations a second.
    async fn run(&mut self, seconds: u64) -> anyhow::Result<f64> {
        self.runs += 1;
        self.trigger("disable").await?;
        let output = Command::new("pgbench")
            .env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan")
            .args(["-n", "-M", "prepared", "-j", "2", "-c", &CONNECTIONS.to_string()])
            .args(["-T", &seconds.to_string(), "-D", &format!("i={}", self.runs * 10_000_000)])
            .arg("-f")
            .arg(&self.script)
            .arg(self.url.as_str())
            .output()
            .await
            .context("pgbench cannot be started")?;
        self.trigger("enable").await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pgbench failed: {complained}\n{said}");
        let (_, rate) = said.split_once("tps = ").with_context(|| said.clone().into_owned())?;
        ensure!(said.contains("failed transactions: 0 "), "transactions failed: {said}");
        Ok(rate.split(' ').next().unwrap_or_default().parse()?)
    }

    async fn trigger(&self, what: &str) -> anyhow::Result<()> {
        let statement = format!("alter table licence_reservations {what} trigger {TRIGGER}");
        Ok(self.owner.batch_execute(&statement).await?)
    }
}
