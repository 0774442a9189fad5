//! `balance_1m_lots_seconds`, `balance_late_filing_ms`: what it costs to ask whether matter adds up.
//!
//! A million lots with all seventeen elements, at 84 sites over twelve months, each made and sold:
//! two million lines in filings of ten, one filing in ten with stated uncertainties; every month
//! counted. An inspector asks for all balances, page by page, of which nothing was computed before;
//! then late filings come in, one after the other, and each time the site's balances are asked for
//! again.

use super::Bench;
use crate::{
    connection::Connection,
    filers::{self, Filer},
    measure::{Figure, median, milliseconds},
    work::socket,
};
use anyhow::{Context, ensure};
use std::time::Instant;
use testkit::TestDatabase;
use uuid::Uuid;

const SITES: usize = 84;
/// Of the year 2025, all of it in the past.
const MONTHS: usize = 12;
const PERIOD: &str = "from=2025-01&until=2025-12";
/// Filings of ten lots each, a month and site.
const FILINGS: usize = 99;
const FEWER_FILINGS: usize = 10;
const LATE_FILINGS: usize = 41;
const WANTED_SECONDS: f64 = 10.0;
const WANTED_MS: f64 = 50.0;
const PURPOSE: &str = "Lodestone-Purpose: bench\r\n";

/// Measures them.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let filings = if bench.quick { FEWER_FILINGS } else { FILINGS };
    let stack = bench.stack(vec!["reporting-api"]).await;
    let database = stack.database();
    let owners = filers::register(database, SITES).await;
    let inspector = inspector(database).await;
    let began = Instant::now();
    write(database, filings).await?;
    eprintln!("written in {:.0} s", began.elapsed().as_secs_f64());
    let mut connection = Connection::open(socket(&stack.url("reporting-api"))?).await?;

    let mut all = Vec::new();
    // Nothing is computed before the first time; every time after it is made so.
    for _ in 0..if bench.quick { 1 } else { 3 } {
        database.owner().await.batch_execute("truncate material_balances; checkpoint").await?;
        let began = Instant::now();
        let told = ask_for_all(&mut connection, &inspector).await?;
        all.push(began.elapsed().as_secs_f64());
        // The month before the first one is closed by the first count.
        ensure!(told == SITES * MONTHS, "{told} balances");
    }
    let warm = Instant::now();
    ask_for_all(&mut connection, &inspector).await?;
    let warm = warm.elapsed().as_secs_f64();
    let late = late(&mut connection, &owners, &inspector).await?;
    let lots = f64::from(u32::try_from(SITES * MONTHS * filings * 10)?);
    let name = "balance_1m_lots_seconds";
    Ok(vec![
        Figure::of_runs(name, "s", Some(WANTED_SECONDS), &all)
            .with("lots", lots)
            .with("lines", 2.0 * lots)
            .with("again_seconds", warm),
        Figure::of_runs("balance_late_filing_ms", "ms", Some(WANTED_MS), &late.both)
            .with("filing_ms", median(&late.filing))
            .with("balances_ms", median(&late.balances)),
    ])
}

/// Asks for the balances of everybody, page by page; answers how many were told.
async fn ask_for_all(connection: &mut Connection, token: &str) -> anyhow::Result<usize> {
    let mut told = 0;
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/balances/material?{PERIOD}&limit=200{cursor}");
        let answer = connection.get_with(&path, token, PURPOSE).await?;
        ensure!(
            answer.status == 200,
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        // Read where it stands, so that reading the answer is not what is measured.
        let text = std::str::from_utf8(&answer.body)?;
        told += text.matches("\"computed_at\"").count();
        let Some((_, next)) = text.rsplit_once("\"next\":\"") else { return Ok(told) };
        cursor = format!("&cursor={}", next.split('"').next().unwrap_or_default());
    }
}

#[derive(Default)]
struct Late {
    filing: Vec<f64>,
    balances: Vec<f64>,
    both: Vec<f64>,
}

