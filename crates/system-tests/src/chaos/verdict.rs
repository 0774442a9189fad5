//! Whether what is stored is what was acknowledged, once and whole.

use super::{customs::Use, faults::Done, load::Acknowledged};
use crate::measure::{Figure, milliseconds, real};
use database::balances;
use serde_json::json;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use testkit::TestDatabase;

/// Nothing more is expected once nothing has moved for so long: more than the longest delay
/// after which a message is tried again.
const STILL: Duration = Duration::from_secs(75);
/// What came twice comes at once after what came first.
const AFTERWARDS: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const CONTRADICTIONS_SHOWN: u32 = 20;

/// What must never happen, each as a query that counts how often it did.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "filings_doubled",
        "select count(*) from (select from filings group by organisation, reference, version
         having 1 < count(*)) doubled",
    ),
    (
        "effects_missing",
        "select count(*) from events where name = 'filing.recorded'
         and not exists (select from screenings where message = events.id)",
    ),
    (
        "effects_doubled",
        "select count(*) from (select from screenings group by message having 1 < count(*)) doubled",
    ),
    (
        "effects_of_nothing",
        "select count(*) from screenings where not exists (select from events where id = message)",
    ),
    ("events_not_in_log", "select count(*) from events where not exists (
         select from log_leaves where event = events.id)"),
    (
        "gaps_in_log",
        "select coalesce(max(index) + 1, 0) - count(*) from log_leaves",
    ),
    (
        "events_not_published",
        "select sequenced - published + (select count(*) from outbox) from relay_state",
    ),
    ("dead_letters", "select count(*) from dead_letters"),
    (
        "licence_balances_broken",
        "select count(*) from licence_lines line where reserved_grams < 0 or confirmed_grams < 0
         or licensed_grams < reserved_grams + confirmed_grams
         or (reserved_grams, confirmed_grams) <> (
             select coalesce(sum(grams) filter (where state = 'reserved'), 0)::bigint,
                    coalesce(sum(grams) filter (where state = 'confirmed'), 0)::bigint
             from licence_reservations use where use.licence = line.licence and use.line = line.line)",
    ),
];

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What went wrong, and how often.
    pub violations: BTreeMap<&'static str, u64>,
    /// Some of it in words.
    pub details: Vec<String>,
    /// What was inflicted.
    pub done: Done,
    /// How many filings were acknowledged.
    pub acknowledged: u64,
    /// How many reservations were acknowledged.
    pub reservations: u64,
    /// How many were refused because the licence had run dry.
    pub refused_for_balance: u64,
    /// How often one had to be posted again.
    pub repeats: u64,
    /// The longest time that one filing had to be repeated.
    pub worst_stall: Duration,
}

impl Report {
    /// How many violations there were in all.
    pub fn total(&self) -> u64 {
        self.violations.values().sum()
    }

    /// As a line for machines.
    pub fn figure(&self, seed: u64) -> Figure {
        let total = [real(self.total())];
        Figure::of_runs("chaos_violations", "count", Some(0.0), &total)
            .with("seed", seed)
            .with("faults", self.done.killed.values().sum::<u32>())
            .with("faults_by_kind", json!(self.done.killed))
            .with("acknowledged", self.acknowledged)
            .with("reservations", self.reservations)
            .with("reservations_refused_for_balance", self.refused_for_balance)
            .with("repeats", self.repeats)
            .with("worst_stall_ms", milliseconds(self.worst_stall).round())
            .with("violations", json!(self.violations))
    }
}

/// Waits until nothing is under way any more, or nothing moves.
pub async fn settle(database: &TestDatabase) {
    let owner = database.owner().await;
    let look =
        "select (select count(*) from outbox) + (select sequenced - published from relay_state)
                    + (select count(*) from events where name = 'filing.recorded'
                       and not exists (select from screenings where message = events.id)),
                    (select count(*) from screenings)";
    let mut last = (i64::MAX, 0_i64);
    let mut moved = Instant::now();
    while moved.elapsed() < STILL {
        let now = match owner.query_one(look, &[]).await {
            Ok(row) => (row.get(0), row.get(1)),
            Err(error) => panic!("the database does not answer: {error}"),
        };
        if now != last {
            (last, moved) = (now, Instant::now());
        }
        if now.0 == 0 && AFTERWARDS < moved.elapsed() {
            return;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Compares what is stored with what was acknowledged, and with itself.
pub async fn of(
    database: &TestDatabase,
    told: &Acknowledged,
    used: &Use,
    done: Done,
) -> anyhow::Result<Report> {
    let owner = database.owner().await;
    let mut violations = BTreeMap::new();
    for (name, query) in INVARIANTS {
        let count: i64 = owner.query_one(*query, &[]).await?.get(0);
        violations.insert(*name, count.unsigned_abs());
    }
    let stored = owner
        .prepare(
            "select count(*) from filings join filing_references claimed
                 on claimed.filing = filings.id and claimed.organisation = filings.organisation
             where filings.organisation = $1 and filings.reference = $2 and filings.version = 1
                 and filings.id = $3 and claimed.reference = filings.reference",
        )
        .await?;
    let mut details = Vec::new();
    let mut lost = 0;
    for (organisation, reference, id) in &told.filings {
        let found: i64 = owner.query_one(&stored, &[organisation, reference, id]).await?.get(0);
        if found != 1 {
            lost += 1;
            details
                .push(format!("{reference} was acknowledged as {id} and is stored {found} times"));
        }
    }
    violations.insert("filings_lost", lost);
    let mut wrong = 0;
    for told in &used.reservations {
        let query = "select count(*) from licence_reservations
                     where id = $1 and declaration = $2 and state = $3";
        let found: i64 =
            owner.query_one(query, &[&told.id, &told.declaration, &told.state]).await?.get(0);
        if found != 1 {
            wrong += 1;
            details.push(format!("reservation {} is not {}", told.declaration, told.state));
        }
    }
    let reserved: i64 =
        owner.query_one("select count(*) from licence_reservations", &[]).await?.get(0);
    let more = reserved.unsigned_abs().abs_diff(u64::try_from(used.reservations.len())?);
    violations.insert("reservations_wrong", wrong + more);
    let contradictions = balances::check(&database.target(), CONTRADICTIONS_SHOWN).await?;
    violations.insert("books_contradict", u64::try_from(contradictions.len())?);
    details.extend(contradictions.iter().map(|found| format!("{}: {}", found.what, found.place)));
    let refusals = || told.refusals.iter().chain(&used.refusals);
    violations.insert("wrongly_refused", u64::try_from(refusals().count())?);
    details.extend(refusals().cloned());
    violations.insert("ended_by_themselves", u64::try_from(done.ended_by_themselves.len())?);
    details.extend(done.ended_by_themselves.iter().cloned());
    Ok(Report {
        violations,
        details,
        done,
        acknowledged: u64::try_from(told.filings.len())?,
        reservations: u64::try_from(used.reservations.len())?,
        refused_for_balance: used.refused_for_balance,
        repeats: told.repeats,
        worst_stall: told.worst_stall,
    })
}
