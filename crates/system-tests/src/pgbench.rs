//! What Postgres alone can do: `pgbench` writing the very rows that the service writes.
//!
//! Nobody keeps that list of rows by hand. Two filings go through the service into a scratch
//! database; whatever their transactions wrote is read back, table by table, and becomes one
//! multi-row INSERT per table with ids, references and organisations turned into variables.
//! Everything else stays a constant, which costs pgbench less than it costs the service.

use crate::filers::{FIRST, ORGANISATION_PREFIX, SITE_PREFIX, patterned};
use anyhow::{Context, bail, ensure};
use std::{collections::HashMap, fmt::Write, fs, path::Path};
use testkit::TestDatabase;
use tokio::process::Command;
use url::Url;
use uuid::Uuid;

/// Tables in the order in which the service writes them, and what happens on conflict.
const TABLES: [(&str, &str); 17] = [
    ("filing_references", "on conflict do nothing"),
    ("idempotency_keys", "on conflict do nothing"),
    ("first_receipts", "on conflict do nothing"),
    ("parties", "on conflict do nothing"),
    ("filings", ""),
    ("filing_lines", ""),
    ("lots", ""),
    ("lot_edges", ""),
    ("lot_holders", "on conflict do nothing"),
    ("movements", ""),
    ("movement_lines", ""),
    ("postings", ""),
    ("account_balances", ""),
    ("monthly_flows", ""),
    ("site_months", ""),
    ("events", ""),
    ("outbox", ""),
];
/// Whose rows are those of the whole nation, and are added to.
const BALANCES: &str = "account_balances";
const BALANCE_KEY: &[&str] = &["organisation", "kind", "key", "month"];
/// Rows of one filer and month that are added to as well.
const FLOWS: &str = "monthly_flows";
const FLOW_KEY: &[&str] =
    &["organisation", "flow", "process", "month", "category", "country", "site"];
/// Counts on with every filing.
const SITE_MONTHS: &str = "site_months";
const SITE_MONTH_KEY: &[&str] = &["organisation", "site", "month"];
/// Stands for the first half of every time-ordered id; the moment a run begins replaces it.
const MOMENT: &str = "0000MOMENT000000";
/// Runs count their transactions from different numbers, so that references stay unique.
const TRANSACTIONS_OF_A_RUN: u64 = 10_000_000;

/// A filing that went through the service, to be written again by pgbench.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Its id.
    pub filing: Uuid,
    /// The pgbench variable with the number of its copy.
    pub number: &'static str,
    /// The pgbench variable with the number of its event's copy.
    pub event: &'static str,
}

/// What stands for a value of the reference filings in their copies.
pub type Substitutes = HashMap<String, String>;

/// The transactions that write copies of the reference filings.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    transactions: Vec<String>,
}

/// What one run did.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Filings written.
    pub filings: u64,
    /// Filings a second, without the time it took to connect.
    pub per_second: f64,
}

impl Baseline {
    /// Reads back what the service wrote for a filing. Nothing may have been filed since: a later
    /// filing of the same organisation changes the same balances.
    pub async fn add(
        &mut self,
        database: &TestDatabase,
        reference: &Reference,
        substitutes: &Substitutes,
    ) -> anyhow::Result<()> {
        self.transactions.push(transaction(database, reference, substitutes).await?);
        Ok(())
    }

    /// Runs it on so many connections. `run` numbers the runs in one database.
    pub async fn run(
        &self,
        database: &TestDatabase,
        files: &Path,
        size: &Size,
        run: u64,
    ) -> anyhow::Result<Run> {
        let script = files.join("baseline.pgbench");
        fs::write(&script, self.script(size.filers))?;
        let url = as_filing_writer(database.url())?;
        let output = Command::new("pgbench")
            // What the service's own writer asks for, so that it is no advantage.
            .env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan")
            .args(["-n", "-M", "prepared", "-j", "2"])
            .args(["-c", &size.connections.to_string(), "-T", &size.seconds.to_string()])
            .args(["-D", &format!("i={}", run * TRANSACTIONS_OF_A_RUN)])
            .arg("-f")
            .arg(&script)
            .arg(url.as_str())
            .output()
            .await
            .context("pgbench cannot be started")?;
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "pgbench failed: {complained}\n{said}");
        let filings_each = u64::try_from(self.transactions.len())?;
        let processed: u64 = number_after(&said, "actually processed: ")?.parse()?;
        let per_second: f64 = number_after(&said, "tps = ")?.parse()?;
        let failed = number_after(&said, "failed transactions: ")?;
        ensure!(failed == "0", "{failed} of pgbench's transactions failed");
        Ok(Run {
            filings: processed * filings_each,
            per_second: per_second * crate::measure::real(filings_each),
        })
    }

    fn script(&self, filers: usize) -> String {
        let moment = Uuid::now_v7().simple().to_string();
        let mut script = format!(
            "\\set o :client_id % {filers} + {FIRST}\n\
             \\set b (:client_id + 1) % {filers} + {FIRST}\n\
             \\set f 8000000000000000 + :o\n\
             \\set i :i + 1\n\
             \\set s 8000000000000000 + :i * 10000 + :client_id * 10\n\
             \\set d :s + 1\n\\set se :s + 2\n\\set de :s + 3\n"
        );
        for half in ["v1", "w1", "v2", "w2", "v3", "w3", "v4", "w4"] {
            writeln!(script, "\\set {half} random(1000000000000000, 9999999999999999)")
                .expect("writing to a string cannot fail");
        }
        for transaction in &self.transactions {
            script.push_str(transaction);
        }
        script.replace(MOMENT, &format!("{}7001", &moment[..12]))
    }
}