async fn late(
    connection: &mut Connection,
    owners: &[Filer],
    inspector: &str,
) -> anyhow::Result<Late> {
    let mut late = Late::default();
    for number in 0..LATE_FILINGS {
        let owner = &owners[number * 5 % owners.len()];
        let month = 1 + number % MONTHS;
        let body = format!(
            r#"{{"kind":"extraction","reference":"LATE-{number}","site":"S1","happened_at":"2025-{month:02}-15T12:00:00+08:00","lines":[{{"lot":"LATE-{number}","product":"FEED","quantity_kg":"12"}}]}}"#
        );
        let path = format!("/v1/balances/material?{PERIOD}&organisation={}", owner.organisation);
        let began = Instant::now();
        let filed =
            connection.post("/v1/filings", &owner.token, &format!("late-{number}"), &body).await?;
        let filing = milliseconds(began.elapsed());
        ensure!(filed.status == 201, "{}: {}", filed.status, String::from_utf8_lossy(&filed.body));
        let asked = Instant::now();
        let answer = connection.get_with(&path, inspector, PURPOSE).await?;
        let balances = milliseconds(asked.elapsed());
        ensure!(
            answer.status == 200,
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        let told = answer.json()["balances"].as_array().map_or(0, Vec::len);
        ensure!(told == MONTHS, "{told} balances");
        late.filing.push(filing);
        late.balances.push(balances);
        late.both.push(filing + balances);
    }
    Ok(late)
}

/// A key of an inspector of an authority of their own.
async fn inspector(database: &TestDatabase) -> String {
    let authority = Uuid::now_v7();
    let client = database.owner().await;
    let registered = client
        .execute(
            "insert into organisations (id, kind, registration, country, name_zh, name_en, registered_at)
             values ($1, 'authority', 'bench', 'CN', 'A', 'A', now())",
            &[&authority],
        )
        .await;
    registered.expect("an authority can be registered");
    filers::grant_key(database, authority, "inspector").await
}

/// Writes everything straight into the tables, as what is measured comes afterwards.
async fn write(database: &TestDatabase, filings: usize) -> anyhow::Result<()> {
    let client = database.owner().await;
    let elements = domain::element::Element::ALL;
    let columns: Vec<String> = elements
        .iter()
        .map(|element| format!("{}_mg", element.symbol().to_ascii_lowercase()))
        .collect();
    // A lot of 1,000 kg with 10 to 26 kg of each element; what is measured differs by up to 0.1 %.
    let masses: Vec<String> = elements
        .iter()
        .map(|element| {
            let kilograms = 10 + element.index();
            format!(
                "share * {kilograms} * (1000 - ((at.number * 7 + line * 3 + {}) % 3))",
                element.index()
            )
        })
        .collect();
    let statements = STATEMENTS
        .replace("{columns}", &columns.join(", "))
        .replace("{masses}", &masses.join(", "))
        .replace("{filings}", &filings.to_string())
        .replace("{first}", &filers::FIRST.to_string())
        .replace("{last}", &(filers::FIRST + SITES - 1).to_string())
        .replace("{organisation_prefix}", filers::ORGANISATION_PREFIX)
        .replace("{site_prefix}", filers::SITE_PREFIX);
    client.batch_execute(&statements).await.context("the year cannot be written")?;
    client.batch_execute("vacuum analyze").await?;
    Ok(())
}

/// Extractions on one half of the month and dispatches on the other, ten lots each, and a count on
/// the last day of each month and of the one before: always of the same ten lots.
const STATEMENTS: &str = "
    set jit = off;
    select create_partitions('2026-01-01', 11);
    -- Every row would ask its foreign key, and find what was written just before.
    set session_replication_role = replica;
    create temporary table made as
    select row_number() over () as number,
        ('{organisation_prefix}' || lpad(filer::text, 2, '0'))::uuid as organisation,
        ('{site_prefix}' || lpad(filer::text, 2, '0'))::uuid as site, month, kind, place,
        (case kind when 'stocktake' then month + interval '1 month' - interval '4 hours'
            when 'extraction' then month + place * interval '3 hours' + interval '1 minute'
            else month + interval '14 days' + place * interval '3 hours' + interval '1 minute' end)
            at time zone 'Asia/Shanghai' as happened_at
    from generate_series({first}, {last}) filer
    cross join (select generate_series(timestamp '2024-12-01', '2025-12-01', interval '1 month') as month) months
    cross join (values ('extraction', {filings}), ('dispatch', {filings}), ('stocktake', 1)) as kinds (kind, filings)
    cross join lateral generate_series(1, kinds.filings) place
    where kind = 'stocktake' or month >= timestamp '2025-01-01';
    alter table made add column id uuid;
    update made set id = (lpad(to_hex((extract(epoch from timestamptz '2026-02-01') * 1000)::bigint + number * 50), 12, '0')
        || '7' || lpad(to_hex(number % 4096), 3, '0') || '8' || lpad(to_hex(number), 15, '0'))::uuid;
    analyze made;
    insert into filings (organisation, id, site, kind, reference, version, happened_at, recorded_at, month, channel,
            filed_by, party)
        select organisation, id, site, kind, kind || '-' || number, 1, happened_at, timestamptz '2026-02-01',
            month::date, 'bulk', organisation, case kind when 'dispatch' then organisation end
        from made order by number;
    insert into filing_references (organisation, reference, version, filing, content_hash)
        select organisation, kind || '-' || number, 1, id, '\\x00' from made;
    insert into filing_lines (organisation, filing, line, role, lot, lot_number, category, quantity_grams,
            refused_grams, sigma_mg, {columns})
        select organisation, id, line,
            case kind when 'extraction' then 'output' when 'dispatch' then 'item' else 'measured' end,
            gen_random_uuid(), 'L-' || at.number || '-' || line, 'concentrate', share * 1000, 0,
            case when at.number % 10 = 0 then array_fill(share * 100, array[17]) end, {masses}
        from made at cross join generate_series(1, 10) line cross join (select 1000::bigint as share) one
        order by at.number;
    insert into site_months select * from counted_site_months();
    reset session_replication_role;";
