//! The writer's prepared statements: one per table, each taking its table's share of a batch.

use super::{
    Entry, Idempotency, Verdict,
    rows::{Rows, first_receipt_row, idempotency_row, reference_row},
};
use crate::Error;
use domain::ids::{FilingId, OrganisationId};
use futures_util::{future::try_join_all, try_join};
use postgres_types::ToSql;
use std::collections::HashSet;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

/// A connection of the writer with everything prepared on it.
#[derive(Debug)]
pub(super) struct Statements {
    act_for: Statement,
    claim_references: Statement,
    claim_keys: Statement,
    claim_first_receipts: Statement,
    find_key: Statement,
    find_reference: Statement,
    find_first_receipt: Statement,
    insert: Vec<Statement>,
    notify: Statement,
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// What entries found free, inside the transaction that claims it.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    /// Filings whose reference was free.
    pub(super) free: HashSet<Uuid>,
    /// Those of them whose idempotency key was not.
    pub(super) key_taken: HashSet<Uuid>,
    /// Those of them that are no first receipt after all.
    pub(super) received_before: HashSet<Uuid>,
}

/// Tables in the order they are written in: a filing comes before what refers to it.
const TABLES: [(&str, &str); 14] = [
    ("parties", "on conflict do nothing"),
    ("filings", ""),
    ("filing_lines", ""),
    ("lots", ""),
    ("lot_edges", ""),
    ("lot_holders", "on conflict do nothing"),
    ("movements", ""),
    ("movement_lines", ""),
    ("postings", ""),
    ("account_balances", ADD_TO_BALANCE),
    ("monthly_flows", ADD_TO_FLOW),
    ("site_months", COUNT_ON),
    ("events", ""),
    ("outbox", ""),
];

/// Tables whose rows other filings touch too: a long transaction takes them last.
const SHARED: [&str; 5] =
    ["parties", "lot_holders", "account_balances", "monthly_flows", "site_months"];

const ADD_TO_BALANCE: &str = "on conflict (organisation, kind, key, month) do update set
    gross_grams = account_balances.gross_grams + excluded.gross_grams,
    la_mg = account_balances.la_mg + excluded.la_mg, ce_mg = account_balances.ce_mg + excluded.ce_mg,
    pr_mg = account_balances.pr_mg + excluded.pr_mg, nd_mg = account_balances.nd_mg + excluded.nd_mg,
    pm_mg = account_balances.pm_mg + excluded.pm_mg, sm_mg = account_balances.sm_mg + excluded.sm_mg,
    eu_mg = account_balances.eu_mg + excluded.eu_mg, gd_mg = account_balances.gd_mg + excluded.gd_mg,
    tb_mg = account_balances.tb_mg + excluded.tb_mg, dy_mg = account_balances.dy_mg + excluded.dy_mg,
    ho_mg = account_balances.ho_mg + excluded.ho_mg, er_mg = account_balances.er_mg + excluded.er_mg,
    tm_mg = account_balances.tm_mg + excluded.tm_mg, yb_mg = account_balances.yb_mg + excluded.yb_mg,
    lu_mg = account_balances.lu_mg + excluded.lu_mg, sc_mg = account_balances.sc_mg + excluded.sc_mg,
    y_mg = account_balances.y_mg + excluded.y_mg";

const ADD_TO_FLOW: &str =
    "on conflict (organisation, flow, process, month, category, country, site) do update set
    gross_grams = monthly_flows.gross_grams + excluded.gross_grams,
    la_mg = monthly_flows.la_mg + excluded.la_mg, ce_mg = monthly_flows.ce_mg + excluded.ce_mg,
    pr_mg = monthly_flows.pr_mg + excluded.pr_mg, nd_mg = monthly_flows.nd_mg + excluded.nd_mg,
    pm_mg = monthly_flows.pm_mg + excluded.pm_mg, sm_mg = monthly_flows.sm_mg + excluded.sm_mg,
    eu_mg = monthly_flows.eu_mg + excluded.eu_mg, gd_mg = monthly_flows.gd_mg + excluded.gd_mg,
    tb_mg = monthly_flows.tb_mg + excluded.tb_mg, dy_mg = monthly_flows.dy_mg + excluded.dy_mg,
    ho_mg = monthly_flows.ho_mg + excluded.ho_mg, er_mg = monthly_flows.er_mg + excluded.er_mg,
    tm_mg = monthly_flows.tm_mg + excluded.tm_mg, yb_mg = monthly_flows.yb_mg + excluded.yb_mg,
    lu_mg = monthly_flows.lu_mg + excluded.lu_mg, sc_mg = monthly_flows.sc_mg + excluded.sc_mg,
    y_mg = monthly_flows.y_mg + excluded.y_mg";

