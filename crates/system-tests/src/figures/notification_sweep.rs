//! `notification_sweep_seconds`: what it costs to look for what everybody has left open.
//!
//! 20,000 movements of the last months, of which 2,000 are overdue: the notifier has looked at none
//! of them, so that its first sweep looks at all, tells 2,000 buyers and the officials, and forgets
//! what is settled. The next sweeps look at what is open and find nothing new to tell.

use super::Bench;
use crate::{connection::Connection, filers, measure::Figure, work::socket};
use anyhow::{Context, ensure};
use domain::movement::MovementReference;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use testkit::TestDatabase;

const MOVEMENTS: usize = 20_000;
const OVERDUE: usize = 2_000;
const FILERS: usize = 84;
/// Nobody stated a goal; this is what an operator would not notice.
const WANTED_SECONDS: f64 = 10.0;
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const SETTING: (&str, &str) = ("LODESTONE_NOTIFICATIONS__SWEEP_SECONDS", "1");

/// Measures it.
pub async fn measure(bench: &Bench) -> anyhow::Result<Figure> {
    let mut stack = bench.stack_with(vec!["outbox-relay"], vec![SETTING]).await;
    stack.lodestone(&["regime", "import", "--default"]);
    let owners = filers::register(stack.database(), FILERS).await;
    ensure!(owners.len() == FILERS, "too few filers");
    stack.service("outbox-relay").kill();
    write(stack.database()).await?;
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..if bench.quick { 1 } else { 3 } {
        stack.database().owner().await.batch_execute(FORGET).await?;
        stack.service("outbox-relay").start_again();
        stack.service("outbox-relay").becomes_ready().await;
        let address = socket(&stack.url("outbox-relay"))?;
        first.push(sweep_after(address, 0.0).await?);
        let told = stack.database().count("notifications").await;
        ensure!(told == i64::try_from(2 * OVERDUE)?, "{told} were told");
        let open = stack.database().count("open_movements").await;
        ensure!(open == i64::try_from(OVERDUE)?, "{open} are open");
        again.push(sweep_after(address, 1.0).await?);
        stack.service("outbox-relay").kill();
    }
    let figure = Figure::of_runs("notification_sweep_seconds", "s", Some(WANTED_SECONDS), &first);
    Ok(figure
        .with("movements", MOVEMENTS)
        .with("overdue", OVERDUE)
        .with("again_seconds", crate::measure::median(&again)))
}

/// How long the sweep took that came after so many.
async fn sweep_after(address: SocketAddr, sweeps: f64) -> anyhow::Result<f64> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let mut connection = Connection::open(address).await?;
        let answer = connection.get("/metrics", "nobody").await?;
        let text = String::from_utf8_lossy(&answer.body);
        let done = value(&text, "relay_notification_sweeps_total").unwrap_or(0.0);
        if sweeps < done {
            let seconds = value(&text, "relay_notification_sweep_seconds");
            return seconds.context("the relay does not say how long its sweep took");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    anyhow::bail!("the relay has not swept within {PATIENCE:?}")
}

/// What a metric without labels stands at.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

const FORGET: &str = "truncate notification_deliveries, notifications, open_movements;
    update chasing_state set looked_until = null; vacuum analyze; checkpoint";

