//! What casework costs with a full docket: `queue_page_cpu_ms`, `queue_page_statements`,
//! `case_page_cpu_ms`, `case_page_statements`, `draft_cpu_ms` and `submit_cpu_ms`.
//!
//! CPU is that of the service and of all of PostgreSQL's processes together, by `/proc`. Statements
//! are those that `pg_stat_statements` counted, which `scripts/bench` has loaded and which is off but
//! for the one look that is counted.

use super::Bench;
use crate::{
    connection::Connection,
    docket::{self, Copied, House, accepted, draft, if_match, key},
    measure::{Figure, parent_of, processor_seconds, real, server_seconds},
};
use anyhow::{Context, ensure};
use database::Role;
use std::time::Duration;
use testkit::{Stack, TestDatabase};

/// What the issue asks for.
const OPEN_CASES: usize = 13_000;
/// Cases that were decided before: precedents, and the exporters' record.
const DECIDED_CASES: usize = 5_000;
const QUEUE_PAGE_LIMIT_MS: f64 = 5.0;
const CASE_PAGE_LIMIT_MS: f64 = 5.0;
const DRAFT_LIMIT_MS: f64 = 1.5;
const SUBMIT_LIMIT_MS: f64 = 5.0;
const QUEUE_PAGE_STATEMENTS: f64 = 4.0;
const CASE_PAGE_STATEMENTS: f64 = 6.0;
/// How an officer looks at the queue, in turns.
const FILTERS: [&str; 10] = [
    "",
    "&state=under_review",
    "&queue=q4",
    "&risk=high",
    "&officer=me",
    "&officer=nobody",
    "&officer=absent",
    "&destination=DE&kind=general",
    "&waits_for=reading",
    "&flag=legal_review",
];
/// Backends and caches of the service are warm after so many requests of a kind.
const WARM_UP: usize = 30;

/// Measures all six against one docket.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (runs, requests) = if bench.quick { (3, 200) } else { (7, 400) };
    let mut stack = bench.stack(vec!["licensing"]).await;
    let house = House::open(&stack).await?;
    let templates = house.templates(stack.database()).await?;
    let cases =
        docket::fill(&house, stack.database(), &templates, OPEN_CASES, DECIDED_CASES).await?;
    suspect(stack.database()).await?;
    print_docket(stack.database()).await?;
    let mut figures = statements(&mut stack, &house, &cases).await?;
    let load = Load { cpu: Cpu::of(&mut stack).await?, house, cases, runs, requests };
    figures.push(load.queue_page().await?);
    figures.push(load.case_page().await?);
    figures.extend(load.applications().await?);
    Ok(figures)
}

/// The worker has found something in some of the cases and of their exporters.
async fn suspect(database: &TestDatabase) -> anyhow::Result<()> {
    let statement = "
        insert into findings (id, detector, subject_key, detector_version, subject_kind, subject, organisation, audience,
            severity, evidence, sentence_zh, sentence_en, state, raised_at, caused_at)
        select gen_random_uuid(), 'application_' || kind, kind || id, 1, kind, id, organisation, 'official', 'warning',
            '{\"sigma\": 4}', '数量与往常不符', 'The quantity differs from what is usual', 'open', now(), now()
        from (select 'application' as kind, id, organisation from cases where hashtext(number) % 5 = 0
            union all select 'organisation', id, id from organisations where kind = 'filer') suspected";
    let client = database.owner().await;
    client.batch_execute(statement).await?;
    client.batch_execute("vacuum analyze findings").await?;
    Ok(client.batch_execute("checkpoint").await?)
}

async fn print_docket(database: &TestDatabase) -> anyhow::Result<()> {
    let row = database
        .owner()
        .await
        .query_one(
            "select count(*), sum(jsonb_array_length(content -> 'lines'))::bigint,
                 sum(jsonb_array_length(content -> 'consignees') + jsonb_array_length(content -> 'end_users'))::bigint,
                 (select count(*) from case_events), (select count(*) from cases)
             from cases where state not in ('approved', 'refused')",
            &[],
        )
        .await?;
    let [open, lines, parties, steps, all] = [0, 1, 2, 3, 4].map(|place| row.get::<_, i64>(place));
    eprintln!(
        "{open} open cases with {lines} lines and {parties} parties; {all} cases and {steps} steps in all"
    );
    Ok(())
}

/// Processor time, of the service and of PostgreSQL.
struct Cpu {
    service: u32,
    postmaster: u32,
}

impl Cpu {
    async fn of(stack: &mut Stack) -> anyhow::Result<Self> {
        let client = stack.database().owner().await;
        let backend: i32 = client.query_one("select pg_backend_pid()", &[]).await?.get(0);
        let postmaster = parent_of(backend.unsigned_abs()).context("PostgreSQL is elsewhere")?;
        let service = stack.service("licensing").pid().context("licensing runs")?;
        Ok(Self { service, postmaster })
    }

    fn seconds(&self) -> anyhow::Result<(f64, f64)> {
        let service = processor_seconds(self.service).context("licensing is gone")?;
        Ok((service, server_seconds(self.postmaster).context("PostgreSQL is gone")?))
    }
}

