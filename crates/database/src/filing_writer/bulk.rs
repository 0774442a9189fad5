//! The writer of files: thousands of filings in one transaction, through the rows and statements
//! of the one writer of filings.
//!
//! Two lanes let transactions overlap. So that they cannot wait for one another in a circle, the
//! caller lets each claim its references, and take the rows that other filings touch too
//! (parties, holders, balances), only after the lane before it has done so; between the two,
//! lanes write what nobody else touches, which is nearly everything.

use super::{
    Entry, connect_client,
    rows::Rows,
    statements::{Claimed, Statements},
};
use crate::{Error, Target};
use domain::ids::{FilingId, OrganisationId};
use std::collections::HashMap;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

/// One connection on which chunks of files are written.
#[derive(Debug)]
pub struct BulkLane {
    client: Client,
    statements: Statements,
    insert_verdicts: Statement,
}

/// A filing whose reference and version was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which filing has it.
    pub filing: FilingId,
    /// Whether it says exactly the same.
    pub same_content: bool,
}

/// What of a chunk's claims was not free.
#[derive(Debug, Default)]
pub struct Claims {
    /// Filings whose reference was taken before.
    pub taken: HashMap<FilingId, Taken>,
    /// Filings that are no first receipt after all, and the reference of the one that is.
    pub received_before: HashMap<FilingId, String>,
}

/// What a chunk still has to write when its turn comes.
#[derive(Debug)]
pub struct Shared(Rows);

/// What became of the lines of a chunk; stored in the transaction that recorded them.
#[derive(Clone, Debug)]
pub struct BulkVerdicts {
    /// Whose file it is.
    pub organisation: OrganisationId,
    /// The job.
    pub job: Uuid,
    /// Counted from 0.
    pub chunk: i32,
    /// Which lines; of a table the first row of each filing.
    pub lines: Vec<i64>,
    /// How far into the file they reach.
    pub read_bytes: i64,
    /// How many were recorded, or would be.
    pub accepted: i32,
    /// How many had been recorded before, exactly so.
    pub unchanged: i32,
    /// How many had been recorded before, differently.
    pub changed: i32,
    /// How many cannot be recorded.
    pub problems: i32,
    /// How many were recorded but look like a slip.
    pub warnings: i32,
    /// The verdicts, packed.
    pub verdicts: Vec<u8>,
    /// Lines to be corrected and sent again, packed.
    pub rejected: Option<Vec<u8>>,
}

impl BulkLane {
    /// Opens a connection with everything prepared on it.
    pub async fn connect(target: &Target) -> Result<Self, Error> {
        let client = connect_client(target).await?;
        let statements = Statements::prepare(&client).await?;
        let insert_verdicts = client
            .prepare(
                "insert into bulk_verdicts (organisation, job, chunk, lines, read_bytes, accepted,
                     unchanged, changed, problems, warnings, verdicts, rejected)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            )
            .await?;
        Ok(Self { client, statements, insert_verdicts })
    }

    /// Whether the connection is still there.
    pub fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Begins a transaction and claims the references and first receipts of these entries.
    ///
    /// Answers which of them were taken before. One transaction must not hold a reference twice.
    pub async fn claim(
        &self,
        organisation: OrganisationId,
        entries: &[&Entry],
    ) -> Result<Claims, Error> {
        if entries.is_empty() {
            self.statements.begin(&self.client, organisation).await?;
            return Ok(Claims::default());
        }
        let Claimed { free, received_before, .. } =
            self.statements.begin_and_claim(&self.client, entries).await?;
        let taken = entries.iter().filter(|entry| !free.contains(&entry.filing.id.as_uuid()));
        let found = self.statements.find_taken(&self.client, taken.copied()).await?;
        let taken = found
            .into_iter()
            .map(|(entry, filing, same_content)| (entry, Taken { filing, same_content }));
        let mut claims = Claims { taken: taken.collect(), ..Claims::default() };
        for entry in entries {
            if !received_before.contains(&entry.filing.id.as_uuid()) {
                continue;
            }
            if let Some(by) = self.statements.received_before(&self.client, entry).await? {
                claims.received_before.insert(entry.filing.id, by);
            }
        }
        Ok(claims)
    }

    /// Writes what nobody else touches.
    pub async fn fill(&self, entries: &[&Entry]) -> Result<Shared, Error> {
        let rows = Rows::of(entries.iter().copied());
        self.statements.insert_own(&self.client, &rows).await?;
        Ok(Shared(rows))
    }

    /// Writes the rest together with the verdicts, and commits.
    pub async fn commit(&self, shared: &Shared, verdicts: &BulkVerdicts) -> Result<(), Error> {
        let organisation = verdicts.organisation.as_uuid();
        let last = async {
            let parameters: [&(dyn postgres_types::ToSql + Sync); 12] = [
                &organisation,
                &verdicts.job,
                &verdicts.chunk,
                &verdicts.lines,
                &verdicts.read_bytes,
                &verdicts.accepted,
                &verdicts.unchanged,
                &verdicts.changed,
                &verdicts.problems,
                &verdicts.warnings,
                &verdicts.verdicts,
                &verdicts.rejected,
            ];
            self.client.execute(&self.insert_verdicts, &parameters).await
        };
        self.statements.insert_shared_and_commit(&self.client, &shared.0, last).await
    }

    /// Takes back what was begun.
    pub async fn roll_back(&self) -> Result<(), Error> {
        Ok(self.client.batch_execute("rollback").await?)
    }
}