/// Writes everything straight into the tables, as what is measured comes afterwards.
async fn write(database: &TestDatabase) -> anyhow::Result<()> {
    let elements = domain::element::Element::ALL;
    let columns: Vec<String> = elements
        .iter()
        .map(|element| format!("{}_mg", element.symbol().to_ascii_lowercase()))
        .collect();
    let statements = STATEMENTS
        .replace("{columns}", &columns.join(", "))
        .replace("{masses}", &vec!["1000000"; elements.len()].join(", "))
        .replace("{movements}", &MOVEMENTS.to_string())
        .replace("{overdue}", &OVERDUE.to_string())
        .replace("{first}", &filers::FIRST.to_string())
        .replace("{filers}", &FILERS.to_string())
        .replace("{organisation_prefix}", filers::ORGANISATION_PREFIX)
        .replace("{site_prefix}", filers::SITE_PREFIX);
    let client = database.owner().await;
    client.batch_execute("create temporary table names (number integer, reference text)").await?;
    // Far enough apart: a number whose check character is none is passed over.
    let names: Vec<String> = (1..=u64::try_from(MOVEMENTS)?)
        .map(|number| MovementReference::of_number(number * 1_000).compact())
        .collect();
    let insert = "insert into names select number, name
        from unnest($1::text[]) with ordinality named (name, number)";
    client.execute(insert, &[&names]).await?;
    client.batch_execute(&statements).await.context("the movements cannot be written")
}

/// Two lots each, sent over the last 100 days; every tenth was sent 60 days ago and never received.
const STATEMENTS: &str = "
    set jit = off;
    set session_replication_role = replica;
    create temporary table sent as
    select number, number % ({movements} / {overdue}) = 0 as overdue,
        ('{organisation_prefix}' || lpad(({first} + number % {filers})::text, 2, '0'))::uuid as seller,
        ('{organisation_prefix}' || lpad(({first} + (number + 1 + number / {filers} % ({filers} - 1)) % {filers})::text, 2, '0'))::uuid as buyer,
        ('{site_prefix}' || lpad(({first} + number % {filers})::text, 2, '0'))::uuid as site,
        now() - case when number % ({movements} / {overdue}) = 0 then 60 else 10 + number % 90 end * interval '1 day' as at,
        gen_random_uuid() as movement
    from generate_series(1, {movements}) number;
    alter table sent add column dispatch uuid, add column receipt uuid;
    update sent set
        dispatch = (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
            || lpad(to_hex(number % 4096), 3, '0') || '8' || lpad(to_hex(number), 15, '0'))::uuid,
        receipt = (lpad(to_hex((extract(epoch from at) * 1000)::bigint + 86400000), 12, '0') || '7'
            || lpad(to_hex(number % 4096), 3, '0') || '9' || lpad(to_hex(number), 15, '0'))::uuid;
    analyze sent;
    insert into filings (organisation, id, site, kind, reference, version, happened_at, recorded_at, month, channel,
            filed_by, party, party_organisation, movement)
        select seller, dispatch, site, 'dispatch', 'D-' || number, 1, at, at, date_trunc('month', at)::date, 'bulk',
            seller, seller, buyer, movement from sent;
    insert into filings (organisation, id, site, kind, reference, version, happened_at, recorded_at, month, channel,
            filed_by, movement, outcome)
        select buyer, receipt, site, 'receipt', 'R-' || number, 1, at + interval '1 day', at + interval '1 day',
            date_trunc('month', at + interval '1 day')::date, 'bulk', buyer, movement, 'satisfactory'
        from sent where not overdue;
    insert into filing_references (organisation, reference, version, filing, content_hash)
        select organisation, reference, version, id, '\\x00' from filings;
    create temporary table moved_lots as
        select number, line, gen_random_uuid() as lot from sent cross join generate_series(1, 2) line;
    create index on moved_lots (number);
    analyze moved_lots;
    insert into filing_lines (organisation, filing, line, role, lot, lot_number, category, quantity_grams,
            refused_grams, {columns})
        select seller, dispatch, line, 'item', lot, null, 'oxide', 1000000, 0, {masses}
        from sent join moved_lots using (number)
        union all
        select buyer, receipt, line, 'item', lot, null, 'oxide', 1000000, 0, {masses}
        from sent join moved_lots using (number) where not overdue;
    insert into movements (organisation, id, filing, buyer_organisation, dispatched_at, reference, version)
        select seller, movement, dispatch, buyer, at, names.reference, 1 from sent join names using (number);
    reset session_replication_role;";