/// How much a run does.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many filers there are; connections take turns in being one of them.
    pub filers: usize,
    /// How many connections.
    pub connections: usize,
    /// For how long.
    pub seconds: u64,
}

/// An id whose copies are in the order of time, as version 7 is.
pub fn time_ordered(variable: &str) -> String {
    format!("('{MOMENT}' || :{variable}::text)::uuid")
}

/// An id whose copies are anywhere, as version 5 is. `number` from 1 to 4.
pub fn anywhere(number: usize) -> String {
    format!("(:v{number}::text || :w{number}::text)::uuid")
}

/// The same id in every copy of one filer, another for each filer.
pub fn of_each_filer(id: Uuid) -> String {
    format!("('{}' || :f::text)::uuid", &id.simple().to_string()[..16])
}

/// What stands for the ids of the first filer and its site.
pub fn first_filer() -> [(String, String); 2] {
    let with = |prefix| format!("('{prefix}' || :o::text)::uuid");
    [
        (patterned(ORGANISATION_PREFIX, FIRST).to_string(), with(ORGANISATION_PREFIX)),
        (patterned(SITE_PREFIX, FIRST).to_string(), with(SITE_PREFIX)),
    ]
}

/// What stands for the id of its buyer.
pub fn buyer(id: Uuid) -> (String, String) {
    (id.to_string(), format!("('{ORGANISATION_PREFIX}' || :b::text)::uuid"))
}

/// A text that is followed by the number of the copy.
pub fn numbered(beginning: &str, variable: &str, end: &str) -> String {
    format!("('{beginning}' || :{variable}::text || '{end}')")
}

/// A movement's reference, other for each copy and anywhere in the order of references. Digits only:
/// nobody reads its check character.
pub fn movement_reference(variable: &str) -> String {
    format!("reverse(right(:{variable}::text, 13))")
}

/// How many rows each table has that the service writes.
pub async fn row_counts(database: &TestDatabase) -> Vec<(&'static str, u64)> {
    let mut counts = Vec::new();
    for (table, _) in TABLES {
        counts.push((table, database.count(table).await.unsigned_abs()));
    }
    counts
}

async fn transaction(
    database: &TestDatabase,
    reference: &Reference,
    substitutes: &Substitutes,
) -> anyhow::Result<String> {
    let owner = database.owner().await;
    let filing = owner
        .query_one(
            "select filing.xmin::text, filing.recorded_at::text, event.id
             from filings filing join events event on event.subject = filing.id where filing.id = $1",
            &[&reference.filing],
        )
        .await?;
    let (written_by, recorded_at, event): (String, String, Uuid) =
        (filing.get(0), filing.get(1), filing.get(2));
    let mut substitutes = substitutes.clone();
    substitutes.insert(reference.filing.to_string(), time_ordered(reference.number));
    substitutes.insert(event.to_string(), time_ordered(reference.event));
    substitutes.insert(recorded_at, "now()".to_owned());
    nothing_else_was_written(database, &written_by).await?;
    let mut text = format!(
        "begin;\nselect set_config('lodestone.organisations', '{{{ORGANISATION_PREFIX}' || :o::text || '}}', true);\n"
    );
    for (table, on_conflict) in TABLES {
        let columns = columns(database, table).await?;
        let rows = if table == BALANCES {
            moved(database, reference.filing, &columns, &written_by).await?
        } else {
            written(database, table, &columns, &written_by).await?
        };
        if rows.is_empty() {
            continue;
        }
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let values: Vec<String> =
            rows.iter().map(|row| values(row, &columns, &substitutes)).collect();
        let adding = match table {
            BALANCES => add_to(table, BALANCE_KEY, &columns),
            FLOWS => add_to(table, FLOW_KEY, &columns),
            SITE_MONTHS => add_to(table, SITE_MONTH_KEY, &columns),
            _ => String::new(),
        };
        writeln!(
            text,
            "insert into {table} ({}) values {} {on_conflict}{adding};",
            names.join(", "),
            values.join(", ")
        )?;
    }
    text.push_str("commit;\n");
    Ok(text)
}

struct Column {
    name: String,
    kind: String,
}

async fn columns(database: &TestDatabase, table: &str) -> anyhow::Result<Vec<Column>> {
    let owner = database.owner().await;
    let rows = owner
        .query(
            "select attname::text, format_type(atttypid, atttypmod) from pg_attribute
             where attrelid = $1::text::regclass and 0 < attnum and not attisdropped order by attnum",
            &[&table],
        )
        .await?;
    Ok(rows.iter().map(|row| Column { name: row.get(0), kind: row.get(1) }).collect())
}

