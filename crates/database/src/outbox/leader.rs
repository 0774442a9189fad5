//! The one relay that gives events their order, and those that wait to take over.

use super::{frontier, index_to_sql};
use crate::{CorruptRow, Error, Role, Target, events::OUTBOX_CHANNEL, listen_client};
use domain::{change::TOLD_EVENTS, log::leaf_hash};
use std::collections::HashMap;
use tokio::sync::mpsc;
use tokio_postgres::Client;
use uuid::Uuid;

/// "lodestone" on a telephone: the lock a leading relay holds.
const LEADER_LOCK: i64 = 563_378_663;

/// A relay's own connection: it hears of new events and may come to lead.
pub struct Candidate {
    client: Client,
    heard: mpsc::Receiver<()>,
}

impl Candidate {
    /// Connects and listens.
    pub async fn connect(target: &Target) -> Result<Self, Error> {
        let (notify, heard) = mpsc::channel(1);
        let client = listen_client(target, Role::Relay, OUTBOX_CHANNEL, notify).await?;
        Ok(Self { client, heard })
    }

    /// Takes the lead if nobody has it; keeps it until the connection ends.
    pub async fn lead(self) -> Result<Result<Leader, Self>, Error> {
        let row = self.client.query_one("select pg_try_advisory_lock($1)", &[&LEADER_LOCK]).await?;
        let Self { client, heard } = self;
        Ok(if row.get(0) { Ok(Leader { client, heard }) } else { Err(Self { client, heard }) })
    }
}

/// The one relay that gives events their order.
pub struct Leader {
    client: Client,
    heard: mpsc::Receiver<()>,
}

impl Leader {
    /// Waits until new events are announced; an error when the connection, and with it the lead,
    /// is lost.
    pub async fn announced(&mut self) -> Result<(), Error> {
        let lost = || Error::Unavailable(anyhow::anyhow!("the leader's connection ended"));
        self.heard.recv().await.ok_or_else(lost)
    }

    /// Moves at most `limit` committed events from the outbox into the log. Answers how many.
    pub async fn sequence(&mut self, limit: u32) -> Result<usize, Error> {
        // Most looks find nothing: they must not cost a transaction with a lock.
        let waiting =
            self.client.query_one("select exists (select from lodestone.outbox)", &[]).await?;
        if !waiting.get::<_, bool>(0) {
            return Ok(0);
        }
        let transaction = self.client.transaction().await?;
        // Locked although we lead: a leader cut off without noticing must not interleave.
        let state = transaction
            .query_one("select sequenced, frontier from lodestone.relay_state for update", &[])
            .await?;
        let mut frontier = frontier(state.get(0), state.get(1))?;
        let taken = transaction
            .query(
                "delete from lodestone.outbox where event in (
                     select event from lodestone.outbox order by event limit $1
                     for update skip locked)
                 returning event",
                &[&i64::from(limit)],
            )
            .await?;
        if taken.is_empty() {
            return Ok(0);
        }
        let mut ids: Vec<Uuid> = taken.iter().map(|row| row.get(0)).collect();
        ids.sort_unstable();
        let bodies = transaction
            .query(
                "select id, body, case when name = any($2) then organisation end
                 from lodestone.events where id = any($1)",
                &[&ids, &TOLD_EVENTS.as_slice()],
            )
            .await?;
        let bodies: HashMap<Uuid, (&[u8], Option<Uuid>)> =
            bodies.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
        let first = index_to_sql(frontier.size());
        let (mut hashes, mut told) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
        for id in &ids {
            let (body, organisation) =
                bodies.get(id).ok_or(CorruptRow { table: "outbox", column: "event", id: *id })?;
            let leaf = leaf_hash(body);
            frontier.push(leaf);
            hashes.push(leaf.as_bytes().to_vec());
            told.push(*organisation);
        }
        transaction
            .execute(
                "insert into lodestone.log_leaves (index, event, leaf_hash, organisation)
                 select $1 + place - 1, event, leaf_hash, organisation
                 from unnest($2::uuid[], $3::bytea[], $4::uuid[]) with ordinality
                     as t (event, leaf_hash, organisation, place)",
                &[&first, &ids, &hashes, &told],
            )
            .await?;
        let subtrees: Vec<&[u8]> =
            frontier.subtrees().iter().map(|hash| &hash.as_bytes()[..]).collect();
        transaction
            .execute(
                "update lodestone.relay_state set sequenced = $1, frontier = $2",
                &[&index_to_sql(frontier.size()), &subtrees],
            )
            .await?;
        transaction.commit().await?;
        Ok(ids.len())
    }
}