/// What so many requests of a kind cost each, run by run.
#[derive(Default)]
struct Cost {
    both: Vec<f64>,
    service: Vec<f64>,
    postgres: Vec<f64>,
}

impl Cost {
    fn add(&mut self, before: (f64, f64), after: (f64, f64), requests: usize) {
        let each = |seconds: f64| seconds * 1000.0 / real(requests as u64);
        let (service, postgres) = (each(after.0 - before.0), each(after.1 - before.1));
        self.service.push(service);
        self.postgres.push(postgres);
        self.both.push(service + postgres);
    }

    fn figure(&self, name: &'static str, limit: f64) -> Figure {
        let part = |runs: &[f64]| (crate::measure::median(runs) * 1000.0).round() / 1000.0;
        Figure::of_runs(name, "ms", Some(limit), &self.both)
            .with("service_ms", part(&self.service))
            .with("postgres_ms", part(&self.postgres))
    }
}

struct Load {
    house: House,
    cases: Vec<Copied>,
    cpu: Cpu,
    runs: usize,
    requests: usize,
}

impl Load {
    /// Pages of 25 with counts, through every filter, and on to the next page by its cursor.
    async fn queue_page(&self) -> anyhow::Result<Figure> {
        let officer = &self.house.officers[0].token;
        let mut connection = self.house.connect().await?;
        let mut pages = Vec::new();
        for filter in FILTERS {
            let path = format!("/v1/cases?limit=25{filter}");
            let first = accepted(connection.get(&path, officer).await?)?;
            ensure!(!first["counts"].as_array().context("no counts")?.is_empty(), "no counts");
            if let Some(cursor) = first["next"].as_str() {
                pages.push(format!("{path}&cursor={cursor}"));
            }
            pages.push(path);
        }
        self.each_page(&mut connection, officer, &pages).await?;
        let cost = self.cost(&mut connection, officer, &pages).await?;
        Ok(cost.figure("queue_page_cpu_ms", QUEUE_PAGE_LIMIT_MS).with("pages", pages.len()))
    }

    /// What each page costs by itself, for whoever looks for the dear one.
    async fn each_page(
        &self,
        connection: &mut Connection,
        token: &str,
        pages: &[String],
    ) -> anyhow::Result<()> {
        for page in pages {
            let mut cost = Cost::default();
            for _ in 0..WARM_UP {
                accepted(connection.get(page, token).await?)?;
            }
            let before = self.cpu.seconds()?;
            for _ in 0..self.requests / 4 {
                accepted(connection.get(page, token).await?)?;
            }
            cost.add(before, self.cpu.seconds()?, self.requests / 4);
            let shown: String = page.chars().take(70).collect();
            eprintln!(
                "{:6.2} ms  ({:.2} of it the service)  {shown}",
                cost.both[0], cost.service[0]
            );
        }
        Ok(())
    }

    /// Pages of cases all over the docket.
    async fn case_page(&self) -> anyhow::Result<Figure> {
        let officer = &self.house.officers[0].token;
        let mut connection = self.house.connect().await?;
        let step = (self.cases.len() / 200).max(1);
        let pages: Vec<String> = self.cases.iter().step_by(step).map(case_page).collect();
        for page in pages.iter().take(WARM_UP) {
            accepted(connection.get(page, officer).await?)?;
        }
        let cost = self.cost(&mut connection, officer, &pages).await?;
        Ok(cost.figure("case_page_cpu_ms", CASE_PAGE_LIMIT_MS).with("cases", pages.len()))
    }

    async fn cost(
        &self,
        connection: &mut Connection,
        token: &str,
        pages: &[String],
    ) -> anyhow::Result<Cost> {
        let mut cost = Cost::default();
        for _ in 0..self.runs {
            settle().await;
            let before = self.cpu.seconds()?;
            for place in 0..self.requests {
                accepted(connection.get(&pages[place % pages.len()], token).await?)?;
            }
            cost.add(before, self.cpu.seconds()?, self.requests);
        }
        Ok(cost)
    }

    /// Begins applications, then hands them in: a complete one each, with two lines and three
    /// parties.
    async fn applications(&self) -> anyhow::Result<[Figure; 2]> {
        let exporter = &self.house.exporter.token;
        let mut connection = self.house.connect().await?;
        let (mut drafts, mut submissions) = (Cost::default(), Cost::default());
        for run in 0..=self.runs {
            let requests = if run == 0 { WARM_UP } else { self.requests };
            let mut begun = Vec::with_capacity(requests);
            settle().await;
            let before = self.cpu.seconds()?;
            for place in 0..requests {
                let body = draft("general", &format!("{run}-{place}")).to_string();
                let answer = connection.post("/v1/applications", exporter, &key(), &body).await?;
                begun.push(accepted(answer)?["id"].as_str().context("no id")?.to_owned());
            }
            let between = self.cpu.seconds()?;
            for id in &begun {
                let path = format!("/v1/applications/{id}/submit");
                let submitted =
                    connection.send(("POST", &path), exporter, &if_match(1), "{}").await?;
                ensure!(accepted(submitted)?["state"] == "submitted", "it was not submitted");
            }
            // The first only warms up.
            if 0 < run {
                drafts.add(before, between, requests);
                submissions.add(between, self.cpu.seconds()?, requests);
            }
        }
        Ok([
            drafts.figure("draft_cpu_ms", DRAFT_LIMIT_MS),
            submissions.figure("submit_cpu_ms", SUBMIT_LIMIT_MS),
        ])
    }
}