const COUNT_ON: &str = "on conflict (organisation, site, month) do update set
    version = site_months.version + excluded.version";

impl Statements {
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        let insert = TABLES.map(|(table, conflict)| {
            format!("insert into {table} select row.* from unnest($1::{table}[]) row {conflict}")
        });
        let mut prepared = Vec::with_capacity(insert.len());
        for statement in &insert {
            prepared.push(client.prepare(statement).await?);
        }
        Ok(Self {
            act_for: client
                .prepare("select set_config('lodestone.organisations', $1, true)")
                .await?,
            claim_references: client
                .prepare(
                    "insert into filing_references (organisation, reference, version, filing, content_hash)
                     select row.organisation, row.reference, row.version, row.filing, row.content_hash
                     from unnest($1::filing_references[]) row on conflict do nothing returning filing",
                )
                .await?,
            claim_keys: client
                .prepare(
                    "insert into idempotency_keys select row.* from unnest($1::idempotency_keys[]) row
                     on conflict do nothing returning subject",
                )
                .await?,
            claim_first_receipts: client
                .prepare(
                    "insert into first_receipts select row.* from unnest($1::first_receipts[]) row
                     on conflict do nothing returning filing",
                )
                .await?,
            find_first_receipt: client
                .prepare(
                    "select reference from first_receipts where organisation = $1 and movement = $2",
                )
                .await?,
            find_key: client
                .prepare(
                    "select request_hash, answer from idempotency_keys where organisation = $1 and key = $2",
                )
                .await?,
            find_reference: client
                .prepare(
                    "select filing, content_hash from filing_references
                     where organisation = $1 and reference = $2 and version = $3",
                )
                .await?,
            insert: prepared,
            notify: client.prepare("select pg_notify($1, '')").await?,
        })
    }

    /// Says for which organisations the transaction acts.
    pub(super) async fn act_for(
        &self,
        client: &Client,
        organisations: &String,
    ) -> Result<u64, tokio_postgres::Error> {
        client.execute(&self.act_for, &[organisations]).await
    }

    /// Begins a transaction that claims nothing.
    pub(super) async fn begin(
        &self,
        client: &Client,
        organisation: OrganisationId,
    ) -> Result<(), Error> {
        let organisations = crate::connect::uuid_list(&[organisation]);
        try_join!(client.batch_execute("begin"), self.act_for(client, &organisations))?;
        Ok(())
    }

    /// Begins a transaction, says for which organisations it acts, and claims references, and
    /// for those that are free their idempotency keys and first receipts.
    pub(super) async fn begin_and_claim(
        &self,
        client: &Client,
        entries: &[&Entry],
    ) -> Result<Claimed, Error> {
        let mut references: Vec<_> = entries.iter().map(|entry| reference_row(entry)).collect();
        references.sort_unstable_by(|a, b| {
            (a.organisation, &a.reference).cmp(&(b.organisation, &b.reference))
        });
        let organisations = organisations_of(entries);
        let acting: Parameters = &[&organisations];
        let claiming: Parameters = &[&references];
        // Sent together, in this order: one round trip.
        let ((), _, free) = try_join!(
            client.batch_execute("begin"),
            client.execute(&self.act_for, acting),
            client.query(&self.claim_references, claiming),
        )?;
        let free: HashSet<Uuid> = free.iter().map(|row| row.get(0)).collect();
        let is_free = |entry: &&&Entry| free.contains(&entry.filing.id.as_uuid());
        let keys: Vec<_> =
            entries.iter().filter(is_free).filter_map(|entry| idempotency_row(entry)).collect();
        let mut receipts: Vec<_> =
            entries.iter().filter(is_free).filter_map(|entry| first_receipt_row(entry)).collect();
        receipts.sort_unstable_by_key(|row| (row.organisation, row.movement));
        let keys_not_claimed = async {
            let asked: HashSet<Uuid> = keys.iter().map(|row| row.subject).collect();
            self.not_claimed(client, &self.claim_keys, &keys, asked).await
        };
        let receipts_not_claimed = async {
            let asked: HashSet<Uuid> = receipts.iter().map(|row| row.filing).collect();
            self.not_claimed(client, &self.claim_first_receipts, &receipts, asked).await
        };
        let (key_taken, received_before) = try_join!(keys_not_claimed, receipts_not_claimed)?;
        Ok(Claimed { free, key_taken, received_before })
    }

    /// Claims rows, and answers which of the filings asked about got none.
    async fn not_claimed<Row: ToSql + Sync>(
        &self,
        client: &Client,
        claim: &Statement,
        rows: &Vec<Row>,
        mut asked: HashSet<Uuid>,
    ) -> Result<HashSet<Uuid>, tokio_postgres::Error> {
        if rows.is_empty() {
            return Ok(asked);
        }
        for row in client.query(claim, &[rows]).await? {
            asked.remove(&row.get(0));
        }
        Ok(asked)
    }

    /// Writes all rows of these entries, one statement per table, and commits: one round trip.
    ///
    /// When a statement fails, Postgres answers the commit with a rollback.
    pub(super) async fn insert_and_commit(
        &self,
        client: &Client,
        entries: &[&Entry],
    ) -> Result<(), Error> {
        let rows = Rows::of(entries.iter().copied());
        self.insert_all_and_commit(client, &rows, async { Ok(()) }).await
    }

    /// Writes all rows, whatever `last` does, and commits: one round trip.
    pub(super) async fn insert_all_and_commit(
        &self,
        client: &Client,
        rows: &Rows,
        last: impl Future<Output = Result<(), tokio_postgres::Error>>,
    ) -> Result<(), Error> {
        let channel: Parameters = &[&crate::events::OUTBOX_CHANNEL];
        try_join!(
            self.insert_all(client, rows),
            last,
            client.execute(&self.notify, channel),
            client.batch_execute("commit"),
        )?;
        Ok(())
    }

    /// Writes all rows, inside the transaction begun before.
    pub(super) async fn insert_all(
        &self,
        client: &Client,
        rows: &Rows,
    ) -> Result<(), tokio_postgres::Error> {
        self.inserts(client, rows, |_| true).await
    }

    /// Writes the rows that no other filing touches, inside the transaction begun before.
    pub(super) async fn insert_own(&self, client: &Client, rows: &Rows) -> Result<(), Error> {
        Ok(self.inserts(client, rows, |table| !SHARED.contains(&table)).await?)
    }

    /// Writes the rows that other filings touch too, whatever `last` does, and commits: one round
    /// trip.
    pub(super) async fn insert_shared_and_commit(
        &self,
        client: &Client,
        rows: &Rows,
        last: impl Future<Output = Result<u64, tokio_postgres::Error>>,
    ) -> Result<(), Error> {
        let channel: Parameters = &[&crate::events::OUTBOX_CHANNEL];
        try_join!(
            self.inserts(client, rows, |table| SHARED.contains(&table)),
            last,
            client.execute(&self.notify, channel),
            client.batch_execute("commit"),
        )?;
        Ok(())
    }

    /// Sends the rows of the chosen tables, one statement per table, and waits for all.
    async fn inserts(
        &self,
        client: &Client,
        rows: &Rows,
        chosen: impl Fn(&str) -> bool,
    ) -> Result<(), tokio_postgres::Error> {
        let parameters: [(&(dyn ToSql + Sync), usize); TABLES.len()] = [
            (&rows.parties, rows.parties.len()),
            (&rows.filings, rows.filings.len()),
            (&rows.lines, rows.lines.len()),
            (&rows.lots, rows.lots.len()),
            (&rows.edges, rows.edges.len()),
            (&rows.holders, rows.holders.len()),
            (&rows.movements, rows.movements.len()),
            (&rows.movement_lines, rows.movement_lines.len()),
            (&rows.postings, rows.postings.len()),
            (&rows.balances, rows.balances.len()),
            (&rows.flows, rows.flows.len()),
            (&rows.site_months, rows.site_months.len()),
            (&rows.events, rows.events.len()),
            (&rows.outbox, rows.outbox.len()),
        ];
        let sent = TABLES
            .iter()
            .zip(&self.insert)
            .zip(&parameters)
            .filter(|(((table, _), _), (_, length))| chosen(table) && 0 < *length)
            .map(async |((_, statement), (rows, _))| client.execute(statement, &[*rows]).await);
        try_join_all(sent).await?;
        Ok(())
    }

    /// Which of these entries have their reference taken by a filing that is there, and by which.
    pub(super) async fn find_taken(
        &self,
        client: &Client,
        entries: impl Iterator<Item = &Entry>,
    ) -> Result<Vec<(FilingId, FilingId, bool)>, Error> {
        let found = entries.map(async |entry| {
            let organisation = entry.filing.organisation.as_uuid();
            let (reference, version) =
                (&entry.filing.reference, entry.filing.version.cast_signed());
            let row = client
                .query_one(&self.find_reference, &[&organisation, reference, &version])
                .await?;
            let same = row.get::<_, &[u8]>(1) == entry.content_hash;
            Ok::<_, tokio_postgres::Error>((entry.filing.id, FilingId::from_uuid(row.get(0)), same))
        });
        Ok(try_join_all(found).await?)
    }

    /// Why an entry's reference or key was not free.
    ///
    /// `None` when it is free after all: whoever held it has rolled back. Begins a transaction
    /// that the caller ends.
    pub(super) async fn explain(
        &self,
        client: &Client,
        entry: &Entry,
    ) -> Result<Option<Verdict>, Error> {
        let organisation = entry.filing.organisation.as_uuid();
        let organisations = organisations_of(&[entry]);
        let acting: Parameters = &[&organisations];
        try_join!(client.batch_execute("begin"), client.execute(&self.act_for, acting))?;
        if let Some(Idempotency { key, request_hash }) = &entry.idempotency
            && let Some(row) = client.query_opt(&self.find_key, &[&organisation, key]).await?
        {
            let same = row.get::<_, Vec<u8>>(0) == request_hash;
            return Ok(Some(if same { Verdict::Repeated(row.get(1)) } else { Verdict::KeyReused }));
        }
        let (reference, version) = (&entry.filing.reference, entry.filing.version.cast_signed());
        let found =
            client.query_opt(&self.find_reference, &[&organisation, reference, &version]).await?;
        if let Some(row) = found {
            return Ok(Some(Verdict::ReferenceTaken {
                filing: FilingId::from_uuid(row.get(0)),
                same_content: row.get::<_, Vec<u8>>(1) == entry.content_hash,
            }));
        }
        Ok(self.received_before(client, entry).await?.map(Verdict::ReceivedBefore))
    }

    /// Which receipt of its organisation's came before this one that was to be the first.
    pub(super) async fn received_before(
        &self,
        client: &Client,
        entry: &Entry,
    ) -> Result<Option<String>, tokio_postgres::Error> {
        let Some(first) = entry.first_receipt else { return Ok(None) };
        let (organisation, movement) =
            (entry.filing.organisation.as_uuid(), first.movement.as_uuid());
        let found = client.query_opt(&self.find_first_receipt, &[&organisation, &movement]).await?;
        Ok(found.map(|row| row.get(0)))
    }
}

/// The organisations that these entries are of, as Postgres reads an array.
fn organisations_of(entries: &[&Entry]) -> String {
    let mut organisations: Vec<_> = entries.iter().map(|entry| entry.filing.organisation).collect();
    organisations.sort_unstable();
    organisations.dedup();
    crate::connect::uuid_list(&organisations)
}