type Row = Vec<Option<String>>;

/// The rows that a transaction wrote.
async fn written(
    database: &TestDatabase,
    table: &str,
    columns: &[Column],
    written_by: &str,
) -> anyhow::Result<Vec<Row>> {
    let names: Vec<String> =
        columns.iter().map(|column| format!("\"{}\"::text", column.name)).collect();
    let query =
        format!("select {} from {table} where xmin::text = $1 order by ctid", names.join(", "));
    let owner = database.owner().await;
    let rows = owner.query(&query, &[&written_by]).await.context(table.to_owned())?;
    Ok(rows.iter().map(|row| (0..row.len()).map(|place| row.get(place)).collect()).collect())
}

/// What a filing added to the balances: the sums of its postings, in the order of their accounts.
async fn moved(
    database: &TestDatabase,
    filing: Uuid,
    columns: &[Column],
    written_by: &str,
) -> anyhow::Result<Vec<Row>> {
    let masses: Vec<&str> = columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !BALANCE_KEY.contains(name))
        .collect();
    let sums: Vec<String> =
        masses.iter().map(|mass| format!("sum(sign * {mass})::bigint::text")).collect();
    let sides = [("to", 1), ("from", -1)].map(|(side, sign)| {
        format!(
            "select organisation, {side}_kind as kind, {side}_key as key, month, {sign} as sign, {}
             from postings where filing = $1 and {side}_kind <> 'process'",
            masses.join(", ")
        )
    });
    let query = format!(
        "select organisation::text, kind, key::text, month::text, {} from ({}) moved
         group by organisation, kind, key, month order by kind, key",
        sums.join(", "),
        sides.join(" union all ")
    );
    let owner = database.owner().await;
    let rows = owner.query(&query, &[&filing]).await?;
    let touched = written(database, BALANCES, columns, written_by).await?.len();
    ensure!(
        rows.len() == touched,
        "the service touched {touched} balances, but the postings touch {}",
        rows.len()
    );
    Ok(rows.iter().map(|row| (0..row.len()).map(|place| row.get(place)).collect()).collect())
}

/// The baseline must not fall behind when the service begins to write another table.
async fn nothing_else_was_written(database: &TestDatabase, written_by: &str) -> anyhow::Result<()> {
    let owner = database.owner().await;
    let tables = owner
        .query(
            "select relname::text from pg_class where relnamespace = 'lodestone'::regnamespace
             and relkind in ('r', 'p')",
            &[],
        )
        .await?;
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        if TABLES.iter().any(|(known, _)| *known == table) {
            continue;
        }
        let query = format!("select exists (select from {table} where xmin::text = $1)");
        if owner.query_one(&query, &[&written_by]).await?.get(0) {
            bail!("the service writes the table {table}, which the baseline does not know");
        }
    }
    Ok(())
}

fn values(row: &Row, columns: &[Column], substitutes: &Substitutes) -> String {
    let values: Vec<String> = row
        .iter()
        .zip(columns)
        .map(|(value, column)| match value {
            None => "null".to_owned(),
            Some(value) => match substitutes.get(value) {
                Some(substitute) => substitute.clone(),
                None => format!("{}::{}", literal(value), column.kind),
            },
        })
        .collect();
    format!("({})", values.join(", "))
}

/// pgbench takes a colon before a letter for a variable, even in a text.
fn literal(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('\'', "''").replace(':', "\\072");
    if escaped == value { format!("'{value}'") } else { format!("E'{escaped}'") }
}

fn add_to(table: &str, key: &[&str], columns: &[Column]) -> String {
    let sums: Vec<String> = columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !key.contains(name))
        .map(|mass| format!("{mass} = {table}.{mass} + excluded.{mass}"))
        .collect();
    format!("on conflict ({}) do update set {}", key.join(", "), sums.join(", "))
}

/// The database as the role that the service writes as.
fn as_filing_writer(url: &Url) -> anyhow::Result<Url> {
    let mut url = url.clone();
    let name = database::Role::FilingWriter.name();
    ensure!(url.set_username(name).is_ok(), "{url} has no host");
    Ok(url)
}

fn number_after<'a>(said: &'a str, label: &str) -> anyhow::Result<&'a str> {
    let (_, after) = said.split_once(label).with_context(|| format!("no {label:?} in: {said}"))?;
    Ok(after.split([' ', '\n', '/']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_variable_of_pgbench() {
        assert_eq!(literal("plain"), "'plain'");
        assert_eq!(literal(r#"{"nil":null}"#), r#"E'{"nil"\072null}'"#);
        assert_eq!(literal(r"\x00'"), r"E'\\x00'''");
    }

    #[test]
    fn what_pgbench_says_is_read() {
        let said = "number of transactions actually processed: 812\nnumber of failed transactions: 0 (0.000%)\ntps = 812.345 (without initial connection time)\n";
        assert_eq!(number_after(said, "actually processed: ").unwrap(), "812");
        assert_eq!(number_after(said, "failed transactions: ").unwrap(), "0");
        assert_eq!(number_after(said, "tps = ").unwrap(), "812.345");
    }
}