fn case_page(copied: &Copied) -> String {
    format!("/v1/cases/{}", copied.case)
}

/// What the last run left to be written is written before the next is measured.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// Counts the statements of one queue page and one case page.
async fn statements(
    stack: &mut Stack,
    house: &House,
    cases: &[Copied],
) -> anyhow::Result<Vec<Figure>> {
    let counter = Counter::open(stack.database()).await?;
    restart(stack).await;
    let queue = counter.of_page(house, "/v1/cases?limit=25").await?;
    let case = counter.of_page(house, &case_page(&cases[cases.len() / 3])).await?;
    counter.close().await?;
    // Backends that began to count go away with the service.
    restart(stack).await;
    Ok(vec![
        queue.figure("queue_page_statements", QUEUE_PAGE_STATEMENTS),
        case.figure("case_page_statements", CASE_PAGE_STATEMENTS),
    ])
}

async fn restart(stack: &mut Stack) {
    stack.service("licensing").stop();
    stack.service("licensing").start_again();
    stack.service("licensing").becomes_ready().await;
}

/// Roles that ask for a page.
const ASKING: [Role; 3] = [Role::Licensing, Role::Applicant, Role::Identity];

/// Lets PostgreSQL count what the service asks.
struct Counter {
    client: tokio_postgres::Client,
    database: String,
}

/// How many statements were asked, and for what.
#[derive(Debug, Default)]
struct Asked {
    page: i64,
    authentication: i64,
    organisation: i64,
    access_log: i64,
}

impl Counter {
    async fn open(database: &TestDatabase) -> anyhow::Result<Self> {
        let client = database.owner().await;
        client
            .batch_execute("create extension if not exists pg_stat_statements with schema public")
            .await
            .context("pg_stat_statements is missing: run scripts/bench")?;
        let name = client.query_one("select current_database()", &[]).await?.get(0);
        let counter = Self { client, database: name };
        counter.set("set pg_stat_statements.track = 'top'").await?;
        Ok(counter)
    }

    async fn close(&self) -> anyhow::Result<()> {
        self.set("reset pg_stat_statements.track").await
    }

    async fn set(&self, what: &str) -> anyhow::Result<()> {
        for role in ASKING {
            let (role, database) = (role.name(), &self.database);
            let statement = format!("alter role {role} in database {database} {what}");
            self.client.batch_execute(&statement).await?;
        }
        Ok(())
    }

    /// What one look at a page asks, once the service knows the law and who decided what.
    async fn of_page(&self, house: &House, path: &str) -> anyhow::Result<Asked> {
        let mut connection = house.connect().await?;
        let officer = &house.officers[0].token;
        accepted(connection.get(path, officer).await?)?;
        // Whoever asks is remembered for a moment; here it shall be counted.
        tokio::time::sleep(service::identity::REMEMBERED + Duration::from_millis(500)).await;
        self.client.batch_execute("select public.pg_stat_statements_reset()").await?;
        accepted(connection.get(path, officer).await?)?;
        let rows = self
            .client
            .query(
                "select pg_get_userbyid(userid)::text, query, calls from public.pg_stat_statements
                 where dbid = (select oid from pg_database where datname = current_database()) order by 1, 2",
                &[],
            )
            .await?;
        let mut asked = Asked::default();
        eprintln!("{path} asks:");
        for row in rows {
            let (role, query, calls): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
            let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
            let (kind, count) = asked.kind(&role, &query);
            *count += calls;
            eprintln!("  {calls} {kind:<14} {}", query.chars().take(110).collect::<String>());
        }
        ensure!(0 < asked.page, "nothing was counted");
        Ok(asked)
    }
}

impl Asked {
    fn kind(&mut self, role: &str, query: &str) -> (&'static str, &mut i64) {
        let query = query.to_lowercase();
        let begins = |words: &[&str]| words.iter().any(|word| query.starts_with(word));
        if role == Role::Identity.name() {
            ("authentication", &mut self.authentication)
        } else if query.contains("\"events\"")
            || query.contains("\"outbox\"")
            || query.contains("pg_notify")
            || begins(&["begin", "commit"])
        {
            ("access log", &mut self.access_log)
        } else if begins(&["set local"]) || query.contains("set_config") {
            ("organisation", &mut self.organisation)
        } else {
            ("page", &mut self.page)
        }
    }

    fn figure(&self, name: &'static str, limit: f64) -> Figure {
        let page = real(self.page.unsigned_abs());
        Figure::of_runs(name, "statements", Some(limit), &[page])
            .with("authentication", self.authentication)
            .with("organisation_setting", self.organisation)
            .with("access_log", self.access_log)
    }
}
